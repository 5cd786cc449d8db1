//! The world as execute sees it, with faults.

use std::time::Duration;

use etcdctl_stack::{
    certificate::Request,
    execute::{Failure, World},
    member::{Alarm, Id, Membership, Role, Status},
    object::{Kind, Object, ObjectKey},
    observed::{Claim, Conflict, Journal, Lookup, Neighbours, Node, Pod, SecretFacts, journal::Snapshot},
    quantity::Quantity,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    simulator::{Fault, Simulator, State},
    view,
};

impl Simulator {
    /// A call that changes something: with its fault, if it has one.
    async fn change<T>(
        &self,
        name: &str,
        effect: impl FnOnce(&mut State) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let fault = {
            let mut state = self.state.borrow_mut();
            // Clients go on meanwhile.
            state.write_a_key();
            let call = state.calls;
            state.calls += 1;
            state.log.push(name.to_owned());
            state.strike(call);
            state.faults.remove(&call)
        };
        let lost = || Failure::Unknown(format!("no answer to {name}"));
        if fault == Some(Fault::CrashBefore) {
            return std::future::pending().await;
        }
        if fault == Some(Fault::EffectLost) {
            return Err(lost());
        }
        let done = {
            let mut state = self.state.borrow_mut();
            let before = state.before();
            let done = effect(&mut state);
            state.turn();
            state.judge_call(&before);
            done
        };
        match fault {
            Some(Fault::CrashAfter) => std::future::pending().await,
            Some(Fault::AnswerLost) => Err(lost()),
            _ => done,
        }
    }
}

impl World for Simulator {
    fn now(&self) -> Timestamp {
        self.read().now
    }

    async fn sleep(&self, time: Duration) {
        let time = SignedDuration::try_from(time).expect("short");
        let now = self.read().now + time;
        self.state.borrow_mut().now = now;
        self.turn();
    }

    fn token(&self) -> String {
        format!("token-{}", self.read().counter)
    }

    async fn object(&self, key: &ObjectKey) -> Lookup<Object> {
        let state = self.read();
        let uid = state.ordinal_of(key).and_then(|ordinal| match key.kind {
            Kind::Pod => state.pods.get(&ordinal).map(|pod| pod.uid.clone()),
            _ => state.claims.get(&ordinal).map(|claim| claim.uid.clone()),
        });
        if let Some(uid) = uid {
            return Lookup::Found(Object { key: key.clone(), body: json!({ "metadata": { "uid": uid } }) });
        }
        state.record(key).or_else(|| state.objects.get(key).cloned()).map_or(Lookup::Absent, Lookup::Found)
    }

    async fn pod(&self, ordinal: usize) -> Lookup<Pod> {
        self.pod_of(ordinal).map_or(Lookup::Absent, Lookup::Found)
    }

    async fn claim(&self, ordinal: usize) -> Lookup<Claim> {
        self.claim_of(ordinal).map_or(Lookup::Absent, Lookup::Found)
    }

    async fn node(&self, name: &str) -> Lookup<Node> {
        Lookup::Found(view::node(name))
    }

    async fn events(&self, ordinal: usize) -> Vec<String> {
        let state = self.read();
        let held = state.held.contains(&ordinal) && state.pods.contains_key(&ordinal);
        held.then(|| "FailedScheduling: no node is available".to_owned()).into_iter().collect()
    }

    async fn create(&self, object: &Object) -> Result<(), Failure> {
        self.change(&format!("create {}", object.key), |state| state.store(object, None, None)).await
    }

    async fn apply(
        &self,
        object: &Object,
        uid: Option<&str>,
        version: Option<&str>,
        take: &[Conflict],
    ) -> Result<(), Failure> {
        self.change(&format!("apply {}", object.key), |state| state.apply(object, uid, version, take)).await
    }

    async fn adopt(&self, object: &Object, uid: &str, version: Option<&str>) -> Result<(), Failure> {
        self.change(&format!("adopt {}", object.key), |state| state.adopt(object, uid, version)).await
    }

    async fn remove_at(
        &self,
        key: &ObjectKey,
        uid: &str,
        version: &str,
        pointer: &str,
    ) -> Result<(), Failure> {
        self.change("remove a field", |state| state.remove_at(key, uid, version, pointer)).await
    }

    async fn delete(&self, key: &ObjectKey, uid: &str) -> Result<(), Failure> {
        self.change(&format!("delete {key}"), |state| state.delete(key, uid)).await
    }

    async fn delete_as_read(&self, object: &Object) -> Result<(), Failure> {
        self.change(&format!("delete {}", object.key), |state| state.delete_as_read(object)).await
    }

    async fn release(&self, object: &Object) -> Result<(), Failure> {
        self.change(&format!("release {}", object.key), |state| state.release(object)).await
    }

