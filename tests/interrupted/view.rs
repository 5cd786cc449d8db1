//! What the simulator shows: to the planner, and to the tests.

use std::collections::BTreeMap;

use etcdctl_stack::{
    desired::ORDINALS,
    member::{Id, Member, Membership, Role, Status},
    object::Object,
    observed::{
        Claim, EtcdReading, Live, Lookup, Members, Node, Observed, Pod, Proposal, Revision, Right,
        StorageClass, Target, Trouble,
    },
    plan::{Intent, Plan, adoptions, plan, questions},
};

use serde_json::Value;

use crate::simulator::{Log, Phase, Simulator, State};

impl Simulator {
    /// The plan for the world as it is.
    pub fn plan(&self) -> Plan {
        self.plan_with(&Intent::default())
    }

    /// The plan for the world as it is and what is asked for.
    pub fn plan_with(&self, intent: &Intent) -> Plan {
        let live = self.live();
        let adopted: Vec<_> =
            adoptions(&self.desired, &live, intent).into_iter().map(|object| object.key).collect();
        let state = self.read();
        let proposals = questions(&self.desired, &live)
            .into_iter()
            .map(|question| {
                let conflicts = state.conflicts(&question.object);
                let key = question.object.key.clone();
                let mut object = question.object;
                state.keep_edit(&mut object);
                let answer = match conflicts.is_empty() || adopted.contains(&key) {
                    _ if state.forbids(&object) => Proposal::Rejected {
                        message: "updates to statefulset spec are forbidden".into(),
                        fields: vec!["spec".into()],
                    },
                    true => Proposal::Accepted { object, warnings: Vec::new() },
                    false => {
                        let forced = Box::new(Proposal::Accepted { object, warnings: Vec::new() });
                        Proposal::Conflict { conflicts, forced }
                    }
                };
                (key, answer)
            })
            .collect();
        let observed = Observed { live, proposals, members: state.members_read() };
        plan(&self.desired, &observed, intent, state.now)
    }

    fn live(&self) -> Live {
        let state = self.read();
        let lookup = |key| state.objects.get(key).cloned().map_or(Lookup::Absent, Lookup::Found);
        let made = state.journal.iter().flat_map(|journal| journal.inventory.keys());
        let wanted = self.desired.objects().into_iter().map(|object| &object.key);
        let objects = wanted.chain(made).map(|key| (key.clone(), lookup(key))).collect();
        let class = StorageClass {
            name: "local".into(),
            is_default: true,
            expandable: true,
            binding_mode: "Immediate".into(),
        };
        let right = Right {
            verb: "patch".into(),
            group: "apps".into(),
            resource: "statefulsets".into(),
            namespace: None,
            allowed: true,
        };
        Live {
            target: Target { context: "simulator".into(), cluster_uid: Lookup::Found("c".into()) },
            kubernetes: None,
            objects,
            secrets: state.secrets.clone(),
            pods: Lookup::Found((0..ORDINALS).filter_map(|ordinal| state.pod(ordinal)).collect()),
            revisions: Lookup::Found(state.revisions()),
            claims: Lookup::Found((0..ORDINALS).filter_map(|ordinal| state.claim(ordinal)).collect()),
            storage_classes: Lookup::Found(vec![class]),
            nodes: Lookup::Found((0..ORDINALS).map(|i| node(&format!("node-{i}"))).collect()),
            quotas: Lookup::Found(Vec::new()),
            rights: vec![right],
            lease: Lookup::Absent,
            neighbours: state.neighbours.clone(),
            journal: state.journal.clone().map_or(Lookup::Absent, Lookup::Found),
        }
    }

    pub fn pod_of(&self, ordinal: usize) -> Option<Pod> {
        self.read().pod(ordinal)
    }

    pub fn claim_of(&self, ordinal: usize) -> Option<Claim> {
        self.read().claim(ordinal)
    }

    pub fn status_of(&self, ordinal: usize) -> Option<Status> {
        self.read().status(ordinal)
    }

    pub fn violations(&self) -> Vec<String> {
        self.read().rules.violations.clone()
    }

    pub fn foundings(&self) -> usize {
        self.read().foundings
    }

    pub fn runs(&self, ordinal: usize) -> bool {
        self.read().runs(ordinal)
    }

    pub fn voters(&self) -> usize {
        self.read().furthest().map_or(0, |log| log.voters().count())
    }

    pub fn lost_keys(&self) -> Vec<u64> {
        self.read().lost_keys()
    }

    pub fn is_sealed(&self) -> bool {
        let state = self.read();
        let bootstrap = state.objects.get(&self.desired.names.bootstrap());
        bootstrap.is_some_and(|object| {
            object.body["data"]["initial-cluster"] == "sealed=https://sealed.invalid:2380"
        })
    }
}

impl State {
    /// A log's members as one of them tells, sorted by address.
    pub fn membership(&self, log: &Log, via: usize) -> Membership {
        let mut members: Vec<Member> = log
            .members
            .iter()
            .map(|member| Member {
                id: member.id,
                name: member.name.clone(),
                peer_urls: vec![member.url.clone()],
                client_urls: Vec::new(),
                role: member.role,
            })
            .collect();
        members.sort_by(|a, b| a.peer_urls.cmp(&b.peer_urls));
        Membership { cluster_id: self.data(via).map_or(Id(0), |data| data.cluster), members }
    }

