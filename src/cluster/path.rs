//! URLs of objects.

use crate::object::{Kind, ObjectKey};

/// The URL of a collection.
pub fn collection(kind: Kind, namespace: Option<&str>) -> String {
    let root = match kind.group_version() {
        ("", version) => format!("/api/{version}"),
        (group, version) => format!("/apis/{group}/{version}"),
    };
    match namespace {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{}", kind.plural()),
        None => format!("{root}/{}", kind.plural()),
    }
}

/// The URL of an object.
pub fn object(key: &ObjectKey) -> String {
    format!("{}/{}", collection(key.kind, key.namespace.as_deref()), key.name)
}
