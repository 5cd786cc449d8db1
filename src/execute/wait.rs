//! What must hold for a step to be done, and what to say when it does not.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Halt, Run, World};
use crate::{
    member::Role,
    observed::{Lookup, Pod},
    plan::Wait,
};

impl<W: World> Run<'_, W> {
    /// Returns once it holds; stops when the step's time is over.
    pub(super) async fn wait(&mut self, wait: &Wait) -> Result<(), Halt> {
        let began = self.world.now();
        loop {
            if let Wait::Founded { .. } = wait {
                self.see_founding_claim().await?;
            }
            let Some((ordinal, missing)) = self.lacks(wait).await? else { return Ok(()) };
            let pod = self.pod_in_words(ordinal).await;
            self.say(format!("{missing}{pod}"));
            if self.is_over(began) {
                let name = self.names.member(ordinal);
                let seconds = self.options.step_timeout.as_secs();
                return Err(self.gave_up(ordinal, format!("waited {seconds} s for {name}: {missing}")).await);
            }
            self.pause(Duration::from_millis(500)).await?;
        }
    }

    /// What a member that starts is missing; `None` when the wait is over.
    pub(super) async fn missing(&mut self, wait: &Wait, ordinal: usize) -> Result<Option<String>, Halt> {
        let name = self.names.member(ordinal);
        let status = match self.world.status(ordinal).await {
            Ok(status) => status,
            Err(_) => return Ok(Some(format!("{name} to answer"))),
        };
        let peer_url = match wait {
            Wait::Founded { .. } => {
                let leads =
                    status.leader == status.member_id && status.leader.0 != 0 && status.errors.is_empty();
                return Ok((!leads).then(|| format!("{name} to lead")));
            }
            Wait::Joined { peer_url, .. } | Wait::Voting { peer_url, .. } => peer_url,
            _ => return Ok(None),
        };
        if let Some(id) = self.journal.cluster_id
            && id != status.cluster_id
        {
            return Err(Halt::because(format!(
                "{name} belongs to cluster {}, not to {id}",
                status.cluster_id
            )));
        }
        let membership = self.list().await?;
        let Some(member) = membership.at(peer_url) else {
            return Err(Halt::because(format!("etcd does not list {name} any more")));
        };
        Ok(match wait {
            Wait::Voting { .. } if member.role != Role::Voter => Some(format!("{name} to vote")),
            Wait::Voting { .. } => match self.world.pod(ordinal).await {
                Lookup::Found(Pod { ready: true, .. }) => None,
                _ => Some(format!("{name} to be Ready")),
            },
            _ if member.name.is_empty() => Some(format!("{name} to publish its name")),
            _ => None,
        })
    }

    /// Whether the step's time is over.
    pub(super) fn is_over(&self, began: Timestamp) -> bool {
        self.passed(began, self.options.step_timeout)
    }

    /// Whether so much time has passed.
    pub(super) fn passed(&self, began: Timestamp, time: Duration) -> bool {
        self.world.now().duration_since(began)
            >= SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
    }
}
