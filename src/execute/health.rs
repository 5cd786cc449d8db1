//! How the voters are, and what may be done to one of them in that state.

use std::time::Duration;

use futures::future::join_all;

use super::{Failure, Halt, Run, World};
use crate::{
    member::{Id, Member, Membership, Role, Status, complaint, quorum},
    plan::Guard,
};

/// How long members may take to be healthy: an election, and the five seconds
/// of connection that etcd wants before it changes membership.
const SETTLE: Duration = Duration::from_secs(30);

/// Alarms that make a voter unhealthy all the same: none.
const NONE: &[&str] = &[];
/// A full database does not stand in the way of a restart: with one its quota
/// is raised.
pub(super) const FULL: &[&str] = &["NOSPACE"];

/// A voter, and what is wrong with it.
struct Voter {
    name: String,
    peer_urls: Vec<String>,
    complaint: Option<String>,
}

/// Every voter, and an alarm that is up.
struct Health {
    voters: Vec<Voter>,
    alarm: Option<String>,
}

/// Why a guard does not hold, and what is wrong with each voter.
struct Objection {
    reason: String,
    details: Vec<String>,
}

impl<W: World> Run<'_, W> {
    /// Returns once the voters are as the guard wants them.
    pub(super) async fn healthy_enough(&mut self, guard: &Guard) -> Result<(), Halt> {
        let began = self.world.now();
        loop {
            let objection = match guard {
                Guard::Removable { peer_url } => self.against_removal(peer_url).await?,
                Guard::MayRestart { ordinal } => self.against_restart(*ordinal).await?,
                _ => self.against_change().await?,
            };
            let Some(Objection { reason, details }) = objection else { return Ok(()) };
            self.say(format!("every voter to be healthy: {}", details.first().unwrap_or(&reason)));
            if self.passed(began, SETTLE) {
                return Err(Halt::Stopped { reason, details });
            }
            self.pause(Duration::from_millis(500)).await?;
        }
    }

    async fn against_change(&mut self) -> Result<Option<Objection>, Halt> {
        let membership = self.list().await?;
        let health = self.health(&membership, NONE).await;
        let all = health.voters.len();
        let sick = |first: &String| format!("not all of {all} voters are healthy: {first}");
        let details = health.details();
        Ok(details.first().map(sick).map(|reason| Objection { reason, details }))
    }

    async fn against_removal(&mut self, peer_url: &str) -> Result<Option<Objection>, Halt> {
        let membership = self.list().await?;
        if membership.at(peer_url).is_none_or(|member| member.role == Role::Learner) {
            return Ok(None);
        }
        let health = self.health(&membership, NONE).await;
        let is_it = |voter: &&Voter| voter.peer_urls.iter().any(|url| url == peer_url);
        let Some(target) = health.voters.iter().find(is_it) else { return Ok(None) };
        let reason =
            against_removal(&target.name, health.healthy(), health.voters.len(), target.is_healthy());
        let reason = reason.or_else(|| health.alarm.clone());
        Ok(reason.map(|reason| Objection { reason, details: health.details() }))
    }

    /// One that serves nothing is restarted in any case, as long as the others
    /// do not need its vote: it may be cut off from here and not from them.
    async fn against_restart(&mut self, ordinal: usize) -> Result<Option<Objection>, Halt> {
        let name = self.names.member(ordinal);
        let Some(pod) = self.pod(ordinal).await? else { return Ok(None) };
        let votes = |status: Status| status.leader.0 != 0 && status.role == Role::Voter;
        let serves = pod.ready || self.world.status(ordinal).await.is_ok_and(votes);
        let membership = match self.try_list(None).await? {
            Ok(membership) => membership,
            Err(_) if !serves => return Ok(None),
            Err(reason) => return Ok(Some(Objection { reason, details: Vec::new() })),
        };
        let health = self.health(&membership, FULL).await;
        let all = health.voters.len();
        let is_voter = health.voters.iter().any(|voter| voter.name == name);
        let others = health.voters.iter().filter(|voter| voter.name != name && voter.is_healthy()).count();
        if !is_voter || (!serves && others >= quorum(all)) || health.details().is_empty() {
            return Ok(None);
        }
        let reason = format!("{}; restarting `{name}` needs all of them", only(health.healthy(), all));
        Ok(Some(Objection { reason, details: health.details() }))
    }

    /// Asks every voter, side by side.
    async fn health(&mut self, membership: &Membership, bearable: &[&str]) -> Health {
        let voters: Vec<&Member> =
            membership.members.iter().filter(|member| member.role == Role::Voter).collect();
        let (names, world) = (self.names, self.world);
        let statuses = join_all(voters.iter().map(async |member| {
            let ordinal = member.peer_urls.first().and_then(|url| names.ordinal_of(url))?;
            Some((ordinal, world.status(ordinal).await.map(|status| bearing(status, bearable))))
        }))
        .await;
        let leader = common_leader(statuses.iter().flatten().filter_map(|(_, status)| status.as_ref().ok()));
        let judged = voters.iter().zip(&statuses).map(|(member, status)| {
            let name = status.as_ref().map(|(ordinal, _)| names.member(*ordinal));
            Voter {
                name: name.unwrap_or_else(|| format!("member {}", member.id)),
                peer_urls: member.peer_urls.clone(),
                complaint: judge(member, status.as_ref().map(|(_, status)| status), membership, leader),
            }
        });
        Health { voters: judged.collect(), alarm: self.alarm(bearable).await }
    }

    /// An alarm that is up, in words.
    async fn alarm(&mut self, bearable: &[&str]) -> Option<String> {
        let Some(via) = self.answered else { return Some("alarms cannot be read".to_owned()) };
        match self.world.alarms(via).await {
            Ok(alarms) => alarms
                .iter()
                .find(|alarm| !bearable.contains(&alarm.name.as_str()))
                .map(|alarm| format!("member {} raises alarm {}", alarm.member_id, alarm.name)),
            Err(failure) => Some(format!("alarms cannot be read: {failure}")),
        }
    }
}

