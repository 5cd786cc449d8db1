//! Ring 3: stacks that are destroyed or handed over, beside others in the same
//! namespace.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};

use crate::kubernetes::{Place, kubectl, says, wait_until};

const KINDS: &str = "statefulsets,services,endpointslices,secrets,configmaps,poddisruptionbudgets,\
                     persistentvolumeclaims,pods,controllerrevisions,serviceaccounts,leases";

/// Every object of a namespace, whole, that is not of this stack.
fn of_others(place: &Place) -> BTreeMap<String, Value> {
    let all = place.kubectl(&["get", KINDS, "-o", "json", "--show-managed-fields"]).expect(0).json();
    let others = |item: &&Value| item["metadata"]["labels"]["etcdctl-stack/stack"] != place.name.as_str();
    let name = |item: &Value| format!("{}/{}", item["kind"], item["metadata"]["name"]);
    all["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(others)
        .map(|item| (name(item), item.clone()))
        .collect()
}

/// The same, once controllers have nothing more to say of it.
fn at_rest(place: &Place) -> BTreeMap<String, Value> {
    let mut before = of_others(place);
    wait_until("what others have is at rest", 60, || {
        std::thread::sleep(Duration::from_secs(5));
        let last = std::mem::replace(&mut before, of_others(place));
        last == before
    });
    before
}

#[track_caller]
fn is_untouched(place: &Place, before: &BTreeMap<String, Value>) {
    let after = of_others(place);
    let names = before.keys().chain(after.keys());
    let changed: Vec<&String> = names.filter(|name| before.get(*name) != after.get(*name)).collect();
    assert_eq!(changed, Vec::<&String>::new());
}

/// What is left of a stack, as `kind/name`.
fn left(place: &Place) -> Vec<String> {
    let selector = format!("etcdctl-stack/stack={}", place.name);
    let all = place.kubectl(&["get", KINDS, "-l", &selector, "-o", "name"]).expect(0).stdout;
    all.lines().map(str::to_owned).collect()
}

/// A second stack, in the namespace of the first.
fn beside(place: &Place, name: &str) -> Place {
    let mut second = Place::new(name, "");
    second.namespace.clone_from(&place.namespace);
    second.write("[cluster]\nmembers = 1\n");
    second
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_stack_goes_and_what_others_have_beside_it_is_untouched() {
    let user = "[[tls.users]]\nname = \"app\"\nsecret = \"ends-app\"\n";
    let place = Place::new("ends", &format!("[cluster]\nmembers = 3\n{user}"));
    place.tool("apply", &["--auto-approve"]).expect(0);
    let second = beside(&place, "stays");
    second.tool("apply", &["--auto-approve"]).expect(0);
    place.kubectl(&["create", "configmap", "somebodys", "--from-literal=a=b"]).expect(0);
    let before = at_rest(&place);
    what_the_file_no_longer_names_goes(&place);

    let plan = place.tool("plan", &["--destroy"]).expect(0);
    says(&plan, &["left alone in", "3 ConfigMap", "kept: PersistentVolumeClaim/data-ends-0", "Destroy it:"]);
    let digest = place.tool("plan", &["--destroy", "--json"]).expect(0).json()["digest"].clone();
    place.tool("destroy", &["--expect", digest.as_str().expect("a digest")]).expect(0);
    let claims = [0, 1, 2].map(|ordinal| format!("persistentvolumeclaim/data-ends-{ordinal}"));
    let kept = [
        "secret/ends-client-ca",
        "secret/ends-peer-ca",
        "configmap/ends-journal",
        "lease.coordination.k8s.io/ends-lock",
    ];
    let mut expected: Vec<String> = kept.map(str::to_owned).into_iter().chain(claims).collect();
    let mut is = left(&place);
    is.sort();
    expected.sort();
    assert_eq!(is, expected);
    is_untouched(&place, &before);

    // Nothing is left to do, and the rest goes by name.
    says(&place.tool("destroy", &["--auto-approve"]).expect(0), &["Nothing is left to destroy."]);
    let claims = [0, 1, 2].map(|ordinal| format!("PersistentVolumeClaim/data-ends-{ordinal}")).join(",");
    let delete = format!("{claims},Secret/ends-client-ca,Secret/ends-peer-ca");
    let refused = place.tool("destroy", &["--auto-approve", "--delete", &delete]).expect(3);
    says(&refused, &["Needs: --allow-data-loss data-ends-0,data-ends-1,data-ends-2"]);
    let allow = ["--allow-data-loss", "all", "--allow-delete", "Secret/ends-client-ca,Secret/ends-peer-ca"];
    let whole = format!("{delete},Namespace/{}", place.namespace);
    let refused =
        place.tool("destroy", &[&["--auto-approve", "--delete", &whole], &allow[..]].concat()).expect(3);
    says(&refused, &["plan::namespace_not_empty"]);
    place.tool("destroy", &[&["--auto-approve", "--delete", &delete], &allow[..]].concat()).expect(0);
    assert_eq!(left(&place), [""; 0]);
    is_untouched(&place, &before);
}

fn what_the_file_no_longer_names_goes(place: &Place) {
    place.write("[cluster]\nmembers = 3\n[disruption]\nbudget = \"off\"\n");
    let refused = place.tool("apply", &["--auto-approve"]).expect(3);
    says(&refused, &["Needs: --allow-delete Secret/ends-app"]);
    place.tool("apply", &["--auto-approve", "--allow-delete", "Secret/ends-app"]).expect(0);
    let gone = ["secret/ends-app", "poddisruptionbudget/ends"];
    assert!(gone.iter().all(|object| place.kubectl(&["get", object]).code == 1));
    says(&place.tool("plan", &["--detailed-exitcode"]).expect(0), &["No changes."]);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_stack_goes_with_its_data_and_its_namespace() {
    let place = Place::new("allgone", "[cluster]\nmembers = 1\n[storage]\non_destroy = \"delete\"\n");
    place.tool("apply", &["--auto-approve"]).expect(0);
    let namespace = format!("Namespace/{}", place.namespace);
    let delete = format!("Secret/allgone-client-ca,Secret/allgone-peer-ca,{namespace}");
    let plan = place.tool("plan", &["--destroy", "--delete", &delete, "--json"]).expect(3).json();
    assert_eq!(plan["summary"]["needs"]["data_loss"], json!(["data-allgone-0"]));
    assert_eq!((&plan["end"], &plan["applyable"]), (&json!("destroy"), &json!(false)));
    let flags = [
        "--auto-approve",
        "--delete",
        &delete,
        "--allow-data-loss",
        "data-allgone-0",
        "--allow-delete",
        &delete,
    ];
    let ended = place.tool("destroy", &flags).expect(0);
    says(&ended, &["save a snapshot and check it", "Destroyed:"]);
    assert_eq!(kubectl(&["get", "namespace", &place.namespace]).code, 1);
    says(&place.tool("destroy", &["--auto-approve"]).expect(0), &["Nothing is left to destroy."]);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_destroy_that_was_killed_goes_on_and_no_apply_comes_between() {
    let place = Place::new("killed", "[cluster]\nmembers = 1\n");
    place.tool("apply", &["--auto-approve"]).expect(0);
    for steps in [1, 2, 3, 4] {
        let mut destroy = place.command("destroy", &["--auto-approve", "--lock-timeout", "60s"]);
        let mut child =
            destroy.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the tool starts");
        let progress = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        // What is done already is not done again.
        let done = progress.filter(|line| line.contains('\u{2713}'));
        done.take(if steps == 1 { 1 } else { steps / 2 }).for_each(drop);
        child.kill().expect("our own child");
        child.wait().expect("our own child");
        let plan = place.tool("plan", &[]);
        if plan.code == 3 {
            says(&plan, &["plan::unfinished_destroy", "`etcdctl-stack destroy` finishes it"]);
        }
    }
    place.tool("destroy", &["--auto-approve", "--lock-timeout", "60s"]).expect(0);
    assert!(!left(&place).iter().any(|object| object.contains("statefulset") || object.contains("pod/")));
    let snapshots = place.tool("history", &["--json"]).expect(0).json();
    assert!(snapshots["runs"].as_array().expect("runs").iter().any(|run| run["snapshot"].is_object()));
}

/// The same file brings it back: the members start with their own volumes, and
/// clients that trust the old authority trust the new certificates.
#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_destroyed_stack_comes_back_with_its_data() {
    let place = Place::new("back", "[cluster]\nmembers = 3\n");
    place.tool("apply", &["--auto-approve"]).expect(0);
    place.etcdctl(&["put", "greeting", "hello"]).expect(0);
    let claims = |place: &Place| {
        let list = place.kubectl(&["get", "pvc", "-o", "jsonpath={.items[*].metadata.uid}"]);
        list.expect(0).stdout
    };
    let authority = |place: &Place| place.get("secret", "back-client-ca")["data"]["tls.crt"].clone();
    let before = (claims(&place), authority(&place));
    place.tool("destroy", &["--auto-approve"]).expect(0);
    place.tool("apply", &["--auto-approve"]).expect(0);
    assert_eq!((claims(&place), authority(&place)), before);
    let read = place.etcdctl(&["get", "greeting", "--print-value-only"]).expect(0);
    assert_eq!(read.stdout.trim(), "hello");
    let status = place.tool("status", &["--json"]).expect(0).json();
    assert_eq!((&status["healthy"], status["members"].as_array().map(Vec::len)), (&json!(true), Some(3)));
    says(&place.tool("plan", &["--detailed-exitcode"]).expect(0), &["No changes."]);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_stack_is_handed_over_while_it_serves() {
    let place = Place::new("handed", "[cluster]\nmembers = 1\n");
    place.tool("apply", &["--auto-approve"]).expect(0);
    place.etcdctl(&["put", "greeting", "hello"]).expect(0);
    let pods = place.pods();
    let spec = place.get("statefulset", "handed")["spec"].clone();
    let secrets = place.get("secret", "handed-server")["data"].clone();
    place.tool("forget", &["--auto-approve"]).expect(0);
    assert_eq!(place.pods(), pods);
    assert_eq!(place.get("statefulset", "handed")["spec"], spec);
    assert_eq!(place.get("secret", "handed-server")["data"], secrets);
    let read = place.etcdctl(&["get", "greeting", "--print-value-only"]).expect(0);
    assert_eq!(read.stdout.trim(), "hello");
    says(&place.tool("plan", &[]).expect(3), &["plan::foreign_object"]);
    says(&place.tool("plan", &["--destroy"]).expect(3), &["plan::foreign_object"]);
    says(&place.tool("forget", &["--auto-approve"]).expect(0), &["Nothing is left to hand over."]);
    assert!(place.kubectl(&["get", "configmap", "handed-journal"]).code == 1);
}

/// Nobody is asked for the loss of data that a plan says it keeps.
#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn volumes_that_somebody_ties_to_the_stateful_set_stop_a_destroy() {
    let place = Place::new("tied", "[cluster]\nmembers = 1\n");
    place.tool("apply", &["--auto-approve"]).expect(0);
    let retain = |how: &str| {
        let patch = json!({ "spec": { "persistentVolumeClaimRetentionPolicy": { "whenDeleted": how } } });
        let patch = ["patch", "statefulset", "tied", "--type=merge", "-p", &patch.to_string()];
        place.kubectl(&patch).expect(0);
    };
    let owners = || place.get("pvc", "data-tied-0")["metadata"]["ownerReferences"].clone();
    retain("Delete");
    wait_until("the claim belongs to the StatefulSet", 60, || owners().is_array());
    let refused = place.tool("destroy", &["--auto-approve"]).expect(3);
    says(
        &refused,
        &[
            "plan::claims_not_kept",
            "takes its claims along when it goes",
            "PersistentVolumeClaim/data-tied-0 belongs to StatefulSet/tied",
        ],
    );
    assert_eq!(place.get("statefulset", "tied")["metadata"]["deletionTimestamp"], Value::Null);
    retain("Retain");
    wait_until("the claim belongs to nothing", 60, || owners().is_null());
    place.tool("destroy", &["--auto-approve"]).expect(0);
    assert_eq!(place.get("pvc", "data-tied-0")["status"]["phase"], "Bound");
    // What is gone went because of it, and is no drift.
    says(&place.tool("plan", &["--drift"]).expect(0), &["destroyed ", "No drift: the stack was destroyed."]);
}
