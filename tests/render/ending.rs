//! The plan of a stack that is destroyed or handed over, and how its run ends.

use etcdctl_stack::{
    object::{Kind, ObjectKey},
    observed::journal::Ending,
    plan::{Cost, Plan, Verb},
    render,
    report::{Outcome, Report},
};
use serde_json::{Value, json};

use crate::{
    WIDE,
    plans::{NOTHING, VIEW},
    worlds,
};

fn ends(end: Ending, verb: Verb) -> Plan {
    let mut plan = worlds::unchanged();
    let key = ObjectKey::new(Kind::StatefulSet, "etcd-orders", "orders");
    let mut change = worlds::create().changes[0].clone();
    (change.key, change.verb, change.after) = (key, verb, Value::Null);
    let mut step = worlds::create().steps[0].clone();
    (step.title, step.actions, step.costs) = ("delete it".into(), Vec::new(), Vec::new());
    if end == Ending::Destroy {
        step.costs = vec![
            Cost::DataLoss { claim: "data-orders-0".into() },
            Cost::Deletion { object: "Secret/orders-peer-ca".parse().expect("an object") },
        ];
        plan.voters.after = 0;
    }
    plan.intended.end = Some(end);
    plan.unchanged = Vec::new();
    Plan { changes: vec![change], steps: vec![step], ..plan }
}

fn shown(plan: &Plan) -> String {
    render::plan(plan, VIEW, WIDE)
}

#[test]
fn what_goes_is_shown_with_what_it_needs_and_the_command_that_does_it() {
    let text = shown(&ends(Ending::Destroy, Verb::Delete));
    for line in [
        "namespace etcd-orders  ·  destroy  ·  plan 7f3a-91c2",
        "  - StatefulSet/etcd-orders/orders                   deleted",
        "  - PersistentVolumeClaim/etcd-orders/data-orders-0  DATA DELETED",
        "Plan: 0 to create, 0 to change, 2 to delete, 1 step, voters 3 -> 0",
        "Nobody is served any more. Deletes the data of 1 member.",
        "Needs: --allow-data-loss data-orders-0",
        "Needs: --allow-delete Secret/orders-peer-ca",
        "Destroy it:  etcdctl-stack destroy orders.toml --allow-data-loss data-orders-0 --allow-delete \
         Secret/orders-peer-ca --expect 7f3a-91c2",
    ] {
        assert!(text.contains(line), "`{line}` is not in:\n{text}");
    }
}

#[test]
fn what_is_handed_over_is_no_change() {
    let text = shown(&ends(Ending::Forget, Verb::Release));
    for line in [
        "·  forget  ·",
        "  ~ StatefulSet/etcd-orders/orders  handed over",
        "Plan: 0 to create, 0 to change, 0 to delete, 1 to hand over, 1 step, voters 3 -> 3",
        "Nothing changes for who uses it. No data is deleted.",
        "Hand it over:  etcdctl-stack forget orders.toml --expect 7f3a-91c2",
    ] {
        assert!(text.contains(line), "`{line}` is not in:\n{text}");
    }
}

#[test]
fn nothing_is_left_in_words_of_its_own() {
    for (end, words) in
        [(Ending::Destroy, "Nothing is left to destroy."), (Ending::Forget, "Nothing is left to hand over.")]
    {
        let plan = Plan { changes: Vec::new(), steps: Vec::new(), ..ends(end, Verb::Delete) };
        assert!(shown(&plan).contains(words));
    }
}

#[test]
fn programs_know_it_from_an_apply() {
    let about = render::About { file: "orders.toml", permissions: &NOTHING, unfinished: None };
    let json = crate::json(&ends(Ending::Destroy, Verb::Delete), about);
    assert_eq!(
        (&json["end"], &json["summary"]["delete"], &json["applyable"]),
        (&json!("destroy"), &json!(2), &json!(false))
    );
    assert_eq!(json["resource_changes"][0]["change"]["actions"], json!(["delete"]));
    let codes: Vec<&Value> =
        json["diagnostics"].as_array().expect("a list").iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["plan::needs_data_loss", "plan::needs_delete"]);
    let json = crate::json(&ends(Ending::Forget, Verb::Release), about);
    assert_eq!((&json["end"], &json["summary"]["forget"]), (&json!("forget"), &json!(1)));
    assert_eq!(json["resource_changes"][0]["change"]["actions"], json!(["forget"]));
    assert_eq!(crate::json(&worlds::unchanged(), about)["end"], Value::Null);
}

#[test]
fn a_run_that_stops_says_which_command_goes_on() {
    let report = Report { outcome: Outcome::Interrupted, done: 1, left: vec!["delete it".into()] };
    let text = |end| render::report(&report, end, "orders.toml", WIDE);
    let all = Report { outcome: Outcome::Completed, done: 2, left: Vec::new() };
    let lines = render::report_json(&all, &ends(Ending::Destroy, Verb::Delete), jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(lines[0]["changes"]["operation"], "destroy");
    assert_eq!(lines[1]["@message"], "destroyed; 2 steps done, 0 left");
    assert!(text(Some(Ending::Destroy)).contains("Next: etcdctl-stack destroy orders.toml"));
    assert!(text(Some(Ending::Forget)).contains("Next: etcdctl-stack forget orders.toml"));
    assert!(text(None).contains("Next: etcdctl-stack apply orders.toml"));
}