    fn members_read(&self) -> Members {
        if self.pods.is_empty() {
            return Members::NotRunning;
        }
        let statuses: BTreeMap<String, Result<Status, String>> = self
            .pods
            .keys()
            .map(|ordinal| {
                let status = self.status(*ordinal).ok_or_else(|| "connection refused".to_owned());
                (self.names.member(*ordinal), status)
            })
            .collect();
        let confirmed = self.pods.keys().find_map(|via| Some((*via, self.served_by(*via).ok()?)));
        let told = || {
            let via = self.pods.keys().find(|ordinal| self.pods[ordinal].served)?;
            Some((*via, self.data(*via)?.log.clone()))
        };
        let linearizable = confirmed.is_some();
        match confirmed.or_else(told) {
            Some((via, log)) => Members::Read(EtcdReading {
                membership: self.membership(&log, via),
                linearizable,
                statuses,
                alarms: if linearizable { self.alarms.clone() } else { Vec::new() },
            }),
            None => Members::Failed("nobody answers".into()),
        }
    }

    fn status(&self, ordinal: usize) -> Option<Status> {
        let data = self.data(ordinal).filter(|_| self.runs(ordinal) && self.pods[&ordinal].served)?;
        let role = data.log.member(data.id).map_or(Role::Learner, |member| member.role);
        // A learner that is cut off still tells of the leader that it knew.
        let reached = |other: usize| {
            role == Role::Learner
                || ordinal == other
                || !(self.cut.contains(&ordinal) || self.cut.contains(&other))
        };
        let leader = self.leader.as_ref().filter(|leader| reached(leader.ordinal)).map(|leader| leader.id);
        let errors = if leader.is_some() { Vec::new() } else { vec!["etcdserver: no leader".to_owned()] };
        Some(Status {
            cluster_id: data.cluster,
            member_id: data.id,
            leader: leader.unwrap_or(Id(0)),
            role,
            version: "3.6.16".into(),
            db_size: 0,
            db_size_in_use: 0,
            db_size_quota: 0,
            raft_index: data.log.index,
            raft_applied_index: data.log.index,
            raft_term: data.log.term,
            revision: i64::try_from(data.log.keys.len()).expect("few"),
            errors,
        })
    }

    fn pod(&self, ordinal: usize) -> Option<Pod> {
        let pod = self.pods.get(&ordinal)?;
        let status = self.status(ordinal);
        let ready = status.is_some_and(|status| status.role == Role::Voter && status.errors.is_empty());
        let held = self.held.contains(&ordinal) && !self.runs(ordinal);
        let trouble = match &pod.words {
            _ if held => Some(("Unschedulable", "no node is available", None)),
            Some(words) if !self.runs(ordinal) => {
                Some(("CrashLoopBackOff", "back-off restarting failed container", Some(words.clone())))
            }
            _ => None,
        };
        let begun = !held && (pod.restarts > 0 || !matches!(pod.phase, Phase::Waiting(_)));
        Some(Pod {
            name: self.names.member(ordinal),
            uid: pod.uid.clone(),
            node: (!held).then(|| format!("node-{ordinal}")),
            phase: if begun { "Running".into() } else { "Pending".into() },
            ready,
            terminating: pod.leaves.is_some(),
            image: None,
            client_port: None,
            restarts: pod.restarts,
            revision: Some(pod.revision.clone()),
            owner: pod.owner.clone(),
            trouble: trouble.map(|(reason, message, last_words)| Trouble {
                reason: reason.to_owned(),
                message: message.to_owned(),
                last_words,
                exit_code: pod.words.is_some().then_some(1),
            }),
        })
    }

    fn revisions(&self) -> Vec<Revision> {
        let set = self.objects.get(&self.names.stateful_set());
        let owner = set.and_then(Object::uid);
        let revision = |(number, (name, template)): (i64, &(String, Value))| Revision {
            name: name.clone(),
            number,
            owner: owner.map(str::to_owned),
            template: template.clone(),
        };
        (1..).zip(&self.revisions).map(revision).collect()
    }

    fn claim(&self, ordinal: usize) -> Option<Claim> {
        let claim = self.claims.get(&ordinal)?;
        Some(Claim {
            name: self.names.claim(ordinal).name,
            uid: claim.uid.clone(),
            version: "1".into(),
            phase: "Bound".into(),
            cluster_id: claim.recorded,
            terminating: claim.terminating,
            owners: self.takes_claims_along().then(|| "StatefulSet/orders".to_owned()).into_iter().collect(),
            class: Some("local".into()),
            requested: Some(claim.requested),
            capacity: Some(claim.capacity),
            growing: None,
        })
    }
}

/// Nodes are never the trouble here.
pub fn node(name: &str) -> Node {
    Node { name: name.to_owned(), zone: None, ready: true, schedulable: true }
}
