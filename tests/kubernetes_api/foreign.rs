//! What people add to the stack's objects with kubectl: an apply of ours does
//! not show it, and the plan does.

use etcdctl_stack::{
    cluster::Expect,
    desired::Desired,
    object::Object,
    plan::{Foreign, Intent},
};
use serde_json::json;

use crate::space::{Space, cluster, planned};

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
