//! Policies over plans, run by an engine that reads Rego: the two that come with
//! the tool, and one that was written for Terraform.

use etcdctl_stack::plan::Plan;
use regorus::{Engine, Value as Rego};
use serde_json::{Value, json};

use crate::{plans::ABOUT, worlds};

const DELETIONS: &str = include_str!("../../policies/deletions.rego");
const MEMBERS: &str = include_str!("../../policies/members.rego");

/// What a policy says against a plan; an error where it does not run.
fn denied(policy: &str, plan: &Value) -> Result<Vec<String>, String> {
    let mut engine = Engine::new();
    engine.add_policy("policy.rego".to_owned(), policy.to_owned()).expect("Rego");
    engine.set_input(Rego::from_json_str(&plan.to_string()).expect("JSON"));
    let messages = engine.eval_rule("data.main.deny".to_owned()).map_err(|error| error.to_string())?;
    Ok(serde_json::from_str(&messages.to_json_str().expect("JSON")).expect("a list"))
}

fn verdict(policy: &str, plan: &Plan) -> Result<Vec<String>, String> {
    denied(policy, &crate::json(plan, ABOUT))
}

/// A first apply of an image from somewhere else.
fn elsewhere() -> Plan {
    let mut plan = worlds::create();
    for change in &mut plan.changes {
        if let Some(image) = change.after.pointer_mut("/spec/template/spec/containers/0/image") {
            *image = json!("docker.io/somebody/etcd:v3.6.16");
        }
    }
    plan
}

/// An object that the stack file does not name any more.
fn pruned() -> Plan {
    let mut plan = worlds::grow();
    plan.changes[0].verb = etcdctl_stack::plan::Verb::Delete;
    plan
}

fn worlds() -> Vec<(&'static str, Plan)> {
    vec![
        ("unchanged", worlds::unchanged()),
        ("create", worlds::create()),
        ("grow", worlds::grow()),
        ("restart", worlds::restart()),
        ("shrink", worlds::shrink()),
        ("larger", worlds::larger()),
        ("replace", worlds::replace()),
        ("pruned", pruned()),
        ("elsewhere", elsewhere()),
    ]
}

/// Every world that a policy denies, with what it says.
fn all(policy: &str) -> Result<Vec<(&'static str, Vec<String>)>, String> {
    let verdicts = worlds().into_iter().map(|(name, plan)| Ok((name, verdict(policy, &plan)?)));
    let denies = |(_, messages): &(&str, Vec<String>)| !messages.is_empty();
    verdicts.filter(|one| one.as_ref().map_or(true, denies)).collect()
}

fn says(name: &'static str, messages: &[&str]) -> (&'static str, Vec<String>) {
    (name, messages.iter().map(|message| (*message).to_owned()).collect())
}

#[test]
fn what_goes_for_good_is_denied_and_nothing_else() {
    let expected = [
        says(
            "shrink",
            &[
                "PersistentVolumeClaim/etcd-orders/data-orders-3 is deleted",
                "PersistentVolumeClaim/etcd-orders/data-orders-4 is deleted",
                "the data of claim data-orders-3 is deleted",
                "the data of claim data-orders-4 is deleted",
            ],
        ),
        says("larger", &["StatefulSet/etcd-orders/orders is made anew"]),
        says(
            "replace",
            &[
                "PersistentVolumeClaim/etcd-orders/data-orders-1 is made anew",
                "the data of claim data-orders-1 is deleted",
            ],
        ),
        says("pruned", &["StatefulSet/etcd-orders/orders is deleted"]),
    ];
    assert_eq!(all(DELETIONS), Ok(expected.to_vec()));
}

#[test]
fn a_cluster_that_could_lose_no_member_is_denied_and_so_is_an_image_from_elsewhere() {
    let again = "add orders-1 as a learner and let it, and only it, join";
    let seal = "seal: from here on no member starts without its data";
    let expected = [
        says(
            "replace",
            &[
                "after step s2 no member may fail: remove orders-1: another takes its place",
                "after step s3 no member may fail: delete PersistentVolumeClaim/etcd-orders/data-orders-1 and the pod of orders-1, wait until both are made anew",
                &format!("after step s4 no member may fail: {again}"),
                &format!("after step s5 no member may fail: {seal}"),
            ],
        ),
        says("elsewhere", &["StatefulSet/etcd-orders/orders would run docker.io/somebody/etcd:v3.6.16"]),
    ];
    assert_eq!(all(MEMBERS), Ok(expected.to_vec()));
}

/// A policy without one of its rules, each in turn.
fn without_a_rule(policy: &str) -> Vec<String> {
    let rules: Vec<&str> = policy.split("\n\n").collect();
    let is_rule = |index: &usize| rules[*index].contains("deny contains") || rules[*index].contains(") if {");
    let without = |left_out: usize| {
        let kept = rules.iter().enumerate().filter(|(index, _)| *index != left_out);
        kept.map(|(_, rule)| *rule).collect::<Vec<_>>().join("\n\n")
    };
    (0..rules.len()).filter(is_rule).map(without).collect()
}

#[test]
fn no_rule_can_be_taken_out_unnoticed() {
    let mut rules = 0;
    for policy in [DELETIONS, MEMBERS] {
        for less in without_a_rule(policy) {
            rules += 1;
            // One that another rule needs does not run without it.
            assert!(all(policy).is_ok() && all(&less) != all(policy), "{less}");
        }
    }
    assert_eq!(rules, 7);
}

/// Written for Terraform, in the way of its users.
const FOR_TERRAFORM: &str = r#"
package main

import rego.v1

import input as tfplan

managed := [resource | some resource in tfplan.resource_changes; resource.mode == "managed"]

deny contains msg if {
	some resource in managed
	"delete" in resource.change.actions
	msg := sprintf("%s %s must not be deleted", [resource.type, resource.name])
}

deny contains "too many changes" if {
	count([resource | some resource in managed; resource.change.actions[0] != "no-op"]) > 20
}
"#;

#[test]
fn a_policy_that_was_written_for_terraform_holds_here_unchanged() {
    let resource = |name: &str, actions: Value| json!({ "address": name, "mode": "managed", "type": "aws_instance", "name": name, "change": { "actions": actions } });
    let of_terraform = json!({ "format_version": "1.2", "resource_changes": [
        resource("kept", json!(["no-op"])),
        resource("gone", json!(["delete"])),
        resource("anew", json!(["delete", "create"])),
    ] });
    let denied = denied(FOR_TERRAFORM, &of_terraform).expect("it runs");
    assert_eq!(denied, ["aws_instance anew must not be deleted", "aws_instance gone must not be deleted"]);
    let verdict = |plan: &Plan| verdict(FOR_TERRAFORM, plan).expect("it runs");
    let shrink = [
        "PersistentVolumeClaim data-orders-3 must not be deleted",
        "PersistentVolumeClaim data-orders-4 must not be deleted",
    ];
    assert_eq!(verdict(&worlds::shrink()), shrink);
    assert_eq!(verdict(&worlds::grow()), [""; 0]);
}
