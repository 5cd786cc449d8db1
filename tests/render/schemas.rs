//! The published schemas: they are those of the types, and they refuse what
//! they should.

use etcdctl_stack::{
    object::{Kind, Object},
    plan::{Action, Blocked, Contested, Expects, Plan},
    render,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{plans::ABOUT, valid, worlds};

#[test]
fn the_published_schemas_are_those_of_the_types() {
    let published = [
        ("plan", include_str!("../../plan.schema.json"), render::schema()),
        ("events", include_str!("../../events.schema.json"), render::events_schema()),
    ];
    for (name, text, schema) in published {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let help = format!("etcdctl-stack schema --of {name} > {name}.schema.json");
        assert!(text == format!("{schema:#}\n"), "{name}.schema.json is another one: {help}");
    }
}

#[test]
fn a_key_that_the_schema_does_not_name_is_found() {
    let plan = render::json(&worlds::shrink(), ABOUT);
    valid::plan(&plan);
    let schema = valid::strict(render::schema());
    for place in ["", "/summary", "/resource_changes/0", "/resource_changes/0/change", "/steps/0", "/etcd"] {
        let mut other = plan.clone();
        other.pointer_mut(place).expect("an object")["surprise"] = json!(1);
        assert!(!schema.is_valid(&other), "{place}");
        let mut less = plan.clone();
        let first = less.pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
        let key = first.keys().next().cloned().expect("a key");
        first.shift_remove(&key);
        assert!(!schema.is_valid(&less), "{place} without its first key");
    }
    let mut other = plan.clone();
    other["resource_changes"][0]["change"]["actions"] = json!(["create", "delete"]);
    assert!(!schema.is_valid(&other));
    // Readers are to tolerate what a later version adds.
    let published = jsonschema::validator_for(&render::schema()).expect("a schema");
    let mut later = plan;
    later["surprise"] = json!(1);
    assert!(published.is_valid(&later));
}

#[test]
fn a_line_of_a_kind_that_the_schema_does_not_name_is_found() {
    let line = render::version_json(Timestamp::UNIX_EPOCH);
    crate::event(&line);
    let schema = valid::strict(render::events_schema());
    for (key, value) in [("type", json!("surprise")), ("surprise", json!(1)), ("@timestamp", json!("noon"))] {
        let mut other = line.clone();
        other[key] = value;
        assert!(!schema.is_valid(&other), "{key}");
    }
}

#[test]
fn a_file_without_a_plan_has_the_keys_of_one() {
    let finding =
        json!({ "severity": "error", "code": "plan::no_plan", "summary": "nobody answers", "detail": null });
    let without = render::json_without_plan("orders.toml", &[finding]);
    valid::plan(&without);
    let keys = |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
    assert_eq!(keys(&without), keys(&render::json(&worlds::grow(), ABOUT)));
    assert_eq!((&without["errored"], &without["stack"]["name"]), (&json!(true), &Value::Null));
}

#[test]
fn what_only_steps_change_is_no_object_that_stays_as_it_is() {
    let mut plan = worlds::replace();
    let sent = |replicas: u8| Action::Apply {
        object: Object {
            key: worlds::key(Kind::StatefulSet, "orders"),
            body: json!({ "metadata": { "uid": "u" }, "spec": { "replicas": replicas } }),
        },
        expects: Expects::MadeBefore,
        fill: Vec::new(),
        take: Vec::new(),
    };
    plan.steps[1].actions = vec![sent(2)];
    plan.steps[3].actions = vec![sent(3)];
    let json = crate::json(&plan, ABOUT);
    let changes = json["resource_changes"].as_array().expect("a list");
    let shown: Vec<Value> = changes
        .iter()
        .map(|one| json!([one["address"], one["change"]["actions"], one["change"]["after"]]))
        .collect();
    let expected = [
        json!(["PersistentVolumeClaim/etcd-orders/data-orders-1", ["delete", "create"], null]),
        json!(["Service/etcd-orders/orders", ["no-op"], null]),
        json!(["Service/etcd-orders/orders-peer", ["no-op"], null]),
        json!(["StatefulSet/etcd-orders/orders", ["update"], { "metadata": {}, "spec": { "replicas": 3 } }]),
    ];
    assert_eq!(shown, expected);
    assert_eq!((&json["summary"]["stepwise"], &json["summary"]["update"]), (&json!(1), &json!(0)));
    assert_eq!((&json["steps"][1]["kind"], &json["steps"][0]["kind"]), (&json!("apply"), &json!("wait")));
    let lines = render::planned_json(&plan, ABOUT, Timestamp::UNIX_EPOCH);
    assert_eq!(lines.last().map(|line| &line["changes"]["change"]), Some(&json!(1)));
}

#[test]
fn nothing_that_is_secret_is_in_it_wherever_it_came_from() {
    let mut plan = worlds::create();
    let secret = plan.changes.iter_mut().find(|one| one.key.kind == Kind::Secret).expect("a Secret");
    secret.before = Some(json!({ "data": { "tls.key": "aHVudGVyMg==" }, "stringData": { "a": "hunter2" } }));
    secret.after = json!({ "data": { "tls.key": "aHVudGVyMw==" }, "status": "hunter2" });
    secret.fields = vec![worlds::field("data[\"tls.key\"]", Some("hunter2".into()), Some("hunter2".into()))];
    let json = crate::json(&plan, ABOUT);
    assert!(!json.to_string().contains("aHVudGVy") && !json.to_string().contains("hunter2"), "{json:#}");
    let change = &json["resource_changes"][1]["change"];
    assert_eq!(change["after"]["data"]["tls.key"], json!({ "$sensitive": true }));
    let sensitive = json!({ "data": true });
    assert_eq!((&change["before_sensitive"], &change["after_sensitive"]), (&sensitive, &sensitive));
}

#[test]
fn a_conflict_and_what_is_made_anew_are_data() {
    let json = crate::json(&worlds::larger(), ABOUT);
    let change = &json["resource_changes"][0]["change"];
    assert_eq!(change["replace_paths"], json!([change["fields"][0]["path"]]));
    let contested = Contested {
        object: worlds::key(Kind::StatefulSet, "orders"),
        field: "spec.replicas".into(),
        path: vec!["spec".into(), "replicas".into()],
        yours: Some(3.into()),
        theirs: Some(5.into()),
        manager: "kubectl".into(),
        subresource: Some("scale".into()),
        time: Some("2026-11-20T18:25:21Z".into()),
        meaning: None,
    };
    let blocked = Blocked {
        contested: Some(Box::new(contested)),
        ..Blocked::new("plan::conflict", "it is set by kubectl".into(), "take it")
    };
    let plan = Plan { blocked: vec![blocked], ..worlds::unchanged() };
    let json = crate::json(&plan, ABOUT);
    let expected = json!({
        "address": "StatefulSet/etcd-orders/orders",
        "field": "spec.replicas",
        "path": ["spec", "replicas"],
        "yours": 3,
        "theirs": 5,
        "manager": "kubectl",
        "subresource": "scale",
        "time": "2026-11-20T18:25:21Z",
        "meaning": null,
    });
    assert_eq!(json["conflicts"], json!([expected]));
    let lines = render::planned_json(&plan, ABOUT, Timestamp::UNIX_EPOCH);
    lines.iter().for_each(crate::event);
    assert_eq!((&lines[0]["type"], &lines[0]["conflict"]), (&json!("conflict"), &expected));
}
