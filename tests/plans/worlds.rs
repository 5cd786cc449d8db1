//! A cluster that is as its stack file wants it, and the plan for it once a
//! test has changed one thing.

use std::collections::BTreeMap;

use crate::recorded;
use etcdctl_stack::{
    certificate::{Facts, Usage},
    desired::{CLUSTER_ID, Desired, SecretRequest, desired},
    field::{OURS, owners},
    member::{Id, Member, Membership, Role, Status},
    object::{Kind, Object, ObjectKey},
    observed::{
        Claim, EtcdReading, Journal, Live, Lookup, Members, Node, Observed, Pod, Proposal, Right,
        SecretFacts, StorageClass, Target,
        journal::{Founding, RecordedMember},
    },
    plan::{Action, Intent, Plan, Step, adoptions, plan, questions, settle},
    stack::parse_and_check,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::told;

pub const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
pub const CLUSTER: Id = Id(0xc1);
/// The revision of the pod template as it is.
pub const TEMPLATE: &str = "orders-6c";

/// What a stack file with these lines wants.
pub fn stack(rest: &str) -> Desired {
    let text = format!("[stack]\nname = \"orders\"\nnamespace = \"etcd-orders\"\n{rest}");
    desired(&parse_and_check("orders.toml", &text).expect("a good file").stack)
}

/// The one thing that a test changes.
pub type Change<'a> = &'a dyn Fn(&mut World);

/// Everything that a plan is made from, and the answers of an API server that
/// takes what it is asked about.
pub struct World {
    pub desired: Desired,
    pub live: Live,
    pub members: Members,
    /// Answers other than that the server takes it.
    pub answers: BTreeMap<ObjectKey, Proposal>,
    /// What is asked for beside the file.
    pub intent: Intent,
}

impl World {
    /// Three healthy members that an earlier apply founded: nothing is to do.
    pub fn founded() -> World {
        let desired = stack("");
        let names = &desired.names;
        let mut world = World {
            live: empty(&desired).live,
            members: Members::Read(reading(&desired, 3)),
            answers: BTreeMap::new(),
            intent: Intent::default(),
            desired: desired.clone(),
        };
        for object in desired.objects() {
            world.store(object.clone());
        }
        world.body(&names.bootstrap())["data"]["initial-cluster-token"] = json!("token");
        world.body(&names.stateful_set())["metadata"]["annotations"] =
            json!({ CLUSTER_ID: CLUSTER.to_string() });
        let facts = |secret: &SecretRequest| (secret.object.key.clone(), good(secret));
        world.body(&names.stateful_set())["metadata"]["generation"] = json!(1);
        world.live.secrets = desired.secrets.iter().map(facts).collect();
        world.keeps_template(TEMPLATE);
        world.live.pods = Lookup::Found((0..3).map(|ordinal| pod(&desired, ordinal)).collect());
        world.live.claims = Lookup::Found((0..3).map(|ordinal| claim(&desired, ordinal)).collect());
        world.live.journal = Lookup::Found(journal(&desired, 3));
        world
    }

    /// The same with so many members.
    pub fn of(members: usize, rest: &str) -> World {
        let mut world = World::founded();
        let names = world.desired.names.clone();
        world.members = Members::Read(reading(&world.desired, members));
        world.live.pods = Lookup::Found((0..members).map(|ordinal| pod(&world.desired, ordinal)).collect());
        world.live.claims =
            Lookup::Found((0..members).map(|ordinal| claim(&world.desired, ordinal)).collect());
        world.live.journal = Lookup::Found(journal(&world.desired, members));
        world.body(&names.stateful_set())["spec"]["replicas"] = json!(members);
        world.body(&names.budget())["spec"]["minAvailable"] = json!(members / 2 + 1);
        world.desired = settle(&stack(rest), &world.live);
        world
    }

    /// The same, and a file that wants something else.
    pub fn wanting(rest: &str) -> World {
        let mut world = World::founded();
        world.desired = settle(&stack(rest), &world.live);
        world
    }

    /// A namespace in which nothing of the stack is.
    pub fn with_namespace() -> World {
        let desired = stack("");
        let mut world = World {
            live: empty(&desired).live,
            members: Members::NotRunning,
            answers: BTreeMap::new(),
            intent: Intent::default(),
            desired: desired.clone(),
        };
        world.store(desired.namespace);
        world
    }

    pub fn observed(&self) -> Observed {
        // Whoever gives way leaves nothing behind.
        let adopted = adoptions(&self.desired, &self.live, &self.intent);
        let stays = |object: &Object| adopted.iter().all(|one| one.key != object.key);
        let accepted = |object: &Object| Proposal::Accepted {
            object: match self.live.objects.get(&object.key).and_then(Lookup::found) {
                Some(found) => {
                    let stored = as_stored(object, found.uid(), found.resource_version());
                    if stays(object) { kept(stored, found) } else { stored }
                }
                None => object.clone(),
            },
            warnings: Vec::new(),
        };
        let asked = questions(&self.desired, &self.live);
        let mut proposals: BTreeMap<ObjectKey, Proposal> =
            asked.iter().map(|question| (question.object.key.clone(), accepted(&question.object))).collect();
        proposals.extend(self.answers.clone());
        Observed { live: self.live.clone(), proposals, members: self.members.clone() }
    }

    pub fn plan(&self) -> Plan {
        let plan = plan(&self.desired, &self.observed(), &self.intent, NOW);
        told::valid(&plan);
        recorded::agreed(self, plan)
    }

    /// Puts an object there as the API server would keep it.
    pub fn store(&mut self, object: Object) {
        let stored = as_stored(&object, Some(&uid(&object.key)), Some("1"));
        self.live.objects.insert(object.key, Lookup::Found(stored));
    }

    /// Takes an object away, and what was read out of it.
    pub fn delete(&mut self, key: &ObjectKey) {
        self.live.objects.insert(key.clone(), Lookup::Absent);
        self.live.secrets.remove(key);
    }

    pub fn body(&mut self, key: &ObjectKey) -> &mut Value {
        match self.live.objects.get_mut(key) {
            Some(Lookup::Found(object)) => &mut object.body,
            other => panic!("{key} is {other:?}"),
        }
    }

    pub fn certificate(&mut self, key: &ObjectKey) -> &mut Facts {
        let secret = self.live.secrets.get_mut(key).expect("a Secret of the stack");
        secret.certificate.as_mut().expect("a certificate").as_mut().expect("a readable one")
    }

    pub fn claims(&mut self) -> &mut Vec<Claim> {
        found(&mut self.live.claims)
    }

    pub fn classes(&mut self) -> &mut Vec<StorageClass> {
        found(&mut self.live.storage_classes)
    }

    pub fn pods(&mut self) -> &mut Vec<Pod> {
        found(&mut self.live.pods)
    }

    pub fn journal(&mut self) -> &mut Journal {
        found(&mut self.live.journal)
    }

    pub fn reading(&mut self) -> &mut EtcdReading {
        match &mut self.members {
            Members::Read(reading) => reading,
            other => panic!("the members are {other:?}"),
        }
    }

    pub fn listed(&mut self) -> &mut Vec<Member> {
        &mut self.reading().membership.members
    }

    pub fn status(&mut self, member: &str) -> &mut Status {
        self.reading().statuses.get_mut(member).expect("a member").as_mut().expect("an answer")
    }
}

fn found<T>(lookup: &mut Lookup<T>) -> &mut T {
    let Lookup::Found(value) = lookup else { panic!("it was not read") };
    value
}

/// The uid of an object that is stored.
pub fn uid(key: &ObjectKey) -> String {
    format!("uid of {key}")
}

fn as_stored(object: &Object, uid: Option<&str>, version: Option<&str>) -> Object {
    let mut stored = object.clone();
    stored.body["metadata"]["uid"] = json!(uid);
    stored.body["metadata"]["resourceVersion"] = json!(version);
    stored
}

/// What others set stays through an apply.
fn kept(mut object: Object, live: &Object) -> Object {
    if owners(&live.body).iter().any(|owner| owner.manager != OURS) {
        let wanted = std::mem::replace(&mut object.body, live.body.clone());
        lay_over(&mut object.body, &wanted);
    }
    object
}

fn lay_over(live: &mut Value, wanted: &Value) {
    let name = |item: &Value| item.get("mountPath").or(item.get("name")).cloned();
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            for (field, wanted) in wanted {
                lay_over(live.entry(field.clone()).or_insert(Value::Null), wanted);
            }
        }
        (Value::Array(live), Value::Array(wanted)) if wanted.iter().all(|item| name(item).is_some()) => {
            for wanted in wanted {
                match live.iter_mut().find(|live| name(live) == name(wanted)) {
                    Some(live) => lay_over(live, wanted),
                    None => live.push(wanted.clone()),
                }
            }
        }
        (live, wanted) => *live = wanted.clone(),
    }
}

