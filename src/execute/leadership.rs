//! Handing leadership over before a leader goes: without that nobody is served
//! until the others have held an election.

use std::time::Duration;

use super::{
    Failure, Halt, Run, World,
    health::Bearable,
    wait::{HEALTH_INTERVAL, LAG},
};
use crate::member::{Id, Member, Membership, Role, complaint, without_alarms};

/// Between two looks at who leads.
const LOOK: Duration = Duration::from_millis(300);

/// Who is about to go.
pub(super) struct Going<'a> {
    /// Its ordinal; `None` for one that is not this stack's.
    pub ordinal: Option<usize>,
    /// Its name.
    pub name: &'a str,
    /// Its id.
    pub id: Id,
}

impl<W: World> Run<'_, W> {
    /// Returns once a voter that stays knows another leader than the one that
    /// goes.
    pub(super) async fn hand_over(&mut self, going: &Going<'_>, to: &[usize]) -> Result<(), Halt> {
        let began = self.world.now();
        loop {
            let membership = self.list_but(going.ordinal).await?;
            let leader = match self.answered {
                Some(stays) => self.world.status(stays).await.map(|status| status.leader),
                None => Err(Failure::NotNow("no voter answers".to_owned())),
            };
            let reason = match leader {
                Ok(leader) if leader == going.id => self.move_on(going, &membership, to).await?,
                Ok(Id(0)) => "the cluster has no leader".to_owned(),
                Ok(_) => return Ok(()),
                Err(failure) => failure.to_string(),
            };
            let wanted = format!("another member than {} to lead: {reason}", going.name);
            self.say(wanted.clone());
            if self.passed(began, HEALTH_INTERVAL) {
                return Err(Halt::because(format!("waited {} s for {wanted}", HEALTH_INTERVAL.as_secs())));
            }
            self.pause(LOOK).await?;
        }
    }

    /// Asks the leader to let another one lead; what to wait for then.
    async fn move_on(
        &mut self,
        going: &Going<'_>,
        membership: &Membership,
        to: &[usize],
    ) -> Result<String, Halt> {
        let Some(leader) = going.ordinal else {
            return Err(Halt::because(format!(
                "{} leads and is not one of this stack's: hand leadership over with `etcdctl move-leader` first",
                going.name
            )));
        };
        let Some((successor, id)) = self.successor(leader, going.id, membership, to).await else {
            return Ok("no other voter is healthy and has caught up".to_owned());
        };
        self.world.hold_lock().await?;
        match self.world.move_leader(leader, id).await {
            // The others hear of it in a moment.
            Ok(()) => Ok(format!("{} takes over", self.names.member(successor))),
            Err(Failure::NotNow(reason) | Failure::Unknown(reason)) => Ok(reason),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The first of them that can lead at once.
    async fn successor(
        &mut self,
        leader: usize,
        leader_id: Id,
        membership: &Membership,
        to: &[usize],
    ) -> Option<(usize, Id)> {
        let index = self.world.status(leader).await.ok()?.raft_index;
        let alarms = self.world.alarms(self.answered?).await.ok()?;
        let raises = |id: Id| alarms.iter().any(|one| one.member_id == id && !Bearable::Full.holds(one));
        for ordinal in to {
            let can_lead =
                |member: &&Member| member.role == Role::Voter && member.id != leader_id && !raises(member.id);
            let Some(member) = membership.at(&self.names.peer_url(*ordinal)).filter(can_lead) else {
                continue;
            };
            let Ok(status) = self.world.status(*ordinal).await else { continue };
            let status = without_alarms(status);
            if complaint(&status, membership, member.id, leader_id).is_none()
                && status.raft_applied_index >= index.saturating_sub(LAG)
            {
                return Some((*ordinal, member.id));
            }
        }
        None
    }
}
