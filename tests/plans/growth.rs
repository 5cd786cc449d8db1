//! Volumes that grow, and file systems that wait for a restart.

use etcdctl_stack::plan::{Action, Plan};

use crate::worlds::{World, reasons, titles};

const LARGER: &str = "[storage]\nsize = \"16Gi\"\n[etcd]\nquota = \"3686Mi\"\n";

fn larger() -> World {
    let mut world = World::wanting(LARGER);
    world.classes()[0].expandable = true;
    world
}

/// The volume of this member is larger, and its file system is not.
fn waits_for_a_restart(world: &mut World, ordinal: usize) {
    let claim = &mut world.claims()[ordinal];
    claim.requested = "16Gi".parse().ok();
    claim.growing = Some("FileSystemResizePending".into());
}

fn restarted(plan: &Plan) -> Option<&str> {
    match plan.steps.first()?.actions.as_slice() {
        [Action::Restart { name, .. }] => Some(name),
        _ => None,
    }
}

#[test]
fn a_file_system_that_waits_for_a_restart_gets_one_before_more_volumes_grow() {
    let mut world = larger();
    waits_for_a_restart(&mut world, 1);
    let plan = world.plan();
    assert_eq!((reasons(&plan), restarted(&plan)), (vec![], Some("orders-1")));
    assert!(titles(&plan)[1].starts_with("grow PersistentVolumeClaim/etcd-orders/data-orders-0"));
    assert_eq!((plan.restarts(), plan.steps.len()), (vec!["orders-1"], 5));
    world.claims()[1].growing = Some("Resizing".into());
    assert!(world.plan().restarts().is_empty());
}
