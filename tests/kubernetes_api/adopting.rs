//! Objects that others made: what would come of adopting one is what comes of
//! it, whoever made it; what a third set stays; nothing is ever forced.

use std::fs;

use etcdctl_stack::{
    cluster::Writer,
    object::{Kind, Object},
    observed::Proposal,
};
use serde_json::{Value, json};

use crate::space::{Space, cluster, same, says, stale};

/// How an object came to be, and under which name.
const MAKERS: [(&str, &[&str]); 5] = [
    ("kubectl-client-side-apply", &["apply"]),
    ("kubectl-create", &["create"]),
    ("helm", &["apply", "--server-side", "--field-manager=helm"]),
    ("before-first-apply", &["create"]),
    ("kustomize-controller", &["apply", "--server-side", "--field-manager=kustomize-controller"]),
];

/// A Service, a budget, a Secret, a ConfigMap and a StatefulSet as another tool
/// makes them, with things in them that we do not set.
fn theirs(space: &Space) -> Vec<Object> {
    let labels = json!({ "app.kubernetes.io/managed-by": "Helm", "chart": "etcd-1.2.3", "app": "etcd" });
    let object = |kind: Kind, mut rest: Value| {
        rest["labels"] = labels.clone();
        let mut object = space.object(kind, "orders", rest);
        object.body["metadata"]["annotations"] = json!({
            "meta.helm.sh/release-name": "orders", "meta.helm.sh/release-namespace": space.namespace, "theirs": "yes",
        });
        object
    };
    let ports = json!([{ "name": "client", "port": 2379 }, { "name": "metrics", "port": 2381 }]);
    let selector = json!({ "app": "etcd", "tier": "db" });
    let container = json!({
        "name": "etcd", "image": "localhost/pause:1", "env": [{ "name": "THEIRS", "value": "1" }],
        "resources": { "requests": { "cpu": "1000m" } },
    });
    let pods = json!({ "metadata": { "labels": { "app": "etcd" } }, "spec": { "containers": [container] } });
    let claim = json!({ "metadata": { "name": "data" }, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1024Mi" } } } });
    vec![
        object(
            Kind::Service,
            json!({ "spec": { "selector": selector, "ports": ports, "sessionAffinity": "ClientIP" } }),
        ),
        object(
            Kind::PodDisruptionBudget,
            json!({ "spec": {
            "minAvailable": 1, "selector": { "matchLabels": selector }, "unhealthyPodEvictionPolicy": "AlwaysAllow" } }),
        ),
        object(
            Kind::Secret,
            json!({ "type": "Opaque", "data": { "tls.key": "cHJpdmF0ZQ==", "more": "bW9yZQ==" } }),
        ),
        object(Kind::ConfigMap, json!({ "data": { "colour": "red", "size": "small" } })),
        object(
            Kind::StatefulSet,
            json!({ "spec": {
            "serviceName": "x", "replicas": 0, "selector": { "matchLabels": { "app": "etcd" } }, "template": pods,
            "volumeClaimTemplates": [claim], "updateStrategy": { "type": "OnDelete" } } }),
        ),
    ]
}

/// The same objects as we want them.
fn wanted(space: &Space) -> Vec<Object> {
    let labels = json!({ "app.kubernetes.io/managed-by": "etcdctl-stack", "etcdctl-stack/stack": "orders", "app": "etcd" });
    let object = |kind: Kind, mut rest: Value| {
        rest["labels"] = labels.clone();
        space.object(kind, "orders", rest)
    };
    let selector = json!({ "etcdctl-stack/stack": "orders" });
    let ports = json!([{ "name": "client", "port": 2379, "targetPort": "client", "protocol": "TCP" }]);
    let container = json!({
        "name": "etcd", "image": "localhost/pause:1", "resources": { "requests": { "cpu": "1" } },
        "ports": [{ "name": "client", "containerPort": 2379, "protocol": "TCP" }],
    });
    let pods = json!({ "metadata": { "labels": { "app": "etcd" } }, "spec": { "containers": [container] } });
    let claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" }, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } });
    vec![
        object(
            Kind::Service,
            json!({ "spec": { "type": "ClusterIP", "selector": selector, "ports": ports } }),
        ),
        object(
            Kind::PodDisruptionBudget,
            json!({ "spec": { "minAvailable": 2, "selector": { "matchLabels": selector } } }),
        ),
        object(Kind::Secret, json!({ "type": "Opaque" })),
        object(Kind::ConfigMap, json!({ "data": { "colour": "blue" } })),
        object(
            Kind::StatefulSet,
            json!({ "spec": {
            "serviceName": "x", "replicas": 0, "selector": { "matchLabels": { "app": "etcd" } }, "template": pods,
            "volumeClaimTemplates": [claim], "updateStrategy": { "type": "OnDelete" } } }),
        ),
    ]
}

/// The live object, with its managers.
fn live(space: &Space, object: &Object) -> Value {
    let (kind, name) = (object.key.kind.plural(), object.key.name.as_str());
    let text = space.kubectl(&["get", kind, name, "-o", "json", "--show-managed-fields"]);
    serde_json::from_str(&text).expect("JSON")
}

/// Makes an object as this maker would, and lets a third add an annotation.
fn make(space: &Space, object: &Object, maker: (&str, &[&str])) -> Object {
    space.kubectl_with(&object.body, maker.1);
    let (kind, name) = (object.key.kind.plural(), object.key.name.as_str());
    if maker.0 == "before-first-apply" {
        let forget = r#"[{ "op": "replace", "path": "/metadata/managedFields", "value": [{}] }]"#;
        space.kubectl(&["patch", kind, name, "--type=json", "-p", forget]);
    } else {
        // Whoever wrote that, a Helm release would take the object for its own.
        let annotations = ["third=party", "meta.helm.sh/release-name=other", "--overwrite"];
        space.kubectl(
            &[&["annotate", kind, name, "--field-manager=painter"], annotations.as_slice()].concat(),
        );
    }
    Object { key: object.key.clone(), body: live(space, object) }
}

/// What a person means by it.
fn stable(body: &Value) -> Value {
    let mut body = body.clone();
    body["status"] = Value::Null;
    // Values of Secrets are not told.
    if body["kind"] == "Secret" {
        body["data"] = Value::Null;
    }
    for field in ["managedFields", "resourceVersion", "generation"] {
        body["metadata"][field] = Value::Null;
    }
    body
}

async fn adopted(writer: &Writer, wanted: &Object, before: &Object) -> Object {
    writer.adopt(wanted, before.uid().expect("a uid"), None).await.expect("an adoption");
    writer.apply(wanted, &same(before)).await.expect("an apply without force")
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_is_predicted_of_an_adoption_is_what_is_stored_whoever_made_the_object() {
    for maker in MAKERS {
        let space = Space::new("adopt");
        let cluster = cluster().await;
        for (theirs, wanted) in theirs(&space).iter().zip(wanted(&space)) {
            let what = format!("{} by {}", wanted.key.kind, maker.0);
            let before = make(&space, theirs, maker);
            let predicted =
                cluster.reader().ask_adopting(std::slice::from_ref(&wanted)).await.remove(&wanted.key);
            let Some(Proposal::Accepted { object: predicted, .. }) = predicted else {
                panic!("{what}: {predicted:?}")
            };
            assert_eq!(live(&space, &wanted), before.body, "{what}: a question");

            adopted(&cluster.writer(), &wanted, &before).await;
            let after = live(&space, &wanted);
            assert_eq!(stable(&after), stable(&predicted.body), "{what}");
            only_ours_is_left(&what, &wanted, &before.body, &after, maker.0);
            // Done twice, it is as if done once.
            adopted(&cluster.writer(), &wanted, &before).await;
            assert_eq!(live(&space, &wanted), after, "{what}: once more");
        }
        nothing_was_forced(&space.namespace);
    }
}

fn only_ours_is_left(what: &str, wanted: &Object, before: &Value, after: &Value, maker: &str) {
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "{what}");
    assert_eq!(after["metadata"]["labels"], wanted.body["metadata"]["labels"], "{what}");
    let third = (maker != "before-first-apply").then(|| json!({ "third": "party" }));
    assert_eq!(after["metadata"].get("annotations"), third.as_ref(), "{what}");
    let managers = after["metadata"]["managedFields"].as_array().expect("managers");
    let of_object = managers.iter().filter(|one| one.get("subresource").is_none());
    let names: Vec<&str> = of_object.map(|one| one["manager"].as_str().expect("a name")).collect();
    let third = third.map(|_| "painter");
    assert_eq!(names, ["etcdctl-stack"].into_iter().chain(third).collect::<Vec<_>>(), "{what}");
    let spec = &after["spec"];
    match wanted.key.kind {
        Kind::Secret => assert_eq!(after["data"], before["data"], "{what}"),
        Kind::ConfigMap => assert_eq!(after["data"], json!({ "colour": "blue" }), "{what}"),
        Kind::Service => {
            assert_eq!(
                (&spec["ports"], &spec["selector"]),
                (&wanted.body["spec"]["ports"], &wanted.body["spec"]["selector"]),
                "{what}"
            );
            assert_eq!(
                (&spec["clusterIP"], &spec["sessionAffinity"]),
                (&before["spec"]["clusterIP"], &json!("None")),
                "{what}"
            );
        }
        Kind::StatefulSet => assert_eq!(spec.pointer("/template/spec/containers/0/env"), None, "{what}"),
        _ => assert_eq!(spec["unhealthyPodEvictionPolicy"], Value::Null, "{what}"),
    }
}

/// What the API server took, where its log can be read.
fn nothing_was_forced(namespace: &str) {
    let Ok(log) = std::env::var("CLUSTER_AUDIT_LOG") else { return };
    let text = fs::read_to_string(log).expect("the audit log");
    let forced = text.lines().filter(|line| line.contains(namespace) && line.contains("force=true"));
    let stored: Vec<&str> = forced.filter(|line| !line.contains("dryRun=All")).collect();
    assert_eq!(stored, Vec::<&str>::new());
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn nothing_is_adopted_that_is_another_object_by_now() {
    let space = Space::new("adopt-stale");
    let writer = cluster().await.writer();
    let (theirs, wanted) = (&theirs(&space)[3], &wanted(&space)[3]);
    let before = make(&space, theirs, MAKERS[2]);
    let uid = before.uid().expect("a uid");
    space.kubectl(&["annotate", "configmap", "orders", "later=on"]);
    let meanwhile = live(&space, wanted);
    stale(writer.adopt(wanted, uid, before.resource_version()).await);
    assert_eq!(live(&space, wanted), meanwhile);
    space.kubectl(&["delete", "configmap", "orders"]);
    stale(writer.adopt(wanted, uid, None).await);
    let again = make(&space, theirs, MAKERS[2]);
    stale(writer.adopt(wanted, uid, None).await);
    assert_eq!(live(&space, wanted), again.body);
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_was_set_through_a_subresource_stays_a_conflict() {
    let space = Space::new("adopt-scaled");
    let of_a_set = |objects: Vec<Object>| {
        let mut object = objects.into_iter().nth(4).expect("a StatefulSet");
        object.body["spec"].as_object_mut().expect("a spec").remove("volumeClaimTemplates");
        object
    };
    let wanted = of_a_set(wanted(&space));
    make(&space, &of_a_set(theirs(&space)), MAKERS[1]);
    space.kubectl(&["scale", "statefulset", "orders", "--replicas=1"]);
    let answer =
        cluster().await.reader().ask_adopting(std::slice::from_ref(&wanted)).await.remove(&wanted.key);
    match answer {
        Some(Proposal::Conflict { conflicts, .. }) => {
            says(&format!("{conflicts:?}"), &["spec.replicas", "kubectl"])
        }
        other => panic!("{other:?}"),
    }
}
