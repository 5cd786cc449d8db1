//! Fields that the stack file leaves to others, on an object that is made anew.

use etcdctl_stack::{
    object::etcd_container,
    plan::{Action, settle},
};
use serde_json::json;

use crate::{
    foreign::edits_etcd,
    worlds::{World, codes, stack},
};

const LARGER: &str = "[storage]\nsize = \"16Gi\"\n[etcd]\nquota = \"3686Mi\"\n";
const IMAGE: &str = "[[ownership.tolerate]]\nobject = \"StatefulSet/orders\"\n\
    field = 'spec.template.spec.containers[name=\"etcd\"].image'\nmanager = \"image-updater\"\n";

/// Somebody else keeps the image up to date, and may.
fn updated(rest: &str) -> World {
    let mut world = World::founded();
    world.classes()[0].expandable = true;
    edits_etcd(&mut world, json!({ "f:image": {} }), |etcd| {
        etcd["image"] = json!("registry.k8s.io/etcd:v3.6.17");
    });
    let key = world.desired.names.stateful_set();
    world.body(&key)["metadata"]["managedFields"][0]["manager"] = json!("image-updater");
    world.desired = settle(&stack(&format!("{rest}{IMAGE}")), &world.live);
    world
}

#[test]
fn a_stateful_set_is_not_made_anew_without_a_field_that_is_left_to_others() {
    assert!(updated("").plan().is_empty());
    let plan = updated(LARGER).plan();
    assert_eq!(codes(&plan), ["plan::tolerated_field"]);
    assert!(plan.blocked[0].reason.contains("image"), "{:?}", plan.blocked);
}

#[test]
fn one_that_is_gone_is_created_with_what_the_stack_file_has() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    world.delete(&key);
    world.desired = settle(&stack(IMAGE), &world.live);
    let plan = world.plan();
    let Some(Action::Apply { object, .. }) = plan.steps[0].actions.first() else {
        panic!("{:?}", plan.steps)
    };
    let etcd = etcd_container(&object.body, "/spec/template/spec/containers").expect("a container");
    assert_eq!(etcd["image"], "registry.k8s.io/etcd:v3.6.16");
}
