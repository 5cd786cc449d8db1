//! Fields that somebody else set: the plan names each, nothing is forced that
//! was not named, and a field that is left to others stays as they want it.

use std::fs;

use serde_json::{Value, json};

use crate::{
    audit::lines,
    changing::{founded, members},
    chaos::amid::advised,
    kubernetes::{Place, says},
};

/// Somebody sets fields of one object by an apply of their own, with force:
/// what Helm and Flux do.
fn applies(place: &Place, manager: &str, object: &Value) {
    let path = place.file.with_file_name("theirs.json");
    fs::write(&path, object.to_string()).expect("a writable folder");
    let manager = format!("--field-manager={manager}");
    let file = path.to_string_lossy();
    place.kubectl(&["apply", "--server-side", "--force-conflicts", &manager, "-f", &file]).expect(0);
}

/// Somebody edits one object.
fn edits(place: &Place, kind: &str, name: &str, patch: &Value) {
    let patch = patch.to_string();
    place.kubectl(&["patch", kind, name, "--field-manager=kubectl-edit", "-p", &patch]).expect(0);
}

fn head(place: &Place, api: &str, kind: &str, name: &str) -> Value {
    json!({ "apiVersion": api, "kind": kind, "metadata": { "name": name, "namespace": place.namespace } })
}

/// Real requests with force from this line of the audit log on; `None` where
/// it cannot be read.
fn forced(from: usize, namespace: &str) -> Option<usize> {
    let text = fs::read_to_string(std::env::var("CLUSTER_AUDIT_LOG").ok()?).expect("the audit log");
    let ours = |line: &&str| {
        line.contains(&format!("/namespaces/{namespace}/"))
            && line.contains("force=true")
            && line.contains("fieldManager=etcdctl-stack")
            && !line.contains("dryRun=All")
    };
    Some(text.lines().skip(from).filter(ours).count())
}

fn from_here() -> usize {
    std::env::var("CLUSTER_AUDIT_LOG").map_or(0, |log| lines(&log))
}

