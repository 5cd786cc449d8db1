//! An apply that tells a comment of itself while it runs.

use std::{fs, time::Duration};

use etcdctl_stack::{
    render,
    report::{Event, Outcome, Report},
};
use jiff::Timestamp;

use crate::{
    github::{BOT, GitHub, HEAD},
    server::{Fault, Server},
    world::{fed, folder, github, ran, saved, text},
};

const EDIT: &str = "PATCH /repos/acme/etcd/issues/comments/";

fn line(event: &Event) -> String {
    format!("{}\n", render::event_json(event, Duration::ZERO, Timestamp::UNIX_EPOCH))
}

fn start(number: usize) -> String {
    line(&Event::StepStart { number, of: 9, title: format!("restart orders-{number}") })
}

fn summary(outcome: Outcome) -> String {
    let report = Report { outcome, done: 9, left: Vec::new() };
    let plan = saved("orders.toml", 100).made().expect("a plan").plan.clone();
    render::report_json(&report, &plan, Timestamp::UNIX_EPOCH)
        .iter()
        .map(|line| format!("{line}\n"))
        .collect()
}

/// A forge where the plan was commented on.
fn planned() -> Server<GitHub> {
    let mut forge = GitHub::default();
    forge.add(BOT, &text(&saved("orders.toml", 100), HEAD));
    Server::start(forge)
}

#[test]
fn the_comment_follows_the_steps_and_ends_with_the_last_state() {
    let (server, here) = (planned(), folder(&[saved("orders.toml", 100)]));
    let arguments = ["comment", "plans", "--events", "-", "--every", "10m"];
    let mut pieces = vec![(0, "{\"type\":\"version\"}\n".to_owned())];
    pieces.extend((1..=9).map(|number| (50, start(number))));
    pieces.push((10, summary(Outcome::Completed)));
    let outcome = fed(github(&server, here.path(), "writer", &arguments), &pieces);
    assert_eq!(outcome.0, 0, "{}", outcome.2);
    let edits = server.count(EDIT);
    let board = server.board();
    assert!(board.rules.comments[0].body.contains("applied, 9 steps"), "{}", board.rules.comments[0].body);
    // At the beginning and at the end.
    assert_eq!(edits, 2);
    let first = board.asked.iter().find(|asked| asked.line().starts_with(EDIT)).expect("an edit");
    assert!(first.body.contains("applying, step"), "{}", first.body);
}

#[test]
fn a_stream_is_read_to_its_end_when_the_forge_fails() {
    let (server, here) = (planned(), folder(&[saved("orders.toml", 100)]));
    let arguments = ["comment", "plans", "--events", "-", "--patience", "0s", "--every", "10ms"];
    server.fault(Fault::Instead(EDIT, crate::github::refusal(502, "Server Error")));
    let mut pieces: Vec<(u64, String)> = (1..=9).map(|number| (20, start(number))).collect();
    pieces.push((20, "x".repeat(200_000) + "\n"));
    pieces.push((0, summary(Outcome::Completed)));
    let outcome = fed(github(&server, here.path(), "writer", &arguments), &pieces);
    assert_eq!(outcome.0, 0, "{}", outcome.2);
    assert!(outcome.2.contains("the comment is not up to date"), "{}", outcome.2);
    assert!(server.board().rules.comments[0].body.contains("applied"));
}

#[test]
fn a_file_of_events_is_read_once() {
    let (server, here) = (planned(), folder(&[saved("orders.toml", 100)]));
    let stopped = Outcome::Stopped {
        number: 2,
        title: "restart orders-2".into(),
        reason: "no quorum".into(),
        details: Vec::new(),
    };
    fs::write(here.path().join("events"), start(2) + &summary(stopped)).expect("written");
    let arguments = ["comment", "plans", "--events", "events"];
    assert_eq!(ran(github(&server, here.path(), "writer", &arguments)).0, 0);
    assert!(server.board().rules.comments[0].body.contains("no quorum"));
    fs::write(here.path().join("events"), start(2)).expect("written");
    assert_eq!(ran(github(&server, here.path(), "writer", &arguments)).0, 0);
    assert!(server.board().rules.comments[0].body.contains("without saying how"));
}
