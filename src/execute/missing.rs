//! What a wait still waits for: each kind of wait, and what is missing.

use super::{Halt, Run, World, wait::LAG};
use crate::{
    member::{Member, Membership, Role, Status, complaint, without_alarms},
    observed::Pod,
    plan::Wait,
};

/// What is missing, and which member it is about; `None` when the wait is over.
pub(super) type Missing = Option<(usize, String)>;

impl<W: World> Run<'_, W> {
    /// What a wait still waits for.
    pub(super) async fn lacks(&mut self, wait: &Wait) -> Result<Missing, Halt> {
        let (ordinal, missing) = match wait {
            Wait::Founded { ordinal } => (*ordinal, self.not_leading(*ordinal).await),
            Wait::Joined { ordinal, peer_url } => (*ordinal, self.not_joined(*ordinal, peer_url).await?),
            Wait::Voting { ordinal, peer_url } => (*ordinal, self.not_voting(*ordinal, peer_url).await?),
            Wait::Gone { ordinal } => (*ordinal, self.pod(*ordinal).await?.map(|pod| leaving(&pod))),
            Wait::ClaimGone { ordinal, uid } => (*ordinal, self.claim_stays(*ordinal, uid).await?),
            Wait::Emptied { ordinal, claim_uid } => (*ordinal, self.not_emptied(*ordinal, claim_uid).await?),
            Wait::Restarted { ordinal, peer_url, pod_uid } => {
                (*ordinal, self.not_restarted(*ordinal, peer_url, pod_uid).await?)
            }
            Wait::Back { ordinals } => return self.not_back(ordinals).await,
            Wait::Adopted { replicas } => return self.not_adopted(*replicas).await,
            Wait::Grown { ordinal, size } => (*ordinal, self.not_grown(*ordinal, *size).await?),
        };
        Ok(missing.map(|missing| (ordinal, missing)))
    }

    async fn not_leading(&self, ordinal: usize) -> Option<String> {
        let name = self.names.member(ordinal);
        match self.world.status(ordinal).await {
            Err(_) => Some(format!("{name} to answer")),
            Ok(status) => {
                let leads = status.leader == status.member_id && status.leader.0 != 0;
                (!leads || !status.errors.is_empty()).then(|| format!("{name} to lead"))
            }
        }
    }

    async fn not_joined(&mut self, ordinal: usize, peer_url: &str) -> Result<Option<String>, Halt> {
        Ok(match self.started(ordinal, peer_url).await? {
            Err(missing) => Some(missing),
            Ok(member) if member.name.is_empty() => {
                Some(format!("{} to publish its name", self.names.member(ordinal)))
            }
            Ok(_) => None,
        })
    }

    async fn not_voting(&mut self, ordinal: usize, peer_url: &str) -> Result<Option<String>, Halt> {
        let name = self.names.member(ordinal);
        Ok(match self.started(ordinal, peer_url).await? {
            Err(missing) => Some(missing),
            Ok(member) if member.role != Role::Voter => Some(format!("{name} to vote")),
            Ok(_) if self.pod(ordinal).await?.is_some_and(|pod| pod.ready) => None,
            Ok(_) => Some(format!("{name} to be Ready")),
        })
    }

    /// A member that answers, as the list has it; what is missing otherwise.
    async fn started(&mut self, ordinal: usize, peer_url: &str) -> Result<Result<Member, String>, Halt> {
        let name = self.names.member(ordinal);
        let Ok(status) = self.world.status(ordinal).await else {
            return Ok(Err(format!("{name} to answer")));
        };
        match self.journal.cluster_id.filter(|id| *id != status.cluster_id) {
            Some(id) => {
                Err(Halt::because(format!("{name} belongs to cluster {}, not to {id}", status.cluster_id)))
            }
            None => match self.list().await?.at(peer_url) {
                Some(member) => Ok(Ok(member.clone())),
                None => Err(Halt::because(format!("etcd does not list {name} any more"))),
            },
        }
    }

    async fn claim_stays(&mut self, ordinal: usize, uid: &str) -> Result<Option<String>, Halt> {
        let claim = self.claim(ordinal).await?.filter(|claim| claim.uid == uid);
        Ok(claim.map(|claim| format!("claim {} to be gone", claim.name)))
    }

    async fn not_emptied(&mut self, ordinal: usize, claim_uid: &str) -> Result<Option<String>, Halt> {
        let name = self.names.claim(ordinal).name;
        Ok(match self.claim(ordinal).await? {
            Some(claim) if claim.uid != claim_uid && !claim.terminating => None,
            Some(_) => match self.pod(ordinal).await? {
                Some(pod) if pod.terminating => Some(leaving(&pod)),
                _ => Some(format!("claim {name} to be gone")),
            },
            None => Some(format!("claim {name} to be made anew")),
        })
    }

    /// First the pod, then the member in it.
    async fn not_restarted(
        &mut self,
        ordinal: usize,
        peer_url: &str,
        pod_uid: &str,
    ) -> Result<Option<String>, Halt> {
        let name = self.names.member(ordinal);
        let template = self.template().await?;
        if !template.settled {
            return Ok(Some(self.controller_to_see()));
        }
        let template = template.revision;
        let pod = match self.pod(ordinal).await? {
            None => return Ok(Some(format!("{name} to be made anew"))),
            Some(pod) if self.left_alone.contains(&pod.uid) => pod,
            Some(pod) if pod.uid == pod_uid || pod.terminating => return Ok(Some(leaving(&pod))),
            Some(pod) => pod,
        };
        if template.is_some() && pod.revision.is_some() && pod.revision != template {
            return Ok(Some(format!("{name} to be made from the new template")));
        }
        let status = match self.world.status(ordinal).await {
            Ok(status) => without_alarms(status),
            Err(_) => return Ok(Some(format!("{name} to answer"))),
        };
        let membership = match self.try_list(None).await? {
            Ok(membership) => membership,
            Err(reason) => return Ok(Some(format!("a voter to answer: {reason}"))),
        };
        let lags = self.lags(&name, peer_url, &status, &membership).await?;
        Ok(lags.or_else(|| (!pod.ready).then(|| format!("{name} to be Ready"))))
    }

    /// What a member that came back still lacks. Another id than the listed
    /// one means other data than it had.
    async fn lags(
        &mut self,
        name: &str,
        peer_url: &str,
        status: &Status,
        membership: &Membership,
    ) -> Result<Option<String>, Halt> {
        let Some(member) = membership.at(peer_url) else {
            return Err(Halt::because(format!("etcd does not list {name} any more")));
        };
        if status.member_id != member.id {
            return Err(Halt::because(format!(
                "{name} came back as member {}, but etcd lists {}: it has other data than before",
                status.member_id, member.id
            )));
        }
        let Some(Ok(other)) = self.ask_again().await else {
            return Ok(Some("a voter to answer".to_owned()));
        };
        if let Some(complaint) = complaint(status, membership, member.id, other.leader) {
            return Ok(Some(format!("{name} to be healthy: it {complaint}")));
        }
        let behind = status.raft_applied_index < other.raft_index.saturating_sub(LAG);
        let (has, all) = (status.raft_applied_index, other.raft_index);
        Ok(behind.then(|| format!("{name} to catch up: entry {has} of {all}")))
    }

    /// The status of the voter that gave the list.
    async fn ask_again(&mut self) -> Option<Result<Status, super::Failure>> {
        Some(self.world.status(self.answered?).await)
    }

    /// The first voter that is not back, or does not know the leader of the
    /// others; all of them while nobody says who votes.
    async fn not_back(&mut self, ordinals: &[usize]) -> Result<Missing, Halt> {
        let listed = self.try_list(None).await?.ok().map(|membership| self.voters(&membership));
        let mut leader = None;
        // A learner is never Ready, and who is not listed does not serve.
        for ordinal in ordinals.iter().filter(|one| listed.as_ref().is_none_or(|list| list.contains(one))) {
            let name = self.names.member(*ordinal);
            let missing = |what: &str| Ok(Some((*ordinal, format!("{name} {what}"))));
            let Ok(status) = self.world.status(*ordinal).await else { return missing("to answer") };
            if status.leader.0 == 0 || status.leader != *leader.get_or_insert(status.leader) {
                return missing("to agree on a leader");
            }
            if !self.pod(*ordinal).await?.is_some_and(|pod| pod.ready) {
                return missing("to be Ready");
            }
        }
        Ok(None)
    }
}

