//! Members that leave, and their volumes, as steps.

use super::{Inputs, plain, sized};
use crate::{
    member::Id,
    plan::{Action, Cost, Guard, Step, Wait, membership::State},
};

pub(super) fn remove(inputs: &Inputs<'_>, before: &State, ordinal: usize) -> Step {
    let names = &inputs.desired.names;
    Step {
        before: vec![Guard::Removable { peer_url: names.peer_url(ordinal) }],
        ..plain(
            match ordinal < before.wanted {
                true => format!("remove {}: another takes its place", names.member(ordinal)),
                false => format!("remove {}, which does not serve", names.member(ordinal)),
            },
            vec![remove_member(inputs, before, ordinal)],
        )
    }
}

pub(super) fn remove_stranger(inputs: &Inputs<'_>, id: Id) -> Step {
    let peer_url = inputs.strangers.get(&id).cloned().unwrap_or_default();
    let action = Action::RemoveMember {
        name: peer_url.clone(),
        peer_url: peer_url.clone(),
        id: Some(id),
        hand_over: Vec::new(),
    };
    Step {
        before: vec![Guard::Removable { peer_url: peer_url.clone() }],
        ..plain(format!("remove member {id} at {peer_url}, which is not this stack's"), vec![action])
    }
}

/// Removed, replicas lowered and the pod gone are one step: between the first
/// two a pod runs that etcd does not know.
pub(super) fn retire(inputs: &Inputs<'_>, before: &State, ordinal: usize) -> Step {
    let names = &inputs.desired.names;
    let (name, peer_url) = (names.member(ordinal), names.peer_url(ordinal));
    let replicas = before.replicas.min(ordinal);
    let title = match before.members.contains_key(&ordinal) {
        true if replicas == before.replicas => format!("remove {name}, which has no pod"),
        false if replicas == before.replicas => format!("write down that {name} is gone"),
        true => {
            format!("remove {name}, replicas {} -> {replicas}, wait until its pod is gone", before.replicas)
        }
        false => format!("replicas {} -> {replicas}: etcd does not list {name}", before.replicas),
    };
    Step {
        before: vec![Guard::Removable { peer_url }],
        after: vec![Wait::Gone { ordinal }],
        ..plain(
            title,
            vec![
                remove_member(inputs, before, ordinal),
                sized(inputs, before, replicas),
                Action::ForgetMember { name },
            ],
        )
    }
}

fn remove_member(inputs: &Inputs<'_>, before: &State, ordinal: usize) -> Action {
    let names = &inputs.desired.names;
    Action::RemoveMember {
        name: names.member(ordinal),
        peer_url: names.peer_url(ordinal),
        id: inputs.members.get(&ordinal).copied(),
        hand_over: before.heirs(ordinal),
    }
}

pub(super) fn delete_claim(inputs: &Inputs<'_>, ordinal: usize) -> Step {
    let names = &inputs.desired.names;
    let (claim, uid) = (names.claim(ordinal).name, claim_uid(inputs, ordinal));
    let why = match ordinal < usize::from(inputs.desired.stack.members) {
        true => "a member that joins starts on an empty volume",
        false => "`storage.on_scale_down` is `delete`",
    };
    let title = format!("delete {}: {why}", names.claim(ordinal));
    Step {
        before: vec![Guard::NotListed { peer_url: names.peer_url(ordinal) }],
        after: vec![Wait::ClaimGone { ordinal, uid: uid.clone() }],
        costs: vec![Cost::DataLoss { claim: claim.clone() }],
        ..plain(title, vec![Action::DeleteClaim { ordinal, claim, uid }])
    }
}

pub(super) fn empty(inputs: &Inputs<'_>, ordinal: usize) -> Step {
    let names = &inputs.desired.names;
    let (name, claim_uid) = (names.member(ordinal), claim_uid(inputs, ordinal));
    Step {
        before: vec![Guard::NotListed { peer_url: names.peer_url(ordinal) }],
        after: vec![Wait::Emptied { ordinal, claim_uid: claim_uid.clone() }],
        costs: vec![Cost::DataLoss { claim: names.claim(ordinal).name }],
        ..plain(
            format!("delete {} and the pod of {name}, wait until both are made anew", names.claim(ordinal)),
            vec![Action::Empty { ordinal, name, claim_uid }],
        )
    }
}

pub(super) fn claim_uid(inputs: &Inputs<'_>, ordinal: usize) -> String {
    let claim = inputs.desired.names.claim(ordinal).name;
    inputs.live.claim(&claim).map(|claim| claim.uid.clone()).unwrap_or_default()
}
