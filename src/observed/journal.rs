//! What runs write down, so that the next one knows what this one was doing.
//!
//! The journal explains; it does not decide. What to do is decided from the
//! live objects, the member list and the claims. The exception is the
//! founding: once a cluster id is recorded, founding is over for ever.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{member::Id, object::ObjectKey};

/// The journal of one stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The run that is going on or was the last one.
    pub run: Option<Run>,
    /// The founding, from just before its first effect on.
    pub founding: Option<Founding>,
    /// The cluster's id, from the moment that the founder served.
    pub cluster_id: Option<Id>,
    /// The members as last verified, by name.
    pub members: BTreeMap<String, RecordedMember>,
    /// The objects of the plans that were applied: those of them that the stack
    /// file no longer names are left over.
    pub inventory: BTreeSet<ObjectKey>,
}

/// One run of `apply`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The digest that was approved.
    pub digest: String,
    /// The content hash of each approved action, in order.
    pub actions: Vec<String>,
    /// Who runs it: user, host and process.
    pub who: String,
    /// The tool's version.
    pub tool_version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended with nothing left to do.
    pub finished_at: Option<Timestamp>,
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
