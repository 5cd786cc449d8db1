//! Taking fields from other managers: those that were named, and nothing else.

use std::fs;

use etcdctl_stack::{
    cluster::{Error, Expect, Writer},
    desired::with_replicas,
    object::{Kind, Object},
    observed::Conflict,
    plan::Intent,
};
use serde_json::{Value, json};

use crate::space::{Space, cluster, eventually, planned, refused, same, says, stale, unchanged};

/// A StatefulSet with so many pods; its label is left out where it is empty.
fn set(space: &Space, replicas: usize, colour: &str) -> Object {
    let container = json!({ "name": "c", "image": "localhost/pause:1" });
    let template = json!({ "metadata": { "labels": { "a": "b" } }, "spec": { "containers": [container] } });
    let mut rest = json!({ "spec": {
        "serviceName": "x", "replicas": replicas, "selector": { "matchLabels": { "a": "b" } }, "template": template,
    } });
    if !colour.is_empty() {
        rest["labels"] = json!({ "colour": colour });
    }
    space.object(Kind::StatefulSet, "orders", rest)
}

fn as_typed(field: &str, manager: &str) -> Conflict {
    Conflict { field: field.to_owned(), manager: manager.to_owned() }
}

/// Applied by us, then scaled to 1 by kubectl and painted green by another.
async fn scaled_and_painted(space: &Space, writer: &Writer) -> Object {
    let made = writer.apply(&set(space, 0, "red"), &Expect::Absent).await.expect("a new StatefulSet");
    space.kubectl(&["scale", "statefulset", "orders", "--replicas=1"]);
    let paint = ["label", "statefulset", "orders", "colour=green", "--overwrite", "--field-manager=painter"];
    space.kubectl(&paint);
    made
}

/// The managers of a field of the live object, by its path in `fieldsV1`.
fn managers(live: &Value, path: &str) -> Vec<String> {
    let entries = live["metadata"]["managedFields"].as_array().expect("a list");
    let owns = |entry: &&Value| entry["fieldsV1"].pointer(path).is_some();
    entries.iter().filter(owns).map(|entry| entry["manager"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_field_is_taken_back_from_the_manager_that_was_named_and_nothing_else_is() {
    let space = Space::new("take");
    let writer = cluster().await.writer();
    let made = scaled_and_painted(&space, &writer).await;
    let replicas = as_typed("spec.replicas", "kubectl");
    let plain = set(&space, 0, "");

    let Error::Conflict(conflicts) = refused(writer.apply(&plain, &same(&made)).await) else { panic!() };
    let [conflict] = &conflicts[..] else { panic!("{conflicts:?}") };
    assert_eq!(*conflict, replicas);
    assert_eq!(space.get(&made.key)["spec"]["replicas"], 1);

    // Its controller still writes its status.
    let take = async || writer.apply_taking(&plain, &same(&made), std::slice::from_ref(&replicas)).await;
    let taken = eventually("a StatefulSet at rest", async || take().await.ok()).await;
    assert_eq!((taken.uid(), &taken.body["spec"]["replicas"]), (made.uid(), &json!(0)));
    let with_managers = ["get", "statefulset", "orders", "-o", "json", "--show-managed-fields"];
    let live: Value = serde_json::from_str(&space.kubectl(&with_managers)).expect("JSON");
    assert_eq!(live["metadata"]["labels"]["colour"], "green");
    assert_eq!(managers(&live, "/f:spec/f:replicas"), ["etcdctl-stack"]);
    assert_eq!(managers(&live, "/f:metadata/f:labels/f:colour"), ["painter"]);

    // Nothing is left to take: it is an apply like any other.
    eventually("a StatefulSet at rest", async || take().await.ok()).await;
    forced_once(&space.namespace);
}

/// What the API server took, where its log can be read.
fn forced_once(namespace: &str) {
    let Ok(log) = std::env::var("CLUSTER_AUDIT_LOG") else { return };
    let text = fs::read_to_string(log).expect("the audit log");
    let forced: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(namespace) && line.contains("\"stage\":\"ResponseComplete\""))
        .filter(|line| line.contains("force=true") && line.contains("\"code\":200"))
        .collect();
    assert_eq!(forced.len(), 1, "{forced:?}");
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_conflict_that_was_not_named_keeps_everything_from_being_taken() {
    let space = Space::new("take-other");
    let writer = cluster().await.writer();
    let made = scaled_and_painted(&space, &writer).await;
    let before = space.get(&made.key);
    for take in [
        as_typed("spec.replicas", "kubectl"),
        as_typed("spec.replicas", "painter"),
        as_typed("metadata.labels.colour", "painter"),
    ] {
        let error = refused(writer.apply_taking(&set(&space, 0, "red"), &same(&made), &[take]).await);
        says(&error.to_string(), &["spec.replicas by kubectl", "metadata.labels.colour by painter"]);
    }
    let version = |object: &Value| object["metadata"]["generation"].clone();
    let live = space.get(&made.key);
    assert_eq!((&live["spec"], version(&live)), (&before["spec"], version(&before)));
    assert_eq!(live["metadata"]["labels"], before["metadata"]["labels"]);
}

/// The strategy's type alone could be taken; what stands beside it may not
/// stand beside ours.
#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_the_server_refuses_even_when_it_is_taken_stops_the_plan() {
    let space = Space::new("take-refused");
    let desired = space.stack();
    let set = with_replicas(&desired.stateful_set, 0);
    cluster().await.writer().apply(&set, &Expect::Absent).await.expect("a new StatefulSet");
    let take = ["StatefulSet/orders:spec.updateStrategy.type@me".parse().expect("a field")];
    let intent = Intent { take: take.into(), ..Intent::default() };
    let edit = async |strategy: Value| {
        space.edits_set(&json!({ "updateStrategy": strategy }));
        planned(&desired, &intent).await.blocked
    };
    assert_eq!(edit(json!({ "type": "RollingUpdate" })).await, []);
    let blocked = edit(json!({ "rollingUpdate": { "partition": 1 } })).await;
    assert_eq!(blocked.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["plan::refused"]);
    says(&blocked[0].reason, &["updateStrategy.rollingUpdate", "only allowed for updateStrategy"]);
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn nothing_is_taken_of_an_object_that_is_another_by_now() {
    let space = Space::new("take-stale");
    let writer = cluster().await.writer();
    let made = scaled_and_painted(&space, &writer).await;
    let take = [as_typed("spec.replicas", "kubectl")];
    let plain = set(&space, 0, "");
    stale(writer.apply_taking(&plain, &unchanged(&made), &take).await);
    space.kubectl(&["delete", "statefulset", "orders"]);
    stale(writer.apply_taking(&plain, &same(&made), &take).await);
    writer.apply(&set(&space, 0, "red"), &Expect::Absent).await.unwrap();
    space.kubectl(&["scale", "statefulset", "orders", "--replicas=1"]);
    stale(writer.apply_taking(&plain, &same(&made), &take).await);
}
