//! Why membership cannot be decided, in words.

use super::{Listed, Replacing, State, ordinal};
use crate::{
    desired::Desired,
    last_words::{self, Loss},
    member::{Id, Member, Membership, Role, quorum},
    observed::{EtcdReading, Intended, Journal, Lookup, Members, Observed},
    plan::Blocked,
};

pub fn other_cluster(observed: &Observed, id: Id) -> Option<Blocked> {
    let Members::Read(reading) = &observed.members else { return None };
    let serves = reading.membership.cluster_id;
    (serves != id).then(|| {
        Blocked::new(
            "plan::other_cluster",
            format!("the pods serve cluster {serves}, but cluster {id} was recorded"),
            "another cluster was founded in its place; do not write to it before you know where the data of the recorded one is",
        )
    })
}

/// The StatefulSet is gone, and neither a pod nor the journal says how many
/// members it had.
pub fn nobody_to_come_back(desired: &Desired, observed: &Observed, id: Id, state: &State) -> Option<Blocked> {
    state.gone.as_ref().filter(|gone| gone.replicas == 0)?;
    let claims = observed.live.claims.found().into_iter().flatten();
    let (of_it, others): (Vec<_>, Vec<_>) = claims.partition(|claim| claim.cluster_id == Some(id));
    let names: Vec<&str> = of_it.iter().map(|claim| claim.name.as_str()).collect();
    Some(Blocked::new(
        "plan::stateful_set_gone",
        format!(
            "`{}` is gone, none of its pods is there, and the journal records no members of cluster {id}; {} of {} \
             claims are marked as holding its data: {}",
            desired.names.stateful_set(),
            of_it.len(),
            of_it.len() + others.len(),
            if names.is_empty() { "none".to_owned() } else { names.join(", ") },
        ),
        format!(
            "keep the claims, and put `{}` back from a backup: it says who the members are",
            desired.names.journal()
        ),
    ))
}

pub fn not_running(desired: &Desired, observed: &Observed, id: Id) -> Blocked {
    let recorded = observed.live.journal.found().is_some_and(|journal| !journal.members.is_empty());
    let help = if recorded {
        "look at the events of the StatefulSet: it has replicas and makes no pods"
    } else {
        "the journal does not say how many members there were: scale the StatefulSet to as many as there are claims with data"
    };
    let name = &desired.names.stateful_set().name;
    Blocked::new(
        "plan::not_running",
        format!("cluster {id} is founded, but none of the pods of `{name}` exists"),
        help,
    )
}

/// Members at addresses that are not this stack's.
pub fn foreign_members(desired: &Desired, observed: &Observed, intended: &Intended) -> Vec<Blocked> {
    let Members::Read(reading) = &observed.members else { return Vec::new() };
    let foreign =
        |member: &&Member| ordinal(desired, member).is_none() && !intended.remove.contains(&member.id);
    let members = reading.membership.members.iter().filter(foreign);
    members
        .map(|member| {
            let urls = member.peer_urls.join(", ");
            Blocked::new(
                "plan::foreign_member",
                format!(
                    "etcd lists member {} `{}` at {urls}, which is not one of this stack's",
                    member.id, member.name
                ),
                if member.peer_urls.iter().any(|url| desired.names.ordinal_of(url).is_some()) {
                    format!(
                        "`etcdctl member update {}` with its own address alone puts that right",
                        member.id
                    )
                } else if reading.linearizable {
                    format!("`--remove {}` takes it out of the list", member.id)
                } else {
                    format!("there is no quorum to remove it: start the process at {urls}")
                },
            )
        })
        .collect()
}

/// What became of the claim with which a member was recorded, if it holds the
/// member's data no more, whatever its pod says until its next start.
pub fn lost_claim(desired: &Desired, observed: &Observed, ordinal: usize, id: Id) -> Option<&'static str> {
    let Lookup::Found(claims) = &observed.live.claims else { return None };
    let name = desired.names.claim(ordinal).name;
    let journal = observed.live.journal.found();
    let recorded = journal.and_then(|journal| journal.members.get(&desired.names.member(ordinal)));
    let recorded = recorded.filter(|recorded| recorded.id == id);
    match (claims.iter().find(|one| one.name == name), recorded) {
        (Some(one), _) if one.terminating => Some("is being deleted"),
        (Some(one), Some(recorded)) if one.uid != recorded.claim_uid => Some("was made anew"),
        (None, Some(_)) => Some("is gone"),
        (Some(_) | None, _) => None,
    }
}

