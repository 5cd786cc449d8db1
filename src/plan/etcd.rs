//! The etcd cluster as it is: for display, and as a reason not to begin.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Blocked, Etcd,
    membership::{Listed, Move, State},
    state::ordinal,
};
use crate::{
    desired::Desired,
    member::{Alarm, Id, Member, Role, complaint, removal_needs, without_alarms},
    observed::{EtcdReading, Members, Observed},
};

/// The ids of this stack's listed members, by ordinal.
pub fn ids(desired: &Desired, observed: &Observed) -> BTreeMap<usize, Id> {
    let Members::Read(reading) = &observed.members else { return BTreeMap::new() };
    ids_of(desired, reading)
}

fn ids_of(desired: &Desired, reading: &EtcdReading) -> BTreeMap<usize, Id> {
    let members = reading.membership.members.iter();
    members.filter_map(|member| Some((ordinal(desired, member)?, member.id))).collect()
}

/// The addresses of listed members that are not this stack's, by id.
pub fn strangers(desired: &Desired, observed: &Observed) -> BTreeMap<Id, String> {
    let Members::Read(reading) = &observed.members else { return BTreeMap::new() };
    let members = reading.membership.members.iter();
    let foreign = members.filter(|member| ordinal(desired, member).is_none());
    foreign.filter_map(|member| Some((member.id, member.peer_urls.first()?.clone()))).collect()
}

/// The cluster in a few numbers; `None` while nobody can be asked.
pub fn summary(desired: &Desired, observed: &Observed) -> Option<Etcd> {
    let Members::Read(reading) = &observed.members else { return None };
    let leads = |member: &&Member| Some(member.id) == reading.leader();
    Some(Etcd {
        cluster_id: reading.membership.cluster_id,
        members: reading.membership.members.clone(),
        healthy: healthy(desired, reading),
        leader: reading.membership.members.iter().find(leads).map(|member| member.name.clone()),
        alarms: reading.alarms.clone(),
        db_size: reading.statuses.values().flatten().map(|status| status.db_size).max().unwrap_or(0),
        quota: desired.stack.etcd.quota,
    })
}

/// Why moves may not begin. Every voter must answer, agree on a leader and
/// report no error, and no alarm may be raised; only what is dead may go, and
/// what serves nothing may restart. etcd itself refuses most changes
/// otherwise; the tool does not try.
pub fn unhealthy(desired: &Desired, observed: &Observed, moves: &[(State, Move, State)]) -> Vec<Blocked> {
    let Members::Read(reading) = &observed.members else { return Vec::new() };
    let first = moves.iter().find_map(|(state, one, _)| in_the_way(desired, reading, state, one));
    let raised = moves.iter().find_map(|(state, one, _)| raised(desired, reading, state, one));
    // A restart may be what brings members back to one version.
    let changes = |one: &Move| needs_health(one) && !matches!(one, Move::Restart(_));
    let skew = skew(reading).filter(|_| moves.iter().any(|(_, one, _)| changes(one)));
    first.into_iter().chain(raised).chain(skew).collect()
}

/// Whether a move is made only while every voter is healthy.
fn needs_health(one: &Move) -> bool {
    match one {
        Move::Invite(_) | Move::Promote(_) | Move::Restart(_) => true,
        Move::Retire(_) | Move::Remove(_) | Move::RemoveStranger(_) => true,
        Move::OpenFounding | Move::StartFounder | Move::RecordCluster | Move::Seal | Move::Start(_) => false,
        Move::RecordMember(_) | Move::BringBack(_) | Move::Revive(_) | Move::Save => false,
        Move::Empty(_) | Move::DeleteClaim(_) => false,
        Move::Grow(_) | Move::Recreate | Move::MakeAgain(_) => false,
    }
}

fn in_the_way(desired: &Desired, reading: &EtcdReading, state: &State, one: &Move) -> Option<Blocked> {
    if !state.recorded || !state.quorum || !needs_health(one) {
        return None;
    }
    match one {
        Move::Retire(ordinal) | Move::Remove(ordinal) if !state.members.contains_key(ordinal) => None,
        Move::Retire(ordinal) | Move::Remove(ordinal) if state.learns(*ordinal) => None,
        Move::Retire(ordinal) | Move::Remove(ordinal) if state.is_dead(*ordinal) => {
            too_few(state, &desired.names.member(*ordinal))
        }
        Move::RemoveStranger(id) if state.strangers.get(id) == Some(&Role::Learner) => None,
        Move::RemoveStranger(id) if reading.leader() == Some(*id) => Some(Blocked::new(
            "plan::stranger_leads",
            format!("member {id} leads and is not one of this stack's"),
            "hand leadership over with `etcdctl move-leader` at its own endpoint first",
        )),
        Move::RemoveStranger(id) => too_few(state, &format!("member {id}")),
        _ if state.sick.is_empty() => None,
        _ => Some(sick_voters(desired, reading, state)),
    }
}

