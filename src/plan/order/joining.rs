//! A founder and those who join it, as steps.

use serde_json::json;

use super::{Inputs, apply, leaving::claim_uid, plain, settled::with_token, sized, with_kept};
use crate::{
    desired::{self, Desired, Window, with_replicas},
    object::Object,
    observed::Lookup,
    plan::{Action, Fill, Guard, Step, Wait, membership::State},
};

pub(super) fn open_founding(inputs: &Inputs<'_>) -> Step {
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

pub(super) fn start_founder(inputs: &Inputs<'_>) -> Step {
    let (names, stateful_set) = (&inputs.desired.names, &with_kept(inputs));
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

pub(super) fn record_cluster(inputs: &Inputs<'_>) -> Step {
    let one = with_replicas(&with_kept(inputs), 1);
    let actions = vec![Action::RecordCluster, apply(inputs, &one, vec![Fill::ClusterId])];
    Step {
        before: vec![Guard::Replicas { one_of: vec![1] }, Guard::SameFoundingClaim],
        after: Vec::new(),
        ..plain("write down the cluster's id: it is founded, once and for ever".to_owned(), actions)
    }
}

pub(super) fn invite(inputs: &Inputs<'_>, before: &State, ordinal: usize, listed: &[usize]) -> Step {
    let Desired { stack, names, .. } = inputs.desired;
    let (name, peer_url) = (names.member(ordinal), names.peer_url(ordinal));
    let open = Window::Joining { ordinal, members: listed.to_vec() };
    let mut actions = Vec::new();
    if !before.members.contains_key(&ordinal) {
        actions.push(Action::AddLearner { ordinal, name: name.clone(), peer_url: peer_url.clone() });
    }
    actions.push(tokened(inputs, desired::window(stack, names, &open)));
    if !before.quorum {
        return plain(format!("let {name}, and only it, join: it gives the quorum back"), actions);
    }
    let claim = if actions.len() == 2 { unused_claim(inputs, before, ordinal) } else { None };
    Step {
        before: [vec![Guard::VotersHealthy, Guard::NoOtherLearner { peer_url }], claim.into_iter().collect()]
            .concat(),
        ..plain(format!("add {name} as a learner and let it, and only it, join"), actions)
    }
}

/// A joining member starts on a volume that nobody has used: there is no claim,
/// or it is not the one that was deleted.
fn unused_claim(inputs: &Inputs<'_>, before: &State, ordinal: usize) -> Option<Guard> {
    if !before.claims.contains_key(&ordinal) {
        return Some(Guard::ClaimAbsent { ordinal });
    }
    let deleted = inputs.intended.replace.get(&inputs.desired.names.member(ordinal));
    let deleted = deleted.map_or_else(|| Some(claim_uid(inputs, ordinal)), |old| old.claim_uid.clone());
    deleted.map(|uid| Guard::ClaimIsNot { ordinal, uid })
}

pub(super) fn start(inputs: &Inputs<'_>, before: &State, ordinal: usize) -> Step {
    let names = &inputs.desired.names;
    let (name, peer_url) = (names.member(ordinal), names.peer_url(ordinal));
    let replicas = before.replicas.max(ordinal + 1);
    let title = match before.replicas <= ordinal {
        true => format!("replicas {ordinal} -> {replicas}, wait until {name} has joined"),
        false => format!("start {name}, wait until it has joined"),
    };
    // A pod that was there before the window opened waits out its back-off.
    let again = Action::StartAgain { ordinal, name, peer_url: peer_url.clone() };
    // Without a quorum no list can be had; who starts then gives it back.
    let listed = before.quorum.then(|| Guard::Listed { peer_url: peer_url.clone() });
    Step {
        before: listed
            .into_iter()
            .chain([Guard::Replicas { one_of: vec![before.replicas, replicas] }])
            .collect(),
        after: vec![Wait::Joined { ordinal, peer_url }],
        ..plain(title, vec![sized(inputs, before, replicas), again])
    }
}

pub(super) fn promote(inputs: &Inputs<'_>, ordinal: usize) -> Step {
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

pub(super) fn record_member(inputs: &Inputs<'_>, ordinal: usize) -> Action {
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

pub(super) fn seal(inputs: &Inputs<'_>) -> Action {
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
