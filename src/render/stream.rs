//! A run for programs: a JSON object a line, in the names of Terraform's
//! stream where it has them. `@message` alone is readable.
//! <https://developer.hashicorp.com/terraform/internals/machine-readable-ui>
//!
//! ```text
//! version                                         first
//! planned_change, foreign_field, conflict         one for each
//! diagnostic                                      what stands in the way, and what to know
//! change_summary                                  what the plan comes to, and its digest
//! lock, step_start, step_progress, step_saved,
//! step_complete, step_errored                     as they come
//! change_summary                                  what was done, if all of it was
//! apply_summary                                   last
//! ```

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    About,
    cost::{deleted, stepwise},
    event::{seconds, words},
    foreign,
    json::{self, Conflict, Diagnostic, ForeignField, Severity},
    style::count,
};
use crate::{
    object::{Kind, ObjectKey},
    plan::{Ending, Plan, Verb},
    report::{Event, Outcome, Report, command, in_numbers},
};

/// The version of the stream.
const UI: &str = "1.0";

/// One line of the stream, under `type`. A reader ignores types and keys that
/// it does not know.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "type")]
#[schemars(title = "A line of what `etcdctl-stack apply --json` prints")]
pub enum Line {
    /// The first line.
    Version {
        /// The version of the stream, `MAJOR.MINOR`.
        #[schemars(regex(pattern = r"^1\.[0-9]+$"))]
        ui: &'static str,
        /// The version of the tool.
        tool_version: &'static str,
    },
    /// An object that the plan changes.
    PlannedChange {
        /// Which one, and how.
        change: Planned,
    },
    /// A field that others set in the stack's objects, and that the stack does
    /// not.
    ForeignField {
        /// Which one, and whose.
        foreign_field: ForeignField,
    },
    /// A field that others own and that the plan would change.
    Conflict {
        /// Which one, and whose.
        conflict: Conflict,
    },
    /// What stands in the way, or what somebody should know.
    Diagnostic {
        /// What it is, and what to do.
        diagnostic: Diagnostic,
    },
    /// What the plan comes to; once all of it is done, what was done.
    ChangeSummary {
        /// Objects and claims, as Terraform counts them.
        changes: Changes,
        /// The digest that an approval is bound to; null where something could
        /// not be read.
        #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
        digest: Option<String>,
    },
    /// The lock of the stack.
    Lock {
        /// What became of it.
        state: Lock,
        /// Who holds it, or why it was lost.
        holder: String,
    },
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
        /// Since it began.
        elapsed_seconds: u64,
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
    /// It could not be done, or was broken off.
    StepErrored {
        /// Its number.
        number: usize,
        /// What it should have done.
        title: String,
        /// Why not.
        reason: String,
        /// What else is known.
        details: Vec<String>,
    },
    /// The last line.
    ApplySummary {
        /// How it ended.
        outcome: Outcome,
        /// How many steps are done.
        done: usize,
        /// The titles of those that are not.
        left: Vec<String>,
    },
}

/// An object and what is planned for it.
#[derive(Serialize, JsonSchema)]
pub struct Planned {
    /// The object.
    pub resource: Resource,
    /// What happens to it.
    #[schemars(extend("enum" = ["create", "update", "delete", "replace", "forget"]))]
    pub action: &'static str,
}

/// An object in the names of Terraform's stream.
#[derive(Serialize, JsonSchema)]
pub struct Resource {
    /// As in `resource_changes[].address` of a plan.
    pub addr: String,
    /// The same: there are no modules.
    pub resource: String,
    /// The kind.
    pub resource_type: Kind,
    /// The name.
    pub resource_name: String,
}

/// Objects and claims, as Terraform counts them: one that is made anew is added
/// and removed.
#[derive(Clone, Copy, Serialize, JsonSchema)]
pub struct Changes {
    /// Made.
    pub add: usize,
    /// Changed in place.
    pub change: usize,
    /// Deleted.
    pub remove: usize,
    /// Handed over.
    pub forget: usize,
    /// `plan`, or what was done.
    #[schemars(extend("enum" = ["plan", "apply", "destroy", "forget"]))]
    pub operation: &'static str,
}

/// What became of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// Another run holds it, and this one waits.
    Waiting,
    /// This run holds it.
    Held,
    /// Another run took it.
    Lost,
}

