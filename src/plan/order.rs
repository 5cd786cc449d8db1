//! Changes and membership as steps, in the one order in which they are safe.
//!
//! Namespace; what is adopted; fields of others that go; certificates; what
//! members need before they start, and the template, which nothing takes up
//! before it restarts; the founding; the client Service once the cluster is
//! sealed, so that no client writes to a cluster whose founder could still be
//! replaced by an empty one; then one member after another. The disruption
//! budget is raised before members join and lowered after they are gone. What
//! the stack file no longer names goes last.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Action, Expects, Fill, IssueReason, Step, Tally,
    anew::Anew,
    foreign::Removal,
    immutable,
    membership::{Move, State},
    ownership,
};
use crate::{
    desired::{Desired, Window, with_replicas},
    field::takeover::Predecessor,
    member::Id,
    object::{Object, ObjectKey},
    observed::{Intended, Live, Lookup},
};

mod adopting;
pub mod ending;
mod joining;
mod leaving;
mod pruning;
mod remaking;
mod removing;
mod restarting;
mod settled;

use settled::{as_it_is, with_cluster_id};

pub use settled::settled;

/// What the steps are made from.
pub struct Inputs<'a> {
    /// What is wanted.
    pub desired: &'a Desired,
    /// What is there.
    pub live: &'a Live,
    /// Certificates to issue, by Secret.
    pub issues: Vec<(ObjectKey, IssueReason)>,
    /// Objects that are to be made or changed.
    pub changed: Vec<ObjectKey>,
    /// Those of them that others made, and who.
    pub adopting: Vec<(ObjectKey, Vec<Predecessor>)>,
    /// Fields of others to remove.
    pub removals: Vec<Removal>,
    /// Objects that are deleted because the stack file no longer names them,
    /// with their uids.
    pub pruned: Vec<(ObjectKey, String)>,
    /// Those of them of which a field never changes, and how they are made
    /// anew.
    pub anew: BTreeMap<ObjectKey, Anew>,
    /// The recorded cluster id, printed.
    pub cluster_id: Option<String>,
    /// The ids of this stack's listed members, by ordinal.
    pub members: BTreeMap<usize, Id>,
    /// The addresses of other listed members, by id.
    pub strangers: BTreeMap<Id, String>,
    /// What is asked for beside the stack file.
    pub intended: &'a Intended,
    /// The moves of membership.
    pub moves: Vec<(State, Move, State)>,
}

/// Every step, in order.
pub fn steps(inputs: &Inputs<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    steps.extend(namespace(inputs));
    steps.extend(adopting::adoptions(inputs));
    steps.extend(removing::remove_fields(inputs));
    steps.extend(certificates(inputs));
    steps.extend(objects(inputs));
    steps.extend(remaking::peer_service(inputs));
    steps.extend(membership(inputs));
    steps.extend(pruning::prune(inputs));
    expect_what_earlier_steps_made(&mut steps);
    steps
}

/// The first action that names an absent object makes it; the later ones find
/// what that one made. What is taken away is absent from then on.
fn expect_what_earlier_steps_made(steps: &mut [Step]) {
    let mut made: BTreeMap<ObjectKey, bool> = BTreeMap::new();
    for action in steps.iter_mut().flat_map(|step| &mut step.actions) {
        match action {
            Action::Orphan { key, .. } | Action::Delete { key, .. } => {
                made.insert(key.clone(), false);
            }
            Action::Apply { object, expects, .. } | Action::Issue { object, expects, .. } => {
                let is_made = made.get(&object.key).copied();
                match (is_made, &*expects) {
                    (Some(true), _) => *expects = Expects::MadeBefore,
                    (Some(false), _) | (None, Expects::Absent) => {
                        *expects = Expects::Absent;
                        made.insert(object.key.clone(), true);
                    }
                    (None, _) => {}
                }
            }
            _ => {}
        }
    }
}

fn namespace(inputs: &Inputs<'_>) -> Option<Step> {
    let object = inputs.desired.namespace.clone();
    let missing = inputs.live.objects.get(&object.key).is_some_and(Lookup::is_absent);
    missing.then(|| Step {
        title: format!("create {}, then check the predicted objects again", object.key),
        actions: vec![Action::CreateNamespace { object }],
        before: Vec::new(),
        after: Vec::new(),
        tally: None,
        costs: Vec::new(),
    })
}

