//! How the voters are, and what may be done to one of them in that state.

use std::time::Duration;

use futures::future::join_all;

use super::{Failure, Halt, Run, World};
use crate::{
    member::{Alarm, Id, Member, Membership, Role, Status, complaint, quorum, removal_needs, without_alarms},
    observed::{Lookup, Node, Pod},
    plan::Guard,
};

/// How long members may take to be healthy: an election, and the five seconds
/// of connection that etcd wants before it changes membership.
const SETTLE: Duration = Duration::from_secs(30);

/// Alarms that do not stand in the way.
#[derive(Clone, Copy)]
pub(super) enum Bearable {
    /// None of them.
    Nothing,
    /// That of a full database: with a restart its quota is raised.
    Full,
    /// That of the member with this id, whose data is corrupt: it is to go.
    CorruptOf(Id),
}

impl Bearable {
    /// Whether an alarm is one of them.
    pub(super) fn holds(self, alarm: &Alarm) -> bool {
        match self {
            Bearable::Nothing => false,
            Bearable::Full => alarm.is_of_space(),
            Bearable::CorruptOf(id) => alarm.is_of_corruption() && alarm.member_id == id,
        }
    }
}

/// A voter, and what is wrong with it.
struct Voter {
    name: String,
    id: Id,
    complaint: Option<String>,
}

/// Every voter, and an alarm that stands in the way.
struct Health {
    voters: Vec<Voter>,
    alarm: Option<String>,
}

/// Why a guard does not hold, and what is wrong with each voter.
struct Objection {
    /// What would have to hold.
    wanted: String,
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
            let Some(Objection { wanted, reason, details }) = objection else { return Ok(()) };
            self.say(wanted);
            if self.passed(began, SETTLE) {
                return Err(Halt::Stopped { reason, details });
            }
            self.pause(Duration::from_millis(500)).await?;
        }
    }

    async fn against_change(&mut self) -> Result<Option<Objection>, Halt> {
        let membership = self.list().await?;
        let health = self.health(&membership, Bearable::Nothing).await;
        let all = health.voters.len();
        let details = health.details();
        Ok(details.first().cloned().map(|first| Objection {
            wanted: format!("every voter to be healthy: {first}"),
            reason: format!("not all of {all} voters are healthy: {first}"),
            details,
        }))
    }

    async fn against_removal(&mut self, peer_url: &str) -> Result<Option<Objection>, Halt> {
        let membership = self.list().await?;
        let Some(id) = membership.at(peer_url).filter(|member| member.role == Role::Voter).map(|it| it.id)
        else {
            return Ok(None);
        };
        let health = self.health(&membership, Bearable::CorruptOf(id)).await;
        Ok(health.against_removal(id))
    }

    /// One that serves nothing is restarted in any case, as long as the others
    /// do not need its vote: it may be cut off from here and not from them.
    async fn against_restart(&mut self, ordinal: usize) -> Result<Option<Objection>, Halt> {
        let name = self.names.member(ordinal);
        let Some(pod) = self.pod(ordinal).await? else { return Ok(None) };
        let status = self.world.status(ordinal).await;
        let membership = match self.try_list(None).await? {
            Ok(membership) => membership,
            Err(unlisted) => return Ok(self.against_restart_alone(&pod, status.is_ok(), unlisted).await),
        };
        let votes = |status: Status| status.leader.0 != 0 && status.role == Role::Voter;
        let serves = pod.ready || status.is_ok_and(votes);
        let health = self.health(&membership, Bearable::Full).await;
        let all = health.voters.len();
        let is_voter = health.voters.iter().any(|voter| voter.name == name);
        let others = health.voters.iter().filter(|voter| voter.name != name && voter.is_healthy()).count();
        let details = health.details();
        let Some(first) = details.first() else { return Ok(None) };
        if !is_voter || (!serves && others >= quorum(all)) {
            return Ok(None);
        }
        let wanted = format!("every voter to be healthy: {first}");
        let reason = format!("{}; restarting `{name}` needs all of them", only(health.healthy(), all));
        Ok(Some(Objection { wanted, reason, details }))
    }

    /// Nobody gives a list, so perhaps there is no quorum.
    async fn against_restart_alone(&self, pod: &Pod, answers: bool, unlisted: String) -> Option<Objection> {
        let node = match &pod.node {
            Some(node) => Some(self.world.node(node).await),
            None => None,
        };
        let objection = against_restart_alone(pod, answers, node.as_ref())?;
        let reason = format!("{objection}, and no voter gives the member list: {unlisted}");
        Some(Objection { wanted: format!("a voter to answer: {unlisted}"), reason, details: Vec::new() })
    }

    /// Asks every voter, side by side.
    async fn health(&mut self, membership: &Membership, bearable: Bearable) -> Health {
        let voters: Vec<&Member> =
            membership.members.iter().filter(|member| member.role == Role::Voter).collect();
        let (names, world) = (self.names, self.world);
        let statuses = join_all(voters.iter().map(async |member| {
            let ordinal = member.peer_urls.first().and_then(|url| names.ordinal_of(url))?;
            Some((ordinal, world.status(ordinal).await.map(without_alarms)))
        }))
        .await;
        let answers = statuses.iter().flatten().filter_map(|(_, status)| status.as_ref().ok());
        let leader = membership.most_named(answers).map_or(Id(0), |(id, _)| id);
        let alarms = self.raised().await;
        let is_corrupt = |id: Id| {
            let holds = |alarm: &Alarm| Bearable::CorruptOf(id).holds(alarm);
            alarms.as_ref().is_ok_and(|alarms| alarms.iter().any(holds))
        };
        let judged = voters.iter().zip(&statuses).map(|(member, status)| {
            let name = status.as_ref().map(|(ordinal, _)| names.member(*ordinal));
            let complaint = judge(member, status.as_ref().map(|(_, status)| status), membership, leader);
            let corrupt = || is_corrupt(member.id).then(|| "raises alarm CORRUPT".to_owned());
            Voter {
                name: name.unwrap_or_else(|| format!("member {}", member.id)),
                id: member.id,
                complaint: complaint.or_else(corrupt),
            }
        });
        Health { voters: judged.collect(), alarm: in_the_way(&alarms, bearable) }
    }

    /// The alarms that are up.
    async fn raised(&mut self) -> Result<Vec<Alarm>, String> {
        match self.answered {
            Some(via) => self.world.alarms(via).await.map_err(|failure| failure.to_string()),
            None => Err("no voter answers".to_owned()),
        }
    }
}

