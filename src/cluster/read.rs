//! Everything that is there, side by side: one round trip for all of it.

use std::collections::BTreeMap;

use futures::future::{join, join_all};
use serde_json::Value;

use super::{Error, Reader, parse, path, rights, secret};
use crate::{
    desired::{Desired, Names, STACK_LABEL},
    object::{Kind, Object, ObjectKey},
    observed::{Claim, Journal, Live, Lookup, Neighbours, Node, Pod, Revision, SecretFacts, Target},
};

impl Reader {
    /// Which cluster this is.
    ///
    /// # Errors
    ///
    /// As [`Reader::live`].
    pub async fn target(&self) -> Result<Target, Error> {
        let cluster_uid = match self.get(&ObjectKey::cluster_wide(Kind::Namespace, "kube-system")).await {
            Err(error) if error.is_fatal() => return Err(error),
            found => one(found, |body| body["metadata"]["uid"].as_str().unwrap_or_default().to_owned()),
        };
        Ok(Target { context: self.context.clone(), cluster_uid })
    }

    /// The pods of a stack, by its label, sorted by name.
    ///
    /// # Errors
    ///
    /// As [`Reader::live`].
    pub async fn pods(&self, names: &Names) -> Result<Lookup<Vec<Pod>>, Error> {
        self.list(Kind::Pod, Some(names), parse::pod).await
    }

    /// Reads every object, claim, right and record of a stack. `pods` comes
    /// from [`Reader::pods`], for who asks the members needs it as well.
    ///
    /// What fails for one object is a [`Lookup::Failed`] there.
    ///
    /// # Errors
    ///
    /// Only when nothing can be asked at all, so that one error says it: the
    /// server is unreachable, or does not accept the credentials.
    pub async fn live(
        &self,
        desired: &Desired,
        target: Target,
        pods: impl Future<Output = Result<Lookup<Vec<Pod>>, Error>>,
    ) -> Result<Live, Error> {
        let names = &desired.names;
        let keys: Vec<ObjectKey> = desired.objects().into_iter().map(|object| object.key.clone()).collect();
        let objects = self.all(keys.clone());
        let lists = async {
            tokio::join!(
                pods,
                self.revisions(desired),
                self.claims(names),
                self.list(Kind::StorageClass, None, parse::storage_class),
                self.list(Kind::Node, None, parse::node),
                self.quotas(&names.namespace),
            )
        };
        let records = async { tokio::join!(self.journal(names), self.lease(names), self.minor_version()) };
        let reads = async { tokio::join!(objects, lists, records) };
        let (reads, rights) = join(reads, rights::rights(&self.http, desired)).await;
        let (
            objects,
            (pods, revisions, claims, storage_classes, nodes, quotas),
            (journal, lease, kubernetes),
        ) = reads;
        let journal = match journal? {
            Lookup::Found((journal, _)) => Lookup::Found(journal),
            Lookup::Absent => Lookup::Absent,
            Lookup::Failed(reason) => Lookup::Failed(reason),
        };
        let left = self.all(left_over(names, &journal, &keys)).await;
        let objects: Vec<_> = objects.into_iter().chain(left).collect();
        let secrets = objects.iter().filter_map(|(key, found)| facts(key, found)).collect();
        let wanted = desired.objects();
        let sent = |key: &ObjectKey| wanted.iter().find(|one| one.key == *key).map(|one| &one.body);
        let objects = objects.into_iter().map(|(key, found)| {
            let found = lookup(&key, found, sent(&key).unwrap_or(&Value::Null))?;
            Ok((key, found))
        });
        let objects = objects.collect::<Result<BTreeMap<_, _>, Error>>()?;
        let namespace_exists =
            objects.get(&desired.namespace.key).is_some_and(|found| found.found().is_some());
        // The right to make a namespace is needed while there is one to make.
        let mut rights = rights?;
        rights
            .retain(|right| !(namespace_exists && right.verb == "create" && right.resource == "namespaces"));
        Ok(Live {
            target,
            kubernetes,
            objects,
            secrets,
            pods: pods?,
            revisions: revisions?,
            claims: claims?,
            storage_classes: storage_classes?,
            nodes: nodes?,
            quotas: quotas?,
            rights,
            journal,
            lease,
            neighbours: Neighbours::default(),
        })
    }

