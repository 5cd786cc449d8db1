//! What happens by itself: the StatefulSet's pods, and etcd's processes.

use etcdctl_stack::{
    desired::Names,
    member::{Id, Member, Role},
    object::Object,
};
use jiff::SignedDuration;
use serde_json::Value;

use crate::simulator::{Etcd, Process, Simulator, State, Volume};

/// From the pod to the process, and from one try to the next.
const START: SignedDuration = SignedDuration::from_millis(1500);
/// Before etcd changes membership again.
const HEALTH_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

fn text<'a>(object: &'a Object, key: &str) -> &'a str {
    object.body["data"][key].as_str().unwrap_or_default()
}

impl Simulator {
    /// Lets everything that is due happen.
    pub fn turn(&self) {
        let names = &self.desired.names;
        let mut state = self.state.borrow_mut();
        let replicas = state.replicas(names);
        for ordinal in 0..replicas {
            state.pod_exists(ordinal);
            state.start(names, ordinal);
        }
    }

    /// The voter writes a key, if there is one that serves.
    pub fn write_a_key(&self) {
        let names = &self.desired.names;
        let mut state = self.state.borrow_mut();
        // Clients are served through the client Service only.
        if state.has_quorum(names) && state.objects.contains_key(&names.client_service()) {
            state.counter += 1;
            let key = format!("key-{}", state.counter);
            state.acknowledged.insert(key.clone());
            let etcd = state.etcd.as_mut().expect("has a quorum");
            etcd.keys.insert(key);
            etcd.index += 1;
        }
    }

    /// Empties a volume; its process dies and is started again.
    pub fn wipe(&self, ordinal: usize) {
        let mut state = self.state.borrow_mut();
        let starts = state.now + START;
        state.volumes.get_mut(&ordinal).expect("a volume").member = None;
        let process = state.processes.get_mut(&ordinal).expect("a process");
        (process.runs, process.starts) = (false, starts);
    }

    /// Makes a claim anew, with an empty volume.
    pub fn replace_claim(&self, ordinal: usize) {
        self.wipe(ordinal);
        let mut state = self.state.borrow_mut();
        state.counter += 1;
        let uid = state.counter;
        state.volumes.insert(ordinal, Volume { uid, ..Volume::default() });
    }
}

impl State {
    pub fn replicas(&self, names: &Names) -> usize {
        let set = self.objects.get(&names.stateful_set());
        let replicas = set.and_then(|set| set.body.pointer("/spec/replicas")).and_then(Value::as_u64);
        replicas.map_or(0, |replicas| usize::try_from(replicas).expect("few"))
    }

    /// Replicas rise by one, to an ordinal that etcd lists; they never fall.
    pub fn judge_replicas(&mut self, names: &Names, object: &Object) {
        if object.key != names.stateful_set() {
            return;
        }
        let wanted = object
            .body
            .pointer("/spec/replicas")
            .and_then(Value::as_u64)
            .map_or(0, |n| usize::try_from(n).expect("few"));
        let has = self.replicas(names);
        if wanted < has {
            self.violations.push(format!("replicas were lowered from {has} to {wanted}"));
        }
        let url = names.peer_url(wanted.saturating_sub(1));
        let listed = self
            .etcd
            .as_ref()
            .is_some_and(|etcd| etcd.members.iter().any(|member| member.peer_urls == [url.clone()]));
        if wanted > has && !(listed || (has == 0 && wanted == 1)) {
            self.violations.push(format!("replicas were raised to {wanted} before {url} was listed"));
        }
    }

    /// No start and no change of membership in the last five seconds.
    pub fn connected_for_five_seconds(&self, names: &Names) -> bool {
        let Some(etcd) = &self.etcd else { return false };
        let voters = etcd.members.iter().filter(|member| member.role == Role::Voter);
        let ordinals: Vec<usize> =
            voters.filter_map(|member| names.ordinal_of(&member.peer_urls[0])).collect();
        // A single voter has nobody to be connected to.
        ordinals.len() == 1
            || ordinals.iter().all(|ordinal| {
                let process = self.processes.get(ordinal);
                process.is_some_and(|process| {
                    process.runs && self.now.duration_since(process.since) >= HEALTH_INTERVAL
                })
            })
    }

    fn pod_exists(&mut self, ordinal: usize) {
        let now = self.now;
        if !self.volumes.contains_key(&ordinal) {
            self.counter += 1;
            self.volumes.insert(ordinal, Volume { uid: self.counter, ..Volume::default() });
        }
        self.processes.entry(ordinal).or_insert(Process { starts: now + START, runs: false, since: now });
    }

    fn start(&mut self, names: &Names, ordinal: usize) {
        let process = &self.processes[&ordinal];
        if process.runs || self.now < process.starts {
            return;
        }
        let runs = match self.volumes[&ordinal].member {
            Some(id) => {
                self.etcd.as_ref().is_some_and(|etcd| etcd.members.iter().any(|member| member.id == id))
            }
            None => self.start_without_data(names, ordinal),
        };
        let now = self.now;
        let process = self.processes.get_mut(&ordinal).expect("exists");
        (process.runs, process.since) = (runs, now);
        if !runs {
            process.starts = now + START;
        }
    }

    /// What etcd does with an empty data directory: look for its own name.
    fn start_without_data(&mut self, names: &Names, ordinal: usize) -> bool {
        let Some(bootstrap) = self.objects.get(&names.bootstrap()).cloned() else { return false };
        let list: Vec<(&str, &str)> = text(&bootstrap, "initial-cluster")
            .split(',')
            .filter_map(|entry| entry.split_once('='))
            .collect();
        let own = (names.member(ordinal), names.peer_url(ordinal));
        if !list.contains(&(own.0.as_str(), own.1.as_str())) {
            return false;
        }
        match text(&bootstrap, "initial-cluster-state") {
            "new" => self.found(ordinal, own.0, own.1),
            _ => self.join(ordinal, &own.0, &own.1, &list),
        }
    }

    fn found(&mut self, ordinal: usize, name: String, url: String) -> bool {
        if self.etcd.is_some() {
            self.violations.push(format!("{name} founded a second cluster"));
        }
        self.foundings += 1;
        let member =
            Member { id: Id(100), name, peer_urls: vec![url], client_urls: Vec::new(), role: Role::Voter };
        let (members, changed) = (vec![member], self.now);
        self.etcd = Some(Etcd {
            cluster_id: Id(7),
            members,
            index: 4,
            keys: Default::default(),
            changed,
            next_id: 100,
        });
        self.volumes.get_mut(&ordinal).expect("exists").member = Some(Id(100));
        true
    }

    fn join(&mut self, ordinal: usize, name: &str, url: &str, list: &[(&str, &str)]) -> bool {
        let Some(etcd) = &mut self.etcd else { return false };
        let mut wanted: Vec<&str> = list.iter().map(|entry| entry.1).collect();
        let mut has: Vec<&str> = etcd.members.iter().map(|member| member.peer_urls[0].as_str()).collect();
        wanted.sort_unstable();
        has.sort_unstable();
        if wanted != has {
            return false;
        }
        let member = etcd.members.iter_mut().find(|member| member.peer_urls == [url]).expect("in the list");
        if member.role == Role::Voter {
            self.violations.push(format!("voter {name} came back without its data"));
            return false;
        }
        member.name = name.to_owned();
        self.volumes.get_mut(&ordinal).expect("exists").member = Some(member.id);
        true
    }
}