impl Voter {
    fn is_healthy(&self) -> bool {
        self.complaint.is_none()
    }
}

impl Health {
    fn healthy(&self) -> usize {
        self.voters.iter().filter(|voter| voter.is_healthy()).count()
    }

    /// All that is wrong.
    fn details(&self) -> Vec<String> {
        let sick = |voter: &Voter| Some(format!("{} {}", voter.name, voter.complaint.as_ref()?));
        self.voters.iter().filter_map(sick).chain(self.alarm.clone()).collect()
    }
}

/// What is wrong with a voter by what it says of itself; nothing can be asked
/// of one that is not this stack's.
fn judge(
    member: &Member,
    status: Option<&Result<Status, Failure>>,
    membership: &Membership,
    leader: Id,
) -> Option<String> {
    match status {
        None => Some("is not one of this stack's".to_owned()),
        // etcd counts it, and nothing is known of who will start there.
        Some(_) if member.name.is_empty() => Some("has never started".to_owned()),
        Some(Err(failure)) => Some(format!("does not answer: {failure}")),
        Some(Ok(status)) => complaint(status, membership, member.id, leader),
    }
}

/// A status without the complaints that do not matter here.
pub(super) fn bearing(mut status: Status, bearable: &[&str]) -> Status {
    status.errors.retain(|error| !bearable.iter().any(|alarm| error.contains(alarm)));
    status
}

/// The leader that most of them know.
fn common_leader<'a>(statuses: impl Iterator<Item = &'a Status> + Clone) -> Id {
    let known = statuses.map(|status| status.leader).filter(|leader| leader.0 != 0);
    let count = |leader: &Id| known.clone().filter(|other| other == leader).count();
    known.clone().max_by_key(count).unwrap_or(Id(0))
}

/// Why a voter may not be removed. etcd takes a change when a quorum is
/// connected before it and after it; this asks for all of them unless the one
/// that goes is itself the sick one.
fn against_removal(name: &str, healthy: usize, voters: usize, is_healthy: bool) -> Option<String> {
    let needs = quorum(voters);
    if voters == 1 {
        Some(format!("`{name}` is the only voter; without it there is no cluster"))
    } else if healthy == voters || (!is_healthy && healthy >= needs) {
        None
    } else if is_healthy {
        Some(format!("{}; removing `{name}`, a healthy one, needs all of them", only(healthy, voters)))
    } else {
        Some(format!("{}; removing `{name}` needs {needs}", only(healthy, voters)))
    }
}

fn only(healthy: usize, voters: usize) -> String {
    let verb = if healthy == 1 { "is" } else { "are" };
    format!("only {healthy} of {voters} voters {verb} healthy")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sick_voter_goes_while_the_healthy_ones_are_a_quorum() {
        let may =
            |voters: usize, dead: usize| against_removal("orders-2", voters - dead, voters, false).is_none();
        let table: Vec<(usize, usize)> = (2..=7)
            .flat_map(|voters| (1..voters).map(move |dead| (voters, dead)))
            .filter(|(voters, dead)| may(*voters, *dead))
            .collect();
        let expected = [(3, 1), (4, 1), (5, 1), (5, 2), (6, 1), (6, 2), (7, 1), (7, 2), (7, 3)];
        assert_eq!(table, expected);
    }

    #[test]
    fn a_healthy_voter_goes_only_while_all_are_healthy_and_the_last_one_never() {
        for voters in 2..=7 {
            assert_eq!(against_removal("orders-2", voters, voters, true), None);
            assert!(against_removal("orders-2", voters - 1, voters, true).is_some());
        }
        assert!(against_removal("orders-0", 1, 1, true).is_some());
    }

    #[test]
    fn the_refusal_has_the_numbers() {
        let sick = against_removal("orders-2", 1, 3, false).unwrap();
        assert_eq!(sick, "only 1 of 3 voters is healthy; removing `orders-2` needs 2");
        let healthy = against_removal("orders-0", 2, 3, true).unwrap();
        assert_eq!(
            healthy,
            "only 2 of 3 voters are healthy; removing `orders-0`, a healthy one, needs all of them"
        );
    }
}
