//! Changes and membership as steps, in the one order in which they are safe.
//!
//! Namespace; certificates; what members need before they start; the founding;
//! the client Service once the cluster is sealed, so that no client writes to
//! a cluster whose founder could still be replaced by an empty one; then one
//! member after another.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Action, Expects, Fill, Guard, IssueReason, Step, Wait,
    membership::{Move, State},
};
use crate::{
    desired::{self, CLUSTER_ID, Desired, Window, with_replicas},
    object::{Object, ObjectKey},
    observed::{Live, Lookup},
};

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
    /// The recorded cluster id, printed.
    pub cluster_id: Option<String>,
    /// The moves of membership.
    pub moves: Vec<(State, Move, State)>,
}

/// Every step, in order.
pub fn steps(inputs: &Inputs<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    steps.extend(namespace(inputs));
    steps.extend(certificates(inputs));
    steps.extend(objects(inputs));
    steps.extend(membership(inputs));
    expect_what_earlier_steps_made(&mut steps);
    steps
}

/// The first action that names an absent object makes it; the later ones find
/// what that one made.
fn expect_what_earlier_steps_made(steps: &mut [Step]) {
    let mut made = BTreeSet::new();
    for action in steps.iter_mut().flat_map(|step| &mut step.actions) {
        if let Action::Apply { object, expects, .. } | Action::Issue { object, expects, .. } = action
            && *expects == Expects::Absent
            && !made.insert(object.key.clone())
        {
            *expects = Expects::MadeBefore;
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
            Some(Action::Issue {
                object: secret.object.clone(),
                request: secret.request.clone(),
                authority: secret.authority.clone(),
                reason: reason(&secret.object.key)?,
                expects: expects(inputs, &secret.object.key),
            })
        })
        .collect();
    let renewal = inputs.issues.iter().all(|(_, reason)| *reason != IssueReason::Missing);
    let verb = if renewal { "renew" } else { "issue" };
    let count = actions.len();
    let plural = if count == 1 { "certificate" } else { "certificates" };
    let tail = if renewal { ": members read them at the next handshake, none restarts" } else { "" };
    (count > 0).then(|| plain(format!("{verb} {count} {plural}{tail}"), actions))
}

/// Objects that members need before they start, and changes to what is there
/// already. The StatefulSet, the bootstrap ConfigMap and the client Service
/// are *made* among the moves of membership.
fn objects(inputs: &Inputs<'_>) -> Option<Step> {
    let Desired { names, .. } = inputs.desired;
    let issued = |key: &ObjectKey| inputs.issues.iter().any(|(other, _)| other == key);
    let by_moves = |key: &ObjectKey| {
        let made_by_moves = [names.stateful_set(), names.bootstrap(), names.client_service()].contains(key);
        made_by_moves && inputs.live.objects.get(key).is_none_or(Lookup::is_absent)
    };
    let actions: Vec<Action> = inputs
        .desired
        .objects()
        .into_iter()
        .filter(|object| object.key != inputs.desired.namespace.key)
        .filter(|object| {
            inputs.changed.contains(&object.key) && !issued(&object.key) && !by_moves(&object.key)
        })
        .map(|object| apply(inputs, &as_it_is(inputs, object), Vec::new()))
        .collect();
    let keys: Vec<String> = actions.iter().filter_map(applied).map(ToString::to_string).collect();
    (!actions.is_empty()).then(|| plain(format!("apply {}", keys.join(", ")), actions))
}

fn applied(action: &Action) -> Option<&ObjectKey> {
    match action {
        Action::Apply { object, .. } => Some(&object.key),
        _ => None,
    }
}

/// The body of an object between moves: replicas, window, token and cluster id
/// as they are live, everything else as wanted.
pub fn as_it_is(inputs: &Inputs<'_>, object: &Object) -> Object {
    settled(inputs.desired, inputs.live, inputs.cluster_id.as_deref(), object)
}

/// See [`as_it_is`].
pub fn settled(desired: &Desired, live: &Live, cluster_id: Option<&str>, object: &Object) -> Object {
    let Desired { names, stack, .. } = desired;
    let found = live.objects.get(&object.key).and_then(Lookup::found);
    if object.key == names.stateful_set() {
        let replicas = found.and_then(|found| found.body.pointer("/spec/replicas")?.as_u64());
        let sized =
            replicas.map_or_else(|| object.clone(), |replicas| with_replicas(object, replicas as usize));
        return with_cluster_id(sized, cluster_id);
    }
    if object.key == names.bootstrap() {
        let open = found.and_then(|found| Window::read(names, found)).unwrap_or(Window::Sealed);
        return with_token(desired::window(stack, names, &open), found);
    }
    object.clone()
}

