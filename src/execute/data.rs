//! Deleting: pods, and claims with the data behind them. Always by uid: what
//! was made anew since stays.

use super::{Halt, Run, World, wait::SECOND};
use crate::object::ObjectKey;

impl<W: World> Run<'_, W> {
    /// Deletes the claim with this uid, of a member that etcd does not list.
    pub(super) async fn delete_claim(&mut self, ordinal: usize, uid: &str) -> Result<(), Halt> {
        let claim = self.claim(ordinal).await?;
        if claim.is_none_or(|claim| claim.uid != uid) {
            return Ok(());
        }
        let membership = self.list().await?;
        if let Some(member) = membership.at(&self.names.peer_url(ordinal)) {
            return Err(Halt::because(format!(
                "etcd lists {} as member {}: its data is not deleted",
                self.names.member(ordinal),
                member.id
            )));
        }
        self.delete(&self.names.claim(ordinal), uid).await
    }

    /// Deletes the claim, then the pod: a claim that is used stays until its
    /// pod is gone, and no new pod is bound to one that is being deleted.
    pub(super) async fn empty(&mut self, ordinal: usize, claim_uid: &str) -> Result<(), Halt> {
        let claim = self.claim(ordinal).await?;
        if claim.is_none_or(|claim| claim.uid != claim_uid) {
            return Ok(());
        }
        self.delete_claim(ordinal, claim_uid).await?;
        match self.pod(ordinal).await? {
            Some(pod) if !pod.terminating => self.delete(&self.names.pod(ordinal), &pod.uid).await,
            _ => Ok(()),
        }
    }

    /// Deletes an object, once more while nobody knows whether it was done.
    pub(super) async fn delete(&mut self, key: &ObjectKey, uid: &str) -> Result<(), Halt> {
        self.repeated(SECOND, async |run| {
            run.world.hold_lock().await?;
            Ok(run.world.delete(key, uid).await)
        })
        .await
    }
}