fn certificates(inputs: &Inputs<'_>) -> Option<Step> {
    let reason = |key: &ObjectKey| {
        inputs.issues.iter().find(|(other, _)| other == key).map(|(_, reason)| reason.clone())
    };
    let actions: Vec<Action> = inputs
        .desired
        .secrets
        .iter()
        .filter_map(|secret| {
            let issue = Action::Issue {
                object: secret.object.clone(),
                request: secret.request.clone(),
                authority: secret.authority.clone(),
                reason: reason(&secret.object.key)?,
                expects: expects(inputs, &secret.object.key),
            };
            Some(remaking::take_away(inputs, &secret.object.key).into_iter().chain([issue]))
        })
        .flatten()
        .collect();
    let renewal = inputs.issues.iter().all(|(_, reason)| *reason != IssueReason::Missing);
    let verb = if renewal { "renew" } else { "issue" };
    let count = actions.iter().filter(|action| matches!(action, Action::Issue { .. })).count();
    let plural = if count == 1 { "certificate" } else { "certificates" };
    let tail = if renewal { ": members read them at the next handshake, none restarts" } else { "" };
    let anew = inputs.desired.secrets.iter().map(|secret| &secret.object.key);
    let anew = anew.filter(|key| reason(key).is_some() && inputs.anew.contains_key(key));
    (count > 0).then(|| Step {
        before: anew.map(|key| remaking::set_by_these(inputs, key)).collect(),
        ..plain(format!("{verb} {count} {plural}{tail}"), actions)
    })
}

/// Objects that members need before they start, and changes to what is there
/// already. The StatefulSet, the bootstrap ConfigMap and the client Service
/// are *made* among the moves of membership.
fn objects(inputs: &Inputs<'_>) -> Option<Step> {
    let Desired { names, .. } = inputs.desired;
    let issued = |key: &ObjectKey| inputs.issues.iter().any(|(other, _)| other == key);
    let by_moves = |key: &ObjectKey| {
        let made_by_moves = [names.stateful_set(), names.bootstrap(), names.client_service()].contains(key);
        adopting::waits(inputs, key)
            || made_by_moves && inputs.live.objects.get(key).is_none_or(Lookup::is_absent)
    };
    let actions: Vec<Action> = inputs
        .desired
        .objects()
        .into_iter()
        .filter(|object| object.key != inputs.desired.namespace.key)
        .filter(|object| {
            inputs.changed.contains(&object.key)
                && !issued(&object.key)
                && !by_moves(&object.key)
                && inputs.anew.get(&object.key).is_none_or(|anew| anew.in_place)
                && !is_lowered_later(inputs, &object.key)
        })
        .map(|object| apply(inputs, &as_it_is(inputs, object), Vec::new()))
        .collect();
    let keys: Vec<String> = actions.iter().filter_map(applied).map(ToString::to_string).collect();
    (!actions.is_empty()).then(|| plain(format!("apply {}", keys.join(", ")), actions))
}

/// A budget for fewer members would let a drain take too many of those that
/// are there still.
fn is_lowered_later(inputs: &Inputs<'_>, key: &ObjectKey) -> bool {
    *key == inputs.desired.names.budget() && is_lowered(inputs) && last_retired(inputs).is_some()
}

fn is_lowered(inputs: &Inputs<'_>) -> bool {
    let Some(budget) = &inputs.desired.budget else { return false };
    let live = inputs.live.objects.get(&budget.key).and_then(Lookup::found);
    let least = |object: &Object| object.body.pointer("/spec/minAvailable").and_then(Value::as_u64);
    live.and_then(least) > least(budget)
}

/// The move after which no more members go.
fn last_retired(inputs: &Inputs<'_>) -> Option<usize> {
    inputs.moves.iter().rposition(|(_, one, _)| matches!(one, Move::Retire(_)))
}

fn lower_the_budget(inputs: &Inputs<'_>) -> Option<Step> {
    let budget = inputs.desired.budget.as_ref().filter(|budget| is_lowered_later(inputs, &budget.key))?;
    let least = &budget.body["spec"]["minAvailable"];
    Some(plain(
        format!("apply {}: {least} of {} stay up", budget.key, inputs.desired.stack.members),
        vec![apply(inputs, budget, Vec::new())],
    ))
}

fn applied(action: &Action) -> Option<&ObjectKey> {
    match action {
        Action::Apply { object, .. } => Some(&object.key),
        _ => None,
    }
}

fn membership(inputs: &Inputs<'_>) -> Vec<Step> {
    let client = inputs.desired.names.client_service();
    let absent = inputs.live.objects.get(&client).is_none_or(Lookup::is_absent);
    let waits = adopting::waits(inputs, &client);
    let mut client_missing = absent || waits || inputs.anew.contains_key(&client);
    let verb = if absent || !waits { "create" } else { "apply" };
    let mut steps = Vec::new();
    let mut serve = |steps: &mut Vec<Step>, state: &State| {
        if client_missing && state.recorded && state.window == Some(Window::Sealed) {
            client_missing = false;
            steps.extend(adopting::adoption(inputs, &inputs.desired.client_service));
            steps.push(client_service(inputs, &format!("{verb} {client}: clients are served from here on")));
        }
    };
    if let Some((state, ..)) = inputs.moves.first() {
        serve(&mut steps, state);
    }
    let last_retired = last_retired(inputs);
    for (index, (before, one, after)) in inputs.moves.iter().enumerate() {
        steps.push(step(inputs, before, one, after));
        serve(&mut steps, after);
        if last_retired == Some(index) {
            steps.extend(lower_the_budget(inputs));
        }
    }
    // No moves, because nothing is left or because nothing is known of members.
    if inputs.moves.is_empty() && client_missing && sealed(inputs) {
        steps.push(client_service(inputs, &format!("create {client}")));
    }
    steps
}

