//! A small world for the tests of this module: what is set is what is there.
//! It refuses whatever these tests do not need.

use std::{
    cell::{RefCell, RefMut},
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Failure, Options, Run, Stop, World};
use crate::{
    certificate::Request,
    desired::Names,
    member::{Alarm, Id, Member, Membership, Role, Status},
    object::{Kind, Object, ObjectKey},
    observed::{
        Claim, Conflict, Intended, Journal, Lookup, Neighbours, Node, Pod,
        journal::{self, RecordedMember, Snapshot, StepCount},
    },
    quantity::Quantity,
};

/// The cluster that every fake has.
pub const CLUSTER: Id = Id(0xc);

#[derive(Default)]
pub struct State {
    pub now: Timestamp,
    pub pods: BTreeMap<usize, Pod>,
    pub claims: BTreeMap<usize, Claim>,
    pub nodes: BTreeMap<String, Node>,
    pub statuses: BTreeMap<usize, Status>,
    /// The member list; `None` without a quorum.
    pub membership: Option<Membership>,
    pub alarms: Vec<Alarm>,
    /// Who answers here and hears nothing of the other members.
    pub apart: BTreeSet<usize>,
    pub journal: Journal,
    /// The StatefulSet, as far as a test looks at it.
    pub set: Value,
    /// What was changed, in order.
    pub log: Vec<String>,
}

pub struct Fake {
    pub names: Names,
    state: RefCell<State>,
}

impl Fake {
    /// A healthy cluster, recorded, one member on each node; 0 leads.
    pub fn of(members: usize) -> Self {
        let names = Names::of_a_test();
        let mut state = State { now: Timestamp::constant(1_800_000_000, 0), ..State::default() };
        state.journal.cluster_id = Some(CLUSTER);
        state.journal.run = Some(begun());
        let mut list = Vec::new();
        for ordinal in 0..members {
            let (name, peer_url) = (names.member(ordinal), names.peer_url(ordinal));
            state.pods.insert(ordinal, pod(&name, ordinal));
            state.nodes.insert(format!("node-{ordinal}"), node(ordinal));
            state.claims.insert(ordinal, claim(&names.claim(ordinal).name, ordinal));
            state.statuses.insert(ordinal, status(ordinal));
            let claim_uid = format!("claim-{ordinal}");
            let recorded = RecordedMember { peer_url: peer_url.clone(), id: id(ordinal), claim_uid };
            state.journal.members.insert(name.clone(), recorded);
            list.push(Member {
                id: id(ordinal),
                name,
                peer_urls: vec![peer_url],
                client_urls: Vec::new(),
                role: Role::Voter,
            });
        }
        state.membership = Some(Membership { cluster_id: CLUSTER, members: list });
        Fake { names, state: RefCell::new(state) }
    }

    pub fn state(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }

    /// What a run with the journal as it is does here.
    pub fn run<T>(&self, work: impl AsyncFnOnce(&mut Run<'_, Fake>) -> T) -> T {
        let options = Options {
            approved: "a".into(),
            steps_before: 0,
            who: "you".into(),
            tool_version: "1".into(),
            stack: String::new(),
            step_timeout: Duration::from_secs(120),
        };
        let (stop, mut quiet) = (Stop::default(), |_| {});
        let journal = self.state().journal.clone();
        let mut run = Run {
            world: self,
            names: &self.names,
            options: &options,
            stop: &stop,
            events: &mut quiet,
            journal,
            number: 1,
            acted: 0,
            said: String::new(),
            answered: None,
            left_alone: BTreeSet::new(),
            over: false,
        };
        work(&mut run).now_or_never().expect("nothing here waits")
    }

    /// Raises the alarm of one member, which the status of each repeats.
    pub fn raise(&self, ordinal: usize, name: &str) {
        let mut state = self.state();
        state.alarms = vec![Alarm { member_id: id(ordinal), name: name.to_owned() }];
        // etcd prints the id in decimal there.
        let echo = format!("memberID:{} alarm:{name} ", id(ordinal).0);
        state.statuses.values_mut().for_each(|status| status.errors = vec![echo.clone()]);
    }

    fn serves(&self, via: usize) -> Result<RefMut<'_, State>, Failure> {
        let state = self.state();
        let serves = state.membership.is_some() && state.statuses.contains_key(&via);
        if serves { Ok(state) } else { Err(Failure::NotNow("no leader".into())) }
    }
}

