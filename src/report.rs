//! What is told of a plan and of a cluster, as values: what a plan comes to,
//! what happens while it is carried out, and the cluster as it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{Ending, Plan, Verb};

mod action;
mod consent;
mod history;
mod mismatch;
mod since;
pub mod status;
mod unfinished;
mod unread;

pub use action::in_words;
pub use consent::{Consent, Permissions, Which, needed};
pub use history::{Ended, Entry, History, history};
pub use mismatch::{Approved, Differing};
pub use since::{LastApply, last_apply};
pub use unfinished::{Unfinished, short_name, unfinished};
pub use unread::grouped;

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Event {
    /// A step begins.
    StepStart {
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// What it does.
        title: String,
    },
    /// It waits, and for something else than before.
    StepProgress {
        /// Its number.
        number: usize,
        /// For what.
        waiting_for: String,
    },
    /// It has saved a snapshot, and checked it.
    StepSaved {
        /// Its number.
        number: usize,
        /// The file.
        path: String,
    },
    /// It is done.
    StepComplete {
        /// Its number.
        number: usize,
        /// What it did.
        title: String,
        /// How long it took.
        milliseconds: u64,
    },
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// How many steps are done.
    pub done: usize,
    /// The titles of those that are not.
    pub left: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything is done.
    Completed,
    /// Somebody asked to stop, and it did, between two steps.
    Interrupted,
    /// Somebody asked twice, and it stopped waiting in the middle of a step.
    BrokenOff {
        /// Its number.
        number: usize,
        /// What it should have done.
        title: String,
        /// What of it is done, in words.
        acted: Vec<String>,
        /// What of it is not done, as far as is known.
        not_acted: Vec<String>,
        /// What was waited for.
        waiting_for: Option<String>,
    },
    /// A step could not be done: what, and what was seen, a line each.
    Stopped {
        /// Its number.
        number: usize,
        /// What it should have done.
        title: String,
        /// Why it stopped.
        reason: String,
        /// What else is known: the pod's trouble, events, the members.
        details: Vec<String>,
    },
    /// Another run took the lock.
    LockLost(String),
}

/// The command that carries a plan out.
pub fn command(end: Option<Ending>) -> &'static str {
    match end {
        None => "apply",
        Some(Ending::Destroy) => "destroy",
        Some(Ending::Forget) => "forget",
    }
}

/// What a plan comes to, in numbers.
pub fn in_numbers(plan: &Plan) -> String {
    let (made, goes) = (plan.with(Verb::Create), plan.with(Verb::Delete));
    let (released, anew) = (plan.with(Verb::Release), plan.with(Verb::Recreate));
    let changed = plan.changes.len() - made - goes - released - anew;
    let over = if released > 0 { format!("{released} to hand over, ") } else { String::new() };
    let anew = if anew > 0 { format!("{anew} to recreate, ") } else { String::new() };
    let deleted = plan.needs().data_loss.len() + goes;
    let (before, after) = (plan.voters.before, plan.voters.after);
    let steps = match plan.steps.len() {
        1 => "1 step".to_owned(),
        steps => format!("{steps} steps"),
    };
    format!(
        "{made} to create, {changed} to change, {anew}{deleted} to delete, {over}{steps}, voters {before} -> {after}"
    )
}
