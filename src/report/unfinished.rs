//! A run that ended before its last step, as the plan that goes on with it
//! tells of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    observed::{
        Intended, LeaseHolder, Live,
        journal::{Ending, StepCount},
    },
    plan::{Plan, action_hashes, goes_on},
};

/// The run that a plan goes on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unfinished {
    /// Who ran it.
    pub who: String,
    /// When it started.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// The digest that was approved for it.
    pub digest: String,
    /// How many steps it had, and how many of them are done.
    pub steps: StepCount,
    /// What it was asked for beside the stack file, in words.
    pub asked_for: Vec<String>,
    /// Whether it holds the lock: then it is going on.
    pub holds_lock: bool,
}

/// The run that this plan goes on with, if there is one.
pub fn unfinished(plan: &Plan, live: &Live, now: Timestamp) -> Option<Unfinished> {
    let run = live.journal.found()?.run.as_ref().filter(|run| run.finished_at.is_none())?;
    if !goes_on(&run.actions, &action_hashes(&plan.steps)) {
        return None;
    }
    let holds = |holder: &&LeaseHolder| holder.until > now && holder.identity == run.who;
    Some(Unfinished {
        who: run.who.clone(),
        started_at: run.started_at,
        digest: run.digest.clone(),
        steps: run.steps,
        asked_for: asked_for(&run.intended),
        holds_lock: live.lease.found().filter(holds).is_some(),
    })
}

/// What was asked for, in words.
pub fn asked_for(intended: &Intended) -> Vec<String> {
    let Intended { replace, restart, remove, take, adopt, end, delete: _ } = intended;
    let names = |names: Vec<&str>| names.join(", ");
    let mut all = Vec::new();
    all.extend(end.map(|end| match end {
        Ending::Destroy => "destroy the stack".to_owned(),
        Ending::Forget => "hand the stack over".to_owned(),
    }));
    if !replace.is_empty() {
        all.push(format!("replace {}", names(replace.keys().map(String::as_str).collect())));
    }
    if !restart.is_empty() {
        all.push(format!("restart {}", names(restart.keys().map(String::as_str).collect())));
    }
    all.extend(remove.iter().map(|id| format!("remove member {id}")));
    all.extend(take.iter().map(|field| format!("take {} from {}", field.field, field.manager)));
    all.extend(adopt.iter().map(|one| format!("adopt {}", one.object)));
    all
}

/// A run's identity as people say it: `ann@laptop/4711`, without what tells one
/// process from a later one of the same number.
pub fn short_name(identity: &str) -> &str {
    match identity.rsplit_once('/') {
        Some((who, process)) => {
            let number = process.split(['.', '-']).next().unwrap_or_default();
            identity.get(..who.len() + 1 + number.len()).unwrap_or(identity)
        }
        None => identity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_without_what_only_programs_compare() {
        let long = "ann@laptop/4711.81523.b00t-pid4026531836";
        assert_eq!(
            [long, "ci@runner/12-17000", "ci@run", ""].map(short_name),
            ["ann@laptop/4711", "ci@runner/12", "ci@run", ""]
        );
    }
}
