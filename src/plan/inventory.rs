//! What the journal should hold of the stack's objects, as they are.

use super::{Blocked, whose::others};
use crate::{
    desired::Desired,
    object::{Kind, Object, ObjectKey},
    observed::{Inventory, Live, Lookup},
};

/// The objects that are there and are this stack's, with their uids; those that
/// are to be made, without; and what earlier stack files named and is there
/// still.
pub fn inventory(desired: &Desired, live: &Live) -> Inventory {
    let known = known(desired, live);
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

/// What earlier runs of this stack wrote down. What else stands in a journal,
/// because it was copied or somebody wrote it, counts for nothing.
pub fn known(desired: &Desired, live: &Live) -> Inventory {
    let journal = live.journal.found();
    let entries = journal.into_iter().flat_map(|journal| {
        journal.inventory.keys().map(|key| (key.clone(), journal.inventory.uid(key).map(str::to_owned)))
    });
    entries.filter(|(key, _)| desired.names.may_make(key)).collect()
}

fn strays<'a>(desired: &'a Desired, live: &'a Live) -> impl Iterator<Item = &'a ObjectKey> {
    let keys = live.journal.found().into_iter().flat_map(|journal| journal.inventory.keys());
    keys.filter(|key| !desired.names.may_make(key))
}

/// The namespace that an object is in, or is.
fn place(key: &ObjectKey) -> Option<&str> {
    match (&key.namespace, key.kind) {
        (Some(namespace), _) => Some(namespace),
        (None, Kind::Namespace) => Some(&key.name),
        (None, _) => None,
    }
}

/// A journal that came from another namespace tells of another stack, whose
/// objects are there still.
pub fn foreign(desired: &Desired, live: &Live) -> Option<Blocked> {
    let names = &desired.names;
    let elsewhere = |key: &&ObjectKey| place(key).is_some_and(|place| place != names.namespace);
    let mut keys = strays(desired, live).filter(elsewhere);
    let first = keys.next()?;
    let (more, from) = (keys.count(), place(first).unwrap_or_default());
    let more = if more == 0 { String::new() } else { format!(" and {more} more from there") };
    Some(Blocked::new(
        "plan::foreign_journal",
        format!("`{}` is of namespace `{from}`: it holds `{first}`{more}", names.journal()),
        format!(
            "use the stack file of `{from}` for what is there; if this namespace holds a copy, delete the journal in it \
             with kubectl, and what is here is known by its labels"
        ),
    ))
}

/// Entries that no run writes down, in words.
pub fn ignored(desired: &Desired, live: &Live) -> Option<String> {
    let names = &desired.names;
    let here = |key: &&ObjectKey| place(key).is_none_or(|place| place == names.namespace);
    let keys: Vec<String> = strays(desired, live).filter(here).map(|key| format!("`{key}`")).collect();
    (!keys.is_empty()).then(|| {
        format!("`{}` holds what no run writes down, which is ignored: {}", names.journal(), keys.join(", "))
    })
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
