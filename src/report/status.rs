//! A cluster as it is: what `status` shows.

use jiff::Timestamp;
use serde::Serialize;

use super::in_numbers;
use crate::{
    desired::{Desired, ORDINALS},
    member::{Alarm, Id, Member, Role, Status, quorum},
    observed::{Live, Members, Observed},
    plan::{Plan, days_left},
};

/// One cluster, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClusterStatus {
    /// The stack's name.
    pub stack: String,
    /// Its namespace.
    pub namespace: String,
    /// The cluster's id; `None` while nobody can be asked.
    pub cluster_id: Option<Id>,
    /// Whether as many voters as wanted answer, agree on a leader, and no
    /// alarm is raised.
    pub healthy: bool,
    /// Voters that must agree.
    pub quorum: usize,
    /// Voters that answer.
    pub voters_up: usize,
    /// Each member, by ordinal.
    pub members: Vec<MemberStatus>,
    /// Alarms that are raised.
    pub alarms: Vec<Alarm>,
    /// Certificates, by Secret.
    pub certificates: Vec<CertificateStatus>,
    /// What `plan` would say.
    pub drift: Drift,
    /// What could not be read.
    pub unread: Vec<String>,
}

/// How what runs differs from the stack file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Whether it does.
    pub state: DriftState,
    /// In one line.
    pub summary: String,
}

/// Whether what runs differs from the stack file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftState {
    /// It does not.
    None,
    /// It does, and `apply` would change that.
    Changes,
    /// It does, and something stands in the way.
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
    /// Voter or learner, once it is listed.
    pub role: Option<Role>,
    /// Whether it leads.
    pub leader: bool,
    /// Whether it answers, knows a leader and reports no error.
    pub healthy: bool,
    /// What is wrong with it.
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
    /// The quota in bytes.
    pub quota: u64,
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
    let reading = match &observed.members {
        Members::Read(reading) => Some(reading),
        Members::NotRunning | Members::Failed(_) => None,
    };
    let listed = reading.map(|reading| reading.membership.members.as_slice()).unwrap_or_default();
    let voters = listed.iter().filter(|member| member.role == Role::Voter).count();
    let members: Vec<MemberStatus> = names(desired, live, listed)
        .into_iter()
        .map(|name| member(desired, observed, listed, name))
        .collect();
    let voters_up =
        members.iter().filter(|member| member.healthy && member.role == Some(Role::Voter)).count();
    let alarms = reading.map(|reading| reading.alarms.clone()).unwrap_or_default();
    let linearizable = reading.is_some_and(|reading| reading.linearizable);
    let wanted = usize::from(desired.stack.members);
    let mut unread = plan.unread.clone();
    if let Members::Failed(reason) = &observed.members
        && unread.is_empty()
    {
        unread.push(format!("the members cannot be asked: {reason}"));
    }
    ClusterStatus {
        stack: plan.stack.clone(),
        namespace: plan.namespace.clone(),
        cluster_id: reading.map(|reading| reading.membership.cluster_id),
        healthy: linearizable && voters_up == voters && voters >= wanted && alarms.is_empty(),
        quorum: quorum(voters),
        voters_up,
        members,
        alarms,
        certificates: certificates(live, now),
        drift: drift(plan),
        unread,
    }
}

/// Listed members and pods, by ordinal.
fn names(desired: &Desired, live: &Live, listed: &[Member]) -> Vec<String> {
    let names = &desired.names;
    let ours =
        |member: &Member| names.ordinal_of(member.peer_urls.first()?).map(|ordinal| names.member(ordinal));
    let pods = live.pods.found().into_iter().flatten().map(|pod| pod.name.clone());
    let strangers = listed.iter().filter(|member| ours(member).is_none()).map(|member| member.name.clone());
    let mut all: Vec<String> = listed.iter().filter_map(ours).chain(pods).chain(strangers).collect();
    all.sort();
    all.dedup();
    all
}

fn member(desired: &Desired, observed: &Observed, listed: &[Member], name: String) -> MemberStatus {
    let live = &observed.live;
    let pod = live.pods.found().into_iter().flatten().find(|pod| pod.name == name);
    let node = pod.and_then(|pod| pod.node.clone());
    let zone = live.nodes.found().into_iter().flatten().find(|other| Some(&other.name) == node.as_ref());
    let ordinal = (0..ORDINALS).find(|ordinal| desired.names.member(*ordinal) == name);
    let at = ordinal.map(|ordinal| desired.names.peer_url(ordinal));
    let member = listed
        .iter()
        .find(|member| at.as_ref().is_some_and(|url| member.peer_urls.contains(url)) || member.name == name);
    let answer = match &observed.members {
        Members::Read(reading) => reading.statuses.get(&name).cloned(),
        Members::NotRunning => None,
        Members::Failed(reason) => Some(Err(reason.clone())),
    };
    let problem = problem(
        member,
        answer.as_ref(),
        pod.and_then(|pod| pod.trouble.as_ref())
            .map(|trouble| format!("{}: {}", trouble.reason, trouble.message)),
    );
    let status: Option<Status> = answer.and_then(Result::ok);
    MemberStatus {
        id: member.map(|member| member.id),
        role: member.map(|member| member.role),
        leader: status
            .as_ref()
            .is_some_and(|status| status.leader == status.member_id && status.leader.0 != 0),
        healthy: problem.is_none(),
        problem,
        version: status.as_ref().map(|status| status.version.clone()),
        node,
        zone: zone.and_then(|node| node.zone.clone()),
        db_size: status.as_ref().map(|status| status.db_size),
        db_size_in_use: status.as_ref().map(|status| status.db_size_in_use),
        quota: desired.stack.etcd.quota,
        restarts: pod.map(|pod| pod.restarts),
        name,
    }
}

fn problem(
    member: Option<&Member>,
    answer: Option<&Result<Status, String>>,
    trouble: Option<String>,
) -> Option<String> {
    let Some(member) = member else {
        return Some(trouble.unwrap_or_else(|| "etcd does not list it".to_owned()));
    };
    match answer {
        None => Some("it has no pod".to_owned()),
        Some(Err(reason)) => Some(trouble.unwrap_or_else(|| reason.clone())),
        Some(Ok(status)) if !status.errors.is_empty() => Some(status.errors.join(", ")),
        Some(Ok(status)) if status.leader.0 == 0 => Some("it knows no leader".to_owned()),
        Some(Ok(status)) if status.member_id != member.id => {
            Some(format!("it calls itself {}", status.member_id))
        }
        Some(Ok(_)) => None,
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

fn drift(plan: &Plan) -> Drift {
    let (state, summary) = if !plan.unread.is_empty() {
        (DriftState::Unknown, "not everything could be read".to_owned())
    } else if let Some(blocked) = plan.blocked.first() {
        (DriftState::Blocked, format!("{} (plan shows all)", blocked.reason))
    } else if plan.is_empty() {
        (DriftState::None, "what runs is what the stack file says".to_owned())
    } else {
        (DriftState::Changes, in_numbers(plan))
    };
    Drift { state, summary }
}
