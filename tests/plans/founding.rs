//! Before anything is recorded: what founds a cluster, and what must not be
//! there.

use std::collections::BTreeMap;

use etcdctl_stack::{
    desired::{Desired, desired},
    object::{Object, ObjectKey},
    observed::{
        Claim, Conflict, Live, Lookup, Members, Node, Observed, Proposal, Right, StorageClass, Target,
    },
    plan::{Plan, plan},
    stack::parse_and_check,
};
use jiff::Timestamp;
use serde_json::json;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn stack(rest: &str) -> Desired {
    let text = format!("[stack]\nname = \"orders\"\nnamespace = \"etcd-orders\"\n{rest}");
    desired(&parse_and_check("orders.toml", &text).expect("a good file").stack)
}

/// A cluster in which nothing of the stack is there.
fn empty(desired: &Desired) -> Observed {
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
        objects,
        secrets: BTreeMap::new(),
        pods: Lookup::Found(Vec::new()),
        claims: Lookup::Found(Vec::new()),
        storage_classes: Lookup::Found(vec![class]),
        nodes: Lookup::Found((1..=3).map(node).collect()),
        rights: vec![right],
        journal: Lookup::Absent,
        lease: Lookup::Absent,
    };
    Observed { live, proposals: BTreeMap::new(), members: Members::NotRunning }
}

/// The same, in a namespace that exists and takes everything.
fn with_namespace(desired: &Desired) -> Observed {
    let mut observed = empty(desired);
    let mut namespace = desired.namespace.clone();
    namespace.body["metadata"]["uid"] = json!("n");
    observed.live.objects.insert(namespace.key.clone(), Lookup::Found(namespace));
    for object in desired.objects() {
        let accepted = Proposal::Accepted { object: object.clone(), warnings: Vec::new() };
        observed.proposals.insert(object.key.clone(), accepted);
    }
    observed
}

fn titles(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.title.as_str()).collect()
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.blocked.iter().map(|blocked| blocked.code.as_str()).collect()
}

fn put(observed: &mut Observed, key: &ObjectKey, body: serde_json::Value) {
    observed.live.objects.insert(key.clone(), Lookup::Found(Object { key: key.clone(), body }));
}

#[test]
fn from_nothing_one_member_founds_and_the_others_join() {
    let desired = stack("[cluster]\nmembers = 2\n");
    let plan = plan(&desired, &empty(&desired), NOW);
    assert_eq!(
        titles(&plan),
        [
            "create Namespace/etcd-orders, then check the predicted objects again",
            "issue 5 certificates",
            "apply Service/etcd-orders/orders-peer, PodDisruptionBudget/etcd-orders/orders",
            "let orders-0, and only it, found a cluster",
            "create StatefulSet/etcd-orders/orders with 1 replica, wait until orders-0 leads",
            "write down the cluster's id: it is founded, once and for ever",
            "seal: from here on no member starts without its data",
            "create Service/etcd-orders/orders: clients are served from here on",
            "add orders-1 as a learner and let it, and only it, join",
            "replicas 1 -> 2, wait until orders-1 has joined",
            "seal: from here on no member starts without its data",
            "promote orders-1 once it is connected and has caught up",
        ]
    );
    assert_eq!((plan.voters.before, plan.voters.after, plan.blocked.len()), (0, 2, 0));
}

#[test]
fn the_same_world_gives_the_same_digest_and_another_stack_another() {
    let desired = stack("");
    let one = plan(&desired, &empty(&desired), NOW);
    let later = plan(&desired, &empty(&desired), Timestamp::constant(1_800_000_600, 0));
    assert_eq!(one, later);
    let other = stack("labels = { team = \"db\" }\n");
    assert_ne!(plan(&other, &empty(&other), NOW).digest, one.digest);
}

#[test]
fn the_context_name_is_not_part_of_what_is_approved() {
    let desired = stack("");
    let mut observed = empty(&desired);
    let here = plan(&desired, &observed, NOW).digest;
    observed.live.target.context = "in-cluster".into();
    assert_eq!(plan(&desired, &observed, NOW).digest, here);
}