    async fn neighbours(&self) -> Lookup<Neighbours> {
        Lookup::Found(self.read().neighbours.clone())
    }

    async fn orphan(&self, key: &ObjectKey, uid: &str, version: &str) -> Result<(), Failure> {
        self.change(&format!("orphan {key}"), |state| state.orphan(key, uid, version)).await
    }

    async fn grow(&self, key: &ObjectKey, uid: &str, _version: &str, size: Quantity) -> Result<(), Failure> {
        self.change(&format!("grow {key}"), |state| state.grow(key, uid, size)).await
    }

    async fn issue(
        &self,
        object: &Object,
        request: &Request,
        authority: Option<&ObjectKey>,
        uid: Option<&str>,
        keep: bool,
    ) -> Result<(), Failure> {
        let claimed = self
            .change(&format!("claim {}", object.key), |state| {
                if uid.is_none() {
                    state.store(object, None, None)?;
                    state.secrets.insert(object.key.clone(), SecretFacts::default());
                }
                Ok(state.objects.get(&object.key).and_then(Object::uid).map(str::to_owned))
            })
            .await?;
        let filled = |facts: &SecretFacts| facts.certificate.is_some();
        if keep && self.read().secrets.get(&object.key).is_some_and(filled) {
            return Ok(());
        }
        let name = format!("issue {}", object.key);
        self.change(&name, |state| state.certify(object, request, authority, claimed.as_deref())).await
    }

    async fn status(&self, ordinal: usize) -> Result<Status, Failure> {
        self.status_of(ordinal).ok_or_else(|| Failure::NotNow("connection refused".into()))
    }

    async fn members(&self, via: usize) -> Result<Membership, Failure> {
        let state = self.read();
        let log = state.served_by(via)?;
        Ok(state.membership(&log, via))
    }

    async fn members_applied(&self, via: usize) -> Result<Membership, Failure> {
        let state = self.read();
        let served = state.pods.get(&via).is_some_and(|pod| pod.served);
        let data = state.data(via).filter(|_| served);
        let log = data.ok_or_else(|| Failure::NotNow("connection refused".into()))?.log.clone();
        Ok(state.membership(&log, via))
    }

    async fn alarms(&self, via: usize) -> Result<Vec<Alarm>, Failure> {
        let state = self.read();
        state.served_by(via).map(|_| state.alarms.clone())
    }

    async fn disarm(&self, via: usize, alarm: &Alarm) -> Result<(), Failure> {
        self.change("disarm", |state| {
            state.served_by(via)?;
            state.alarms.retain(|raised| raised != alarm);
            Ok(())
        })
        .await
    }

    async fn add_learner(&self, via: usize, peer_url: &str) -> Result<(), Failure> {
        self.change("add learner", |state| state.add(via, peer_url, Role::Learner)).await
    }

    async fn move_leader(&self, leader: usize, to: Id) -> Result<(), Failure> {
        self.change("move leader", |state| state.move_leader(leader, to)).await
    }

    async fn remove(&self, via: usize, id: Id) -> Result<(), Failure> {
        self.change("remove", |state| {
            let mut tried = state.clone();
            if tried.remove(via, id).is_ok() {
                state.judge_removal(id);
            }
            state.remove(via, id)
        })
        .await
    }

    async fn snapshot(&self, via: usize) -> Result<Snapshot, Failure> {
        self.change("snapshot", |state| {
            state.served_by(via)?;
            state.snapshots += 1;
            let path = format!("/snapshots/{}.db", state.snapshots);
            let revision = i64::try_from(state.acknowledged.len()).expect("few");
            Ok(Snapshot { path, revision, saved_at: state.now })
        })
        .await
    }

    async fn promote(&self, via: usize, id: Id) -> Result<(), Failure> {
        self.change("promote", |state| state.promote(via, id)).await
    }

    async fn write_entry(&self, via: usize) -> Result<(), Failure> {
        self.change("write an entry", |state| {
            state.served_by(via)?;
            state.propose(|_| {});
            Ok(())
        })
        .await
    }

    async fn journal(&self) -> Result<Journal, Failure> {
        Ok(self.read().journal.clone().unwrap_or_default())
    }

    async fn write_journal(&self, journal: &Journal) -> Result<(), Failure> {
        let first = journal.cluster_id.is_some()
            && self.read().journal.as_ref().is_none_or(|old| old.cluster_id.is_none());
        let name = if first { "journal with cluster" } else { "journal" };
        self.change(name, |state| {
            if state.over {
                state.rules.violations.push("the journal was written after its end".into());
            }
            state.journal = Some(journal.clone());
            Ok(())
        })
        .await
    }

    async fn hold_lock(&self) -> Result<(), Failure> {
        Ok(())
    }
}
