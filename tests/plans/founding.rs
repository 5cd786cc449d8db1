//! Before anything is recorded: what founds a cluster, and what must not be
//! there.

use etcdctl_stack::{
    observed::{Claim, Journal, Lookup, Members, Proposal, Right, journal::Founding},
    plan::{Intent, plan},
};
use jiff::Timestamp;
use serde_json::json;

use crate::worlds::{NOW, World, claim, codes, empty, reading, reasons, stack, titles};

#[test]
fn from_nothing_one_member_founds_and_the_others_join() {
    let desired = stack("[cluster]\nmembers = 2\n");
    let plan = plan(&desired, &empty(&desired), &Intent::default(), NOW);
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
            "write down orders-0",
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
    let one = plan(&desired, &empty(&desired), &Intent::default(), NOW);
    let later = plan(&desired, &empty(&desired), &Intent::default(), Timestamp::constant(1_800_000_600, 0));
    assert_eq!(one, later);
    let other = stack("labels = { team = \"db\" }\n");
    assert_ne!(plan(&other, &empty(&other), &Intent::default(), NOW).digest, one.digest);
}

#[test]
fn the_context_name_is_not_part_of_what_is_approved() {
    let desired = stack("");
    let mut observed = empty(&desired);
    let here = plan(&desired, &observed, &Intent::default(), NOW).digest;
    observed.live.target.context = "in-cluster".into();
    assert_eq!(plan(&desired, &observed, &Intent::default(), NOW).digest, here);
}

/// A claim as the founding leaves it before the cluster's id is known.
fn unmarked(ordinal: usize) -> Claim {
    Claim { cluster_id: None, ..claim(&stack(""), ordinal) }
}

/// A founding that was interrupted before the cluster's id was written down.
fn founding(claim_uid: Option<&str>) -> World {
    let mut world = World::with_namespace();
    let founding = Founding { started_at: NOW, claim_uid: claim_uid.map(str::to_owned) };
    world.live.journal = Lookup::Found(Journal { founding: Some(founding), ..Journal::default() });
    world
}

#[test]
fn a_claim_that_nobody_recorded_blocks_the_founding() {
    let reason = |claim: &str| {
        format!("claim `{claim}` exists, but no cluster is recorded: nobody knows whose data it holds")
    };
    let mut world = World::with_namespace();
    world.claims().push(unmarked(0));
    assert_eq!(reasons(&world.plan()), [("plan::claim_exists", reason("data-orders-0").as_str())]);
    // Only the founder's claim is the founding's.
    let mut world = founding(None);
    world.claims().push(unmarked(0));
    assert_eq!(reasons(&world.plan()), []);
    world.claims()[0] = unmarked(2);
    assert_eq!(reasons(&world.plan()), [("plan::claim_exists", reason("data-orders-2").as_str())]);
}

#[test]
fn a_founding_goes_on_only_with_the_claim_that_it_began_with() {
    let reason = "claim `data-orders-0` is not the one that the founding began with, \
                  whose volume may have held the cluster";
    // Nor are the authorities made anew that a started founder trusts.
    let lost = ["plan::authority_lost", "plan::authority_lost"];
    let mut world = founding(Some("claim 0"));
    let with = [&lost[..], &["plan::founding_claim"]].concat();
    assert_eq!(codes(&world.plan()), with);
    assert_eq!(reasons(&world.plan()).last(), Some(&("plan::founding_claim", reason)));
    world.claims().push(Claim { uid: "another".into(), ..unmarked(0) });
    assert_eq!(codes(&world.plan()), with);
    world.claims()[0] = unmarked(0);
    assert_eq!(codes(&world.plan()), lost);
}

#[test]
fn a_cluster_that_nobody_recorded_is_not_adopted() {
    let mut world = World::with_namespace();
    world.members = Members::Read(reading(&world.desired, 2));
    let reason = "etcd lists 2 members, but no cluster is recorded";
    assert_eq!(reasons(&world.plan()), [("plan::unrecorded_members", reason)]);
    // One may be the founder, whose id is about to be recorded.
    world.members = Members::Read(reading(&world.desired, 1));
    assert_eq!(reasons(&world.plan()), []);
}

