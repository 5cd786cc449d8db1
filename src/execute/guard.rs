//! What must hold when a step begins, read live.

use std::time::Duration;

use serde_json::Value;

use super::{Halt, Run, World};
use crate::{
    desired::CLUSTER_ID,
    member::{Membership, Role, complaint},
    object::Object,
    plan::Guard,
};

/// How long members may take to be healthy: an election, and the five seconds
/// of connection that etcd wants before it changes membership.
const SETTLE: Duration = Duration::from_secs(30);

impl<W: World> Run<'_, W> {
    /// Returns once the guard holds.
    pub(super) async fn guard(&mut self, guard: &Guard) -> Result<(), Halt> {
        match guard {
            Guard::NeverFounded => self.never_founded().await,
            Guard::Replicas { one_of } => self.replicas(one_of).await,
            Guard::Listed { peer_url } => match self.list().await?.at(peer_url) {
                Some(_) => Ok(()),
                None => Err(Halt::because(format!("etcd does not list {peer_url} any more"))),
            },
            Guard::ClaimAbsent { ordinal } => self.claim_absent(*ordinal).await,
            Guard::SameFoundingClaim => self.see_founding_claim().await,
            Guard::VotersHealthy => self.voters_healthy().await,
            Guard::NoOtherLearner { peer_url } => {
                let membership = self.list().await?;
                let is_other = |member: &&crate::member::Member| {
                    member.role == Role::Learner && !member.peer_urls.contains(peer_url)
                };
                match membership.members.iter().find(is_other) {
                    Some(other) => Err(Halt::because(format!(
                        "member {} at {} is a learner already; etcd takes one at a time",
                        other.id,
                        other.peer_urls.join(", ")
                    ))),
                    None => Ok(()),
                }
            }
        }
    }

    async fn stateful_set(&mut self) -> Result<Option<Object>, Halt> {
        self.look(&self.names.stateful_set()).await
    }

    async fn never_founded(&mut self) -> Result<(), Halt> {
        let annotation =
            self.stateful_set().await?.and_then(|object| object.annotation(CLUSTER_ID).map(str::to_owned));
        let recorded = self.journal.cluster_id.map(|id| id.to_string()).or(annotation);
        match recorded {
            Some(id) => Err(Halt::because(format!("cluster {id} is recorded: founding is over for ever"))),
            None => Ok(()),
        }
    }

    async fn replicas(&mut self, one_of: &[usize]) -> Result<(), Halt> {
        let live = self.stateful_set().await?;
        let replicas =
            live.map_or(Some(0), |live| live.body.pointer("/spec/replicas").and_then(Value::as_u64));
        match replicas.and_then(|replicas| usize::try_from(replicas).ok()) {
            Some(replicas) if one_of.contains(&replicas) => Ok(()),
            other => Err(Halt::because(format!(
                "`{}` has {} replicas, and the step was planned for {}",
                self.names.stateful_set(),
                other.map_or("unknown".to_owned(), |replicas| replicas.to_string()),
                one_of.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
            ))),
        }
    }

    async fn claim_absent(&mut self, ordinal: usize) -> Result<(), Halt> {
        match self.claim(ordinal).await? {
            None => Ok(()),
            Some(claim) => Err(Halt::because(format!(
                "claim `{}` exists already: a joining member must start on an empty volume",
                claim.name
            ))),
        }
    }

    async fn voters_healthy(&mut self) -> Result<(), Halt> {
        let began = self.world.now();
        loop {
            let membership = self.list().await?;
            let Some(sick) = self.sick(&membership).await else { return Ok(()) };
            self.say(format!("every voter to be healthy: {sick}"));
            if self.world.now().duration_since(began)
                > jiff::SignedDuration::try_from(SETTLE).unwrap_or_default()
            {
                let voters = membership.voters();
                return Err(Halt::because(format!("not all of {voters} voters are healthy: {sick}")));
            }
            self.pause(Duration::from_millis(500)).await?;
        }
    }

    /// What is wrong with any voter; `None` when all is well.
    async fn sick(&mut self, membership: &Membership) -> Option<String> {
        let mut leader = None;
        for member in membership.members.iter().filter(|member| member.role == Role::Voter) {
            let Some(ordinal) = member.peer_urls.first().and_then(|url| self.names.ordinal_of(url)) else {
                return Some(format!("member {} is not one of this stack's", member.id));
            };
            let complaint = match self.world.status(ordinal).await {
                Err(failure) => Some(format!("does not answer: {failure}")),
                Ok(status) => complaint(&status, membership, member.id, *leader.get_or_insert(status.leader)),
            };
            if let Some(complaint) = complaint {
                return Some(format!("{} {complaint}", self.names.member(ordinal)));
            }
        }
        let via = self.voters(membership).first().copied()?;
        match self.world.alarms(via).await {
            Ok(alarms) => {
                alarms.first().map(|alarm| format!("member {} raises alarm {}", alarm.member_id, alarm.name))
            }
            Err(failure) => Some(format!("alarms cannot be read: {failure}")),
        }
    }
}
