//! Journals that say more than a run wrote into them: one that was copied from
//! another namespace, and one that somebody wrote into.

use etcdctl_stack::{
    object::{Kind, Object, ObjectKey},
    observed::journal::Ending,
    plan::{Intent, Plan},
};
use serde_json::json;

use crate::worlds::{World, reasons, titles, uid};

/// Writes an object down that is there, with the stack's labels.
fn written_down(world: &mut World, key: &ObjectKey) {
    let labels = world.desired.client_service.body["metadata"]["labels"].clone();
    world.store(Object { key: key.clone(), body: json!({ "metadata": { "labels": labels } }) });
    world.journal().inventory.record(key, &uid(key));
}

fn touched(plan: &Plan, place: &str) -> bool {
    let changed = plan.changes.iter().any(|change| change.key.to_string().contains(place));
    changed || titles(plan).iter().any(|title| title.contains(place))
}

#[test]
fn a_journal_of_another_namespace_stops_every_plan() {
    for end in [None, Some(Ending::Destroy), Some(Ending::Forget)] {
        let mut world = World::founded();
        world.intent = Intent { end, ..Intent::default() };
        for kind in [Kind::Service, Kind::StatefulSet] {
            written_down(&mut world, &ObjectKey::new(kind, "etcd-live", "orders"));
        }
        let plan = world.plan();
        assert_eq!(
            reasons(&plan),
            [(
                "plan::foreign_journal",
                "`ConfigMap/etcd-orders/orders-journal` is of namespace `etcd-live`: it holds \
                 `Service/etcd-live/orders` and 1 more from there"
            )],
            "{end:?}"
        );
        assert!(!touched(&plan, "etcd-live"), "{end:?}: {:?}", titles(&plan));
        assert!(plan.inventory.keys().all(|key| key.namespace.as_deref() != Some("etcd-live")));
    }
}

#[test]
fn what_no_run_writes_down_is_ignored_and_said() {
    let claim = World::founded().desired.names.claim(0);
    let journal = World::founded().desired.names.journal();
    for end in [None, Some(Ending::Destroy), Some(Ending::Forget)] {
        let mut world = World::founded();
        world.intent = Intent { end, ..Intent::default() };
        for key in [&claim, &journal] {
            written_down(&mut world, key);
        }
        let plan = world.plan();
        assert!(plan.is_applicable(), "{:?}", plan.blocked);
        assert!(plan.changes.iter().all(|change| change.key != journal), "{end:?}");
        if end != Some(Ending::Forget) {
            assert!(!touched(&plan, "data-orders-0"), "{end:?}: {:?}", titles(&plan));
        }
        let told: Vec<&str> =
            plan.warnings.iter().filter(|told| told.contains("ignored")).map(String::as_str).collect();
        assert_eq!(
            told,
            ["`ConfigMap/etcd-orders/orders-journal` holds what no run writes down, which is ignored: \
              `ConfigMap/etcd-orders/orders-journal`, `PersistentVolumeClaim/etcd-orders/data-orders-0`"],
            "{end:?}"
        );
    }
}