#[test]
fn a_namespace_is_made_only_where_the_stack_lets_it() {
    let desired = stack("create_namespace = false\n");
    let reason = "`Namespace/etcd-orders` does not exist, and `create_namespace` is false";
    assert_eq!(
        reasons(&plan(&desired, &empty(&desired), &Intent::default(), NOW)),
        [("plan::namespace_missing", reason)]
    );
    let mut world = World::with_namespace();
    world.desired = desired;
    assert_eq!(reasons(&world.plan()), []);
}

#[test]
fn a_pod_or_claim_that_would_be_refused_stops_before_anything_is_made() {
    let desired = stack("");
    for (key, code, reason) in [
        (
            desired.pod.key,
            "plan::pod_refused",
            "the API server would refuse `Pod/etcd-orders/orders-0`: exceeded quota",
        ),
        (
            desired.claim.key,
            "plan::claim_refused",
            "the API server would refuse `PersistentVolumeClaim/etcd-orders/data-orders-0`: exceeded quota",
        ),
    ] {
        let mut world = World::with_namespace();
        let refused = Proposal::Rejected { message: "exceeded quota".into(), fields: Vec::new() };
        world.answers.insert(key, refused);
        assert_eq!(reasons(&world.plan()), [(code, reason)]);
    }
}

#[test]
fn an_object_of_another_tool_is_not_touched() {
    let mut world = World::with_namespace();
    let mut object = world.desired.client_service.clone();
    object.body["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "Helm" });
    world.store(object);
    let reason = "`Service/etcd-orders/orders` exists and is not this stack's: it is managed by `Helm`";
    assert_eq!(reasons(&world.plan()), [("plan::foreign_object", reason)]);
}

#[test]
fn every_missing_right_is_named_at_once() {
    let mut world = World::with_namespace();
    let denied = |verb: &str, resource: &str| Right {
        verb: verb.into(),
        group: String::new(),
        resource: resource.into(),
        namespace: Some("etcd-orders".into()),
        allowed: false,
    };
    world.live.rights = vec![denied("create", "pods/portforward"), denied("patch", "secrets")];
    let reason =
        "2 of 2 rights are missing: create pods/portforward in etcd-orders, patch secrets in etcd-orders";
    assert_eq!(reasons(&world.plan()), [("plan::missing_rights", reason)]);
}

#[test]
fn a_missing_storage_class_and_a_namespace_on_its_way_out_both_show() {
    let mut world = World::with_namespace();
    world.desired = stack("[storage]\nclass = \"fast\"\n");
    let key = world.desired.namespace.key.clone();
    world.body(&key)["status"] = json!({ "phase": "Terminating" });
    assert_eq!(
        reasons(&world.plan()),
        [
            ("plan::namespace_terminating", "`Namespace/etcd-orders` is being deleted"),
            ("plan::storage_class", "StorageClass `fast` does not exist"),
        ]
    );
}

#[test]
fn without_a_default_storage_class_the_stack_must_name_one() {
    let mut world = World::with_namespace();
    let Lookup::Found(classes) = &mut world.live.storage_classes else { panic!("no classes") };
    classes[0].is_default = false;
    let reason = "the cluster has no default StorageClass, and the stack names none";
    assert_eq!(reasons(&world.plan()), [("plan::storage_class", reason)]);
    world.desired = stack("[storage]\nclass = \"local\"\n");
    assert_eq!(reasons(&world.plan()), []);
    // What runs has its volumes already.
    let mut world = World::founded();
    world.live.storage_classes = Lookup::Found(Vec::new());
    assert!(world.plan().is_empty());
}

#[test]
fn what_could_not_be_read_is_never_taken_for_absent() {
    let mut world = World::with_namespace();
    world.live.journal = Lookup::Failed("forbidden".into());
    let plan = world.plan();
    assert_eq!(plan.unread, ["the journal cannot be read: forbidden"]);
    assert_eq!((plan.digest, plan.voters.after), (None, 0));
}

#[test]
fn too_few_nodes_are_a_warning_because_an_autoscaler_may_add_some() {
    let desired = stack("[cluster]\nmembers = 5\n");
    let plan = plan(&desired, &empty(&desired), &Intent::default(), NOW);
    assert_eq!(plan.warnings, ["3 of 3 nodes take pods, but 5 members need one each"]);
    assert!(plan.is_applicable());
}
