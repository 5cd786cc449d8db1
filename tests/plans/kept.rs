//! What a destroy keeps, it keeps: volumes whatever deletes them, a snapshot
//! that holds all of the data, authorities that volumes need, and Secrets that
//! nobody makes again.

use etcdctl_stack::{
    field::Owned,
    object::Named,
    observed::{
        Claim, Members,
        journal::{Ending, Snapshot},
    },
    plan::{Cost, Guard, Intent, Plan},
};
use serde_json::json;

use crate::{
    ending::{DELETES_DATA, begun, destroyed, saved, stop},
    pruned::with_former_user,
    worlds::{NOW, World, codes, reasons, titles},
};

fn deletes_claims(world: &mut World) {
    let set = world.desired.names.stateful_set();
    world.body(&set)["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] = json!("Delete");
}

#[test]
fn a_stateful_set_that_takes_its_volumes_along_is_not_deleted() {
    let mut world = destroyed(World::founded(), &[]);
    deletes_claims(&mut world);
    assert_eq!(
        reasons(&world.plan()),
        [(
            "plan::claims_not_kept",
            "`StatefulSet/etcd-orders/orders` takes its claims along when it goes \
             (`spec.persistentVolumeClaimRetentionPolicy`)"
        )]
    );
    world.intent = Intent { end: Some(Ending::Forget), ..Intent::default() };
    assert!(world.plan().is_applicable(), "it is handed over as it is");
    let field = "StatefulSet/orders:spec.persistentVolumeClaimRetentionPolicy.whenDeleted@kubectl-patch";
    assert_eq!(field.parse::<Owned>().expect("a field").needed(), Some("volumes stay when members go"));
}

#[test]
fn a_claim_that_belongs_to_something_or_is_being_deleted_does_not_stay() {
    let mut world = destroyed(World::founded(), &[]);
    world.claims()[1].owners = vec!["StatefulSet/orders".to_owned()];
    let told = "what claims belong to takes them along when it goes: PersistentVolumeClaim/data-orders-1 belongs to \
                StatefulSet/orders";
    assert_eq!(reasons(&world.plan()), [("plan::claims_not_kept", told)]);
    world.intent.delete = ["PersistentVolumeClaim/data-orders-1".parse().expect("a claim")].into();
    assert!(world.plan().is_applicable(), "it goes anyway");

    let mut world = destroyed(World::founded(), &[]);
    let guard = Guard::ClaimsStay { ordinals: vec![0, 1, 2] };
    assert_eq!(world.plan().steps[2].before, [guard]);
    world.claims()[2].terminating = true;
    let told = "somebody has deleted PersistentVolumeClaim/data-orders-2: only the pod keeps it";
    assert_eq!(reasons(&world.plan()), [("plan::claims_not_kept", told)]);
}

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

#[test]
fn an_authority_stays_as_long_as_a_volume_needs_it() {
    let plan = destroyed(World::founded(), &["Secret/orders-peer-ca"]).plan();
    assert_eq!(
        reasons(&plan),
        [(
            "plan::authority_needed",
            "PersistentVolumeClaim/data-orders-0, PersistentVolumeClaim/data-orders-1, \
             PersistentVolumeClaim/data-orders-2 could not be used again without `Secret/etcd-orders/orders-peer-ca`"
        )]
    );
    let two = ["Secret/orders-client-ca", "PersistentVolumeClaim/data-orders-0"];
    assert_eq!(codes(&destroyed(World::founded(), &two).plan()), ["plan::authority_needed"]);
    // A claim that holds nothing of this cluster needs none.
    let mut world = destroyed(World::founded(), &["Secret/orders-peer-ca"]);
    let claim = world.claims()[0].clone();
    world.journal().members.clear();
    world.journal().founding = None;
    *world.claims() = vec![Claim { cluster_id: None, ..claim }];
    assert_eq!(codes(&world.plan()), [""; 0]);
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
