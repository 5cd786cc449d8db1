//! A run as it goes, and its end.

use std::time::Duration;

use etcdctl_stack::{
    plan::Plan,
    render::{self, Lock},
    report::{Event, Outcome, Report},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{NARROW, WIDE, fits, plans::ABOUT, shows, worlds};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn events() -> Vec<Event> {
    let title = "create StatefulSet/etcd-orders/orders with 1 replica, wait until orders-0 leads".to_owned();
    vec![
        Event::StepStart { number: 1, of: 12, title: "create Namespace/etcd-orders".into() },
        Event::StepComplete { number: 1, title: "create Namespace/etcd-orders".into(), milliseconds: 240 },
        Event::StepProgress { number: 2, waiting_for: "pod orders-0: ContainerCreating".into() },
        Event::StepComplete { number: 2, title, milliseconds: 61_800 },
    ]
}

fn stopped() -> Report {
    Report {
        outcome: Outcome::Stopped {
            number: 2,
            title: "replicas 1 -> 2, wait until orders-1 has joined".into(),
            reason: "not done after 10m".into(),
            details: vec!["pod orders-1: ImagePullBackOff: manifest unknown".into()],
        },
        done: 1,
        left: ["two", "three", "four", "five"].map(str::to_owned).to_vec(),
    }
}

#[test]
fn a_line_comes_for_each_change_of_state() {
    let lines: Vec<String> = events().iter().filter_map(|event| render::event(event, WIDE)).collect();
    shows(
        &lines.join("\n"),
        r#" ✓  1 create Namespace/etcd-orders                                                              0.2s
 …  2 waiting for pod orders-0: ContainerCreating
 ✓  2 create StatefulSet/etcd-orders/orders with 1 replica, wait until orders-0 leads          1m01s"#,
    );
    let lines: Vec<String> = events().iter().filter_map(|event| render::event(event, NARROW)).collect();
    fits(&lines.join("\n"), 40);
    let saved = Event::StepSaved { number: 2, path: "/home/ann/orders.db".into() };
    assert_eq!(render::event(&saved, WIDE).as_deref(), Some(" …  2 saved /home/ann/orders.db"));
    assert_eq!(render::event_json(&saved, Duration::ZERO, NOW)["type"], "step_saved");
    // A name that cannot be broken pushes the time to a line of its own.
    let title = "apply PodDisruptionBudget/look-1/lookers".into();
    let long = Event::StepComplete { number: 3, title, milliseconds: 0 };
    fits(&render::event(&long, NARROW).expect("a line"), 40);
    fits(&render::report(&stopped(), None, "orders.toml", NARROW), 40);
}

#[test]
fn a_run_that_stops_says_why_and_how_to_go_on() {
    shows(
        &render::report(&stopped(), None, "orders.toml", WIDE),
        r#" ✗  2 replicas 1 -> 2, wait until orders-1 has joined
      not done after 10m
      pod orders-1: ImagePullBackOff: manifest unknown
Stopped: 1 step done, 4 left.
  left: two
  left: three
  left: four
  and 1 more
Next: etcdctl-stack plan orders.toml  shows what is left, and why.
"#,
    );
}

#[test]
fn every_end_has_a_line() {
    let ends =
        [Outcome::Completed, Outcome::Interrupted, Outcome::LockLost("it is held by ci@run/8841".into())];
    let reports = ends.map(|outcome| {
        let left = if outcome == Outcome::Completed { Vec::new() } else { vec!["the rest".into()] };
        Report { outcome, done: 3, left }
    });
    let text: String =
        reports.iter().map(|report| render::report(report, None, "orders.toml", WIDE)).collect();
    shows(
        &text,
        r#"Applied: 3 steps.
Interrupted, between two steps: 3 steps done, 1 left.
  left: the rest
Next: etcdctl-stack apply orders.toml  goes on from here.
✗ the lock is lost: it is held by ci@run/8841
Stopped: 3 steps done, 1 left.
  left: the rest
Next: etcdctl-stack apply orders.toml  goes on from here.
"#,
    );
}

#[test]
fn a_step_that_was_broken_off_says_what_of_it_is_done() {
    let outcome = Outcome::BrokenOff {
        number: 4,
        title: "remove orders-3, replicas 4 -> 3, wait until its pod is gone".into(),
        acted: vec!["remove orders-3 from etcd's list".into()],
        not_acted: vec![
            "apply StatefulSet/etcd-orders/orders".into(),
            "take orders-3 out of the journal".into(),
        ],
        waiting_for: Some("every voter to be healthy: orders-1 does not answer".into()),
    };
    let report = Report { outcome, done: 3, left: vec!["remove orders-3".into(), "delete its claim".into()] };
    shows(
        &render::report(&report, None, "orders.toml", WIDE),
        r#" …  4 remove orders-3, replicas 4 -> 3, wait until its pod is gone
      done: remove orders-3 from etcd's list
      not known to be done: apply StatefulSet/etcd-orders/orders, take orders-3 out of the journal
      was waiting for every voter to be healthy: orders-1 does not answer
Interrupted, in the middle of a step: 3 steps done, 2 left.
  left: remove orders-3
  left: delete its claim
Next: etcdctl-stack apply orders.toml  goes on from here.
"#,
    );
    fits(&render::report(&report, None, "orders.toml", NARROW), 40);
    let lines = render::report_json(&report, &worlds::shrink(), NOW);
    assert_eq!((lines.len(), &lines[0]["type"], &lines[0]["number"]), (2, &json!("step_errored"), &json!(4)));
    let json = &lines[1];
    assert_eq!(json["outcome"]["broken_off"]["number"], 4);
    assert_eq!(json["@message"], "interrupted in the middle of step 4; 3 steps done, 2 left");
}

#[test]
fn a_step_that_only_waits_has_nothing_left_to_do() {
    let outcome = Outcome::BrokenOff {
        number: 4,
        title: "restart orders-1".into(),
        acted: vec!["restart orders-1".into()],
        not_acted: Vec::new(),
        waiting_for: None,
    };
    let report = Report { outcome, done: 3, left: vec!["restart orders-1".into()] };
    let text = render::report(&report, None, "orders.toml", WIDE);
    assert!(text.contains("all of it is asked for, and it has not come true yet\n"), "{text}");
}

#[test]
fn what_another_plan_does_is_told_after_all_steps_are_done() {
    let left = vec!["promote orders-2 once it is connected and has caught up".into()];
    let report = Report { outcome: Outcome::Completed, done: 3, left };
    shows(
        &render::report(&report, None, "orders.toml", WIDE),
        r#"Applied: 3 steps, as approved. What is left is another plan.
  left: promote orders-2 once it is connected and has caught up
Next: etcdctl-stack apply orders.toml  goes on from here.
"#,
    );
}

#[test]
fn a_program_reads_a_line_for_each_event() {
    let lines: Vec<_> =
        events().iter().map(|event| render::event_json(event, Duration::from_secs(9), NOW)).collect();
    assert_eq!(
        lines[1],
        json!({
            "@level": "info",
            "@message": "step 1 done in 0.2s: create Namespace/etcd-orders",
            "@timestamp": "2027-01-15T08:00:00Z",
            "type": "step_complete",
            "number": 1,
            "title": "create Namespace/etcd-orders",
            "milliseconds": 240,
        })
    );
}

/// What is printed before the first step.
fn stream(plan: &Plan) -> Vec<Value> {
    let planned = render::planned_json(plan, ABOUT, NOW);
    let lines: Vec<Value> = [render::version_json(NOW)].into_iter().chain(planned).collect();
    lines.iter().for_each(crate::event);
    lines
}

fn messages(lines: &[Value]) -> String {
    let line = |line: &Value| {
        crate::event(line);
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        format!("{:5} {:14} {}\n", text("@level"), text("type"), text("@message"))
    };
    lines.iter().map(line).collect()
}

#[test]
fn a_program_reads_a_run_from_its_version_to_its_end() {
    let plan = worlds::shrink();
    let mut lines = stream(&plan);
    lines.push(render::lock_json(Lock::Waiting, "it is held by ci@run/8841", NOW));
    lines.push(render::lock_json(Lock::Held, "ann@laptop/4711", NOW));
    lines.extend(events().iter().map(|event| render::event_json(event, Duration::from_secs(9), NOW)));
    lines.extend(render::report_json(&stopped(), &plan, NOW));
    shows(
        &messages(&lines),
        "\
info  version        etcdctl-stack 0.1.0
info  planned_change StatefulSet/etcd-orders/orders: plan to update
info  planned_change PersistentVolumeClaim/etcd-orders/data-orders-4: plan to delete
info  planned_change PersistentVolumeClaim/etcd-orders/data-orders-3: plan to delete
error diagnostic     error: the data of claim `data-orders-4` is deleted
error diagnostic     error: the data of claim `data-orders-3` is deleted
info  change_summary plan: 0 to create, 1 to change, 2 to delete, 5 steps, voters 5 -> 3
info  lock           waiting for the lock: it is held by ci@run/8841
info  lock           lock held as ann@laptop/4711
info  step_start     step 1 of 12: create Namespace/etcd-orders
info  step_complete  step 1 done in 0.2s: create Namespace/etcd-orders
info  step_progress  step 2 waits for pod orders-0: ContainerCreating
info  step_complete  step 2 done in 1m01s: create StatefulSet/etcd-orders/orders with 1 replica, wait until orders-0 leads
error step_errored   step 2 failed: not done after 10m
error apply_summary  stopped at step 2: not done after 10m; 1 step done, 4 left
",
    );
    let progress = lines.iter().find(|line| line["type"] == "step_progress").expect("it waited");
    assert_eq!(progress["elapsed_seconds"], 9);
    let errored = lines.iter().find(|line| line["type"] == "step_errored").expect("it failed");
    assert_eq!(errored["details"], json!(["pod orders-1: ImagePullBackOff: manifest unknown"]));
}

#[test]
fn the_lines_of_a_plan_are_those_of_terraform() {
    let lines = stream(&worlds::replace());
    let resource = json!({
        "addr": "PersistentVolumeClaim/etcd-orders/data-orders-1",
        "resource": "PersistentVolumeClaim/etcd-orders/data-orders-1",
        "resource_type": "PersistentVolumeClaim",
        "resource_name": "data-orders-1",
    });
    assert_eq!(lines[1]["change"], json!({ "resource": resource, "action": "replace" }));
    let summary = lines.last().expect("a summary");
    let changes = json!({ "add": 1, "change": 0, "remove": 1, "forget": 0, "operation": "plan" });
    assert_eq!((&summary["type"], &summary["changes"]), (&json!("change_summary"), &changes));
    assert_eq!(summary["digest"], json!("7f3a91c2".repeat(8)));
}

#[test]
fn what_was_done_is_counted_only_when_all_of_it_was() {
    let plan = worlds::create();
    let kinds = |outcome: Outcome, left: &[&str]| -> Vec<Value> {
        let left = left.iter().map(|title| (*title).to_owned()).collect();
        let lines = render::report_json(&Report { outcome, done: 1, left }, &plan, NOW);
        lines.iter().for_each(crate::event);
        lines.iter().map(|line| json!([line["type"], line["changes"]["operation"]])).collect()
    };
    let last = json!(["apply_summary", null]);
    assert_eq!(kinds(Outcome::Completed, &[]), [json!(["change_summary", "apply"]), last.clone()]);
    assert_eq!(kinds(Outcome::Completed, &["more"]), std::slice::from_ref(&last));
    assert_eq!(kinds(Outcome::Interrupted, &["more"]), std::slice::from_ref(&last));
    assert_eq!(kinds(Outcome::LockLost("ci took it".into()), &["more"]), [json!(["lock", null]), last]);
}

#[test]
fn a_run_that_never_begins_says_why() {
    let help = Some("plan again and look at what changed");
    let line = render::stopped_json("apply::plan_changed", "the plan changed", help, NOW);
    crate::event(&line);
    assert_eq!(line["diagnostic"]["code"], "apply::plan_changed");
    shows(&messages(&[line]), "error diagnostic     error: the plan changed\n");
    let stops = stream(&worlds::blocked());
    let codes: Vec<&Value> = stops.iter().filter_map(|line| line.pointer("/diagnostic/code")).collect();
    assert_eq!(codes, ["plan::unhealthy", "plan::refused", "plan::warning"]);
}
