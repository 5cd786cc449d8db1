//! Objects of this stack's names that others made: whose they are, which of
//! them can be taken over, and which were asked for.
//!
//! An object is asked for by its name and adopted by its identity, so that a
//! run that goes on needs no flag and another object of that name stays whose
//! it is.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Blocked, Fact, Intent, certificates, immutable, order::settled, recorded_cluster, whose};
use crate::{
    desired::{CLUSTER_ID, Desired, STACK_LABEL, Window},
    field::{
        self, Owner,
        takeover::{self, NOBODY, Predecessor},
    },
    object::{Kind, Object, ObjectKey},
    observed::{Intended, Live, Lookup, journal::Adopted},
};

/// The objects that are asked for, each as it would be applied: what to ask
/// the API server about.
pub fn adoptions(desired: &Desired, live: &Live, intent: &Intent) -> Vec<Object> {
    let (intended, _) = with_typed(desired, live, intent, unfinished(live, intent));
    let pending = |object: &&Object| {
        let found = live.objects.get(&object.key).and_then(Lookup::found);
        found.is_some_and(|found| is_pending(&intended, desired, live, object, found))
    };
    desired.objects().into_iter().filter(pending).map(|object| as_applied(desired, live, object)).collect()
}

fn unfinished(live: &Live, intent: &Intent) -> BTreeSet<Adopted> {
    intent.goes_on_with(live).map(|run| run.intended.adopt.clone()).unwrap_or_default()
}

/// Adds what is asked for by name to what an unfinished run was asked for; and
/// says why some of it is none.
pub fn resolve(desired: &Desired, live: &Live, intent: &Intent, intended: &mut Intended) -> Vec<Blocked> {
    let (adopt, blocked) = with_typed(desired, live, intent, std::mem::take(&mut intended.adopt));
    intended.adopt = adopt;
    blocked
}

fn with_typed(
    desired: &Desired,
    live: &Live,
    intent: &Intent,
    mut adopt: BTreeSet<Adopted>,
) -> (BTreeSet<Adopted>, Vec<Blocked>) {
    let mut blocked = Vec::new();
    for named in &intent.adopt {
        let Some(object) = desired.objects().into_iter().find(|object| named.is(&object.key)) else {
            blocked.push(Blocked::new(
                "plan::no_such_object",
                format!("`{named}` is not an object of this stack"),
                "the plan names each object that others made",
            ));
            continue;
        };
        match adoptable(desired, live, object) {
            Ok(uid) => {
                adopt.retain(|one| one.object != object.key);
                adopt.insert(Adopted { object: object.key.clone(), uid });
            }
            Err(_) if adopt.iter().any(|one| one.object == object.key) => {}
            Err(stop) => blocked.extend(stop),
        }
    }
    (adopt, blocked)
}

/// The identity of an object that can be adopted; why there is nothing to
/// adopt. What is refused is said where the object is compared.
fn adoptable(desired: &Desired, live: &Live, object: &Object) -> Result<String, Option<Blocked>> {
    let key = &object.key;
    let nothing = |why: &str| {
        let help = "leave `--adopt` out";
        Err(Some(Blocked::new("plan::nothing_to_adopt", format!("`{key}` {why}"), help)))
    };
    if key.kind == Kind::Namespace {
        return nothing("is used as it is, whoever made it");
    }
    match live.objects.get(key) {
        Some(Lookup::Found(found)) if is_foreign(desired, found) || !is_applied(found) => {
            match refusal(desired, live, object, found) {
                None => found.uid().map(str::to_owned).ok_or(None),
                Some(_) if is_foreign(desired, found) => Err(None),
                Some(why) => nothing(&format!("cannot be adopted: {why}")),
            }
        }
        Some(Lookup::Found(_)) => nothing("is this stack's already"),
        Some(Lookup::Absent) | None => nothing("does not exist"),
        Some(Lookup::Failed(_)) => Err(None),
    }
}

fn is_foreign(desired: &Desired, found: &Object) -> bool {
    whose::others(found, &desired.stack.name).is_some()
}

/// Whether we have applied it. One that a backup tool put back has our labels,
/// and everything in it belongs to that tool.
fn is_applied(found: &Object) -> bool {
    field::owners(&found.body).iter().any(Owner::is_us)
}

