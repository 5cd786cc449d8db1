//! Everything that carrying out a plan touches, as one trait: the real
//! cluster, and the simulator of the tests.

use std::time::Duration;

use jiff::Timestamp;

use super::Failure;
use crate::{
    certificate::Request,
    member::{Alarm, Id, Membership, Status},
    object::{Object, ObjectKey},
    observed::{Claim, Conflict, Journal, Lookup, Neighbours, Node, Pod, journal::Snapshot},
    quantity::Quantity,
};

/// What a run reads and changes. Members are named by ordinal.
#[expect(async_fn_in_trait, reason = "one task runs all of it; nothing needs to be Send")]
pub trait World {
    /// The time.
    fn now(&self) -> Timestamp;
    /// Lets time pass.
    async fn sleep(&self, time: Duration);
    /// A fresh cluster token.
    fn token(&self) -> String;

    /// One object, without Secret values.
    async fn object(&self, key: &ObjectKey) -> Lookup<Object>;
    /// A member's pod.
    async fn pod(&self, ordinal: usize) -> Lookup<Pod>;
    /// A member's claim.
    async fn claim(&self, ordinal: usize) -> Lookup<Claim>;
    /// A node.
    async fn node(&self, name: &str) -> Lookup<Node>;
    /// Warnings about a member's pod, newest first, then about its claim while
    /// it has no volume; without a pod, why none is made.
    async fn events(&self, ordinal: usize) -> Vec<String>;

    /// Makes an object.
    async fn create(&self, object: &Object) -> Result<(), Failure>;
    /// Applies an object that has this uid and version; one that must be
    /// absent when there is no uid. With `take`, a conflict in exactly these
    /// fields is forced.
    async fn apply(
        &self,
        object: &Object,
        uid: Option<&str>,
        version: Option<&str>,
        take: &[Conflict],
    ) -> Result<(), Failure>;
    /// Gives the fields of whoever made an object to us, if it has this uid and
    /// version; nothing is left to do once they are ours.
    async fn adopt(&self, object: &Object, uid: &str, version: Option<&str>) -> Result<(), Failure>;
    /// Removes the field at this JSON pointer from the object with this uid and
    /// version.
    async fn remove_at(
        &self,
        key: &ObjectKey,
        uid: &str,
        version: &str,
        pointer: &str,
    ) -> Result<(), Failure>;
    /// Deletes the object with this uid, gracefully. Nothing is left to do
    /// when it is gone or another one has its name; it may be there for a
    /// while still.
    async fn delete(&self, key: &ObjectKey, uid: &str) -> Result<(), Failure>;
    /// Deletes the object as it was read: with its uid and in its version. It
    /// may be there for a while still.
    async fn delete_as_read(&self, object: &Object) -> Result<(), Failure>;
    /// Takes this tool's name off the object as it was read: its two labels, but
    /// those of a claim, and its entries among the managers of fields.
    async fn release(&self, object: &Object) -> Result<(), Failure>;
    /// What else lives in the namespace.
    async fn neighbours(&self) -> Lookup<Neighbours>;
    /// Deletes the object with this uid and version and leaves what belongs to
    /// it. Nothing is left to do when it is gone; it may be there for a while
    /// still.
    async fn orphan(&self, key: &ObjectKey, uid: &str, version: &str) -> Result<(), Failure>;
    /// Asks for a larger volume for the claim with this uid and version.
    async fn grow(&self, key: &ObjectKey, uid: &str, version: &str, size: Quantity) -> Result<(), Failure>;
    /// Issues a certificate into a Secret, which must have this uid, or be
    /// absent. With `keep`, one that is there already stays.
    async fn issue(
        &self,
        object: &Object,
        request: &Request,
        authority: Option<&ObjectKey>,
        uid: Option<&str>,
        keep: bool,
    ) -> Result<(), Failure>;

    /// What a member says of itself.
    async fn status(&self, ordinal: usize) -> Result<Status, Failure>;
    /// The member list, confirmed by a quorum, asked of one voter.
    async fn members(&self, via: usize) -> Result<Membership, Failure>;
    /// The member list as one voter has applied it. It may be old.
    async fn members_applied(&self, via: usize) -> Result<Membership, Failure> {
        self.members(via).await
    }
    /// Alarms that are raised, asked of one voter.
    async fn alarms(&self, via: usize) -> Result<Vec<Alarm>, Failure>;
    /// Lowers an alarm, asked of one voter; nothing to do when it is not up.
    async fn disarm(&self, via: usize, alarm: &Alarm) -> Result<(), Failure>;
    /// Lists a new learner.
    async fn add_learner(&self, via: usize, peer_url: &str) -> Result<(), Failure>;
    /// Hands leadership to a voter. Only the leader obeys.
    async fn move_leader(&self, leader: usize, to: Id) -> Result<(), Failure>;
    /// Takes a member out of the list. [`Failure::Unknown`] when it is not in
    /// it any more: the list decides.
    async fn remove(&self, via: usize, id: Id) -> Result<(), Failure>;
    /// Saves a snapshot of the database of one voter, and checks it.
    async fn snapshot(&self, via: usize) -> Result<Snapshot, Failure>;
    /// Makes a learner a voter.
    async fn promote(&self, via: usize, id: Id) -> Result<(), Failure>;
    /// Writes one entry to the log and lets it go again.
    async fn write_entry(&self, via: usize) -> Result<(), Failure>;

    /// The journal; an empty one before the first run.
    async fn journal(&self) -> Result<Journal, Failure>;
    /// Writes the journal as it was last read or written by this run.
    async fn write_journal(&self, journal: &Journal) -> Result<(), Failure>;
    /// Renews the lock where it is time to, and fails once it is lost.
    async fn hold_lock(&self) -> Result<(), Failure>;
}
