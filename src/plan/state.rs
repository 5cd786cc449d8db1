//! What membership is decided from: the live objects, the member list and the
//! journal, brought together, or the reasons why that cannot be done.

use std::collections::BTreeMap;

use super::{
    Blocked,
    membership::{Listed, State},
    recorded_cluster,
};
use crate::{
    desired::{Desired, Window},
    member::{Id, Member, Membership, Role},
    object::{Object, ObjectKey},
    observed::{EtcdReading, Journal, Lookup, Members, Observed},
};

/// The state; `Err` with every reason why none can be made out. There is none
/// and no reason for it where the members could not be read, which is said
/// elsewhere, or are `cut_off`: then nothing is decided about them.
pub fn state(desired: &Desired, observed: &Observed, cut_off: bool) -> Result<State, Vec<Blocked>> {
    let Desired { names, stack, .. } = desired;
    let recorded = recorded_cluster(desired, &observed.live).map_err(|blocked| vec![blocked])?;
    let live = |key| observed.live.objects.get(&key).and_then(Lookup::found);
    let stateful_set = live(names.stateful_set());
    let replicas = stateful_set.map_or(0, replicas);
    let window = live(names.bootstrap()).and_then(|object| Window::read(names, object));
    let mut blocked = Vec::new();
    let members = match recorded {
        Some(_) if cut_off && !quorate(&observed.members) => return Err(Vec::new()),
        Some(id) => listed(desired, observed, id, &mut blocked),
        None => {
            blocked.extend(unfounded(desired, observed));
            BTreeMap::new()
        }
    };
    let state = State {
        wanted: stack.members.into(),
        recorded: recorded.is_some(),
        window,
        replicas,
        unrecorded: unrecorded(desired, observed, &members),
        members,
    };
    blocked.extend(size(desired, &state));
    if blocked.is_empty() { Ok(state) } else { Err(blocked) }
}

fn quorate(members: &Members) -> bool {
    matches!(members, Members::Read(reading) if reading.linearizable)
}

fn replicas(stateful_set: &Object) -> usize {
    let number = stateful_set.body.pointer("/spec/replicas").and_then(serde_json::Value::as_u64);
    usize::try_from(number.unwrap_or(1)).unwrap_or(usize::MAX)
}

/// Members by ordinal, from a list that a quorum confirmed.
fn listed(
    desired: &Desired,
    observed: &Observed,
    id: Id,
    blocked: &mut Vec<Blocked>,
) -> BTreeMap<usize, Listed> {
    let reading = match &observed.members {
        Members::Read(reading) if reading.linearizable => reading,
        Members::Read(reading) => {
            blocked.push(no_quorum(reading, observed));
            return BTreeMap::new();
        }
        // Said once, as something that could not be read.
        Members::Failed(_) => return BTreeMap::new(),
        Members::NotRunning => {
            let stateful_set = observed.live.objects.get(&desired.names.stateful_set());
            let help = match stateful_set.and_then(Lookup::found) {
                Some(_) => {
                    "look at the StatefulSet: scaling it to the recorded number of members brings them back with their data"
                }
                None => {
                    "its StatefulSet is gone, and the claims hold the data: keep them; making it again is not supported yet"
                }
            };
            blocked.push(stop(
                "plan::not_running",
                format!("cluster {id} is founded, but none of its pods exists"),
                help,
            ));
            return BTreeMap::new();
        }
    };
    if reading.membership.cluster_id != id {
        blocked.push(stop("plan::other_cluster", format!(
            "the pods serve cluster {}, but cluster {id} was recorded", reading.membership.cluster_id),
            "another cluster was founded in its place; do not write to it before you know where the data of the recorded one is"));
        return BTreeMap::new();
    }
    let mut members = BTreeMap::new();
    for member in &reading.membership.members {
        match ordinal(desired, member) {
            Some(ordinal) => {
                members.insert(ordinal, how_far(member));
            }
            None => blocked.push(foreign_member(member)),
        }
    }
    blocked.extend(other_claims(desired, observed, &members));
    let contiguous = members.keys().copied().eq(0..members.len());
    // Of any other list nobody can say whose claim is left and how many pods
    // there should be: the advice would cost a voter.
    if contiguous && members.len() == reading.membership.members.len() {
        blocked.extend(left_over(desired, observed, &members));
        blocked.extend(scaled(desired, observed, &members));
    }
    if !contiguous {
        let names: Vec<String> = members.keys().map(|ordinal| desired.names.member(*ordinal)).collect();
        blocked.push(stop(
            "plan::gap",
            format!("the member list has a gap: {}", names.join(", ")),
            "replacing a member is not supported yet",
        ));
    }
    members
}