#[test]
fn a_claim_that_nobody_recorded_blocks_the_founding() {
    let desired = stack("");
    let mut observed = with_namespace(&desired);
    let claim = Claim {
        name: "data-orders-0".into(),
        uid: "c".into(),
        phase: "Bound".into(),
        cluster_id: None,
        terminating: false,
    };
    observed.live.claims = Lookup::Found(vec![claim]);
    assert_eq!(codes(&plan(&desired, &observed, NOW)), ["plan::claim_exists"]);
}

#[test]
fn an_object_of_another_tool_is_not_touched() {
    let desired = stack("");
    let mut observed = with_namespace(&desired);
    let labels = json!({ "app.kubernetes.io/managed-by": "Helm" });
    put(
        &mut observed,
        &desired.names.client_service(),
        json!({ "metadata": { "uid": "s", "labels": labels } }),
    );
    let plan = plan(&desired, &observed, NOW);
    assert_eq!(codes(&plan), ["plan::foreign_object"]);
    assert!(plan.blocked[0].reason.contains("`Helm`"), "{}", plan.blocked[0].reason);
}

#[test]
fn every_missing_right_is_named_at_once() {
    let desired = stack("");
    let mut observed = with_namespace(&desired);
    let denied = |verb: &str, resource: &str| Right {
        verb: verb.into(),
        group: String::new(),
        resource: resource.into(),
        namespace: Some("etcd-orders".into()),
        allowed: false,
    };
    observed.live.rights = vec![denied("create", "pods/portforward"), denied("patch", "secrets")];
    let plan = plan(&desired, &observed, NOW);
    assert_eq!(
        plan.blocked[0].reason,
        "2 of 2 rights are missing: create pods/portforward in etcd-orders, patch secrets in etcd-orders"
    );
}

#[test]
fn a_conflict_names_field_and_manager() {
    let desired = stack("");
    let mut observed = with_namespace(&desired);
    let key = desired.names.budget();
    let labels = desired.budget.as_ref().expect("a budget").body["metadata"]["labels"].clone();
    put(&mut observed, &key, json!({ "metadata": { "uid": "b", "labels": labels } }));
    let conflict = Conflict { field: ".spec.minAvailable".into(), manager: "kubectl-edit".into() };
    observed.proposals.insert(key, Proposal::Conflict(vec![conflict]));
    let plan = plan(&desired, &observed, NOW);
    assert_eq!(codes(&plan), ["plan::conflict"]);
    assert!(plan.blocked[0].reason.contains(".spec.minAvailable is set by kubectl-edit"));
}

#[test]
fn a_missing_storage_class_and_a_namespace_on_its_way_out_both_show() {
    let desired = stack("[storage]\nclass = \"fast\"\n");
    let mut observed = with_namespace(&desired);
    let going =
        json!({ "metadata": { "name": "etcd-orders", "uid": "n" }, "status": { "phase": "Terminating" } });
    put(&mut observed, &desired.namespace.key, going);
    assert_eq!(
        codes(&plan(&desired, &observed, NOW)),
        ["plan::namespace_terminating", "plan::storage_class"]
    );
}

#[test]
fn what_could_not_be_read_is_never_taken_for_absent() {
    let desired = stack("");
    let mut observed = with_namespace(&desired);
    observed.live.journal = Lookup::Failed("forbidden".into());
    let plan = plan(&desired, &observed, NOW);
    assert_eq!(plan.unread, ["the journal cannot be read: forbidden"]);
    assert_eq!((plan.digest, plan.voters.after), (None, 0));
}

#[test]
fn too_few_nodes_are_a_warning_because_an_autoscaler_may_add_some() {
    let desired = stack("[cluster]\nmembers = 5\n");
    let plan = plan(&desired, &empty(&desired), NOW);
    assert_eq!(plan.warnings, ["3 of 3 nodes take pods, but 5 members need one each"]);
    assert!(plan.is_applicable());
}
