//! A cluster as it is: what `status` shows.

use jiff::Timestamp;
use serde::Serialize;

use super::{in_numbers, unread::grouped};
use crate::{
    desired::Desired,
    member::{Alarm, Id, Role, quorum},
    observed::{EtcdReading, Live, Lookup, Members, Observed},
    plan::{self, Against, Plan, days_left, recorded_cluster},
};

mod member;

/// One cluster, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClusterStatus {
    /// The stack's name.
    pub stack: String,
    /// Its namespace.
    pub namespace: String,
    /// The cluster's id as etcd says it or as it was written down.
    pub cluster_id: Option<Id>,
    /// How it is, in a word.
    pub state: State,
    /// Whether it is healthy; `None` while nobody knows.
    pub healthy: Option<bool>,
    /// Voters that must agree; `None` unless etcd lists them.
    pub quorum: Option<usize>,
    /// Voters that are healthy; `None` unless etcd lists them.
    pub voters_up: Option<usize>,
    /// Each member, by ordinal.
    pub members: Vec<MemberStatus>,
    /// What is wrong with the cluster besides its members, a sentence each.
    pub problems: Vec<String>,
    /// What is no fault, but not finished either.
    pub notes: Vec<String>,
    /// Alarms that are raised.
    pub alarms: Vec<Alarm>,
    /// Certificates, by Secret.
    pub certificates: Vec<CertificateStatus>,
    /// What `plan` would say.
    pub pending: Pending,
    /// How many fields, objects and members others changed since the last
    /// apply; `None` while a run is unfinished, after a destroy, and where not all
    /// could be read.
    pub changed_by_others: Option<usize>,
    /// What could not be read, one reason for all that it hits.
    pub unread: Vec<String>,
    /// What to do next, where there is something.
    pub next: Option<Next>,
    /// The recording that it is from; `None` where the cluster was asked.
    pub against: Option<Against>,
}

/// How a cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing was founded yet.
    Absent,
    /// Every voter is healthy, all agree on a leader, and no alarm is raised.
    /// A learner does not count: nothing depends on it.
    Healthy,
    /// It is there, and not so.
    Unhealthy,
    /// Nobody could be asked.
    Unknown,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Apply: nothing is there yet.
    Apply,
    /// Apply again: a run was interrupted.
    ApplyAgain,
    /// Plan: it says what stands in the way.
    Plan,
    /// Get the rights that the plan lists.
    Rights,
}

/// What an apply of the stack file would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// Whether it would.
    pub state: PendingState,
    /// In one line.
    pub summary: String,
}

/// Whether an apply of the stack file would change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingState {
    /// What runs is what the file says.
    None,
    /// It would.
    Changes,
    /// Something stands in the way.
    Blocked,
    /// Not everything could be read.
    Unknown,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberStatus {
    /// Its name, which is its pod's.
    pub name: String,
    /// Its id, once it is listed.
    pub id: Option<Id>,
    /// Whether etcd lists it; `None` while nobody can be asked.
    pub listed: Option<bool>,
    /// Voter or learner, once it is listed.
    pub role: Option<Role>,
    /// Whether it leads; `None` while nobody can be asked.
    pub leader: Option<bool>,
    /// Whether it answers, agrees on the leader and reports no error; `None`
    /// while nobody knows.
    pub healthy: Option<bool>,
    /// What is wrong with it, in words that follow its name.
    pub problem: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The node of its pod.
    pub node: Option<String>,
    /// The zone of that node.
    pub zone: Option<String>,
    /// Bytes that its database takes.
    pub db_size: Option<i64>,
    /// Bytes of them in use.
    pub db_size_in_use: Option<i64>,
    /// The quota in bytes that it runs with.
    pub quota: Option<u64>,
    /// How often its container was started again.
    pub restarts: Option<i32>,
}

/// One certificate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CertificateStatus {
    /// The Secret that holds it.
    pub secret: String,
    /// Its subject.
    pub subject: String,
    /// When it ends.
    pub not_after: Timestamp,
    /// Whole days until then.
    pub days_left: i64,
}

/// The status of what was observed, and of the plan that was made from it.
pub fn of(plan: &Plan, desired: &Desired, observed: &Observed, now: Timestamp) -> ClusterStatus {
    let live = &observed.live;
    let reading = member::reading(observed);
    let mut members = member::members(desired, observed);
    if plan.against.is_some() {
        // A recording does not hold what changes all the time.
        members.iter_mut().for_each(|member| (member.db_size, member.db_size_in_use) = (None, None));
    }
    let voters = reading.map(|reading| reading.membership.voters());
    let up = members.iter().filter(|one| one.role == Some(Role::Voter) && one.healthy == Some(true)).count();
    let alarms = reading.map(|reading| reading.alarms.clone()).unwrap_or_default();
    let recorded = recorded_cluster(desired, live).ok().flatten();
    let problems = problems(desired, observed, &members, up);
    let state = match reading {
        Some(_) if problems.is_empty() && alarms.is_empty() && Some(up) == voters => State::Healthy,
        Some(_) => State::Unhealthy,
        None if is_absent(plan, desired, observed) => State::Absent,
        None if !problems.is_empty() => State::Unhealthy,
        None => State::Unknown,
    };
    let unread = unread(plan, observed);
    let learner = members.iter().any(|member| member.role == Some(Role::Learner));
    let busy = live.lease.found().filter(|holder| holder.until > now).map(|holder| holder.identity.as_str());
    ClusterStatus {
        stack: plan.stack.clone(),
        namespace: plan.namespace.clone(),
        cluster_id: reading.map(|reading| reading.membership.cluster_id).or(recorded),
        state,
        healthy: (state != State::Unknown).then_some(state == State::Healthy),
        quorum: voters.map(quorum),
        voters_up: voters.map(|_| up),
        members,
        problems,
        notes: notes(plan, learner, busy),
        alarms,
        certificates: certificates(live, now),
        pending: pending(plan, &unread),
        changed_by_others: changed_by_others(desired, observed).filter(|_| unread.is_empty()),
        next: next(plan, state, learner || recorded.is_none(), busy.is_some()),
        against: plan.against.clone(),
        unread,
    }
}

