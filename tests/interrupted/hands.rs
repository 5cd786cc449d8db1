//! What people, nodes and disks do while no run looks.

use etcdctl_stack::{
    member::{Id, Role},
    object::ObjectKey,
};
use serde_json::json;

use crate::{
    physics::CONTROLLER,
    simulator::{Blow, Claim, Phase, Simulator, State},
};

impl Simulator {
    /// The voter writes a key, if there is one that serves.
    pub fn write_a_key(&self) {
        self.state.borrow_mut().write_a_key();
    }

    fn by_hand<T>(&self, what: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.borrow_mut();
        state.excuse();
        let done = what(&mut state);
        state.turn();
        done
    }

    /// Empties a volume; its process dies and is started again.
    pub fn wipe(&self, ordinal: usize) {
        self.by_hand(|state| state.befalls(Blow::Wipe, ordinal));
    }

    /// Makes a claim anew, with an empty volume, and its pod with it.
    pub fn replace_claim(&self, ordinal: usize) {
        self.by_hand(|state| {
            state.pods.remove(&ordinal);
            let uid = format!("claim-{}", state.fresh());
            let claim = Claim::new(uid, state.claims[&ordinal].requested, state.now);
            state.claims.insert(ordinal, claim);
        });
    }

    /// Deletes a claim and its pod. Nobody makes them anew yet.
    pub fn lose_claim(&self, ordinal: usize) {
        self.by_hand(|state| {
            state.pods.remove(&ordinal);
            state.claims.remove(&ordinal);
            state.status_due = state.now + CONTROLLER;
        });
    }

    /// `kubectl delete statefulset`, with its pods or without them.
    pub fn delete_stateful_set(&self, cascade: bool) {
        self.by_hand(|state| {
            state.orphaned_at = Some(state.now);
            let pods: Vec<usize> = state.pods.keys().copied().filter(|_| cascade).collect();
            pods.into_iter().for_each(|ordinal| state.delete_pod(ordinal));
        });
    }

    /// Makes an object another one in one field.
    pub fn edit(&self, key: &ObjectKey, edit: impl FnOnce(&mut serde_json::Value)) {
        self.by_hand(|state| edit(&mut state.objects.get_mut(key).expect("there").body));
    }

    /// Each pod's uid and how often its process was started again.
    pub fn pods(&self) -> Vec<(String, i32)> {
        self.read().pods.values().map(|pod| (pod.uid.clone(), pod.restarts)).collect()
    }

    /// The size of each volume, printed.
    pub fn sizes(&self) -> Vec<String> {
        self.read().claims.values().map(|claim| claim.capacity.to_string()).collect()
    }

    /// `kubectl scale`.
    pub fn scale(&self, replicas: usize) {
        self.by_hand(|state| {
            let version = state.fresh().to_string();
            let key = state.names.stateful_set();
            let set = state.objects.get_mut(&key).expect("a StatefulSet");
            set.body["spec"]["replicas"] = json!(replicas);
            let generation = set.body["metadata"]["generation"].as_u64().unwrap_or(0);
            set.body["metadata"]["generation"] = json!(generation + 1);
            set.body["metadata"]["resourceVersion"] = json!(version);
            set.body["metadata"]["managedFields"] = json!([{
                "manager": "kubectl",
                "operation": "Update",
                "subresource": "scale",
                "fieldsV1": { "f:spec": { "f:replicas": {} } },
            }]);
            state.scaled_by = Some("kubectl".into());
            state.status_due = state.now + CONTROLLER;
        });
    }

    /// `kubectl edit`: another environment variable for etcd.
    pub fn add_variable(&self, name: &str) {
        self.by_hand(|state| {
            state.edited = Some(json!({ "name": name, "value": "1" }));
            let live = state.objects[&state.names.stateful_set()].clone();
            let uid = live.uid().map(str::to_owned);
            state.store(&live, uid.as_deref(), None).expect("the one that is there");
        });
    }

