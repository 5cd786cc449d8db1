//! What people add to the stack's objects with kubectl: an apply of ours does
//! not show it, and the plan does.

use etcdctl_stack::{
    cluster::{Error, Expect},
    desired::Desired,
    field,
    object::Object,
    observed::Proposal,
    plan::{Foreign, Intent, Plan},
};
use serde_json::json;

use crate::space::{Space, cluster, observed, planned, refused, stale};

/// The StatefulSet without pods, as we apply it.
async fn applied(desired: &Desired) -> Object {
    let mut object = desired.stateful_set.clone();
    object.body["spec"]["replicas"] = json!(0);
    cluster().await.writer().apply(&object, &Expect::Absent).await.expect("a new StatefulSet")
}

/// A patch as `kubectl edit` sends it.
fn edited(space: &Space, patch: serde_json::Value) {
    let manager = "--field-manager=kubectl-edit";
    space.kubectl(&["patch", "statefulset", "orders", "--type=json", manager, "-p", &patch.to_string()]);
}

async fn found(desired: &Desired) -> Vec<Foreign> {
    planned(desired, &Intent::default()).await.foreign
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn each_field_that_somebody_adds_is_found_once_and_the_dangerous_ones_are_marked() {
    let space = Space::new("foreign");
    let desired = space.stack();
    applied(&desired).await;
    assert_eq!(found(&desired).await, []);
    let pod = "/spec/template/spec";
    let etcd = format!("{pod}/containers/0");
    let add = |path: String, value: serde_json::Value| json!({ "op": "add", "path": path, "value": value });
    edited(
        &space,
        json!([
            add(format!("{etcd}/env/-"), json!({ "name": "ETCD_FORCE_NEW_CLUSTER", "value": "true" })),
            add(format!("{etcd}/env/-"), json!({ "name": "GODEBUG", "value": "x" })),
            add(format!("{etcd}/envFrom"), json!([{ "configMapRef": { "name": "a" } }])),
            add(format!("{etcd}/lifecycle"), json!({ "preStop": { "exec": { "command": ["a"] } } })),
            add(format!("{etcd}/readinessProbe/initialDelaySeconds"), json!(3)),
            add(
                format!("{etcd}/volumeMounts/-"),
                json!({ "name": "more", "mountPath": "/var/lib/etcd/member" })
            ),
            add(format!("{pod}/volumes/-"), json!({ "name": "more", "emptyDir": {} })),
            add(format!("{pod}/containers/-"), json!({ "name": "proxy", "image": "i" })),
            add(format!("{pod}/initContainers"), json!([{ "name": "wait", "image": "i" }])),
            add(format!("{pod}/hostNetwork"), json!(true)),
        ]),
    );
    space.kubectl(&["rollout", "restart", "statefulset", "orders"]);
    space.kubectl(&["annotate", "statefulset", "orders", "note=x"]);
    let told: Vec<(String, String, bool)> = found(&desired)
        .await
        .into_iter()
        .map(|one| (one.field.replace("spec.template.spec.", ""), one.manager, one.danger.is_some()))
        .collect();
    let expected = [
        ("metadata.annotations.note", "kubectl-annotate", false),
        ("spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt", "kubectl-rollout", false),
        ("containers[name=\"etcd\"].envFrom", "kubectl-edit", true),
        ("containers[name=\"etcd\"].env[name=\"ETCD_FORCE_NEW_CLUSTER\"]", "kubectl-edit", true),
        ("containers[name=\"etcd\"].env[name=\"GODEBUG\"]", "kubectl-edit", false),
        ("containers[name=\"etcd\"].lifecycle", "kubectl-edit", true),
        ("containers[name=\"etcd\"].readinessProbe.initialDelaySeconds", "kubectl-edit", true),
        ("containers[name=\"etcd\"].volumeMounts[mountPath=\"/var/lib/etcd/member\"]", "kubectl-edit", true),
        ("containers[name=\"proxy\"]", "kubectl-edit", true),
        ("hostNetwork", "kubectl-edit", false),
        ("initContainers[name=\"wait\"]", "kubectl-edit", true),
        ("volumes[name=\"more\"]", "kubectl-edit", false),
    ];
    let expected: Vec<(String, String, bool)> = expected
        .iter()
        .map(|(field, manager, danger)| ((*field).to_owned(), (*manager).to_owned(), *danger))
        .collect();
    assert_eq!(told, expected);
}

/// A list of arguments is one value, and one of variables is each for itself.
#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn an_argument_of_somebody_is_a_conflict_and_a_variable_only_the_plan_finds() {
    let space = Space::new("argument");
    let desired = space.stack();
    applied(&desired).await;
    let etcd = "/spec/template/spec/containers/0";
    let variable = json!({ "name": "ETCD_LOG_LEVEL", "value": "debug" });
    edited(&space, json!([{ "op": "add", "path": format!("{etcd}/env/-"), "value": variable }]));
    let (observed, plan) = observed(&desired, &Intent::default()).await;
    let answer = &observed.proposals[&desired.names.stateful_set()];
    assert!(matches!(answer, Proposal::Accepted { .. }), "{answer:?}");
    let codes = |plan: &Plan| plan.blocked.iter().map(|one| one.code.clone()).collect::<Vec<_>>();
    assert_eq!(codes(&plan), ["plan::dangerous_field"]);

    edited(&space, json!([{ "op": "add", "path": format!("{etcd}/args/-"), "value": "--log-level=debug" }]));
    let plan = planned(&desired, &Intent::default()).await;
    assert_eq!(codes(&plan), ["plan::conflict", "plan::dangerous_field"]);
    assert!(plan.blocked[0].reason.contains("containers[name=\"etcd\"].args"), "{:?}", plan.blocked[0]);
}