/// Whether this very object is to be adopted, and can be.
pub fn is_pending(
    adopt: &BTreeSet<Adopted>,
    desired: &Desired,
    live: &Live,
    wanted: &Object,
    found: &Object,
) -> bool {
    let asked = |one: &Adopted| one.object == found.key && found.uid() == Some(&one.uid);
    adopt.iter().any(asked)
        && (is_foreign(desired, found) || !is_applied(found))
        && refusal(desired, live, wanted, found).is_none()
}

/// Whether an object is somebody else's, or is to be adopted from them.
pub fn is_of_others(desired: &Desired, live: &Live, adopt: &BTreeSet<Adopted>, key: &ObjectKey) -> bool {
    let Some(found) = live.objects.get(key).and_then(Lookup::found) else { return false };
    let asked = |one: &Adopted| one.object == *key && found.uid() == Some(&one.uid);
    is_foreign(desired, found) || (adopt.iter().any(asked) && !is_applied(found))
}

/// Who gives way, once it is adopted.
pub fn predecessors(desired: &Desired, live: &Live, wanted: &Object, found: &Object) -> Vec<Predecessor> {
    takeover::predecessors(&found.body, &as_applied(desired, live, wanted).body)
}

fn as_applied(desired: &Desired, live: &Live, object: &Object) -> Object {
    let id = recorded_cluster(desired, live).ok().flatten().map(|id| id.to_string());
    settled(desired, live, id.as_deref(), object)
}

/// The names of those who made an object, each once.
pub fn makers(predecessors: &[Predecessor]) -> String {
    let names: BTreeSet<&str> = predecessors.iter().map(|one| one.manager.as_str()).collect();
    match names.into_iter().collect::<Vec<_>>().as_slice() {
        // The fields were given to us, and then the run ended.
        [] => "nobody else by now".to_owned(),
        [NOBODY] => "whoever made it".to_owned(),
        names => names.join(", "),
    }
}

/// Why an object of others stands in the way: who made it, and the way out.
pub fn card(desired: &Desired, live: &Live, wanted: &Object, found: &Object, whose: &str) -> Blocked {
    let key = &wanted.key;
    let refusal = refusal(desired, live, wanted, found);
    let help = match refusal {
        None => "adopt it, or choose another stack name or namespace",
        Some(_) => "choose another stack name or namespace",
    };
    let way = match refusal {
        None => fact("adopt it", format!("--adopt {}/{}", key.kind, key.name)),
        Some(why) => fact("stays", format!("it cannot be adopted: {why}")),
    };
    let facts = made_by(found).into_iter().chain(release(found)).chain([way]);
    Blocked {
        facts: facts.collect(),
        ..Blocked::new(
            "plan::foreign_object",
            format!("`{key}` exists and is not this stack's: {whose}"),
            help,
        )
    }
}

fn fact(label: &str, text: String) -> Fact {
    Fact { label: label.to_owned(), text }
}

fn made_by(found: &Object) -> Option<Fact> {
    let owners = field::owners(&found.body).into_iter().filter(|owner| owner.subresource.is_none());
    let words = |owner: Owner| {
        let time = owner.time.map(|time| format!(", {time}")).unwrap_or_default();
        format!("{} ({}{time})", owner.manager, owner.operation)
    };
    let all: Vec<String> = owners.map(words).collect();
    (!all.is_empty()).then(|| fact("made by", all.join("; ")))
}