/// A cluster in which nothing of the stack is there.
pub fn empty(desired: &Desired) -> Observed {
    let objects = desired.objects().into_iter().map(|object| (object.key.clone(), Lookup::Absent)).collect();
    let right = Right {
        verb: "patch".into(),
        group: "apps".into(),
        resource: "statefulsets".into(),
        namespace: Some("etcd-orders".into()),
        allowed: true,
    };
    let class = StorageClass {
        name: "local".into(),
        is_default: true,
        expandable: false,
        binding_mode: "WaitForFirstConsumer".into(),
    };
    let node = |i: usize| Node { name: format!("node-{i}"), zone: None, ready: true, schedulable: true };
    let live = Live {
        target: Target { context: "test".into(), cluster_uid: Lookup::Found("u".into()) },
        kubernetes: None,
        objects,
        secrets: BTreeMap::new(),
        pods: Lookup::Found(Vec::new()),
        revisions: Lookup::Found(Vec::new()),
        claims: Lookup::Found(Vec::new()),
        storage_classes: Lookup::Found(vec![class]),
        nodes: Lookup::Found((1..=3).map(node).collect()),
        quotas: Lookup::Found(Vec::new()),
        rights: vec![right],
        lease: Lookup::Absent,
        neighbours: Default::default(),
        journal: Lookup::Absent,
    };
    Observed { live, proposals: BTreeMap::new(), members: Members::NotRunning }
}

