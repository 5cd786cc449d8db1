//! The world as execute sees it, with faults.

use std::{
    cell::{Ref, RefCell},
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use etcdctl_stack::{
    certificate::{Facts, Request},
    desired::Desired,
    execute::{Failure, Options, Stop, World, execute},
    member::{Alarm, Id, Member, Membership, Role, Status},
    object::{Object, ObjectKey},
    observed::{Claim, Conflict, Journal, Lookup, Pod, SecretFacts, journal::Snapshot},
    plan::Plan,
    report::Report,
};
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// What goes wrong with one call that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does nothing, and nobody says so.
    EffectLost,
    /// It does what it should, and nobody says so.
    AnswerLost,
    /// The run dies before it.
    CrashBefore,
    /// The run dies right after it.
    CrashAfter,
}

impl Fault {
    pub const ALL: [Fault; 4] = [Fault::EffectLost, Fault::AnswerLost, Fault::CrashBefore, Fault::CrashAfter];
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    Crashed,
    Report(Report),
}

/// A member's volume. What was written to it is gone once it is wiped.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    pub uid: u64,
    /// The id of the member whose log it holds.
    pub member: Option<Id>,
    pub recorded: Option<Id>,
}

/// A member's process.
#[derive(Clone, Debug)]
pub struct Process {
    /// When it runs, or ran and gave up: then it is tried again.
    pub starts: Timestamp,
    pub runs: bool,
    pub since: Timestamp,
}

/// The cluster that etcd's members form.
#[derive(Clone, Debug)]
pub struct Etcd {
    pub cluster_id: Id,
    pub members: Vec<Member>,
    pub index: u64,
    pub keys: BTreeSet<String>,
    pub changed: Timestamp,
    pub next_id: u64,
}

#[derive(Default)]
pub struct State {
    pub now: Timestamp,
    pub objects: BTreeMap<ObjectKey, Object>,
    pub secrets: BTreeMap<ObjectKey, SecretFacts>,
    pub counter: u64,
    pub journal: Option<Journal>,
    pub volumes: BTreeMap<usize, Volume>,
    pub processes: BTreeMap<usize, Process>,
    pub etcd: Option<Etcd>,
    pub foundings: usize,
    pub acknowledged: BTreeSet<String>,
    pub violations: Vec<String>,
    pub calls: usize,
    pub log: Vec<String>,
    faults: BTreeMap<usize, Fault>,
}

/// A world with one stack in it.
pub struct Simulator {
    pub desired: Desired,
    pub state: RefCell<State>,
}

impl Simulator {
    pub fn new(desired: Desired) -> Self {
        let state = State { now: Timestamp::constant(1_800_000_000, 0), ..State::default() };
        Simulator { desired, state: RefCell::new(state) }
    }

    /// Carries a plan out, up to its end or its death.
    pub fn run(&self, plan: &Plan) -> Ended {
        let options = Options {
            approved: "test".into(),
            steps_before: 0,
            who: "test".into(),
            tool_version: "test".into(),
            step_timeout: Duration::from_secs(120),
        };
        let stop = Stop::default();
        let mut quiet = |_| {};
        // Nothing here waits for anything, so a future that is not done at the
        // first look has met its death.
        let run = execute(plan, &self.desired.names, self, &options, &stop, &mut quiet).now_or_never();
        run.map_or(Ended::Crashed, Ended::Report)
    }

    /// Lets one call of all runs go wrong.
    pub fn fault(&self, call: usize, fault: Fault) {
        self.state.borrow_mut().faults.insert(call, fault);
    }

    pub fn let_time_pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.sleep(Duration::from_secs(1)).now_or_never();
        }
    }

    pub fn calls(&self) -> usize {
        self.state.borrow().calls
    }

    /// The number of the call with this name that a fault-free run makes.
    pub fn call_of(&self, plan: &Plan, name: &str) -> usize {
        let twin = Simulator::new(self.desired.clone());
        twin.run(plan);
        let twin = twin.state.borrow();
        twin.log
            .iter()
            .position(|logged| logged == name)
            .unwrap_or_else(|| panic!("no `{name}` in {:?}", twin.log))
    }

    /// A call that changes something: with its fault, if it has one.
    async fn change<T>(
        &self,
        name: &str,
        effect: impl FnOnce(&mut State) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let fault = {
            let mut state = self.state.borrow_mut();
            let call = state.calls;
            state.calls += 1;
            state.log.push(name.to_owned());
            state.faults.remove(&call)
        };
        let lost = || Failure::Unknown(format!("no answer to {name}"));
        if fault == Some(Fault::CrashBefore) {
            return std::future::pending().await;
        }
        if fault == Some(Fault::EffectLost) {
            return Err(lost());
        }
        let done = effect(&mut self.state.borrow_mut());
        self.turn();
        match fault {
            Some(Fault::CrashAfter) => std::future::pending().await,
            Some(Fault::AnswerLost) => Err(lost()),
            _ => done,
        }
    }

    fn read(&self) -> Ref<'_, State> {
        self.state.borrow()
    }
}