/// The published schema of a line, in JSON Schema's draft 2020-12.
pub fn events_schema() -> Value {
    let mut schema = json::of::<Line>();
    let common = json!({
        "@level": { "description": "How bad it is.", "enum": ["info", "warn", "error"] },
        "@message": { "description": "For a person.", "type": "string" },
        "@timestamp": { "description": "When.", "type": "string", "format": "date-time" },
    });
    for line in schema["oneOf"].as_array_mut().into_iter().flatten() {
        for (name, of) in common.as_object().into_iter().flatten() {
            line["properties"][name] = of.clone();
            if let Some(required) = line["required"].as_array_mut() {
                required.push(json!(name));
            }
        }
    }
    json::with_head(schema)
}

/// The first line of a stream.
pub fn version_json(now: Timestamp) -> Value {
    let tool_version = env!("CARGO_PKG_VERSION");
    line("info", &format!("etcdctl-stack {tool_version}"), now, Line::Version { ui: UI, tool_version })
}

/// The lines of the plan that a run is about.
pub fn planned_json(plan: &Plan, about: About<'_>, now: Timestamp) -> Vec<Value> {
    let missing = about.permissions.missing(plan);
    let changed = plan.changes.iter().map(|one| (&one.key, action(one.verb)));
    let deleted = deleted(plan);
    let gone = deleted.iter().map(|one| (&one.key, if one.made_anew { "replace" } else { "delete" }));
    let moved = stepwise(plan).into_iter().map(|object| (&object.key, "update"));
    let changes = changed.chain(gone).chain(moved).map(|(key, action)| planned(key, action, now));
    let foreign = plan.foreign.iter().map(|one| foreign_field(foreign::json(one), now));
    let conflicts = json::conflicts(plan).into_iter().map(|conflict| {
        let message = format!("{}: `{}` is set by {}", conflict.address, conflict.field, conflict.manager);
        line("error", &message, now, Line::Conflict { conflict })
    });
    let stops = json::diagnostics(plan, &missing).into_iter();
    let warnings = plan.warnings.iter().map(|text| Diagnostic {
        severity: Severity::Warning,
        ..Diagnostic::error("plan::warning", text.clone(), None)
    });
    let diagnostics = stops.chain(warnings).map(|one| diagnostic(one, now));
    let changes_in_all = line(
        "info",
        &format!("plan: {}", in_numbers(plan)),
        now,
        Line::ChangeSummary { changes: counted(plan, "plan"), digest: digest(plan) },
    );
    changes.chain(foreign).chain(conflicts).chain(diagnostics).chain([changes_in_all]).collect()
}

/// What Terraform's stream calls it.
fn action(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Update | Verb::Adopt => "update",
        Verb::Recreate => "replace",
        Verb::Delete => "delete",
        Verb::Release => "forget",
    }
}

fn planned(key: &ObjectKey, action: &'static str, now: Timestamp) -> Value {
    let (addr, resource_name) = (key.to_string(), key.name.clone());
    let resource = Resource { resource: addr.clone(), addr, resource_type: key.kind, resource_name };
    let change = Planned { resource, action };
    line("info", &format!("{key}: plan to {action}"), now, Line::PlannedChange { change })
}

fn foreign_field(foreign_field: ForeignField, now: Timestamp) -> Value {
    let ForeignField { address, field, manager, severity, .. } = &foreign_field;
    let message = format!("{address}: `{field}` is set by {manager}, and not by this stack");
    line(level(*severity), &message, now, Line::ForeignField { foreign_field })
}

fn diagnostic(diagnostic: Diagnostic, now: Timestamp) -> Value {
    let message = match diagnostic.severity {
        Severity::Error => format!("error: {}", diagnostic.summary),
        Severity::Warning | Severity::Info => format!("warning: {}", diagnostic.summary),
    };
    line(level(diagnostic.severity), &message, now, Line::Diagnostic { diagnostic })
}

/// Why a run ends before its first step.
pub fn stopped_json(code: &str, what: &str, help: Option<&str>, now: Timestamp) -> Value {
    diagnostic(Diagnostic::error(code, what.to_owned(), help.map(str::to_owned)), now)
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warn",
        Severity::Info => "info",
    }
}

fn counted(plan: &Plan, operation: &'static str) -> Changes {
    let (anew, gone) = (plan.with(Verb::Recreate), deleted(plan));
    let again = gone.iter().filter(|one| one.made_anew).count();
    Changes {
        add: plan.with(Verb::Create) + anew + again,
        change: plan.with(Verb::Update) + plan.with(Verb::Adopt) + stepwise(plan).len(),
        remove: plan.with(Verb::Delete) + anew + gone.len(),
        forget: plan.with(Verb::Release),
        operation,
    }
}

