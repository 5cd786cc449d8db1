//! Somebody else's hand in the stack: the bootstrap list edited, the
//! StatefulSet scaled, a member added. The plan names it and what to do, and
//! that is enough.

use super::amid::{advised, names_one_of};
use crate::{
    changing::{founded, only_these_changed},
    kubernetes::{Ended, Place, says, wait_until},
    load::Load,
};

/// Plans, and applies with the flag that the plan advises, if it does.
#[track_caller]
fn follows_the_advice(place: &Place, flag: &str, causes: &[&str]) -> Ended {
    let plan = place.tool("plan", &[]);
    assert!([0, 3].contains(&plan.code), "{plan:?}");
    names_one_of(&plan, causes);
    match advised(&plan, flag) {
        Some(value) => place.apply(&[flag, &value]),
        None => place.apply(&[]),
    }
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn the_bootstrap_list_is_edited() {
    let place = founded("edited", 3);
    let load = Load::start(&place);
    let (sealed, before) = (place.bootstrap(), place.pods());
    let all: Vec<String> = (0..3)
        .map(|i| format!("edited-{i}=https://edited-{i}.edited-peer.{}.svc:2380", place.namespace))
        .collect();
    for list in [all.join(","), "nonsense".to_owned()] {
        let edit = |text: &str| {
            let patch = serde_json::json!({ "data": { "initial-cluster": text } }).to_string();
            place.kubectl(&["patch", "configmap", "edited-bootstrap", "-p", &patch]).expect(0);
        };
        edit(&list);
        let plan = place.tool("plan", &[]);
        says(&plan, &["edited-bootstrap"]);
        if plan.code == 3 && advised(&plan, "--take").is_none() {
            edit(&sealed);
        }
        follows_the_advice(&place, "--take", &["edited-bootstrap", "No changes"]);
        assert_eq!(place.bootstrap(), sealed);
        place.is_settled(3);
    }
    only_these_changed(&before, &place.pods(), &[]);
    load.finish("an edited bootstrap list");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn the_stateful_set_is_scaled() {
    let place = founded("scaled", 3);
    let load = Load::start(&place);
    for replicas in [1, 0, 5, 2] {
        let to = format!("--replicas={replicas}");
        place.kubectl(&["scale", "statefulset", "scaled", &to]).expect(0);
        wait_until("the pods follow", 90, || place.pods().len() == replicas);
        let what = format!("3 members, and somebody scaled to {replicas}");
        load.during(&what, || follows_the_advice(&place, "--take", &["replicas"]));
        place.is_settled(3);
    }
    load.finish("a StatefulSet that was scaled by hand");
}

/// Adds a member by hand, as soon as etcd calls itself healthy.
fn add(place: &Place, url: &str, kind: &[&str]) {
    let url = format!("--peer-urls={url}");
    wait_until("etcd takes the member", 30, || {
        place.etcdctl(&[&["member", "add", "stranger", &url], kind].concat()).code == 0
    });
}

const STRANGER: &str = "https://stranger.invalid:2380";

/// A member that is not the stack's is named and can be removed.
fn a_stranger_is_removed(place: &Place, load: &Load, count: usize, kind: &[&str]) {
    add(place, STRANGER, kind);
    for command in ["plan", "apply"] {
        let approve: &[&str] = if command == "apply" { &["--auto-approve"] } else { &[] };
        says(&place.tool(command, approve).expect(3), &[STRANGER, "--remove"]);
    }
    let what = format!("{count} members, and somebody added one more {}", kind.concat());
    load.during(&what, || follows_the_advice(place, "--remove", &[STRANGER]));
    place.is_settled(count);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_member_is_added_to_three() {
    let place = founded("added", 3);
    let (load, before) = (Load::start(&place), place.pods());
    a_stranger_is_removed(&place, &load, 3, &["--learner"]);
    a_stranger_is_removed(&place, &load, 3, &[]);
    only_these_changed(&before, &place.pods(), &[]);
    load.finish("members that were added by hand");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_learner_is_added_to_one() {
    let place = founded("single", 1);
    let load = Load::start(&place);
    a_stranger_is_removed(&place, &load, 1, &["--learner"]);
    load.finish("a learner that was added by hand");
}

/// The one member waits for the other for ever: only a start helps.
#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_voter_at_the_address_of_the_next_pod_is_added_to_one() {
    let place = founded("frozen", 1);
    let load = Load::start(&place);
    let url = format!("https://frozen-1.frozen-peer.{}.svc:2380", place.namespace);
    add(&place, &url, &[]);
    let what = "1 member, and somebody added a voter that never started";
    load.during(what, || follows_the_advice(&place, "--replace", &["frozen-1", &url]));
    place.is_settled(1);
    load.finish("a voter that was added by hand");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_voter_at_an_address_of_nobody_is_added_to_one() {
    let place = founded("stuck", 1);
    place.etcdctl(&["put", "key", "kept"]).expect(0);
    add(&place, STRANGER, &[]);
    let before = place.pods();
    for command in ["plan", "apply"] {
        let approve: &[&str] = if command == "apply" { &["--auto-approve"] } else { &[] };
        let refused = place.tool(command, approve).expect(3);
        says(&refused, &[STRANGER, "quorum"]);
    }
    assert_eq!(place.pods(), before);
    let kept = place.etcdctl(&["get", "key", "--consistency=s", "--print-value-only"]).expect(0);
    assert_eq!(kept.stdout.trim(), "kept");
}
