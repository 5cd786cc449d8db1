//! The etcd cluster as it is: for display, and as a reason not to begin.

use super::{
    Blocked, Etcd,
    membership::{Move, State},
};
use crate::{
    desired::Desired,
    member::{Id, Member, Role, complaint},
    observed::{EtcdReading, Members, Observed},
};

/// The cluster in a few numbers; `None` while nobody can be asked.
pub fn summary(desired: &Desired, observed: &Observed) -> Option<Etcd> {
    let Members::Read(reading) = &observed.members else { return None };
    let leads = |member: &&Member| member.id == leader(reading);
    Some(Etcd {
        cluster_id: reading.membership.cluster_id,
        members: reading.membership.members.clone(),
        healthy: healthy(reading),
        leader: reading.membership.members.iter().find(leads).map(|member| member.name.clone()),
        alarms: reading.alarms.clone(),
        db_size: reading.statuses.values().flatten().map(|status| status.db_size).max().unwrap_or(0),
        quota: desired.stack.etcd.quota,
    })
}

/// Why moves may not begin: every voter must answer, agree on a leader and
/// report no error, and no alarm may be raised. etcd itself refuses most
/// changes otherwise; the tool does not try.
pub fn unhealthy(desired: &Desired, observed: &Observed, moves: &[(State, Move, State)]) -> Vec<Blocked> {
    let begins = moves.first().is_some_and(|(state, ..)| state.recorded);
    let changes = moves
        .iter()
        .any(|(_, one, _)| matches!(one, Move::Invite(_) | Move::Promote(_) | Move::RecordMember(_)));
    let Members::Read(reading) = &observed.members else { return Vec::new() };
    if !begins || !changes {
        return Vec::new();
    }
    let mut blocked = Vec::new();
    let sick = sick_voters(reading);
    if !sick.is_empty() {
        let voters = reading.membership.voters();
        blocked.push(Blocked {
            code: "plan::unhealthy".to_owned(),
            reason: format!(
                "only {} of {voters} voters of `{}` are healthy: {}",
                voters - sick.len(),
                desired.stack.name,
                sick.join("; ")
            ),
            help: Some(
                "membership changes only while every voter is healthy; look at the pods named here"
                    .to_owned(),
            ),
        });
    }
    if !reading.alarms.is_empty() {
        let alarms: Vec<String> = reading
            .alarms
            .iter()
            .map(|alarm| format!("{} on member {}", alarm.name, alarm.member_id))
            .collect();
        blocked.push(Blocked {
            code: "plan::alarm".to_owned(),
            reason: format!("alarms are raised: {}", alarms.join(", ")),
            help: Some("clear the cause, then the alarm (`etcdctl alarm disarm`)".to_owned()),
        });
    }
    blocked
}

/// How many members vote, as far as is known.
pub fn voters(observed: &Observed) -> usize {
    match &observed.members {
        Members::Read(reading) => reading.membership.voters(),
        Members::NotRunning | Members::Failed(_) => 0,
    }
}

fn healthy(reading: &EtcdReading) -> Vec<String> {
    let members = reading.membership.members.iter();
    members.filter(|member| trouble(reading, member).is_none()).map(|member| member.name.clone()).collect()
}

fn sick_voters(reading: &EtcdReading) -> Vec<String> {
    let voters = reading.membership.members.iter().filter(|member| member.role == Role::Voter);
    voters.filter_map(|member| Some(format!("{} {}", member.name, trouble(reading, member)?))).collect()
}

/// What is wrong with a member, in words that follow its name.
fn trouble(reading: &EtcdReading, member: &Member) -> Option<String> {
    match reading.statuses.get(&member.name) {
        None => Some("has no pod".to_owned()),
        Some(Err(reason)) => Some(format!("does not answer: {reason}")),
        Some(Ok(status)) => complaint(status, &reading.membership, member.id, leader(reading)),
    }
}

/// The leader that the first of those who know one knows; zero if nobody does.
fn leader(reading: &EtcdReading) -> Id {
    let known = reading.statuses.values().flatten().map(|status| status.leader);
    known.into_iter().find(|leader| leader.0 != 0).unwrap_or(Id(0))
}