/// Whether anybody but us is noted for a field of the environment.
fn is_noted(space: &Space) -> bool {
    let with_managers = ["get", "statefulset", "orders", "-o", "json", "--show-managed-fields"];
    space.kubectl(&with_managers).contains("ETCD_LOG_LEVEL")
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_field_that_is_named_is_removed_from_the_very_object_and_version_that_was_seen() {
    let space = Space::new("remove");
    let desired = space.stack();
    let made = applied(&desired).await;
    let variable = json!({ "name": "ETCD_LOG_LEVEL", "value": "debug" });
    edited(
        &space,
        json!([{ "op": "add", "path": "/spec/template/spec/containers/0/env/0", "value": variable }]),
    );
    let one = found(&desired).await.remove(0);
    let live = cluster().await.reader().object(&made.key).await.found().cloned().expect("it is there");
    let (uid, version) = (one.uid.as_str(), live.resource_version().expect("a version"));
    let path = field::owners(&live.body)
        .iter()
        .flat_map(|owner| &owner.fields)
        .find(|path| path.is_shown_as(&one.field))
        .and_then(|path| path.pointer(&live.body));
    let pointer = path.expect("its place");
    assert_eq!(pointer, "/spec/template/spec/containers/0/env/0");

    let writer = cluster().await.writer();
    stale(writer.remove_at(&made.key, uid, made.resource_version().expect("an older one"), &pointer).await);
    stale(writer.remove_at(&made.key, "another", version, &pointer).await);
    let nowhere = refused(writer.remove_at(&made.key, uid, version, "/spec/template/nowhere").await);
    assert!(matches!(nowhere, Error::Invalid { .. }), "{nowhere:?}");
    assert!(is_noted(&space));
    writer.remove_at(&made.key, uid, version, &pointer).await.expect("it goes");
    assert!(!is_noted(&space));
    assert_eq!(found(&desired).await, []);
    // What is ours stays, and we own it still.
    let after = space.get(&made.key);
    assert_eq!(after["spec"], made.body["spec"]);
    stale(writer.remove_at(&made.key, uid, version, &pointer).await);
    space.kubectl(&["delete", "statefulset", "orders"]);
    stale(writer.remove_at(&made.key, uid, version, &pointer).await);
}
