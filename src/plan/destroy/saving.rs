//! A snapshot before the members stop, where one can be had.

use super::{
    Desired, Ending, Goes, Intent, Journal, Lookup, Members, Observed, Plan, Run, Snapshot, recorded_cluster,
};
use crate::{
    observed::{Live, Pod},
    plan::Blocked,
};

/// Whether a snapshot is saved. Where data goes and none can be had, that must
/// be asked for. One that was saved before counts once nobody can write any
/// more: as long as members run, what they take since is in none.
pub fn snapshot(
    plan: &mut Plan,
    desired: &Desired,
    observed: &Observed,
    intent: &Intent,
    goes: &Goes,
) -> bool {
    if intent.skip_snapshot || matches!(recorded_cluster(desired, &observed.live), Ok(None)) {
        return false;
    }
    let why = match &observed.members {
        Members::Read(reading) if reading.linearizable => return true,
        Members::Read(_) => "the members have no quorum".to_owned(),
        Members::NotRunning => "no member runs".to_owned(),
        Members::Failed(reason) => format!("the members cannot be asked: {reason}"),
    };
    let stopped = have_stopped(desired, &observed.live);
    match last(observed).filter(|_| stopped) {
        Some(snapshot) if !goes.claims.is_empty() => {
            plan.warnings.push(format!(
                "the data that goes was saved to `{}` when the members stopped",
                snapshot.path
            ));
        }
        None if !goes.claims.is_empty() => plan.blocked.push(Blocked::new(
            "plan::no_snapshot",
            format!("no snapshot can be saved before the data goes: {why}"),
            way_out(desired, observed),
        )),
        None if !stopped => plan
            .warnings
            .push(format!("no snapshot is saved, because {why}; the volumes keep what they hold")),
        _ => {}
    }
    false
}

/// Whether nobody writes any more: neither StatefulSet nor pods are there.
fn have_stopped(desired: &Desired, live: &Live) -> bool {
    let set = live.objects.get(&desired.names.stateful_set());
    let is_member = |pod: &Pod| desired.names.ordinal_named(&pod.name).is_some();
    let pods = live.pods.found().is_none_or(|pods| pods.iter().any(is_member));
    set.is_none_or(Lookup::is_absent) && !pods
}

/// Members that are about to stop have their snapshot once they have.
fn way_out(desired: &Desired, observed: &Observed) -> &'static str {
    let set = observed.live.objects.get(&desired.names.stateful_set());
    let pods = observed.live.pods.found();
    let end = pods.is_some_and(|pods| !pods.is_empty() && pods.iter().all(|pod| pod.terminating));
    match end && set.is_none_or(Lookup::is_absent) && last(observed).is_some() {
        true => {
            "the members are about to stop: once their pods are gone, the snapshot of the last run counts"
        }
        false => {
            "bring the members back with `apply` first, or give up what they hold with `--skip-snapshot`"
        }
    }
}

/// The snapshot of the last run, if that run was to destroy the stack.
fn last(observed: &Observed) -> Option<&Snapshot> {
    let journal: &Journal = observed.live.journal.found()?;
    let run: Option<&Run> = journal.run.as_ref();
    run.filter(|run| run.intended.end == Some(Ending::Destroy))?.snapshot.as_ref()
}
