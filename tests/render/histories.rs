//! Past applies.

use etcdctl_stack::{
    observed::{
        Journal, LeaseHolder,
        journal::{PastRun, Run, Snapshot, StepCount},
    },
    render,
    report::{Ended, History, history},
};
use jiff::Timestamp;

use crate::{NARROW, WIDE, fits, shows};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const RUNNER: &str = "ci@runner/4711.81523.3f2a-pid4026531836";

fn run() -> Run {
    Run {
        digest: "c04d5e77".repeat(8),
        actions: Vec::new(),
        removed: Default::default(),
        not_ours: Default::default(),
        who: RUNNER.into(),
        tool_version: "0.2.0".into(),
        started_at: NOW,
        finished_at: None,
        intended: Default::default(),
        summary: "0 to create, 1 to change, 2 to delete, 7 steps, voters 5 -> 3".into(),
        steps: StepCount { all: 7, done: 3 },
        snapshot: Some(Snapshot {
            path: "/home/ann/.local/state/etcdctl-stack/snapshots/orders.db".into(),
            revision: 8841,
            saved_at: NOW,
        }),
        stack: String::new(),
    }
}

fn past(finished_at: Option<Timestamp>) -> PastRun {
    PastRun {
        digest: "7f3a91c2".repeat(8),
        who: "ann@laptop/12".into(),
        tool_version: "0.1.0".into(),
        started_at: Timestamp::constant(1_799_000_000, 0),
        finished_at,
        summary: String::new(),
        steps: StepCount { all: 16, done: if finished_at.is_some() { 16 } else { 2 } },
        snapshot: None,
    }
}

fn told(run: Option<Run>, holder: Option<&str>) -> History {
    let journal = Journal { run, history: vec![past(Some(NOW)), past(None)], ..Journal::default() };
    let holder = holder.map(|identity| LeaseHolder { identity: identity.to_owned(), until: NOW });
    history("orders", "etcd-orders", &journal, holder.as_ref())
}

#[test]
fn the_newest_run_is_told_first() {
    let history = told(Some(run()), Some(RUNNER));
    shows(
        &render::history(&history, WIDE),
        r#"orders  ·  namespace etcd-orders  ·  3 applies

2027-01-15 08:00 UTC  ·  going on, holds the lock  ·  3 of 7 steps  ·  plan c04d-5e77
  by ci@runner/4711, etcdctl-stack 0.2.0
  0 to create, 1 to change, 2 to delete, 7 steps, voters 5 -> 3
  snapshot /home/ann/.local/state/etcdctl-stack/snapshots/orders.db, revision 8841

2027-01-03 18:13 UTC  ·  finished  ·  16 steps  ·  plan 7f3a-91c2
  by ann@laptop/12, etcdctl-stack 0.1.0

2027-01-03 18:13 UTC  ·  stopped  ·  2 of 16 steps  ·  plan 7f3a-91c2
  by ann@laptop/12, etcdctl-stack 0.1.0
"#,
    );
    fits(&render::history(&history, NARROW), 40);
}

#[test]
fn a_run_ended_unless_it_holds_the_lock() {
    let ended = |run: Run, holder| told(Some(run), holder).runs[0].ended;
    assert_eq!(ended(run(), Some("ann@laptop/12")), Ended::Stopped);
    assert_eq!(ended(run(), None), Ended::Stopped);
    assert_eq!(ended(Run { finished_at: Some(NOW), ..run() }, Some(RUNNER)), Ended::Finished);
}

#[test]
fn a_stack_that_was_never_applied_has_no_runs() {
    let history = history("orders", "etcd-orders", &Journal::default(), None);
    let expected = "orders  ·  namespace etcd-orders  ·  never applied\n";
    shows(&render::history(&history, WIDE), expected);
}

#[test]
fn the_json_says_how_each_run_ended() {
    let json = serde_json::to_value(told(Some(run()), Some(RUNNER))).expect("JSON");
    let runs = json["runs"].as_array().expect("a list");
    let ended: Vec<&str> = runs.iter().filter_map(|run| run["ended"].as_str()).collect();
    assert_eq!(ended, ["goes_on", "finished", "stopped"]);
    assert_eq!(runs[0]["steps"], serde_json::json!({ "all": 7, "done": 3 }));
}
