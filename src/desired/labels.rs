//! Labels: those that select, and those that only say whose an object is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Names, STACK_LABEL};
use crate::{
    object::{Object, ObjectKey},
    stack::Stack,
};

/// Labels of pods by which Services, the budget and the StatefulSet select.
/// The last one keeps a Helm release of the same name from being selected.
pub fn selector(names: &Names) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "etcd"),
        ("app.kubernetes.io/instance", &names.stack),
        ("app.kubernetes.io/component", "etcd"),
        (STACK_LABEL, &names.stack),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// An object's metadata: the stack's labels and annotations and our own.
pub fn metadata(stack: &Stack, names: &Names, key: &ObjectKey) -> Value {
    let mut labels = stack.labels.clone();
    labels.extend(selector(names));
    labels.insert(super::MANAGED_BY.to_owned(), super::FIELD_MANAGER.to_owned());
    let mut metadata = json!({ "name": key.name });
    if let Some(namespace) = &key.namespace {
        metadata["namespace"] = json!(namespace);
    }
    metadata["labels"] = json!(labels);
    if !stack.annotations.is_empty() {
        metadata["annotations"] = json!(stack.annotations);
    }
    metadata
}

/// An object with that metadata and these further fields.
pub fn object(stack: &Stack, names: &Names, key: ObjectKey, rest: Value) -> Object {
    let mut body = json!({
        "apiVersion": key.kind.api_version(),
        "kind": key.kind.to_string(),
        "metadata": metadata(stack, names, &key),
    });
    if let (Some(body), Value::Object(rest)) = (body.as_object_mut(), rest) {
        body.extend(rest);
    }
    Object { key, body }
}
