//! What was deleted, left behind or said too late: worlds that an earlier
//! apply made and somebody changed since.

use etcdctl_stack::{
    desired::{Window, window},
    plan::{Action, Fill},
};

use crate::worlds::{World, reasons, titles};

#[test]
fn a_token_counts_only_when_the_cluster_is_founded() {
    let plan = World::wanting("[cluster]\ntoken = \"late\"\n").plan();
    assert!(plan.is_empty());
    assert_eq!(
        plan.warnings,
        ["`cluster.token` is another than the cluster was founded with, and changes nothing any more"]
    );
    let plan = World::wanting("[cluster]\ntoken = \"token\"\n").plan();
    assert_eq!(plan.warnings, Vec::<String>::new());
}

#[test]
fn an_object_that_is_gone_is_made_again() {
    let names = World::founded().desired.names;
    for (key, title) in [
        (names.client_service(), "create Service/etcd-orders/orders"),
        (names.peer_service(), "apply Service/etcd-orders/orders-peer"),
        (names.budget(), "apply PodDisruptionBudget/etcd-orders/orders"),
        (names.bootstrap(), "seal: from here on no member starts without its data"),
    ] {
        let mut world = World::founded();
        world.delete(&key);
        let plan = world.plan();
        assert_eq!((titles(&plan), reasons(&plan)), (vec![title], vec![]));
        assert_eq!(plan.changes.iter().map(|change| &change.key).collect::<Vec<_>>(), [&key]);
    }
}

#[test]
fn a_sealed_bootstrap_that_is_gone_needs_no_old_token() {
    let mut world = World::founded();
    let key = world.desired.names.bootstrap();
    world.delete(&key);
    let plan = world.plan();
    let [Action::Apply { object, fill, .. }] = plan.steps[0].actions.as_slice() else {
        panic!("{:?}", plan.steps)
    };
    assert_eq!((&object.key, fill.as_slice()), (&key, &[Fill::NewToken][..]));
}

#[test]
fn a_window_that_was_left_open_is_sealed() {
    let mut world = World::founded();
    let open = Window::Joining { ordinal: 2, members: vec![0, 1, 2] };
    let object = window(&world.desired.stack, &world.desired.names, &open);
    world.body(&object.key)["data"]["initial-cluster"] = object.body["data"]["initial-cluster"].clone();
    let plan = world.plan();
    assert_eq!(titles(&plan), ["seal: from here on no member starts without its data"]);
    assert!(plan.is_applicable());
}
