//! The body of an object without what changes by itself.

use serde_json::{Value, json};

use crate::{
    field::OURS,
    object::{Kind, Object},
};

/// What stays of an object's body.
pub fn kept(object: &Object) -> Value {
    let mut body = object.body.clone();
    let status = status(object.key.kind, &body["status"]);
    let Some(fields) = body.as_object_mut() else { return body };
    fields.remove("status");
    fields.extend(status.map(|status| ("status".to_owned(), status)));
    let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) else { return body };
    for field in ["resourceVersion", "creationTimestamp", "selfLink"] {
        metadata.remove(field);
    }
    // Counted up by each write; a StatefulSet's says whether its controller
    // has seen the last one.
    if object.key.kind != Kind::StatefulSet {
        metadata.remove("generation");
    }
    if let Some(entries) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
        entries.retain(|entry| entry["subresource"] != "status");
        entries.iter_mut().for_each(shorten);
    }
    body
}

/// The part of a status that a plan is decided from.
fn status(kind: Kind, status: &Value) -> Option<Value> {
    let names: &[&str] = match kind {
        Kind::StatefulSet => &["observedGeneration", "updateRevision"],
        Kind::Namespace => &["phase"],
        _ => &[],
    };
    let found = names.iter().filter_map(|name| Some((*name, status.get(*name)?)));
    let kept: serde_json::Map<String, Value> =
        found.map(|(name, value)| (name.to_owned(), value.clone())).collect();
    (!kept.is_empty()).then(|| json!(kept))
}

/// Who set which fields, and when others did.
fn shorten(entry: &mut Value) {
    let is_ours = entry["manager"] == OURS;
    let Some(fields) = entry.as_object_mut() else { return };
    fields.remove("apiVersion");
    fields.remove("fieldsType");
    if is_ours {
        fields.remove("time");
    }
}
