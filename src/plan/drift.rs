//! What others changed since the last apply, and who.
//!
//! What was applied is asked for again, by dry-run: where the answer is not
//! what is live, somebody changed it. Fields that others added are told by
//! their owners, and are new when these have written since: the API server
//! notes when a manager last changed an object, not when each field.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    change::{self, Difference, Part},
    foreign::{self, Foreign},
    inventory::known,
    state::replicas,
};
use crate::{
    desired::Desired,
    field::{self, Owner},
    member::{Id, Member},
    object::{Kind, NOT_SHOWN, Object, ObjectKey},
    observed::{Lookup, Members, Observed, Proposal, journal::RecordedMember},
};

/// What others changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drift {
    /// Fields that are not as they were applied.
    pub fields: Vec<Drifted>,
    /// Objects that are gone.
    pub gone: Vec<ObjectKey>,
    /// Members that nobody recorded.
    pub added: Vec<Member>,
    /// Members that are recorded and no longer listed, by name.
    pub removed: Vec<String>,
    /// What could not be found out, in words.
    pub unread: Vec<String>,
}

/// A field that is not as it was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Drifted {
    /// Of which object.
    pub object: ObjectKey,
    /// Where, with list items named by their key.
    pub path: String,
    /// The value that was applied; `None` where there was none.
    pub applied: Option<Value>,
    /// The value now; `None` where it is gone.
    pub now: Option<Value>,
    /// Who set it; `None` where nobody says so, as of a field that was removed.
    pub by: Option<SetBy>,
}

/// Who set a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetBy {
    /// The field manager.
    pub manager: String,
    /// `scale` for `kubectl scale`.
    pub subresource: Option<String>,
    /// When it last changed something of the object, as the server writes it.
    pub time: Option<String>,
}

impl Drift {
    /// How many things somebody else changed, as far as somebody is named or
    /// nobody else can have done it.
    pub fn by_others(&self) -> usize {
        let named = self.fields.iter().filter(|one| one.by.is_some()).count();
        named + self.gone.len() + self.added.len() + self.removed.len()
    }

    /// Whether everything is as it was applied.
    pub fn is_none(&self) -> bool {
        let Drift { fields, gone, added, removed, unread } = self;
        fields.is_empty() && gone.is_empty() && added.is_empty() && removed.is_empty() && unread.is_empty()
    }
}

/// Compares what was applied with what is there. `applied` is made from the
/// stack file of the last apply, which ended at `since`, and has been through
/// [`super::settle`].
pub fn drift(applied: &Desired, observed: &Observed, since: Timestamp) -> Drift {
    let mut drift = Drift::default();
    for object in applied.objects() {
        drift.object(applied, observed, object);
    }
    drift.replicas(applied, observed);
    drift.members(observed);
    drift.added_fields(applied, observed, since);
    drift.fields.sort_by(|a, b| (&a.object, &a.path).cmp(&(&b.object, &b.path)));
    drift
}

impl Drift {
    fn object(&mut self, applied: &Desired, observed: &Observed, object: &Object) {
        let key = &object.key;
        let live = match observed.live.objects.get(key) {
            Some(Lookup::Found(live)) => live,
            Some(Lookup::Failed(reason)) => {
                return self.unread.push(format!("`{key}` cannot be read: {reason}"));
            }
            // What no run has made cannot have gone.
            Some(Lookup::Absent) | None if known(applied, &observed.live).uid(key).is_none() => return,
            Some(Lookup::Absent) | None => return self.gone.push(key.clone()),
        };
        // A namespace is only there or not.
        if key.kind == Kind::Namespace {
            return;
        }
        let Some(stored) = observed.proposals.get(key).and_then(Proposal::stored) else {
            return self.unread.push(format!("`{key}` could not be compared: the API server refuses it"));
        };
        let mut wanted = stored.body.clone();
        if *key == applied.names.bootstrap() {
            // The plan asks with the window that is there.
            for field in ["initial-cluster", "initial-cluster-state"] {
                wanted["data"][field] = object.body["data"][field].clone();
            }
        }
        let found = change::differences(&live.body, &wanted);
        self.fields.extend(found.into_iter().map(|one| drifted(live, one)));
    }

    /// The plan asks with the replicas that are there: they follow etcd.
    fn replicas(&mut self, applied: &Desired, observed: &Observed) {
        let Some(live) = observed.live.objects.get(&applied.names.stateful_set()).and_then(Lookup::found)
        else {
            return;
        };
        let recorded = observed.live.journal.found().map_or(0, |journal| journal.members.len());
        let now = replicas(live);
        if recorded > 0 && recorded != now {
            let part =
                |value: usize| Some(Part { pointer: "/spec/replicas".to_owned(), value: json!(value) });
            let path = "spec.replicas".to_owned();
            self.fields.push(drifted(live, Difference { path, before: part(now), after: part(recorded) }));
        }
    }

    fn added_fields(&mut self, applied: &Desired, observed: &Observed, since: Timestamp) {
        let is_new = |one: &Foreign| {
            let time = one.time.as_ref().and_then(|time| time.parse::<Timestamp>().ok());
            // The server writes whole seconds.
            !one.tolerated && time.is_none_or(|time| time.as_second() >= since.as_second())
        };
        let added = foreign::foreign(applied, &observed.live).into_iter().filter(is_new);
        self.fields.extend(added.map(|one| {
            let Foreign { key, field, manager, time, value, .. } = one;
            let by = Some(SetBy { manager, subresource: None, time });
            let now = Some(value.unwrap_or_else(|| json!(NOT_SHOWN)));
            Drifted { object: key, path: field, applied: None, now, by }
        }));
    }

    fn members(&mut self, observed: &Observed) {
        let Some(journal) = observed.live.journal.found() else { return };
        let listed = match &observed.members {
            Members::Read(reading) => &reading.membership.members,
            Members::NotRunning => return self.unread.push("no member runs".to_owned()),
            Members::Failed(reason) => {
                return self.unread.push(format!("the members cannot be asked: {reason}"));
            }
        };
        let recorded: Vec<Id> = journal.members.values().map(|RecordedMember { id, .. }| *id).collect();
        let is_recorded = |member: &&Member| recorded.contains(&member.id);
        self.added.extend(listed.iter().filter(|member| !is_recorded(member)).cloned());
        let gone = journal.members.iter().filter(|(_, one)| listed.iter().all(|member| member.id != one.id));
        self.removed.extend(gone.map(|(name, _)| name.clone()));
    }
}

fn drifted(live: &Object, one: Difference) -> Drifted {
    let Difference { path, before, after } = one;
    let by = before.as_ref().and_then(|part| set_by(live, part));
    let value = |part: Option<Part>| part.map(|part| part.value);
    Drifted { object: live.key.clone(), path, applied: value(after), now: value(before), by }
}

/// Whoever else owns a part of an object, a part of it, or what it is in.
fn set_by(live: &Object, part: &Part) -> Option<SetBy> {
    let owners = field::owners(&live.body);
    let sets = |owner: &&Owner| {
        let mut places = owner.leaves().filter_map(|path| path.pointer(&live.body));
        places.any(|place| change::is_around(&place, &part.pointer))
    };
    let owner = owners.iter().filter(|owner| !owner.is_us()).find(sets)?;
    let Owner { manager, subresource, time, .. } = owner.clone();
    Some(SetBy { manager, subresource, time })
}