impl State {
    /// Stores an object as it was sent.
    fn store(&mut self, object: &Object, uid: Option<&str>, version: Option<&str>) -> Result<(), Failure> {
        let live = self.objects.get(&object.key);
        match (live, uid) {
            (Some(_), None) => return Err(Failure::Stale(format!("`{}` exists already", object.key))),
            (None, Some(_)) => return Err(Failure::Stale(format!("`{}` is gone", object.key))),
            (Some(live), Some(uid)) if live.uid() != Some(uid) => {
                return Err(Failure::Stale("another uid".into()));
            }
            (Some(live), _) if version.is_some() && live.resource_version() != version => {
                return Err(Failure::Stale("another version".into()));
            }
            _ => {}
        }
        let uid = live.and_then(Object::uid).map(str::to_owned);
        self.counter += 1;
        let mut stored = object.clone();
        stored.body["metadata"]["uid"] = json!(uid.unwrap_or_else(|| format!("uid-{}", self.counter)));
        stored.body["metadata"]["resourceVersion"] = json!(self.counter.to_string());
        self.objects.insert(object.key.clone(), stored);
        Ok(())
    }

    /// The voter that answers for the cluster, if a quorum can.
    fn served_by(&self, names: &etcdctl_stack::desired::Names, via: usize) -> Result<&Etcd, Failure> {
        let not_now = |text: &str| Failure::NotNow(text.to_owned());
        let etcd = self.etcd.as_ref().ok_or_else(|| not_now("connection refused"))?;
        let runs = self.processes.get(&via).is_some_and(|process| process.runs);
        let member = etcd.members.iter().find(|member| member.peer_urls == [names.peer_url(via)]);
        match member {
            Some(member) if runs && member.role == Role::Voter && self.has_quorum(names) => Ok(etcd),
            Some(member) if runs && member.role == Role::Learner => {
                Err(not_now("rpc not supported for learner"))
            }
            _ => Err(not_now("no leader")),
        }
    }

    pub fn has_quorum(&self, names: &etcdctl_stack::desired::Names) -> bool {
        let Some(etcd) = &self.etcd else { return false };
        let voters: Vec<&Member> = etcd.members.iter().filter(|member| member.role == Role::Voter).collect();
        let up = voters.iter().filter(|member| {
            let ordinal = names.ordinal_of(&member.peer_urls[0]);
            ordinal.is_some_and(|ordinal| self.processes.get(&ordinal).is_some_and(|process| process.runs))
        });
        up.count() > voters.len() / 2
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
        let ordinal = (0..9).find(|ordinal| self.desired.names.claim(*ordinal) == *key);
        if let Some(claim) = ordinal.and_then(|ordinal| self.claim_of(ordinal)) {
            let body = json!({ "metadata": { "uid": claim.uid } });
            return Lookup::Found(Object { key: key.clone(), body });
        }
        self.read().objects.get(key).cloned().map_or(Lookup::Absent, Lookup::Found)
    }

    async fn pod(&self, ordinal: usize) -> Lookup<Pod> {
        self.pod_of(ordinal).map_or(Lookup::Absent, Lookup::Found)
    }

    async fn claim(&self, ordinal: usize) -> Lookup<Claim> {
        self.claim_of(ordinal).map_or(Lookup::Absent, Lookup::Found)
    }

    async fn events(&self, _ordinal: usize) -> Vec<String> {
        Vec::new()
    }

    async fn create(&self, object: &Object) -> Result<(), Failure> {
        self.change(&format!("create {}", object.key), |state| state.store(object, None, None)).await
    }

    async fn apply(
        &self,
        object: &Object,
        uid: Option<&str>,
        version: Option<&str>,
        _take: &[Conflict],
    ) -> Result<(), Failure> {
        let names = &self.desired.names;
        self.change(&format!("apply {}", object.key), |state| {
            if object.key.kind == etcdctl_stack::object::Kind::PersistentVolumeClaim {
                let id = object.annotation(etcdctl_stack::desired::CLUSTER_ID).and_then(|id| id.parse().ok());
                let ordinal = (0..9).find(|ordinal| names.claim(*ordinal) == object.key);
                let volume = ordinal.and_then(|ordinal| state.volumes.get_mut(&ordinal));
                let volume = volume.ok_or_else(|| Failure::Refused("no such claim".into()))?;
                volume.recorded = id;
                return Ok(());
            }
            state.judge_replicas(names, object);
            state.store(object, uid, version)
        })
        .await
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
        self.change(&format!("issue {}", object.key), |state| {
            let signer = match authority {
                None => None,
                Some(key) => Some(
                    state
                        .secrets
                        .get(key)
                        .and_then(|facts| facts.authority_sha256.clone())
                        .ok_or_else(|| Failure::Refused("no authority".into()))?,
                ),
            };
            state.store(object, claimed.as_deref(), None)?;
            let sha256 = format!("{:064x}", state.counter);
            let facts = Facts {
                subject: request.subject.clone(),
                issuer: String::new(),
                usage: request.usage,
                dns_names: request.dns_names.clone(),
                ip_addresses: request.ip_addresses.clone(),
                not_before: state.now,
                not_after: state.now + SignedDuration::from_hours(24 * i64::from(request.days)),
                sha256: sha256.clone(),
                key_matches: true,
                signed_by_authority: true,
            };
            let keys = ["ca.crt", "tls.crt", "tls.key"].map(str::to_owned).into();
            let authority_sha256 = Some(signer.unwrap_or(sha256));
            state.secrets.insert(
                object.key.clone(),
                SecretFacts { keys, certificate: Some(Ok(facts)), authority_sha256 },
            );
            Ok(())
        })
        .await
    }

