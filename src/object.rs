//! Kubernetes objects as values: which one, and what it holds.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A kind of object that the tool reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// `v1` Namespace.
    Namespace,
    /// `v1` Secret.
    Secret,
    /// `v1` ConfigMap.
    ConfigMap,
    /// `v1` Service.
    Service,
    /// `policy/v1` PodDisruptionBudget.
    PodDisruptionBudget,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `v1` PersistentVolumeClaim.
    PersistentVolumeClaim,
    /// `v1` Pod.
    Pod,
    /// `v1` Node.
    Node,
    /// `storage.k8s.io/v1` StorageClass.
    StorageClass,
    /// `coordination.k8s.io/v1` Lease.
    Lease,
}

impl Kind {
    /// API group ("" for the core group) and version.
    pub fn group_version(self) -> (&'static str, &'static str) {
        match self {
            Kind::PodDisruptionBudget => ("policy", "v1"),
            Kind::StatefulSet => ("apps", "v1"),
            Kind::StorageClass => ("storage.k8s.io", "v1"),
            Kind::Lease => ("coordination.k8s.io", "v1"),
            _ => ("", "v1"),
        }
    }

    /// `apiVersion` as it stands in an object.
    pub fn api_version(self) -> String {
        match self.group_version() {
            ("", version) => version.to_owned(),
            (group, version) => format!("{group}/{version}"),
        }
    }

    /// The resource name in URLs and in rights.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Namespace => "namespaces",
            Kind::Secret => "secrets",
            Kind::ConfigMap => "configmaps",
            Kind::Service => "services",
            Kind::PodDisruptionBudget => "poddisruptionbudgets",
            Kind::StatefulSet => "statefulsets",
            Kind::PersistentVolumeClaim => "persistentvolumeclaims",
            Kind::Pod => "pods",
            Kind::Node => "nodes",
            Kind::StorageClass => "storageclasses",
            Kind::Lease => "leases",
        }
    }

    /// Whether objects of this kind live in a namespace.
    pub fn namespaced(self) -> bool {
        !matches!(self, Kind::Namespace | Kind::Node | Kind::StorageClass)
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        const ALL: [Kind; 11] = [
            Kind::Namespace,
            Kind::Secret,
            Kind::ConfigMap,
            Kind::Service,
            Kind::PodDisruptionBudget,
            Kind::StatefulSet,
            Kind::PersistentVolumeClaim,
            Kind::Pod,
            Kind::Node,
            Kind::StorageClass,
            Kind::Lease,
        ];
        ALL.into_iter().find(|kind| kind.to_string().eq_ignore_ascii_case(text)).ok_or(())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Names one object: kind, namespace (none for cluster-wide kinds) and name.
/// Written as it is printed, `StatefulSet/etcd-orders/orders`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
pub struct ObjectKey {
    /// What it is.
    pub kind: Kind,
    /// Where it lives; `None` for a cluster-wide kind.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// Names an object of a namespace.
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        ObjectKey { kind, namespace: Some(namespace.to_owned()), name: name.to_owned() }
    }

    /// Names a cluster-wide object.
    pub fn cluster_wide(kind: Kind, name: &str) -> Self {
        ObjectKey { kind, namespace: None, name: name.to_owned() }
    }
}

/// An object of a stack as a person names it: `Service/orders`, with or
/// without the namespace before the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Named {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

impl Named {
    /// Whether it is this object.
    pub fn is(&self, key: &ObjectKey) -> bool {
        self.kind == key.kind && self.name == key.name
    }
}

impl From<&ObjectKey> for Named {
    fn from(key: &ObjectKey) -> Self {
        Named { kind: key.kind, name: key.name.clone() }
    }
}

impl FromStr for Named {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let parts = typed.split_once('/').filter(|(_, name)| !name.is_empty());
        let (kind, name) = parts.ok_or("write it as `KIND/NAME`, such as `Service/orders`")?;
        let kind = kind.parse().map_err(|()| format!("`{kind}` is not a kind of object that a stack has"))?;
        // The plan shows objects with their namespace.
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name).to_owned();
        Ok(Named { kind, name })
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// The one printed form: `StatefulSet/etcd-orders/orders`, `Namespace/etcd-orders`.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let kind = |kind: &str| kind.parse().map_err(|()| format!("`{kind}` is not a kind of object"));
        match parts.as_slice() {
            [of, name] => Ok(ObjectKey::cluster_wide(kind(of)?, name)),
            [of, namespace, name] => Ok(ObjectKey::new(kind(of)?, namespace, name)),
            _ => Err(format!("`{text}` does not name an object: KIND/NAMESPACE/NAME")),
        }
    }
}

/// What stands in the place of a value that may be secret.
pub const NOT_SHOWN: &str = "(not shown)";

/// The name of the container that runs etcd.
pub const CONTAINER: &str = "etcd";

/// The etcd container in a list of containers, or of their states, which
/// `pointer` names: others may stand before it, for webhooks add their own.
pub fn etcd_container<'a>(body: &'a Value, pointer: &str) -> Option<&'a Value> {
    body.pointer(pointer)?.as_array()?.iter().find(|one| one["name"] == CONTAINER)
}

/// An object as JSON, whole: `apiVersion`, `kind`, `metadata` and the rest.
///
/// A Secret's body never holds `data`: its values stay in `cluster`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Object {
    /// Which object this is.
    pub key: ObjectKey,
    /// Its JSON, with the same name and namespace as `key`.
    pub body: Value,
}

impl Object {
    /// The server's identity for it, absent in an object not yet stored.
    pub fn uid(&self) -> Option<&str> {
        self.body.pointer("/metadata/uid").and_then(Value::as_str)
    }

    /// The version that an update may be made conditional on.
    pub fn resource_version(&self) -> Option<&str> {
        self.body.pointer("/metadata/resourceVersion").and_then(Value::as_str)
    }

    /// How many pods a StatefulSet is to have; `None` where it does not say.
    pub fn replicas(&self) -> Option<usize> {
        self.body.pointer("/spec/replicas")?.as_u64()?.try_into().ok()
    }

    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.body.get("metadata")?.get("annotations")?.get(name)?.as_str()
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.body.get("metadata")?.get("labels")?.get(name)?.as_str()
    }
}