/// Members that have lost their claim and that nobody asked about.
pub fn lost_claims(desired: &Desired, observed: &Observed, state: &State) -> Vec<Blocked> {
    let goes =
        |ordinal: &usize| state.replace.contains_key(ordinal) || (state.quorum && *ordinal >= state.wanted);
    let listed = super::listed(desired, observed).into_iter();
    let lost = listed.filter(|(ordinal, _)| !goes(ordinal)).filter_map(|(ordinal, (id, _))| {
        let what = lost_claim(desired, observed, ordinal, id)?;
        let (member, claim) = (desired.names.member(ordinal), desired.names.claim(ordinal).name);
        Some(Blocked::new(
            "plan::claim_lost",
            format!("claim `{claim}` {what}, and with it the volume that holds the data of {member}"),
            what_replaces(state, &member),
        ))
    });
    lost.collect()
}

/// What helps a member that has lost its data.
fn what_replaces(state: &State, member: &str) -> String {
    match state.voters() {
        1 => "no copy of what it held exists: save what it still serves with `etcdctl snapshot save`, or \
              restore a snapshot into a new stack"
            .to_owned(),
        _ if !state.quorum => {
            "bring the others back first; nothing can replace it without a quorum".to_owned()
        }
        _ => format!(
            "`--replace {member}` removes the member and lets it join anew, with a copy of what the others hold"
        ),
    }
}

/// What the last words of a member's process prove about its volume.
fn loss<'a>(desired: &Desired, observed: &'a Observed, ordinal: usize) -> Option<&'a str> {
    let pod = observed.live.pod(&desired.names.member(ordinal))?;
    let words = pod.trouble.as_ref()?.last_words.as_deref()?;
    match last_words::loss(words)? {
        Loss::VolumeEmpty | Loss::VolumeBehind | Loss::DatabaseGone | Loss::Damaged => {
            last_words::meaning(words)
        }
        Loss::RemovedFromCluster => None,
    }
}

/// Members whose own words say that their data is gone. A joiner whose window
/// is open may have read the list before that.
pub fn lost_volumes(desired: &Desired, observed: &Observed, state: &State) -> Vec<Blocked> {
    let learners = state.members.iter().filter(|(_, listed)| **listed == Listed::Learner);
    let asked = |ordinal: &&usize| !state.replace.contains_key(ordinal) && state.replicas > **ordinal;
    let all = state.silent.iter().chain(learners.map(|(ordinal, _)| ordinal));
    let lost = all.filter(asked).filter_map(|ordinal| {
        let member = desired.names.member(*ordinal);
        let why = format!("{member} is lost: {}", loss(desired, observed, *ordinal)?);
        Some(Blocked::new("plan::member_lost", why, what_replaces(state, &member)))
    });
    lost.collect()
}

/// Members that nobody asked about and that are not as the tool leaves them,
/// and replacements that make no sense.
pub fn members_in_doubt(desired: &Desired, state: &State) -> Vec<Blocked> {
    let mut all = gaps(desired, state);
    all.extend(unstarted_voters(desired, state));
    all.extend(only_member(desired, state));
    all.extend(leaving_anyway(desired, state));
    all
}

/// Ordinals below a listed one that are not listed themselves.
fn gaps(desired: &Desired, state: &State) -> Vec<Blocked> {
    let Some(highest) = state.members.keys().next_back() else { return Vec::new() };
    let missing =
        |ordinal: &usize| !state.members.contains_key(ordinal) && !state.replace.contains_key(ordinal);
    let gap = |ordinal: usize| {
        let (member, other) = (desired.names.member(ordinal), desired.names.member(*highest));
        Blocked::new(
            "plan::gap",
            format!("etcd does not list {member}, but it lists {other}: somebody removed it"),
            format!("`--replace {member}` lets it join anew, on an empty volume"),
        )
    };
    (0..state.wanted.min(*highest)).filter(missing).map(gap).collect()
}

fn unstarted_voters(desired: &Desired, state: &State) -> Vec<Blocked> {
    let doubtful = |(ordinal, listed): &(&usize, &Listed)| {
        let leaves = state.quorum && **ordinal >= state.wanted;
        **listed == Listed::Unstarted && !state.replace.contains_key(ordinal) && !leaves
    };
    let voter = |(ordinal, _): (&usize, &Listed)| {
        let (member, url) = (desired.names.member(*ordinal), desired.names.peer_url(*ordinal));
        let help = match state.quorum {
            true => format!("`--replace {member}` removes it and lets it join as a learner"),
            false => format!(
                "it took the quorum away, and only its start gives it back: `--replace {member}` opens a window \
                 for it and starts its pod"
            ),
        };
        let reason =
            format!("etcd lists voter {member} at {url}, which has never started: somebody added it");
        Blocked::new("plan::unstarted_voter", reason, help)
    };
    state.members.iter().filter(doubtful).map(voter).collect()
}

