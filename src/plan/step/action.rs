//! What a step does.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    certificate::Request,
    field::takeover::Predecessor,
    member::Id,
    object::{Object, ObjectKey},
    observed::Conflict,
    quantity::Quantity,
};

/// One write, or one call to etcd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// Makes the namespace.
    CreateNamespace {
        /// The namespace.
        object: Object,
    },
    /// Issues a certificate and puts it into a Secret with its key and the
    /// authority's certificate.
    Issue {
        /// The Secret without values.
        object: Object,
        /// The certificate.
        request: Request,
        /// Who signs; `None` for an authority, which signs itself.
        authority: Option<ObjectKey>,
        /// Why now.
        reason: IssueReason,
        /// What the Secret must be at that moment.
        expects: Expects,
    },
    /// Applies an object's owned fields.
    Apply {
        /// The whole apply body.
        object: Object,
        /// What the object must be at that moment.
        expects: Expects,
        /// Values known only then.
        fill: Vec<Fill>,
        /// Fields that are taken from other managers, as was asked for. An
        /// apply is forced only when a dry-run just before it conflicts in
        /// these and in nothing else.
        take: Vec<Conflict>,
    },
    /// Makes an object ours that others made: their fields are given to us, and
    /// no value changes.
    Adopt {
        /// The whole apply body of the apply that follows.
        object: Object,
        /// The object that was planned with; another one stays whose it is.
        uid: String,
        /// Who gives way, and what they set. Whoever else has set a field of
        /// ours by then does not.
        from: Vec<Predecessor>,
    },
    /// Removes a field that others set, and that the stack does not.
    RemoveField {
        /// The object.
        key: ObjectKey,
        /// The one that was planned with; another one is left alone.
        uid: String,
        /// The field, as the server shows it in a conflict.
        field: String,
        /// Everybody who set it. What anybody else sets by then stays.
        managers: BTreeSet<String>,
    },
    /// Writes into the journal that founding begins. From here on a claim of
    /// ordinal 0 may hold data.
    BeginFounding,
    /// Reads the id of the cluster that ordinal 0 founded and writes it into
    /// the journal, with the founder's claim. After this, founding is over
    /// for ever.
    RecordCluster,
    /// Lists a new member as a learner, unless it is listed already.
    AddLearner {
        /// The member's ordinal.
        ordinal: usize,
        /// Its name, for display: etcd learns it from the member itself.
        name: String,
        /// Its identity.
        peer_url: String,
    },
    /// Makes a learner a voter, once it is shown to be connected and caught up.
    Promote {
        /// The member's ordinal.
        ordinal: usize,
        /// Its name.
        name: String,
        /// Its identity.
        peer_url: String,
    },
    /// Saves a snapshot of the cluster on the machine that applies, and checks
    /// it. It is asked of a voter that does not lead, where there is one.
    Snapshot,
    /// Takes a member out of the list. If it leads, leadership goes first to
    /// the first of `hand_over` that is healthy. Nothing is left to do once
    /// etcd does not list the address, but to lower the alarms that it raised.
    RemoveMember {
        /// Its name, or its address where it has none.
        name: String,
        /// Its address.
        peer_url: String,
        /// The member that was planned with; another one at this address is
        /// not removed. `None` where etcd did not list the address any more.
        id: Option<Id>,
        /// Ordinals, the best one first.
        hand_over: Vec<usize>,
    },
    /// Takes a member that is gone out of the journal.
    ForgetMember {
        /// Its name.
        name: String,
    },
    /// Deletes the claim with this uid, and with it the data.
    DeleteClaim {
        /// The member's ordinal.
        ordinal: usize,
        /// The claim's name.
        claim: String,
        /// The claim that was planned with; another one stays.
        uid: String,
    },
    /// Deletes the object with this uid, if it is still this stack's, and waits
    /// until it is gone.
    Delete {
        /// Which one.
        key: ObjectKey,
        /// The one that was planned with; another one stays.
        uid: String,
    },
    /// Deletes the pods of these ordinals, which no StatefulSet makes anew.
    EndPods {
        /// Ordinals.
        ordinals: Vec<usize>,
    },
    /// Takes this tool's name off the object with this uid: the fields that it
    /// set are nobody's from then on, and keep their values.
    Release {
        /// Which one.
        key: ObjectKey,
        /// The one that was planned with; another one stays as it is.
        uid: String,
    },
    /// Deletes the journal and the lock. Nothing is written after that.
    DeleteRecords,
    /// Deletes the namespace with this uid and all that is in it, the journal
    /// and the lock with it. Nothing is written after that.
    DeleteNamespace {
        /// Which one.
        key: ObjectKey,
        /// The one that was planned with.
        uid: String,
    },
    /// Deletes the claim of a member that etcd does not list, and its pod,
    /// without which the claim does not go. The StatefulSet makes both anew.
    Empty {
        /// The member's ordinal.
        ordinal: usize,
        /// Its name.
        name: String,
        /// The claim that was planned with; another one stays.
        claim_uid: String,
    },
    /// Deletes a pod so that it is made from the template as it is now. If it
    /// leads, leadership goes first to the first of `hand_over` that is
    /// healthy.
    Restart {
        /// The member's ordinal.
        ordinal: usize,
        /// Its name.
        name: String,
        /// The pod that was planned with. Another one has restarted already.
        pod_uid: String,
        /// Why.
        why: RestartReason,
        /// Ordinals, the best one first.
        hand_over: Vec<usize>,
    },
    /// Deletes the StatefulSet with this uid and leaves its pods where they
    /// are, if it has so many replicas. Done once it is gone.
    Orphan {
        /// The StatefulSet.
        key: ObjectKey,
        /// The one that was planned with.
        uid: String,
        /// Its replicas, which the next one gets too.
        replicas: usize,
    },
    /// Asks for a larger volume behind the claim with this uid.
    Grow {
        /// The member's ordinal.
        ordinal: usize,
        /// The claim's name.
        claim: String,
        /// The claim that was planned with; another one is left as it is.
        uid: String,
        /// The size.
        #[schemars(with = "String")]
        size: Quantity,
    },
    /// Deletes the pod of an invited member that has never started, if it
    /// waits out a back-off: so it reads the window that is open now.
    StartAgain {
        /// The member's ordinal.
        ordinal: usize,
        /// Its name.
        name: String,
        /// Its address.
        peer_url: String,
    },
    /// Writes the verified member, with its claim, into the journal and the
    /// cluster's id onto the claim.
    RecordMember {
        /// The member's ordinal.
        ordinal: usize,
        /// Its name.
        name: String,
        /// Its identity.
        peer_url: String,
        /// Its claim's metadata as applied: the annotation is a hole.
        claim: Object,
    },
}

/// What an object must be when it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expects {
    /// Not there.
    Absent,
    /// There, and the one that was planned with.
    Uid(String),
    /// There, and ours: an earlier step of this plan made it.
    MadeBefore,
}

/// A value that is known only when the step runs; shown as `known after apply`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// A fresh cluster token into `data.initial-cluster-token`, unless the
    /// live object has one.
    NewToken,
    /// The live object's `data.initial-cluster-token`; it must have one.
    LiveToken,
    /// The recorded cluster id into annotation `etcdctl-stack/cluster-id`.
    ClusterId,
}

/// Why a pod is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestartReason {
    /// It was made from an older template. One that was not any more by then
    /// is left alone.
    Outdated,
    /// Somebody asked for it.
    Asked,
    /// The file system of its volume grows only then. One that has grown by
    /// then is left alone.
    Volume,
}

/// Why a certificate is issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IssueReason {
    /// There is none.
    Missing,
    /// It ends within the time set for renewal: days left.
    Expiring(i64),
    /// It lacks names that it should have, or has others.
    Names(String),
    /// Its authority is not the stack's, or its key is not its own, or it
    /// cannot be read: why.
    Broken(String),
}
