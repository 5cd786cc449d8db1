//! A pod template that somebody edited, and that is put back: only members that
//! had taken the edit up restart for it.

use serde_json::json;

use crate::{
    changing::{founded, members},
    interrupted::{When, apply_killed},
    kubernetes::{Ended, Place, says, wait_until},
};

const ETCD: &str = "spec.template.spec.containers[name=\"etcd\"]";

/// Somebody changes a field of the stack, and adds a variable and an
/// annotation. Returns the flags that take all of it back.
fn edits(place: &Place) -> Vec<String> {
    let etcd = json!({
        "name": "etcd",
        "resources": { "requests": { "cpu": "120m" } },
        "env": [{ "name": "GODEBUG", "value": "madvdontneed=1" }],
    });
    let template =
        json!({ "metadata": { "annotations": { "note": "x" } }, "spec": { "containers": [etcd] } });
    let patch = json!({ "spec": { "template": template } }).to_string();
    let edit = ["patch", "statefulset", &place.name, "--field-manager=kubectl-edit", "-p", &patch];
    place.kubectl(&edit).expect(0);
    let fields = [
        format!("{ETCD}.resources.requests.cpu"),
        format!("{ETCD}.env[name=\"GODEBUG\"]"),
        "spec.template.metadata.annotations.note".to_owned(),
    ];
    let take =
        |field: String| ["--take".to_owned(), format!("StatefulSet/{}:{field}@kubectl-edit", place.name)];
    fields.into_iter().flat_map(take).collect()
}

/// Takes an edit back; returns the plan.
#[track_caller]
fn takes_back(place: &Place, flags: &[String]) -> Ended {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let plan = place.tool("plan", &flags).expect(0);
    place.apply(&flags);
    place.is_settled(3);
    plan
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn an_edit_that_is_taken_back_restarts_only_members_that_had_taken_it_up() {
    let place = founded("back", 3);
    let before = place.pods();
    let flags = edits(&place);
    says(&takes_back(&place, &flags), &["120m", "No restart. No data is deleted."]);
    assert_eq!(place.pods(), before, "a pod restarted for nothing");

    let flags = edits(&place);
    place.kubectl(&["delete", "pod", "back-1"]).expect(0);
    place.kubectl(&["wait", "pod/back-1", "--for=condition=Ready", "--timeout=120s"]).expect(0);
    let edited = place.pods();
    says(&takes_back(&place, &flags), &["RESTART of 1 member", "restart back-1"]);
    let after = place.pods();
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]), "a pod restarted for nothing");
    assert_ne!(after[1], edited[1], "back-1 runs with what was taken back");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_file_that_is_reverted_amid_a_roll_restarts_only_members_that_had_taken_it_up() {
    let place = founded("reverted", 3);
    let before = place.pods();
    place.write(&format!("{}[pod]\ntermination_grace = \"45s\"\n", members(3)));
    assert!(apply_killed(&place, When::AfterSteps(2), &[]), "the run was over before it was killed");
    place.write(&members(3));
    wait_until("three pods are Ready", 120, || (0..3).all(|ordinal| place.is_ready(&place.member(ordinal))));
    let (stay, go): (Vec<_>, Vec<_>) = place.pods().into_iter().partition(|pod| before.contains(pod));
    assert!(!stay.is_empty() && !go.is_empty(), "{stay:?} {go:?}");

    let plan = place.tool("plan", &[]).expect(0).stdout;
    let restarts = |pod: &(String, String, i64)| plan.contains(&format!("> restart {}", pod.0));
    assert!(go.iter().all(restarts) && !stay.iter().any(restarts), "{stay:?} {go:?} {plan}");
    place.apply(&[]);
    place.is_settled(3);
    let after = place.pods();
    assert!(stay.iter().all(|pod| after.contains(pod)), "a pod restarted for nothing: {stay:?} {after:?}");
    assert!(!go.iter().any(|pod| after.contains(pod)), "a pod stayed as it was: {go:?} {after:?}");
}
