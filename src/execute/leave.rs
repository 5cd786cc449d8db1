//! A member leaves: out of etcd's list, then out of the journal.

use super::{
    Failure, Halt, Run, World,
    leadership::Going,
    wait::{HEALTH_INTERVAL, SECOND},
};
use crate::member::{Id, Member};

impl<W: World> Run<'_, W> {
    /// Takes a member out of the list, and lowers its alarms once its address
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
            let Some(member) = membership.at(peer_url) else {
                let recorded = self.journal.members.get(name).map(|recorded| recorded.id);
                let gone = planned.or(recorded).filter(|id| membership.members.iter().all(|m| m.id != *id));
                return self.lower_alarms(gone).await;
            };
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

    /// Lowers what a member raised that is gone: its data is gone too, and etcd
    /// itself lowers nothing.
    async fn lower_alarms(&mut self, gone: Option<Id>) -> Result<(), Halt> {
        let Some(id) = gone else { return Ok(()) };
        let began = self.world.now();
        loop {
            let reason = match self.lower_now(id).await {
                Ok(()) => return Ok(()),
                Err(Failure::Unknown(reason) | Failure::NotNow(reason)) => reason,
                Err(failure) => return Err(failure.into()),
            };
            self.say(format!("etcd to lower the alarms of member {id}: {reason}"));
            if self.passed(began, HEALTH_INTERVAL) {
                return Err(Halt::because(format!("the alarms of member {id} stay: {reason}")));
            }
            self.pause(SECOND).await?;
            self.list().await?;
        }
    }

    async fn lower_now(&mut self, id: Id) -> Result<(), Failure> {
        let stays = self.answered.ok_or_else(|| Failure::NotNow("no voter answers".to_owned()))?;
        let raised = self.world.alarms(stays).await?;
        for alarm in raised.iter().filter(|alarm| alarm.member_id == id) {
            self.world.hold_lock().await?;
            self.world.disarm(stays, alarm).await?;
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        execute::fake::{Fake, id},
        member::Alarm,
    };

    fn alarms(fake: &Fake) {
        let raised = |ordinal| Alarm { member_id: id(ordinal), name: "CORRUPT".into() };
        fake.state().alarms = vec![raised(1), raised(2)];
    }

    fn remove(fake: &Fake, planned: Option<Id>) {
        let url = fake.names.peer_url(2);
        fake.run(async |run| run.remove_member("orders-2", &url, planned, &[0]).await).unwrap();
    }

    #[test]
    fn a_member_that_was_removed_leaves_no_alarm_and_others_keep_theirs() {
        let fake = Fake::of(3);
        alarms(&fake);
        remove(&fake, Some(id(2)));
        let expected = ["remove a2", "disarm CORRUPT of a2"];
        assert_eq!(fake.state().log, expected);
        remove(&fake, Some(id(2)));
        assert_eq!(fake.state().log, expected);
    }

    #[test]
    fn a_run_that_died_before_the_alarms_of_the_removed_were_lowered_goes_on() {
        let fake = Fake::of(3);
        alarms(&fake);
        fake.state().membership.as_mut().unwrap().members.truncate(2);
        remove(&fake, None);
        assert_eq!(fake.state().log, ["disarm CORRUPT of a2"]);
    }
}
