//! Plans made by hand: small, fixed, one of each kind.

use etcdctl_stack::{
    member::{Id, Member, Role},
    object::{Kind, ObjectKey},
    observed::{Lookup, Target},
    plan::{
        Action, Basis, BeforeAfter, Blocked, Change, Check, Confidence, Cost, Digest, Etcd, FieldChange,
        Outcome, Plan, Source, Step, Tally, Verb,
    },
};
use serde_json::{Value, json};

/// A stack that is as it should be.
pub fn unchanged() -> Plan {
    Plan {
        stack: "orders".into(),
        namespace: "etcd-orders".into(),
        namespace_exists: true,
        target: Target { context: "prod-eu".into(), cluster_uid: Lookup::Found("7c1f".into()) },
        basis: Basis::default(),
        against: None,
        digest: Some(Digest("7f3a91c2".repeat(8))),
        changes: Vec::new(),
        unchanged: vec![
            key(Kind::Service, "orders"),
            key(Kind::Service, "orders-peer"),
            key(Kind::StatefulSet, "orders"),
        ],
        foreign: Vec::new(),
        steps: Vec::new(),
        blocked: Vec::new(),
        warnings: Vec::new(),
        checks: Vec::new(),
        etcd: Some(etcd()),
        recorded: Some(etcd().cluster_id),
        version: "3.6.16".into(),
        intended: Default::default(),
        inventory: Default::default(),
        complete: true,
        voters: BeforeAfter { before: 3, after: 3 },
        can_lose: 1,
        unread: Vec::new(),
    }
}

/// The first apply of a stack, in a namespace that is not there yet.
pub fn create() -> Plan {
    let namespace = ObjectKey::cluster_wide(Kind::Namespace, "etcd-orders");
    let mut secret = made(key(Kind::Secret, "orders-server"), json!({}));
    secret.notes = vec!["issue certificate `orders server`, 29 names, for 365 days".into()];
    Plan {
        namespace_exists: false,
        changes: vec![
            made(namespace, json!({})),
            secret,
            made(key(Kind::Service, "orders-peer"), service("None")),
            made(key(Kind::Service, "orders"), service("")),
            made(key(Kind::PodDisruptionBudget, "orders"), json!({ "spec": { "minAvailable": 2 } })),
            made(key(Kind::StatefulSet, "orders"), stateful_set()),
        ],
        unchanged: Vec::new(),
        steps: vec![
            step("create Namespace/etcd-orders, then check the predicted objects again", None),
            step("create StatefulSet/etcd-orders/orders with 1 replica, wait until orders-0 leads", Some(1)),
            step("promote orders-1 once it is connected and has caught up", Some(2)),
            step("promote orders-2 once it is connected and has caught up", Some(3)),
        ],
        checks: vec![
            check("rights", Outcome::Pass, "31 rights"),
            check("storage_class", Outcome::Pass, "StorageClass fast-ssd (expandable, WaitForFirstConsumer)"),
            check("nodes", Outcome::Unchecked, "nodes may not be listed"),
            check(
                "pod",
                Outcome::Unchecked,
                "the namespace does not exist yet; checked again after it is made",
            ),
            check(
                "claim",
                Outcome::Unchecked,
                "the namespace does not exist yet; checked again after it is made",
            ),
        ],
        etcd: None,
        recorded: None,
        voters: BeforeAfter { before: 0, after: 3 },
        can_lose: 0,
        ..unchanged()
    }
}

/// Volumes that grow, and the StatefulSet made anew around its pods.
pub fn larger() -> Plan {
    let size = |path: &str| vec![field(path, Some("8Gi".into()), Some("16Gi".into()))];
    let claim = Change {
        verb: Verb::Update,
        fields: size("spec.resources.requests.storage"),
        ..made(key(Kind::PersistentVolumeClaim, "data-orders-0"), json!({}))
    };
    let stateful_set = Change {
        verb: Verb::Recreate,
        fields: size("spec.volumeClaimTemplates[data].spec.resources.requests.storage"),
        notes: vec!["the API server was asked about all of it but the fields that never change".into()],
        ..made(key(Kind::StatefulSet, "orders"), json!({}))
    };
    let grow = "grow PersistentVolumeClaim/etcd-orders/data-orders-0 8Gi -> 16Gi";
    let anew = "make StatefulSet/etcd-orders/orders anew around its pods: storage size 8Gi -> 16Gi";
    Plan {
        changes: vec![stateful_set, claim],
        steps: vec![step(grow, Some(3)), step(anew, Some(3))],
        can_lose: 1,
        ..unchanged()
    }
}