/// The plan names the field and who set it; apply refuses and forces nothing;
/// with the flag that the plan advises, that field alone comes back.
#[track_caller]
fn is_named_and_taken(place: &Place, card: &[&str]) {
    let from = from_here();
    says(&place.tool("plan", &[]).expect(3), card);
    let refused = place.tool("apply", &["--auto-approve"]).expect(3);
    says(&refused, card);
    assert!(forced(from, &place.namespace).is_none_or(|count| count == 0), "forced unasked");
    let take = advised(&refused, "--take").expect("an advice");
    place.apply(&["--take", &take, "--allow-downtime"]);
    assert!(forced(from, &place.namespace).is_none_or(|count| count == 1), "forced once, as asked");
    says(&place.tool("plan", &["--detailed-exitcode"]).expect(0), &["No changes"]);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn what_others_set_is_named_and_taken_back_field_by_field() {
    let place = founded("owners", 1);
    let before = place.pods();
    let budget = |place: &Place| place.get("pdb", "owners")["spec"]["minAvailable"].clone();

    edits(&place, "pdb", "owners", &json!({ "spec": { "minAvailable": 0 } }));
    let card = ["`spec.minAvailable`", "kubectl-edit", "you want 1", "now 0", "how many members a drain"];
    is_named_and_taken(&place, &card);
    assert_eq!(budget(&place), 1);

    let mut chart = head(&place, "policy/v1", "PodDisruptionBudget", "owners");
    chart["spec"] = json!({ "minAvailable": 0 });
    applies(&place, "helm", &chart);
    is_named_and_taken(&place, &["`spec.minAvailable`", "set by helm"]);

    let mut kustomization = head(&place, "v1", "Service", "owners");
    kustomization["metadata"]["labels"] = json!({ "app.kubernetes.io/name": "database" });
    applies(&place, "kustomize-controller", &kustomization);
    is_named_and_taken(
        &place,
        &["`metadata.labels.app.kubernetes.io/name`", "kustomize-controller", "now database"],
    );

    let relabel = ["label", "service", "owners-peer", "app.kubernetes.io/name=other", "--overwrite"];
    place.kubectl(&relabel).expect(0);
    is_named_and_taken(&place, &["`Service/", "owners-peer`", "kubectl-label", "now other"]);

    assert_eq!(place.pods(), before, "nothing of this restarts a member");

    let version = place.status()["members"][0]["version"].clone();
    place.kubectl(&["set", "image", "statefulset/owners", "etcd=registry.k8s.io/etcd:v3.6.1"]).expect(0);
    let card = [
        "containers[name=\"etcd\"].image`",
        "kubectl-set",
        "now registry.k8s.io/etcd:v3.6.1",
        "next restart",
    ];
    is_named_and_taken(&place, &card);
    assert_eq!(place.status()["members"][0]["version"], version);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn what_the_stack_file_leaves_to_others_stays_as_they_want_it() {
    let place = founded("left", 1);
    edits(&place, "pdb", "left", &json!({ "spec": { "minAvailable": 0 } }));
    let left = |table: &str| {
        let field = "object = \"PodDisruptionBudget/left\"\nfield = \"spec.minAvailable\"\nmanager = \"kubectl-edit\"\n";
        place.write(&format!("{}[[ownership.{table}]]\n{field}", members(1)));
    };
    left("tolerate");
    let from = from_here();
    says(&place.tool("plan", &["--detailed-exitcode"]).expect(0), &["No changes"]);
    // Another change of the same object leaves it as well.
    let with_label = fs::read_to_string(&place.file).expect("the file");
    let with_label = with_label.replace("\n[cluster]", "\nlabels = { team = \"db\" }\n[cluster]");
    fs::write(&place.file, with_label).expect("a writable folder");
    place.apply(&[]);
    let live = place.get("pdb", "left");
    assert_eq!(
        (&live["spec"]["minAvailable"], &live["metadata"]["labels"]["team"]),
        (&json!(0), &json!("db"))
    );
    assert!(forced(from, &place.namespace).is_none_or(|count| count == 0), "forced unasked");

    left("take");
    place.apply(&[]);
    assert_eq!(place.get("pdb", "left")["spec"]["minAvailable"], 1);
    edits(&place, "pdb", "left", &json!({ "spec": { "minAvailable": 0 } }));
    place.apply(&[]);
    assert_eq!(place.get("pdb", "left")["spec"]["minAvailable"], 1, "taken each time");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn drift_tells_who_changed_what_since_the_last_apply() {
    let place = Place::new("drift", &members(1));
    says(&place.tool("plan", &["--drift"]).expect(1), &["there is no journal"]);
    place.apply(&[]);
    says(&place.tool("plan", &["--drift"]).expect(0), &["No drift: all is as it was applied."]);
    // An edit of the file is none, and it is not compared with.
    place.write(&format!("labels = {{ team = \"db\" }}\n{}", members(1)));
    place.tool("plan", &["--drift"]).expect(0);

    edits(&place, "pdb", "drift", &json!({ "spec": { "minAvailable": 0 } }));
    place.kubectl(&["label", "service", "drift", "app.kubernetes.io/name-"]).expect(0);
    place.kubectl(&["annotate", "service", "drift", "example.test/note=a"]).expect(0);
    place.kubectl(&["delete", "service", "drift-peer"]).expect(0);
    let told = place.tool("plan", &["--drift"]).expect(2);
    says(
        &told,
        &[
            "~ PodDisruptionBudget/",
            "~ spec.minAvailable: 1 -> 0 by kubectl-edit, 20",
            "- metadata.labels[\"app.kubernetes.io/name\"]: \"etcd\" by somebody who left no name",
            "drift-peer GONE",
            "+ metadata.annotations.example.test/note: \"a\" by kubectl-annotate, 20",
            "Drift: 3 fields changed, 1 object gone.",
        ],
    );
    assert_eq!(place.status()["changed_by_others"], 3);
    let json = place.tool("plan", &["--drift", "--json"]).expect(2).json();
    let field = &json["resource_drift"][2];
    assert_eq!(field["by"]["manager"], "kubectl-edit");
    assert_eq!((&field["before"], &field["after"]), (&json!(1), &json!(0)));
}
