//! Objects that earlier stack files named and this one does not: which of them
//! may be deleted, and why others stay.
//!
//! A label can be copied and a name used again. So one goes only if a run wrote
//! it down by its uid, it carries the stack's labels, and no other object and
//! no other program has a part in it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Change, Confidence, Verb, compare::others, inventory::known};
use crate::{
    desired::Desired,
    field::{OURS, owners},
    object::{Kind, Object, ObjectKey},
    observed::Live,
};

/// An object that the stack file no longer names.
pub struct LeftOver<'a> {
    /// The object as it is.
    pub object: &'a Object,
    /// Its uid, or why it stays.
    pub goes: Result<String, String>,
}

/// Every one that is there.
pub fn left_over<'a>(desired: &Desired, live: &'a Live) -> Vec<LeftOver<'a>> {
    let known = known(live);
    let wanted: BTreeSet<&ObjectKey> = desired.objects().into_iter().map(|object| &object.key).collect();
    let found = live.objects.iter().filter(|(key, _)| !wanted.contains(key));
    let found = found.filter_map(|(_, found)| found.found());
    found
        .map(|object| {
            let why = stays(object, known.uid(&object.key), &desired.stack.name);
            let uid = object.uid().unwrap_or_default().to_owned();
            LeftOver { object, goes: why.map_or(Ok(uid), Err) }
        })
        .collect()
}

fn stays(object: &Object, made: Option<&str>, stack: &str) -> Option<String> {
    let Some(made) = made else {
        return Some("a run died before it wrote down that it made it".to_owned());
    };
    if object.uid() != Some(made) {
        return Some("somebody made it anew".to_owned());
    }
    stays_because(object, stack).or_else(|| {
        let others = set_by_others(object);
        (!others.is_empty()).then(|| format!("{} set fields of it", others.join(", ")))
    })
}

/// Why an object is not deleted, whatever was planned; `None` if it may be.
pub fn stays_because(object: &Object, stack: &str) -> Option<String> {
    let claims = object.key.kind == Kind::PersistentVolumeClaim;
    let alien = others(object, stack).filter(|_| !claims && object.key.kind != Kind::Namespace);
    let owners = object.body.pointer("/metadata/ownerReferences").and_then(|owners| owners.as_array());
    let owner = owners.and_then(|owners| owners.first()).map(|owner| {
        let text = |field: &str| owner[field].as_str().unwrap_or_default();
        format!("it belongs to {}/{}", text("kind"), text("name"))
    });
    alien.or(owner)
}

/// An object that goes, and why.
pub fn delete(found: &Object, why: &str) -> Change {
    Change {
        key: found.key.clone(),
        verb: Verb::Delete,
        confidence: Confidence::Verified,
        before: Some(found.body.clone()),
        after: Value::Null,
        wanted: Value::Null,
        fields: Vec::new(),
        adopting: Vec::new(),
        notes: if why.is_empty() { Vec::new() } else { vec![why.to_owned()] },
    }
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