/// From three members to five, with a label and an annotation besides.
pub fn grow() -> Plan {
    let fields = vec![
        field("metadata.annotations[\"example.com/runbook\"]", Some("old".into()), None),
        field("metadata.labels.team", None, Some("payments".into())),
        field("spec.replicas", Some(3.into()), Some(5.into())),
    ];
    let change = Change {
        verb: Verb::Update,
        confidence: Confidence::Verified,
        before: Some(json!({ "spec": { "replicas": 3 } })),
        fields,
        ..made(key(Kind::StatefulSet, "orders"), json!({ "spec": { "replicas": 5 } }))
    };
    Plan {
        changes: vec![change],
        unchanged: vec![key(Kind::Service, "orders"), key(Kind::Service, "orders-peer")],
        steps: vec![
            step("add orders-3 as a learner and let it, and only it, join", Some(3)),
            step("promote orders-3 once it is connected and has caught up", Some(4)),
            step("promote orders-4 once it is connected and has caught up", Some(5)),
        ],
        warnings: vec!["4 members survive 1 failure, as 3 do".into()],
        voters: BeforeAfter { before: 3, after: 5 },
        can_lose: 1,
        ..unchanged()
    }
}

/// From five members to three, whose volumes go.
pub fn shrink() -> Plan {
    let retire = |ordinal: usize| {
        step(
            &format!(
                "remove orders-{ordinal}, replicas {} -> {ordinal}, wait until its pod is gone",
                ordinal + 1
            ),
            Some(ordinal),
        )
    };
    let delete = |ordinal: usize| {
        let claim = format!("data-orders-{ordinal}");
        let title =
            format!("delete PersistentVolumeClaim/etcd-orders/{claim}: `storage.on_scale_down` is `delete`");
        Step { costs: vec![Cost::DataLoss { claim }], ..step(&title, Some(ordinal)) }
    };
    Plan {
        changes: vec![changed(vec![field("spec.replicas", Some(5.into()), Some(3.into()))])],
        steps: vec![
            step("save a snapshot and check it", Some(5)),
            retire(4),
            delete(4),
            retire(3),
            delete(3),
        ],
        etcd: Some(Etcd { leader: Some("orders-4".into()), ..etcd_of(5) }),
        voters: BeforeAfter { before: 5, after: 3 },
        can_lose: 2,
        ..grow_without_warnings()
    }
}

/// Another image: three members restart, one by one.
pub fn restart() -> Plan {
    let restart = |ordinal: usize, leads: &str| {
        let member = format!("orders-{ordinal}");
        let tally = Some(Tally { voters: 3, quorum: 2, can_lose: 0 });
        let costs = vec![Cost::Restart { member: member.clone() }];
        Step { costs, tally, ..step(&format!("restart {member}{leads}"), None) }
    };
    Plan {
        changes: vec![changed(vec![image()])],
        steps: vec![
            step("apply StatefulSet/etcd-orders/orders", None),
            restart(0, ""),
            restart(1, ""),
            restart(2, ", which hands over leadership first"),
        ],
        voters: BeforeAfter { before: 3, after: 3 },
        can_lose: 1,
        ..grow_without_warnings()
    }
}

/// Another image for the only member there is.
pub fn restart_alone() -> Plan {
    let down = Step {
        costs: vec![Cost::Downtime { member: "orders-0".into() }],
        ..step("restart orders-0", Some(1))
    };
    Plan {
        changes: vec![changed(vec![image()])],
        steps: vec![step("apply StatefulSet/etcd-orders/orders", None), down],
        etcd: Some(Etcd { leader: Some("orders-0".into()), ..etcd_of(1) }),
        voters: BeforeAfter { before: 1, after: 1 },
        can_lose: 0,
        ..grow_without_warnings()
    }
}

/// One of three removed, emptied and joined anew.
pub fn replace() -> Plan {
    let empty = Action::Empty { ordinal: 1, name: "orders-1".into(), claim_uid: "5a0e".into() };
    let title = "delete PersistentVolumeClaim/etcd-orders/data-orders-1 and the pod of orders-1, wait until both are made anew";
    let emptied = Step {
        actions: vec![empty],
        costs: vec![Cost::DataLoss { claim: "data-orders-1".into() }],
        ..step(title, Some(2))
    };
    Plan {
        steps: vec![
            step("save a snapshot and check it", Some(3)),
            step("remove orders-1: another takes its place", Some(2)),
            emptied,
            step("add orders-1 as a learner and let it, and only it, join", Some(2)),
            step("seal: from here on no member starts without its data", Some(2)),
            step("promote orders-1 once it is connected and has caught up", Some(3)),
        ],
        ..unchanged()
    }
}