/// An alarm that stands in the way, in words.
fn in_the_way(alarms: &Result<Vec<Alarm>, String>, bearable: Bearable) -> Option<String> {
    match alarms {
        Ok(alarms) => {
            let first = alarms.iter().find(|alarm| !bearable.holds(alarm))?;
            Some(format!("member {} raises alarm {}", first.member_id, first.name))
        }
        Err(reason) => Some(format!("alarms cannot be read: {reason}")),
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

    fn against_removal(&self, id: Id) -> Option<Objection> {
        let target = self.voters.iter().find(|voter| voter.id == id)?;
        let (name, voters, healthy) = (&target.name, self.voters.len(), self.healthy());
        let few = too_few(name, voters, healthy, target.is_healthy());
        let reason = few.or_else(|| self.alarm.clone())?;
        let whom = match removal_needs(voters, healthy, target.is_healthy()) {
            Err(needs) if !target.is_healthy() => format!("{needs} of {voters} voters"),
            _ => "every voter".to_owned(),
        };
        let details = self.details();
        let of_others = details.iter().find(|detail| !detail.starts_with(&format!("{name} ")));
        let wanted = format!("{whom} to be healthy: {}", of_others.unwrap_or(&reason));
        Some(Objection { wanted, reason, details })
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

/// Why a pod that perhaps serves nobody may not be deleted where no list can be
/// had. A member that answers without a quorum opens no client port any more
/// once it restarts: what it has could not be saved from it. One on a node that
/// is cut off from here may serve its peers. Without a node nothing runs.
/// (`server/embed/serve.go` waits for `ReadyNotify`)
fn against_restart_alone(pod: &Pod, answers: bool, node: Option<&Lookup<Node>>) -> Option<String> {
    let name = &pod.name;
    if pod.ready || answers {
        return Some(format!("`{name}` answers, and restarted without a quorum it would not any more"));
    }
    match (node?, &pod.node) {
        (Lookup::Found(Node { ready: true, .. }), _) => None,
        (Lookup::Failed(reason), Some(node)) => {
            Some(format!("`{name}` may serve its peers: node `{node}` cannot be read ({reason})"))
        }
        (_, node) => {
            let node = node.as_deref().unwrap_or_default();
            Some(format!("`{name}` may serve its peers: its node `{node}` is not Ready"))
        }
    }
}

/// Why a voter may not be removed, in numbers.
fn too_few(name: &str, voters: usize, healthy: usize, is_healthy: bool) -> Option<String> {
    let needs = removal_needs(voters, healthy, is_healthy).err()?;
    Some(if voters == 1 {
        format!("`{name}` is the only voter; without it there is no cluster")
    } else if is_healthy {
        format!("{}; removing `{name}`, a healthy one, needs all of them", only(healthy, voters))
    } else {
        format!("{}; removing `{name}` needs {needs}", only(healthy, voters))
    })
}

fn only(healthy: usize, voters: usize) -> String {
    let verb = if healthy == 1 { "is" } else { "are" };
    format!("only {healthy} of {voters} voters {verb} healthy")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::fake::{Fake, State};

    #[test]
    fn the_refusal_has_the_numbers() {
        let sick = too_few("orders-2", 3, 1, false).unwrap();
        assert_eq!(sick, "only 1 of 3 voters is healthy; removing `orders-2` needs 2");
        let healthy = too_few("orders-0", 3, 2, true).unwrap();
        assert_eq!(
            healthy,
            "only 2 of 3 voters are healthy; removing `orders-0`, a healthy one, needs all of them"
        );
    }
    fn guard(fake: &Fake, guard: &Guard) -> Result<(), Halt> {
        fake.run(async |run| run.guard(guard).await)
    }

    type Change = fn(&mut State);

    fn silence(state: &mut State, ordinal: usize) {
        state.statuses.remove(&ordinal);
        state.pods.get_mut(&ordinal).unwrap().ready = false;
    }

    #[test]
    fn without_a_list_only_what_surely_serves_nobody_is_restarted() {
        let changes: [(bool, Change); 7] = [
            (true, |_| {}),
            (true, |state| state.pods.get_mut(&1).unwrap().node = None),
            (false, |state| state.pods.get_mut(&1).unwrap().ready = true),
            (false, |state| state.nodes.get_mut("node-1").unwrap().ready = false),
            (false, |state| drop(state.nodes.remove("node-1"))),
            (false, |state| {
                let status = state.statuses[&0].clone();
                state.statuses.insert(1, Status { leader: Id(0), ..status });
            }),
            (false, |state| drop(state.statuses.insert(1, state.statuses[&0].clone()))),
        ];
        for (number, (may, change)) in changes.into_iter().enumerate() {
            let fake = Fake::of(3);
            fake.state().membership = None;
            silence(&mut fake.state(), 1);
            change(&mut fake.state());
            assert_eq!(guard(&fake, &Guard::MayRestart { ordinal: 1 }).is_ok(), may, "{number}");
        }
    }

    #[test]
    fn a_corrupt_member_may_go_and_nobody_else_may() {
        let removable = |fake: &Fake, ordinal| {
            guard(fake, &Guard::Removable { peer_url: fake.names.peer_url(ordinal) }).is_ok()
        };
        let fake = Fake::of(3);
        fake.raise(2, "CORRUPT");
        assert!(removable(&fake, 2) && !removable(&fake, 1));
        assert!(guard(&fake, &Guard::VotersHealthy).is_err());
        assert!(guard(&fake, &Guard::MayRestart { ordinal: 1 }).is_err());
        silence(&mut fake.state(), 1);
        assert!(!removable(&fake, 2), "one of two would be left");
    }

    #[test]
    fn a_full_database_stands_in_the_way_of_all_but_restarts() {
        let fake = Fake::of(3);
        fake.raise(2, "NOSPACE");
        assert!(guard(&fake, &Guard::MayRestart { ordinal: 1 }).is_ok());
        assert!(guard(&fake, &Guard::VotersHealthy).is_err());
        assert!(guard(&fake, &Guard::Removable { peer_url: fake.names.peer_url(2) }).is_err());
    }

    #[test]
    fn a_removal_says_for_whom_it_waits() {
        let fake = Fake::of(5);
        for ordinal in 2..5 {
            silence(&mut fake.state(), ordinal);
        }
        let url = fake.names.peer_url(2);
        let said = fake.run(async |run| {
            let halt = run.guard(&Guard::Removable { peer_url: url }).await.unwrap_err();
            assert!(matches!(halt, Halt::Stopped { details, .. } if details.len() == 3));
            run.said.clone()
        });
        assert_eq!(said, "3 of 5 voters to be healthy: orders-3 does not answer: connection refused");
    }
}
