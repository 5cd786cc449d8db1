//! What is looked into before anything is written.
//!
//! A StatefulSet's dry-run checks nothing about its pods and claims: a missing
//! StorageClass, an exhausted quota and Pod Security all pass it and fail
//! later. So each is asked about on its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Blocked,
    anew::Anew,
    compare::namespace_goes,
    membership::{Listed, Move, State},
    offline::NOBODY_ASKED,
    questions::{next_claim, next_pod},
    quota, refusal,
};
use crate::{
    desired::Desired,
    object::ObjectKey,
    observed::{Lookup, Observed, Proposal, Right, StorageClass},
};

/// One thing that was looked into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What: `rights`, `storage_class`, `pod`, `claim`, `nodes`.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
    /// In words: `StorageClass fast-ssd (expandable, WaitForFirstConsumer)`.
    pub detail: String,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// In order.
    Pass,
    /// Not in order; there is a [`Blocked`] for it, or for nodes a warning.
    Fail,
    /// Not to be found out now; the detail says why.
    Unchecked,
}

/// Every check with its verdict; a failed one comes with a [`Blocked`], except
/// that too few nodes for a stack that grows are only a warning.
pub fn checks(
    desired: &Desired,
    observed: &Observed,
    moves: &[(State, Move, State)],
    anew: &BTreeMap<ObjectKey, Anew>,
) -> (Vec<Check>, Vec<Blocked>) {
    let stateful_set = observed.live.objects.get(&desired.names.stateful_set());
    let creating = stateful_set.is_some_and(Lookup::is_absent);
    let growing = moves.iter().any(|(before, _, after)| after.members.len() > before.members.len());
    let mut checks = Vec::new();
    let mut blocked = Vec::new();
    let mut add = |(check, stop): (Check, Option<Blocked>)| {
        checks.push(check);
        blocked.extend(stop);
    };
    add(rights(&observed.live.rights));
    let outgrown = anew.contains_key(&desired.names.stateful_set());
    if creating || growing || outgrown {
        add(storage_class(desired, &observed.live.storage_classes));
    }
    if creating || growing {
        add(nodes(desired, observed));
    }
    for (before, one, _) in moves {
        if let Move::Remove(ordinal) = one
            && before.members.get(ordinal) == Some(&Listed::Voter)
            && *ordinal < before.wanted
        {
            add(room(desired, observed, *ordinal));
        }
    }
    if !namespace_goes(desired, &observed.live) {
        let (pod, claim) = (next_pod(desired, &observed.live), next_claim(desired, &observed.live));
        let more = creating || claim.is_some();
        for (name, object) in [("pod", pod), ("claim", claim)] {
            if let Some(object) = object {
                add(dry_run(name, &object.key, observed, more));
            }
        }
    }
    if let Some((check, stops)) = quota::quotas(desired, observed, moves) {
        blocked.retain(|stop| stops.is_empty() || !refusal::is_of_a_quota(&stop.reason));
        checks.push(check);
        blocked.extend(stops);
    }
    (checks, blocked)
}

fn check(name: &str, outcome: Outcome, detail: String) -> Check {
    Check { name: name.to_owned(), outcome, detail }
}

pub fn rights(rights: &[Right]) -> (Check, Option<Blocked>) {
    if rights.is_empty() {
        return (check("rights", Outcome::Unchecked, NOBODY_ASKED.to_owned()), None);
    }
    let missing: Vec<String> = rights.iter().filter(|right| !right.allowed).map(print_right).collect();
    if missing.is_empty() {
        return (check("rights", Outcome::Pass, format!("{} rights", rights.len())), None);
    }
    let blocked = Blocked::new(
        "plan::missing_rights",
        format!("{} of {} rights are missing: {}", missing.len(), rights.len(), missing.join(", ")),
        "ask an administrator for a Role with these; `README.md` has one to copy",
    );
    (check("rights", Outcome::Fail, format!("{} of {} missing", missing.len(), rights.len())), Some(blocked))
}

/// A right as a person reads it: `patch statefulsets.apps in etcd-orders`.
fn print_right(right: &Right) -> String {
    let Right { verb, group, resource, namespace, allowed: _ } = right;
    let group = if group.is_empty() { String::new() } else { format!(".{group}") };
    let place = namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    format!("{verb} {resource}{group}{place}")
}

fn storage_class(desired: &Desired, classes: &Lookup<Vec<StorageClass>>) -> (Check, Option<Blocked>) {
    const NAME: &str = "storage_class";
    let all = match classes {
        Lookup::Found(all) => all,
        Lookup::Absent => {
            return (check(NAME, Outcome::Unchecked, "the cluster has no such kind".to_owned()), None);
        }
        Lookup::Failed(reason) => return (check(NAME, Outcome::Unchecked, reason.clone()), None),
    };
    let names = all.iter().map(|class| format!("`{}`", class.name)).collect::<Vec<_>>().join(", ");
    let names = if names.is_empty() { "none".to_owned() } else { names };
    let stop = |reason: String, help: String| {
        let blocked = Blocked::new("plan::storage_class", reason.clone(), help);
        (check(NAME, Outcome::Fail, reason), Some(blocked))
    };
    let found = match desired.stack.storage.class.as_deref() {
        Some("") => return (check(NAME, Outcome::Pass, "no class, as the stack asks".to_owned()), None),
        Some(name) => match all.iter().find(|class| class.name == name) {
            Some(class) => class,
            None => {
                return stop(
                    format!("StorageClass `{name}` does not exist"),
                    format!("set `storage.class` to one that does: {names}"),
                );
            }
        },
        None => match all.iter().find(|class| class.is_default) {
            Some(class) => class,
            None => {
                return stop(
                    "the cluster has no default StorageClass, and the stack names none".to_owned(),
                    format!("set `storage.class`; there are: {names}"),
                );
            }
        },
    };
    let grows = if found.expandable { "expandable" } else { "not expandable" };
    let detail = format!("StorageClass {} ({grows}, {})", found.name, found.binding_mode);
    (check(NAME, Outcome::Pass, detail), None)
}

