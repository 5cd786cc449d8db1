//! An object that must be made anew, as a change to look at.
//!
//! The API server is asked about it with the fields that never change as they
//! are live, so that it checks all the rest. Of what is created then it was
//! never asked, and fields that others set on the old one are not on the new.

use serde_json::Value;

use super::{
    Blocked, Change, Confidence, FieldChange, IssueReason, Source, Verb,
    certificates::{self, Verdict},
    change,
    defaults::Defaults,
    immutable::{self, Kept},
    questions,
    source::{self, Sides},
};
use crate::{
    desired::{Desired, SecretRequest},
    field::{self, Owned},
    object::{Kind, Object},
    observed::Live,
};

/// Why and how an object is made anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Anew {
    /// What differs, in a few words.
    pub what: String,
    /// Whether it is changed in place before, because more differs.
    pub in_place: bool,
}

/// The change, and how it is made. `stored` is what the API server would store
/// with the fields that never change as they are.
pub fn change(
    wanted: &Object,
    live: &Object,
    stored: &Value,
    kept: &[Kept],
    defaults: Defaults,
) -> (Change, Anew) {
    let around_pods = wanted.key.kind == Kind::StatefulSet;
    let (after, fields) = match around_pods {
        true => around(wanted, live, stored, defaults),
        false => (wanted.body.clone(), kept.iter().map(field).collect()),
    };
    let one = Change {
        key: wanted.key.clone(),
        verb: Verb::Recreate,
        confidence: Confidence::Predicted,
        before: Some(live.body.clone()),
        after,
        wanted: wanted.body.clone(),
        fields,
        notes: vec![meaning(wanted)],
        adopting: Vec::new(),
    };
    let in_place = around_pods && !change::differences(&live.body, stored).is_empty();
    (one, Anew { what: immutable::briefly(kept), in_place })
}

/// The StatefulSet that takes the pods over, and what differs from this one.
fn around(wanted: &Object, live: &Object, stored: &Value, defaults: Defaults) -> (Value, Vec<FieldChange>) {
    let mut after = immutable::without_kept(stored, wanted);
    lose_what_others_set(&mut after, live);
    let (kind, before, sent) = (wanted.key.kind, &live.body, &wanted.body);
    let fields = source::differences(&Sides { kind, before, after: &after, sent, defaults });
    (after, fields)
}

fn field(kept: &Kept) -> FieldChange {
    let Kept { path, before, after, way: _ } = kept.clone();
    FieldChange { path, before, after, source: Source::Stack }
}

/// What becomes of a certificate whose Secret must be made anew. The key of an
/// authority is nowhere else.
pub fn certificate(secret: &SecretRequest, kept: &[Kept]) -> Verdict {
    let what = immutable::briefly(kept);
    if secret.authority.is_some() {
        return Verdict::Issue(IssueReason::Broken(format!(
            "its Secret keeps what it was made with: {what}"
        )));
    }
    Verdict::Stop(Blocked::new(
        "plan::immutable",
        format!(
            "`{}` would have to be made anew, and holds the key of an authority: {what}",
            secret.object.key
        ),
        "save its values, delete it, and create it again as `Opaque` with the same labels and values",
    ))
}

/// Why an object is not made anew: with it would go what others keep in a
/// Secret, or what the stack file leaves to others, which nobody would set but
/// the stack, and it does not.
pub fn refused(desired: &Desired, live: &Live, found: &Object, kept: &[Kept]) -> Vec<Blocked> {
    if kept.is_empty() {
        return Vec::new();
    }
    let (key, what) = (&found.key, immutable::briefly(kept));
    let held = certificates::other_keys(key, live).map(|others| {
        Blocked::new(
            "plan::immutable",
            format!("`{key}` would have to be made anew, and also holds {others}"),
            "move what is not of the certificate into a Secret of its own, then plan again",
        )
    });
    let left = questions::left(desired, found).into_iter().map(|Owned { field, manager, .. }| {
        Blocked::new(
            "plan::tolerated_field",
            format!("`{key}` would be made anew ({what}) without `{field}`, which is left to {manager}"),
            "for this one apply, put their value into the stack file and take the field out of \
             `[[ownership.tolerate]]`",
        )
    });
    held.into_iter().chain(left).collect()
}

/// What it means for members and clients.
fn meaning(wanted: &Object) -> String {
    let headless = wanted.body.pointer("/spec/clusterIP").is_some_and(|address| address == "None");
    match wanted.key.kind {
        Kind::Service if headless => {
            "deleted and created: until then members do not find each other by name, and keep the connections \
             that they have"
        }
        Kind::Service => "deleted and created: clients do not find it until then, and its address is another one",
        Kind::Secret => "deleted and issued anew: a pod that starts in between waits for it",
        _ => "the API server was asked about all of it but the fields that never change",
    }
    .to_owned()
}

/// Takes out of the new object what nobody but others set on the old one.
fn lose_what_others_set(after: &mut Value, live: &Object) {
    let owners = field::owners(&live.body);
    let (ours, others): (Vec<_>, Vec<_>) = owners.iter().partition(|owner| owner.is_us());
    let is_ours = |path: &field::Path| ours.iter().any(|owner| owner.fields.contains(path));
    let of_the_spec = others.iter().filter(|owner| owner.subresource.as_deref() != Some("status"));
    let lost = of_the_spec.flat_map(|owner| &owner.fields).filter(|path| !is_ours(path));
    let replicas = field::Path::of(&["spec", "replicas"]);
    lost.filter(|path| !path.is_within(&replicas)).for_each(|path| path.remove(after));
}