fn digest(plan: &Plan) -> Option<String> {
    plan.digest.as_ref().map(|digest| digest.0.clone())
}

/// What became of the lock.
pub fn lock_json(state: Lock, holder: &str, now: Timestamp) -> Value {
    let (level, message) = match state {
        Lock::Waiting => ("info", format!("waiting for the lock: {holder}")),
        Lock::Held => ("info", format!("lock held as {holder}")),
        Lock::Lost => ("error", format!("the lock is lost: {holder}")),
    };
    line(level, &message, now, Line::Lock { state, holder: holder.to_owned() })
}

/// An event as one line, so long after its step began.
pub fn event_json(event: &Event, elapsed: Duration, now: Timestamp) -> Value {
    let message = match event {
        Event::StepStart { number, of, title } => format!("step {number} of {of}: {title}"),
        Event::StepProgress { number, waiting_for } => format!("step {number} waits for {waiting_for}"),
        Event::StepSaved { number, path } => format!("step {number} saved {path}"),
        Event::StepComplete { number, title, milliseconds } => {
            format!("step {number} done in {}: {title}", seconds(*milliseconds))
        }
    };
    let rest = match event.clone() {
        Event::StepStart { number, of, title } => Line::StepStart { number, of, title },
        Event::StepProgress { number, waiting_for } => {
            Line::StepProgress { number, waiting_for, elapsed_seconds: elapsed.as_secs() }
        }
        Event::StepSaved { number, path } => Line::StepSaved { number, path },
        Event::StepComplete { number, title, milliseconds } => {
            Line::StepComplete { number, title, milliseconds }
        }
    };
    line("info", &message, now, rest)
}

/// The end of a run: what failed, or that all of the plan was done, and last
/// how far it came.
pub fn report_json(report: &Report, plan: &Plan, now: Timestamp) -> Vec<Value> {
    let Report { outcome, done, left } = report.clone();
    let end = plan.intended.end;
    let is_over = outcome == Outcome::Completed && left.is_empty();
    let (level, how) = match &outcome {
        Outcome::Completed => ("info", words(end).done.to_lowercase()),
        Outcome::Interrupted => ("warn", "interrupted between two steps".to_owned()),
        Outcome::BrokenOff { number, .. } => ("warn", format!("interrupted in the middle of step {number}")),
        Outcome::Stopped { number, reason, .. } => ("error", format!("stopped at step {number}: {reason}")),
        Outcome::LockLost(reason) => ("error", format!("the lock is lost: {reason}")),
    };
    let message = format!("{how}; {} done, {} left", count(done, "step"), left.len());
    let before = failed(&outcome, now).or_else(|| is_over.then(|| all_done(plan, end, now)));
    let last = line(level, &message, now, Line::ApplySummary { outcome, done, left });
    before.into_iter().chain([last]).collect()
}

fn all_done(plan: &Plan, end: Option<Ending>, now: Timestamp) -> Value {
    let operation = command(end);
    let changes = counted(plan, operation);
    let Changes { add, change, remove, forget, .. } = changes;
    let message =
        format!("{operation}: {add} added, {change} changed, {remove} removed, {forget} handed over");
    line("info", &message, now, Line::ChangeSummary { changes, digest: digest(plan) })
}

fn failed(outcome: &Outcome, now: Timestamp) -> Option<Value> {
    let (number, title, reason, details) = match outcome.clone() {
        Outcome::Completed | Outcome::Interrupted => return None,
        Outcome::LockLost(reason) => return Some(lock_json(Lock::Lost, &reason, now)),
        Outcome::Stopped { number, title, reason, details } => (number, title, reason, details),
        Outcome::BrokenOff { number, title, acted, not_acted, waiting_for } => {
            let details = super::event::half_done(&acted, &not_acted, waiting_for.as_deref());
            (number, title, "interrupted".to_owned(), details)
        }
    };
    let message = format!("step {number} failed: {reason}");
    Some(line("error", &message, now, Line::StepErrored { number, title, reason, details }))
}

/// The keys that every line has, before those that only this one has.
fn line(level: &str, message: &str, now: Timestamp, rest: Line) -> Value {
    let mut line = json!({ "@level": level, "@message": message, "@timestamp": now });
    if let (Some(line), Value::Object(rest)) = (line.as_object_mut(), json!(rest)) {
        line.extend(rest);
    }
    line
}
