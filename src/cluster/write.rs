//! The few writes: make, apply, fill a Secret, delete. None of them forces but
//! [`Writer::apply_taking`], and that only what was asked for by name.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::{Error, Writer, path, request::Content, secret};
use crate::{
    desired::{FIELD_MANAGER, MANAGED_BY, STACK_LABEL},
    object::{Kind, Object, ObjectKey},
    observed::{Conflict, Lookup},
    quantity::Quantity,
};

/// A Secret that is there, and that values may be written into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    uid: String,
    resource_version: String,
    /// Whether it has a certificate already.
    pub holds_a_certificate: bool,
}

/// What an object must be when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Not there.
    Absent,
    /// The one that was read.
    Present {
        /// Its uid: keeps an apply from making anew what somebody deleted. A
        /// resource version does not.
        uid: String,
        /// Its version, where nobody may have changed it in between.
        resource_version: Option<String>,
    },
}

impl Writer {
    /// Makes an object.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`], and what every request can meet.
    pub async fn create(&self, object: &Object) -> Result<Object, Error> {
        let key = &object.key;
        let path = format!(
            "{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict",
            path::collection(key.kind, key.namespace.as_deref())
        );
        let answer = self.http.send(Method::POST, &path, Content::Json(&object.body)).await?;
        Ok(secret::object(key, answer.body, &object.body))
    }

    /// Applies our fields of an object, without force. A Secret keeps its
    /// values.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] when others own a field with another value,
    /// [`Error::Stale`] when the object is not as expected.
    pub async fn apply(&self, object: &Object, expect: &Expect) -> Result<Object, Error> {
        let mut body = object.body.clone();
        let mut expect = expect.clone();
        if let (Kind::Secret, Expect::Present { resource_version, .. }) = (object.key.kind, &mut expect) {
            let path = path::object(&object.key);
            let live = self.http.get(&path).await.map_err(Error::or_gone)?.body;
            secret::put_back(&mut body, &live);
            // The values are of this version, whichever the caller has seen.
            if resource_version.is_none() {
                *resource_version = live["metadata"]["resourceVersion"].as_str().map(str::to_owned);
            }
        }
        self.send_apply(&object.key, body, &expect).await
    }

    /// Applies our fields of an object that is there, and takes the fields in
    /// `take` from the managers named there: as a person writes both,
    /// `spec.replicas` and `kubectl`.
    ///
    /// Force takes every conflicting field of the apply. So it is sent only
    /// after a dry-run that conflicts in nothing else, of the same body at the
    /// same version of the object.
    ///
    /// # Errors
    ///
    /// As [`Writer::apply`].
    pub async fn apply_taking(
        &self,
        object: &Object,
        expect: &Expect,
        take: &[Conflict],
    ) -> Result<Object, Error> {
        let Expect::Present { uid, resource_version } = expect else {
            return self.apply(object, expect).await;
        };
        let live = self.http.get(&path::object(&object.key)).await.map_err(Error::or_gone)?.body;
        let version = &live["metadata"]["resourceVersion"];
        if live["metadata"]["uid"] != *uid {
            return Err(Error::Stale(format!("`{}` was made anew", object.key)));
        }
        if resource_version.as_ref().is_some_and(|expected| version != expected.as_str()) {
            return Err(Error::Stale(format!("`{}` is another version", object.key)));
        }
        let mut body = object.body.clone();
        if object.key.kind == Kind::Secret {
            secret::put_back(&mut body, &live);
        }
        body["metadata"]["uid"] = json!(uid);
        body["metadata"]["resourceVersion"] = version.clone();
        let path = apply_path(&object.key);
        let dry_run = format!("{path}&dryRun=All");
        let force = match self.http.ask(Method::PATCH, &dry_run, Content::Apply(&body)).await {
            Ok(_) => "",
            Err(Error::Conflict(conflicts)) if conflicts.iter().all(|one| take.contains(one)) => {
                "&force=true"
            }
            Err(error) => return Err(error),
        };
        let answer = self.http.send(Method::PATCH, &format!("{path}{force}"), Content::Apply(&body)).await?;
        Ok(secret::object(&object.key, answer.body, &object.body))
    }

