//! Objects that earlier stack files named and this one does not: which of them
//! may be deleted, and why others stay: not even another program may have set a
//! field of one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Change, Confidence, Verb,
    inventory::known,
    whose::{set_by_others, stays},
};
use crate::{
    desired::Desired,
    object::{Object, ObjectKey},
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
    let known = known(desired, live);
    let wanted: BTreeSet<&ObjectKey> = desired.objects().into_iter().map(|object| &object.key).collect();
    let found = live.objects.iter().filter(|(key, _)| !wanted.contains(key));
    let found = found.filter_map(|(_, found)| found.found());
    found
        .map(|object| {
            let why = stays(object, &known, false, &desired.stack.name).or_else(|| in_use(object));
            let uid = object.uid().unwrap_or_default().to_owned();
            LeftOver { object, goes: why.map_or(Ok(uid), Err) }
        })
        .collect()
}

fn in_use(object: &Object) -> Option<String> {
    let others = set_by_others(object);
    (!others.is_empty()).then(|| format!("{} set fields of it", others.join(", ")))
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