/// A claim of an ordinal that etcd does not list, and that is to be listed: a
/// joining member must start on an empty volume.
fn left_over(desired: &Desired, observed: &Observed, members: &BTreeMap<usize, Listed>) -> Vec<Blocked> {
    let wanted = 0..usize::from(desired.stack.members);
    let claims = observed.live.claims.found().into_iter().flatten();
    let unlisted: Vec<String> = wanted
        .filter(|ordinal| !members.contains_key(ordinal))
        .map(|ordinal| desired.names.claim(ordinal).name)
        .collect();
    let left = claims.filter(|claim| unlisted.contains(&claim.name));
    left.map(|claim| {
        stop(
            "plan::claim_left_over",
            format!(
                "claim `{}` is left from an earlier member, and a joining one must start on an empty volume",
                claim.name
            ),
            "delete the claim if its data is not needed",
        )
    })
    .collect()
}

/// A member whose claim is not the one that it was recorded with: its data is
/// gone, whatever its pod says until its next start.
fn other_claims(desired: &Desired, observed: &Observed, members: &BTreeMap<usize, Listed>) -> Vec<Blocked> {
    let (Some(journal), Lookup::Found(claims)) = (observed.live.journal.found(), &observed.live.claims)
    else {
        return Vec::new();
    };
    let names = &desired.names;
    let lost = members.keys().filter_map(|ordinal| {
        let (member, claim) = (names.member(*ordinal), names.claim(*ordinal).name);
        let recorded = journal.members.get(&member)?;
        let what = match claims.iter().find(|one| one.name == claim) {
            Some(one) if one.terminating => "is being deleted",
            Some(one) if one.uid == recorded.claim_uid => return None,
            Some(_) => "was made anew",
            None => "is gone",
        };
        Some(stop(
            "plan::claim_lost",
            format!("claim `{claim}` {what}, and with it the volume that holds the data of {member}"),
            "a member without its data stays out; replacing a member is not supported yet",
        ))
    });
    lost.collect()
}

/// Another number of replicas than of members: somebody scaled the StatefulSet.
/// Only a member that is invited may still be without a pod.
fn scaled(desired: &Desired, observed: &Observed, members: &BTreeMap<usize, Listed>) -> Option<Blocked> {
    let key = desired.names.stateful_set();
    let listed = members.len();
    let has = match observed.live.objects.get(&key)? {
        Lookup::Found(stateful_set) => replicas(stateful_set),
        Lookup::Absent => return Some(gone(&key, listed)),
        Lookup::Failed(_) => return None,
    };
    let waiting = usize::from(members.values().any(|listed| *listed == Listed::Invited));
    (has > listed || has + waiting < listed).then(|| {
        stop(
            "plan::scaled",
            format!("`{key}` has {has} replicas, and etcd lists {listed} members: somebody scaled it"),
            &format!(
                "scale it back: `kubectl scale -n {} statefulset {} --replicas={listed}`",
                desired.names.namespace, key.name
            ),
        )
    })
}

/// `kubectl delete --cascade=orphan` leaves the pods, and no move makes a
/// StatefulSet for members that are there.
fn gone(key: &ObjectKey, listed: usize) -> Blocked {
    stop(
        "plan::not_supported_yet",
        format!(
            "`{key}` is gone, and etcd lists {listed} members: making it anew around them is not supported yet"
        ),
        "restore it from a backup, with its annotations",
    )
}

fn ordinal(desired: &Desired, member: &Member) -> Option<usize> {
    match member.peer_urls.as_slice() {
        [url] => desired.names.ordinal_of(url),
        _ => None,
    }
}

fn how_far(member: &Member) -> Listed {
    match (member.role, member.name.is_empty()) {
        (Role::Voter, _) => Listed::Voter,
        (Role::Learner, true) => Listed::Invited,
        (Role::Learner, false) => Listed::Learner,
    }
}