    /// Deletes the object with this uid, with the grace that it asks for. What
    /// is gone already, or was made anew, is left alone; what is being deleted
    /// stays so.
    ///
    /// # Errors
    ///
    /// What every request can meet.
    pub async fn delete(&self, key: &ObjectKey, uid: &str) -> Result<(), Error> {
        let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "uid": uid } });
        match self.http.send(Method::DELETE, &path::object(key), Content::Json(&options)).await {
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error @ Error::Stale(_)) => match self.http.get(&path::object(key)).await {
                Ok(live) if live.body["metadata"]["uid"] == uid => Err(error),
                Ok(_) | Err(Error::NotFound(_)) => Ok(()),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Deletes the object as it was read: with this uid and in this version,
    /// so that nothing goes that somebody has changed since. What is gone
    /// already is left alone; what it owns goes after it.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`] when it is another, or another version, by now.
    pub async fn delete_as_read(&self, object: &Object) -> Result<(), Error> {
        let preconditions = json!({ "uid": object.uid(), "resourceVersion": object.resource_version() });
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": preconditions,
            "propagationPolicy": "Background",
        });
        match self.http.send(Method::DELETE, &path::object(&object.key), Content::Json(&options)).await {
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes the object with this uid and version and leaves what belongs to
    /// it: a StatefulSet without its pods. What is gone already is left alone.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`] when it is another one by now, or another version.
    pub async fn orphan(&self, key: &ObjectKey, uid: &str, version: &str) -> Result<(), Error> {
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Orphan",
            "preconditions": { "uid": uid, "resourceVersion": version },
        });
        match self.http.send(Method::DELETE, &path::object(key), Content::Json(&options)).await {
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Asks for a larger volume for the claim with this uid and version. Not
    /// by an apply: the next one of the claim's annotation would give the size
    /// back.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`] when it is another one by now, or another version.
    pub async fn grow(&self, key: &ObjectKey, uid: &str, version: &str, size: Quantity) -> Result<(), Error> {
        let body = json!({
            "metadata": { "uid": uid, "resourceVersion": version },
            "spec": { "resources": { "requests": { "storage": size } } },
        });
        let path = format!("{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict", path::object(key));
        self.http.send(Method::PATCH, &path, Content::Merge(&body)).await.map(drop).map_err(Error::or_gone)
    }

    /// Makes sure that a Secret is there and says which: the one with this
    /// uid, or without a uid a new one, which has its labels and no values.
    ///
    /// An apply makes what is not there and changes what is, and no
    /// precondition asks for absence. So nothing with values is applied to a
    /// Secret that was not seen before.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`] or [`Error::Stale`] when it is not as expected.
    pub async fn claim_secret(&self, object: &Object, uid: Option<&str>) -> Result<Claimed, Error> {
        let key = &object.key;
        let body = match uid {
            Some(_) => self.http.get(&path::object(key)).await.map_err(Error::or_gone)?.body,
            None => {
                let path = path::collection(key.kind, key.namespace.as_deref());
                let path = format!("{path}?fieldManager={FIELD_MANAGER}");
                self.http.send(Method::POST, &path, Content::Json(&bare(object))).await?.body
            }
        };
        let text = |field: &str| body["metadata"][field].as_str().unwrap_or_default().to_owned();
        if uid.is_some_and(|uid| uid != text("uid")) {
            return Err(Error::Stale(format!("`{key}` was made anew")));
        }
        let holds_a_certificate = secret::values(&body).contains_key("tls.crt");
        Ok(Claimed { uid: text("uid"), resource_version: text("resourceVersion"), holds_a_certificate })
    }

    /// Applies a Secret with these values, as it was claimed.
    ///
    /// # Errors
    ///
    /// As [`Writer::apply`].
    pub async fn put_secret(
        &self,
        object: &Object,
        values: BTreeMap<String, Vec<u8>>,
        claimed: &Claimed,
    ) -> Result<Object, Error> {
        let mut body = object.body.clone();
        body["data"] = secret::encoded(values);
        let expect = Expect::Present {
            uid: claimed.uid.clone(),
            resource_version: Some(claimed.resource_version.clone()),
        };
        self.send_apply(&object.key, body, &expect).await
    }

    /// The certificate and key of an authority's Secret, to sign with.
    pub async fn pair(&self, key: &ObjectKey) -> Lookup<(String, String)> {
        match self.http.get(&path::object(key)).await {
            Ok(answer) => match secret::credentials(&answer.body) {
                Some(found) => Lookup::Found((found.certificate_pem, found.key_pem)),
                None => Lookup::Failed(format!("`{key}` does not hold a certificate and its key")),
            },
            Err(Error::NotFound(_)) => Lookup::Absent,
            Err(error) => Lookup::Failed(error.to_string()),
        }
    }

    async fn send_apply(&self, key: &ObjectKey, mut body: Value, expect: &Expect) -> Result<Object, Error> {
        match expect {
            // No precondition asks for absence: look first, and see afterwards
            // whether somebody made it in between. Nothing of theirs is lost
            // then: without force, fields of others are a conflict.
            Expect::Absent => {
                if self.exists(key).await? {
                    return Err(Error::AlreadyExists(format!("`{key}` exists already")));
                }
            }
            Expect::Present { uid, resource_version } => {
                body["metadata"]["uid"] = json!(uid);
                if let Some(version) = resource_version {
                    body["metadata"]["resourceVersion"] = json!(version);
                }
            }
        }
        let answer = self.http.send(Method::PATCH, &apply_path(key), Content::Apply(&body)).await?;
        if *expect == Expect::Absent && answer.code != 201 {
            return Err(Error::Stale(format!("`{key}` was made by somebody else in the same moment")));
        }
        Ok(secret::object(key, answer.body, &body))
    }

    async fn exists(&self, key: &ObjectKey) -> Result<bool, Error> {
        match self.http.get(&path::object(key)).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Where an apply without force is sent.
fn apply_path(key: &ObjectKey) -> String {
    format!("{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict", path::object(key))
}

/// A Secret that says whose it is and nothing else: what a creation sets, no
/// later apply takes away.
fn bare(object: &Object) -> Value {
    let labels = [STACK_LABEL, MANAGED_BY].map(|label| (label, object.label(label)));
    json!({
        "apiVersion": object.key.kind.api_version(),
        "kind": object.key.kind.to_string(),
        "metadata": {
            "name": object.key.name,
            "namespace": object.key.namespace,
            "labels": labels.into_iter().collect::<BTreeMap<_, _>>(),
        },
        "type": object.body["type"],
    })
}
