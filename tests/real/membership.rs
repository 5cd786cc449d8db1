//! Ring 3: a running cluster grows, shrinks, restarts and loses volumes while
//! clients write and read. Nothing that was acknowledged is lost, nothing old
//! is read, and no pod is touched that did not have to be.
//!
//! Seconds, gaps and ambiguous writes are printed and not asserted: they are
//! the machine's.

use std::fs;

use serde_json::Value;

use crate::{
    changing::{founded, members, names, only_these_changed},
    kubernetes::{Place, may_break, says, wait_until},
    load::Load,
};

/// Scales by editing the file; members that stay are not touched.
#[track_caller]
fn scales(place: &Place, load: &Load, from: usize, to: usize, rest: &str, flags: &[&str]) {
    place.write(&format!("{}{rest}", members(to)));
    let before = place.pods();
    load.during(&format!("members {from} -> {to}"), || place.apply(flags));
    place.is_settled(to);
    only_these_changed(&before, &place.pods(), &[]);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn one_to_five_and_back_and_up_and_down_again() {
    let place = founded("scale", 1);
    let load = Load::start(&place);
    scales(&place, &load, 1, 3, "", &[]);
    scales(&place, &load, 3, 5, "", &[]);

    let snapshots = place.file.with_file_name("snapshots");
    fs::create_dir(&snapshots).expect("a writable folder");
    let to = snapshots.to_string_lossy().into_owned();
    scales(&place, &load, 5, 3, "", &["--snapshot-dir", &to]);
    let saved = fs::read_dir(&snapshots).expect("a folder").flatten();
    let sizes: Vec<u64> = saved.filter_map(|file| Some(file.metadata().ok()?.len())).collect();
    assert!(sizes.iter().any(|size| *size > 10_000), "no snapshot was saved: {sizes:?}");

    claims_that_were_left_need_a_permission(&place, &load);
    scales(&place, &load, 5, 3, "", &[]);
    scales(&place, &load, 3, 1, "", &[]);
    load.finish("1 -> 3 -> 5 -> 3 -> 5 -> 3 -> 1");
}

/// Claims of members that went hold their data; a joining one must not start
/// on it.
fn claims_that_were_left_need_a_permission(place: &Place, load: &Load) {
    let left = ["data-scale-3", "data-scale-4"];
    let uids = || left.map(|claim| place.uid("pvc", claim));
    let before = uids();
    assert!(before.iter().all(|uid| !uid.is_empty()), "a claim went with its member: {before:?}");
    place.write(&members(5));
    for command in ["plan", "apply"] {
        let extra: &[&str] = if command == "apply" { &["--auto-approve"] } else { &[] };
        let refused = place.tool(command, extra).expect(3);
        says(&refused, &["--allow-data-loss", left[0], left[1]]);
        assert_eq!(uids(), before, "`{command}` deleted a claim without permission");
    }
    scales(place, load, 3, 5, "", &["--allow-data-loss", &left.join(",")]);
    for (old, new) in before.iter().zip(uids()) {
        assert!(!new.is_empty() && *old != new, "a member joined on an old volume");
    }
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn claims_go_with_their_members_when_the_file_and_the_command_say_so() {
    let place = founded("delete", 3);
    let load = Load::start(&place);
    let delete = "[storage]\non_scale_down = \"delete\"\n";
    place.write(&format!("{}{delete}", members(1)));
    says(&place.tool("plan", &[]).expect(3), &["--allow-data-loss", "data-delete-1", "data-delete-2"]);
    scales(&place, &load, 3, 1, delete, &["--allow-data-loss", "all"]);
    wait_until("the claims are gone", 30, || {
        ["data-delete-1", "data-delete-2"].iter().all(|claim| place.uid("pvc", claim).is_empty())
    });
    assert!(!place.uid("pvc", "data-delete-0").is_empty(), "the last member's claim was deleted");
    scales(&place, &load, 1, 3, delete, &[]);
    load.finish("claims that go with their members");
}

/// When each pod was made, in the order in which they were.
fn made(place: &Place) -> Vec<String> {
    let sorted = "--sort-by=.metadata.creationTimestamp";
    let list = place.kubectl(&["get", "pods", sorted, "-o", "json"]).expect(0).json();
    let name = |pod: &Value| pod["metadata"]["name"].as_str().map(str::to_owned);
    list["items"].as_array().into_iter().flatten().filter_map(name).collect()
}

/// Every pod is made anew once, the leader's last.
#[track_caller]
fn restarts(place: &Place, load: &Load, what: &str, flags: &[&str]) {
    let (before, leader) = (place.pods(), place.leader());
    load.during(what, || place.apply(flags));
    place.is_settled(before.len());
    let after = place.pods();
    assert_eq!(names(&before), names(&after));
    only_these_changed(&before, &after, &names(&before));
    assert!(after.iter().all(|pod| pod.2 == 0), "a process died: {after:?}");
    assert_eq!(made(place).last(), Some(&leader), "the leader was not the last");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_restart_a_quota_and_an_annotation_reach_every_pod_one_by_one() {
    let place = founded("restart", 3);
    let load = Load::start(&place);
    restarts(&place, &load, "rolling restart", &["--restart"]);
    place.write(&format!("{}[etcd]\nquota = \"2Gi\"\n", members(3)));
    restarts(&place, &load, "another quota", &[]);
    let pod = place.get("pod", "restart-0");
    assert!(pod.to_string().contains("--quota-backend-bytes=2147483648"), "{pod:#}");
    place.write(&format!("{}[etcd]\nquota = \"2Gi\"\n[pod.annotations]\nteam = \"db\"\n", members(3)));
    restarts(&place, &load, "an annotation", &[]);
    assert_eq!(place.get("pod", "restart-2")["metadata"]["annotations"]["team"], "db");
    load.finish("three restarts of three members");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn one_and_two_members_restart_only_when_downtime_is_allowed() {
    let place = founded("downtime", 1);
    let load = Load::start(&place);
    for count in [1, 2] {
        if count == 2 {
            scales(&place, &load, 1, 2, "", &[]);
        }
        let before = place.pods();
        for command in ["plan", "apply"] {
            let approve: &[&str] = if command == "apply" { &["--auto-approve"] } else { &[] };
            let refused = place.tool(command, &[&["--restart"], approve].concat()).expect(3);
            says(&refused, &["--allow-downtime"]);
        }
        assert_eq!(place.pods(), before, "a refused restart touched the pods");
        let what = format!("restart of {count}, downtime allowed");
        load.during(&what, || place.apply(&["--restart", "--allow-downtime"]));
        place.is_settled(count);
        only_these_changed(&before, &place.pods(), &names(&before));
    }
    load.finish("restarts with downtime");
}

/// Replaces a member; only its pod, its claim and its id are new.
#[track_caller]
fn replaces(place: &Place, load: &Load, what: &str, member: &str) {
    let id = |status: &Value| {
        let mut members = status["members"].as_array().into_iter().flatten();
        members.find(|one| one["name"] == member).map(|one| one["id"].clone())
    };
    let claim = place.claim(member);
    let (before, old_id, old_claim) = (place.pods(), id(&place.status()), place.uid("pvc", &claim));
    place.tool("plan", &["--replace", member]).expect(3);
    load.during(what, || place.apply(&["--replace", member, "--allow-data-loss", &claim]));
    place.is_settled(before.len());
    only_these_changed(&before, &place.pods(), &[member]);
    assert_ne!(id(&place.status()), old_id, "it has its old id");
    assert_ne!(place.uid("pvc", &claim), old_claim, "it has its old volume");
}

/// A member without its data stays out, and the plan says what helps.
#[track_caller]
fn loses_its_volume(place: &Place, member: &str) {
    place.wipe(member);
    place.proposes_to_replace(member);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_follower_and_a_leader_that_lost_their_volumes_are_replaced() {
    if !may_break("a wiped volume") {
        return;
    }
    let place = founded("replace", 3);
    let load = Load::start(&place);
    let follower = place.follower();
    load.during("a follower loses its volume", || loses_its_volume(&place, &follower));
    replaces(&place, &load, "replace the wiped follower", &follower);
    let leader = place.leader();
    load.during("the leader loses its volume", || loses_its_volume(&place, &leader));
    replaces(&place, &load, "replace the wiped leader", &leader);
    load.finish("two wiped volumes");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_healthy_leader_is_replaced_and_hands_leadership_over_before() {
    let place = founded("move", 3);
    let load = Load::start(&place);
    let leader = place.leader();
    replaces(&place, &load, "replace the healthy leader", &leader);
    load.finish("a leader that moves");
}
