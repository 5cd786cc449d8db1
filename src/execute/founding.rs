//! Founding, written down before and after.

use super::{Halt, Run, World};
use crate::{observed::journal::Founding, plan::Wait};

impl<W: World> Run<'_, W> {
    /// From here on the founder's volume may hold the cluster.
    pub(super) async fn begin_founding(&mut self) -> Result<(), Halt> {
        let started_at = self.world.now();
        self.journal.founding.get_or_insert(Founding { started_at, claim_uid: None });
        self.write_down().await
    }

    /// Writes the founder's claim down as soon as it is seen. From then on it
    /// must be there: another one is another, empty volume.
    pub(super) async fn see_founding_claim(&mut self) -> Result<(), Halt> {
        let seen = self.journal.founding.as_ref().and_then(|founding| founding.claim_uid.clone());
        let name = self.names.claim(0).name;
        let may = "its volume may have held the cluster";
        match (self.claim(0).await?, seen) {
            (Some(claim), Some(uid)) if claim.uid == uid => Ok(()),
            (Some(_), Some(_)) => {
                Err(Halt::because(format!("claim `{name}` was made anew during the founding: {may}")))
            }
            (None, Some(_)) => {
                Err(Halt::because(format!("claim `{name}` went away during the founding: {may}")))
            }
            (None, None) => Ok(()),
            (Some(claim), None) => {
                if let Some(founding) = &mut self.journal.founding {
                    founding.claim_uid = Some(claim.uid);
                    self.write_down().await?;
                }
                Ok(())
            }
        }
    }

    /// Founding is over for ever. Waits until the founder leads: a run that
    /// goes on from here may find it in its first election.
    pub(super) async fn record_cluster(&mut self) -> Result<(), Halt> {
        self.wait(&Wait::Founded { ordinal: 0 }).await?;
        self.see_founding_claim().await?;
        let status = self.answer(0).await?;
        match self.journal.cluster_id {
            Some(id) if id != status.cluster_id => Err(Halt::because(format!(
                "{} serves cluster {}, but cluster {id} is recorded",
                self.names.member(0),
                status.cluster_id
            ))),
            Some(_) => Ok(()),
            None => {
                self.journal.cluster_id = Some(status.cluster_id);
                self.write_down().await
            }
        }
    }
}