/// Whether nothing was founded yet, as far as everything that would tell was
/// read.
fn is_absent(plan: &Plan, desired: &Desired, observed: &Observed) -> bool {
    let live = &observed.live;
    let founded = recorded_cluster(desired, live);
    let absent = live.objects.get(&desired.names.stateful_set()).is_none_or(Lookup::is_absent);
    let nobody = observed.members == Members::NotRunning;
    absent && nobody && plan.unread.is_empty() && matches!(founded, Ok(None))
}

/// What is wrong with the cluster besides its members.
fn problems(desired: &Desired, observed: &Observed, members: &[MemberStatus], up: usize) -> Vec<String> {
    match &observed.members {
        Members::Read(reading) => without_quorum(reading, up).into_iter().collect(),
        Members::NotRunning => {
            let stateful_set = observed.live.objects.get(&desired.names.stateful_set());
            let founded = recorded_cluster(desired, &observed.live);
            let known = stateful_set.is_some_and(|one| one.found().is_some()) || !matches!(founded, Ok(None));
            known.then(|| "none of its pods exists".to_owned()).into_iter().collect()
        }
        // Where no pod runs, nobody needs to be asked.
        Members::Failed(_) if !members.is_empty() && members.iter().all(|one| one.healthy == Some(false)) => {
            vec!["no member runs".to_owned()]
        }
        Members::Failed(_) => Vec::new(),
    }
}

fn without_quorum(reading: &EtcdReading, up: usize) -> Option<String> {
    let voters = reading.membership.voters();
    let needed = quorum(voters);
    if !reading.linearizable && up < needed {
        return Some(format!(
            "there is no quorum: {up} of {voters} voters are healthy, and {needed} are needed"
        ));
    }
    if !reading.linearizable {
        return Some("the list of members is not confirmed by a quorum".to_owned());
    }
    reading.leader().is_none().then(|| "there is no leader that all agree on".to_owned())
}

fn unread(plan: &Plan, observed: &Observed) -> Vec<String> {
    let mut all = plan.unread.clone();
    if let Members::Failed(reason) = &observed.members
        && !all.iter().any(|one| one.contains(reason))
    {
        all.push(format!("the members cannot be asked: {reason}"));
    }
    grouped(&all)
}

fn notes(plan: &Plan, learner: bool, busy: Option<&str>) -> Vec<String> {
    let note = match (learner, busy) {
        (true, Some(holder)) => Some(format!("a learner is joining: {holder} holds the lock")),
        (true, None) => Some("a learner is left from an unfinished apply: apply again".to_owned()),
        (false, Some(holder)) => Some(format!("{holder} holds the lock")),
        (false, None) => None,
    };
    // What must not be done now is for whoever was woken.
    let safe = plan.blocked.iter().find(|blocked| blocked.code == "plan::no_quorum");
    note.into_iter().chain(safe.and_then(|blocked| blocked.help.clone())).collect()
}

/// `unfinished` says whether a run broke off; `busy`, whether one goes on.
fn next(plan: &Plan, state: State, unfinished: bool, busy: bool) -> Option<Next> {
    let forbidden = plan.blocked.iter().any(|blocked| blocked.code == "plan::missing_rights");
    match state {
        _ if busy => None,
        State::Absent | State::Unknown if forbidden => Some(Next::Rights),
        State::Absent if plan.is_applicable() => Some(Next::Apply),
        State::Absent | State::Unknown => Some(Next::Plan),
        State::Healthy | State::Unhealthy if plan.is_applicable() && unfinished => Some(Next::ApplyAgain),
        State::Healthy | State::Unhealthy => None,
    }
}

fn certificates(live: &Live, now: Timestamp) -> Vec<CertificateStatus> {
    let held = live
        .secrets
        .iter()
        .filter_map(|(key, facts)| Some((key, facts.certificate.as_ref()?.as_ref().ok()?)));
    held.map(|(key, facts)| CertificateStatus {
        secret: key.name.clone(),
        subject: facts.subject.clone(),
        not_after: facts.not_after,
        days_left: days_left(facts, now),
    })
    .collect()
}

fn changed_by_others(desired: &Desired, observed: &Observed) -> Option<usize> {
    let run = observed.live.journal.found()?.run.as_ref()?;
    let since = run.finished_at.filter(|_| run.intended.end.is_none())?;
    Some(plan::drift(desired, observed, since).by_others())
}

fn pending(plan: &Plan, unread: &[String]) -> Pending {
    let (state, summary) = if !unread.is_empty() {
        (PendingState::Unknown, "not everything could be read".to_owned())
    } else if let Some(blocked) = plan.blocked.first() {
        (PendingState::Blocked, format!("{} (plan shows all)", blocked.reason))
    } else if plan.is_empty() {
        (PendingState::None, "what runs is what it says".to_owned())
    } else {
        (PendingState::Changes, in_numbers(plan))
    };
    Pending { state, summary }
}
