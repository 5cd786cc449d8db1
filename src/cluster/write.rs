//! The few writes: make, apply, fill a Secret. None of them forces.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::{
    Error, Writer, path,
    request::{Answer, Content},
    secret,
};
use crate::{
    desired::FIELD_MANAGER,
    object::{Kind, Object, ObjectKey},
    observed::Lookup,
};

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
        Ok(without_values(key, answer))
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

    /// Applies a Secret with these values.
    ///
    /// # Errors
    ///
    /// As [`Writer::apply`].
    pub async fn put_secret(
        &self,
        object: &Object,
        values: BTreeMap<String, Vec<u8>>,
        expect: &Expect,
    ) -> Result<Object, Error> {
        let mut body = object.body.clone();
        body["data"] = secret::encoded(values);
        self.send_apply(&object.key, body, expect).await
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
            // An apply makes what is not there and changes what is: no
            // precondition asks for absence. So look first, and use the uid
            // that a new object cannot have had.
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
        let path = format!("{}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict", path::object(key));
        let answer = self.http.send(Method::PATCH, &path, Content::Apply(&body)).await?;
        if *expect == Expect::Absent && answer.code != 201 {
            return Err(Error::Stale(format!("`{key}` was made by somebody else in the same moment")));
        }
        Ok(without_values(key, answer))
    }

    async fn exists(&self, key: &ObjectKey) -> Result<bool, Error> {
        match self.http.get(&path::object(key)).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn without_values(key: &ObjectKey, answer: Answer) -> Object {
    let mut body = answer.body;
    secret::strip(&mut body);
    Object { key: key.clone(), body }
}
