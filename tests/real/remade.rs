//! Ring 3: what never changes is made anew around what runs. Volumes grow, and
//! a StatefulSet or a Service goes and comes back, while clients write and
//! read: no pod restarts, and nothing that was acknowledged is lost.

use serde_json::{Value, json};

use crate::{
    interrupted::{When, apply_killed},
    kubernetes::{Place, kubectl, says, wait_until},
    load::Load,
};

/// Three members with volumes that can grow. The quota would follow the size,
/// and members restart for another quota.
fn sized(size: &str) -> String {
    format!(
        "[cluster]\nmembers = 3\n[storage]\nsize = \"{size}\"\nclass = \"grows\"\n[etcd]\nquota = \"2Gi\"\n"
    )
}

/// Keeps an object from going until it is taken off.
const KEEPS: &str = r#"{"metadata":{"finalizers":["example.test/keeps"]}}"#;

/// Whether the cluster is that of the tests, whose classes are known.
fn has_classes() -> bool {
    let there = kubectl(&["get", "storageclass", "grows", "local"]).code == 0;
    if !there {
        println!("left out: the cluster has no classes `grows` and `local`");
    }
    there
}

impl Place {
    fn sizes(&self) -> Vec<Value> {
        let claims = self.kubectl(&["get", "pvc", "-o", "json"]).expect(0).json();
        let items = claims["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|claim| claim["status"]["capacity"]["storage"].clone()).collect()
    }

    fn is_gone(&self, kind: &str) -> bool {
        self.uid(kind, &self.name).is_empty()
    }
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn volumes_grow_under_load_and_apply_killed_before_the_creation_goes_on_from_there() {
    if !has_classes() {
        return;
    }
    let place = Place::new("larger", &sized("8Gi"));
    place.apply(&[]);
    let (pods, set) = (place.pods(), place.uid("statefulset", "larger"));
    let load = Load::start(&place);
    place.write(&sized("16Gi"));
    let plan = place.tool("plan", &[]).expect(0);
    says(&plan, &["RECREATE, pods stay", "8Gi -> 16Gi", "No restart. No data is deleted."]);

    place.kubectl(&["patch", "statefulset", "larger", "--type=merge", "-p", KEEPS]).expect(0);
    load.during("three volumes grow, and the run is killed amid the deletion", || {
        assert!(apply_killed(&place, When::AfterSteps(3), &[]), "the run was over before it was killed");
        // It began to delete, or the next one does.
        assert!(apply_killed(&place, When::After(9_000), &[]), "nothing kept the StatefulSet");
    });
    let live = place.get("statefulset", "larger");
    assert!(live["metadata"]["deletionTimestamp"].is_string(), "{live}");
    let free = r#"{"metadata":{"finalizers":null}}"#;
    place.kubectl(&["patch", "statefulset", "larger", "--type=merge", "-p", free]).expect(0);
    wait_until("the StatefulSet is gone", 20, || place.is_gone("statefulset"));
    assert_eq!((place.pods(), place.sizes()), (pods.clone(), vec![json!("16Gi"); 3]));

    let plan = place.tool("plan", &[]).expect(0);
    says(&plan, &["create StatefulSet/", "with 3 replicas around its pods", "going on"]);
    load.during("it is created around its pods", || place.apply(&[]));
    place.is_settled(3);
    assert_eq!(place.pods(), pods, "a pod was touched");
    assert_ne!(place.uid("statefulset", "larger"), set);
    load.finish("volumes that grew");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_stateful_set_that_somebody_deleted_comes_back_with_its_members() {
    let place = Place::new("gone", "[cluster]\nmembers = 3\n");
    place.apply(&[]);
    let pods = place.pods();
    let load = Load::start(&place);
    place.kubectl(&["delete", "statefulset", "gone", "--cascade=orphan"]).expect(0);
    load.during("deleted without its pods", || place.apply(&[]));
    place.is_settled(3);
    assert_eq!(place.pods(), pods, "a pod was touched");

    let claims = |place: &Place| [0, 1, 2].map(|i| place.uid("pvc", &format!("data-gone-{i}")));
    let before = claims(&place);
    place.kubectl(&["delete", "statefulset", "gone"]).expect(0);
    wait_until("the pods are gone", 60, || place.pods().is_empty());
    let plan = place.tool("plan", &[]).expect(0);
    says(&plan, &["with 3 replicas: bring gone-0, gone-1, gone-2 back with their data"]);
    load.during("deleted with its pods", || place.apply(&[]));
    place.is_settled(3);
    assert_eq!(claims(&place), before, "a claim was made anew");
    load.finish("a StatefulSet that somebody deleted");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn what_a_volume_cannot_do_is_refused_with_the_line_of_the_file() {
    let rest = |size: &str| {
        format!("[cluster]\nmembers = 1\n[storage]\nsize = \"{size}\"\n[etcd]\nquota = \"1Gi\"\n")
    };
    if !has_classes() {
        return;
    }
    let place = Place::new("stuck", &rest("8Gi"));
    place.apply(&[]);
    let set = place.uid("statefulset", "stuck");
    for (size, code) in [("16Gi", "plan::volume_cannot_grow"), ("4Gi", "plan::volume_cannot_shrink")] {
        place.write(&rest(size));
        let refused = place.tool("apply", &["--auto-approve"]).expect(3);
        says(&refused, &[code, "set at", "stack.toml:7:8"]);
    }
    // Its volume has 10Gi: only the template is another one.
    place.write(&rest("9Gi"));
    place.apply(&[]);
    place.is_settled(1);
    assert_ne!(place.uid("statefulset", "stuck"), set);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn services_made_by_hand_with_the_wrong_kind_of_address_are_made_anew() {
    let place = Place::new("headless", "[cluster]\nmembers = 1\n");
    place.apply(&[]);
    let pods = place.pods();
    for (name, address) in [("headless", json!("None")), ("headless-peer", Value::Null)] {
        let mut service = place.get("service", name);
        for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
            service["metadata"][field] = Value::Null;
        }
        service["spec"]["clusterIP"] = address;
        service["spec"]["clusterIPs"] = Value::Null;
        place.kubectl(&["delete", "service", name]).expect(0);
        place.create(&service);
        let plan = place.tool("plan", &["--detailed-exitcode"]).expect(2);
        says(&plan, &["RECREATE", "spec.clusterIP", "and create it again: clusterIP"]);
        place.apply(&[]);
        let is_headless = place.get("service", name)["spec"]["clusterIP"] == json!("None");
        assert_eq!(is_headless, name == "headless-peer");
        place.is_settled(1);
    }
    assert_eq!(place.pods(), pods, "a pod was touched");
}

impl Place {
    /// Creates an object from JSON.
    fn create(&self, object: &Value) {
        let file = self.file.with_file_name("object.json");
        std::fs::write(&file, object.to_string()).expect("a writable folder");
        self.kubectl(&["create", "-f", &file.to_string_lossy()]).expect(0);
    }
}
