//! What membership is decided from: the live objects, the member list, the
//! claims and the journal, brought together, or the reasons why that cannot be
//! done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    Blocked, Intent, compare, etcd,
    membership::{self, Gone, Listed, Replacing, State, Volume},
    template::{self, Template},
    volumes,
};
use crate::{
    desired::{CLUSTER_ID, Desired, Window},
    member::{Id, Member, Role},
    object::Object,
    observed::{Claim, Intended, Journal, Live, Lookup, Members, Observed, Pod, journal::Snapshot},
};

mod reasons;

/// How long the snapshot of a run counts for the run that goes on with it.
pub const SNAPSHOT_HOURS: i64 = 24;

/// What a state is made from, besides what was observed.
pub struct Asked<'a> {
    /// What the command line asks for.
    pub intent: &'a Intent,
    /// The same, by identity.
    pub intended: &'a Intended,
    /// What becomes of the pod template.
    pub template: &'a Template,
    /// Whether members cannot be asked before certificates are issued.
    pub cut_off: bool,
    /// Whether the StatefulSet must be made anew.
    pub outgrown: bool,
    /// The snapshot that an unfinished run saved, where it counts.
    pub snapshot: Option<&'a Snapshot>,
    /// When.
    pub now: Timestamp,
}

/// The state; `Err` with every reason why none can be made out. There is none
/// and no reason for it where the members could not be read, which is said
/// elsewhere, or are cut off: then nothing is decided about them.
pub fn state(desired: &Desired, observed: &Observed, asked: &Asked<'_>) -> Result<State, Vec<Blocked>> {
    let Some(id) = recorded_cluster(desired, &observed.live).map_err(|blocked| vec![blocked])? else {
        return unfounded(desired, observed, asked);
    };
    let cut_off = asked.cut_off && !quorate(&observed.members);
    if cut_off || compare::other_peer_port(desired, &observed.live).is_some() {
        return Err(Vec::new());
    }
    let mut blocked = Vec::new();
    blocked.extend(reasons::other_cluster(observed, id));
    let state = founded(desired, observed, asked);
    blocked.extend(reasons::nobody_to_come_back(desired, observed, id, &state));
    if !blocked.is_empty() {
        return Err(blocked);
    }
    blocked.extend(reasons::foreign_members(desired, observed, asked.intended));
    blocked.extend(reasons::lost_claims(desired, observed, &state));
    blocked.extend(reasons::lost_volumes(desired, observed, &state));
    blocked.extend(reasons::members_in_doubt(desired, &state));
    blocked.extend(volumes::refused(desired, &observed.live, &state));
    // What a move would help with is no reason to stop, unless another one is.
    if !state.quorum && (!blocked.is_empty() || membership::next(&state).is_none()) {
        match &observed.members {
            Members::Read(reading) => blocked.push(reasons::no_quorum(desired, reading, observed)),
            Members::NotRunning if state.gone.is_some() => {}
            Members::NotRunning => blocked.push(reasons::not_running(desired, observed, id)),
            // Said once, as something that could not be read.
            Members::Failed(_) => return Err(blocked),
        }
    }
    if blocked.is_empty() { Ok(state) } else { Err(blocked) }
}

/// The id of the cluster that was founded here, from the journal and from the
/// StatefulSet's annotation: either is enough, two different ones are a reason
/// to stop.
pub(crate) fn recorded_cluster(desired: &Desired, live: &Live) -> Result<Option<Id>, Blocked> {
    let journal = live.journal.found().and_then(|journal| journal.cluster_id);
    let stateful_set = live.objects.get(&desired.names.stateful_set()).and_then(Lookup::found);
    let annotation = match stateful_set.and_then(|object| object.annotation(CLUSTER_ID)).map(str::parse) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => {
            return Err(Blocked::new(
                "plan::unreadable_cluster",
                format!("annotation `{CLUSTER_ID}` of `{}` is no id", desired.names.stateful_set()),
                "put back the id that `etcdctl endpoint status -w table` shows",
            ));
        }
    };
    let claims = live.claims.found().into_iter().flatten().filter_map(|claim| claim.cluster_id);
    let mut ids: Vec<Id> = journal.into_iter().chain(annotation).chain(claims).collect();
    ids.sort();
    ids.dedup();
    match ids.as_slice() {
        [] => Ok(None),
        [id] => Ok(Some(*id)),
        [first, .., last] => Err(Blocked::new(
            "plan::two_clusters",
            format!("two clusters are recorded for `{}`: {first} and {last}", desired.stack.name),
            "find out which one holds the data before anything else is done",
        )),
    }
}

