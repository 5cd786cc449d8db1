//! A plan's steps: what to do, what must hold before, what to wait for after.
//!
//! `execute` chooses nothing: an action carries the whole apply body, and what
//! is known only when it runs is a named hole, a [`Fill`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    certificate::Request,
    field::takeover::Predecessor,
    member::Id,
    object::{Named, Object, ObjectKey},
    observed::Conflict,
    quantity::Quantity,
};

/// One line of a plan's steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// For a person, imperative: `promote orders-1 once it has caught up`.
    pub title: String,
    /// What is done, in order. Each may be repeated without harm.
    pub actions: Vec<Action>,
    /// What must hold when the step begins.
    pub before: Vec<Guard>,
    /// What must hold for the step to be done.
    pub after: Vec<Wait>,
    /// Membership once the step is done, where the step touches it. While a
    /// member restarts it is not among those that can be lost.
    pub tally: Option<Tally>,
    /// What it costs.
    pub costs: Vec<Cost>,
}

/// What a step costs whoever uses the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "cost")]
pub enum Cost {
    /// This member restarts.
    Restart {
        /// Its name.
        member: String,
    },
    /// Nobody is served while this member restarts.
    Downtime {
        /// Its name.
        member: String,
    },
    /// The data behind this claim is deleted.
    DataLoss {
        /// The claim's name.
        claim: String,
    },
    /// This object is deleted, and cannot be made again as it is.
    Deletion {
        /// Which one.
        object: Named,
    },
}

/// Voters after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many vote.
    pub voters: usize,
    /// How many must agree.
    pub quorum: usize,
    /// How many may fail.
    pub can_lose: usize,
}

/// One write, or one call to etcd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What must hold when a step begins. Read live, just before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "guard")]
pub enum Guard {
    /// No cluster id is recorded, in the journal or on the StatefulSet.
    NeverFounded,
    /// The StatefulSet's replicas are one of these; absent counts as zero.
    Replicas {
        /// The allowed numbers.
        one_of: Vec<usize>,
    },
    /// A linearizable list holds this URL.
    Listed {
        /// The member's identity.
        peer_url: String,
    },
    /// The claim does not exist.
    ClaimAbsent {
        /// The member's ordinal.
        ordinal: usize,
    },
    /// The founder's claim, once seen, is still the same one.
    SameFoundingClaim,
    /// Every voter answers, with one leader, no error and no alarm.
    VotersHealthy,
    /// A linearizable list holds no such URL.
    NotListed {
        /// The address.
        peer_url: String,
    },
    /// The claim is not this one: it was made anew, or is not there.
    ClaimIsNot {
        /// The member's ordinal.
        ordinal: usize,
        /// The claim that held the data of the removed member.
        uid: String,
    },
    /// The member may be removed: all voters are healthy, or it is not and the
    /// healthy ones are a quorum both of the list and of what remains. A
    /// learner may always be removed. No alarm is raised, but that its own data
    /// is corrupt.
    Removable {
        /// The member's address.
        peer_url: String,
    },
    /// The member serves nothing, as far as that can be told from here, or every
    /// voter is healthy. A full database is no illness here.
    MayRestart {
        /// The member's ordinal.
        ordinal: usize,
    },
    /// These claims exist, and hold the data of their members: by the uids in the
    /// journal, or by the cluster id on them.
    RecordedClaims {
        /// Ordinals.
        ordinals: Vec<usize>,
    },
    /// The claims of these ordinals outlive the StatefulSet and its pods: they
    /// belong to neither, and nobody has deleted them.
    ClaimsStay {
        /// Ordinals.
        ordinals: Vec<usize>,
    },
    /// Nothing is in the namespace that is not this stack's.
    NothingOfOthers,
    /// Nobody else has set a field of the object, which may be gone.
    SetByNobodyElse {
        /// Which one.
        key: ObjectKey,
    },
    /// Others have set no more fields of the object, which may be gone, than
    /// were shown: these go with it.
    SetByThese {
        /// Which one.
        key: ObjectKey,
        /// Who, and what.
        these: Vec<Predecessor>,
    },
    /// Nobody may start without data.
    Sealed,
    /// A linearizable list holds the members of these first ordinals and no
    /// other of this stack.
    FirstListed {
        /// How many.
        members: usize,
    },
    /// No learner is listed but, perhaps, this one.
    NoOtherLearner {
        /// The identity of the learner that may be there.
        peer_url: String,
    },
}

/// What must hold for a step to be done. Read live, until it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "wait")]
pub enum Wait {
    /// The member answers and leads.
    Founded {
        /// The member's ordinal.
        ordinal: usize,
    },
    /// The member answers, is named in the list and belongs to the recorded
    /// cluster.
    Joined {
        /// The member's ordinal.
        ordinal: usize,
        /// Its identity.
        peer_url: String,
    },
    /// The member is listed as a voter and its pod is Ready.
    Voting {
        /// The member's ordinal.
        ordinal: usize,
        /// Its identity.
        peer_url: String,
    },
    /// The pod is gone.
    Gone {
        /// The member's ordinal.
        ordinal: usize,
    },
    /// The claim is gone.
    ClaimGone {
        /// The member's ordinal.
        ordinal: usize,
        /// The claim's uid.
        uid: String,
    },
    /// The StatefulSet has made another claim than this one.
    Emptied {
        /// The member's ordinal.
        ordinal: usize,
        /// The uid of the claim that was deleted.
        claim_uid: String,
    },
    /// The pod is another, made from the template as it is, and its member is
    /// the one that was there before: the same id as listed, caught up, Ready.
    Restarted {
        /// The member's ordinal.
        ordinal: usize,
        /// Its address.
        peer_url: String,
        /// The pod that was planned with.
        pod_uid: String,
    },
    /// The StatefulSet's controller has seen it and has taken so many pods
    /// over.
    Adopted {
        /// How many.
        replicas: usize,
    },
    /// The volume behind the claim is so large, and so is its file system.
    Grown {
        /// The member's ordinal.
        ordinal: usize,
        /// The size.
        size: Quantity,
    },
    /// Every one of these that votes answers, agrees on a leader and is Ready.
    Back {
        /// Ordinals.
        ordinals: Vec<usize>,
    },
}
