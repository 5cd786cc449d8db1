//! A StatefulSet that is gone: which pods and claims are asked about, and what
//! quotas leave for them.

use etcdctl_stack::{
    object::ObjectKey,
    observed::{Lookup, Members, Proposal},
};

use crate::{
    quotas::with,
    worlds::{World, codes, reasons},
};

fn gone() -> World {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    world.delete(&key);
    world
}

/// Its pods are gone as well, and its claims are not.
fn destroyed() -> World {
    let mut world = gone();
    world.live.pods = Lookup::Found(Vec::new());
    world.members = Members::NotRunning;
    world
}

/// What a quota says of one more, also where one of that name is there.
fn exceeded(world: &mut World, key: ObjectKey) {
    let message = format!("`{}` is forbidden: exceeded quota: team", key.name);
    world.answers.insert(key, Proposal::Rejected { message, fields: Vec::new() });
}

#[test]
fn pods_that_run_without_it_are_counted_already() {
    let full = [("requests.cpu", "750m", "750m"), ("pods", "3", "3"), ("requests.storage", "24Gi", "24Gi")];
    let mut world = with(gone(), &full);
    let names = world.desired.names.clone();
    exceeded(&mut world, names.pod(0));
    exceeded(&mut world, names.claim(0));
    assert_eq!(reasons(&world.plan()), []);
}

#[test]
fn claims_that_outlived_it_are_counted_already_and_its_pods_are_not() {
    let fits = [("requests.cpu", "750m", "0"), ("requests.storage", "24Gi", "24Gi")];
    let mut world = with(destroyed(), &fits);
    let claim = world.desired.names.claim(0);
    exceeded(&mut world, claim);
    assert_eq!(reasons(&world.plan()), []);
    let world = with(destroyed(), &[("requests.cpu", "750m", "250m")]);
    let reason = "3 members need 750m cpu, quota `team` has 500m left of 750m";
    assert_eq!(reasons(&world.plan()), [("plan::quota", reason)]);
}

#[test]
fn the_first_pod_that_is_missing_is_asked_about() {
    let mut world = gone();
    world.pods().remove(1);
    let pod = world.desired.names.pod(1);
    exceeded(&mut world, pod);
    assert_eq!(codes(&world.plan()), ["plan::pod_refused"]);
}
