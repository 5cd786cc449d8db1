//! A plan is approved, and then the world changes: what matters stops the
//! apply with both sides shown, what does not is carried out.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use etcdctl_stack::{
    observed::Lookup,
    saved::{Content, Made, Saved},
};
use serde_json::{Value, json};

use crate::{
    admission::{here, rules, writing},
    changing::{founded, members},
    kubernetes::{Ended, Place, run, says, wait_until},
};

/// A change of labels, which restarts nobody.
fn labelled(team: &str) -> String {
    format!("labels = {{ team = \"{team}\" }}\n{}", members(1))
}

impl Place {
    /// Edits the file and saves the plan: where, and its digest.
    #[track_caller]
    fn approved(&self, team: &str) -> (String, String) {
        self.write(&labelled(team));
        let path = self.file.with_file_name("plan.json").to_string_lossy().into_owned();
        let plan = self.tool("plan", &["--out", &path, "--json"]).expect(0).json();
        (path, plan["digest"].as_str().expect("a digest").to_owned())
    }

    /// Applies a saved plan.
    fn carries_out(&self, plan: &str) -> Ended {
        self.carries_out_with(plan, &[])
    }

    fn carries_out_with(&self, plan: &str, flags: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_etcdctl-stack"));
        command.args(["apply", plan, "--lock-timeout", "60s"]).args(flags).stdin(Stdio::null());
        run(command
            .current_dir(self.file.with_file_name(""))
            .env_remove("CI")
            .env("NO_COLOR", "1")
            .env("XDG_STATE_HOME", self.file.with_file_name("")))
    }

    fn team(&self) -> Value {
        self.get("service", &self.name)["metadata"]["labels"]["team"].clone()
    }

    /// Neither the plan nor the digest holds any more; nothing was changed.
    #[track_caller]
    fn is_refused(&self, (plan, digest): &(String, String), beside: &[&str], part: &str) {
        let before = self.team();
        let refused = self.carries_out(plan).expect(4);
        says(&refused, beside);
        says(&refused, &["by now, and", "was approved", "approve it anew; nothing was changed"]);
        let expected = self.tool("apply", &["--expect", digest]).expect(4);
        says(&expected, &[&format!("differs: {part}")]);
        assert_eq!(self.team(), before, "nothing was changed");
    }
}

