//! What a destroy keeps, it keeps: a snapshot that holds all of the data.

use etcdctl_stack::{
    observed::{
        Members,
        journal::{Ending, Snapshot},
    },
    plan::Plan,
};

use crate::{
    ending::{DELETES_DATA, begun, destroyed, saved, stop},
    worlds::{NOW, World, codes, titles},
};

/// A run that saved a snapshot a moment ago, and broke off.
fn with_a_fresh_snapshot(world: &mut World) -> Plan {
    let whole = world.plan();
    let fresh = saved().map(|saved| Snapshot { saved_at: NOW, ..saved });
    let mut run = begun(Ending::Destroy, &whole, fresh);
    run.intended = whole.intended.clone();
    world.journal().run = Some(run);
    whole
}

#[test]
fn a_snapshot_counts_only_once_nobody_can_write_any_more() {
    let mut world = destroyed(World::wanting(DELETES_DATA), &[]);
    let whole = with_a_fresh_snapshot(&mut world);
    assert_eq!(titles(&world.plan()), titles(&whole), "the members run, and take writes");
    let set = world.desired.names.stateful_set();
    world.delete(&set);
    assert_eq!(titles(&world.plan())[0], "save a snapshot and check it");
    world.members = Members::Failed("connection refused".into());
    assert_eq!(codes(&world.plan()), ["plan::no_snapshot"], "pods are there still");
    stop(&mut world);
    let plan = world.plan();
    assert!(plan.is_applicable() && !titles(&plan)[0].contains("snapshot"), "{:?}", plan.blocked);
}
