//! A run, line by line, and its end.

use std::fmt::Write as _;

use super::style::{Style, count, visible};
use crate::{
    plan::Ending,
    report::{Event, Outcome, Report},
};

/// The command with which to go on, and what it does.
type Next = (&'static str, &'static str);

/// The words of one kind of run: how it is told that all is done, and the
/// commands to go on with and to look with.
pub(super) struct Words {
    pub(super) done: &'static str,
    go_on: Next,
    look: Next,
}

pub(super) fn words(end: Option<Ending>) -> Words {
    let (does, shows) = ("goes on from here.", "shows what is left, and why.");
    let (done, go_on, look) = match end {
        None => ("Applied", "apply", "plan"),
        Some(Ending::Destroy) => ("Destroyed", "destroy", "plan --destroy"),
        Some(Ending::Forget) => ("Handed over", "forget", "plan --forget"),
    };
    Words { done, go_on: (go_on, does), look: (look, shows) }
}

/// Columns of how long a step took.
const TIME: usize = 8;

/// One line for an event; `None` for one that has none where lines stay.
pub fn event(event: &Event, style: Style) -> Option<String> {
    match event {
        Event::StepStart { .. } => None,
        Event::StepProgress { number, waiting_for } => {
            Some(style.wrap(&format!(" … {number:>2} "), 6, &format!("waiting for {waiting_for}")))
        }
        Event::StepSaved { number, path } => {
            Some(style.wrap(&format!(" … {number:>2} "), 6, &format!("saved {path}")))
        }
        Event::StepComplete { number, title, milliseconds } => {
            let column = style.width.min(100).saturating_sub(TIME);
            let mark = style.good("✓");
            let title = Style { width: column, ..style }.wrap(&format!(" {mark} {number:>2} "), 6, title);
            let last = title.lines().last().map_or(0, visible);
            // A name that is too long to break leaves no room beside it.
            let space = match column.checked_sub(last) {
                Some(space) => " ".repeat(space),
                None => format!("\n{}", " ".repeat(column)),
            };
            Some(format!("{title}{space}{:>TIME$}", seconds(*milliseconds)))
        }
    }
}

pub(super) fn seconds(milliseconds: u64) -> String {
    match milliseconds / 1000 {
        whole if whole < 60 => format!("{whole}.{}s", milliseconds % 1000 / 100),
        whole => format!("{}m{:02}s", whole / 60, whole % 60),
    }
}

/// The end of a run, with what to do next.
pub fn report(report: &Report, end: Option<Ending>, target: &str, style: Style) -> String {
    let words = words(end);
    let Report { outcome, done, left } = report;
    let steps = format!("{} done, {} left", count(*done, "step"), left.len());
    let bad = style.bad("✗");
    let (how, command) = match outcome {
        Outcome::Completed if left.is_empty() => {
            (style.good(&format!("{}: {}.", words.done, count(*done, "step"))), None)
        }
        Outcome::Completed => {
            let first = style.good(&format!("{}: {}, as approved. ", words.done, count(*done, "step")));
            (style.wrap(&first, 2, "What is left is another plan."), Some(words.go_on))
        }
        Outcome::Interrupted => {
            let first = style.mind("Interrupted, between two steps: ");
            (style.wrap(&first, 2, &format!("{steps}.")), Some(words.go_on))
        }
        Outcome::BrokenOff { number, title, acted, not_acted, waiting_for } => {
            let mut what = style.wrap(&format!(" {} {number:>2} ", style.mind("…")), 6, title);
            for line in half_done(acted, not_acted, waiting_for.as_deref()) {
                let _infallible = write!(what, "\n{}", style.wrap("      ", 8, &line));
            }
            let first = style.mind("Interrupted, in the middle of a step: ");
            (format!("{what}\n{}", style.wrap(&first, 2, &format!("{steps}."))), Some(words.go_on))
        }
        Outcome::LockLost(reason) => {
            let what = style.wrap(&format!("{bad} the lock is lost: "), 2, reason);
            (format!("{what}\nStopped: {steps}."), Some(words.go_on))
        }
        Outcome::Stopped { number, title, reason, details } => {
            let mut what = style.wrap(&format!(" {bad} {number:>2} "), 6, title);
            for line in std::iter::once(reason).chain(details) {
                let _infallible = write!(what, "\n{}", style.wrap("      ", 8, line));
            }
            (format!("{what}\nStopped: {steps}."), Some(words.look))
        }
    };
    let mut text = format!("{how}\n");
    if let Some(command) = command {
        text.push_str(&next(left, command, target, style));
    }
    text
}

/// In what state a step is that was broken off.
pub(super) fn half_done(acted: &[String], not_acted: &[String], waiting_for: Option<&str>) -> Vec<String> {
    let list = |name: &str, all: &[String]| (!all.is_empty()).then(|| format!("{name}: {}", all.join(", ")));
    let none =
        not_acted.is_empty().then(|| "all of it is asked for, and it has not come true yet".to_owned());
    let waited = waiting_for.map(|what| format!("was waiting for {what}"));
    [list("done", acted), list("not known to be done", not_acted), none, waited]
        .into_iter()
        .flatten()
        .collect()
}

/// What is left, and how to go on.
fn next(left: &[String], (verb, does): Next, target: &str, style: Style) -> String {
    const SHOWN: usize = 3;
    let mut text = String::new();
    for title in left.iter().take(SHOWN) {
        let _infallible = writeln!(text, "{}", style.wrap("  left: ", 8, title));
    }
    if left.len() > SHOWN {
        let _infallible = writeln!(text, "  and {} more", left.len() - SHOWN);
    }
    // The command is to be copied, so it is never broken.
    let command = format!("Next: etcdctl-stack {verb} {target}");
    let fits = visible(&command) + 2 + does.len() <= style.width;
    let between = if fits { "  " } else { "\n      " };
    let _infallible = writeln!(text, "{command}{between}{does}");
    text
}