    /// Everybody may ask for it, and little depends on it.
    async fn minor_version(&self) -> Option<String> {
        let version = self.http.get("/version").await.ok()?.body;
        let number = |field: &str| version[field].as_str().map(|text| text.trim_end_matches('+').to_owned());
        Some(format!("{}.{}", number("major")?, number("minor")?))
    }

    /// Reads objects, side by side.
    async fn all(&self, keys: Vec<ObjectKey>) -> Vec<(ObjectKey, Result<Option<Value>, Error>)> {
        join_all(keys.into_iter().map(|key| async {
            let found = self.get(&key).await;
            (key, found)
        }))
        .await
    }

    /// Reads one object, without Secret values.
    pub async fn object(&self, key: &ObjectKey) -> Lookup<Object> {
        one(self.get(key).await, |body| secret::object(key, body.clone(), &Value::Null))
    }

    /// Reads the pod of an ordinal.
    pub async fn pod(&self, names: &Names, ordinal: usize) -> Lookup<Pod> {
        one(self.get(&names.pod(ordinal)).await, parse::pod)
    }

    /// Reads the claim of an ordinal.
    pub async fn claim(&self, names: &Names, ordinal: usize) -> Lookup<Claim> {
        one(self.get(&names.claim(ordinal)).await, parse::claim)
    }

    /// Reads a node. Asked for as a list, which needs no right of its own.
    pub async fn node(&self, name: &str) -> Lookup<Node> {
        let path = format!("{}?fieldSelector=metadata.name%3D{name}", path::collection(Kind::Node, None));
        match self.http.get(&path).await {
            Ok(answer) => match answer.body.pointer("/items/0") {
                Some(body) => Lookup::Found(parse::node(body)),
                None => Lookup::Absent,
            },
            Err(error) => Lookup::Failed(error.to_string()),
        }
    }

    /// The newest troubles that an object had since it was made, in words,
    /// newest first and each once.
    pub async fn events(&self, key: &ObjectKey, uid: &str) -> Vec<String> {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.uid%3D{uid}");
        let Ok(answer) = self.http.get(&path).await else { return Vec::new() };
        let mut events = answer.body["items"].as_array().cloned().unwrap_or_default();
        events.retain(tells_trouble);
        // The list is sorted by name, and a name tells the first time only.
        events.sort_by(|one, other| last_seen(other).cmp(last_seen(one)));
        let text =
            |event: &Value| Some(format!("{}: {}", event["reason"].as_str()?, event["message"].as_str()?));
        let mut told: Vec<String> = Vec::new();
        for text in events.iter().filter_map(text) {
            if !told.contains(&text) {
                told.push(text);
            }
        }
        told.truncate(3);
        told
    }