/// Whether a dead member's removal is out of reach: etcd commits it with a
/// quorum of the list, and what remains must have one as well.
fn too_few(state: &State, who: &str) -> Option<Blocked> {
    let strangers = state.strangers.values().filter(|role| **role == Role::Voter).count();
    let (healthy, voters) = (state.healthy(), state.voters() + strangers);
    let needed = removal_needs(voters, healthy, false).err()?;
    Some(Blocked::new(
        "plan::unhealthy",
        format!(
            "only {healthy} of {voters} voters {} healthy, and removing {who} needs {needed}",
            if healthy == 1 { "is" } else { "are" }
        ),
        "bring this stack's own members back with their data first",
    ))
}

fn sick_voters(desired: &Desired, reading: &EtcdReading, state: &State) -> Blocked {
    let voters = state.voters();
    Blocked::new(
        "plan::unhealthy",
        format!(
            "only {} of {voters} voters of `{}` are healthy: {}",
            voters - state.sick.len(),
            desired.stack.name,
            complaints(desired, reading, &state.sick)
                .into_iter()
                .map(|(name, what)| format!("{name} {what}"))
                .collect::<Vec<_>>()
                .join("; ")
        ),
        "membership changes and members restart only while every voter is healthy; look at the pods named \
             here, or name a member that is lost with `--replace`",
    )
}

/// What a plan that leaves members alone should still say of them.
pub fn warnings(desired: &Desired, observed: &Observed, state: &State) -> Vec<String> {
    let Members::Read(reading) = &observed.members else { return Vec::new() };
    if !reading.linearizable {
        return Vec::new();
    }
    let say = |(name, what)| {
        format!("{name} {what}; if it is lost, `--replace {name}` makes it anew from what the others hold")
    };
    complaints(desired, reading, &state.sick).into_iter().map(say).collect()
}

/// The names of sick members, each with what is wrong, in words that follow it.
fn complaints(desired: &Desired, reading: &EtcdReading, sick: &BTreeSet<usize>) -> Vec<(String, String)> {
    let members = reading.membership.members.iter();
    let sick =
        members.filter(|member| ordinal(desired, member).is_some_and(|ordinal| sick.contains(&ordinal)));
    sick.filter_map(|member| Some((name(desired, member), trouble(desired, reading, member)?))).collect()
}

/// The alarms that forbid a move. A database that is full does not forbid a
/// restart: that is how a larger quota comes to the members.
/// Nor does what a member itself found corrupt forbid that it is replaced, which
/// also lowers the alarm.
fn raised(desired: &Desired, reading: &EtcdReading, state: &State, one: &Move) -> Option<Blocked> {
    let ids = ids_of(desired, reading);
    let ordinal_of =
        |alarm: &Alarm| ids.iter().find(|(_, id)| **id == alarm.member_id).map(|(ordinal, _)| *ordinal);
    let goes = |alarm: &Alarm| {
        ordinal_of(alarm).is_some_and(|ordinal| {
            [Move::Remove(ordinal), Move::Retire(ordinal)].contains(one) || state.left.contains(&ordinal)
        })
    };
    let forbids = |alarm: &&Alarm| match one {
        Move::Restart(_) => !alarm.is_of_space(),
        other => needs_health(other) && !(alarm.is_of_corruption() && goes(alarm)),
    };
    let raised: Vec<&Alarm> = reading.alarms.iter().filter(forbids).collect();
    let whose = |alarm: &Alarm| match ordinal_of(alarm) {
        Some(ordinal) => desired.names.member(ordinal),
        None => format!("member {}", alarm.member_id),
    };
    let words: Vec<String> =
        raised.iter().map(|alarm| format!("{} on {}", alarm.name, whose(alarm))).collect();
    Some(Blocked::new(
        "plan::alarm",
        format!("alarms are raised: {}", words.join(", ")),
        cure(raised.first()?, &whose),
    ))
}