/// Makes the client Service, in these words.
fn client_service(inputs: &Inputs<'_>, title: &str) -> Step {
    let service = &inputs.desired.client_service;
    let made = || plain(title.to_owned(), vec![apply(inputs, service, Vec::new())]);
    remaking::service(inputs, service).unwrap_or_else(made)
}

/// Whether the cluster is founded, and no member starts without its data.
fn sealed(inputs: &Inputs<'_>) -> bool {
    let names = &inputs.desired.names;
    let live = inputs.live.objects.get(&names.bootstrap()).and_then(Lookup::found);
    live.and_then(|live| Window::read(names, live)) == Some(Window::Sealed)
}

fn step(inputs: &Inputs<'_>, before: &State, one: &Move, after: &State) -> Step {
    let mut step = match one {
        Move::OpenFounding => joining::open_founding(inputs),
        Move::StartFounder => joining::start_founder(inputs),
        Move::RecordCluster => joining::record_cluster(inputs),
        Move::Seal => plain(
            "seal: from here on no member starts without its data".to_owned(),
            vec![joining::seal(inputs)],
        ),
        Move::Invite(ordinal) => joining::invite(inputs, before, *ordinal, &after.listed()),
        Move::Start(ordinal) => joining::start(inputs, before, *ordinal),
        Move::Promote(ordinal) => joining::promote(inputs, *ordinal),
        Move::RecordMember(ordinal) => plain(
            format!("write down {}", inputs.desired.names.member(*ordinal)),
            vec![joining::record_member(inputs, *ordinal)],
        ),
        Move::Save => plain("save a snapshot and check it".to_owned(), vec![Action::Snapshot]),
        Move::BringBack(replicas) => restarting::bring_back(inputs, before, *replicas),
        Move::Revive(ordinals) => restarting::revive(inputs, before, ordinals),
        Move::Remove(ordinal) => leaving::remove(inputs, before, *ordinal),
        Move::RemoveStranger(id) => leaving::remove_stranger(inputs, *id),
        Move::Empty(ordinal) => leaving::empty(inputs, *ordinal),
        Move::Retire(ordinal) => leaving::retire(inputs, before, *ordinal),
        Move::DeleteClaim(ordinal) => leaving::delete_claim(inputs, *ordinal),
        Move::Restart(ordinal) => restarting::restart(inputs, before, *ordinal),
        Move::Grow(ordinal) => remaking::grow(inputs, *ordinal),
        Move::Recreate => remaking::recreate(inputs, before),
        Move::MakeAgain(replicas) => remaking::make_again(inputs, before, *replicas),
    };
    step.tally = (after.voters() > 0).then(|| tally(one, after));
    step
}

/// Voters after a step; while one restarts it cannot be counted on.
fn tally(one: &Move, after: &State) -> Tally {
    let all = after.tally();
    match one {
        Move::Restart(_) => Tally { can_lose: all.can_lose.saturating_sub(1), ..all },
        _ => all,
    }
}

/// Applies the StatefulSet with so many replicas, once the cluster is founded.
/// Until it is made anew it keeps what never changes.
fn sized(inputs: &Inputs<'_>, before: &State, replicas: usize) -> Action {
    let wanted = &inputs.desired.stateful_set;
    let is_new = inputs.anew.contains_key(&wanted.key) && !before.outgrown;
    let stateful_set = if is_new { wanted.clone() } else { with_kept(inputs) };
    let body = with_cluster_id(with_replicas(&stateful_set, replicas), inputs.cluster_id.as_deref());
    let fill = if inputs.cluster_id.is_some() { Vec::new() } else { vec![Fill::ClusterId] };
    apply(inputs, &body, fill)
}

/// The StatefulSet with what never changes as it is live.
fn with_kept(inputs: &Inputs<'_>) -> Object {
    let wanted = &inputs.desired.stateful_set;
    let live = inputs.live.objects.get(&wanted.key).and_then(Lookup::found);
    live.map_or_else(|| wanted.clone(), |live| immutable::with_kept(wanted, live))
}

fn apply(inputs: &Inputs<'_>, object: &Object, fill: Vec<Fill>) -> Action {
    let (key, take) = (&object.key, ownership::taken(inputs, &object.key));
    Action::Apply { object: object.clone(), expects: expects(inputs, key), fill, take }
}

fn expects(inputs: &Inputs<'_>, key: &ObjectKey) -> Expects {
    match inputs.live.objects.get(key).and_then(Lookup::found).and_then(Object::uid) {
        Some(uid) => Expects::Uid(uid.to_owned()),
        None => Expects::Absent,
    }
}

fn plain(title: String, actions: Vec<Action>) -> Step {
    Step { title, actions, before: Vec::new(), after: Vec::new(), tally: None, costs: Vec::new() }
}