/// The release, application or source by which a tool will apply it again.
fn release(found: &Object) -> Option<Fact> {
    let label = |name: &str| found.label(name);
    let note = |name: &str| found.annotation(name);
    let of = |what: &str, name: &str, namespace: Option<&str>| {
        let place = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        fact("part of", format!("{what} `{place}{name}`, which may apply it again"))
    };
    let helm = note("meta.helm.sh/release-name")
        .map(|name| of("Helm release", name, note("meta.helm.sh/release-namespace")));
    let flux = |prefix: &str, what: &str| {
        let name = label(&format!("{prefix}/name"))?;
        Some(of(what, name, label(&format!("{prefix}/namespace"))))
    };
    let tracked = note("argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next());
    let argo = tracked.or_else(|| label("argocd.argoproj.io/instance"));
    flux("helm.toolkit.fluxcd.io", "Flux HelmRelease")
        .or_else(|| flux("kustomize.toolkit.fluxcd.io", "Flux Kustomization"))
        .or_else(|| argo.map(|name| of("Argo CD application", name, None)))
        .or(helm)
}

/// Why an object cannot be taken over, whoever asks.
fn refusal(desired: &Desired, live: &Live, wanted: &Object, found: &Object) -> Option<String> {
    let owner = found.body.pointer("/metadata/ownerReferences/0");
    if let Some(owner) = owner {
        let text = |field: &str| owner[field].as_str().unwrap_or_default();
        return Some(format!("it belongs to {}/{}, which makes and deletes it", text("kind"), text("name")));
    }
    if let Some(stack) = found.label(STACK_LABEL).filter(|stack| *stack != desired.stack.name) {
        return Some(format!("it belongs to stack `{stack}`"));
    }
    if found.body.pointer("/metadata/deletionTimestamp").is_some() {
        return Some("it is being deleted".to_owned());
    }
    match found.key.kind {
        Kind::Secret => of_a_secret(live, wanted, found),
        Kind::Service => of_a_service(wanted, found),
        Kind::ConfigMap => of_the_window(desired, live, found),
        Kind::StatefulSet => of_the_members(live, wanted, found),
        _ => None,
    }
}

fn of_a_secret(live: &Live, wanted: &Object, found: &Object) -> Option<String> {
    if let Some(others) = certificates::other_keys(&found.key, live) {
        return Some(format!("it also holds {others}, and the next certificate would take that away"));
    }
    let kind = |object: &Object| object.body["type"].as_str().unwrap_or("Opaque").to_owned();
    let (wanted, made) = (kind(wanted), kind(found));
    if wanted != made {
        return Some(format!("its `type` is `{made}`, not `{wanted}`, and never changes"));
    }
    let fixed = found.body["immutable"] == true;
    fixed.then(|| "it is `immutable`, and its certificate could not be renewed".to_owned())
}

fn of_a_service(wanted: &Object, found: &Object) -> Option<String> {
    let headless = |object: &Object| object.body.pointer("/spec/clusterIP").is_some_and(|ip| ip == "None");
    match (headless(wanted), headless(found)) {
        (true, false) => Some("it has an address (`spec.clusterIP`), and keeps it".to_owned()),
        (false, true) => Some("it is headless (`spec.clusterIP` is None), and stays so".to_owned()),
        _ => None,
    }
}

/// An open window, or another list, would let a member start without data.
fn of_the_window(desired: &Desired, live: &Live, found: &Object) -> Option<String> {
    if !matches!(recorded_cluster(desired, live), Ok(Some(_))) {
        return Some("no cluster is recorded here, so it is not of this stack's cluster".to_owned());
    }
    let sealed = Window::read(&desired.names, found) == Some(Window::Sealed);
    let token = found.body.pointer("/data/initial-cluster-token").and_then(Value::as_str);
    (!sealed || token.is_none_or(str::is_empty))
        .then(|| "it is not the sealed bootstrap list of this stack".to_owned())
}

/// Members are moved here only where the journal knows them.
fn of_the_members(live: &Live, wanted: &Object, found: &Object) -> Option<String> {
    let recorded = live.journal.found().and_then(|journal| journal.cluster_id);
    let Some(recorded) = recorded else {
        return Some(
            "no cluster is recorded here, and moving one here that another tool runs is not supported"
                .to_owned(),
        );
    };
    match found.annotation(CLUSTER_ID).map(str::parse) {
        Some(Ok(id)) if recorded == id => {}
        Some(_) => return Some(format!("it is of another cluster than {recorded}, which is recorded here")),
        None => return Some(format!("it does not say (`{CLUSTER_ID}`) that it is of cluster {recorded}")),
    }
    let path = immutable::kept(wanted, found).into_iter().next()?.path;
    Some(format!("its `{path}` differs, and a StatefulSet keeps it for ever"))
}
