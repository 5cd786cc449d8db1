//! What happens to each object, in the names of Terraform's JSON plan.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::document::Span;
use crate::{
    field::{self, takeover::Predecessor},
    object::{Kind, Object, ObjectKey},
    plan::{self, Action, Change, Confidence, FieldChange, Plan, Source, Verb, never_changes},
    render::cost::{Deleted, restarts, stepwise},
};

/// An object and what happens to it.
#[derive(Serialize, JsonSchema)]
pub struct ResourceChange {
    /// The object: `StatefulSet/etcd-orders/orders`.
    pub address: String,
    /// Always `managed`, as policies for Terraform ask.
    #[schemars(extend("const" = "managed"))]
    pub mode: &'static str,
    /// The kind, under the name by which policies for Terraform ask for it.
    #[serde(rename = "type")]
    pub resource_type: Kind,
    /// `apiVersion`.
    pub api_version: String,
    /// The kind.
    pub kind: Kind,
    /// Where it lives; null for one that is in no namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The server's identity for it; null before it is made.
    pub uid: Option<String>,
    /// How sure `change.after` is.
    pub confidence: Confidence,
    /// Whether members restart for it.
    pub restart: Restart,
    /// Why, where Terraform has a word for it; a reader tolerates others.
    pub action_reason: Option<&'static str>,
    /// What happens to it.
    pub change: Diff,
    /// Fields that are taken from other managers, as was asked for.
    pub forces: Vec<Taken>,
    /// Who made it, where it is adopted.
    pub adopting: Option<Vec<From>>,
    /// What a field cannot say.
    pub notes: Vec<String>,
    /// SHA-256 of the object as it is and as it would be, as it enters the
    /// digest of the plan.
    pub digest: Option<String>,
}

/// Whether members restart.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// One by one.
    Rolling,
    /// They do not.
    None,
}

/// What happens to an object.
#[derive(Serialize, JsonSchema)]
pub struct Diff {
    /// Exactly Terraform's: `["create"]`, `["update"]`, `["delete"]`,
    /// `["delete","create"]`, `["forget"]`, `["no-op"]`.
    #[schemars(extend("enum" = [["create"], ["update"], ["delete"], ["delete", "create"], ["forget"], ["no-op"]]))]
    pub actions: &'static [&'static str],
    /// The object as it is, without what changes by itself; null before it is
    /// made, and of one that has no `fields` that differ.
    pub before: Value,
    /// The object as it would be; null once it is gone, and of one that stays
    /// as it is. Of one that only steps change it is what the last of them sends.
    pub after: Value,
    /// `true` at each place of which the value is known only after the apply.
    pub after_unknown: Value,
    /// `true` at each place that is secret: the values are in no plan.
    pub before_sensitive: Value,
    /// The same of `after`.
    pub after_sensitive: Value,
    /// The fields for which it is made anew.
    pub replace_paths: Vec<Vec<Value>>,
    /// What differs, field by field; of a creation what admission adds.
    pub fields: Vec<Field>,
}

/// A field that differs.
#[derive(Serialize, JsonSchema)]
pub struct Field {
    /// Where, for a person: `spec.ports[client].port`.
    pub field: String,
    /// The same as the keys that lead there; a list item is an object of what
    /// names it, and an argument of the command line one of its flag.
    pub path: Vec<Value>,
    /// The value now; null where there is none.
    pub before: Option<Value>,
    /// The value after; null where the field goes.
    pub after: Option<Value>,
    /// Whose doing it is.
    pub source: Source,
    /// The key of the stack file that asks for it, where that is known.
    pub key: Option<String>,
    /// Where that key stands.
    pub span: Option<Span>,
}

/// A field that is taken from another manager.
#[derive(Serialize, JsonSchema)]
pub struct Taken {
    /// The field, as the API server shows it in a conflict.
    pub field: String,
    /// Who loses it.
    pub manager: String,
}

