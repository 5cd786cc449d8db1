//! Objects that others made are adopted, and every call of that goes wrong.

use etcdctl_stack::{
    desired::MANAGED_BY,
    object::{Object, ObjectKey},
    plan::Intent,
};
use serde_json::json;

use crate::{
    drive::{Goal, founded, interrupted, nothing_wrong, stack, stride},
    simulator::Simulator,
};

/// As Helm would have made it.
fn by_helm(world: &Simulator, object: &Object) {
    let mut theirs = object.clone();
    theirs.body["metadata"]["labels"] = json!({ MANAGED_BY: "Helm" });
    let labels = json!({ "f:labels": { format!("f:{MANAGED_BY}"): {} } });
    let helm = json!({ "manager": "helm", "operation": "Update", "fieldsV1": { "f:metadata": labels } });
    theirs.body["metadata"]["managedFields"] = json!([helm]);
    let mut state = world.state.borrow_mut();
    let uid = state.objects.get(&object.key).and_then(Object::uid).map(str::to_owned);
    state.store(&theirs, uid.as_deref(), None).expect("a store");
}

fn asking(keys: &[ObjectKey]) -> Intent {
    let named = |key: &ObjectKey| format!("{}/{}", key.kind, key.name).parse().expect("an object");
    Intent { adopt: keys.iter().map(named).collect(), ..Intent::default() }
}

#[track_caller]
fn all(name: &str, world: &Simulator, keys: &[ObjectKey], usual: usize) {
    for key in keys {
        let objects = world.desired.objects().into_iter();
        by_helm(world, objects.into_iter().find(|object| object.key == *key).expect("an object"));
    }
    let goal = Goal { members: 3, intent: asking(keys), ..Goal::default() };
    let whole = world.clone();
    goal.reached_from(&whole).unwrap_or_else(|why| panic!("{name}: {why}"));
    assert!(whole.history().iter().any(|call| call.starts_with("adopt")), "{:?}", whole.history());
    let (count, wrong) = interrupted(name, world, &goal, stride("FAULTS", usual));
    println!("{name}: {count} interleavings");
    nothing_wrong(&wrong);
}

#[test]
fn objects_of_a_founded_cluster_are_adopted() {
    let world = founded(3);
    let names = &world.desired.names;
    let keys = [names.client_service(), names.peer_service(), names.budget(), names.server_secret()];
    all("adopted in a founded cluster", &world, &keys, 1);
}

#[test]
fn objects_that_were_there_before_the_founding_are_adopted() {
    let world = Simulator::new(stack(3, ""));
    let names = &world.desired.names;
    let keys = [names.client_service(), names.peer_service()];
    all("adopted before a founding", &world, &keys, 7);
}