/// A saved plan with one thing in it changed, as whole as it was.
fn edited(path: &str, change: impl FnOnce(&mut Saved, &mut Made)) {
    let mut saved = Saved::read(&fs::read_to_string(path).expect("saved")).expect("whole");
    let mut made = saved.made().expect("a plan").clone();
    change(&mut saved, &mut made);
    saved.content = Content::Plan(Box::new(made));
    fs::write(path, saved.text()).expect("a writable folder");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn what_was_approved_is_what_happens_or_nothing_does_and_both_are_shown() {
    let place = founded("approved", 1);
    let service = ["service", "approved"];

    // Nothing changes; a tool that only words things otherwise; a context of
    // another name.
    let (plan, _) = place.approved("a");
    says(&place.carries_out(&plan).expect(0), &["Applied"]);
    assert_eq!(place.team(), "a");
    let (plan, _) = place.approved("b");
    edited(&plan, |saved, made| {
        saved.tool_version = "0.0.1".into();
        made.plan.target.context = "as-they-call-it".into();
        made.plan.warnings.push("worded otherwise".into());
    });
    place.carries_out(&plan).expect(0);
    assert_eq!(place.team(), "b");

    // Another cluster.
    let (plan, _) = place.approved("c");
    edited(&plan, |_, made| made.plan.target.cluster_uid = Lookup::Found("another".into()));
    says(&place.carries_out(&plan).expect(4), &["the plan was made for another cluster: another"]);
    assert_eq!(place.team(), "b");

    // A field of others.
    let approved = place.approved("c");
    place.kubectl(&["annotate", service[0], service[1], "example.test/note=theirs"]).expect(0);
    let card =
        ["metadata.annotations.example.test/note approved not there", "\"theirs\", set by kubectl-annotate"];
    place.is_refused(&approved, &card, "the objects; fields that others set");
    place.kubectl(&["annotate", service[0], service[1], "example.test/note-"]).expect(0);

    // Scaled by hand.
    let approved = place.approved("c");
    place.kubectl(&["scale", "statefulset/approved", "--replicas=2"]).expect(0);
    place.is_refused(&approved, &["spec.replicas"], "the objects");
    place.kubectl(&["scale", "statefulset/approved", "--replicas=1"]).expect(0);
    wait_until("its pod is gone", 60, || place.pods().len() == 1);

    // A member of others.
    let approved = place.approved("c");
    let list = place.etcdctl(&[
        "member",
        "add",
        "theirs",
        "--learner",
        "--peer-urls=https://10.255.0.9:2380",
        "-w",
        "json",
    ]);
    let id = list.expect(0).json()["member"]["ID"].as_u64().expect("an id");
    place.is_refused(
        &approved,
        &["member at https://10.255.0.9:2380 approved not a member now not started, learner"],
        "the members of etcd",
    );
    place.etcdctl(&["member", "remove", &format!("{id:x}")]).expect(0);

    // An object that is made anew as it was.
    let approved = place.approved("c");
    let mut budget = place.get("pdb", "approved");
    place.kubectl(&["delete", "pdb", "approved"]).expect(0);
    budget["metadata"] = json!({ "name": "approved", "labels": budget["metadata"]["labels"], "annotations": budget["metadata"]["annotations"] });
    budget.as_object_mut().expect("an object").remove("status");
    let file = place.file.with_file_name("budget.json");
    fs::write(&file, budget.to_string()).expect("a writable folder");
    place
        .kubectl(&["apply", "--server-side", "--field-manager=etcdctl-stack", "-f", &file.to_string_lossy()])
        .expect(0);
    place.is_refused(&approved, &["PodDisruptionBudget/", ", made anew approved uid"], "the objects");

    // The stack file is edited: the plan holds what it was made of.
    place.tool("apply", &["--auto-approve"]).expect(0);
    let approved = place.approved("d");
    place.write(&labelled("e"));
    let expected = place.tool("apply", &["--expect", &approved.1]).expect(4);
    says(&expected, &["differs: the stack file; the objects"]);
    says(
        &place.carries_out(&approved.0).expect(0),
        &["was edited since; what the plan was made of is applied"],
    );
    assert_eq!(place.team(), "d");

    // A claim that somebody deletes.
    let approved = place.approved("f");
    place.kubectl(&["delete", "pvc", "data-approved-0", "--wait=false"]).expect(0);
    let beside = ["claim data-approved-0 approved uid", ", being deleted"];
    place.is_refused(&approved, &beside, "the objects");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_saved_plan_is_for_one_use() {
    let place = founded("once", 1);
    let path = place.file.with_file_name("restart.json").to_string_lossy().into_owned();
    let plan =
        place.tool("plan", &["--restart", "--out", &path, "--json", "--allow-downtime"]).expect(0).json();
    let before = place.pods();
    let apply = || place.carries_out_with(&path, &["--allow-downtime"]);
    apply().expect(0);
    let after = place.pods();
    assert_ne!(after, before);
    says(&apply().expect(4), &["carried this plan out at", "a saved plan is for one use"]);
    let digest = plan["digest"].as_str().expect("a digest");
    let again = place.tool("apply", &["--restart", "--allow-downtime", "--expect", digest]).expect(4);
    says(&again, &["differs: what is asked for besides the stack file"]);
    assert_eq!(place.pods(), after, "nobody restarted twice");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_policy_that_changes_objects_since_the_approval_stops_it() {
    let place = founded("policy", 1);
    let approved = place.approved("a");
    let writes = "Object{metadata: Object.metadata{labels: {\"injected\": \"by-policy\"}}}";
    let policy = writing(&place, &here(&place), &rules("", "services"), writes);
    let digest = || place.tool("plan", &["--json"]).json()["digest"].clone();
    wait_until("the policy is asked", 60, || digest() != approved.1.as_str());
    let beside = "metadata.labels.injected approved no change now + \"by-policy\"";
    place.is_refused(&approved, &[beside], "the objects");
    drop(policy);
    wait_until("the policy is gone", 60, || digest() == approved.1.as_str());
    place.carries_out(&approved.0).expect(0);
    // Where nothing is left to do, what was shown is no matter.
    place.kubectl(&["annotate", "service", "policy", "later=1"]).expect(0);
    says(&place.carries_out(&approved.0).expect(0), &["No changes"]);
}

/// What was asked for is meant of the members that were there: the one that
/// has joined since is not replaced again.
#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_saved_plan_goes_on_after_it_broke_off_and_replaces_nobody_twice() {
    let place = founded("goeson", 3);
    let path = place.file.with_file_name("replace.json").to_string_lossy().into_owned();
    let asked = ["--replace", "goeson-1", "--out", &path, "--allow-data-loss", "data-goeson-1"];
    place.tool("plan", &asked).expect(0);
    let id = |member: &str| {
        let status = place.tool("status", &["--json"]).json();
        let mut members = status["members"].as_array().into_iter().flatten();
        members.find(|one| one["name"] == member).map(|one| one["id"].clone())
    };
    let old = id("goeson-1");
    let flags = ["--allow-data-loss", "data-goeson-1"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_etcdctl-stack"));
    command
        .args(["apply", &path])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.env("XDG_STATE_HOME", place.file.with_file_name(""));
    let mut child = command.spawn().expect("the tool starts");
    let mut progress = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let added = |line: String| line.contains('\u{2713}') && line.contains("add goeson-1 as a learner");
    assert!(progress.any(added), "it ended before");
    child.kill().expect("our own child");
    child.wait().expect("it ended");
    // It joins by itself; nobody promotes it.
    wait_until("the new member is listed", 180, || {
        let now = id("goeson-1");
        now.as_ref().is_some_and(|now| !now.is_null()) && now != old
    });
    let new = id("goeson-1");
    // What others set since was not shown.
    let annotation = |text: &str| {
        place.kubectl(&["annotate", "service", "goeson", "--field-manager=painter", text]).expect(0);
    };
    annotation("since=1");
    let words = ["began without this: Service/goeson metadata.annotations.since, set by painter"];
    says(&place.carries_out_with(&path, &flags).expect(4), &words);
    annotation("since-");
    place.carries_out_with(&path, &flags).expect(0);
    assert_eq!(id("goeson-1"), new, "replaced once");
    place.is_settled(3);
}