/// Who made an object that is adopted.
#[derive(Serialize, JsonSchema)]
pub struct From {
    /// The field manager.
    pub from_manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// What it set.
    pub fields: Vec<String>,
}

/// Every object: those that change, claims whose data goes, and the rest.
pub fn changes(plan: &Plan, deleted: &[Deleted]) -> Vec<ResourceChange> {
    let changed = plan.changes.iter().map(|one| changed(plan, one));
    let gone = deleted.iter().map(|one| gone(plan, one));
    let moved = stepwise(plan);
    let unchanged = plan.unchanged.iter().map(|key| match moved.iter().find(|object| object.key == *key) {
        Some(object) => by_steps(plan, object),
        None => resource(plan, key, nothing(key, NO_OP)),
    });
    changed.chain(gone).chain(unchanged).collect()
}

/// An object that only steps change, while members come and go.
fn by_steps(plan: &Plan, object: &Object) -> ResourceChange {
    let key = &object.key;
    let diff = Diff { after: shown(key.kind, &object.body), ..nothing(key, &["update"]) };
    ResourceChange {
        confidence: Confidence::Predicted,
        notes: vec!["changed step by step, as members come and go".to_owned()],
        ..resource(plan, key, diff)
    }
}

const NO_OP: &[&str] = &["no-op"];
const ANEW: &[&str] = &["delete", "create"];

/// The actions by which Terraform tells what happens.
fn actions(verb: Verb) -> &'static [&'static str] {
    match verb {
        Verb::Create => &["create"],
        Verb::Update | Verb::Adopt => &["update"],
        Verb::Recreate => ANEW,
        Verb::Delete => &["delete"],
        Verb::Release => &["forget"],
    }
}

/// An object, and nothing else of it than what happens.
fn resource(plan: &Plan, key: &ObjectKey, change: Diff) -> ResourceChange {
    ResourceChange {
        address: key.to_string(),
        mode: "managed",
        resource_type: key.kind,
        api_version: key.kind.api_version(),
        kind: key.kind,
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        uid: plan.inventory.uid(key).map(str::to_owned),
        confidence: Confidence::Verified,
        restart: Restart::None,
        action_reason: None,
        change,
        forces: Vec::new(),
        adopting: None,
        notes: Vec::new(),
        digest: plan.basis.objects.get(key).cloned(),
    }
}

/// What happens to an object whose content is not looked at.
fn nothing(key: &ObjectKey, actions: &'static [&'static str]) -> Diff {
    Diff {
        actions,
        before: Value::Null,
        after: Value::Null,
        after_unknown: json!({}),
        before_sensitive: sensitive(key, true),
        after_sensitive: sensitive(key, true),
        replace_paths: Vec::new(),
        fields: Vec::new(),
    }
}

fn changed(plan: &Plan, change: &Change) -> ResourceChange {
    let key = &change.key;
    let uid = change.before.as_ref().and_then(|body| body.pointer("/metadata/uid")).and_then(Value::as_str);
    let whole = resource(plan, key, diff(plan, change));
    ResourceChange {
        uid: uid.map(str::to_owned).or(whole.uid.clone()),
        confidence: change.confidence,
        restart: if restarts(plan, change) { Restart::Rolling } else { Restart::None },
        action_reason: match change.verb {
            Verb::Recreate => Some("replace_because_cannot_update"),
            Verb::Delete if plan.intended.end.is_none() => Some("delete_because_no_resource_config"),
            _ => None,
        },
        forces: forces(plan, key),
        adopting: adopting(change),
        notes: change.notes.clone(),
        ..whole
    }
}

