//! Waiting until a step is done, and how long for what.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Halt, Run, World};
use crate::plan::Wait;

/// How long etcd may call a cluster unhealthy that is not: it wants five
/// seconds of connection to every peer after each start.
/// (`server/etcdserver/server.go`, `isConnectedFullySince`)
pub(super) const HEALTH_INTERVAL: Duration = Duration::from_secs(60);
/// Entries by which a member that has caught up may lag: its leader writes on
/// while it is asked.
pub(super) const LAG: u64 = 100;
/// How long to let be before asking again what changes slowly.
pub(super) const SECOND: Duration = Duration::from_secs(1);

impl<W: World> Run<'_, W> {
    /// Returns once it holds; stops when the step's time is over.
    pub(super) async fn wait(&mut self, wait: &Wait) -> Result<(), Halt> {
        let began = self.world.now();
        loop {
            if let Wait::Founded { .. } = wait {
                self.see_founding_claim().await?;
            }
            let Some((ordinal, missing)) = self.lacks(wait).await? else { return Ok(()) };
            let pod = self.pod_in_words(ordinal).await;
            self.say(format!("{missing}{pod}"));
            if self.is_over(began) {
                let name = self.names.member(ordinal);
                let seconds = self.options.step_timeout.as_secs();
                return Err(self.gave_up(ordinal, format!("waited {seconds} s for {name}: {missing}")).await);
            }
            self.pause(Duration::from_millis(500)).await?;
        }
    }

    /// Whether the step's time is over.
    pub(super) fn is_over(&self, began: Timestamp) -> bool {
        self.passed(began, self.options.step_timeout)
    }

    /// Whether so much time has passed.
    pub(super) fn passed(&self, began: Timestamp, time: Duration) -> bool {
        self.world.now().duration_since(began)
            >= SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
    }
}
