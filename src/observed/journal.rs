//! What runs write down, so that the next one knows what this one was doing.
//!
//! What to do is decided from the live objects, the member list and the
//! claims. The journal decides only what these cannot tell:
//!
//! - once a cluster id is recorded, founding is over for ever;
//! - who the members are while no quorum gives a list;
//! - which claim holds a member's data, and so which one lost it;
//! - which objects runs made, so that they may take them away again;
//! - what an unfinished run was asked for, and the snapshot that it saved.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Inventory;
use crate::{field::Owned, member::Id, object::ObjectKey};

/// The journal of one stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The run that is going on or was the last one.
    pub run: Option<Run>,
    /// The runs before it, the last one first.
    #[serde(default)]
    pub history: Vec<PastRun>,
    /// The founding, from just before its first effect on.
    pub founding: Option<Founding>,
    /// The cluster's id, from the moment that the founder served.
    pub cluster_id: Option<Id>,
    /// The etcd version that the members were last to run: a StatefulSet that
    /// is gone does not say it any more.
    #[serde(default)]
    pub version: Option<String>,
    /// The members as last verified, by name.
    pub members: BTreeMap<String, RecordedMember>,
    /// The objects of the plans that were applied: those of them that the stack
    /// file no longer names are left over.
    pub inventory: Inventory,
}

impl Journal {
    /// The run that was begun and has not ended with nothing left to do.
    pub fn unfinished(&self) -> Option<&Run> {
        self.run.as_ref().filter(|run| run.finished_at.is_none())
    }
}

/// One run of `apply`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The digest that was approved.
    pub digest: String,
    /// The content hash of each approved action, in order.
    pub actions: Vec<String>,
    /// The members that were approved to be removed.
    #[serde(default)]
    pub removed: BTreeSet<Id>,
    /// What others set and what admission makes otherwise, as it was shown:
    /// a hash of each field.
    #[serde(default)]
    pub not_ours: BTreeSet<String>,
    /// Who runs it: user, host and process.
    pub who: String,
    /// The tool's version.
    pub tool_version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended with nothing left to do.
    pub finished_at: Option<Timestamp>,
    /// What it was asked for beside the stack file.
    #[serde(default)]
    pub intended: Intended,
    /// What it comes to, in numbers.
    #[serde(default)]
    pub summary: String,
    /// How many steps it has, and how many of them are done.
    #[serde(default)]
    pub steps: StepCount,
    /// The snapshot that it saved.
    #[serde(default)]
    pub snapshot: Option<Snapshot>,
    /// The text of the stack file that it applies: what drift is told by.
    #[serde(default)]
    pub stack: String,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepCount {
    /// All of them.
    pub all: usize,
    /// Those that are done.
    pub done: usize,
}

/// What was asked for beside the stack file, by the identities that were there
/// then: once one of them is gone, that part is done. So a run that goes on
/// needs no flags, and replaces no member and restarts no pod twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intended {
    /// Members to replace, by name.
    #[serde(default)]
    pub replace: BTreeMap<String, Replaced>,
    /// Pods to restart: name and uid.
    #[serde(default)]
    pub restart: BTreeMap<String, String>,
    /// Members to remove that are not this stack's.
    #[serde(default)]
    pub remove: BTreeSet<Id>,
    /// Fields to take from other managers.
    #[serde(default)]
    pub take: BTreeSet<Owned>,
    /// Objects of others to make this stack's.
    #[serde(default)]
    pub adopt: BTreeSet<Adopted>,
    /// What becomes of the stack as a whole.
    #[serde(default)]
    pub end: Option<Ending>,
    /// What goes with it that would stay otherwise.
    #[serde(default)]
    pub delete: Inventory,
}

/// An object that others made and that is to be this stack's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adopted {
    /// Which object.
    pub object: ObjectKey,
    /// The one that had this name then; another one stays whose it is.
    pub uid: String,
}

/// How a stack ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// What runs made is deleted, but what holds data or trust.
    Destroy,
    /// All of it goes on as it is, and is nobody's.
    Forget,
}

/// A member that is to be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// Its id in the list; `None` where etcd did not list it any more.
    pub id: Option<Id>,
    /// Whether it had ever started.
    pub started: bool,
    /// The uid of its claim, whose data goes; `None` where there was none.
    pub claim_uid: Option<String>,
}

impl Replaced {
    /// Whether the member that is listed at its place is still the one that is
    /// to go. One that had never started is as good as new once it has.
    pub fn is_still(&self, id: Id, started: bool) -> bool {
        self.id == Some(id) && (self.started || !started)
    }
}

/// A snapshot that a run saved and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The file, on the machine of whoever ran.
    pub path: String,
    /// The revision that it has at least.
    pub revision: i64,
    /// When.
    pub saved_at: Timestamp,
}

/// A run that is over, or that another one took over from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastRun {
    /// The digest that was approved.
    pub digest: String,
    /// Who ran it.
    pub who: String,
    /// The tool's version.
    pub tool_version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended with nothing left to do; `None` if it stopped before.
    pub finished_at: Option<Timestamp>,
    /// What it came to, in numbers.
    pub summary: String,
    /// How many steps it had, and how many of them were done.
    pub steps: StepCount,
    /// The snapshot that it saved.
    pub snapshot: Option<Snapshot>,
}

/// The founding of the cluster, written before the first pod can start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Founding {
    /// When the window was about to be opened.
    pub started_at: Timestamp,
    /// The uid of the founder's claim, from when it was first seen. Another uid
    /// later means another, empty volume.
    pub claim_uid: Option<String>,
}

/// A member as last verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedMember {
    /// Its peer URL.
    pub peer_url: String,
    /// Its id.
    pub id: Id,
    /// The uid of its claim.
    pub claim_uid: String,
}
