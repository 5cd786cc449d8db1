//! Changes of membership: add a learner, make it a voter.

use std::time::Duration;

use super::{
    Failure, Halt, Run, World,
    wait::{HEALTH_INTERVAL, LAG, SECOND},
};
use crate::member::{Id, Member, Membership, Role, Status};

/// A learner that applies nothing for so long is stuck.
const STALL: Duration = Duration::from_secs(5 * 60);
/// How fast a connected learner applies one entry.
const CONNECTED: Duration = Duration::from_secs(2);

impl<W: World> Run<'_, W> {
    /// Lists a learner; nothing to do when it is listed already.
    pub(super) async fn add_learner(&mut self, name: &str, peer_url: &str) -> Result<(), Halt> {
        let began = self.world.now();
        loop {
            if self.list().await?.at(peer_url).is_some() {
                return Ok(());
            }
            let via = self.via().await?;
            self.world.hold_lock().await?;
            match self.world.add_learner(via, peer_url).await {
                Ok(()) => {}
                // The list decides, at the next turn.
                Err(Failure::Unknown(reason) | Failure::NotNow(reason)) => {
                    self.say(format!("etcd to take {name}: {reason}"));
                    if self.passed(began, HEALTH_INTERVAL) {
                        return Err(Halt::because(format!("etcd does not take {name}: {reason}")));
                    }
                    self.pause(SECOND).await?;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// Makes a learner a voter, once it has shown that it is connected: etcd
    /// itself promotes one that died after it had caught up.
    pub(super) async fn promote(&mut self, ordinal: usize, name: &str, peer_url: &str) -> Result<(), Halt> {
        let began = self.world.now();
        loop {
            let membership = self.list().await?;
            let Some(member) = membership.at(peer_url) else {
                return Err(Halt::because(format!("etcd does not list {name} any more")));
            };
            if member.role == Role::Voter {
                return Ok(());
            }
            self.caught_up(ordinal, name, &membership).await?;
            match self.show_connected(ordinal, member).await? {
                Some(reason) => self.say(format!("{name} to be connected: {reason}")),
                None => match self.promote_now(member.id).await? {
                    Some(reason) => self.say(format!("etcd to promote {name}: {reason}")),
                    None => continue,
                },
            }
            if self.is_over(began) {
                return Err(self
                    .gave_up(ordinal, format!("{name} could not be shown to be connected and caught up"))
                    .await);
            }
            self.pause(SECOND).await?;
        }
    }

    /// Asks for the promotion; the reason if etcd does not want it yet.
    async fn promote_now(&mut self, id: Id) -> Result<Option<String>, Halt> {
        let via = self.via().await?;
        self.world.hold_lock().await?;
        match self.world.promote(via, id).await {
            Ok(()) => Ok(None),
            Err(Failure::Unknown(reason) | Failure::NotNow(reason)) => Ok(Some(reason)),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Waits until the learner has applied what the leader has.
    async fn caught_up(&mut self, ordinal: usize, name: &str, membership: &Membership) -> Result<(), Halt> {
        let (mut best, mut grew) = (0, self.world.now());
        loop {
            let learner = self.answer(ordinal).await?;
            let leader = self.leader(membership, &learner).await?;
            if learner.raft_applied_index >= leader.raft_index.saturating_sub(LAG) {
                return Ok(());
            }
            if learner.raft_applied_index > best {
                (best, grew) = (learner.raft_applied_index, self.world.now());
            } else if self.passed(grew, STALL) {
                let reason = format!(
                    "{name} has applied nothing for {} s: entry {best} of {}",
                    STALL.as_secs(),
                    leader.raft_index
                );
                return Err(self.gave_up(ordinal, reason).await);
            }
            self.say(format!(
                "{name} to catch up: entry {} of {}",
                learner.raft_applied_index, leader.raft_index
            ));
            self.pause(SECOND).await?;
        }
    }

    /// The status of the leader that the learner follows.
    async fn leader(&mut self, membership: &Membership, learner: &Status) -> Result<Status, Halt> {
        let leads = |member: &&Member| member.id == learner.leader;
        let found = membership
            .members
            .iter()
            .find(leads)
            .and_then(|member| self.names.ordinal_of(member.peer_urls.first()?));
        match found.or(self.answered) {
            Some(ordinal) => self.answer(ordinal).await,
            None => Err(Halt::because("etcd lists no voter of this stack")),
        }
    }

    /// Writes one entry and sees the learner apply it: its own words do not
    /// prove a connection. The reason if it does not.
    async fn show_connected(&mut self, ordinal: usize, member: &Member) -> Result<Option<String>, Halt> {
        let via = self.via().await?;
        self.world.hold_lock().await?;
        if let Err(failure) = self.world.write_entry(via).await {
            return Ok(Some(failure.to_string()));
        }
        let index = match self.world.status(via).await {
            Ok(status) => status.raft_index,
            Err(failure) => return Ok(Some(failure.to_string())),
        };
        let began = self.world.now();
        loop {
            match self.world.status(ordinal).await {
                Ok(status) if status.member_id != member.id => {
                    return Ok(Some(format!("it calls itself {}", status.member_id)));
                }
                Ok(status) if status.raft_applied_index >= index => return Ok(None),
                Ok(_) => {}
                Err(failure) => return Ok(Some(failure.to_string())),
            }
            if self.passed(began, CONNECTED) {
                return Ok(Some(format!("entry {index} did not reach it within {} s", CONNECTED.as_secs())));
            }
            self.world.sleep(Duration::from_millis(100)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::fake::{Fake, id};

    /// Three members, of which the last still learns.
    fn joining() -> Fake {
        let fake = Fake::of(3);
        fake.state().membership.as_mut().unwrap().members[2].role = Role::Learner;
        fake.state().statuses.get_mut(&2).unwrap().role = Role::Learner;
        fake
    }

    fn promote(fake: &Fake) -> Result<(), Halt> {
        let (name, url) = (fake.names.member(2), fake.names.peer_url(2));
        fake.run(async |run| run.promote(2, &name, &url).await)
    }

    #[test]
    fn a_learner_that_applies_what_is_written_is_promoted() {
        let fake = joining();
        assert!(promote(&fake).is_ok());
        assert_eq!(fake.state().log, [format!("promote {}", id(2))]);
    }

    #[test]
    fn a_learner_that_caught_up_and_was_cut_off_since_is_not_promoted() {
        let fake = joining();
        fake.state().apart.insert(2);
        let Err(Halt::Stopped { reason, .. }) = promote(&fake) else { panic!("it was promoted") };
        assert_eq!(reason, "orders-2 could not be shown to be connected and caught up");
        assert!(fake.state().log.is_empty());
    }
}
