//! Whose an object is, and why one is not taken away, in the words that every
//! plan and run uses.
//!
//! A label can be copied and a name used again. So one goes only if a run wrote
//! it down by its uid, it carries the stack's labels, and no other object has a
//! part in it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    desired::{FIELD_MANAGER, MANAGED_BY, STACK_LABEL},
    field::{OURS, owners},
    object::{Kind, Object},
    observed::Inventory,
};

/// Whose an object is, if it is not the stack's.
pub fn others(found: &Object, stack: &str) -> Option<String> {
    let none = |label: &str| Some(format!("it has no label `{label}`"));
    match (found.label(STACK_LABEL), found.label(MANAGED_BY)) {
        (Some(label), Some(manager)) if label == stack && manager == FIELD_MANAGER => None,
        (Some(label), _) if label != stack => Some(format!("it belongs to stack `{label}`")),
        (_, Some(manager)) if manager != FIELD_MANAGER => Some(format!("it is managed by `{manager}`")),
        (None, _) => none(STACK_LABEL),
        (Some(_), _) => none(MANAGED_BY),
    }
}

/// Why an object is not taken for one that a run made. Of one that the stack
/// file names the labels must do where nothing is written down.
pub fn stays(object: &Object, known: &Inventory, named: bool, stack: &str) -> Option<String> {
    match known.uid(&object.key) {
        Some(uid) if object.uid() != Some(uid) => Some("somebody made it anew".to_owned()),
        None if !named => Some("a run died before it wrote down that it made it".to_owned()),
        _ => stays_because(object, stack),
    }
}

/// Why an object is not deleted, whatever was planned; `None` if it may be. A
/// namespace and a claim have no such labels: what is planned of them is
/// decided by their names.
pub fn stays_because(object: &Object, stack: &str) -> Option<String> {
    let labelled = !matches!(object.key.kind, Kind::PersistentVolumeClaim | Kind::Namespace);
    let alien = others(object, stack).filter(|_| labelled);
    let owners = object.body.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let owner = owners.and_then(|owners| owners.first()).map(|owner| {
        let text = |field: &str| owner[field].as_str().unwrap_or_default();
        format!("it belongs to {}/{}", text("kind"), text("name"))
    });
    alien.or(owner)
}

/// Other managers that set fields of an object. What controllers say of its
/// status is not among them.
pub fn set_by_others(object: &Object) -> Vec<String> {
    let owners = owners(&object.body).into_iter();
    let others =
        owners.filter(|owner| owner.manager != OURS && owner.subresource.as_deref() != Some("status"));
    let names: BTreeSet<String> = others.map(|owner| owner.manager).collect();
    names.into_iter().collect()
}