/// The same of another member.
pub fn replace_another() -> Plan {
    let mut plan = replace();
    for action in plan.steps.iter_mut().flat_map(|step| &mut step.actions) {
        if let Action::Empty { ordinal, name, .. } = action {
            (*ordinal, *name) = (2, "orders-2".into());
        }
    }
    plan
}

/// Everything that a plan of a cluster in use has besides what differs.
fn grow_without_warnings() -> Plan {
    Plan { warnings: Vec::new(), ..grow() }
}

/// The StatefulSet with these differences.
fn changed(fields: Vec<FieldChange>) -> Change {
    Change { fields, ..grow().changes.remove(0) }
}

fn image() -> FieldChange {
    let image = |patch: u8| Some(format!("registry.k8s.io/etcd:v3.6.{patch}").into());
    field("spec.template.spec.containers[etcd].image", image(15), image(16))
}

/// A growing cluster with two things in the way, one in a server's own words.
pub fn blocked() -> Plan {
    Plan {
        blocked: vec![
            Blocked {
                code: "plan::unhealthy".into(),
                reason: "only 2 of 3 voters are healthy: `orders-2` does not answer".into(),
                facts: Vec::new(),
                help: Some("repair it first; `etcdctl-stack status` shows what is wrong with it".into()),
                key: None,
                contested: None,
            },
            Blocked {
                code: "plan::refused".into(),
                reason: "the API server refuses `Service/etcd-orders/orders`:\nport \u{1b}[31m0 is invalid"
                    .into(),
                facts: Vec::new(),
                help: None,
                key: None,
                contested: None,
            },
        ],
        ..grow()
    }
}

pub fn key(kind: Kind, name: &str) -> ObjectKey {
    ObjectKey::new(kind, "etcd-orders", name)
}

pub fn made(key: ObjectKey, after: Value) -> Change {
    Change {
        key,
        verb: Verb::Create,
        confidence: Confidence::Predicted,
        before: None,
        wanted: after.clone(),
        after,
        fields: Vec::new(),
        notes: Vec::new(),
        adopting: Vec::new(),
    }
}

pub fn field(path: &str, before: Option<Value>, after: Option<Value>) -> FieldChange {
    FieldChange { path: path.into(), before, after, source: Source::Stack }
}

fn check(name: &str, outcome: Outcome, detail: &str) -> Check {
    Check { name: name.into(), outcome, detail: detail.into() }
}

pub fn step(title: &str, voters: Option<usize>) -> Step {
    let tally =
        voters.map(|voters| Tally { voters, quorum: voters / 2 + 1, can_lose: voters - (voters / 2 + 1) });
    Step {
        title: title.into(),
        actions: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
        tally,
        costs: Vec::new(),
    }
}

pub fn etcd() -> Etcd {
    etcd_of(3)
}

fn etcd_of(voters: u64) -> Etcd {
    let member = |ordinal: u64| Member {
        id: Id(0xa0 + ordinal),
        name: format!("orders-{ordinal}"),
        peer_urls: Vec::new(),
        client_urls: Vec::new(),
        role: Role::Voter,
    };
    Etcd {
        cluster_id: Id(0x9f1e),
        members: (0..voters).map(member).collect(),
        healthy: (0..voters).map(|ordinal| format!("orders-{ordinal}")).collect(),
        leader: Some("orders-2".into()),
        alarms: Vec::new(),
        db_size: 1_288_490_189,
        quota: 6 << 30,
    }
}

fn service(cluster_ip: &str) -> Value {
    json!({ "spec": {
        "type": "ClusterIP",
        "clusterIP": cluster_ip,
        "ports": [{ "name": "client", "port": 2379 }, { "name": "peer", "port": 2380 }],
    }})
}

fn stateful_set() -> Value {
    let container = json!({
        "image": "registry.k8s.io/etcd:v3.6.16",
        "args": ["--name=$(NAME)", "--data-dir=/var/lib/etcd", "--quota-backend-bytes=3865470566"],
        "resources": {
            "requests": { "cpu": "250m", "memory": "512Mi" },
            "limits": { "memory": "2Gi" },
        },
    });
    json!({ "spec": {
        "replicas": 3,
        "persistentVolumeClaimRetentionPolicy": { "whenDeleted": "Retain", "whenScaled": "Retain" },
        "template": { "spec": { "containers": [container] } },
        "volumeClaimTemplates": [{ "spec": {
            "storageClassName": "fast-ssd",
            "resources": { "requests": { "storage": "8Gi" } },
        }}],
    }})
}
