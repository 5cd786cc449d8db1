//! What to do about it: pure, no clock, no randomness.
//!
//! [`plan`] cannot fail. What it will not act on is a [`Blocked`] in the
//! result, so that a user sees all of the plan and all of the reasons at once.
//!
//! ```text
//! questions   which dry-runs to ask the API server for
//! settle      the desired state, with what a live cluster holds on to
//! change      live object against the server's answer, field by field
//! certificates  which certificates to issue, and why
//! membership  one change of membership at a time, from what is there
//! order       changes and membership as steps
//! check       rights, StorageClass, pods, claims, nodes
//! digest      what an approval is bound to
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    member::{Alarm, Id, Member},
    object::ObjectKey,
    observed::Target,
};

mod step;

pub use step::{Action, Expects, Fill, Guard, IssueReason, Step, Tally, Wait};

/// What would change, in what order, and why it may not.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The stack's name.
    pub stack: String,
    /// The stack's namespace.
    pub namespace: String,
    /// Whether the namespace is there already.
    pub namespace_exists: bool,
    /// Which cluster this is about.
    pub target: Target,
    /// What an approval is bound to; `None` when something could not be read.
    pub digest: Option<Digest>,
    /// Objects to create or change, in the order of a first apply.
    pub changes: Vec<Change>,
    /// Objects that are as wanted.
    pub unchanged: Vec<ObjectKey>,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// Why nothing of this will be done.
    pub blocked: Vec<Blocked>,
    /// What a reviewer should know.
    pub warnings: Vec<String>,
    /// What was looked into, and what came of it.
    pub checks: Vec<Check>,
    /// etcd as it is, when it runs.
    pub etcd: Option<Etcd>,
    /// Voters before the first step and after the last.
    pub voters: BeforeAfter,
    /// What could not be read, in words. A plan that misses something is not
    /// applied.
    pub unread: Vec<String>,
}

/// A number before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeAfter {
    /// Now.
    pub before: usize,
    /// After the last step.
    pub after: usize,
}

/// SHA-256 of what a plan is made of, 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub String);

impl Digest {
    /// The form for people: the first eight digits as `7f3a-91c2`. Too short to
    /// bind an approval in automation.
    pub fn short(&self) -> String {
        let hex = &self.0;
        match (hex.get(..4), hex.get(4..8)) {
            (Some(first), Some(second)) => format!("{first}-{second}"),
            _ => hex.clone(),
        }
    }
}

/// One object that is not as wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which object.
    pub key: ObjectKey,
    /// What happens to it.
    pub verb: Verb,
    /// How sure the result is.
    pub confidence: Confidence,
    /// The object as it is; `None` before it is created. A Secret without values.
    pub before: Option<Value>,
    /// The object as it would be: the server's answer where it gave one,
    /// otherwise what would be sent.
    pub after: Value,
    /// What differs, field by field; empty for a creation.
    pub fields: Vec<FieldChange>,
    /// What a field cannot say, such as a certificate to issue.
    pub notes: Vec<String>,
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
}

/// How sure a predicted object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The API server was asked what it would store.
    Verified,
    /// Nobody could be asked yet: this is what will be sent.
    Predicted,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Where, with list items named by their key: `spec.ports[client].port`.
    pub path: String,
    /// The value now; `None` where there is none.
    pub before: Option<Value>,
    /// The value after; `None` where the field goes.
    pub after: Option<Value>,
}

/// Why the plan is not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// A stable code, such as `plan::foreign_stateful_set`.
    pub code: String,
    /// What stands in the way, with names and numbers.
    pub reason: String,
    /// What a person can do.
    pub help: Option<String>,
}

/// One thing that was looked into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What: `rights`, `storage_class`, `pod`, `claim`, `nodes`.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
    /// In words: `StorageClass fast-ssd (expandable, WaitForFirstConsumer)`.
    pub detail: String,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// In order.
    Pass,
    /// Not in order; there is a [`Blocked`] for it.
    Fail,
    /// Not to be found out now; the detail says why.
    Unchecked,
}

/// etcd as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Etcd {
    /// The cluster's id.
    pub cluster_id: Id,
    /// The members in the list.
    pub members: Vec<Member>,
    /// Names of members that answer, know a leader and report no error.
    pub healthy: Vec<String>,
    /// The leader's name, when there is one.
    pub leader: Option<String>,
    /// Alarms that are raised.
    pub alarms: Vec<Alarm>,
    /// Bytes of the largest database file.
    pub db_size: i64,
    /// The quota in bytes.
    pub quota: u64,
}

impl Plan {
    /// Whether there is nothing to do and nothing in the way.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.changes.is_empty() && self.blocked.is_empty()
    }

    /// Whether it can be carried out: all was read and nothing stands in the way.
    pub fn is_applicable(&self) -> bool {
        self.blocked.is_empty() && self.unread.is_empty()
    }
}
