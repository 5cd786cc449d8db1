//! Objects that are made anew, because a field of theirs never changes, and
//! volumes that grow before, as steps.
//!
//! The StatefulSet is deleted and its pods are not: they go on without it, and
//! the next one takes them over, since it has the same selector and the same
//! name. A run that ends in between leaves pods that nobody starts again,
//! and the next plan creates the StatefulSet before it does anything else.

use super::{Inputs, apply, leaving::claim_uid, plain, restarting::come_back, sized};
use crate::{
    field::takeover,
    object::{Object, ObjectKey},
    observed::Lookup,
    plan::{
        Action, Guard, Step, Wait,
        membership::{Listed, State},
    },
};

pub(super) fn recreate(inputs: &Inputs<'_>, before: &State) -> Step {
    let key = inputs.desired.names.stateful_set();
    let replicas = before.replicas;
    let what = inputs.anew.get(&key).map(|anew| anew.what.clone()).unwrap_or_default();
    let orphan = Action::Orphan { uid: uid(inputs, &key), key: key.clone(), replicas };
    let after = State { outgrown: false, ..before.clone() };
    Step {
        before: vec![
            Guard::Sealed,
            Guard::Replicas { one_of: vec![replicas] },
            Guard::FirstListed { members: replicas },
            set_by_these(inputs, &key),
        ],
        after: vec![Wait::Adopted { replicas }],
        ..plain(
            format!("make {key} anew around its pods: {what}"),
            vec![orphan, sized(inputs, &after, replicas)],
        )
    }
}

pub(super) fn make_again(inputs: &Inputs<'_>, before: &State, replicas: usize) -> Step {
    let names = &inputs.desired.names;
    let pods = before.gone.as_ref().map(|gone| gone.pods.clone()).unwrap_or_default();
    let missing: Vec<usize> = (0..replicas).filter(|ordinal| !pods.contains(ordinal)).collect();
    // Who is replaced, or learns, need not have anything to come back with.
    let votes = |ordinal: &usize| {
        before.members.get(ordinal) == Some(&Listed::Voter) && !before.replace.contains_key(ordinal)
    };
    let back: Vec<usize> = missing.iter().copied().filter(votes).collect();
    let count = if replicas == 1 { "1 replica".to_owned() } else { format!("{replicas} replicas") };
    let members: Vec<String> = missing.iter().map(|ordinal| names.member(*ordinal)).collect();
    let how = match members.as_slice() {
        [] => " around its pods".to_owned(),
        all => format!(": {}", come_back(all)),
    };
    let mut after = vec![Wait::Adopted { replicas }];
    if !back.is_empty() {
        after.push(Wait::Back { ordinals: back.clone() });
    }
    Step {
        before: vec![
            Guard::Sealed,
            Guard::RecordedClaims { ordinals: back },
            Guard::Replicas { one_of: vec![0, replicas] },
        ],
        after,
        ..plain(
            format!("create {} with {count}{how}", names.stateful_set()),
            vec![sized(inputs, before, replicas)],
        )
    }
}

pub(super) fn grow(inputs: &Inputs<'_>, ordinal: usize) -> Step {
    let key = inputs.desired.names.claim(ordinal);
    let size = inputs.desired.stack.storage.size;
    let claim = inputs.live.claim(&key.name);
    let has = claim.and_then(|claim| claim.requested.filter(|asked| *asked < size).or(claim.capacity));
    let from = has.map(|has| format!("{has} -> ")).unwrap_or_default();
    let uid = claim_uid(inputs, ordinal);
    Step {
        after: vec![Wait::Grown { ordinal, size }],
        ..plain(
            format!("grow {key} {from}{size}, wait until its volume and file system are that large"),
            vec![Action::Grow { ordinal, claim: key.name, uid, size }],
        )
    }
}

/// The headless Service; the one for clients is made where it always is.
pub(super) fn peer_service(inputs: &Inputs<'_>) -> Option<Step> {
    service(inputs, &inputs.desired.peer_service)
}

pub(super) fn service(inputs: &Inputs<'_>, service: &Object) -> Option<Step> {
    let what = &inputs.anew.get(&service.key)?.what;
    let actions = take_away(inputs, &service.key).into_iter().chain([apply(inputs, service, Vec::new())]);
    Some(Step {
        before: vec![set_by_these(inputs, &service.key)],
        ..plain(format!("delete {} and create it again: {what}", service.key), actions.collect())
    })
}

/// What others set goes with the object, but no more than the plan showed.
pub(super) fn set_by_these(inputs: &Inputs<'_>, key: &ObjectKey) -> Guard {
    let live = inputs.live.objects.get(key).and_then(Lookup::found);
    let these = live.map(|live| takeover::others(&live.body)).unwrap_or_default();
    Guard::SetByThese { key: key.clone(), these }
}

/// Deletes an object that is made anew.
pub(super) fn take_away(inputs: &Inputs<'_>, key: &ObjectKey) -> Option<Action> {
    inputs.anew.get(key)?;
    Some(Action::Delete { key: key.clone(), uid: uid(inputs, key) })
}

fn uid(inputs: &Inputs<'_>, key: &ObjectKey) -> String {
    let live = inputs.live.objects.get(key).and_then(Lookup::found);
    live.and_then(Object::uid).unwrap_or_default().to_owned()
}
