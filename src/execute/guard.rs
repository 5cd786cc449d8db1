//! What must hold when a step begins, read live.

use thiserror::Error;

use super::{Halt, Run, World};
use crate::{
    desired::CLUSTER_ID,
    member::{Id, Role},
    object::Object,
    observed::{Claim, journal::RecordedMember},
    plan::Guard,
};

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
            Guard::ClaimsStay { ordinals } => self.claims_stay(ordinals).await,
            Guard::NothingOfOthers => self.nothing_of_others().await,
            Guard::SetByNobodyElse { key } => self.set_by_nobody_else(key).await,
            Guard::SetByThese { key, these } => self.set_by_these(key, these).await,
            Guard::RecordedClaims { ordinals } => self.recorded_claims(ordinals).await,
            Guard::Sealed => self.is_sealed().await,
            Guard::FirstListed { members } => self.first_listed(*members).await,
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
        match live.map_or(Some(0), |live| live.replicas()) {
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
            if let Some(doubt) = self.against_claim(*ordinal).await? {
                let claim = self.names.claim(*ordinal).name;
                let name = self.names.member(*ordinal);
                return Err(Halt::because(format!(
                    "claim `{claim}` {doubt}: {name} would not come back with its data"
                )));
            }
        }
        Ok(())
    }

    /// What would go with a StatefulSet or a pod was told to since the plan.
    async fn claims_stay(&mut self, ordinals: &[usize]) -> Result<(), Halt> {
        for ordinal in ordinals {
            let Some(Claim { name, owners, terminating, .. }) = self.claim(*ordinal).await? else { continue };
            if !owners.is_empty() {
                let owners = owners.join(", ");
                return Err(Halt::because(format!(
                    "claim `{name}` belongs to {owners} and would go with it"
                )));
            }
            if terminating {
                return Err(Halt::because(format!("claim `{name}` {}", Doubt::Terminating)));
            }
        }
        Ok(())
    }

    /// Why a member's claim is not taken for the one with its data.
    pub(super) async fn against_claim(&mut self, ordinal: usize) -> Result<Option<Doubt>, Halt> {
        let claim = self.claim(ordinal).await?;
        let recorded = self.journal.members.get(&self.names.member(ordinal));
        Ok(doubt(claim.as_ref(), recorded, self.journal.cluster_id))
    }
}

/// What is wrong with a claim, in words that follow its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Doubt {
    #[error("does not exist")]
    Absent,
    #[error("is being deleted, and only its pod keeps it")]
    Terminating,
    #[error("is not the one that the journal has, and is not annotated with the cluster's id")]
    Another,
    #[error("is not in the journal, and is not annotated with the cluster's id")]
    Unrecorded,
}

/// A claim is known by its uid; one that was made anew around the same volume,
/// by the cluster's id on it. Were the volume empty all the same, the member
/// would not start: there is no window for it.
fn doubt(claim: Option<&Claim>, recorded: Option<&RecordedMember>, cluster: Option<Id>) -> Option<Doubt> {
    let Some(claim) = claim else { return Some(Doubt::Absent) };
    if claim.terminating {
        return Some(Doubt::Terminating);
    }
    let annotated = cluster.is_some() && claim.cluster_id == cluster;
    match recorded {
        _ if annotated => None,
        Some(recorded) if recorded.claim_uid == claim.uid => None,
        Some(_) => Some(Doubt::Another),
        None => Some(Doubt::Unrecorded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::fake::{CLUSTER, Fake};

    #[test]
    fn members_stop_only_while_their_claims_belong_to_nothing() {
        let fake = Fake::of(2);
        let guard = Guard::ClaimsStay { ordinals: vec![0, 1, 2] };
        let stays = |fake: &Fake| match fake.run(async |run| run.guard(&guard).await) {
            Ok(()) => None,
            Err(Halt::Stopped { reason, .. }) => Some(reason),
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(stays(&fake), None);
        fake.state().claims.get_mut(&1).expect("one").owners = vec!["StatefulSet/orders".to_owned()];
        let why = "claim `data-orders-1` belongs to StatefulSet/orders and would go with it";
        assert_eq!(stays(&fake).as_deref(), Some(why));
        fake.state().claims.get_mut(&0).expect("one").terminating = true;
        let why = "claim `data-orders-0` is being deleted, and only its pod keeps it";
        assert_eq!(stays(&fake).as_deref(), Some(why));
    }

    #[test]
    fn a_claim_is_known_by_its_uid_or_by_the_cluster_on_it() {
        let fake = Fake::of(1);
        let claim = fake.state().claims[&0].clone();
        let recorded = fake.state().journal.members["orders-0"].clone();
        let bare = Claim { cluster_id: None, ..claim.clone() };
        let other = Claim { uid: "other".into(), ..bare.clone() };
        let around = Claim { uid: "other".into(), ..claim.clone() };
        let stranger = Claim { cluster_id: Some(Id(5)), ..other.clone() };
        let going = Claim { terminating: true, ..claim.clone() };
        let table = [
            (Some(&claim), true, None),
            (Some(&bare), true, None),
            (Some(&around), true, None),
            (Some(&around), false, None),
            (Some(&other), true, Some(Doubt::Another)),
            (Some(&stranger), true, Some(Doubt::Another)),
            (Some(&bare), false, Some(Doubt::Unrecorded)),
            (Some(&going), true, Some(Doubt::Terminating)),
            (None, true, Some(Doubt::Absent)),
        ];
        for (claim, is_recorded, expected) in table {
            let recorded = is_recorded.then_some(&recorded);
            assert_eq!(doubt(claim, recorded, Some(CLUSTER)), expected, "{claim:?}, {is_recorded}");
        }
        assert_eq!(doubt(Some(&bare), None, None), Some(Doubt::Unrecorded));
    }
}