/// Counts nodes, where they may be listed. Too few is a warning and not a
/// block: an autoscaler may add some.
fn nodes(desired: &Desired, observed: &Observed) -> (Check, Option<Blocked>) {
    let Lookup::Found(all) = &observed.live.nodes else {
        return (check("nodes", Outcome::Unchecked, "nodes may not be listed".to_owned()), None);
    };
    let usable = all.iter().filter(|node| node.ready && node.schedulable).count();
    let members = usize::from(desired.stack.members);
    let detail = format!("{usable} of {} nodes take pods", all.len());
    if desired.needs_a_node_each() && usable < members {
        let detail = format!("{detail}, but {members} members need one each");
        return (check("nodes", Outcome::Fail, detail), None);
    }
    (check("nodes", Outcome::Pass, detail), None)
}

/// A node for the pod that takes a member's place. Once the old member is
/// removed it cannot come back, so nothing may be removed that nothing could
/// replace.
fn room(desired: &Desired, observed: &Observed, ordinal: usize) -> (Check, Option<Blocked>) {
    let member = desired.names.member(ordinal);
    let (Lookup::Found(nodes), Lookup::Found(pods)) = (&observed.live.nodes, &observed.live.pods) else {
        return (check("nodes", Outcome::Unchecked, "nodes may not be listed".to_owned()), None);
    };
    let others = || pods.iter().filter(|pod| pod.name != member).filter_map(|pod| pod.node.as_deref());
    let taken = |name: &str| desired.needs_a_node_each() && others().any(|node| node == name);
    let free = nodes.iter().find(|node| node.ready && node.schedulable && !taken(&node.name));
    // Which taints its pods tolerate is the scheduler's to say.
    if free.is_none() && !desired.stack.placement.tolerations.is_empty() {
        let detail = "the stack tolerates taints, which are not weighed here".to_owned();
        return (check("nodes", Outcome::Unchecked, detail), None);
    }
    match free {
        Some(node) => (check("nodes", Outcome::Pass, format!("{} takes {member}", node.name)), None),
        None => {
            let each =
                if desired.needs_a_node_each() { ", and each member needs one of its own" } else { "" };
            let reason = format!("no node is Ready that could take {member}{each}");
            let blocked = Blocked::new(
                "plan::no_node",
                reason,
                "bring a node back or add one first: once it is removed the old member cannot come back",
            );
            (check("nodes", Outcome::Fail, format!("none takes {member}")), Some(blocked))
        }
    }
}

fn dry_run(name: &str, key: &ObjectKey, observed: &Observed, more: bool) -> (Check, Option<Blocked>) {
    let fine = |detail: String| (check(name, Outcome::Pass, detail), None);
    let is_of = |place: &ObjectKey| place.namespace.is_none() && key.namespace.as_ref() == Some(&place.name);
    let there = observed.live.objects.iter().any(|(key, found)| is_of(key) && found.found().is_some());
    match observed.proposals.get(key) {
        None if there => (check(name, Outcome::Unchecked, NOBODY_ASKED.to_owned()), None),
        None | Some(Proposal::NamespaceMissing) => {
            let detail = "the namespace does not exist yet; checked again after it is made".to_owned();
            (check(name, Outcome::Unchecked, detail), None)
        }
        Some(Proposal::Accepted { warnings, .. }) if warnings.is_empty() => {
            fine(format!("{} dry-run", key.kind))
        }
        Some(Proposal::Accepted { warnings, .. }) => {
            fine(format!("{} dry-run, which warns: {}", key.kind, warnings.join("; ")))
        }
        // Said as something that could not be read.
        Some(Proposal::Failed(_)) => {
            (check(name, Outcome::Unchecked, format!("{} could not be asked about", key.kind)), None)
        }
        // Pods that restart make room for themselves.
        Some(Proposal::Rejected { message, .. }) if !more && refusal::is_of_a_quota(message) => {
            fine(format!("{} dry-run", key.kind))
        }
        Some(Proposal::Rejected { message, .. }) => {
            let blocked = Blocked::new(
                &format!("plan::{name}_refused"),
                format!("the API server would refuse `{key}`: {message}"),
                refusal::help(message),
            );
            (check(name, Outcome::Fail, format!("{} refused", key.kind)), Some(blocked))
        }
        Some(Proposal::Conflict { .. } | Proposal::Exists) => {
            (check(name, Outcome::Unchecked, format!("{} exists already", key.kind)), None)
        }
    }
}
