//! What is there: data only.
//!
//! A read that failed is never the same value as "nothing there": see
//! [`Lookup`]. No Secret value is ever here; of a Secret this holds the names
//! of its keys and the [`Facts`] of its certificate.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    certificate::Facts,
    member::{Alarm, Id, Membership, Status, quorum},
    object::{Object, ObjectKey},
    quantity::Quantity,
};

mod inventory;
pub mod journal;
mod neighbours;
mod quota;
mod trouble;

pub use inventory::Inventory;
pub use journal::{Intended, Journal};
pub use neighbours::Neighbours;
pub use quota::{Quota, Scope};
pub use trouble::Trouble;

/// The answer to "is it there?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lookup<T> {
    /// It is.
    Found(T),
    /// The server says that it is not.
    Absent,
    /// Nobody knows: the reason, in words for a person.
    Failed(String),
}

impl<T> Lookup<T> {
    /// The value, if it was found.
    pub fn found(&self) -> Option<&T> {
        match self {
            Lookup::Found(value) => Some(value),
            Lookup::Absent | Lookup::Failed(_) => None,
        }
    }

    /// Whether the server said that nothing is there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Lookup::Absent)
    }
}

/// The cluster that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The kubeconfig context; `in-cluster` for a service account. For display
    /// and the local guard only: two people name one cluster differently.
    pub context: String,
    /// The uid of namespace `kube-system`: which cluster this is.
    pub cluster_uid: Lookup<String>,
}

/// Everything that was read before any dry-run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Where it was read.
    pub target: Target,
    /// The API server's minor version, such as `1.36`, where it says so.
    pub kubernetes: Option<String>,
    /// Each desired object as it is, whoever made it, and each that earlier runs
    /// applied. Secrets without values.
    pub objects: BTreeMap<ObjectKey, Lookup<Object>>,
    /// What each Secret that exists holds.
    pub secrets: BTreeMap<ObjectKey, SecretFacts>,
    /// Pods that carry the stack's labels, sorted by name.
    pub pods: Lookup<Vec<Pod>>,
    /// The pod templates that StatefulSets of the stack have had, where they may
    /// be listed. Not for display: what others put into them may be secret.
    pub revisions: Lookup<Vec<Revision>>,
    /// Claims whose names the StatefulSet would use, sorted by name.
    pub claims: Lookup<Vec<Claim>>,
    /// The StorageClasses of the cluster.
    pub storage_classes: Lookup<Vec<StorageClass>>,
    /// The nodes, where they may be listed.
    pub nodes: Lookup<Vec<Node>>,
    /// The quotas of the namespace, where they may be listed.
    pub quotas: Lookup<Vec<Quota>>,
    /// What this identity may do, for every right that was asked for.
    pub rights: Vec<Right>,
    /// What earlier runs wrote down.
    pub journal: Lookup<Journal>,
    /// Who holds the lock, or held it last without giving it back.
    pub lease: Lookup<LeaseHolder>,
    /// What else lives in the namespace; read only where the stack is destroyed.
    pub neighbours: Neighbours,
}

impl Live {
    /// The pod of this name, if pods could be read.
    pub fn pod(&self, name: &str) -> Option<&Pod> {
        self.pods.found()?.iter().find(|pod| pod.name == name)
    }

    /// The claim of this name, if claims could be read.
    pub fn claim(&self, name: &str) -> Option<&Claim> {
        self.claims.found()?.iter().find(|claim| claim.name == name)
    }
}

/// What a Secret holds, without its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFacts {
    /// The names of its keys.
    pub keys: BTreeSet<String>,
    /// The certificate under `tls.crt`, or why it cannot be read.
    pub certificate: Option<Result<Facts, String>>,
    /// SHA-256 of the DER of the authority under `ca.crt`, in hexadecimal.
    pub authority_sha256: Option<String>,
}

/// A member's pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    /// Its name, `<stack>-<ordinal>`.
    pub name: String,
    /// The server's identity for it.
    pub uid: String,
    /// The node it was bound to.
    pub node: Option<String>,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: String,
    /// Whether it passes its readiness probe.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// The image of its etcd container.
    pub image: Option<String>,
    /// The port on which it serves clients, as it was started with.
    pub client_port: Option<u16>,
    /// How often the etcd container was started again.
    pub restarts: i32,
    /// The template that it was made from: its `controller-revision-hash`.
    pub revision: Option<String>,
    /// The uid of the controller that it belongs to.
    pub owner: Option<String>,
    /// Why it does not run: `CrashLoopBackOff`, `OOMKilled`,
    /// `ImagePullBackOff`, `Unschedulable`, `Evicted`, and the words of the
    /// kubelet or scheduler.
    pub trouble: Option<Trouble>,
}