/// Before anything is recorded, nothing may be there that holds data, except
/// what the founding that the journal speaks of made.
fn unfounded(desired: &Desired, observed: &Observed) -> Vec<Blocked> {
    let names = &desired.names;
    let founding = observed.live.journal.found().and_then(|journal: &Journal| journal.founding.as_ref());
    let Lookup::Found(claims) = &observed.live.claims else { return Vec::new() };
    let mut blocked = Vec::new();
    let first = names.claim(0).name;
    let seen = founding.and_then(|founding| founding.claim_uid.as_ref());
    if seen.is_some_and(|uid| !claims.iter().any(|claim| claim.name == first && claim.uid == *uid)) {
        blocked.push(stop(
            "plan::founding_claim",
            format!("claim `{first}` is not the one that the founding began with, whose volume may have held the cluster"),
            &format!(
                "if no data is missed: delete the StatefulSet, the claim and `{}`, then plan again",
                names.journal()
            ),
        ));
    }
    for claim in claims {
        match founding {
            Some(_) if claim.name == first => {}
            _ => blocked.push(stop(
                "plan::claim_exists",
                format!(
                    "claim `{}` exists, but no cluster is recorded: nobody knows whose data it holds",
                    claim.name
                ),
                "delete the claim if its data is not needed, or choose another stack name",
            )),
        }
    }
    if let Members::Read(EtcdReading { membership: Membership { members, .. }, .. }) = &observed.members
        && members.len() > 1
    {
        blocked.push(stop(
            "plan::unrecorded_members",
            format!("etcd lists {} members, but no cluster is recorded", members.len()),
            "adopting a cluster that another tool made is not supported yet",
        ));
    }
    blocked
}

fn size(desired: &Desired, state: &State) -> Option<Blocked> {
    let (has, wants) = (state.members.len(), state.wanted);
    (has > wants).then(|| {
        stop(
            "plan::not_supported_yet",
            format!(
                "`{}` has {has} members and the stack wants {wants}: removing members is not supported yet",
                desired.stack.name
            ),
            &format!("set `members = {has}` in [cluster]"),
        )
    })
}

fn unrecorded(desired: &Desired, observed: &Observed, members: &BTreeMap<usize, Listed>) -> Vec<usize> {
    let journal = observed.live.journal.found();
    let known = |ordinal: &usize| {
        journal.is_some_and(|journal| journal.members.contains_key(&desired.names.member(*ordinal)))
    };
    let voters = members.iter().filter(|(_, listed)| **listed == Listed::Voter).map(|(ordinal, _)| *ordinal);
    voters.filter(|ordinal| !known(ordinal)).collect()
}

fn no_quorum(reading: &EtcdReading, observed: &Observed) -> Blocked {
    let voters = reading.membership.voters();
    let up = reading.statuses.values().filter(|status| status.is_ok()).count();
    let pods = observed.live.pods.found();
    let why = |name: &str| {
        let pod = pods.into_iter().flatten().find(|pod| pod.name == name);
        let trouble = pod.and_then(|pod| pod.trouble.as_ref())?;
        let words =
            trouble.last_words.as_ref().and_then(|words| words.lines().last()).unwrap_or(&trouble.message);
        Some(format!(" ({}: {words})", trouble.reason))
    };
    let silent = reading.statuses.iter().filter(|(_, status)| status.is_err());
    let silent: Vec<String> =
        silent.map(|(name, _)| format!("{name}{}", why(name).unwrap_or_default())).collect();
    stop(
        "plan::no_quorum",
        format!(
            "the cluster has no quorum: {up} of {voters} members answer, {} are needed; silent: {}",
            crate::member::quorum(voters),
            silent.join(", ")
        ),
        "bring the members back with their data first; nothing can change membership without quorum",
    )
}

fn foreign_member(member: &Member) -> Blocked {
    stop(
        "plan::foreign_member",
        format!(
            "etcd lists member {} `{}` at {}, which is not one of this stack's",
            member.id,
            member.name,
            member.peer_urls.join(", ")
        ),
        "remove it with `etcdctl member remove`, or start the process at that address",
    )
}

fn stop(code: &str, reason: String, help: &str) -> Blocked {
    Blocked { code: code.to_owned(), reason, help: Some(help.to_owned()) }
}
