//! When the StatefulSet may have another number of pods.
//!
//! Its controller stops the highest ordinals first and starts whatever is
//! missing, and it knows nothing of etcd. So pods go only once etcd does not
//! list their members, and come only for members that etcd lists, or that were
//! there before: the founder, and those whose claims are there still.

use std::ops::Range;

use super::{Halt, Run, World};
use crate::{
    member::Membership,
    object::{Kind, Object},
};

impl<W: World> Run<'_, W> {
    /// Checks a body against what is live, just before it is applied.
    pub(super) async fn replicas_may_change(
        &mut self,
        body: &Object,
        live: Option<&Object>,
    ) -> Result<(), Halt> {
        if let (None, Some(wanted)) = (live, replicas(body))
            && self.journal.cluster_id.is_some()
        {
            self.nobody_is_above(wanted).await?;
        }
        let has = live.and_then(replicas).unwrap_or(0);
        match replicas(body) {
            Some(wanted) if wanted < has => self.may_go(wanted, has).await,
            Some(wanted) if wanted > has => self.may_come(has, wanted).await,
            _ => Ok(()),
        }
    }

    async fn may_go(&mut self, wanted: usize, has: usize) -> Result<(), Halt> {
        let membership = self.list().await?;
        let listed = |ordinal: &usize| membership.at(&self.names.peer_url(*ordinal)).is_some();
        match (wanted..has).find(listed) {
            None => Ok(()),
            Some(ordinal) => Err(Halt::because(format!(
                "`{}` has {has} replicas by now and the step would set {wanted}, but etcd lists {}",
                self.names.stateful_set(),
                self.names.member(ordinal)
            ))),
        }
    }

    /// The list decides. Without those that are to come there may be no quorum
    /// that gives one; then the journal does, or what a recorded voter has
    /// applied: a pod whose member was removed since stays out by itself.
    async fn may_come(&mut self, has: usize, wanted: usize) -> Result<(), Halt> {
        if (has, wanted) == (0, 1) && self.journal.cluster_id.is_none() {
            return Ok(());
        }
        let membership = match self.try_list(None).await? {
            Ok(membership) => membership,
            Err(_) if self.are_recorded(has..wanted).await? => return Ok(()),
            Err(_) => match self.applied_list().await {
                Some(membership) => membership,
                None => self.list().await?,
            },
        };
        let unlisted = |ordinal: &usize| membership.at(&self.names.peer_url(*ordinal)).is_none();
        match (has..wanted).find(unlisted) {
            None => Ok(()),
            Some(ordinal) => Err(Halt::because(format!(
                "`{}` would have {wanted} replicas, but etcd does not list {}",
                self.names.stateful_set(),
                self.names.member(ordinal)
            ))),
        }
    }

    /// The list of the first recorded voter that answers.
    async fn applied_list(&mut self) -> Option<Membership> {
        let recorded = self.journal.members.keys().filter_map(|name| self.names.ordinal_named(name));
        for ordinal in recorded.collect::<Vec<_>>() {
            if let Ok(membership) = self.world.members_applied(ordinal).await
                && Some(membership.cluster_id) == self.journal.cluster_id
            {
                return Some(membership);
            }
        }
        None
    }

    async fn are_recorded(&mut self, ordinals: Range<usize>) -> Result<bool, Halt> {
        for ordinal in ordinals {
            if self.against_claim(ordinal).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn replicas(object: &Object) -> Option<usize> {
    let set = Some(object).filter(|object| object.key.kind == Kind::StatefulSet)?;
    set.replicas()
}
