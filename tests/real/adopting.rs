//! Objects that others made, taken over by the tool as a user runs it.

use std::fs;

use serde_json::{Value, json};

use crate::kubernetes::{Place, kubectl, says};

impl Place {
    /// kubectl with an object in a file.
    fn kubectl_with(&self, object: &Value, arguments: &[&str]) {
        let file = self.file.with_file_name("object.json");
        fs::write(&file, object.to_string()).expect("a writable folder");
        self.kubectl(&[arguments, &["-f", &file.to_string_lossy()]].concat()).expect(0);
    }
}

/// Two Services and a budget of our names, each from another tool.
fn by_others(place: &Place) {
    let metadata = |name: &str| {
        json!({
            "name": name, "labels": { "app.kubernetes.io/managed-by": "Helm", "chart": "etcd-1" },
            "annotations": { "meta.helm.sh/release-name": "etcd", "meta.helm.sh/release-namespace": place.namespace },
        })
    };
    let object = |version: &str, kind: &str, name: &str, spec: Value| json!({ "apiVersion": version, "kind": kind, "metadata": metadata(name), "spec": spec });
    let ports = json!([{ "name": "client", "port": 2379 }, { "name": "metrics", "port": 2381 }]);
    let selector = json!({ "app": "etcd" });
    let client = object("v1", "Service", "adopted", json!({ "ports": ports, "selector": selector }));
    place.kubectl_with(&client, &["apply", "--server-side", "--field-manager=helm"]);
    let peer = json!({ "ports": ports, "selector": selector, "clusterIP": "None" });
    place.kubectl_with(&object("v1", "Service", "adopted-peer", peer), &["apply"]);
    let budget = json!({ "minAvailable": 0, "selector": { "matchLabels": selector } });
    place.kubectl_with(&object("policy/v1", "PodDisruptionBudget", "adopted", budget), &["create"]);
}

const ADOPT: [&str; 6] = [
    "--adopt",
    "Service/adopted",
    "--adopt",
    "Service/adopted-peer",
    "--adopt",
    "PodDisruptionBudget/adopted",
];

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn what_other_tools_made_is_adopted_when_it_is_named_and_nothing_is_forced() {
    let place = Place::new("adopted", "[cluster]\nmembers = 1\n");
    kubectl(&["create", "namespace", &place.namespace]).expect(0);
    by_others(&place);
    let release = format!("Helm release `{}/etcd`", place.namespace);
    let refused = place.tool("plan", &[]).expect(3);
    says(&refused, &["not this stack's", "helm (Apply", &release, "--adopt Service/adopted-peer"]);

    let plan = place.tool("plan", &[&ADOPT[..], &["--json"]].concat()).expect(0).json();
    let changes = plan["resource_changes"].as_array().cloned().unwrap_or_default();
    let from: Vec<&Value> =
        changes.iter().filter_map(|one| one.pointer("/adopting/0/from_manager")).collect();
    assert_eq!(from, ["kubectl-client-side-apply", "kubectl-create", "helm"], "{plan:#}");
    place.tool("apply", &[&ADOPT[..], &["--auto-approve"]].concat()).expect(0);
    let again = place.tool("plan", &["--detailed-exitcode"]).expect(0);
    says(&again, &["No changes"]);
    let service = place.get("service", "adopted");
    assert_eq!(service["spec"]["ports"].as_array().map(Vec::len), Some(1), "{service:#}");
    for (kind, name) in [("service", "adopted"), ("service", "adopted-peer"), ("pdb", "adopted")] {
        let metadata = &place.get(kind, name)["metadata"];
        let left = [&metadata["labels"]["chart"], &metadata["annotations"]];
        assert_eq!(left, [&Value::Null, &Value::Null], "{kind} {name}");
    }
    put_back(&place);
    nothing_was_forced(&place);
}

/// The StatefulSet, deleted with its pod left and put back by a backup tool.
fn put_back(place: &Place) {
    let pods = place.pods();
    let mut set = place.get("statefulset", "adopted");
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
        set["metadata"].as_object_mut().expect("metadata").remove(field);
    }
    place.kubectl(&["delete", "statefulset", "adopted", "--cascade=orphan"]).expect(0);
    place.kubectl_with(&set, &["create", "--field-manager=velero-server"]);
    let adopt = ["--adopt", "StatefulSet/adopted"];
    let planned = place.tool("plan", &adopt).expect(0);
    says(&planned, &["adopted from velero-server", "No restart"]);
    place.tool("apply", &[&adopt[..], &["--auto-approve"]].concat()).expect(0);
    assert_eq!(place.pods(), pods, "no pod is another");
    place.tool("plan", &["--detailed-exitcode"]).expect(0);
    says(&place.tool("plan", &adopt).expect(3), &["is this stack's already"]);
}

fn nothing_was_forced(place: &Place) {
    let Ok(log) = std::env::var("CLUSTER_AUDIT_LOG") else { return };
    let text = fs::read_to_string(log).expect("the audit log");
    let forced = text.lines().filter(|line| line.contains(&place.namespace) && line.contains("force=true"));
    let stored: Vec<&str> = forced.filter(|line| !line.contains("dryRun=All")).collect();
    assert_eq!(stored, Vec::<&str>::new());
}
