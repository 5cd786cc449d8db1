//! Fields that others set in the stack's objects, and that the stack does not.
//!
//! An apply neither conflicts with them nor shows them: what `kubectl edit`
//! adds stays, and a dry-run looks as if nothing had happened. So they are
//! read from who owns what.
//!
//! ```text
//! managedFields   kubectl-edit: f:containers k:{"name":"proxy"} ., f:image, f:name
//! found           spec.template.spec.containers[name="proxy"]   one field
//! ```
//!
//! Left out is what Kubernetes writes by itself: status, and the finalizer of
//! a load balancer.
//! <https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/#garbage-collecting-load-balancers>

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Blocked, Fact, ownership, questions};
use crate::{
    canonical::sha256,
    desired::Desired,
    field::{self, OURS, Owned, Owner, Path},
    object::{Kind, NOT_SHOWN, Object, ObjectKey},
    observed::{Live, Lookup},
};

mod danger;
mod removal;

pub use removal::{Removal, may_go, split};

/// A field that another manager set, and that is not the stack's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Foreign {
    /// The object.
    pub key: ObjectKey,
    /// The server's identity for it.
    pub uid: String,
    /// The field, as the server shows it in a conflict: one for all of a list
    /// item or table that they added.
    pub field: String,
    /// The same as the keys that lead there, one by one.
    #[serde(default)]
    pub path: Vec<Value>,
    /// Who set it.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// When they last changed something, as the server writes it.
    pub time: Option<String>,
    /// Its value; `None` of a Secret and of an environment variable.
    pub value: Option<Value>,
    /// SHA-256 of its value, whatever that is. Not for display.
    pub fingerprint: String,
    /// Whether it is there to be removed: what a Secret holds is not read.
    pub removable: bool,
    /// Whether the stack file leaves it to them.
    pub tolerated: bool,
    /// Whether it goes with the object, which is made anew.
    pub lost: bool,
    /// What it means for the members, where it is dangerous.
    pub danger: Option<String>,
}

impl Foreign {
    /// The field and its manager, as they are named to take it.
    pub fn owned(&self) -> Owned {
        let Foreign { key, field, manager, .. } = self;
        Owned { kind: key.kind, name: key.name.clone(), field: field.clone(), manager: manager.clone() }
    }

    /// Whether the plan stops for it.
    pub fn blocks(&self) -> bool {
        self.danger.is_some() && !self.tolerated
    }
}

/// Every such field, sorted by object and path.
pub fn foreign(desired: &Desired, live: &Live) -> Vec<Foreign> {
    let sent = questions(desired, live);
    let objects = sent.iter().filter_map(|question| {
        let object = &question.object;
        Some((object, live.objects.get(&object.key).and_then(Lookup::found)?))
    });
    let mut all: Vec<Foreign> = objects.flat_map(|(sent, live)| of_object(desired, sent, live)).collect();
    all.sort_by(|a, b| (&a.key, &a.field, &a.manager).cmp(&(&b.key, &b.field, &b.manager)));
    all
}

fn of_object(desired: &Desired, sent: &Object, live: &Object) -> Vec<Foreign> {
    let owners = field::owners(&live.body);
    let (ours, others): (Vec<&Owner>, Vec<&Owner>) = owners.iter().partition(|owner| owner.manager == OURS);
    let ours = Ours::of(&ours);
    let others = others.into_iter().filter(|owner| owner.subresource.as_deref() != Some("status"));
    let added = |owner: &'_ Owner| {
        let whole = owner.leaves().filter(|path| !ours.have(path)).map(|path| ours.rolled_up(owner, path));
        whole.filter(|path| is_foreign(path, sent, live)).collect::<BTreeSet<Path>>()
    };
    let all: Vec<(Path, &Owner)> =
        others.flat_map(|owner| added(owner).into_iter().map(move |path| (path, owner))).collect();
    let is_part = |path: &Path| all.iter().any(|(other, _)| other != path && path.is_within(other));
    let whole = all.iter().filter(|(path, _)| !is_part(path));
    whole.map(|(path, owner)| described(desired, path, owner, live)).collect()
}

/// What we own of an object.
struct Ours {
    /// Fields that are ours with all that is in them.
    leaves: BTreeSet<Path>,
    /// These, and what they are parts of.
    all: BTreeSet<Path>,
}

