//! What a run writes down: itself at the beginning, members, each step that is
//! done, and its end.

use std::time::Duration;

use super::{Failure, Halt, Options, Run, World};
use crate::{
    object::Object,
    observed::journal::{self, Ending, Journal, PastRun, RecordedMember, StepCount},
    plan::{Expects, Fill, Plan, action_hashes, not_ours, removed},
};

/// How many runs the journal keeps before the last one.
const KEPT: usize = 30;

impl<W: World> Run<'_, W> {
    pub(super) async fn begin(&mut self, plan: &Plan) -> Result<(), Halt> {
        self.journal = self.world.journal().await.map_err(Halt::from)?;
        // A journal that was deleted takes it from where else it is recorded.
        self.journal.cluster_id = self.journal.cluster_id.or(plan.recorded);
        let Options { approved, steps_before, who, tool_version, stack, .. } = self.options;
        let run = journal::Run {
            digest: approved.clone(),
            actions: action_hashes(&plan.steps),
            removed: removed(&plan.steps).collect(),
            not_ours: not_ours(plan).into_keys().collect(),
            who: who.clone(),
            tool_version: tool_version.clone(),
            started_at: self.world.now(),
            finished_at: None,
            intended: plan.intended.clone(),
            summary: crate::report::in_numbers(plan),
            steps: StepCount { all: steps_before + plan.steps.len(), done: *steps_before },
            snapshot: None,
            stack: stack.clone(),
        };
        take_over(&mut self.journal, run);
        self.journal.inventory = plan.inventory.clone();
        self.journal.version = Some(plan.version.clone());
        self.write_down().await
    }

    /// Writes down that one more step is done.
    pub(super) async fn step_done(&mut self) -> Result<(), Halt> {
        let number = self.number;
        if let Some(run) = &mut self.journal.run {
            run.steps.done = number;
        }
        self.write_down().await
    }

    /// A run that leaves work to the next one is not finished: what it was
    /// asked for is still to be known.
    pub(super) async fn finish(&mut self, complete: bool) -> Result<(), Halt> {
        if !complete {
            return Ok(());
        }
        let now = self.world.now();
        if let Some(run) = &mut self.journal.run {
            run.finished_at = Some(now);
        }
        self.write_down().await
    }

    /// Writes down a member that its own status and the list agree on.
    pub(super) async fn record_member(
        &mut self,
        ordinal: usize,
        name: &str,
        peer_url: &str,
        claim: &Object,
    ) -> Result<(), Halt> {
        let status = self.answer(ordinal).await?;
        let membership = self.list().await?;
        let listed =
            membership.at(peer_url).ok_or_else(|| Halt::because(format!("etcd does not list {name}")))?;
        if listed.id != status.member_id {
            let reason = format!(
                "{name} calls itself {}, but etcd lists {} at its address",
                status.member_id, listed.id
            );
            return Err(Halt::because(reason));
        }
        let Some(found) = self.claim(ordinal).await? else {
            return Err(Halt::because(format!("the claim of {name} is gone")));
        };
        // Once others are recorded, 0 may have been replaced.
        let alone = self.journal.members.keys().all(|other| other == name);
        let founded_on = self.journal.founding.as_ref().and_then(|founding| founding.claim_uid.as_ref());
        if ordinal == 0 && alone && founded_on.is_some_and(|uid| *uid != found.uid) {
            return Err(Halt::because(format!("claim `{}` was made anew since the founding", found.name)));
        }
        let recorded =
            RecordedMember { peer_url: peer_url.to_owned(), id: listed.id, claim_uid: found.uid.clone() };
        self.journal.members.insert(name.to_owned(), recorded);
        self.write_down().await?;
        self.apply(claim, &Expects::Uid(found.uid), &[Fill::ClusterId], &[]).await
    }

    /// Writes the journal, once more when it is unknown whether it was written.
    pub(super) async fn write_down(&mut self) -> Result<(), Halt> {
        if self.over {
            return Ok(());
        }
        let mut attempt = 0;
        loop {
            self.world.hold_lock().await?;
            match self.world.write_journal(&self.journal).await {
                Err(Failure::Unknown(_)) if attempt < 5 => attempt += 1,
                answer => return answer.map_err(Halt::from),
            }
            self.world.sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Writes down that nothing is left of a run which could not know that before
/// another plan was made.
pub async fn finished<W: World>(world: &W) -> Result<(), Failure> {
    let mut journal = world.journal().await?;
    if let Some(run) = &mut journal.run {
        run.finished_at.get_or_insert(world.now());
    }
    world.write_journal(&journal).await
}

/// Makes a run the one that goes on. One that goes on with what was approved
/// before keeps that, and its snapshot: it tells the planner that there is one.
/// So does one destroy after another.
fn take_over(journal: &mut Journal, mut run: journal::Run) {
    if let Some(last) = journal.run.take() {
        // What was saved when the members stopped is all that they had.
        let destroy = |run: &journal::Run| run.intended.end == Some(Ending::Destroy);
        let stopped = destroy(&last) && destroy(&run);
        let goes_on = last.finished_at.is_none() && last.digest == run.digest;
        if stopped || goes_on {
            run.snapshot.clone_from(&last.snapshot);
        }
        // A plan of what is left may not see all of it yet.
        if goes_on {
            run.actions.clone_from(&last.actions);
            run.removed.clone_from(&last.removed);
            run.not_ours.clone_from(&last.not_ours);
        }
        // One that found nothing to do is nothing to tell of.
        if last.steps.all > 0 {
            journal.history.insert(0, past(last));
        }
        journal.history.truncate(KEPT);
    }
    journal.run = Some(run);
}

fn past(run: journal::Run) -> PastRun {
    let journal::Run {
        digest,
        actions: _,
        removed: _,
        not_ours: _,
        who,
        tool_version,
        started_at,
        finished_at,
        intended: _,
        summary,
        steps,
        snapshot,
        stack: _,
    } = run;
    PastRun { digest, who, tool_version, started_at, finished_at, summary, steps, snapshot }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        execute::fake::Fake,
        member::Id,
        observed::{Intended, journal::Snapshot},
    };

    fn run(digest: &str, seconds: i64) -> journal::Run {
        journal::Run {
            digest: digest.to_owned(),
            actions: Vec::new(),
            removed: BTreeSet::new(),
            not_ours: BTreeSet::new(),
            who: "you".to_owned(),
            tool_version: "1".to_owned(),
            started_at: Timestamp::constant(seconds, 0),
            finished_at: None,
            intended: Intended::default(),
            summary: "1 to add".to_owned(),
            steps: StepCount { all: 3, done: 1 },
            snapshot: None,
            stack: String::new(),
        }
    }

    fn saved() -> Option<Snapshot> {
        Some(Snapshot { path: "a.db".to_owned(), revision: 7, saved_at: Timestamp::constant(1, 0) })
    }

    #[test]
    fn a_run_that_goes_on_with_an_approval_keeps_its_snapshot_and_another_does_not() {
        let finished_at = Some(Timestamp::constant(2, 0));
        let before = journal::Run { snapshot: saved(), ..run("a", 1) };
        for (last, next, expected) in [
            (before.clone(), "a", saved()),
            (before.clone(), "b", None),
            (journal::Run { finished_at, ..before.clone() }, "a", None),
        ] {
            let mut journal = Journal { run: Some(last), ..Journal::default() };
            take_over(&mut journal, run(next, 3));
            assert_eq!(journal.run.as_ref().unwrap().snapshot, expected);
            assert_eq!(journal.history[0].snapshot, saved());
        }
    }

    #[test]
    fn a_run_that_goes_on_with_an_approval_keeps_all_that_was_approved() {
        let before =
            journal::Run { actions: vec!["a".into(), "b".into()], removed: [Id(4)].into(), ..run("a", 1) };
        for (digest, kept) in [("a", true), ("b", false)] {
            let mut journal = Journal { run: Some(before.clone()), ..Journal::default() };
            take_over(&mut journal, journal::Run { actions: vec!["b".into()], ..run(digest, 3) });
            let run = journal.run.unwrap();
            assert_eq!((run.actions.len() == 2, run.removed.contains(&Id(4))), (kept, kept));
        }
    }

    #[test]
    fn the_snapshot_of_members_that_stopped_is_kept_from_one_destroy_to_the_next() {
        let intended = Intended { end: Some(Ending::Destroy), ..Intended::default() };
        let finished_at = Some(Timestamp::constant(2, 0));
        let last = journal::Run { snapshot: saved(), intended: intended.clone(), finished_at, ..run("a", 1) };
        for (next, expected) in [(intended, saved()), (Intended::default(), None)] {
            let mut journal = Journal { run: Some(last.clone()), ..Journal::default() };
            take_over(&mut journal, journal::Run { intended: next, ..run("b", 3) });
            assert_eq!(journal.run.unwrap().snapshot, expected);
        }
    }

    #[test]
    fn a_run_that_leaves_work_is_not_finished() {
        for complete in [true, false] {
            let fake = Fake::of(1);
            fake.state().journal.run = Some(run("a", 1));
            fake.run(async |run| run.finish(complete).await).unwrap();
            assert_eq!(fake.state().journal.unfinished().is_some(), !complete);
        }
    }

    #[test]
    fn a_run_that_found_nothing_to_do_is_not_kept() {
        let steps = StepCount::default();
        let idle = journal::Run { steps, finished_at: Some(Timestamp::constant(2, 0)), ..run("a", 1) };
        let mut journal = Journal { run: Some(idle), ..Journal::default() };
        take_over(&mut journal, run("b", 3));
        assert_eq!(journal.history, []);
    }

    #[test]
    fn the_last_thirty_runs_are_kept_the_newest_first() {
        let mut journal = Journal::default();
        for seconds in 0..40 {
            take_over(&mut journal, run("a", seconds));
        }
        let began: Vec<i64> = journal.history.iter().map(|past| past.started_at.as_second()).collect();
        assert_eq!(began, (9..39).rev().collect::<Vec<_>>());
        assert_eq!(journal.run, Some(run("a", 39)));
    }
}