/// A pod template that the StatefulSet's controller has kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Its name, which each pod that is made from it carries.
    pub name: String,
    /// Where it stands among the others: the newest is the highest.
    pub number: i64,
    /// The uid of the StatefulSet that it is of.
    pub owner: Option<String>,
    /// The template, as the API server shows it in the StatefulSet.
    pub template: Value,
}

/// A member's claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Its name, `data-<stack>-<ordinal>`.
    pub name: String,
    /// The server's identity for it.
    pub uid: String,
    /// The version that a write may be made conditional on.
    pub version: String,
    /// `Pending`, `Bound` or `Lost`.
    pub phase: String,
    /// The cluster whose data it holds, as recorded on it.
    pub cluster_id: Option<Id>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// What it belongs to, and goes with: `StatefulSet/orders`.
    pub owners: Vec<String>,
    /// Its StorageClass.
    pub class: Option<String>,
    /// How large it is asked to be.
    pub requested: Option<Quantity>,
    /// How large its volume is.
    pub capacity: Option<Quantity>,
    /// What its growth waits for, in the server's word: `Resizing`,
    /// `FileSystemResizePending`.
    pub growing: Option<String>,
}

/// A StorageClass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageClass {
    /// Its name.
    pub name: String,
    /// Whether claims without a class use it.
    pub is_default: bool,
    /// Whether its volumes can grow.
    pub expandable: bool,
    /// `Immediate` or `WaitForFirstConsumer`.
    pub binding_mode: String,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its zone, by label.
    pub zone: Option<String>,
    /// Whether it is Ready.
    pub ready: bool,
    /// Whether new pods may be bound to it.
    pub schedulable: bool,
}

/// A right that was asked for, and the answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Right {
    /// `get`, `patch`, ...
    pub verb: String,
    /// API group; empty for the core group.
    pub group: String,
    /// The resource in plural, with its subresource: `pods/portforward`.
    pub resource: String,
    /// Where; `None` for the whole cluster.
    pub namespace: Option<String>,
    /// The answer.
    pub allowed: bool,
}

/// Who holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseHolder {
    /// The run that holds it.
    pub identity: String,
    /// When it is free again unless renewed.
    pub until: Timestamp,
}

/// What the API server would store if one apply were sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proposal {
    /// It would take it; the object as it would be.
    Accepted {
        /// The object that would be stored. Secrets without values.
        object: Object,
        /// What admission says about it in `Warning` headers.
        warnings: Vec<String>,
    },
    /// Somebody else owns fields that the apply would change.
    Conflict {
        /// All of them.
        conflicts: Vec<Conflict>,
        /// What it would say if all of them were taken.
        forced: Box<Proposal>,
    },
    /// A pod or claim of that name is there already.
    Exists,
    /// It would not take it: the server's reason and, where it names them, the
    /// fields.
    Rejected {
        /// The server's words.
        message: String,
        /// The fields that it names.
        fields: Vec<String>,
    },
    /// The namespace does not exist yet: nobody can be asked.
    NamespaceMissing,
    /// Nobody knows: the request failed.
    Failed(String),
}

impl Proposal {
    /// The object that would be stored, with all that others own taken.
    pub fn stored(&self) -> Option<&Object> {
        match self {
            Proposal::Accepted { object, .. } => Some(object),
            Proposal::Conflict { forced, .. } => forced.stored(),
            _ => None,
        }
    }
}

/// One field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// The field, without the first dot.
    pub field: String,
    /// The manager's name.
    pub manager: String,
}

/// A dry-run to ask for: which apply, under whose name.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What would be applied.
    pub object: Object,
}

/// What etcd itself says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Members {
    /// No pod exists that could be asked.
    NotRunning,
    /// The answers.
    Read(EtcdReading),
    /// Pods exist, but nobody could be asked, or nobody answered.
    Failed(String),
}

/// The answers of the members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdReading {
    /// The member list.
    pub membership: Membership,
    /// Whether the list was read through a quorum; otherwise it may be stale
    /// and the cluster has no quorum.
    pub linearizable: bool,
    /// Each pod's own status, by pod name; an error in words.
    pub statuses: BTreeMap<String, Result<Status, String>>,
    /// Alarms that are raised.
    pub alarms: Vec<Alarm>,
}

impl EtcdReading {
    /// The leader: the voter that most name, if a quorum does or a quorum has
    /// confirmed the list. A voter that is alone may still name one that is gone.
    pub fn leader(&self) -> Option<Id> {
        let EtcdReading { membership, linearizable, statuses, alarms: _ } = self;
        let (id, voices) = membership.most_named(statuses.values().flatten())?;
        let enough = if *linearizable { 1 } else { quorum(membership.voters()) };
        (voices >= enough).then_some(id)
    }
}

/// Everything that a plan is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// What was read.
    pub live: Live,
    /// The server's answer for each object that was asked about.
    pub proposals: BTreeMap<ObjectKey, Proposal>,
    /// What etcd says.
    pub members: Members,
}
