//! Who else owns a field that a step changes.
//!
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Action, Blocked, Contested, Fact, Plan, order::Inputs, state::replicas};
use crate::{
    field::{self, Owned, Owner, Path},
    object::{Kind, NOT_SHOWN, Object, ObjectKey},
    observed::{Conflict, Lookup},
};

/// Everybody but this tool who owns a field.
fn others(object: &Object, field: &Path) -> Vec<Owner> {
    let owners = field::owners(&object.body).into_iter();
    owners.filter(|owner| !owner.is_us() && owner.fields.contains(field)).collect()
}

/// The fields of an object that are taken from whoever owns them now.
pub fn taken(inputs: &Inputs<'_>, key: &ObjectKey) -> Vec<Conflict> {
    let live = inputs.live.objects.get(key).and_then(Lookup::found);
    let owners = live.map(|live| field::owners(&live.body)).unwrap_or_default();
    let owned = |take: &&Owned| {
        let owner = |owner: &&Owner| owner.manager == take.manager;
        let sets = |owner: &Owner| owner.fields.iter().any(|path| path.is_shown_as(&take.field));
        owners.iter().filter(owner).any(sets)
    };
    let take = inputs.intended.take.iter().filter(|take| take.is_of(key)).filter(owned);
    take.map(|take| Conflict { field: take.field.clone(), manager: take.manager.clone() }).collect()
}

/// What a plan takes from others on an object: by force, or by removing it.
pub fn forces(plan: &Plan, key: &ObjectKey) -> BTreeSet<Conflict> {
    let actions = plan.steps.iter().flat_map(|step| &step.actions);
    let taken = actions.flat_map(|action| match action {
        Action::Apply { object, take, .. } if object.key == *key => take.clone(),
        Action::RemoveField { key: of, field, managers, .. } if of == key => {
            let one = |manager: &String| Conflict { field: field.clone(), manager: manager.clone() };
            managers.iter().map(one).collect()
        }
        _ => Vec::new(),
    });
    taken.collect()
}

/// Whether somebody asked for a field to be taken from its manager.
pub fn is_taken(take: &BTreeSet<Owned>, key: &ObjectKey, conflict: &Conflict) -> bool {
    let Conflict { field, manager } = conflict;
    take.iter().any(|one| one.is_of(key) && one.field == *field && one.manager == *manager)
}

/// The field that somebody else may have set by `kubectl scale`.
pub const REPLICAS: &str = "spec.replicas";

/// Windows that are to be written into fields that others own as well: their
/// edit was undone, and still they would conflict in the middle of a join.
pub fn windows_of_others(inputs: &Inputs<'_>) -> Vec<Blocked> {
    let key = inputs.desired.names.bootstrap();
    let Some(live) = inputs.live.objects.get(&key).and_then(Lookup::found) else { return Vec::new() };
    if !inputs.moves.iter().any(|(before, _, after)| before.window != after.window) {
        return Vec::new();
    }
    let fields = ["initial-cluster", "initial-cluster-state"].map(|field| Path::of(&["data", field]));
    let conflicts = fields.iter().flat_map(|field| {
        let owners = others(live, field).into_iter();
        owners.map(|owner| Conflict { field: field.to_string(), manager: owner.manager })
    });
    let not_taken = conflicts.filter(|conflict| !is_taken(&inputs.intended.take, &key, conflict));
    let wanted = Some(&inputs.desired.bootstrap);
    not_taken.map(|conflict| card(&key, wanted, Some(live), &conflict)).collect()
}

