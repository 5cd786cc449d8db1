//! The parts of the simulated world, and its clock.

use std::{
    cell::{Ref, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use etcdctl_stack::{
    desired::{Desired, Names, ORDINALS},
    execute::{Options, Stop, World, execute},
    member::{Alarm, Id, Role},
    object::{Object, ObjectKey},
    observed::{Journal, Neighbours, SecretFacts},
    plan::Plan,
    quantity::Quantity,
    report::Report,
};
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

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

/// What befalls a member in the middle of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// Its volume is emptied and its process killed.
    Wipe,
    /// Its process ends, and its pod finds no node.
    Hold,
    /// Its peer traffic is cut.
    Cut,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    Crashed,
    Report(Report),
}

/// A member as a log holds it. A stranger has no ordinal.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub id: Id,
    pub url: String,
    pub ordinal: Option<usize>,
    pub name: String,
    pub role: Role,
}

/// What a member has in its log: acknowledged keys and the member list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    pub term: u64,
    pub index: u64,
    pub keys: Vec<u64>,
    pub members: Vec<Listed>,
    pub removed: BTreeSet<Id>,
}

/// What etcd wrote to a volume.
#[derive(Clone, Debug)]
pub struct Data {
    pub id: Id,
    pub cluster: Id,
    pub log: Rc<Log>,
}

/// A claim, and its volume.
#[derive(Clone, Debug)]
pub struct Claim {
    pub uid: String,
    pub data: Option<Data>,
    /// The cluster that is recorded on it.
    pub recorded: Option<Id>,
    pub terminating: bool,
    /// How large it is asked to be, and how large its volume is.
    pub requested: Quantity,
    pub capacity: Quantity,
    /// When the volume has grown.
    pub grows: Timestamp,
}

/// What a container was told at its start.
#[derive(Clone, Debug, PartialEq)]
pub struct Env {
    pub list: String,
    pub state: String,
    pub token: String,
}

/// How far a pod's container is.
#[derive(Clone, Debug)]
pub enum Phase {
    /// It is started at this time: scheduling, or a back-off.
    Waiting(Timestamp),
    /// It was started with this environment, and etcd comes up at this time.
    Booting(Timestamp, Env),
    /// etcd runs.
    Running,
}

/// A pod.
#[derive(Clone, Debug)]
pub struct Pod {
    pub uid: String,
    /// The StatefulSet that has it.
    pub owner: Option<String>,
    pub revision: String,
    pub phase: Phase,
    /// Whether it has known a leader since its start: before that it answers
    /// nothing.
    pub served: bool,
    /// Since when it is connected to whoever is connected as well.
    pub linked: Timestamp,
    pub restarts: i32,
    /// What etcd said when it died.
    pub words: Option<String>,
    /// When it is gone, once it is deleted.
    pub leaves: Option<Timestamp>,
}

/// Who leads, and what it remembers of the others.
#[derive(Clone, Debug)]
pub struct Leader {
    pub ordinal: usize,
    pub id: Id,
    pub matched: BTreeMap<Id, u64>,
}

/// Everything, as it is now.
#[derive(Clone)]
pub struct State {
    pub now: Timestamp,
    pub names: Rc<Names>,
    /// The peer URL of each ordinal.
    pub urls: Rc<[String]>,
    pub objects: BTreeMap<ObjectKey, Object>,
    pub secrets: BTreeMap<ObjectKey, SecretFacts>,
    /// Who else set `spec.replicas`.
    pub scaled_by: Option<String>,
    /// What somebody else added to the environment of etcd.
    pub edited: Option<Value>,
    /// The pod templates that there were, by the name of their revision, the
    /// newest last.
    pub revisions: Vec<(String, Value)>,
    /// When the StatefulSet's status is brought up to date.
    pub status_due: Timestamp,
    /// When a StatefulSet that is being deleted is gone, without its pods.
    pub orphaned_at: Option<Timestamp>,
    /// The bootstrap ConfigMap before its last change, and when that was.
    pub window_before: Option<(Object, Timestamp)>,
    /// For how long containers are still started with that one.
    pub stale: SignedDuration,
    pub counter: u64,
    pub journal: Option<Journal>,
    /// Whether a run has deleted the journal and goes on.
    pub over: bool,
    pub neighbours: Neighbours,
    pub claims: BTreeMap<usize, Claim>,
    pub pods: BTreeMap<usize, Pod>,
    /// Pods that find no node.
    pub held: BTreeSet<usize>,
    /// Members without peer traffic.
    pub cut: BTreeSet<usize>,
    pub leader: Option<Leader>,
    /// Since when nobody leads.
    pub leaderless: Timestamp,
    pub alarms: Vec<Alarm>,
    pub acknowledged: Vec<u64>,
    pub foundings: usize,
    pub snapshots: usize,
    pub calls: usize,
    pub log: Vec<String>,
    pub faults: BTreeMap<usize, Fault>,
    /// What befalls whom, just before which call.
    pub blow: Option<(usize, Blow, usize)>,
    pub rules: crate::rules::Rules,
}

/// A world with one stack in it.
#[derive(Clone)]
pub struct Simulator {
    pub desired: Desired,
    pub state: RefCell<State>,
}

impl Simulator {
    pub fn new(desired: Desired) -> Self {
        let now = Timestamp::constant(1_800_000_000, 0);
        let names = desired.names.clone();
        let state = State {
            now,
            urls: (0..ORDINALS).map(|ordinal| names.peer_url(ordinal)).collect(),
            names: Rc::new(names),
            objects: BTreeMap::new(),
            secrets: BTreeMap::new(),
            scaled_by: None,
            edited: None,
            revisions: Vec::new(),
            status_due: now,
            orphaned_at: None,
            window_before: None,
            stale: SignedDuration::ZERO,
            counter: 0,
            journal: None,
            over: false,
            neighbours: Neighbours::default(),
            claims: BTreeMap::new(),
            pods: BTreeMap::new(),
            held: BTreeSet::new(),
            cut: BTreeSet::new(),
            leader: None,
            leaderless: now,
            alarms: Vec::new(),
            acknowledged: Vec::new(),
            foundings: 0,
            snapshots: 0,
            calls: 0,
            log: Vec::new(),
            faults: BTreeMap::new(),
            blow: None,
            rules: crate::rules::Rules::at(now),
        };
        Simulator { desired, state: RefCell::new(state) }
    }

    /// Carries a plan out, up to its end or its death.
    pub fn run(&self, plan: &Plan) -> Ended {
        // Nobody repeats the digest of a destroy that broke off.
        let own = plan.intended.end.and(plan.digest.as_ref()).map(|digest| digest.0.clone());
        let options = Options {
            approved: own.unwrap_or_else(|| "test".into()),
            steps_before: 0,
            who: "test".into(),
            tool_version: "test".into(),
            stack: String::new(),
            step_timeout: Duration::from_secs(120),
        };
        self.state.borrow_mut().over = false;
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
        self.read().calls
    }

    /// The names of the calls that changed something.
    pub fn history(&self) -> Vec<String> {
        self.read().log.clone()
    }

    pub fn read(&self) -> Ref<'_, State> {
        self.state.borrow()
    }

    /// Lets everything that is due happen.
    pub fn turn(&self) {
        self.state.borrow_mut().turn();
    }
}

impl State {
    /// A number that nothing had before.
    pub fn fresh(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Lets everything that is due happen.
    pub fn turn(&mut self) {
        self.control();
        self.start_containers();
        self.elect();
        self.replicate();
        self.judge_quorum();
    }
}
