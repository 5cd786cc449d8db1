//! The namespace. It is shared with whatever else lives in it, so the tool
//! owns nothing of it but the stack's own labels, set when it makes it.

use serde_json::json;

use super::{FIELD_MANAGER, Names};
use crate::{object::Object, stack::Stack};

/// The namespace as it is created. One that exists is left as it is.
pub fn namespace(stack: &Stack, names: &Names) -> Object {
    let key = names.namespace_key();
    let mut labels = stack.labels.clone();
    labels.insert(super::MANAGED_BY.to_owned(), FIELD_MANAGER.to_owned());
    let body = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": key.name, "labels": labels, "annotations": stack.annotations },
    });
    Object { key, body }
}
