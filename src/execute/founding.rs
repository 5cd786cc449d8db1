//! Founding, written down before and after.

use std::time::Duration;

use super::{Failure, Halt, Run, World};
use crate::{
    object::Object,
    observed::journal::{Founding, RecordedMember},
    plan::{Fill, Wait},
};

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
        let expects = crate::plan::Expects::Uid(found.uid);
        Box::pin(self.act(&crate::plan::Action::Apply {
            object: claim.clone(),
            expects,
            fill: vec![Fill::ClusterId],
            take: Vec::new(),
        }))
        .await
    }

    /// A member's status, once it gives one.
    pub(super) async fn answer(&mut self, ordinal: usize) -> Result<crate::member::Status, Halt> {
        let began = self.world.now();
        loop {
            match self.world.status(ordinal).await {
                Ok(status) => return Ok(status),
                Err(Failure::NotNow(reason) | Failure::Unknown(reason)) => {
                    let name = self.names.member(ordinal);
                    self.say(format!("{name} to answer: {reason}"));
                    if self.is_over(began) {
                        return Err(self.gave_up(ordinal, format!("{name} does not answer: {reason}")).await);
                    }
                }
                Err(failure) => return Err(failure.into()),
            }
            self.pause(Duration::from_millis(500)).await?;
        }
    }
}