/// A Secret as issuing leaves it, a hundred days later.
pub fn good(secret: &SecretRequest) -> SecretFacts {
    let SecretRequest { object, request, authority } = secret;
    let signer = authority.as_ref().unwrap_or(&object.key);
    let facts = Facts {
        subject: request.subject.clone(),
        issuer: signer.to_string(),
        usage: request.usage,
        dns_names: request.dns_names.clone(),
        ip_addresses: request.ip_addresses.clone(),
        not_before: days(-100),
        not_after: days(i64::from(request.days) - 100),
        sha256: format!("sha256 of {}", object.key),
        key_matches: true,
        signed_by_authority: true,
    };
    let keys = match request.usage {
        Usage::Authority => vec!["tls.crt", "tls.key"],
        Usage::ServerAndClient | Usage::Client => vec!["ca.crt", "tls.crt", "tls.key"],
    };
    SecretFacts {
        keys: keys.into_iter().map(str::to_owned).collect(),
        certificate: Some(Ok(facts)),
        authority_sha256: authority.as_ref().map(|_| format!("sha256 of {signer}")),
    }
}

/// So many days from now.
pub fn days(days: i64) -> Timestamp {
    NOW + SignedDuration::from_hours(24 * days)
}

pub fn pod(desired: &Desired, ordinal: usize) -> Pod {
    Pod {
        name: desired.names.member(ordinal),
        uid: format!("pod {ordinal}"),
        node: Some(format!("node-{}", ordinal + 1)),
        phase: "Running".into(),
        ready: true,
        terminating: false,
        image: Some(format!("registry.k8s.io/etcd:v{}", desired.stack.version)),
        client_port: Some(2379),
        restarts: 0,
        revision: Some(TEMPLATE.into()),
        owner: None,
        trouble: None,
    }
}

pub fn claim(desired: &Desired, ordinal: usize) -> Claim {
    Claim {
        name: desired.names.claim(ordinal).name,
        uid: format!("claim {ordinal}"),
        version: "1".into(),
        phase: "Bound".into(),
        cluster_id: Some(CLUSTER),
        terminating: false,
        owners: Vec::new(),
        class: Some("local".into()),
        requested: "8Gi".parse().ok(),
        capacity: "8Gi".parse().ok(),
        growing: None,
    }
}

