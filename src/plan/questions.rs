//! Which dry-runs to ask the API server for, and with what.
//!
//! An object is asked about as it would stand between the moves of membership:
//! with the live replicas, window, token and cluster id, so that what differs
//! is what the stack file changed.

use std::{collections::BTreeSet, ops::Range};

use super::{change, immutable, order::settled, recorded_cluster, spelling, state::replicas};
use crate::{
    desired::{self, Desired},
    field::{self, Owned, Owner},
    object::{Object, etcd_container},
    observed::{Live, Lookup, Question},
    version::Version,
};

/// The desired state with what a live cluster holds on to. An etcd version
/// that the file does not name stays what it is, because a changed default
/// never restarts a running cluster; fields that are left to other managers
/// are not ours to set; quantities are spelled as they are on the server.
pub fn settle(desired: &Desired, live: &Live) -> Desired {
    let mut settled = with_running_version(desired, live);
    for object in settled.objects_mut() {
        if let Some(found) = live.objects.get(&object.key).and_then(Lookup::found) {
            leave(&desired.stack.ownership.tolerate, object, found);
            spelling::as_live(object, found);
        }
    }
    settled
}

/// Takes out of an object what is left to other managers.
fn leave(tolerate: &BTreeSet<Owned>, object: &mut Object, live: &Object) {
    let owners = field::owners(&live.body);
    for one in tolerate.iter().filter(|one| one.is_of(&object.key)) {
        let owner = owners.iter().filter(|owner| owner.manager == one.manager && !owner.is_us());
        let path = owner.flat_map(|owner| &owner.fields).find(|path| path.is_shown_as(&one.field));
        if let Some(path) = path {
            path.remove(&mut object.body);
        }
    }
}

/// The fields that are left to other managers and that an object would have
/// from the stack otherwise: one that is made anew has them from nobody.
pub fn left(desired: &Desired, live: &Object) -> Vec<Owned> {
    let whole = desired::desired(&desired.stack);
    let Some(wanted) = whole.objects().into_iter().find(|object| object.key == live.key) else {
        return Vec::new();
    };
    let owners = field::owners(&live.body);
    let is_left = |one: &&Owned| {
        let owner = owners.iter().filter(|owner| owner.manager == one.manager && !owner.is_us());
        let mut paths = owner.flat_map(|owner| &owner.fields).filter(|path| path.is_shown_as(&one.field));
        one.is_of(&live.key) && paths.any(|path| path.get(&wanted.body).is_some())
    };
    desired.stack.ownership.tolerate.iter().filter(is_left).cloned().collect()
}

fn with_running_version(desired: &Desired, live: &Live) -> Desired {
    let stack = &desired.stack;
    match running_version(desired, live) {
        Some(version) if !stack.version_pinned && version != stack.version => {
            let mut stack = stack.clone();
            if stack.image.tag == format!("v{}", stack.version) {
                stack.image.tag = format!("v{version}");
            }
            stack.version = version;
            desired::desired(&stack)
        }
        _ => desired.clone(),
    }
}

/// What to ask for; nothing where the namespace is yet to be made or an object
/// could not be read.
pub fn questions(desired: &Desired, live: &Live) -> Vec<Question> {
    if live.objects.get(&desired.namespace.key).and_then(Lookup::found).is_none() {
        return Vec::new();
    }
    let cluster_id = recorded_cluster(desired, live).ok().flatten().map(|id| id.to_string());
    let readable = |object: &&Object| !matches!(live.objects.get(&object.key), Some(Lookup::Failed(_)));
    let mut all: Vec<Question> = desired
        .objects()
        .into_iter()
        .filter(|object| object.key != desired.namespace.key)
        .filter(readable)
        // What is deleted and created is not there to be asked about.
        .filter(|object| !is_made_anew(live, object))
        .map(|object| Question { object: settled(desired, live, cluster_id.as_deref(), object) })
        .collect();
    let next = next_pod(desired, live).into_iter().chain(next_claim(desired, live));
    all.extend(next.map(|object| Question { object }));
    all
}

