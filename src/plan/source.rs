//! Whose doing a difference is: the stack's, the API server's defaults, the
//! cluster's admission, or somebody else's.
//!
//! The server's answer says who owns each field. What admission adds and what
//! the server fills in belong to nobody; a table of defaults tells them apart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    change::{self, Difference, Part},
    defaults::Defaults,
};
use crate::{
    field::{self, OURS},
    object::Kind,
    quantity::Quantity,
};

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Where, with list items named by their key: `spec.ports[client].port`.
    pub path: String,
    /// The value now; `None` where there is none.
    pub before: Option<Value>,
    /// The value after; `None` where the field goes.
    pub after: Option<Value>,
    /// Whose doing it is.
    pub source: Source,
}

/// Whose doing a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The stack file asks for it.
    Stack,
    /// The API server fills it in, on every cluster of its version.
    Default,
    /// The cluster's policies and webhooks make it so.
    Admission,
    /// It belongs to another manager.
    Other,
}

/// What a difference is judged by.
pub struct Sides<'a> {
    /// What kind of object it is of.
    pub kind: Kind,
    /// The object as it is; as it is sent, where it is not there yet.
    pub before: &'a Value,
    /// The server's answer, or what is sent, where nobody could be asked.
    pub after: &'a Value,
    /// What is sent.
    pub sent: &'a Value,
    /// What the server fills in.
    pub defaults: Defaults,
}

/// Every field that differs, with whose doing that is.
pub fn differences(sides: &Sides<'_>) -> Vec<FieldChange> {
    let Sides { before, after, .. } = sides;
    let owners = (Owned::of(before), Owned::of(after));
    let found = change::differences(before, after).into_iter();
    found.map(|one| sides.with_source(one, &owners)).collect()
}

/// The places in an object that we own, and those that others own.
struct Owned {
    ours: Vec<String>,
    others: Vec<String>,
}

impl Owned {
    fn of(body: &Value) -> Owned {
        let owners = field::owners(body);
        let (ours, others): (Vec<_>, Vec<_>) = owners.iter().partition(|owner| owner.manager == OURS);
        let places = |owners: Vec<&field::Owner>| {
            let leaves = owners.into_iter().flat_map(|owner| owner.leaves());
            leaves.filter_map(|path| path.pointer(body)).collect()
        };
        Owned { ours: places(ours), others: places(others) }
    }
}

impl Sides<'_> {
    fn with_source(&self, one: Difference, owners: &(Owned, Owned)) -> FieldChange {
        let source = self.source(&one, owners);
        let Difference { path, before, after } = one;
        FieldChange {
            path,
            before: before.map(|part| part.value),
            after: after.map(|part| part.value),
            source,
        }
    }

    fn source(&self, one: &Difference, (before, after): &(Owned, Owned)) -> Source {
        // An answer names us for what it was sent; this is none.
        if after.ours.is_empty() {
            let theirs = |part: &Part| before.ours.is_empty() && has(&before.others, part);
            let goes = one.after.is_none() && one.before.as_ref().is_some_and(theirs);
            return if goes { Source::Other } else { Source::Stack };
        }
        let (owned, part) = match (&one.after, &one.before) {
            (Some(part), _) => (after, part),
            (None, Some(part)) => (before, part),
            (None, None) => return Source::Stack,
        };
        let was_ours = || one.before.as_ref().is_some_and(|part| has(&before.ours, part));
        if has(&owned.ours, part) {
            if self.is_sent(one) { Source::Stack } else { Source::Admission }
        } else if has(&owned.others, part) {
            Source::Other
        } else if was_ours() {
            Source::Stack
        } else if self.defaults.have(self.kind, self.side(one), part) {
            Source::Default
        } else {
            Source::Admission
        }
    }

    /// The body that a difference is judged in.
    fn side(&self, one: &Difference) -> &Value {
        if one.after.is_some() { self.after } else { self.before }
    }

    /// Whether a field that we own came out as it was sent. A webhook may
    /// change it after that, and it stays ours.
    fn is_sent(&self, one: &Difference) -> bool {
        let Some(after) = &one.after else { return true };
        let sent = change::value_at(self.sent, &one.path);
        sent.is_none_or(|sent| {
            change::is_kept(&sent, &after.value) || Quantity::are_equal(&sent, &after.value)
        })
    }
}

/// Whether a part is owned, or a part of it is, or what it is a part of.
fn has(owned: &[String], part: &Part) -> bool {
    owned.iter().any(|one| change::is_around(one, &part.pointer))
}
