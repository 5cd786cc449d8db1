//! What must hold before a step, and after it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{field::takeover::Predecessor, object::ObjectKey, quantity::Quantity};

/// What must hold when a step begins. Read live, just before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
        #[schemars(with = "String")]
        size: Quantity,
    },
    /// Every one of these that votes answers, agrees on a leader and is Ready.
    Back {
        /// Ordinals.
        ordinals: Vec<usize>,
    },
}