/// Whether it is a reason to leave members alone, but no objects.
pub fn is_for_want_of_a_quorum(reason: &Blocked) -> bool {
    ["plan::no_quorum", "plan::not_running"].contains(&reason.code.as_str())
}

fn quorate(members: &Members) -> bool {
    matches!(members, Members::Read(reading) if reading.linearizable)
}

fn unfounded(desired: &Desired, observed: &Observed, asked: &Asked<'_>) -> Result<State, Vec<Blocked>> {
    let blocked = reasons::unfounded(desired, observed);
    let (wanted, outgrown) = (desired.stack.members.into(), asked.outgrown);
    let state = State { wanted, outgrown, ..objects(desired, &observed.live) };
    let saved = saved(asked);
    if blocked.is_empty() { Ok(State { saved, ..state }) } else { Err(blocked) }
}

/// What the objects alone say.
fn objects(desired: &Desired, live: &Live) -> State {
    let names = &desired.names;
    let found = |key| live.objects.get(&key).and_then(Lookup::found);
    State {
        replicas: found(names.stateful_set()).map_or(0, replicas),
        window: found(names.bootstrap()).and_then(|object| Window::read(names, object)),
        delete_claims: desired.deletes_claims(),
        ..State::default()
    }
}

/// The replicas of a StatefulSet; 1 is the server's default.
pub fn replicas(stateful_set: &Object) -> usize {
    stateful_set.replicas().unwrap_or(1)
}

fn founded(desired: &Desired, observed: &Observed, asked: &Asked<'_>) -> State {
    let live = &observed.live;
    let quorum = quorate(&observed.members);
    let ids = listed(desired, observed);
    let members: BTreeMap<usize, Listed> =
        ids.iter().map(|(ordinal, (_, listed))| (*ordinal, *listed)).collect();
    let journal = live.journal.found();
    let replace = replace(desired, asked.intended, &ids);
    let (sick, silent) = etcd::sick(desired, observed, &members);
    let lost = |ordinal, id| reasons::lost_claim(desired, observed, ordinal, id).is_some();
    let state = State {
        wanted: desired.stack.members.into(),
        recorded: true,
        quorum,
        strangers: strangers(desired, observed, asked.intended),
        leader: etcd::leader_ordinal(desired, observed),
        unrecorded: unrecorded(desired, journal, &ids),
        recorded_only: if quorum {
            recorded_only(desired, journal, &members, &replace)
        } else {
            BTreeSet::new()
        },
        claims: claims(desired, live, asked.intended, &members),
        outdated: outdated(desired, live, asked)
            .into_iter()
            // A restart would be the end of one that has lost its claim.
            .filter(|ordinal| !ids.get(ordinal).is_some_and(|(id, _)| lost(*ordinal, *id)))
            .collect(),
        saved: saved(asked),
        gone: gone(desired, live, quorum, &members),
        outgrown: asked.outgrown,
        members,
        replace,
        sick,
        silent,
        ..objects(desired, live)
    };
    let small = volumes::small(desired, live, &state);
    State { resizing: volumes::resizing(desired, live, &small), small, ..state }
}