    async fn status(&self, ordinal: usize) -> Result<Status, Failure> {
        self.status_of(ordinal).ok_or_else(|| Failure::NotNow("connection refused".into()))
    }

    async fn members(&self, via: usize) -> Result<Membership, Failure> {
        let state = self.read();
        let etcd = state.served_by(&self.desired.names, via)?;
        Ok(Membership { cluster_id: etcd.cluster_id, members: etcd.members.clone() })
    }

    async fn alarms(&self, via: usize) -> Result<Vec<Alarm>, Failure> {
        self.read().served_by(&self.desired.names, via).map(|_| Vec::new())
    }

    async fn add_learner(&self, via: usize, peer_url: &str) -> Result<(), Failure> {
        let names = &self.desired.names;
        self.change("add learner", |state| {
            let now = state.now;
            let etcd = state.served_by(names, via)?;
            if etcd.members.iter().any(|member| member.peer_urls == [peer_url]) {
                return Err(Failure::Unknown("Peer URLs already exists".into()));
            }
            if etcd.members.iter().any(|member| member.role == Role::Learner) {
                return Err(Failure::Refused("too many learner members in cluster".into()));
            }
            if !state.connected_for_five_seconds(names) {
                return Err(Failure::NotNow("unhealthy cluster".into()));
            }
            let etcd = state.etcd.as_mut().expect("serves");
            etcd.next_id += 1;
            etcd.index += 1;
            etcd.changed = now;
            let id = Id(etcd.next_id);
            etcd.members.push(Member {
                id,
                name: String::new(),
                peer_urls: vec![peer_url.into()],
                client_urls: Vec::new(),
                role: Role::Learner,
            });
            Ok(())
        })
        .await
    }

    async fn delete(&self, _key: &ObjectKey, _uid: &str) -> Result<(), Failure> {
        Err(Failure::Refused("not built yet".into()))
    }

    async fn move_leader(&self, _leader: usize, _to: Id) -> Result<(), Failure> {
        Err(Failure::Refused("not built yet".into()))
    }

    async fn remove(&self, _via: usize, _id: Id) -> Result<(), Failure> {
        Err(Failure::Refused("not built yet".into()))
    }

    async fn snapshot(&self, _via: usize) -> Result<Snapshot, Failure> {
        Err(Failure::Refused("not built yet".into()))
    }

    async fn promote(&self, via: usize, id: Id) -> Result<(), Failure> {
        let names = &self.desired.names;
        self.change("promote", |state| {
            let now = state.now;
            let etcd = state.served_by(names, via)?;
            let member = etcd
                .members
                .iter()
                .find(|member| member.id == id)
                .ok_or_else(|| Failure::Refused("member not found".into()))?;
            if member.role == Role::Voter {
                return Err(Failure::Unknown("can only promote a learner member".into()));
            }
            let ordinal = names.ordinal_of(&member.peer_urls[0]).expect("ours");
            let runs = state.processes.get(&ordinal).is_some_and(|process| process.runs);
            if !runs {
                state.violations.push(format!("{id} was promoted while it did not run"));
            }
            let etcd = state.etcd.as_mut().expect("serves");
            etcd.index += 1;
            etcd.changed = now;
            etcd.members
                .iter_mut()
                .filter(|member| member.id == id)
                .for_each(|member| member.role = Role::Voter);
            if !state.has_quorum(names) {
                state.violations.push("a promotion cost the quorum".into());
            }
            Ok(())
        })
        .await
    }

    async fn write_entry(&self, via: usize) -> Result<(), Failure> {
        let names = &self.desired.names;
        self.change("write an entry", |state| {
            state.served_by(names, via)?;
            state.etcd.as_mut().expect("serves").index += 1;
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
            state.journal = Some(journal.clone());
            Ok(())
        })
        .await
    }

    async fn hold_lock(&self) -> Result<(), Failure> {
        Ok(())
    }
}
