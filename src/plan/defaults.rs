//! What the API server fills in by itself, as a table.
//!
//! The API cannot tell a default from what admission added: both belong to
//! nobody. `defaults.json` holds what a server without policies filled in, by
//! its minor version and the kind of object; a ring-2 test writes it.
//!
//! ```text
//! 1.36  StatefulSet  spec.template.spec.containers[].terminationMessagePath  "/dev/termination-log"
//! ```

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

use super::change::Part;
use crate::object::Kind;

/// By minor version, kind and path: every value that was seen there.
type Table = BTreeMap<String, BTreeMap<Kind, BTreeMap<String, Vec<Value>>>>;

static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_json::from_str(include_str!("defaults.json")).expect("a test writes the table"));

/// Fields that the server fills in with a value of its own choice, or with a
/// copy of another field.
const CHOSEN: [(Kind, &str); 5] = [
    (Kind::Service, "spec.clusterIP"),
    (Kind::Service, "spec.clusterIPs"),
    (Kind::Service, "spec.healthCheckNodePort"),
    (Kind::Service, "spec.ipFamilies"),
    (Kind::Service, "spec.ports[].nodePort"),
];

/// The defaults of one server.
#[derive(Clone, Copy)]
pub struct Defaults(Option<&'static BTreeMap<Kind, BTreeMap<String, Vec<Value>>>>);

impl Defaults {
    /// Those of a server of this minor version, such as `1.36`; of the newest
    /// one in the table, where it does not have that.
    pub fn of(minor: Option<&str>) -> Self {
        let newest = || TABLE.iter().max_by_key(|(minor, _)| number(minor)).map(|(_, table)| table);
        Defaults(minor.and_then(|minor| TABLE.get(minor)).or_else(newest))
    }

    /// Whether a part of a body is what the server fills in.
    pub fn have(&self, kind: Kind, body: &Value, part: &Part) -> bool {
        let table = self.0.and_then(|table| table.get(&kind));
        let path = generalised(body, &part.pointer);
        let chosen = CHOSEN.contains(&(kind, path.as_str()));
        chosen || table.is_some_and(|table| knows(table, &path, &part.value))
    }

    /// What the server fills in at a place of a body, where that is always the
    /// same.
    pub fn value(&self, kind: Kind, body: &Value, pointer: &str) -> Option<&'static Value> {
        only(self.0?.get(&kind)?.get(&generalised(body, pointer))?)
    }

    /// Fills into a new part of an object, at this path of the table, what the
    /// server fills in.
    pub fn fill(&self, kind: Kind, path: &str, part: &mut Value) {
        for (full, values) in self.0.and_then(|table| table.get(&kind)).into_iter().flatten() {
            let below = full.strip_prefix(path).filter(|rest| rest.starts_with(['.', '[']));
            if let (Some(rest), Some(value)) = (below, only(values)) {
                put(part, rest, value);
            }
        }
    }
}

/// A default that is the same everywhere.
fn only(values: &[Value]) -> Option<&Value> {
    match values {
        [value] => Some(value),
        _ => None,
    }
}

/// Puts a value at the end of a path, where all before it is there and it is
/// not.
fn put(part: &mut Value, path: &str, value: &Value) {
    if let Some(rest) = path.strip_prefix("[]") {
        let items = part.as_array_mut().into_iter().flatten();
        return items.for_each(|item| put(item, rest, value));
    }
    let Some(name) = path.strip_prefix('.') else { return };
    let (name, rest) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
    let Some(fields) = part.as_object_mut() else { return };
    if rest.is_empty() {
        fields.entry(name).or_insert_with(|| value.clone());
    } else if let Some(below) = fields.get_mut(name) {
        put(below, rest, value);
    }
}

/// Whether the table has a value there, or all of its parts.
fn knows(table: &BTreeMap<String, Vec<Value>>, path: &str, value: &Value) -> bool {
    if table.get(path).is_some_and(|values| values.contains(value)) {
        return true;
    }
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().all(|(name, value)| knows(table, &format!("{path}.{name}"), value))
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().all(|item| knows(table, &format!("{path}[]"), item))
        }
        _ => false,
    }
}

/// A JSON pointer as the table has it: fields with dots, every list item alike.
fn generalised(body: &Value, pointer: &str) -> String {
    let mut path = String::new();
    let mut value = Some(body);
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        match value {
            Some(Value::Array(items)) => {
                path.push_str("[]");
                value = token.parse().ok().and_then(|index: usize| items.get(index));
            }
            other => {
                path.push_str(if path.is_empty() { "" } else { "." });
                path.push_str(&token);
                value = other.and_then(|value| value.get(&token));
            }
        }
    }
    path
}

/// A version as a number: `1.9` comes before `1.36`.
fn number(minor: &str) -> Vec<u32> {
    minor.split('.').filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_default_is_told_by_its_path_and_its_value() {
        let body = json!({ "spec": { "template": { "spec": { "containers": [
            { "name": "etcd", "terminationMessagePath": "/dev/termination-log" },
        ] } } } });
        let have = |kind: Kind, minor: Option<&str>, value: Value| {
            let pointer = "/spec/template/spec/containers/0/terminationMessagePath".to_owned();
            Defaults::of(minor).have(kind, &body, &Part { pointer, value })
        };
        let default = json!("/dev/termination-log");
        assert!(have(Kind::StatefulSet, Some("1.36"), default.clone()));
        // A version that is not in the table has the newest one's.
        assert!(have(Kind::StatefulSet, Some("1.99"), default.clone()));
        assert!(have(Kind::StatefulSet, None, default.clone()));
        assert!(!have(Kind::StatefulSet, None, json!("/tmp/words")));
        assert!(!have(Kind::Service, None, default));
    }

    #[test]
    fn a_value_with_parts_is_a_default_when_all_of_them_are() {
        let part = |value: Value| Part { pointer: "/spec".to_owned(), value };
        let have = |value: Value| {
            Defaults::of(None).have(Kind::Service, &json!({ "spec": value }), &part(value.clone()))
        };
        assert!(have(json!({ "sessionAffinity": "None", "ipFamilyPolicy": "SingleStack" })));
        assert!(!have(json!({ "sessionAffinity": "None", "team": "db" })));
    }

    #[test]
    fn what_the_server_chooses_may_have_any_value() {
        let body = json!({ "spec": { "ports": [{ "port": 1 }, { "port": 2, "nodePort": 32769 }] } });
        let part = Part { pointer: "/spec/ports/1/nodePort".to_owned(), value: json!(32769) };
        assert!(Defaults::of(None).have(Kind::Service, &body, &part));
    }

    #[test]
    fn versions_are_ordered_as_numbers() {
        assert!(number("1.36") > number("1.9"));
    }
}
