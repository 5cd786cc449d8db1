//! What others changed since the last apply: fields, objects, members.

use etcdctl_stack::{
    member::{Id, Member, Role},
    object::Object,
    observed::{Conflict, Lookup, Members, Proposal},
    plan::{Drift, SetBy, drift},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::worlds::World;

/// 2026-09-21T14:13:20Z and a half.
const SINCE: Timestamp = Timestamp::constant(1_790_000_000, 500_000_000);

fn told(world: &World) -> Drift {
    drift(&world.desired, &world.observed(), SINCE)
}

/// Object and path, the value that was applied, the value now, and who set it.
type Told = (String, Option<Value>, Option<Value>, Option<String>);

fn fields(drift: &Drift) -> Vec<Told> {
    let told = drift.fields.iter().map(|one| {
        let by = one.by.as_ref().map(|SetBy { manager, .. }| manager.clone());
        (format!("{} {}", one.object, one.path), one.applied.clone(), one.now.clone(), by)
    });
    told.collect()
}

#[test]
fn nothing_has_drifted_where_all_is_as_it_was_applied() {
    assert!(told(&World::founded()).is_none(), "{:?}", told(&World::founded()));
}

#[test]
fn a_field_is_told_with_both_values_and_who_set_it() {
    let mut world = World::founded();
    let key = world.desired.names.budget();
    let wanted = world.body(&key).clone();
    let body = world.body(&key);
    body["spec"]["minAvailable"] = json!(0);
    body["metadata"]["labels"]["app.kubernetes.io/name"].take();
    body["metadata"]["managedFields"] = json!([
        { "manager": "kubectl-edit", "operation": "Update", "time": "2026-11-20T18:25:21Z",
          "fieldsV1": { "f:spec": { "f:minAvailable": {} } } },
    ]);
    let conflicts = vec![Conflict { field: "spec.minAvailable".into(), manager: "kubectl-edit".into() }];
    let object = Object { key: key.clone(), body: wanted };
    let forced = Box::new(Proposal::Accepted { object, warnings: Vec::new() });
    world.answers.insert(key, Proposal::Conflict { conflicts, forced });
    let told_of = |path: &str, applied: Value, now: Option<Value>, by: Option<&str>| {
        let path = format!("PodDisruptionBudget/etcd-orders/orders {path}");
        (path, Some(applied), now, by.map(str::to_owned))
    };
    assert_eq!(
        fields(&told(&world)),
        [
            told_of("metadata.labels[\"app.kubernetes.io/name\"]", json!("etcd"), None, None),
            told_of("spec.minAvailable", json!(2), Some(json!(0)), Some("kubectl-edit")),
        ]
    );
}

#[test]
fn a_field_that_somebody_added_since_is_told_and_an_older_one_is_not() {
    let mut world = World::founded();
    let key = world.desired.names.budget();
    let body = world.body(&key);
    body["metadata"]["annotations"] = json!({ "new": "a", "old": "b" });
    let entry = |time: &str, field: &str| {
        let fields = json!({ "f:metadata": { "f:annotations": { field: {} } } });
        json!({ "manager": field, "operation": "Update", "time": time, "fieldsV1": fields })
    };
    body["metadata"]["managedFields"] =
        json!([entry("2026-09-21T14:13:20Z", "f:new"), entry("2026-09-21T14:13:19Z", "f:old")]);
    // An apply leaves them, and so does a dry-run.
    let object = Object { key: key.clone(), body: body.clone() };
    world.answers.insert(key, Proposal::Accepted { object, warnings: Vec::new() });
    let path = "PodDisruptionBudget/etcd-orders/orders metadata.annotations.new".to_owned();
    assert_eq!(fields(&told(&world)), [(path, None, Some(json!("a")), Some("f:new".to_owned()))]);
}

#[test]
fn what_was_scaled_or_opened_by_hand_is_drift_too() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    world.body(&key)["spec"]["replicas"] = json!(5);
    let path = "StatefulSet/etcd-orders/orders spec.replicas".to_owned();
    assert_eq!(fields(&told(&world)), [(path, Some(json!(3)), Some(json!(5)), None)]);

    let mut world = World::founded();
    let key = world.desired.names.bootstrap();
    world.body(&key)["data"]["initial-cluster-state"] = json!("new");
    let path = "ConfigMap/etcd-orders/orders-bootstrap data.initial-cluster-state".to_owned();
    assert_eq!(fields(&told(&world)), [(path, Some(json!("existing")), Some(json!("new")), None)]);
}

#[test]
fn objects_and_members_that_came_or_went_are_told() {
    let mut world = World::founded();
    let key = world.desired.names.budget();
    world.live.objects.insert(key.clone(), Lookup::Absent);
    let stranger = Member {
        id: Id(0xbad),
        name: String::new(),
        peer_urls: vec!["https://10.0.0.9:2380".into()],
        client_urls: Vec::new(),
        role: Role::Learner,
    };
    world.listed().push(stranger.clone());
    world.listed().retain(|member| member.name != "orders-1");
    let drift = told(&world);
    assert_eq!(drift.gone, [key]);
    assert_eq!((drift.added, drift.removed), (vec![stranger], vec!["orders-1".to_owned()]));

    world.members = Members::Failed("no route".into());
    assert_eq!(told(&world).unread, ["the members cannot be asked: no route"]);
}

#[test]
fn what_no_run_has_made_is_not_gone() {
    let mut world = World::founded();
    let key = world.desired.names.budget();
    world.live.objects.insert(key.clone(), Lookup::Absent);
    world.journal().inventory.forget(&key);
    assert!(told(&world).is_none(), "{:?}", told(&world));
    world.journal().inventory.announce(&key);
    assert!(told(&world).is_none(), "a run died before it made it");
}