fn with_cluster_id(mut object: Object, cluster_id: Option<&str>) -> Object {
    if let Some(id) = cluster_id {
        let metadata = &mut object.body["metadata"];
        if !metadata["annotations"].is_object() {
            metadata["annotations"] = json!({});
        }
        metadata["annotations"][CLUSTER_ID] = json!(id);
    }
    object
}

fn with_token(mut object: Object, live: Option<&Object>) -> Object {
    let token = live.and_then(|live| live.body.pointer("/data/initial-cluster-token")).cloned();
    if let Some(token @ Value::String(_)) = token {
        object.body["data"]["initial-cluster-token"] = token;
    }
    object
}

fn membership(inputs: &Inputs<'_>) -> Vec<Step> {
    let client = inputs.desired.names.client_service();
    let mut client_missing = inputs.live.objects.get(&client).is_none_or(Lookup::is_absent);
    let mut steps = Vec::new();
    let mut serve = |steps: &mut Vec<Step>, state: &State| {
        if client_missing && state.recorded && state.window == Some(Window::Sealed) {
            client_missing = false;
            let action = apply(inputs, &inputs.desired.client_service, Vec::new());
            steps.push(plain(format!("create {client}: clients are served from here on"), vec![action]));
        }
    };
    if let Some((state, ..)) = inputs.moves.first() {
        serve(&mut steps, state);
    }
    for (before, one, after) in &inputs.moves {
        steps.push(step(inputs, before, one, after));
        serve(&mut steps, after);
    }
    // No moves, because nothing is left or because nothing is known of members.
    if inputs.moves.is_empty() && client_missing && sealed(inputs) {
        let action = apply(inputs, &inputs.desired.client_service, Vec::new());
        steps.push(plain(format!("create {client}"), vec![action]));
    }
    steps
}

fn sealed(inputs: &Inputs<'_>) -> bool {
    let names = &inputs.desired.names;
    let live = inputs.live.objects.get(&names.bootstrap()).and_then(Lookup::found);
    live.and_then(|live| Window::read(names, live)) == Some(Window::Sealed)
}

fn step(inputs: &Inputs<'_>, before: &State, one: &Move, after: &State) -> Step {
    let mut step = match one {
        Move::OpenFounding => open_founding(inputs),
        Move::StartFounder => start_founder(inputs),
        Move::RecordCluster => record_cluster(inputs),
        Move::Seal => {
            plain("seal: from here on no member starts without its data".to_owned(), vec![seal(inputs)])
        }
        Move::Invite(ordinal) => invite(inputs, before, *ordinal, &after.listed()),
        Move::Start(ordinal) => start(inputs, *ordinal),
        Move::Promote(ordinal) => promote(inputs, *ordinal),
        Move::RecordMember(ordinal) => plain(
            format!("write down {}", inputs.desired.names.member(*ordinal)),
            vec![record_member(inputs, *ordinal)],
        ),
    };
    step.tally = (after.voters() > 0).then(|| after.tally());
    step
}

fn open_founding(inputs: &Inputs<'_>) -> Step {
    let Desired { stack, names, .. } = inputs.desired;
    let live = inputs.live.objects.get(&names.bootstrap()).and_then(Lookup::found);
    let window = with_token(desired::window(stack, names, &Window::Founding), live);
    let fill = if window.body["data"]["initial-cluster-token"].is_string() {
        Vec::new()
    } else {
        vec![Fill::NewToken]
    };
    let actions = vec![Action::BeginFounding, apply(inputs, &window, fill)];
    Step {
        before: vec![Guard::NeverFounded],
        ..plain(format!("let {}, and only it, found a cluster", names.member(0)), actions)
    }
}

fn start_founder(inputs: &Inputs<'_>) -> Step {
    let Desired { names, stateful_set, .. } = inputs.desired;
    let actions = vec![apply(inputs, &with_replicas(stateful_set, 1), Vec::new())];
    Step {
        before: vec![Guard::NeverFounded, Guard::Replicas { one_of: vec![0, 1] }, Guard::SameFoundingClaim],
        after: vec![Wait::Founded { ordinal: 0 }],
        ..plain(
            format!("create {} with 1 replica, wait until {} leads", stateful_set.key, names.member(0)),
            actions,
        )
    }
}

fn record_cluster(inputs: &Inputs<'_>) -> Step {
    let one = with_replicas(&inputs.desired.stateful_set, 1);
    let actions =
        vec![Action::RecordCluster, apply(inputs, &one, vec![Fill::ClusterId]), record_member(inputs, 0)];
    Step {
        before: vec![Guard::Replicas { one_of: vec![1] }, Guard::SameFoundingClaim],
        after: Vec::new(),
        ..plain("write down the cluster's id: it is founded, once and for ever".to_owned(), actions)
    }
}

