//! A snapshot before anything goes.

use super::{
    Failure, Halt, Run, World,
    health::Bearable,
    wait::{HEALTH_INTERVAL, SECOND},
};
use crate::{member::Id, observed::journal::Snapshot, report::Event};

impl<W: World> Run<'_, W> {
    /// Saves a snapshot and writes it down. Whether an earlier one is enough is
    /// for the planner to say: what it plans is saved now.
    pub(super) async fn snapshot(&mut self) -> Result<(), Halt> {
        let saved = self.save().await?;
        (self.events)(Event::StepSaved { number: self.number, path: saved.path.clone() });
        if let Some(run) = &mut self.journal.run {
            run.snapshot = Some(saved);
        }
        self.write_down().await
    }

    async fn save(&mut self) -> Result<Snapshot, Halt> {
        let began = self.world.now();
        loop {
            let mut reason = "no voter is healthy".to_owned();
            for via in self.followers_first().await? {
                self.world.hold_lock().await?;
                self.say(format!("{} to send a snapshot", self.names.member(via)));
                match self.world.snapshot(via).await {
                    Ok(saved) => return Ok(saved),
                    Err(Failure::NotNow(failed) | Failure::Unknown(failed)) => reason = failed,
                    Err(failure) => return Err(failure.into()),
                }
            }
            if self.passed(began, HEALTH_INTERVAL) {
                return Err(Halt::because(format!("no snapshot could be saved: {reason}")));
            }
            self.pause(SECOND).await?;
        }
    }

    /// The voters that are healthy, the leader last: it has enough to do.
    async fn followers_first(&mut self) -> Result<Vec<usize>, Halt> {
        let membership = self.list().await?;
        let Some(via) = self.answered else { return Ok(Vec::new()) };
        let Ok(alarms) = self.world.alarms(via).await else { return Ok(Vec::new()) };
        let is_corrupt = |id: Id| alarms.iter().any(|alarm| Bearable::CorruptOf(id).holds(alarm));
        let (mut followers, mut leaders) = (Vec::new(), Vec::new());
        for ordinal in self.voters(&membership) {
            let Ok(status) = self.world.status(ordinal).await else { continue };
            let stranger = status.cluster_id != membership.cluster_id;
            if status.leader == Id(0) || stranger || is_corrupt(status.member_id) {
                continue;
            }
            if status.leader == status.member_id { leaders.push(ordinal) } else { followers.push(ordinal) }
        }
        followers.extend(leaders);
        Ok(followers)
    }
}

#[cfg(test)]
mod tests {
    use crate::execute::fake::Fake;

    #[test]
    fn a_planned_snapshot_is_saved_though_the_journal_has_one() {
        let fake = Fake::of(3);
        for _ in 0..2 {
            fake.run(async |run| run.snapshot().await).unwrap();
            assert!(fake.state().journal.unfinished().unwrap().snapshot.is_some());
        }
        assert_eq!(fake.state().log, ["snapshot of orders-1", "snapshot of orders-1"]);
    }

    #[test]
    fn it_is_asked_of_a_member_that_is_not_corrupt_though_each_repeats_the_alarm() {
        let fake = Fake::of(3);
        fake.raise(1, "CORRUPT");
        fake.run(async |run| run.snapshot().await).unwrap();
        assert_eq!(fake.state().log, ["snapshot of orders-2"]);
    }
}