    /// `kubectl delete pod`: it is made anew from the template as it is.
    pub fn delete_pod(&self, ordinal: usize) {
        self.by_hand(|state| state.delete_pod(ordinal));
    }

    /// Ends a member's process and lets it find no node.
    pub fn hold(&self, ordinal: usize) {
        self.by_hand(|state| state.befalls(Blow::Hold, ordinal));
    }

    /// Lets it find one again.
    pub fn release(&self, ordinal: usize) {
        self.by_hand(|state| state.held.remove(&ordinal));
    }

    /// Cuts a member's peer traffic.
    pub fn cut(&self, ordinal: usize) {
        self.by_hand(|state| state.befalls(Blow::Cut, ordinal));
    }

    /// Lets everybody's peer traffic through.
    pub fn join(&self) {
        self.by_hand(|state| {
            let now = state.now;
            for ordinal in std::mem::take(&mut state.cut) {
                state.pods.entry(ordinal).and_modify(|pod| pod.linked = now);
            }
        });
    }

    /// `etcdctl member add`.
    pub fn add_member(&self, url: &str, role: Role) {
        self.let_time_pass(6);
        self.by_hand(|state| {
            let via = state.leader.as_ref().expect("a leader").ordinal;
            state.add(via, url, role).expect("etcd takes it");
        });
    }

    /// `etcdctl member add`, which etcd may refuse.
    pub fn try_add(&self, url: &str, role: Role) {
        self.let_time_pass(6);
        self.by_hand(|state| {
            if let Some(leader) = state.leader.as_ref().map(|leader| leader.ordinal) {
                drop(state.add(leader, url, role));
            }
        });
    }

    /// How many members etcd lists.
    pub fn members(&self) -> usize {
        self.read().furthest().map_or(0, |log| log.members.len())
    }

    /// Takes over what became of a copy.
    pub fn become_like(&self, other: &Simulator) {
        *self.state.borrow_mut() = other.state.borrow().clone();
    }

    /// The id that etcd lists at an ordinal's address.
    pub fn id_at(&self, ordinal: usize) -> Option<Id> {
        let state = self.read();
        state.furthest()?.at(&state.urls[ordinal]).map(|member| member.id)
    }

    pub fn leader(&self) -> Option<usize> {
        self.read().leader.as_ref().map(|leader| leader.ordinal)
    }

    /// Lets this voter lead.
    pub fn let_lead(&self, ordinal: usize) {
        self.by_hand(|state| {
            if state.leader.as_ref().is_some_and(|leader| leader.ordinal != ordinal) {
                state.replicate();
                state.lead(ordinal);
            }
        });
    }

    /// From here on calls, snapshots and faults are counted anew.
    pub fn begin(&self) {
        let mut state = self.state.borrow_mut();
        state.calls = 0;
        // The one of a run that goes on counts on.
        let journal = state.journal.as_ref();
        let goes_on =
            journal.and_then(|journal| journal.unfinished()).is_some_and(|run| run.snapshot.is_some());
        state.snapshots = usize::from(goes_on);
        state.log.clear();
        state.rules.lost_before = state.lost_keys().len();
        state.excuse();
    }
}

impl State {
    /// Strikes whom the test wants struck before this call.
    pub fn strike(&mut self, call: usize) {
        if let Some((_, blow, ordinal)) = self.blow.take_if(|blow| blow.0 == call) {
            self.excuse();
            self.befalls(blow, ordinal);
            self.turn();
        }
    }

    fn befalls(&mut self, blow: Blow, ordinal: usize) {
        match blow {
            Blow::Wipe => {
                if let Some(claim) = self.claims.get_mut(&ordinal) {
                    claim.data = None;
                    self.die(ordinal, "killed");
                }
            }
            Blow::Hold => {
                self.held.insert(ordinal);
                let now = self.now;
                if let Some(pod) = self.pods.get_mut(&ordinal) {
                    (pod.phase, pod.served) = (Phase::Waiting(now), false);
                }
            }
            Blow::Cut => {
                self.cut.insert(ordinal);
            }
        }
    }
}