    /// The body of an object; `None` when the server says that it is not there.
    pub(super) async fn get(&self, key: &ObjectKey) -> Result<Option<Value>, Error> {
        match self.http.get(&path::object(key)).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists a kind: of a stack's namespace by its label, or of the cluster.
    async fn list<T>(
        &self,
        kind: Kind,
        names: Option<&Names>,
        parse: fn(&Value) -> T,
    ) -> Result<Lookup<Vec<T>>, Error> {
        let namespace = names.map(|names| names.namespace.as_str());
        let selector =
            names.map(|names| format!("?labelSelector={STACK_LABEL}%3D{}", names.stack)).unwrap_or_default();
        let path = format!("{}{selector}", path::collection(kind, namespace));
        match self.http.get(&path).await {
            Ok(answer) => {
                let items = answer.body["items"].as_array().map_or(&[][..], Vec::as_slice);
                Ok(Lookup::Found(items.iter().map(parse).collect()))
            }
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => Ok(Lookup::Failed(error.to_string())),
        }
    }

    /// Lists what the StatefulSet's controller keeps of a stack, where that is
    /// allowed.
    async fn revisions(&self, desired: &Desired) -> Result<Lookup<Vec<Revision>>, Error> {
        let names = &desired.names;
        let path = format!(
            "/apis/apps/v1/namespaces/{}/controllerrevisions?labelSelector={STACK_LABEL}%3D{}",
            names.namespace, names.stack
        );
        match self.http.get(&path).await {
            Ok(mut answer) => {
                let items = answer.body["items"].as_array_mut().map_or(&mut [][..], Vec::as_mut_slice);
                let sent = &desired.stateful_set.body;
                items.iter_mut().for_each(|item| secret::hide_environment(&mut item["data"], sent));
                Ok(Lookup::Found(items.iter().filter_map(parse::revision).collect()))
            }
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => Ok(Lookup::Failed(error.to_string())),
        }
    }

    /// Claims by their names, not by label: one that another tool left under
    /// such a name would be mounted just the same.
    async fn claims(&self, names: &Names) -> Result<Lookup<Vec<Claim>>, Error> {
        let path = path::collection(Kind::PersistentVolumeClaim, Some(&names.namespace));
        let wanted: Vec<String> =
            (0..crate::desired::ORDINALS).map(|ordinal| names.claim(ordinal).name).collect();
        match self.http.get(&path).await {
            Ok(answer) => {
                let items = answer.body["items"].as_array().map_or(&[][..], Vec::as_slice);
                let claims = items.iter().map(parse::claim).filter(|claim| wanted.contains(&claim.name));
                Ok(Lookup::Found(claims.collect()))
            }
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => Ok(Lookup::Failed(error.to_string())),
        }
    }
}

/// What earlier runs applied and nobody asked about yet. What a run cannot have
/// made is none of this stack's, whoever wrote it down.
fn left_over(names: &Names, journal: &Lookup<Journal>, asked: &[ObjectKey]) -> Vec<ObjectKey> {
    let known = journal.found().into_iter().flat_map(|journal| journal.inventory.keys());
    known.filter(|key| names.may_make(key) && !asked.contains(key)).cloned().collect()
}

/// What was found, without values that may be secret.
fn lookup(
    key: &ObjectKey,
    found: Result<Option<Value>, Error>,
    sent: &Value,
) -> Result<Lookup<Object>, Error> {
    match found {
        Err(error) if error.is_fatal() => Err(error),
        found => Ok(one(found, |body| secret::object(key, body.clone(), sent))),
    }
}

fn facts(key: &ObjectKey, found: &Result<Option<Value>, Error>) -> Option<(ObjectKey, SecretFacts)> {
    let body = found.as_ref().ok()?.as_ref().filter(|_| key.kind == Kind::Secret)?;
    Some((key.clone(), secret::facts(body)))
}

/// Warnings, and why a claim has no volume, which Kubernetes calls normal.
fn tells_trouble(event: &Value) -> bool {
    event["type"] == "Warning"
        || event["reason"] == "FailedBinding"
        || event["reason"] == "ExternalProvisioning"
}

/// When an event was last seen: RFC 3339 in UTC, which sorts as text.
fn last_seen(event: &Value) -> &str {
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    times.iter().find_map(|pointer| event.pointer(pointer)?.as_str()).unwrap_or_default()
}

fn one<T>(found: Result<Option<Value>, Error>, parse: impl Fn(&Value) -> T) -> Lookup<T> {
    match found {
        Ok(Some(body)) => Lookup::Found(parse(&body)),
        Ok(None) => Lookup::Absent,
        Err(error) => Lookup::Failed(error.to_string()),
    }
}
