//! Who else owns a field that a step changes.
//!
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Blocked, order::Inputs, state::replicas};
use crate::{
    desired::FIELD_MANAGER,
    object::Object,
    observed::{Conflict, Lookup},
};

/// Somebody else who owns a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The manager's name.
    pub manager: String,
    /// `scale` for `kubectl scale`.
    pub subresource: Option<String>,
    /// When it last wrote.
    pub time: Option<String>,
}

/// Everybody but this tool who owns a field of fields, such as `spec.replicas`.
pub fn others(object: &Object, path: &[&str]) -> Vec<Owner> {
    let entries = object.body.pointer("/metadata/managedFields").and_then(Value::as_array);
    let pointer: String =
        ["/fieldsV1".to_owned()].into_iter().chain(path.iter().map(|part| format!("/f:{part}"))).collect();
    let text =
        |entry: &Value, field: &str| entry[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    entries
        .into_iter()
        .flatten()
        .filter(|entry| entry.pointer(&pointer).is_some())
        .filter(|entry| !(entry["manager"] == FIELD_MANAGER && entry["operation"] == "Apply"))
        .map(|entry| Owner {
            manager: text(entry, "manager").unwrap_or_default(),
            subresource: text(entry, "subresource"),
            time: text(entry, "time"),
        })
        .collect()
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
    let fields = ["initial-cluster", "initial-cluster-state"];
    let owners = fields.iter().flat_map(|field| others(live, &["data", field]));
    let names: BTreeSet<String> = owners.map(|owner| owner.manager).collect();
    let blocked = |manager: String| {
        Blocked::new(
            "plan::conflict",
            format!("the list in `{key}` is set by {manager} as well, and the plan would change it"),
            format!(
                "`kubectl -n {} delete configmap {}` lets the next apply make it anew, sealed; running members do not read it",
                key.namespace.as_deref().unwrap_or_default(),
                key.name
            ),
        )
    };
    names.into_iter().map(blocked).collect()
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
    let taken = |owner: &Owner| {
        inputs
            .intended
            .take
            .contains(&Conflict { field: REPLICAS.to_owned(), manager: owner.manager.clone() })
    };
    let owners = others(live, &["spec", "replicas"]).into_iter().filter(|owner| !taken(owner));
    owners
        .map(|Owner { manager, subresource, time }| {
            let how = subresource.map(|subresource| format!(" ({subresource})")).unwrap_or_default();
            let when = time.map(|time| format!(" at {time}")).unwrap_or_default();
            Blocked::new("plan::conflict", format!(
                    "{REPLICAS} of `{key}` is {has}, set by {manager}{how}{when}, and the plan would change it"
                ), format!(
                    "`--take StatefulSet/{}:{REPLICAS}@{manager}` takes the field back",
                    key.name
                ))
        })
        .collect()
}