/// Replicas that are to change and that others own: an apply without force
/// would be refused in the middle of the run.
pub fn replicas_of_others(inputs: &Inputs<'_>) -> Vec<Blocked> {
    let key = inputs.desired.names.stateful_set();
    let Some(live) = inputs.live.objects.get(&key).and_then(Lookup::found) else { return Vec::new() };
    let has = replicas(live);
    if inputs.moves.iter().all(|(_, _, after)| after.replicas == has) {
        return Vec::new();
    }
    let owners = others(live, &Path::of(&["spec", "replicas"])).into_iter();
    let conflicts = owners.map(|owner| Conflict { field: REPLICAS.to_owned(), manager: owner.manager });
    let not_taken = conflicts.filter(|conflict| !is_taken(&inputs.intended.take, &key, conflict));
    let wanted = Some(&inputs.desired.stateful_set);
    not_taken.map(|conflict| card(&key, wanted, Some(live), &conflict)).collect()
}

/// A field that somebody else owns: both values, who set it and when, what it
/// means for the members, and the ways out.
pub fn card(key: &ObjectKey, wanted: Option<&Object>, live: Option<&Object>, conflict: &Conflict) -> Blocked {
    let Conflict { field, manager } = conflict;
    let owners = live.map(|live| field::owners(&live.body)).unwrap_or_default();
    let shown = |path: &&Path| path.is_shown_as(field);
    let found = owners.iter().filter(|owner| owner.manager == *manager);
    let found = found.into_iter().find_map(|owner| Some((owner, owner.fields.iter().find(shown)?)));
    let part = |object: Option<&Object>| found?.1.get(&object?.body).cloned();
    let value = |object: Option<&Object>| Some(in_words(&part(object)?, field));
    let set_by = found.map_or_else(|| manager.clone(), |(owner, _)| owner.in_words());
    let take =
        Owned { kind: key.kind, name: key.name.clone(), field: field.clone(), manager: manager.clone() };
    let facts = [
        ("you want", value(wanted)),
        ("now", value(live)),
        ("set by", Some(set_by)),
        ("meaning", meaning(key.kind, field).map(str::to_owned)),
        ("take it", Some(format!("--take '{take}'"))),
    ];
    let facts =
        facts.into_iter().filter_map(|(label, text)| Some(Fact { label: label.to_owned(), text: text? }));
    let shown = |value: Option<Value>| value.filter(|_| !is_hidden(field));
    let contested = Contested {
        object: key.clone(),
        field: field.clone(),
        path: found.map(|(_, path)| path.keys()).unwrap_or_default(),
        yours: shown(part(wanted)),
        theirs: shown(part(live)),
        manager: manager.clone(),
        subresource: found.and_then(|(owner, _)| owner.subresource.clone()),
        time: found.and_then(|(owner, _)| owner.time.clone()),
        meaning: meaning(key.kind, field).map(str::to_owned),
    };
    let help = match take.needed() {
        None => "put their value into the stack file, take the field back, or leave it to them under \
                 `[[ownership.tolerate]]`"
            .to_owned(),
        Some(why) => {
            format!("put their value into the stack file, or take the field back; it cannot be left: {why}")
        }
    };
    Blocked {
        facts: facts.collect(),
        contested: Some(Box::new(contested)),
        ..Blocked::new(
            "plan::conflict",
            format!("`{field}` of `{key}` is set by {manager}, and the plan would change it"),
            help,
        )
    }
}

/// Environment variables of others may be secret.
fn is_hidden(field: &str) -> bool {
    field.contains(".env[")
}

fn in_words(value: &Value, field: &str) -> String {
    if is_hidden(field) { NOT_SHOWN.to_owned() } else { words(value) }
}

/// A value as a person reads it.
pub fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a field that somebody else set means for the members.
fn meaning(kind: Kind, field: &str) -> Option<&'static str> {
    match kind {
        Kind::StatefulSet if field == REPLICAS => {
            Some("the stack was scaled by hand; etcd does not know, and lists the members that it had")
        }
        Kind::StatefulSet if field.starts_with("spec.template.") => {
            Some("their value reaches each member at its next restart")
        }
        Kind::ConfigMap => Some("it decides who may start without data; running members do not read it"),
        Kind::PodDisruptionBudget => Some("it decides how many members a drain may take at once"),
        Kind::Service => Some("it decides how members and clients find each other"),
        _ => None,
    }
}