/// The StatefulSet that is gone. It needs every member's pod that may be there
/// or must come back: too few replicas would take pods of members away. Of a
/// list that no quorum confirmed, nobody knows whether it is all.
fn gone(desired: &Desired, live: &Live, quorum: bool, members: &BTreeMap<usize, Listed>) -> Option<Gone> {
    let names = &desired.names;
    if !live.objects.get(&names.stateful_set()).is_some_and(Lookup::is_absent) {
        return None;
    }
    let pods = live.pods.found().into_iter().flatten().filter(|pod| !pod.terminating);
    let pods: BTreeSet<usize> = pods.filter_map(|pod| names.ordinal_named(&pod.name)).collect();
    let needed = members.iter().filter(|(ordinal, listed)| listed.has_started() || pods.contains(ordinal));
    let recorded = live.journal.found().into_iter().flat_map(|journal| journal.members.keys());
    let recorded = recorded.filter_map(|name| names.ordinal_named(name)).chain(pods.iter().copied());
    let in_doubt = recorded.filter(|_| !quorum);
    let highest = needed.map(|(ordinal, _)| *ordinal).chain(in_doubt).max();
    Some(Gone { replicas: highest.map_or(0, |highest| highest + 1), pods })
}

/// Members by ordinal, with their ids: from the list where there is one, and
/// otherwise those that were last written down.
fn listed(desired: &Desired, observed: &Observed) -> BTreeMap<usize, (Id, Listed)> {
    let names = &desired.names;
    match &observed.members {
        Members::Read(reading) => {
            let members = reading.membership.members.iter();
            members
                .filter_map(|member| Some((ordinal(desired, member)?, (member.id, how_far(member)))))
                .collect()
        }
        Members::NotRunning | Members::Failed(_) => {
            let recorded = observed.live.journal.found().into_iter().flat_map(|journal| &journal.members);
            recorded
                .filter_map(|(name, member)| Some((names.ordinal_named(name)?, (member.id, Listed::Voter))))
                .collect()
        }
    }
}

/// The ordinal of a member of this stack.
pub fn ordinal(desired: &Desired, member: &Member) -> Option<usize> {
    match member.peer_urls.as_slice() {
        [url] => desired.names.ordinal_of(url),
        _ => None,
    }
}

fn how_far(member: &Member) -> Listed {
    match (member.role, member.name.is_empty()) {
        (Role::Voter, true) => Listed::Unstarted,
        (Role::Voter, false) => Listed::Voter,
        (Role::Learner, true) => Listed::Invited,
        (Role::Learner, false) => Listed::Learner,
    }
}

fn strangers(desired: &Desired, observed: &Observed, intended: &Intended) -> BTreeMap<Id, Role> {
    let Members::Read(reading) = &observed.members else { return BTreeMap::new() };
    let asked = |member: &&Member| ordinal(desired, member).is_none() && intended.remove.contains(&member.id);
    reading.membership.members.iter().filter(asked).map(|member| (member.id, member.role)).collect()
}

/// Replacements that are not done: the old member is listed still, or nobody
/// is.
fn replace(
    desired: &Desired,
    intended: &Intended,
    ids: &BTreeMap<usize, (Id, Listed)>,
) -> BTreeMap<usize, Replacing> {
    let how = |(name, old): (&String, &crate::observed::journal::Replaced)| {
        let ordinal = desired.names.ordinal_named(name)?;
        match ids.get(&ordinal) {
            Some((id, listed)) if old.is_still(*id, listed.has_started()) => {
                Some((ordinal, Replacing::Listed))
            }
            Some(_) => None,
            None => Some((ordinal, Replacing::Removed)),
        }
    };
    intended.replace.iter().filter_map(how).collect()
}

/// Voters of which the journal does not know, or knows another one.
fn unrecorded(
    desired: &Desired,
    journal: Option<&Journal>,
    ids: &BTreeMap<usize, (Id, Listed)>,
) -> BTreeSet<usize> {
    let known = |ordinal: &usize, id: &Id| {
        let recorded = journal.and_then(|journal| journal.members.get(&desired.names.member(*ordinal)));
        recorded.is_some_and(|recorded| recorded.id == *id)
    };
    let voters = ids.iter().filter(|(_, (_, listed))| *listed == Listed::Voter);
    voters.filter(|(ordinal, (id, _))| !known(ordinal, id)).map(|(ordinal, _)| *ordinal).collect()
}