/// A pod that is to go, and where: the kubelet of its node must say that it has
/// ended.
fn leaving(pod: &Pod) -> String {
    match &pod.node {
        Some(node) if pod.terminating => format!("{} to end on {node}", pod.name),
        _ => format!("{} to be gone", pod.name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        execute::fake::{Fake, State},
        member::{Id, Role},
    };

    /// A claim that is used stays, marked, and a pod until its kubelet says so.
    #[test]
    fn what_is_deleted_is_waited_for_by_its_identity() {
        let fake = Fake::of(3);
        let lacks = |wait: &Wait| fake.run(async |run| run.lacks(wait).await).unwrap().is_some();
        let peer_url = fake.names.peer_url(1);
        let [gone, claim, emptied, restarted] = [
            Wait::Gone { ordinal: 1 },
            Wait::ClaimGone { ordinal: 1, uid: "claim-1".into() },
            Wait::Emptied { ordinal: 1, claim_uid: "claim-1".into() },
            Wait::Restarted { ordinal: 1, peer_url, pod_uid: "pod-1".into() },
        ];
        assert!([&gone, &claim, &emptied, &restarted].into_iter().all(lacks));
        fake.state().claims.get_mut(&1).unwrap().terminating = true;
        fake.state().pods.get_mut(&1).unwrap().terminating = true;
        assert!([&gone, &claim, &emptied, &restarted].into_iter().all(lacks));
        for (uid, terminating) in [("new", true), ("new", false)] {
            let mut state = fake.state();
            let has = state.claims.get_mut(&1).unwrap();
            (has.uid, has.terminating) = (uid.into(), terminating);
            let pod = state.pods.get_mut(&1).unwrap();
            (pod.uid, pod.terminating) = (uid.into(), terminating);
            drop(state);
            assert_eq!([lacks(&gone), lacks(&claim)], [true, false]);
            assert_eq!([lacks(&emptied), lacks(&restarted)], [terminating; 2]);
        }
        fake.state().pods.remove(&1);
        fake.state().claims.remove(&1);
        assert_eq!([&gone, &claim, &emptied, &restarted].map(lacks), [false, false, true, true]);
    }

    type Change = dyn Fn(&mut State);

    /// A Ready pod alone is no member, and one of the old template no new one.
    #[test]
    fn a_member_is_back_when_it_is_new_healthy_level_and_ready() {
        let lacks = |change: &Change| {
            let fake = Fake::of(3);
            let status = json!({ "observedGeneration": 2, "updateRevision": "new" });
            fake.state().set = json!({ "metadata": { "generation": 2 }, "status": status });
            let pod =
                Pod { uid: "new".into(), revision: Some("new".into()), ..fake.state().pods[&1].clone() };
            fake.state().pods.insert(1, pod);
            change(&mut fake.state());
            let peer_url = fake.names.peer_url(1);
            let wait = Wait::Restarted { ordinal: 1, peer_url, pod_uid: "pod-1".into() };
            fake.run(async |run| run.lacks(&wait).await).unwrap().map(|(_, missing)| missing)
        };
        assert_eq!(lacks(&|_| {}), None);
        let table: [(&Change, &str); 5] = [
            (&|state| state.set["metadata"]["generation"] = json!(3), "the controller to see"),
            (&|state| state.pods.get_mut(&1).unwrap().revision = None, ""),
            (&|state| state.pods.get_mut(&1).unwrap().revision = Some("old".into()), "the new template"),
            (&|state| state.statuses.get_mut(&1).unwrap().leader = Id(0), "to be healthy"),
            (&|state| state.pods.get_mut(&1).unwrap().ready = false, "to be Ready"),
        ];
        for (change, missing) in table {
            let found = lacks(change).unwrap_or_default();
            assert!(found.contains(missing) && found.is_empty() == missing.is_empty(), "{missing}: {found}");
        }
        let behind = lacks(&|state| {
            state.statuses.values_mut().for_each(|status| status.raft_index = 1000);
            state.statuses.get_mut(&1).unwrap().raft_applied_index = 1;
        });
        assert_eq!(behind.as_deref(), Some("orders-1 to catch up: entry 1 of 1000"));
    }

    #[test]
    fn a_learner_and_one_that_is_not_listed_are_not_waited_for() {
        let fake = Fake::of(4);
        {
            let mut state = fake.state();
            let members = &mut state.membership.as_mut().unwrap().members;
            members.truncate(3);
            members[2].role = Role::Learner;
            for ordinal in [2, 3] {
                state.pods.get_mut(&ordinal).unwrap().ready = false;
            }
        }
        let lacks = |ordinals: &[usize]| {
            let wait = Wait::Back { ordinals: ordinals.to_vec() };
            fake.run(async |run| run.lacks(&wait).await).unwrap()
        };
        assert_eq!(lacks(&[0, 1, 2, 3]), None);
        fake.state().pods.get_mut(&1).unwrap().ready = false;
        assert_eq!(lacks(&[0, 1, 2]), Some((1, "orders-1 to be Ready".to_owned())));
        fake.state().membership = None;
        fake.state().pods.get_mut(&1).unwrap().ready = true;
        assert_eq!(lacks(&[0, 1, 2]), Some((2, "orders-2 to be Ready".to_owned())));
    }
}