impl Ours {
    fn of(owners: &[&Owner]) -> Ours {
        let leaves: BTreeSet<Path> = owners.iter().flat_map(|owner| owner.leaves()).cloned().collect();
        let all = leaves.iter().flat_map(Path::prefixes).collect();
        Ours { leaves, all }
    }

    fn have(&self, path: &Path) -> bool {
        path.prefixes().any(|prefix| self.leaves.contains(&prefix))
    }

    /// The list item or table that somebody added whole, or else the field.
    fn rolled_up(&self, owner: &Owner, path: &Path) -> Path {
        let words = path.words();
        let whole = |(length, prefix): &(usize, Path)| {
            let is_list = words.get(*length).is_some_and(|word| word.starts_with('['));
            let is_map = MAPS.contains(&words[length - 1].as_str());
            owner.fields.contains(prefix) && !self.all.contains(prefix) && !is_list && !is_map
        };
        (1..).zip(path.prefixes()).find(whole).map_or_else(|| path.clone(), |(_, prefix)| prefix)
    }
}

/// Tables whose entries are somebody's one by one.
pub const MAPS: [&str; 5] = ["annotations", "labels", "data", "binaryData", "matchLabels"];

/// Lists and tables that may be owned without anything in them.
const EMPTY: [&str; 4] = ["annotations", "labels", "finalizers", "ownerReferences"];

/// Whether a field is there, is not sent by us, and is not written by
/// Kubernetes itself.
fn is_foreign(path: &Path, sent: &Object, live: &Object) -> bool {
    let words = path.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let written = match words.as_slice() {
        ["status", ..] => true,
        // What is deleted asks for these.
        ["metadata", "finalizers", "[service.kubernetes.io/load-balancer-cleanup]"] => true,
        ["metadata", "finalizers", "[orphan]" | "[foregroundDeletion]"] => true,
        [.., last] if EMPTY.contains(last) => true,
        _ => false,
    };
    let hidden = live.key.kind == Kind::Secret && matches!(words.as_slice(), ["data", _]);
    !written && path.get(&sent.body).is_none() && (hidden || path.get(&live.body).is_some())
}

fn described(desired: &Desired, path: &Path, owner: &Owner, live: &Object) -> Foreign {
    let value = path.get(&live.body);
    let words = path.words();
    let secret = live.key.kind == Kind::Secret || words.iter().any(|word| word == "env");
    let mut found = Foreign {
        key: live.key.clone(),
        uid: live.uid().unwrap_or_default().to_owned(),
        field: path.to_string(),
        path: path.keys(),
        manager: owner.manager.clone(),
        operation: owner.operation.clone(),
        time: owner.time.clone(),
        fingerprint: sha256(&json!(value)),
        // Kubernetes never unsets that.
        removable: value.is_some() && words.last().is_none_or(|word| word != "immutable"),
        value: value.filter(|_| !secret).cloned(),
        tolerated: false,
        lost: false,
        danger: danger::danger(desired, &live.key, &words).map(str::to_owned),
    };
    found.tolerated = desired.stack.ownership.tolerate.contains(&found.owned());
    found
}

/// The fields for which the plan stops: what they are, who set them, what they
/// mean, and the ways out.
pub fn dangerous(all: &[Foreign]) -> Vec<Blocked> {
    all.iter().filter(|one| one.blocks()).filter_map(card).collect()
}

fn card(one: &Foreign) -> Option<Blocked> {
    let Foreign { key, field, manager, time, value, removable, danger, .. } = one;
    let owned = one.owned();
    let now = value.as_ref().map_or_else(|| NOT_SHOWN.to_owned(), ownership::words);
    let facts = [
        ("now", Some(now)),
        ("set by", Some(field::who(manager, None, time.as_deref()))),
        ("meaning", danger.clone()),
        ("remove", removable.then(|| format!("--take '{owned}'"))),
    ];
    let facts =
        facts.into_iter().filter_map(|(label, text)| Some(Fact { label: label.to_owned(), text: text? }));
    let help = match owned.needed() {
        _ if !removable => {
            "leave it to them under `[[ownership.tolerate]]`, or remove it with kubectl".to_owned()
        }
        None => "remove the field, or leave it to them under `[[ownership.tolerate]]`".to_owned(),
        Some(why) => format!("remove the field; it cannot be left: {why}"),
    };
    let reason = format!("`{field}` of `{key}` is set by {manager}, and not by this stack");
    Some(Blocked { facts: facts.collect(), ..Blocked::new("plan::dangerous_field", reason, help) })
}
