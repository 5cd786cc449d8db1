//! Asking members. Whom to ask for the list: a voter that answers, the one that did so
//! last before all others. So a dead one is waited for once and not each time.

use std::time::Duration;

use super::{Failure, Halt, Run, World, wait::SECOND};
use crate::{
    desired::ORDINALS,
    member::{Membership, Role, Status},
};

impl<W: World> Run<'_, W> {
    /// A member's status, once it gives one.
    pub(super) async fn answer(&mut self, ordinal: usize) -> Result<Status, Halt> {
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

    /// The ordinals that vote.
    pub(super) fn voters(&self, membership: &Membership) -> Vec<usize> {
        let voters = membership.members.iter().filter(|member| member.role == Role::Voter);
        voters.filter_map(|member| self.names.ordinal_of(member.peer_urls.first()?)).collect()
    }

    /// The member list, from whichever voter answers.
    pub(super) async fn list(&mut self) -> Result<Membership, Halt> {
        self.list_but(None).await
    }

    /// The member list, not from one that is about to go.
    pub(super) async fn list_but(&mut self, going: Option<usize>) -> Result<Membership, Halt> {
        let began = self.world.now();
        loop {
            let reason = match self.try_list(going).await? {
                Ok(membership) => return Ok(membership),
                Err(reason) => reason,
            };
            self.say(format!("a voter to answer: {reason}"));
            if self.is_over(began) {
                return Err(Halt::because(format!("no voter answers, or there is no quorum: {reason}")));
            }
            self.pause(SECOND).await?;
        }
    }

    /// Asks everybody once; the first one's reason if nobody has an answer.
    pub(super) async fn try_list(
        &mut self,
        going: Option<usize>,
    ) -> Result<Result<Membership, String>, Halt> {
        let mut reason = None;
        for ordinal in self.in_turn().into_iter().filter(|ordinal| Some(*ordinal) != going) {
            self.world.hold_lock().await?;
            match self.list_of(ordinal).await? {
                Ok(membership) => {
                    self.answered = Some(ordinal);
                    return Ok(Ok(membership));
                }
                Err(failed) => {
                    reason.get_or_insert(failed);
                }
            }
        }
        self.answered = None;
        Ok(Err(reason.unwrap_or_else(|| "no member is known".to_owned())))
    }

    /// Who answered last, who is recorded, and who else may be there.
    fn in_turn(&self) -> Vec<usize> {
        let recorded = self.journal.members.keys().filter_map(|name| self.names.ordinal_named(name));
        let mut all: Vec<usize> = Vec::new();
        for ordinal in self.answered.into_iter().chain(recorded).chain(0..ORDINALS) {
            if !all.contains(&ordinal) {
                all.push(ordinal);
            }
        }
        all
    }

    /// One member's list; a learner is not asked for it.
    async fn list_of(&mut self, ordinal: usize) -> Result<Result<Membership, String>, Halt> {
        if self.answered != Some(ordinal) {
            match self.world.status(ordinal).await {
                Ok(status) if status.role == Role::Voter => {}
                Ok(_) => return Ok(Err(format!("{} is a learner", self.names.member(ordinal)))),
                Err(failure) => return reason(failure),
            }
        }
        let membership = match self.world.members(ordinal).await {
            Ok(membership) => membership,
            Err(failure) => return reason(failure),
        };
        Ok(match self.journal.cluster_id {
            Some(id) if id != membership.cluster_id => Err(format!(
                "{} belongs to cluster {}, not to {id}",
                self.names.member(ordinal),
                membership.cluster_id
            )),
            _ => Ok(membership),
        })
    }

    /// A voter that answers.
    pub(super) async fn via(&mut self) -> Result<usize, Halt> {
        self.list().await?;
        self.answered.ok_or_else(|| Halt::because("etcd lists no voter of this stack"))
    }
}

/// Why a member gave no answer; the end of the run where it must not go on.
fn reason<T>(failure: Failure) -> Result<Result<T, String>, Halt> {
    match failure {
        Failure::LockLost(_) | Failure::Stale(_) => Err(failure.into()),
        other => Ok(Err(other.to_string())),
    }
}