pub fn voter(desired: &Desired, ordinal: usize) -> Member {
    Member {
        id: Id(0xa0 + ordinal as u64),
        name: desired.names.member(ordinal),
        peer_urls: vec![desired.names.peer_url(ordinal)],
        client_urls: vec![format!("https://{}:2379", desired.names.host(ordinal))],
        role: Role::Voter,
    }
}

/// So many voters, of which the first leads.
pub fn reading(desired: &Desired, voters: usize) -> EtcdReading {
    let members: Vec<Member> = (0..voters).map(|ordinal| voter(desired, ordinal)).collect();
    let status = |member: &Member| Status {
        cluster_id: CLUSTER,
        member_id: member.id,
        leader: members[0].id,
        role: member.role,
        version: "3.6.16".into(),
        db_size: 4096,
        db_size_in_use: 4096,
        db_size_quota: 0,
        raft_index: 7,
        raft_applied_index: 7,
        raft_term: 2,
        revision: 1,
        errors: Vec::new(),
    };
    let statuses = members.iter().map(|member| (member.name.clone(), Ok(status(member)))).collect();
    let membership = Membership { cluster_id: CLUSTER, members };
    EtcdReading { membership, linearizable: true, statuses, alarms: Vec::new() }
}

fn journal(desired: &Desired, members: usize) -> Journal {
    let recorded = |ordinal: usize| RecordedMember {
        peer_url: desired.names.peer_url(ordinal),
        id: voter(desired, ordinal).id,
        claim_uid: claim(desired, ordinal).uid,
    };
    Journal {
        run: None,
        history: Vec::new(),
        founding: Some(Founding { started_at: days(-100), claim_uid: Some(claim(desired, 0).uid) }),
        cluster_id: Some(CLUSTER),
        members: (0..members).map(|ordinal| (desired.names.member(ordinal), recorded(ordinal))).collect(),
        inventory: desired
            .objects()
            .iter()
            .map(|object| (object.key.clone(), Some(uid(&object.key))))
            .collect(),
        version: Some("3.6.16".into()),
    }
}

pub fn titles(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.title.as_str()).collect()
}

pub fn codes(plan: &Plan) -> Vec<&str> {
    plan.blocked.iter().map(|blocked| blocked.code.as_str()).collect()
}

pub fn reasons(plan: &Plan) -> Vec<(&str, &str)> {
    plan.blocked.iter().map(|blocked| (blocked.code.as_str(), blocked.reason.as_str())).collect()
}

/// The one reason not to begin, in these words; and no step that has a part
/// in membership is shown.
#[track_caller]
pub fn stops(world: &World, code: &str, reason: &str) {
    let plan = world.plan();
    assert_eq!(reasons(&plan), [(code, reason)]);
    assert_eq!(plan.unread, Vec::<String>::new());
    let moves: Vec<&str> =
        plan.steps.iter().filter(|step| is_move(step)).map(|step| step.title.as_str()).collect();
    assert_eq!(moves, Vec::<&str>::new());
}

/// Whether a step has a part in membership: it lets a member start, lists or
/// promotes one, or writes one down.
fn is_move(step: &Step) -> bool {
    let acts = |action: &Action| match action {
        Action::CreateNamespace { .. } | Action::Issue { .. } | Action::Adopt { .. } | Action::Snapshot => {
            false
        }
        Action::Apply { object, .. } => object.key.kind == Kind::ConfigMap,
        Action::BeginFounding
        | Action::RecordCluster
        | Action::RemoveField { .. }
        | Action::AddLearner { .. }
        | Action::Promote { .. }
        | Action::RemoveMember { .. }
        | Action::ForgetMember { .. }
        | Action::DeleteClaim { .. }
        | Action::Delete { .. }
        | Action::EndPods { .. }
        | Action::Release { .. }
        | Action::DeleteRecords
        | Action::DeleteNamespace { .. }
        | Action::Empty { .. }
        | Action::Restart { .. }
        | Action::StartAgain { .. }
        | Action::Orphan { .. }
        | Action::Grow { .. }
        | Action::RecordMember { .. } => true,
    };
    step.tally.is_some() || step.actions.iter().any(acts)
}
