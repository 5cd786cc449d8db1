//! Which fields of others a plan removes, because somebody asked for it by
//! name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Foreign;
use crate::{
    field::{self, OURS, Owned},
    object::{NOT_SHOWN, Object, ObjectKey},
    plan::{Blocked, FieldChange, Source},
};

/// A field to remove from whoever set it.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    /// The object.
    pub key: ObjectKey,
    /// The server's identity for it.
    pub uid: String,
    /// The field, as the server shows it.
    pub field: String,
    /// Everybody who set it.
    pub managers: BTreeSet<String>,
    /// Its value, where it may be shown.
    value: Option<Value>,
}

impl Removal {
    /// How it shows among the differences of its object.
    pub fn change(&self) -> FieldChange {
        let before = self.value.clone().unwrap_or_else(|| json!(NOT_SHOWN));
        FieldChange { path: self.field.clone(), before: Some(before), after: None, source: Source::Other }
    }
}

/// The fields that go, and those that stay.
pub fn split(found: Vec<Foreign>, take: &BTreeSet<Owned>) -> (Vec<Removal>, Vec<Foreign>) {
    let of = |one: &Foreign| (one.key.clone(), one.field.clone());
    let goes = |one: &Foreign| one.removable && !one.tolerated && take.contains(&one.owned());
    // One manager's word is not enough for what two have set.
    let held: BTreeSet<_> = found.iter().filter(|one| !goes(one)).map(of).collect();
    let (stays, gone): (Vec<Foreign>, Vec<Foreign>) =
        found.into_iter().partition(|one| held.contains(&of(one)));
    let mut removals: BTreeMap<_, Removal> = BTreeMap::new();
    for one in gone {
        let Foreign { key, uid, field, manager, value, .. } = one;
        let managers = BTreeSet::new();
        let removal = Removal { key: key.clone(), uid, field: field.clone(), managers, value };
        removals.entry((key, field)).or_insert(removal).managers.insert(manager);
    }
    (removals.into_values().collect(), stays)
}

/// Whether a field that others set may be removed, as it was said. One that
/// the stack sets itself is none of these: it is taken by an apply.
pub fn may_go(found: &[Foreign], live: &Object, asked: &BTreeSet<Owned>, one: &Owned) -> Result<(), Blocked> {
    let refuse = |reason: &str, help: String| {
        let reason = format!("`{}` of `{}` {reason}", one.field, live.key);
        Err(Blocked::new("plan::nothing_to_take", reason, help))
    };
    let is_whole = |whole: &&Foreign| {
        let rest = one.field.strip_prefix(&whole.field);
        whole.key == live.key && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let Some(whole) = found.iter().find(is_whole) else { return Ok(()) };
    if whole.field != one.field {
        return refuse("is a part of what they added", format!("name all of it: --take '{}'", whole.owned()));
    }
    if whole.tolerated {
        return refuse(
            "is left to them under `[[ownership.tolerate]]`",
            "take it out of the stack file first".to_owned(),
        );
    }
    if !whole.removable {
        return refuse("cannot be removed from here", "remove it with kubectl".to_owned());
    }
    match others(live, &one.field)
        .find(|other| !asked.contains(&Owned { manager: other.clone(), ..one.clone() }))
    {
        None => Ok(()),
        Some(other) => {
            let also = Owned { manager: other.clone(), ..one.clone() };
            refuse(&format!("is set by {other}, too"), format!("take it from both: --take '{also}'"))
        }
    }
}

/// Everybody else who set a field, or a part of it.
fn others(live: &Object, field: &str) -> impl Iterator<Item = String> {
    let owners = field::owners(&live.body);
    let whole = owners.iter().flat_map(|owner| &owner.fields).find(|path| path.is_shown_as(field)).cloned();
    owners.into_iter().filter_map(move |owner| {
        let whole = whole.as_ref().filter(|_| owner.manager != OURS)?;
        owner.fields.iter().any(|path| path.is_within(whole)).then_some(owner.manager)
    })
}