/// The id of a member.
pub fn id(ordinal: usize) -> Id {
    Id(0xa0 + ordinal as u64)
}

fn begun() -> journal::Run {
    journal::Run {
        digest: "a".into(),
        actions: Vec::new(),
        removed: Default::default(),
        not_ours: Default::default(),
        who: "you".into(),
        tool_version: "1".into(),
        started_at: Timestamp::constant(1_800_000_000, 0),
        finished_at: None,
        intended: Intended::default(),
        summary: String::new(),
        steps: StepCount::default(),
        snapshot: None,
        stack: String::new(),
    }
}

fn pod(name: &str, ordinal: usize) -> Pod {
    Pod {
        name: name.to_owned(),
        uid: format!("pod-{ordinal}"),
        node: Some(format!("node-{ordinal}")),
        phase: "Running".into(),
        ready: true,
        terminating: false,
        image: None,
        client_port: Some(2379),
        restarts: 0,
        revision: None,
        owner: None,
        trouble: None,
    }
}

fn node(ordinal: usize) -> Node {
    Node { name: format!("node-{ordinal}"), zone: None, ready: true, schedulable: true }
}

fn claim(name: &str, ordinal: usize) -> Claim {
    Claim {
        name: name.to_owned(),
        uid: format!("claim-{ordinal}"),
        version: "1".into(),
        phase: "Bound".into(),
        cluster_id: Some(CLUSTER),
        terminating: false,
        owners: Vec::new(),
        class: Some("local".into()),
        requested: None,
        capacity: None,
        growing: None,
    }
}

fn status(ordinal: usize) -> Status {
    Status {
        cluster_id: CLUSTER,
        member_id: id(ordinal),
        leader: id(0),
        role: Role::Voter,
        version: "3.6.16".into(),
        db_size: 0,
        db_size_in_use: 0,
        db_size_quota: 0,
        raft_index: 7,
        raft_applied_index: 7,
        raft_term: 2,
        revision: 1,
        errors: Vec::new(),
    }
}

fn found<T: Clone>(value: Option<&T>) -> Lookup<T> {
    value.cloned().map_or(Lookup::Absent, Lookup::Found)
}

fn refused<T>() -> Result<T, Failure> {
    Err(Failure::Refused("no test needs this".into()))
}

impl World for Fake {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    async fn sleep(&self, time: Duration) {
        let now = self.now() + SignedDuration::try_from(time).expect("short");
        self.state().now = now;
    }

    fn token(&self) -> String {
        "token".into()
    }

    async fn object(&self, key: &ObjectKey) -> Lookup<Object> {
        let body = self.state().set.clone();
        let set = (key.kind == Kind::StatefulSet).then(|| Object { key: key.clone(), body });
        found(set.as_ref())
    }

    async fn pod(&self, ordinal: usize) -> Lookup<Pod> {
        found(self.state().pods.get(&ordinal))
    }

    async fn claim(&self, ordinal: usize) -> Lookup<Claim> {
        found(self.state().claims.get(&ordinal))
    }

    async fn node(&self, name: &str) -> Lookup<Node> {
        found(self.state().nodes.get(name))
    }

    async fn events(&self, _ordinal: usize) -> Vec<String> {
        Vec::new()
    }

    async fn create(&self, _object: &Object) -> Result<(), Failure> {
        refused()
    }

    async fn apply(
        &self,
        _object: &Object,
        _uid: Option<&str>,
        _version: Option<&str>,
        _take: &[Conflict],
    ) -> Result<(), Failure> {
        refused()
    }

    async fn adopt(&self, _: &Object, _: &str, _: Option<&str>) -> Result<(), Failure> {
        refused()
    }

    async fn remove_at(
        &self,
        _key: &ObjectKey,
        _uid: &str,
        _version: &str,
        _pointer: &str,
    ) -> Result<(), Failure> {
        refused()
    }

