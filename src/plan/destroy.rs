//! What goes with a stack that is destroyed, what stays, and why.
//!
//! The members stop, and everything goes that `apply` can make again. Claims
//! and authorities stay, so that the same file brings the cluster back, unless
//! they are named or the file says so of the claims. The namespace goes only by
//! its name, and only if nobody else has anything in it.

use super::{
    Blocked, Intent, Plan, compare,
    inventory::known,
    order::ending::{self, Goes, Target},
    prune::delete,
    recorded_cluster,
    whose::stays,
};
use crate::{
    certificate::Usage,
    desired::{Desired, ORDINALS},
    object::{Kind, Named, ObjectKey},
    observed::{
        Claim, Intended, Journal, Live, Lookup, Members, Observed,
        journal::{Ending, Run, Snapshot},
    },
};

mod keeping;
mod namespace;
mod remade;
mod saving;

pub use keeping::takes_claims_along;

/// Makes the plan that takes a stack away.
pub fn destroy(plan: &mut Plan, desired: &Desired, observed: &Observed, intent: &Intent) {
    let live = &observed.live;
    plan.intended = intended(plan, desired, live, intent);
    if compare::namespace_goes(desired, live) {
        plan.warnings.push(format!("`{}` is being deleted, with all that is in it", desired.namespace.key));
        return;
    }
    let mut goes = Goes { claims: claims(plan, desired, live), ..objects(plan, desired, live) };
    goes.namespace = namespace::namespace(plan, desired, live, &goes);
    goes.pods = pods(desired, live, &goes);
    goes.stay = keeping::keep(plan, desired, live, &goes);
    goes.snapshot = saving::snapshot(plan, desired, observed, intent, &goes);
    let kept = kept(desired, live, &goes);
    let records = live.journal.found().is_some() || live.lease.found().is_some();
    goes.records = records && goes.namespace.is_none() && left_claims(live, &goes).next().is_none();
    say_what_stays(plan, desired, observed, &goes, &kept);
    let found = |target: &Target| live.objects.get(&target.key).and_then(Lookup::found);
    let gone = goes.applied().chain(&goes.namespace).filter_map(found);
    plan.changes = gone.map(|object| delete(object, "")).collect();
    plan.steps = ending::destroy(desired, &goes);
    plan.voters.after = 0;
}

/// The members' pods, unless their StatefulSet stays.
fn pods(desired: &Desired, live: &Live, goes: &Goes) -> Vec<String> {
    let set = desired.names.stateful_set();
    if live.objects.get(&set).is_some_and(|found| !found.is_absent()) && !goes.has(&set) {
        return Vec::new();
    }
    let pods = live.pods.found().into_iter().flatten().map(|pod| pod.name.clone());
    pods.filter(|pod| desired.names.ordinal_named(pod).is_some()).collect()
}

/// What is asked for by name, by the identity that has the name now, and what
/// the run that broke off was asked for.
fn intended(plan: &mut Plan, desired: &Desired, live: &Live, intent: &Intent) -> Intended {
    let begun = intent.goes_on_with(live).filter(|run| run.intended.end == Some(Ending::Destroy));
    let mut delete = begun.map(|run| run.intended.delete.clone()).unwrap_or_default();
    for named in &intent.delete {
        match identity(desired, live, named) {
            Some((key, uid)) => drop(delete.record(&key, &uid)),
            // Gone already, by an earlier run perhaps.
            None if may_be(desired, named) => {}
            None => plan.blocked.push(Blocked::new(
                "plan::no_such_object",
                format!("there is no `{named}` to delete"),
                "`--delete` names claims, authorities' Secrets and the namespace, as the plan shows them",
            )),
        }
    }
    Intended { end: Some(Ending::Destroy), delete, ..Intended::default() }
}

/// Whether a stack has an object of this name, at one time or another.
fn may_be(desired: &Desired, named: &Named) -> bool {
    let claims = (0..ORDINALS).map(|ordinal| desired.names.claim(ordinal));
    let objects = desired.objects().into_iter().map(|object| object.key.clone());
    claims.chain(objects).any(|key| named.is(&key))
}

fn identity(desired: &Desired, live: &Live, named: &Named) -> Option<(ObjectKey, String)> {
    if named.kind == Kind::PersistentVolumeClaim {
        let claim = live.claim(&named.name)?;
        return Some((claim_key(desired, claim), claim.uid.clone()));
    }
    let (key, found) = live.objects.iter().find(|(key, _)| named.is(key))?;
    Some((key.clone(), found.found()?.uid()?.to_owned()))
}

fn claim_key(desired: &Desired, claim: &Claim) -> ObjectKey {
    ObjectKey::new(Kind::PersistentVolumeClaim, &desired.stack.namespace, &claim.name)
}

fn is_authority(desired: &Desired, key: &ObjectKey) -> bool {
    let secret = desired.secrets.iter().find(|secret| secret.object.key == *key);
    secret.is_some_and(|secret| secret.request.usage == Usage::Authority)
}

