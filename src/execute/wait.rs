//! What must hold for a step to be done, and what to say when it does not.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Halt, Run, World};
use crate::{
    last_words,
    member::Role,
    observed::{Lookup, Pod},
    plan::Wait,
};

impl<W: World> Run<'_, W> {
    /// Returns once it holds; stops when the step's time is over.
    pub(super) async fn wait(&mut self, wait: &Wait) -> Result<(), Halt> {
        let ordinal = match wait {
            Wait::Founded { ordinal } | Wait::Joined { ordinal, .. } | Wait::Voting { ordinal, .. } => {
                *ordinal
            }
        };
        let began = self.world.now();
        loop {
            if let Wait::Founded { .. } = wait {
                self.see_founding_claim().await?;
            }
            let Some(missing) = self.missing(wait, ordinal).await? else { return Ok(()) };
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

    /// What is missing; `None` when the wait is over.
    async fn missing(&mut self, wait: &Wait, ordinal: usize) -> Result<Option<String>, Halt> {
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

    /// A pod's trouble as the end of a line.
    async fn pod_in_words(&mut self, ordinal: usize) -> String {
        match self.world.pod(ordinal).await {
            Lookup::Found(Pod { trouble: Some(trouble), .. }) => {
                let words = trouble.last_words.as_deref().and_then(last_words::meaning);
                format!(" ({}: {})", trouble.reason, words.unwrap_or(&trouble.message))
            }
            Lookup::Found(pod) => format!(" ({})", pod.phase),
            Lookup::Absent => " (no pod yet)".to_owned(),
            Lookup::Failed(reason) => format!(" (the pod cannot be read: {reason})"),
        }
    }

    /// The end of a wait, with all that a person on call would look up next.
    pub(super) async fn gave_up(&mut self, ordinal: usize, reason: String) -> Halt {
        let name = self.names.member(ordinal);
        let mut details = Vec::new();
        if let Lookup::Found(Pod { trouble: Some(trouble), restarts, node, .. }) =
            self.world.pod(ordinal).await
        {
            let node = node.map(|node| format!(" on {node}")).unwrap_or_default();
            details.push(format!(
                "pod {name}{node}: {}, {restarts} restarts: {}",
                trouble.reason, trouble.message
            ));
            if let Some(words) = &trouble.last_words {
                details.push(format!("last words: {}", last_words::said(words)));
                details.extend(last_words::meaning(words).map(|meaning| format!("meaning: {meaning}")));
            }
        }
        details.extend(self.world.events(ordinal).await.into_iter().map(|event| format!("event: {event}")));
        details.extend(self.members_in_words().await);
        Halt::Stopped { reason, details }
    }

    /// How the cluster stands.
    async fn members_in_words(&mut self) -> Option<String> {
        let mut membership = None;
        for ordinal in 0..self.journal.members.len().max(1) {
            if membership.is_none() {
                membership = self.world.members(ordinal).await.ok();
            }
        }
        let voters = self.voters(&membership?);
        let mut up = 0;
        for ordinal in &voters {
            up += usize::from(self.world.status(*ordinal).await.is_ok());
        }
        let quorum = crate::member::quorum(voters.len());
        let how = match up {
            up if up < quorum => "not serving",
            up if up == quorum => "serving, cannot lose another",
            _ => "serving",
        };
        Some(format!("cluster: {up} of {} voters up, quorum {quorum}: {how}", voters.len()))
    }
}
