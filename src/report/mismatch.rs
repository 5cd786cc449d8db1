//! What is otherwise by now than in the plan that was approved.

use std::collections::{BTreeMap, BTreeSet};

use super::unfinished::asked_for;
use crate::{
    member::{Member, Role},
    object::ObjectKey,
    plan::{Change, Digest, FieldChange, Foreign, Part, Plan, Verb},
};

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// What: `StatefulSet/etcd-orders/orders spec.replicas`.
    pub about: String,
    /// As it was approved.
    pub approved: String,
    /// As it is by now.
    pub now: String,
}

/// A plan that was approved, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub enum Approved<'a> {
    /// By its digest, or by the beginning of it.
    Digest(&'a str),
    /// The plan itself.
    Plan(&'a Plan),
}

impl Approved<'_> {
    /// The parts in which the plan differs by now, as far as that can be told.
    pub fn parts(&self, now: &Plan) -> Vec<Part> {
        match self {
            Approved::Digest(digest) => {
                now.digest.as_ref().map(|now| now.differs(digest)).unwrap_or_default()
            }
            Approved::Plan(approved) => Digest::of(&now.basis).differs(&Digest::of(&approved.basis).0),
        }
    }

    /// All that differs, planned beside now. Nothing where only the digest is
    /// known.
    pub fn differing(&self, now: &Plan) -> Vec<Differing> {
        match self {
            Approved::Digest(_) => Vec::new(),
            Approved::Plan(approved) => {
                let kinds = [
                    semantics(approved, now),
                    target(approved, now),
                    asked(approved, now),
                    objects(approved, now),
                    claims(approved, now),
                    foreign(approved, now),
                    members(approved, now),
                    checks(approved, now),
                    steps(approved, now),
                ];
                kinds.concat()
            }
        }
    }
}

/// One line where two texts differ.
fn line(about: impl Into<String>, approved: impl Into<String>, now: impl Into<String>) -> Option<Differing> {
    let (about, approved, now) = (about.into(), approved.into(), now.into());
    (approved != now).then_some(Differing { about, approved, now })
}

fn semantics(approved: &Plan, now: &Plan) -> Vec<Differing> {
    let number = |plan: &Plan| format!("plans of meaning {}", plan.basis.semantics);
    line("the tool", number(approved), number(now)).into_iter().collect()
}

fn target(approved: &Plan, now: &Plan) -> Vec<Differing> {
    let cluster = |plan: &Plan| {
        let uid = plan.target.cluster_uid.found().map_or("not known", String::as_str);
        format!("{uid}, namespace {}", plan.namespace)
    };
    let other = line("the cluster", cluster(approved), cluster(now));
    let same = approved.basis.cluster == now.basis.cluster;
    let remade = (other.is_none() && !same).then(|| Differing {
        about: format!("namespace {}", now.namespace),
        approved: if approved.namespace_exists { "as it was" } else { "not there" }.to_owned(),
        now: if now.namespace_exists { "made anew" } else { "not there" }.to_owned(),
    });
    let version = line("etcd version", &approved.version, &now.version);
    other.into_iter().chain(remade).chain(version).collect()
}

fn asked(approved: &Plan, now: &Plan) -> Vec<Differing> {
    let words = |plan: &Plan| match asked_for(&plan.intended).as_slice() {
        [] => "nothing".to_owned(),
        all => all.join(", "),
    };
    let words = line("asked for besides the stack file", words(approved), words(now));
    let restarted = approved.basis.asked_for != now.basis.asked_for && words.is_none();
    let again = restarted.then(|| Differing {
        about: "asked for besides the stack file".to_owned(),
        approved: "as of the apply before it".to_owned(),
        now: "another apply has ended since".to_owned(),
    });
    words.into_iter().chain(again).collect()
}

fn objects(approved: &Plan, now: &Plan) -> Vec<Differing> {
    let (before, after) = (&approved.basis.objects, &now.basis.objects);
    let keys: BTreeSet<&ObjectKey> = before.keys().chain(after.keys()).collect();
    let differ = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    differ.flat_map(|key| object(key, approved, now)).collect()
}

/// One object that is not as it was, or would not become what it would have.
fn object(key: &ObjectKey, approved: &Plan, now: &Plan) -> Vec<Differing> {
    let find = |plan: &'_ Plan| plan.changes.iter().find(|change| change.key == *key).cloned();
    let (before, after) = (find(approved), find(now));
    let mut found: Vec<Differing> = Vec::new();
    let uid = |plan: &Plan| plan.inventory.uid(key).map(|uid| format!("uid {uid}"));
    if let (Some(old), Some(new)) = (uid(approved), uid(now)) {
        found.extend(line(format!("{key}, made anew"), old, new));
    }
    found.extend(line(key.to_string(), what(approved, key, before.as_ref()), what(now, key, after.as_ref())));
    let fields = |change: &Option<Change>| change.as_ref().map(|one| one.fields.clone()).unwrap_or_default();
    let (old, new) = (fields(&before), fields(&after));
    let paths: BTreeSet<&str> = old.iter().chain(&new).map(|field| field.path.as_str()).collect();
    let of = |fields: &[FieldChange], path: &str| {
        fields.iter().find(|field| field.path == path).map_or_else(|| "no change".to_owned(), in_words)
    };
    found.extend(
        paths.into_iter().filter_map(|path| line(format!("{key} {path}"), of(&old, path), of(&new, path))),
    );
    // What others set is told by itself.
    if found.is_empty() && approved.basis.foreign.get(key) == now.basis.foreign.get(key) {
        found.extend(line(key.to_string(), "as it was", "changed, where the plan shows nothing of it"));
    }
    found
}