fn recorded_only(
    desired: &Desired,
    journal: Option<&Journal>,
    members: &BTreeMap<usize, Listed>,
    replace: &BTreeMap<usize, Replacing>,
) -> BTreeSet<usize> {
    let recorded = journal.into_iter().flat_map(|journal| journal.members.keys());
    let ordinals = recorded.filter_map(|name| desired.names.ordinal_named(name));
    ordinals.filter(|ordinal| !members.contains_key(ordinal) && !replace.contains_key(ordinal)).collect()
}

fn claims(
    desired: &Desired,
    live: &Live,
    intended: &Intended,
    members: &BTreeMap<usize, Listed>,
) -> BTreeMap<usize, Volume> {
    let names = &desired.names;
    let recorded = live.journal.found().map(|journal| &journal.members);
    let what = |ordinal: usize, claim: &Claim| {
        let member = names.member(ordinal);
        let known = recorded.and_then(|members| members.get(&member));
        match intended.replace.get(&member) {
            _ if members.contains_key(&ordinal) => Volume::Held,
            Some(old) if old.claim_uid.as_deref() != Some(claim.uid.as_str()) => Volume::Fresh,
            _ if claim.cluster_id.is_some() => Volume::Old,
            _ if known.is_some_and(|known| known.claim_uid == claim.uid) => Volume::Old,
            _ => Volume::Unknown,
        }
    };
    let found = live.claims.found().into_iter().flatten();
    let named: BTreeMap<String, usize> =
        (0..crate::desired::ORDINALS).map(|ordinal| (names.claim(ordinal).name, ordinal)).collect();
    found
        .filter_map(|claim| {
            let ordinal = *named.get(&claim.name)?;
            Some((ordinal, what(ordinal, claim)))
        })
        .collect()
}

/// Whose pods are not made from the template as it will be, or are to be
/// restarted because somebody asked for it. With a new template that is also
/// one whose pod the older template kept from being made.
fn outdated(desired: &Desired, live: &Live, asked: &Asked<'_>) -> BTreeSet<usize> {
    let stateful_set = live.objects.get(&desired.names.stateful_set()).and_then(Lookup::found);
    let goes = |pod: &Pod| asked.intended.restart.get(&pod.name) == Some(&pod.uid);
    if *asked.template != Template::Stays {
        let put_back = stateful_set.and_then(|set| asked.template.revision(live, set));
        let has_it = |pod: &Pod| put_back.is_some() && pod.revision.as_deref() == put_back;
        let stays = |pod: &Pod| has_it(pod) && !pod.terminating && !goes(pod);
        let all = 0..stateful_set.map_or(0, replicas);
        return all.filter(|one| !live.pod(&desired.names.member(*one)).is_some_and(stays)).collect();
    }
    let current = stateful_set.and_then(|set| current_revision(live, set));
    let pods = live.pods.found().into_iter().flatten();
    let older = |pod: &Pod| current.is_some_and(|current| pod.revision.as_deref() != Some(current));
    pods.filter(|pod| older(pod) || goes(pod))
        .filter_map(|pod| desired.names.ordinal_named(&pod.name))
        .collect()
}

/// The revision of the template as it is; `None` where nothing says. What the
/// controller has not seen yet is an older one, or `Some("")`, which no pod has.
fn current_revision<'a>(live: &'a Live, stateful_set: &'a Object) -> Option<&'a str> {
    let body = &stateful_set.body;
    let seen = body.pointer("/status/observedGeneration").and_then(Value::as_i64)?;
    let is = body.pointer("/metadata/generation").and_then(Value::as_i64)?;
    if seen < is {
        let template = body.pointer("/spec/template")?;
        return Some(template::revision(live, stateful_set, template).unwrap_or_default());
    }
    body.pointer("/status/updateRevision")?.as_str()
}

/// Whether members and data may go without another snapshot.
fn saved(asked: &Asked<'_>) -> bool {
    let recent = |snapshot: &Snapshot| {
        asked.now.duration_since(snapshot.saved_at) < SignedDuration::from_hours(SNAPSHOT_HOURS)
    };
    asked.intent.skip_snapshot || asked.snapshot.is_some_and(recent)
}