fn invite(inputs: &Inputs<'_>, before: &State, ordinal: usize, listed: &[usize]) -> Step {
    let Desired { stack, names, .. } = inputs.desired;
    let (name, peer_url) = (names.member(ordinal), names.peer_url(ordinal));
    let open = Window::Joining { ordinal, members: listed.to_vec() };
    let mut actions = Vec::new();
    if !before.members.contains_key(&ordinal) {
        actions.push(Action::AddLearner { ordinal, name: name.clone(), peer_url: peer_url.clone() });
    }
    actions.push(tokened(inputs, desired::window(stack, names, &open)));
    let claim = if actions.len() == 2 { vec![Guard::ClaimAbsent { ordinal }] } else { Vec::new() };
    Step {
        before: [vec![Guard::VotersHealthy, Guard::NoOtherLearner { peer_url }], claim].concat(),
        ..plain(format!("add {name} as a learner and let it, and only it, join"), actions)
    }
}

fn start(inputs: &Inputs<'_>, ordinal: usize) -> Step {
    let Desired { names, stateful_set, .. } = inputs.desired;
    let (name, peer_url) = (names.member(ordinal), names.peer_url(ordinal));
    let sized = with_cluster_id(with_replicas(stateful_set, ordinal + 1), inputs.cluster_id.as_deref());
    let fill = if inputs.cluster_id.is_some() { Vec::new() } else { vec![Fill::ClusterId] };
    Step {
        before: vec![
            Guard::Listed { peer_url: peer_url.clone() },
            Guard::Replicas { one_of: vec![ordinal, ordinal + 1] },
        ],
        after: vec![Wait::Joined { ordinal, peer_url }],
        ..plain(
            format!("replicas {ordinal} -> {}, wait until {name} has joined", ordinal + 1),
            vec![apply(inputs, &sized, fill)],
        )
    }
}

fn promote(inputs: &Inputs<'_>, ordinal: usize) -> Step {
    let names = &inputs.desired.names;
    let (name, peer_url) = (names.member(ordinal), names.peer_url(ordinal));
    let actions = vec![
        Action::Promote { ordinal, name: name.clone(), peer_url: peer_url.clone() },
        record_member(inputs, ordinal),
    ];
    Step {
        before: vec![Guard::VotersHealthy, Guard::Listed { peer_url: peer_url.clone() }],
        after: vec![Wait::Voting { ordinal, peer_url }],
        ..plain(format!("promote {name} once it is connected and has caught up"), actions)
    }
}

fn record_member(inputs: &Inputs<'_>, ordinal: usize) -> Action {
    let names = &inputs.desired.names;
    let key = names.claim(ordinal);
    let body = json!({
        "apiVersion": key.kind.api_version(),
        "kind": key.kind.to_string(),
        "metadata": { "name": key.name, "namespace": key.namespace },
    });
    Action::RecordMember {
        ordinal,
        name: names.member(ordinal),
        peer_url: names.peer_url(ordinal),
        claim: Object { key, body },
    }
}

fn seal(inputs: &Inputs<'_>) -> Action {
    let Desired { stack, names, .. } = inputs.desired;
    tokened(inputs, desired::window(stack, names, &Window::Sealed))
}

/// Applies a bootstrap ConfigMap with the token that is live, or will be. Once
/// the cluster is founded, pods read a token and nothing depends on which.
fn tokened(inputs: &Inputs<'_>, window: Object) -> Action {
    let live = inputs.live.objects.get(&window.key).and_then(Lookup::found);
    let window = with_token(window, live);
    let known = window.body["data"]["initial-cluster-token"].is_string();
    let hole = if inputs.cluster_id.is_some() { Fill::NewToken } else { Fill::LiveToken };
    apply(inputs, &window, if known { Vec::new() } else { vec![hole] })
}

fn apply(inputs: &Inputs<'_>, object: &Object, fill: Vec<Fill>) -> Action {
    Action::Apply { object: object.clone(), expects: expects(inputs, &object.key), fill }
}

fn expects(inputs: &Inputs<'_>, key: &ObjectKey) -> Expects {
    match inputs.live.objects.get(key).and_then(Lookup::found).and_then(Object::uid) {
        Some(uid) => Expects::Uid(uid.to_owned()),
        None => Expects::Absent,
    }
}

fn plain(title: String, actions: Vec<Action>) -> Step {
    Step { title, actions, before: Vec::new(), after: Vec::new(), tally: None }
}
