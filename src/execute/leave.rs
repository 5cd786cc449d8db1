//! A member leaves: out of etcd's list, then out of the journal.

use super::{
    Failure, Halt, Run, World,
    leadership::Going,
    member::{HEALTH_INTERVAL, SECOND},
};
use crate::member::{Id, Member};

impl<W: World> Run<'_, W> {
    /// Takes a member out of the list; nothing is left to do once its address
    /// is not in it. Asked of one that stays, and so is whether it is done: a
    /// member that was removed may not know it yet.
    pub(super) async fn remove_member(
        &mut self,
        name: &str,
        peer_url: &str,
        planned: Option<Id>,
        hand_over: &[usize],
    ) -> Result<(), Halt> {
        let mut refused = None;
        let ordinal = self.names.ordinal_of(peer_url);
        loop {
            let membership = self.list_but(ordinal).await?;
            let Some(member) = membership.at(peer_url) else { return Ok(()) };
            is_planned(name, member, planned)?;
            let id = member.id;
            self.hand_over(&Going { ordinal, name, id }, hand_over).await?;
            let Some(reason) = self.remove_now(id).await? else { continue };
            self.say(format!("etcd to let {name} go: {reason}"));
            let since = *refused.get_or_insert(self.world.now());
            if self.passed(since, HEALTH_INTERVAL) {
                return Err(Halt::because(format!("etcd does not let {name} go: {reason}")));
            }
            self.pause(SECOND).await?;
        }
    }

    /// Asks for the removal; the reason where the list must be looked at again.
    async fn remove_now(&mut self, id: Id) -> Result<Option<String>, Halt> {
        let Some(stays) = self.answered else { return Ok(Some("no voter answers".to_owned())) };
        self.world.hold_lock().await?;
        match self.world.remove(stays, id).await {
            Ok(()) => Ok(None),
            Err(Failure::Unknown(reason) | Failure::NotNow(reason)) => Ok(Some(reason)),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Takes a member that is gone out of the journal.
    pub(super) async fn forget_member(&mut self, name: &str) -> Result<(), Halt> {
        self.journal.members.remove(name);
        self.write_down().await
    }
}

/// Another member at the same address came after the plan.
fn is_planned(name: &str, member: &Member, planned: Option<Id>) -> Result<(), Halt> {
    match planned {
        Some(id) if id == member.id => Ok(()),
        Some(id) => Err(Halt::because(format!(
            "etcd lists member {} at the address of {name}, not {id} that was planned with: it was replaced since",
            member.id
        ))),
        None => Err(Halt::because(format!(
            "etcd lists member {} at the address of {name}, which was not listed when this was planned",
            member.id
        ))),
    }
}
