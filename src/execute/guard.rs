//! What must hold when a step begins, read live.

use serde_json::Value;

use super::{Halt, Run, World};
use crate::{desired::CLUSTER_ID, member::Role, object::Object, plan::Guard};

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
            Guard::VotersHealthy | Guard::Removable { .. } | Guard::MayRestart { .. } => {
                self.healthy_enough(guard).await
            }
            Guard::NotListed { peer_url } => match self.list().await?.at(peer_url) {
                None => Ok(()),
                Some(member) => {
                    Err(Halt::because(format!("etcd lists member {} at {peer_url} again", member.id)))
                }
            },
            Guard::ClaimIsNot { ordinal, uid } => self.claim_is_not(*ordinal, uid).await,
            Guard::RecordedClaims { ordinals } => self.recorded_claims(ordinals).await,
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

    async fn claim_is_not(&mut self, ordinal: usize, uid: &str) -> Result<(), Halt> {
        match self.claim(ordinal).await? {
            Some(claim) if claim.uid == uid => Err(Halt::because(format!(
                "claim `{}` still is the one that the removed member had: a joining member must start on an empty volume",
                claim.name
            ))),
            _ => Ok(()),
        }
    }

    async fn recorded_claims(&mut self, ordinals: &[usize]) -> Result<(), Halt> {
        for ordinal in ordinals {
            if !self.has_recorded_claim(*ordinal).await? {
                let claim = self.names.claim(*ordinal).name;
                return Err(Halt::because(format!(
                    "claim `{claim}` is not the one that the journal has for {}: its data is not there",
                    self.names.member(*ordinal)
                )));
            }
        }
        Ok(())
    }

    /// Whether a member's claim is the one that was recorded with it.
    pub(super) async fn has_recorded_claim(&mut self, ordinal: usize) -> Result<bool, Halt> {
        let Some(recorded) = self.journal.members.get(&self.names.member(ordinal)).cloned() else {
            return Ok(false);
        };
        let claim = self.claim(ordinal).await?;
        Ok(claim.is_some_and(|claim| claim.uid == recorded.claim_uid && !claim.terminating))
    }
}
