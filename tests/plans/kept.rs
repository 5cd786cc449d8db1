//! What a destroy keeps, it keeps: a snapshot that holds all of the data, and
//! Secrets that nobody makes again.

use etcdctl_stack::{
    object::Named,
    observed::{
        Members,
        journal::{Ending, Snapshot},
    },
    plan::{Cost, Plan},
};
use serde_json::json;

use crate::{
    ending::{DELETES_DATA, begun, destroyed, saved, stop},
    pruned::with_former_user,
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

fn title_of<'a>(plan: &'a Plan, secret: &str) -> &'a str {
    titles(plan).into_iter().find(|title| title.contains(secret)).expect("a step")
}

#[test]
fn a_secret_that_nobody_makes_again_goes_only_when_somebody_allows_it() {
    let (world, key) = with_former_user();
    let plan = destroyed(world, &[]).plan();
    assert_eq!(
        title_of(&plan, "orders-user-app"),
        "delete Secret/etcd-orders/orders-user-app: nothing makes it again, for the stack file does not name it"
    );
    assert_eq!(plan.needs().delete, [Named::from(&key)].into());

    let mut world = destroyed(World::founded(), &[]);
    let names = world.desired.names.clone();
    let facts = world.live.secrets.get_mut(&names.server_secret()).expect("read");
    facts.keys.insert("keystore.jks".into());
    world.body(&names.operator_secret())["metadata"]["managedFields"] =
        json!([{ "manager": "reloader", "operation": "Update", "fieldsV1": { "f:data": {} } }]);
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    assert_eq!(
        title_of(&plan, "orders-server"),
        "delete Secret/etcd-orders/orders-server: `keystore.jks` in it is not made again"
    );
    assert_eq!(
        title_of(&plan, "orders-operator"),
        "delete Secret/etcd-orders/orders-operator: what reloader set in it is not made again"
    );
    let secrets = [names.server_secret(), names.operator_secret()];
    assert_eq!(plan.needs().delete, secrets.iter().map(Named::from).collect());
    let last =
        plan.steps.iter().filter(|step| step.costs.iter().any(|cost| matches!(cost, Cost::Deletion { .. })));
    assert_eq!(last.count(), 2);
}
