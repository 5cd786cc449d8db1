//! Whose doing each difference is, decided from who owns what in the API
//! server's answer.

use std::collections::BTreeMap;

use etcdctl_stack::{
    object::{Kind, Object, ObjectKey},
    observed::Proposal,
    plan::{Change, Confidence, Source, not_ours},
};
use serde_json::{Value, json};

use crate::worlds::{World, stack};

/// Who set what, as the server notes it.
fn managed(manager: &str, operation: &str, fields: Value) -> Value {
    json!({ "manager": manager, "operation": operation, "fieldsV1": fields })
}

fn ours(fields: Value) -> Value {
    managed("etcdctl-stack", "Apply", fields)
}

/// The API server takes the wanted object, with this change and these owners.
fn answers(world: &mut World, key: &ObjectKey, owners: Value, change: impl Fn(&mut Value)) {
    let objects = world.desired.objects();
    let mut object: Object = (*objects.iter().find(|object| object.key == *key).expect("one")).clone();
    object.body["metadata"]["uid"] = json!(format!("uid of {key}"));
    object.body["metadata"]["managedFields"] = owners;
    change(&mut object.body);
    world.answers.insert(key.clone(), Proposal::Accepted { object, warnings: Vec::new() });
}

/// What differs of the one object that does, with whose doing it is.
fn sources(world: &World) -> Vec<(String, Source)> {
    let plan = world.plan();
    let fields = plan.changes.iter().flat_map(|change: &Change| &change.fields);
    fields.map(|field| (field.path.clone(), field.source)).collect()
}

fn told(sources: &[(&str, Source)]) -> Vec<(String, Source)> {
    sources.iter().map(|(path, source)| ((*path).to_owned(), *source)).collect()
}

#[test]
fn what_the_stack_asks_for_is_told_from_what_others_add() {
    let mut world = World::wanting("[service]\ntype = \"NodePort\"\nannotations = { note = \"ours\" }\n");
    let key = world.desired.names.client_service();
    let owners = json!([
        ours(json!({ "f:metadata": { "f:annotations": { "f:note": {} } }, "f:spec": { "f:type": {} } })),
        managed("painter", "Update", json!({ "f:metadata": { "f:labels": { "f:colour": {} } } })),
    ]);
    answers(&mut world, &key, owners, |body| {
        body["metadata"]["labels"]["colour"] = json!("green");
        body["metadata"]["labels"]["team"] = json!("db");
        body["spec"]["externalTrafficPolicy"] = json!("Cluster");
        body["spec"]["internalTrafficPolicy"] = json!("Local");
        body["spec"]["ports"][0]["nodePort"] = json!(30123);
    });
    let expected = told(&[
        ("metadata.annotations", Source::Stack),
        ("metadata.labels.colour", Source::Other),
        ("metadata.labels.team", Source::Admission),
        ("spec.externalTrafficPolicy", Source::Default),
        // The table has another value.
        ("spec.internalTrafficPolicy", Source::Admission),
        ("spec.ports[client].nodePort", Source::Default),
        ("spec.type", Source::Stack),
    ]);
    assert_eq!(sources(&world), expected);
}

#[test]
fn a_field_of_ours_that_a_webhook_rewrites_is_its_doing() {
    let mut world = World::wanting("[service]\nannotations = { note = \"ours\" }\n");
    let key = world.desired.names.client_service();
    world.body(&key)["metadata"]["annotations"] = json!({ "note": "old" });
    let owners = json!([ours(json!({ "f:metadata": { "f:annotations": { "f:note": {} } } }))]);
    answers(&mut world, &key, owners.clone(), |_| {});
    assert_eq!(sources(&world), told(&[("metadata.annotations.note", Source::Stack)]));
    assert_eq!(not_ours(&world.plan()), BTreeMap::new());
    answers(&mut world, &key, owners, |body| body["metadata"]["annotations"]["note"] = json!("theirs"));
    assert_eq!(sources(&world), told(&[("metadata.annotations.note", Source::Admission)]));
    // An approval that did not show it is not gone on with.
    let new: Vec<String> = not_ours(&world.plan()).into_values().collect();
    assert_eq!(new, ["Service/orders metadata.annotations.note, by admission"]);
}