fn claims(approved: &Plan, now: &Plan) -> Vec<Differing> {
    let (before, after) = (&approved.basis.claims, &now.basis.claims);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |claims: &BTreeMap<String, String>, name: &String| {
        claims.get(name).cloned().unwrap_or_else(|| "not there".to_owned())
    };
    names
        .into_iter()
        .filter_map(|name| line(format!("claim {name}"), of(before, name), of(after, name)))
        .collect()
}

/// What a plan does with an object.
fn what(plan: &Plan, key: &ObjectKey, change: Option<&Change>) -> &'static str {
    match change.map(|change| change.verb) {
        Some(Verb::Create) => "to create",
        Some(Verb::Update) => "to change",
        Some(Verb::Adopt) => "to adopt",
        Some(Verb::Delete) => "to delete",
        Some(Verb::Recreate) => "to recreate",
        Some(Verb::Release) => "to hand over",
        None if plan.unchanged.contains(key) => "as the stack file wants it",
        None => "not planned",
    }
}

fn in_words(FieldChange { before, after, .. }: &FieldChange) -> String {
    match (before, after) {
        (None, Some(after)) => format!("+ {after}"),
        (Some(before), None) => format!("- {before}"),
        (Some(before), Some(after)) => format!("{before} -> {after}"),
        (None, None) => "changes".to_owned(),
    }
}

fn foreign(approved: &Plan, now: &Plan) -> Vec<Differing> {
    let about = |one: &Foreign| format!("{} {}", one.key, one.field);
    let told = |plan: &Plan, about_it: &str| {
        let set: Vec<String> = plan
            .foreign
            .iter()
            .filter(|one| about(one) == about_it)
            .map(|one| match &one.value {
                Some(value) => format!("{value}, set by {}", one.manager),
                None => format!("set by {}", one.manager),
            })
            .collect();
        if set.is_empty() { "not there".to_owned() } else { set.join("; ") }
    };
    let all: BTreeSet<String> = approved.foreign.iter().chain(&now.foreign).map(about).collect();
    all.iter().filter_map(|about| line(about, told(approved, about), told(now, about))).collect()
}

fn members(approved: &Plan, now: &Plan) -> Vec<Differing> {
    let told = |plan: &Plan| -> Vec<(String, String)> {
        let members = plan.etcd.iter().flat_map(|etcd| &etcd.members);
        members.map(|one| (one.peer_urls.join(","), member(one))).collect()
    };
    let (before, after) = (told(approved), told(now));
    let urls: BTreeSet<&String> = before.iter().chain(&after).map(|(url, _)| url).collect();
    let of = |all: &[(String, String)], url: &String| {
        all.iter().find(|(one, _)| one == url).map_or("not a member".to_owned(), |(_, told)| told.clone())
    };
    let mut found: Vec<Differing> = urls
        .into_iter()
        .filter_map(|url| line(format!("member at {url}"), of(&before, url), of(&after, url)))
        .collect();
    if found.is_empty() && approved.basis.members != now.basis.members {
        let state = |plan: &Plan| if plan.etcd.is_some() { "it answers" } else { "it does not run" };
        found.extend(line("etcd", state(approved), state(now)));
    }
    found
}

fn member(Member { id, name, role, .. }: &Member) -> String {
    let name = if name.is_empty() { "not started" } else { name };
    let role = match role {
        Role::Voter => "voter",
        Role::Learner => "learner",
    };
    format!("{name}, {role}, id {id}")
}

fn checks(approved: &Plan, now: &Plan) -> Vec<Differing> {
    let shown = |plan: &Plan, name: &str| {
        let check = plan.checks.iter().find(|check| check.name == name);
        check.map_or_else(|| "not looked into".to_owned(), |check| check.detail.clone())
    };
    ["pod", "claim"]
        .into_iter()
        .filter_map(|name| line(format!("dry-run of a {name}"), shown(approved, name), shown(now, name)))
        .collect()
}

fn steps(approved: &Plan, now: &Plan) -> Vec<Differing> {
    let titles = |plan: &Plan| plan.steps.iter().map(|step| step.title.clone()).collect::<Vec<_>>();
    let (before, after) = (titles(approved), titles(now));
    let without = |one: &[String], other: &[String]| {
        one.iter().filter(|title| !other.contains(title)).cloned().collect::<Vec<_>>()
    };
    let gone = without(&before, &after).into_iter().filter_map(|title| line("step", title, "none"));
    let new = without(&after, &before).into_iter().filter_map(|title| line("step", "none", title));
    let mut found: Vec<Differing> = gone.chain(new).collect();
    if found.is_empty() && before != after {
        found.extend(line("order of the steps", before.join("; "), after.join("; ")));
    }
    found
}