    async fn delete(&self, key: &ObjectKey, _uid: &str) -> Result<(), Failure> {
        let mut state = self.state();
        state.log.push(format!("delete {}", key.name));
        if let Some(ordinal) = self.names.ordinal_named(&key.name) {
            state.pods.remove(&ordinal);
            state.statuses.remove(&ordinal);
        }
        Ok(())
    }

    async fn delete_as_read(&self, _object: &Object) -> Result<(), Failure> {
        refused()
    }

    async fn release(&self, _object: &Object) -> Result<(), Failure> {
        refused()
    }

    async fn neighbours(&self) -> Lookup<Neighbours> {
        Lookup::Found(Neighbours::default())
    }

    async fn orphan(&self, key: &ObjectKey, _uid: &str, _version: &str) -> Result<(), Failure> {
        self.state().log.push(format!("orphan {}", key.name));
        Ok(())
    }

    async fn grow(&self, key: &ObjectKey, _uid: &str, _version: &str, size: Quantity) -> Result<(), Failure> {
        self.state().log.push(format!("grow {} to {size}", key.name));
        Ok(())
    }

    async fn issue(
        &self,
        _object: &Object,
        _request: &Request,
        _authority: Option<&ObjectKey>,
        _uid: Option<&str>,
        _keep: bool,
    ) -> Result<(), Failure> {
        refused()
    }

    async fn status(&self, ordinal: usize) -> Result<Status, Failure> {
        let status = self.state().statuses.get(&ordinal).cloned();
        status.ok_or_else(|| Failure::NotNow("connection refused".into()))
    }

    async fn members(&self, via: usize) -> Result<Membership, Failure> {
        Ok(self.serves(via)?.membership.clone().expect("it serves"))
    }

    async fn alarms(&self, via: usize) -> Result<Vec<Alarm>, Failure> {
        Ok(self.serves(via)?.alarms.clone())
    }

    async fn disarm(&self, via: usize, alarm: &Alarm) -> Result<(), Failure> {
        let mut state = self.serves(via)?;
        state.log.push(format!("disarm {} of {}", alarm.name, alarm.member_id));
        state.alarms.retain(|raised| raised != alarm);
        Ok(())
    }

    async fn add_learner(&self, _via: usize, _peer_url: &str) -> Result<(), Failure> {
        refused()
    }

    async fn move_leader(&self, _leader: usize, _to: Id) -> Result<(), Failure> {
        refused()
    }

    async fn remove(&self, via: usize, id: Id) -> Result<(), Failure> {
        let mut state = self.serves(via)?;
        state.log.push(format!("remove {id}"));
        state.membership.as_mut().expect("it serves").members.retain(|member| member.id != id);
        Ok(())
    }

    async fn snapshot(&self, via: usize) -> Result<Snapshot, Failure> {
        let mut state = self.state();
        state.log.push(format!("snapshot of {}", self.names.member(via)));
        Ok(Snapshot { path: format!("{via}.db"), revision: 7, saved_at: state.now })
    }

    async fn promote(&self, via: usize, id: Id) -> Result<(), Failure> {
        let mut state = self.serves(via)?;
        state.log.push(format!("promote {id}"));
        let members = state.membership.iter_mut().flat_map(|membership| &mut membership.members);
        members.filter(|member| member.id == id).for_each(|member| member.role = Role::Voter);
        Ok(())
    }

    async fn write_entry(&self, via: usize) -> Result<(), Failure> {
        let State { statuses, apart, .. } = &mut *self.serves(via)?;
        for (_, status) in statuses.iter_mut().filter(|(ordinal, _)| !apart.contains(ordinal)) {
            status.raft_index += 1;
            status.raft_applied_index += 1;
        }
        Ok(())
    }

    async fn journal(&self) -> Result<Journal, Failure> {
        Ok(self.state().journal.clone())
    }

    async fn write_journal(&self, journal: &Journal) -> Result<(), Failure> {
        self.state().journal = journal.clone();
        Ok(())
    }

    async fn hold_lock(&self) -> Result<(), Failure> {
        Ok(())
    }
}