/// What clears the cause of an alarm.
/// <https://etcd.io/docs/v3.6/op-guide/maintenance/>
/// <https://etcd.io/docs/v3.6/op-guide/data_corruption/>
fn cure(alarm: &Alarm, whose: &impl Fn(&Alarm) -> String) -> String {
    if alarm.is_of_space() {
        "raise `etcd.quota`, or compact and defragment; then `etcdctl alarm disarm`".to_owned()
    } else if alarm.is_of_corruption() {
        format!("`--replace {}` makes it anew from what the others hold", whose(alarm))
    } else {
        "clear the cause, then the alarm (`etcdctl alarm disarm`)".to_owned()
    }
}

/// Members of two minor versions: an upgrade or a downgrade is half done, and
/// while it is, members neither come nor go.
/// <https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/>
fn skew(reading: &EtcdReading) -> Option<Blocked> {
    let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    let answers = || reading.statuses.iter().filter_map(|(name, status)| Some((name, status.as_ref().ok()?)));
    let minors: BTreeSet<Option<String>> = answers().map(|(_, status)| minor(&status.version)).collect();
    let all: Vec<String> = answers().map(|(name, status)| format!("{name} {}", status.version)).collect();
    (minors.len() > 1).then(|| {
        Blocked::new(
            "plan::version_skew",
            format!("the members run different minor versions of etcd: {}", all.join(", ")),
            "bring them to one minor version first",
        )
    })
}

/// How many members vote, as far as is known.
pub fn voters(observed: &Observed) -> usize {
    match &observed.members {
        Members::Read(reading) => reading.membership.voters(),
        Members::NotRunning | Members::Failed(_) => 0,
    }
}

fn healthy(desired: &Desired, reading: &EtcdReading) -> Vec<String> {
    let members = reading.membership.members.iter();
    let healthy = members.filter(|member| trouble(desired, reading, member).is_none());
    healthy.map(|member| name(desired, member)).collect()
}

/// Voters that are not healthy, and those of them that do not answer at all.
pub fn sick(
    desired: &Desired,
    observed: &Observed,
    members: &BTreeMap<usize, Listed>,
) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let votes = |ordinal: &usize| matches!(members.get(ordinal), Some(Listed::Voter | Listed::Unstarted));
    let reachable = |ordinal: &usize| serves_perhaps(desired, observed, *ordinal);
    let Members::Read(reading) = &observed.members else {
        let all: BTreeSet<usize> = members.keys().copied().filter(votes).collect();
        let silent = all.iter().copied().filter(|ordinal| !reachable(ordinal)).collect();
        return (all, silent);
    };
    let listed = reading.membership.members.iter();
    let voters = listed.filter_map(|member| Some((ordinal(desired, member)?, member)));
    let sick: BTreeSet<usize> = voters
        .filter(|(ordinal, member)| votes(ordinal) && trouble(desired, reading, member).is_some())
        .map(|(ordinal, _)| ordinal)
        .collect();
    let answers =
        |ordinal: &usize| matches!(reading.statuses.get(&desired.names.member(*ordinal)), Some(Ok(_)));
    let silent = sick.iter().copied().filter(|ordinal| !answers(ordinal) && !reachable(ordinal)).collect();
    (sick, silent)
}

/// Whether a member that cannot be asked from here may serve all the same: its
/// pod is Ready, or on a node of which nothing is heard or nothing is known.
fn serves_perhaps(desired: &Desired, observed: &Observed, ordinal: usize) -> bool {
    let Some(pod) = observed.live.pod(&desired.names.member(ordinal)) else { return false };
    let mut nodes = observed.live.nodes.found().into_iter().flatten();
    let mut is_ready = |name: &String| nodes.any(|node| node.name == *name && node.ready);
    pod.ready || pod.node.as_ref().is_some_and(|name| !is_ready(name))
}

/// A member's name; before it has started, that of its pod.
fn name(desired: &Desired, member: &Member) -> String {
    ordinal(desired, member).map_or_else(|| member.name.clone(), |ordinal| desired.names.member(ordinal))
}

/// What is wrong with a member, in words that follow its name.
fn trouble(desired: &Desired, reading: &EtcdReading, member: &Member) -> Option<String> {
    match reading.statuses.get(&name(desired, member)) {
        None => Some("has no pod".to_owned()),
        Some(Err(reason)) => Some(format!("does not answer: {reason}")),
        Some(Ok(status)) => {
            let status = without_alarms(status.clone());
            complaint(&status, &reading.membership, member.id, reading.leader().unwrap_or(Id(0)))
        }
    }
}

/// The ordinal of the leader.
pub fn leader_ordinal(desired: &Desired, observed: &Observed) -> Option<usize> {
    let Members::Read(reading) = &observed.members else { return None };
    let leads = |member: &&Member| Some(member.id) == reading.leader();
    ordinal(desired, reading.membership.members.iter().find(leads)?)
}
