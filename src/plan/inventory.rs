//! What the journal should hold of the stack's objects, as they are.

use super::whose::others;
use crate::{
    desired::Desired,
    object::{Kind, Object, ObjectKey},
    observed::{Inventory, Journal, Live, Lookup},
};

/// The objects that are there and are this stack's, with their uids; those that
/// are to be made, without; and what earlier stack files named and is there
/// still.
pub fn inventory(desired: &Desired, live: &Live) -> Inventory {
    let known = known(live);
    let wanted: Vec<&ObjectKey> = desired.objects().into_iter().map(|object| &object.key).collect();
    let ours = |key: &ObjectKey| match live.objects.get(key) {
        Some(Lookup::Found(found)) if is_ours(found, &desired.stack.name) => {
            Some((key.clone(), found.uid().map(str::to_owned)))
        }
        Some(Lookup::Found(_)) => None,
        Some(Lookup::Failed(_)) => Some((key.clone(), known.uid(key).map(str::to_owned))),
        Some(Lookup::Absent) | None => Some((key.clone(), None)),
    };
    let left = there(&known, live);
    let left = left.keys().filter(|key| !wanted.contains(key));
    let left = left.map(|key| (key.clone(), known.uid(key).map(str::to_owned)));
    wanted.iter().filter_map(|key| ours(key)).chain(left).collect()
}

/// What was written down and is there still, as far as is known.
pub fn there(known: &Inventory, live: &Live) -> Inventory {
    let left = known.keys().filter(|key| is_there(known, live, key));
    left.map(|key| (key.clone(), known.uid(key).map(str::to_owned))).collect()
}

/// What earlier runs wrote down.
pub fn known(live: &Live) -> Inventory {
    live.journal.found().map(|journal: &Journal| journal.inventory.clone()).unwrap_or_default()
}

/// Whether what was written down is there, as far as is known: under its name
/// there is nothing, or something else, once it is gone.
fn is_there(known: &Inventory, live: &Live, key: &ObjectKey) -> bool {
    match live.objects.get(key) {
        Some(Lookup::Found(found)) => known.uid(key).is_none_or(|uid| found.uid() == Some(uid)),
        Some(Lookup::Absent) => false,
        Some(Lookup::Failed(_)) | None => true,
    }
}

/// A namespace is nobody's alone, and has no label of one stack.
fn is_ours(found: &Object, stack: &str) -> bool {
    found.key.kind == Kind::Namespace || others(found, stack).is_none()
}
