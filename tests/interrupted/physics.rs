//! What happens by itself: the StatefulSet controller, the kubelet, and how an
//! etcd process begins and ends.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
};

use etcdctl_stack::{
    member::{Id, Role},
    object::Object,
    quantity::Quantity,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    etcd::id_of,
    simulator::{Claim, Data, Env, Listed, Log, Phase, Pod, State},
};

/// From the pod to its container, and from there to the process.
const SCHEDULED: SignedDuration = SignedDuration::from_millis(1000);
const BOOT: SignedDuration = SignedDuration::from_millis(500);
/// From the deletion of a pod to its end.
const GRACE: SignedDuration = SignedDuration::from_millis(1000);
/// How late the StatefulSet's controller is.
pub const CONTROLLER: SignedDuration = SignedDuration::from_millis(400);

/// The name of a template's revision: the same for the same template.
fn revision(template: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    template.to_string().hash(&mut hasher);
    format!("orders-{:08x}", hasher.finish() & 0xffff_ffff)
}

impl Claim {
    /// A claim with an empty volume.
    pub fn new(uid: String, size: Quantity, now: Timestamp) -> Self {
        let (requested, capacity) = (size, size);
        Claim { uid, data: None, recorded: None, terminating: false, requested, capacity, grows: now }
    }

    /// What the driver does a while after it is asked.
    fn grow(&mut self) {
        self.capacity = self.requested;
    }
}

impl State {
    fn stateful_set(&self) -> Option<&Object> {
        self.objects.get(&self.names.stateful_set())
    }

    pub fn replicas(&self) -> usize {
        let replicas = self.stateful_set().and_then(|set| set.body.pointer("/spec/replicas")?.as_u64());
        replicas.map_or(0, |replicas| usize::try_from(replicas).expect("few"))
    }

    /// The StatefulSet controller, and whatever takes pods and claims away.
    pub fn control(&mut self) {
        let now = self.now;
        self.pods.retain(|_, pod| pod.leaves.is_none_or(|leaves| leaves > now));
        let pods = &self.pods;
        self.claims.retain(|ordinal, claim| !claim.terminating || pods.contains_key(ordinal));
        self.claims.values_mut().filter(|claim| claim.grows <= now).for_each(Claim::grow);
        self.let_go_of_pods();
        if self.stateful_set().is_none() || now < self.status_due {
            return;
        }
        let revision = self.bring_status_up_to_date();
        let replicas = self.replicas();
        let uid = self.stateful_set().and_then(Object::uid).map(str::to_owned);
        self.pods.values_mut().for_each(|pod| pod.owner.clone_from(&uid));
        let surplus: Vec<usize> = self.pods.range(replicas..).map(|(ordinal, _)| *ordinal).collect();
        surplus.into_iter().for_each(|ordinal| self.delete_pod(ordinal));
        for ordinal in 0..replicas {
            self.pod_exists(ordinal, &revision);
        }
    }

    /// The garbage collector: the pods first, then the StatefulSet.
    fn let_go_of_pods(&mut self) {
        if self.orphaned_at.take_if(|at| *at <= self.now).is_some() {
            self.objects.remove(&self.names.stateful_set());
            self.pods.values_mut().for_each(|pod| pod.owner = None);
            self.scaled_by = None;
        }
    }

    /// How large the StatefulSet's claims are made.
    fn template_size(&self) -> Quantity {
        let pointer = "/spec/volumeClaimTemplates/0/spec/resources/requests/storage";
        let size = self.stateful_set().and_then(|set| set.body.pointer(pointer)?.as_str());
        size.and_then(|size| size.parse().ok()).expect("a template with a size")
    }

    fn bring_status_up_to_date(&mut self) -> String {
        let key = self.names.stateful_set();
        let set = self.objects.get_mut(&key).expect("exists");
        let generation = set.body["metadata"]["generation"].clone();
        let status = &set.body["status"];
        if let (true, Some(known)) =
            (status["observedGeneration"] == generation, status["updateRevision"].as_str())
        {
            return known.to_owned();
        }
        let template = set.body["spec"]["template"].clone();
        let revision = revision(&template);
        self.revisions.retain(|(name, _)| *name != revision);
        self.revisions.push((revision.clone(), template));
        set.body["status"] = json!({ "observedGeneration": generation, "updateRevision": revision });
        revision
    }

    fn pod_exists(&mut self, ordinal: usize, revision: &str) {
        if self.pods.contains_key(&ordinal)
            || self.claims.get(&ordinal).is_some_and(|claim| claim.terminating)
        {
            return;
        }
        let now = self.now;
        if !self.claims.contains_key(&ordinal) {
            let uid = format!("claim-{}", self.fresh());
            self.claims.insert(ordinal, Claim::new(uid, self.template_size(), now));
        }
        let pod = Pod {
            uid: format!("pod-{}", self.fresh()),
            owner: None,
            revision: revision.to_owned(),
            phase: Phase::Waiting(now + SCHEDULED),
            served: false,
            linked: now,
            restarts: 0,
            words: None,
            leaves: None,
        };
        self.pods.insert(ordinal, pod);
    }