#[test]
fn what_goes_is_the_doing_of_whom_it_belonged_to() {
    let mut world = World::founded();
    let key = world.desired.names.client_service();
    let body = world.body(&key);
    body["metadata"]["labels"]["mine"] = json!("1");
    body["metadata"]["labels"]["nobodys"] = json!("1");
    body["spec"]["revisionHistoryLimit"] = json!(3);
    body["metadata"]["managedFields"] = json!([ours(json!({
        "f:metadata": { "f:labels": { "f:mine": {} } }, "f:spec": { "f:revisionHistoryLimit": {} },
    }))]);
    // What is not sent any more goes back to its default, for the same reason.
    answers(&mut world, &key, json!([ours(json!({ "f:spec": { "f:type": {} } }))]), |body| {
        body["spec"]["revisionHistoryLimit"] = json!(10);
    });
    let expected = told(&[
        ("metadata.labels.mine", Source::Stack),
        ("metadata.labels.nobodys", Source::Admission),
        ("spec.revisionHistoryLimit", Source::Stack),
    ]);
    assert_eq!(sources(&world), expected);
}

#[test]
fn an_argument_belongs_to_whom_all_of_them_belong() {
    let mut world = World::wanting("[etcd]\nquota = \"1Gi\"\n");
    let key = world.desired.names.stateful_set();
    let container = json!({ "k:{\"name\":\"etcd\"}": { ".": {}, "f:args": {}, "f:name": {} } });
    let owners =
        json!([ours(json!({ "f:spec": { "f:template": { "f:spec": { "f:containers": container } } } }))]);
    answers(&mut world, &key, owners, |body| {
        let pod = &mut body["spec"]["template"]["spec"];
        pod["containers"]
            .as_array_mut()
            .expect("a list")
            .insert(0, json!({ "name": "sidecar", "image": "i" }));
    });
    let found = sources(&world);
    let of = |path: &str| found.iter().find(|one| one.0.ends_with(path)).map(|one| one.1);
    assert_eq!(of("containers[etcd].args[--quota-backend-bytes]"), Some(Source::Stack));
    assert_eq!(of("containers[sidecar]"), Some(Source::Admission));
}

#[test]
fn what_admission_adds_to_a_new_object_is_all_that_is_said_of_its_fields() {
    let mut world = World::founded();
    let key = world.desired.names.client_service();
    world.delete(&key);
    let owners = json!([ours(json!({ "f:spec": { "f:type": {} } }))]);
    answers(&mut world, &key, owners, |body| {
        body["metadata"]["labels"]["team"] = json!("db");
        body["spec"]["clusterIP"] = json!("10.96.0.7");
        body["spec"]["sessionAffinity"] = json!("None");
    });
    assert_eq!(world.plan().changes[0].confidence, Confidence::Verified);
    assert_eq!(sources(&world), told(&[("metadata.labels.team", Source::Admission)]));
}

#[test]
fn what_nobody_was_asked_about_is_the_stacks() {
    let mut world = World::founded();
    world.desired = stack("labels = { team = \"db\" }\n");
    let found = sources(&world);
    assert!(found.iter().all(|(_, source)| *source == Source::Stack), "{found:?}");
}

#[test]
fn a_secret_is_shown_whole_without_values() {
    let world = World::with_namespace();
    let plan = world.plan();
    let secrets: Vec<&Change> =
        plan.changes.iter().filter(|change| change.key.kind == Kind::Secret).collect();
    assert_eq!(secrets.len(), world.desired.secrets.len());
    let values = |change: &&Change| ["data", "stringData"].iter().any(|key| change.wanted.get(key).is_some());
    assert!(!secrets.iter().any(values));
}
