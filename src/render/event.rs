//! A run, line by line, and its end.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::style::{Style, count};
use crate::report::{Event, Outcome, Report};

/// One line for an event; `None` for one that has none where lines stay.
pub fn event(event: &Event, style: Style) -> Option<String> {
    match event {
        Event::StepStart { .. } => None,
        Event::StepProgress { number, waiting_for } => {
            Some(style.wrap(&format!(" … {number:>2} "), 6, &format!("waiting for {waiting_for}")))
        }
        Event::StepComplete { number, title, milliseconds } => {
            let mark = style.good("✓");
            Some(format!(
                "{}  {}",
                style.wrap(&format!(" {mark} {number:>2} "), 6, title),
                seconds(*milliseconds)
            ))
        }
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{}s", milliseconds / 1000, milliseconds % 1000 / 100)
}

/// The end of a run, with what to do next.
pub fn report(report: &Report, file: &str, style: Style) -> String {
    let Report { outcome, done, left } = report;
    let mut text = String::new();
    let steps = format!("{done} done, {} left", count(left.len(), "step"));
    match outcome {
        Outcome::Completed => {
            let _infallible =
                writeln!(text, "{}", style.good(&format!("Applied: {}.", count(*done, "step"))));
            return text;
        }
        Outcome::Interrupted => {
            let _infallible = writeln!(text, "{} {steps}.", style.mind("Interrupted, between two actions:"));
        }
        Outcome::Changed(reason) => {
            let _infallible = writeln!(text, "{}", style.wrap(&format!("{} ", style.bad("✗")), 2, reason));
            text.push_str(
                "What is there is no longer what was approved. Nothing more was done: plan again.\n",
            );
            return text;
        }
        Outcome::LockLost(reason) => {
            let _infallible = writeln!(
                text,
                "{}",
                style.wrap(&format!("{} the lock is lost: ", style.bad("✗")), 2, reason)
            );
        }
        Outcome::Stopped { number, title, reason, details } => {
            let mark = style.bad("✗");
            let _infallible = writeln!(text, "{}", style.wrap(&format!(" {mark} {number:>2} "), 6, title));
            let _infallible = writeln!(text, "{}", style.wrap("      ", 8, reason));
            for detail in details {
                let _infallible = writeln!(text, "{}", style.wrap("      ", 8, detail));
            }
            let _infallible = writeln!(text, "Stopped: {steps}.");
        }
    }
    for title in left.iter().take(3) {
        let _infallible = writeln!(text, "{}", style.wrap("  left: ", 8, title));
    }
    if left.len() > 3 {
        let _infallible = writeln!(text, "  and {} more", left.len() - 3);
    }
    let _infallible = writeln!(
        text,
        "{}",
        style.wrap("Next: ", 6, &format!("etcdctl-stack apply {file}  goes on from here."))
    );
    text
}

/// The end of a run as the last line of an event stream.
pub fn report_json(report: &Report) -> Value {
    let mut value = json!(report);
    value["type"] = json!("apply_summary");
    value
}
