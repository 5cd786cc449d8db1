//! The runs of `apply` that the journal tells of.

use jiff::Timestamp;
use serde::Serialize;

use crate::observed::{
    Journal, LeaseHolder,
    journal::{PastRun, Run, Snapshot, StepCount},
};

/// The runs of one stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct History {
    /// The stack's name.
    pub stack: String,
    /// Its namespace.
    pub namespace: String,
    /// The runs, the newest first.
    pub runs: Vec<Entry>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended with nothing left to do.
    pub finished_at: Option<Timestamp>,
    /// Who ran it.
    pub who: String,
    /// The digest that was approved.
    pub digest: String,
    /// The tool's version.
    pub tool_version: String,
    /// How many steps it had, and how many of them were done.
    pub steps: StepCount,
    /// How it ended.
    pub ended: Ended,
    /// What it came to, in numbers.
    pub summary: String,
    /// The snapshot that it saved.
    pub snapshot: Option<Snapshot>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// With nothing left to do.
    Finished,
    /// With something left to do.
    Stopped,
    /// It holds the lock.
    GoesOn,
}

/// What a journal tells. `holder` is who holds the lock, if anybody does.
pub fn history(stack: &str, namespace: &str, journal: &Journal, holder: Option<&LeaseHolder>) -> History {
    let current = journal.run.as_ref().map(|run| newest(run, holder));
    History {
        stack: stack.to_owned(),
        namespace: namespace.to_owned(),
        runs: current.into_iter().chain(journal.history.iter().map(past)).collect(),
    }
}

fn newest(run: &Run, holder: Option<&LeaseHolder>) -> Entry {
    let Run { digest, actions: _, who, tool_version, started_at, finished_at, .. } = run;
    let goes_on = holder.is_some_and(|holder| holder.identity == *who);
    Entry {
        started_at: *started_at,
        finished_at: *finished_at,
        who: who.clone(),
        digest: digest.clone(),
        tool_version: tool_version.clone(),
        steps: run.steps,
        ended: match finished_at {
            Some(_) => Ended::Finished,
            None if goes_on => Ended::GoesOn,
            None => Ended::Stopped,
        },
        summary: run.summary.clone(),
        snapshot: run.snapshot.clone(),
    }
}

fn past(run: &PastRun) -> Entry {
    let PastRun { digest, who, tool_version, started_at, finished_at, summary, steps, snapshot } =
        run.clone();
    let ended = if finished_at.is_some() { Ended::Finished } else { Ended::Stopped };
    Entry { started_at, finished_at, who, digest, tool_version, steps, ended, summary, snapshot }
}