fn only_member(desired: &Desired, state: &State) -> Option<Blocked> {
    let ordinal = state.replace.keys().find(|ordinal| state.quorum && state.listed() == [**ordinal])?;
    Some(Blocked::new(
        "plan::only_member",
        format!("{} is the only member: no copy of what it holds exists", desired.names.member(*ordinal)),
        "grow the stack first, and replace it then; if its volume is lost, restore a snapshot into a new stack",
    ))
}

fn leaving_anyway(desired: &Desired, state: &State) -> Vec<Blocked> {
    let leaves = |(ordinal, replacing): &(&usize, &Replacing)| {
        state.quorum && **ordinal >= state.wanted && **replacing == Replacing::Listed
    };
    let blocked = |(ordinal, _): (&usize, &Replacing)| {
        Blocked::new(
            "plan::leaves_anyway",
            format!("{} leaves anyway: `members` is {}", desired.names.member(*ordinal), state.wanted),
            "leave `--replace` out; `--abandon` gives up that of an unfinished apply",
        )
    };
    state.replace.iter().filter(leaves).map(blocked).collect()
}

/// Before anything is recorded, nothing may be there that holds data, except
/// what the founding that the journal speaks of made.
pub fn unfounded(desired: &Desired, observed: &Observed) -> Vec<Blocked> {
    let names = &desired.names;
    let founding = observed.live.journal.found().and_then(|journal: &Journal| journal.founding.as_ref());
    let Lookup::Found(claims) = &observed.live.claims else { return Vec::new() };
    let mut blocked = Vec::new();
    let first = names.claim(0).name;
    let seen = founding.and_then(|founding| founding.claim_uid.as_ref());
    if seen.is_some_and(|uid| !claims.iter().any(|claim| claim.name == first && claim.uid == *uid)) {
        blocked.push(Blocked::new(
            "plan::founding_claim",
            format!("claim `{first}` is not the one that the founding began with, whose volume may have held the cluster"),
            format!(
                "if no data is missed: delete the StatefulSet, the claim and `{}`, then plan again",
                names.journal()
            ),
        ));
    }
    for claim in claims {
        match founding {
            Some(_) if claim.name == first => {}
            _ => blocked.push(Blocked::new(
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
        blocked.push(Blocked::new(
            "plan::unrecorded_members",
            format!("etcd lists {} members, but no cluster is recorded", members.len()),
            "adopting a cluster that another tool made is not supported yet",
        ));
    }
    blocked
}

/// Says who is silent and why, and what must not be done now: whoever still
/// answers does not once it is started again.
pub fn no_quorum(desired: &Desired, reading: &EtcdReading, observed: &Observed) -> Blocked {
    let voters = reading.membership.members.iter().filter(|member| member.role == Role::Voter);
    let named = voters.map(|member| match ordinal(desired, member) {
        Some(ordinal) => desired.names.member(ordinal),
        None => member.peer_urls.join(", "),
    });
    let (answer, silent): (Vec<String>, Vec<String>) =
        named.partition(|name| reading.statuses.get(name).is_some_and(Result::is_ok));
    let voters = answer.len() + silent.len();
    let why = |name: &String| match observed.live.pod(name) {
        None => format!("{name} (no pod)"),
        Some(pod) => match &pod.trouble {
            Some(trouble) => format!("{name} ({})", trouble.in_words()),
            None => name.clone(),
        },
    };
    let silent: Vec<String> = silent.iter().map(why).collect();
    let help = format!(
        "bring members back with their volumes: with {} of them the cluster serves again by itself. Until then delete \
         no claim and do not restart {}, which answers only as long as it runs: save what it holds with \
         `etcdctl snapshot save`",
        quorum(voters),
        answer.join(" or "),
    );
    Blocked::new(
        "plan::no_quorum",
        format!(
            "the cluster has no quorum: {} of {voters} members answer, {} are needed; silent: {}",
            answer.len(),
            quorum(voters),
            silent.join(", ")
        ),
        help,
    )
}