fn is_made_anew(live: &Live, object: &Object) -> bool {
    let found = live.objects.get(&object.key).and_then(Lookup::found);
    let kept = found.map(|found| immutable::kept(object, found)).unwrap_or_default();
    kept.iter().any(|one| one.way == immutable::WayOut::Anew)
}

/// The next pod that the StatefulSet would make, where it makes more or others
/// than are there: its own dry-run checks nothing about its pods. Of one that
/// is there admission says what it says of one more.
pub fn next_pod(desired: &Desired, live: &Live) -> Option<Object> {
    match live.objects.get(&desired.names.stateful_set())? {
        Lookup::Absent => {
            let missing = |ordinal: &usize| live.pod(&desired.names.member(*ordinal)).is_none();
            members(desired).find(missing).map(|ordinal| desired.pod_of(ordinal))
        }
        Lookup::Found(set) if grows(desired, set) || has_another_template(desired, set) => {
            Some(desired.pod_of(replicas(set)))
        }
        Lookup::Found(_) | Lookup::Failed(_) => None,
    }
}

/// The next claim, where it makes more than are there.
pub fn next_claim(desired: &Desired, live: &Live) -> Option<Object> {
    match live.objects.get(&desired.names.stateful_set())? {
        Lookup::Absent => {
            let missing = |ordinal: &usize| live.claim(&desired.names.claim(*ordinal).name).is_none();
            members(desired).find(missing).map(|ordinal| desired.claim_of(ordinal))
        }
        Lookup::Found(set) if grows(desired, set) => Some(desired.claim_of(replicas(set))),
        Lookup::Found(_) | Lookup::Failed(_) => None,
    }
}

fn members(desired: &Desired) -> Range<usize> {
    0..usize::from(desired.stack.members)
}

fn grows(desired: &Desired, set: &Object) -> bool {
    usize::from(desired.stack.members) > replicas(set)
}

fn has_another_template(desired: &Desired, set: &Object) -> bool {
    let template = |object: &Object| object.body["spec"]["template"].clone();
    change::broken_at(&template(&desired.stateful_set), &template(set)).is_some()
}

/// The version that members start with: the tag of the live template's image.
/// Where somebody else wrote that, or it is gone, what the pods run counts, the
/// newest of it; without any, what the journal has.
pub fn running_version(desired: &Desired, live: &Live) -> Option<Version> {
    let Some(stateful_set) = live.objects.get(&desired.names.stateful_set()).and_then(Lookup::found) else {
        // Before a cluster is founded nobody runs what the journal says.
        let journal = live.journal.found().filter(|journal| journal.cluster_id.is_some());
        return of_the_pods(live).or_else(|| journal?.version.as_deref()?.parse().ok());
    };
    let owners = field::owners(&stateful_set.body);
    let sets = |owner: &&Owner| owner.fields.iter().any(|path| path.is_shown_as(IMAGE));
    let (ours, others): (Vec<_>, Vec<_>) = owners.iter().filter(sets).partition(|owner| owner.is_us());
    if ours.is_empty() && !others.is_empty() {
        return of_the_pods(live);
    }
    let container = etcd_container(&stateful_set.body, "/spec/template/spec/containers")?;
    tag(container.get("image")?.as_str()?)
}

fn of_the_pods(live: &Live) -> Option<Version> {
    let pods = live.pods.found().into_iter().flatten();
    pods.filter_map(|pod| tag(pod.image.as_deref()?)).max()
}

const IMAGE: &str = "spec.template.spec.containers[name=\"etcd\"].image";

fn tag(image: &str) -> Option<Version> {
    let without_digest = image.split('@').next()?;
    without_digest.rsplit_once(":v")?.1.parse().ok()
}