/// The objects that runs made, but the namespace; what is not surely theirs
/// stays.
fn objects(plan: &mut Plan, desired: &Desired, live: &Live) -> Goes {
    let mut goes = Goes::default();
    let found = live.objects.values().filter_map(Lookup::found);
    for object in found.filter(|object| object.key.kind != Kind::Namespace) {
        let key = &object.key;
        let named = plan.intended.delete.uid(key) == object.uid();
        if is_authority(desired, key) && !named {
            continue;
        }
        match stays(object, &known(desired, live), desired.has(key), &desired.stack.name) {
            None => match remade::not_again(desired, live, object) {
                Some(why) => goes.unique.push((Target::of(object), why)),
                None => goes.objects.push(Target::of(object)),
            },
            Some(why) if *key == desired.names.stateful_set() => plan.blocked.push(Blocked::new(
                "plan::foreign_object",
                format!("`{key}` is not deleted, because {why}"),
                "its pods need what would be deleted; `apply` says how it becomes this stack's",
            )),
            Some(why) => plan.warnings.push(format!("`{key}` is left alone, because {why}")),
        }
    }
    goes
}

/// Claims that are named, or that hold this cluster's data where the file says
/// that they go.
fn claims(plan: &Plan, desired: &Desired, live: &Live) -> Vec<(Target, &'static str)> {
    let by_file = desired.destroys_claims();
    let claims = live.claims.found().into_iter().flatten();
    let goes = claims.filter_map(|claim| {
        let key = claim_key(desired, claim);
        let why = match plan.intended.delete.uid(&key) == Some(&claim.uid) {
            true => "`--delete` names it",
            false if by_file && holds_data_of(plan, live, claim) => "`storage.on_destroy` is `delete`",
            false => return None,
        };
        Some((Target { key, uid: claim.uid.clone() }, why))
    });
    goes.collect()
}

/// Whether a claim is written down as one of this cluster's.
fn holds_data_of(plan: &Plan, live: &Live, claim: &Claim) -> bool {
    let journal = live.journal.found();
    let member =
        journal.is_some_and(|journal| journal.members.values().any(|one| one.claim_uid == claim.uid));
    let founder = journal.and_then(|journal| journal.founding.as_ref()?.claim_uid.as_ref());
    member || founder == Some(&claim.uid) || (plan.recorded.is_some() && claim.cluster_id == plan.recorded)
}

fn left_claims<'a>(live: &'a Live, goes: &'a Goes) -> impl Iterator<Item = &'a Claim> {
    let all = live.claims.found().into_iter().flatten();
    all.filter(|claim| !goes.claims.iter().any(|(target, _)| target.uid == claim.uid))
}

/// Whether some claims go and others stay.
fn some_claims_go(live: &Live, goes: &Goes) -> bool {
    !goes.claims.is_empty() && left_claims(live, goes).next().is_some()
}

/// What stays of the stack, as `--delete` would name it.
fn kept(desired: &Desired, live: &Live, goes: &Goes) -> Vec<String> {
    let claims = left_claims(live, goes).map(|claim| Named::from(&claim_key(desired, claim)).to_string());
    let authorities = desired.secrets.iter().map(|secret| &secret.object.key).filter(|key| {
        let there = live.objects.get(key).and_then(Lookup::found).is_some();
        there && is_authority(desired, key) && !goes.has(key)
    });
    claims.chain(authorities.map(|key| Named::from(key).to_string())).collect()
}

fn say_what_stays(plan: &mut Plan, desired: &Desired, observed: &Observed, goes: &Goes, kept: &[String]) {
    let live = &observed.live;
    if !kept.is_empty() {
        let apply = match some_claims_go(live, goes) {
            true => "Without the claims that go, `apply` does not bring the cluster back",
            false => "`apply` of the same file goes on with them",
        };
        plan.warnings.push(format!(
            "kept: {}. {apply}; `--delete` with any of these names takes it away too",
            kept.join(", ")
        ));
    }
    if let Some(others) = live.neighbours.in_words() {
        plan.warnings.push(format!(
            "left alone in `{}`, for they are not this stack's: {others}",
            desired.namespace.key
        ));
    }
    if let Some(unread) = live.neighbours.unread_in_words() {
        plan.warnings.push(format!(
            "what else is in `{}` is not all known: {unread} cannot be listed",
            desired.namespace.key
        ));
    }
    let unknown = unknown_members(desired, observed);
    if !unknown.is_empty() && !kept.is_empty() {
        plan.warnings.push(format!(
            "the journal does not know {}: `apply` before this writes them down, or their volumes cannot be used again",
            unknown.join(", ")
        ));
    }
}

/// Voters that no run has written down.
fn unknown_members(desired: &Desired, observed: &Observed) -> Vec<String> {
    let Members::Read(reading) = &observed.members else { return Vec::new() };
    let journal = observed.live.journal.found();
    let members = reading.membership.members.iter().filter(|member| !member.name.is_empty());
    let ordinals = members.filter_map(|member| super::state::ordinal(desired, member));
    let names = ordinals.map(|ordinal| desired.names.member(ordinal));
    names.filter(|name| !journal.is_some_and(|journal| journal.members.contains_key(name))).collect()
}