fn diff(plan: &Plan, change: &Change) -> Diff {
    let Change { key, verb, before, after, fields, .. } = change;
    let field = |one: &FieldChange| field(change, one);
    let kept = fields.iter().filter(|one| *verb == Verb::Recreate && never_changes(key.kind, &one.path));
    Diff {
        actions: actions(*verb),
        before: before.as_ref().map_or(Value::Null, |body| shown(key.kind, body)),
        after: if after.is_null() { Value::Null } else { shown(key.kind, after) },
        after_unknown: plan::unknown(plan, key),
        before_sensitive: sensitive(key, before.is_some()),
        after_sensitive: sensitive(key, !after.is_null()),
        replace_paths: kept.map(|one| path(change, &one.path)).collect(),
        fields: fields.iter().map(field).collect(),
    }
}

fn field(change: &Change, one: &FieldChange) -> Field {
    let FieldChange { path: field, before, after, source } = one;
    let hidden = is_secret(change.key.kind, field);
    let value =
        |value: &Option<Value>| value.as_ref().map(|value| if hidden { masked() } else { value.clone() });
    Field {
        field: field.clone(),
        path: path(change, field),
        before: value(before),
        after: value(after),
        source: *source,
        key: None,
        span: None,
    }
}

/// The keys that lead to a field: by the names of list items, or as the server
/// shows a field that others set.
fn path(change: &Change, field: &str) -> Vec<Value> {
    let bodies = || [Some(&change.after), change.before.as_ref()].into_iter().flatten();
    let owned = || {
        let owners = bodies().flat_map(field::owners);
        let mut paths = owners.flat_map(|owner| owner.fields);
        paths.find(|path| path.is_shown_as(field)).map(|path| path.keys())
    };
    bodies().find_map(|body| plan::keys(body, field)).or_else(owned).unwrap_or_else(|| vec![json!(field)])
}

/// A body as a person means it. That of a Secret never holds values; should one
/// come here, it goes no further.
fn shown(kind: Kind, body: &Value) -> Value {
    let mut body = plan::stable(body);
    for field in SECRET.iter().filter(|_| kind == Kind::Secret) {
        let values = body.get_mut(*field).and_then(Value::as_object_mut);
        values.into_iter().flat_map(Map::values_mut).for_each(|value| *value = masked());
    }
    body
}

/// Where a Secret has its values.
const SECRET: [&str; 2] = ["data", "stringData"];

fn is_secret(kind: Kind, field: &str) -> bool {
    kind == Kind::Secret && SECRET.iter().any(|secret| field.starts_with(secret))
}

/// What stands in the place of a value.
fn masked() -> Value {
    json!({ "$sensitive": true })
}

/// The places that are secret, as far as there is an object.
fn sensitive(key: &ObjectKey, is_there: bool) -> Value {
    if key.kind == Kind::Secret && is_there { json!({ "data": true }) } else { json!(false) }
}

/// What is taken from others on an object.
fn forces(plan: &Plan, key: &ObjectKey) -> Vec<Taken> {
    let taken = plan::forces(plan, key).into_iter();
    taken.map(|one| Taken { field: one.field, manager: one.manager }).collect()
}

/// Who made it, where it is adopted.
fn adopting(change: &Change) -> Option<Vec<From>> {
    let one = |one: &Predecessor| From {
        from_manager: one.manager.clone(),
        operation: one.operation.clone(),
        fields: one.fields.clone(),
    };
    (change.verb == Verb::Adopt).then(|| change.adopting.iter().map(one).collect())
}

/// A claim whose data is deleted.
fn gone(plan: &Plan, claim: &Deleted) -> ResourceChange {
    let Deleted { key, made_anew } = claim;
    let actions: &[&str] = if *made_anew { ANEW } else { &["delete"] };
    let uid = plan.steps.iter().flat_map(|step| &step.actions).find_map(|action| match action {
        Action::DeleteClaim { claim, uid, .. } if *claim == key.name => Some(uid.clone()),
        _ => None,
    });
    ResourceChange {
        uid,
        confidence: Confidence::Predicted,
        notes: vec!["its data is deleted".to_owned()],
        ..resource(plan, key, nothing(key, actions))
    }
}
