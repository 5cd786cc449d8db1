//! What the simulator shows: to the planner, and to the tests.

use std::collections::BTreeMap;

use etcdctl_stack::{
    member::{Id, Membership, Role, Status},
    observed::{
        Claim, EtcdReading, Live, Lookup, Members, Node, Observed, Pod, Proposal, Right, StorageClass,
        Target, Trouble,
    },
    plan::{Intent, Plan, plan, questions},
};

use crate::simulator::{Simulator, State};

impl Simulator {
    /// The plan for the world as it is.
    pub fn plan(&self) -> Plan {
        let live = self.live();
        let proposals = questions(&self.desired, &live)
            .into_iter()
            .map(|question| {
                (
                    question.object.key.clone(),
                    Proposal::Accepted { object: question.object, warnings: Vec::new() },
                )
            })
            .collect();
        let observed = Observed { live, proposals, members: self.members_read() };
        let now = self.state.borrow().now;
        plan(&self.desired, &observed, &Intent::default(), now)
    }

    fn live(&self) -> Live {
        let state = self.state.borrow();
        let lookup = |key| state.objects.get(key).cloned().map_or(Lookup::Absent, Lookup::Found);
        let objects = self
            .desired
            .objects()
            .into_iter()
            .map(|object| (object.key.clone(), lookup(&object.key)))
            .collect();
        let class = StorageClass {
            name: "local".into(),
            is_default: true,
            expandable: false,
            binding_mode: "Immediate".into(),
        };
        let node = |i: usize| Node { name: format!("node-{i}"), zone: None, ready: true, schedulable: true };
        let right = Right {
            verb: "patch".into(),
            group: "apps".into(),
            resource: "statefulsets".into(),
            namespace: None,
            allowed: true,
        };
        Live {
            target: Target { context: "simulator".into(), cluster_uid: Lookup::Found("c".into()) },
            objects,
            secrets: state.secrets.clone(),
            pods: Lookup::Found(
                (0..9).filter_map(|ordinal| pod(&state, &self.desired.names, ordinal)).collect(),
            ),
            claims: Lookup::Found(
                (0..9).filter_map(|ordinal| claim(&state, &self.desired.names, ordinal)).collect(),
            ),
            storage_classes: Lookup::Found(vec![class]),
            nodes: Lookup::Found((0..9).map(node).collect()),
            rights: vec![right],
            lease: Lookup::Absent,
            journal: state.journal.clone().map_or(Lookup::Absent, Lookup::Found),
        }
    }

    fn members_read(&self) -> Members {
        let names = &self.desired.names;
        let running: Vec<usize> = (0..9).filter(|ordinal| self.runs(*ordinal)).collect();
        let statuses: BTreeMap<String, Result<Status, String>> = (0..9)
            .filter(|ordinal| self.state.borrow().processes.contains_key(ordinal))
            .map(|ordinal| {
                (
                    names.member(ordinal),
                    self.status_of(ordinal).ok_or_else(|| "connection refused".to_owned()),
                )
            })
            .collect();
        let state = self.state.borrow();
        match &state.etcd {
            _ if state.processes.is_empty() => Members::NotRunning,
            Some(etcd) if !running.is_empty() => Members::Read(EtcdReading {
                membership: Membership { cluster_id: etcd.cluster_id, members: etcd.members.clone() },
                linearizable: state.has_quorum(names),
                statuses,
                alarms: Vec::new(),
            }),
            _ => Members::Failed("nobody answers".into()),
        }
    }

    pub fn pod_of(&self, ordinal: usize) -> Option<Pod> {
        pod(&self.state.borrow(), &self.desired.names, ordinal)
    }

    pub fn claim_of(&self, ordinal: usize) -> Option<Claim> {
        claim(&self.state.borrow(), &self.desired.names, ordinal)
    }

    pub fn status_of(&self, ordinal: usize) -> Option<Status> {
        let names = &self.desired.names;
        let state = self.state.borrow();
        let etcd = state
            .etcd
            .as_ref()
            .filter(|_| state.processes.get(&ordinal).is_some_and(|process| process.runs))?;
        let member = etcd.members.iter().find(|member| member.peer_urls == [names.peer_url(ordinal)])?;
        let leader = etcd.members.iter().find(|member| member.role == Role::Voter).map(|member| member.id);
        let serves = state.has_quorum(names);
        Some(Status {
            cluster_id: etcd.cluster_id,
            member_id: member.id,
            leader: leader.filter(|_| serves).unwrap_or(Id(0)),
            role: member.role,
            version: "3.6.16".into(),
            db_size: 0,
            db_size_in_use: 0,
            db_size_quota: 0,
            raft_index: etcd.index,
            raft_applied_index: etcd.index,
            raft_term: 2,
            revision: 1,
            errors: if serves { Vec::new() } else { vec!["etcdserver: no leader".into()] },
        })
    }

    pub fn violations(&self) -> Vec<String> {
        self.state.borrow().violations.clone()
    }

    pub fn foundings(&self) -> usize {
        self.state.borrow().foundings
    }

    pub fn runs(&self, ordinal: usize) -> bool {
        self.state.borrow().processes.get(&ordinal).is_some_and(|process| process.runs)
    }

    pub fn voters(&self) -> usize {
        let state = self.state.borrow();
        let members = state.etcd.iter().flat_map(|etcd| &etcd.members);
        members.filter(|member| member.role == Role::Voter).count()
    }

    pub fn lost_keys(&self) -> Vec<String> {
        let state = self.state.borrow();
        let kept = state.etcd.as_ref().map(|etcd| etcd.keys.clone()).unwrap_or_default();
        state.acknowledged.difference(&kept).cloned().collect()
    }

    pub fn is_sealed(&self) -> bool {
        let state = self.state.borrow();
        let bootstrap = state.objects.get(&self.desired.names.bootstrap());
        bootstrap.is_some_and(|object| {
            object.body["data"]["initial-cluster"] == "sealed=https://sealed.invalid:2380"
        })
    }
}

fn pod(state: &State, names: &etcdctl_stack::desired::Names, ordinal: usize) -> Option<Pod> {
    let process = state.processes.get(&ordinal)?;
    let trouble = Trouble {
        reason: "CrashLoopBackOff".into(),
        message: String::new(),
        last_words: None,
        exit_code: None,
    };
    Some(Pod {
        name: names.member(ordinal),
        uid: format!("pod-{ordinal}"),
        node: Some(format!("node-{ordinal}")),
        phase: "Running".into(),
        ready: process.runs,
        terminating: false,
        client_port: None,
        restarts: 0,
        revision: None,
        trouble: (!process.runs).then_some(trouble),
    })
}

fn claim(state: &State, names: &etcdctl_stack::desired::Names, ordinal: usize) -> Option<Claim> {
    let volume = state.volumes.get(&ordinal)?;
    Some(Claim {
        name: names.claim(ordinal).name,
        uid: volume.uid.to_string(),
        phase: "Bound".into(),
        cluster_id: volume.recorded,
        terminating: false,
    })
}