    /// Ends a pod's process and, after a moment, the pod.
    pub fn delete_pod(&mut self, ordinal: usize) {
        let leaves = self.now + GRACE;
        if let Some(pod) = self.pods.get_mut(&ordinal).filter(|pod| pod.leaves.is_none()) {
            pod.leaves = Some(leaves);
            pod.phase = Phase::Waiting(leaves + GRACE);
            pod.served = false;
        }
    }

    /// Ends a process with its last words. The kubelet waits longer each time.
    pub fn die(&mut self, ordinal: usize, words: &str) {
        let now = self.now;
        let Some(pod) = self.pods.get_mut(&ordinal) else { return };
        let wait = (10_i64 << pod.restarts.clamp(0, 5)).min(300);
        pod.restarts += 1;
        pod.words = Some(words.to_owned());
        pod.served = false;
        pod.phase = Phase::Waiting(now + SignedDuration::from_secs(wait));
    }

    /// The kubelet: containers that are due, and processes that come up.
    pub fn start_containers(&mut self) {
        for ordinal in 0..self.urls.len() {
            let now = self.now;
            let Some(pod) = self.pods.get(&ordinal).filter(|pod| pod.leaves.is_none()) else { continue };
            match &pod.phase {
                Phase::Waiting(due) if *due <= now && !self.held.contains(&ordinal) => {
                    let due = *due;
                    if let Some(env) = self.env() {
                        // Looks are seldom, and what is due may be long over.
                        self.pods.get_mut(&ordinal).expect("exists").phase = Phase::Booting(due + BOOT, env);
                    }
                }
                Phase::Booting(due, env) if *due <= now => {
                    let env = env.clone();
                    self.boot(ordinal, &env);
                }
                _ => {}
            }
        }
    }

    /// What a container that starts now is told.
    fn env(&self) -> Option<Env> {
        let now = self.objects.get(&self.names.bootstrap())?;
        let before =
            self.window_before.as_ref().filter(|before| self.now.duration_since(before.1) < self.stale);
        let read = before.map_or(now, |before| &before.0);
        let text = |key: &str| read.body["data"][key].as_str().unwrap_or_default().to_owned();
        Some(Env {
            list: text("initial-cluster"),
            state: text("initial-cluster-state"),
            token: text("initial-cluster-token"),
        })
    }

    fn boot(&mut self, ordinal: usize, env: &Env) {
        let ended = match self.data(ordinal) {
            Some(_) => Ok(()),
            None => self.start_without_data(ordinal, env),
        };
        if let Err(words) = ended {
            return self.die(ordinal, &words);
        }
        let now = self.now;
        let pod = self.pods.get_mut(&ordinal).expect("boots");
        (pod.phase, pod.linked, pod.words) = (Phase::Running, now, None);
    }

    /// What etcd does with an empty data directory: look for its own name.
    fn start_without_data(&mut self, ordinal: usize, env: &Env) -> Result<(), String> {
        let (name, url) = (self.names.member(ordinal), self.urls[ordinal].clone());
        let list: Vec<(&str, &str)> = env.list.split(',').filter_map(|entry| entry.split_once('=')).collect();
        if !list.contains(&(name.as_str(), url.as_str())) {
            return Err(format!("couldn't find local name \"{name}\" in the initial cluster configuration"));
        }
        let data = match env.state.as_str() {
            "new" => self.found(ordinal, name, url, &env.token),
            _ => self.join(ordinal, &name, &list)?,
        };
        self.claims.get_mut(&ordinal).expect("a pod has one").data = Some(data);
        Ok(())
    }

    /// The ids depend on address and token alone.
    fn found(&mut self, ordinal: usize, name: String, url: String, token: &str) -> Data {
        if self.foundings > 0 {
            self.rules.violations.push(format!("{name} founded a second cluster"));
        }
        self.foundings += 1;
        let id = id_of(&[&url, token]);
        let member = Listed { id, url, ordinal: Some(ordinal), name, role: Role::Voter };
        let log = Log { term: 1, index: 4, members: vec![member], ..Log::default() };
        Data { id, cluster: id_of(&[token]), log: Rc::new(log) }
    }

    fn join(&mut self, ordinal: usize, name: &str, list: &[(&str, &str)]) -> Result<Data, String> {
        let others = (0..self.urls.len()).filter(|other| *other != ordinal && self.runs(*other));
        let told = others.filter_map(|other| self.data(other).cloned()).find(|data| {
            list.iter().any(|(_, url)| data.log.member(data.id).is_some_and(|member| member.url == *url))
        });
        let Some(Data { cluster, log, .. }) = told.filter(|_| !self.cut.contains(&ordinal)) else {
            return Err("cannot fetch cluster info from peer urls".to_owned());
        };
        let mut wanted: Vec<&str> = list.iter().map(|entry| entry.1).collect();
        let mut has: Vec<&str> = log.members.iter().map(|member| member.url.as_str()).collect();
        wanted.sort_unstable();
        has.sort_unstable();
        if wanted != has {
            return Err("member count is unequal".to_owned());
        }
        let member = log.at(&self.urls[ordinal]).expect("in the list");
        // It leaves a log behind that has forgotten its votes; a learner has none.
        if !member.name.is_empty() && member.role == Role::Voter {
            self.rules.violations.push(format!("{name} came back without its data"));
        }
        let id: Id = member.id;
        Ok(Data { id, cluster, log: Rc::new(Log::default()) })
    }
}
