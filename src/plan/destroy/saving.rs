//! A snapshot before the members stop, where one can be had.

use jiff::{SignedDuration, Timestamp};

use super::{
    Desired, Ending, Goes, Intent, Journal, Lookup, Members, Observed, Plan, Run, Snapshot, recorded_cluster,
};
use crate::plan::{Blocked, state::SNAPSHOT_HOURS};

/// Whether a snapshot is saved. Where data goes and none can be had, that must
/// be asked for.
pub fn snapshot(
    plan: &mut Plan,
    desired: &Desired,
    observed: &Observed,
    intent: &Intent,
    goes: &Goes,
    now: Timestamp,
) -> bool {
    if intent.skip_snapshot || matches!(recorded_cluster(desired, &observed.live), Ok(None)) {
        return false;
    }
    let last = last(observed);
    if last.is_some_and(|(run, snapshot)| run.finished_at.is_none() && is_recent(snapshot, now)) {
        return false;
    }
    let why = match &observed.members {
        Members::Read(reading) if reading.linearizable => return true,
        Members::Read(_) => "the members have no quorum".to_owned(),
        Members::NotRunning => "no member runs".to_owned(),
        Members::Failed(reason) => format!("the members cannot be asked: {reason}"),
    };
    let stopped = observed.live.objects.get(&desired.names.stateful_set()).is_none_or(Lookup::is_absent);
    match last.filter(|_| stopped) {
        // Nobody has written since.
        Some((_, snapshot)) if !goes.claims.is_empty() => {
            plan.warnings.push(format!(
                "the data that goes was saved to `{}` when the members stopped",
                snapshot.path
            ));
        }
        None if !goes.claims.is_empty() => plan.blocked.push(Blocked::new(
            "plan::no_snapshot",
            format!("no snapshot can be saved before the data goes: {why}"),
            "bring the members back with `apply` first, or give up what they hold with `--skip-snapshot`",
        )),
        None if !stopped => plan
            .warnings
            .push(format!("no snapshot is saved, because {why}; the volumes keep what they hold")),
        _ => {}
    }
    false
}

/// The snapshot of the last run, if that run was to destroy the stack.
fn last(observed: &Observed) -> Option<(&Run, &Snapshot)> {
    let journal: &Journal = observed.live.journal.found()?;
    let run = journal.run.as_ref().filter(|run| run.intended.end == Some(Ending::Destroy))?;
    Some((run, run.snapshot.as_ref()?))
}

fn is_recent(snapshot: &Snapshot, now: Timestamp) -> bool {
    now.duration_since(snapshot.saved_at) < SignedDuration::from_hours(SNAPSHOT_HOURS)
}
