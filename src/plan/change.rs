//! A live object against the server's answer, field by field.
//!
//! Both sides come from the API server, so defaults and spelling are the same
//! on both and what is left is a difference. List items are matched by the key
//! that names them, command line arguments by their flag.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::FieldChange;

/// Fields that the server writes by itself at each write or all the time.
const VOLATILE: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"];

/// The object without what changes by itself: what a person means by it.
pub fn stable(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(object) = body.as_object_mut() {
        object.remove("status");
    }
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        VOLATILE.iter().for_each(|field| {
            metadata.remove(*field);
        });
    }
    body
}

/// Every field that differs, sorted by path.
pub fn differences(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare("", &stable(before), &stable(after), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The first field of `owned` that `stored` does not have with the same value;
/// `None` when every owned field is equal. What the server adds is no matter.
pub fn broken_at(owned: &Value, stored: &Value) -> Option<String> {
    missing("", &stable(owned), stored)
}

fn missing(path: &str, owned: &Value, stored: &Value) -> Option<String> {
    if owned == stored {
        return None;
    }
    match (named(path, owned), named(path, stored)) {
        (Some(owned), Some(stored)) => owned
            .iter()
            .find_map(|(name, value)| missing(name, value, stored.get(name).unwrap_or(&Value::Null))),
        // Items without a name stand where they stand.
        _ if let (Some(owned), Some(stored)) = (owned.as_array(), stored.as_array())
            && owned.len() == stored.len() =>
        {
            let mut pairs = owned.iter().zip(stored).enumerate();
            pairs.find_map(|(index, (owned, stored))| missing(&format!("{path}[{index}]"), owned, stored))
        }
        // The server leaves out what is empty.
        _ if *owned == json!({}) || *owned == json!([]) => None,
        _ => Some(path.to_owned()),
    }
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    match (named(path, before), named(path, after)) {
        (Some(before), Some(after)) => {
            let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                compare(
                    name,
                    before.get(name).unwrap_or(&Value::Null),
                    after.get(name).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        _ => found.push(FieldChange {
            path: path.to_owned(),
            before: Some(before.clone()).filter(|value| !value.is_null()),
            after: Some(after.clone()).filter(|value| !value.is_null()),
        }),
    }
}

/// The parts of a value by their full path, if it has parts with names.
fn named(path: &str, value: &Value) -> Option<BTreeMap<String, Value>> {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            Some(fields.iter().map(|(key, value)| (join(path, key), value.clone())).collect())
        }
        Value::Array(items) if !items.is_empty() => {
            let parts: BTreeMap<String, Value> = items
                .iter()
                .map(|item| item_name(item).map(|(name, item)| (format!("{path}[{name}]"), item)))
                .collect::<Option<_>>()?;
            // Two items of one name are told apart by their place alone.
            (parts.len() == items.len()).then_some(parts)
        }
        _ => None,
    }
}

fn join(path: &str, key: &str) -> String {
    match (path.is_empty(), key.contains(['.', '/'])) {
        (_, true) => format!("{path}[{key:?}]"),
        (true, false) => key.to_owned(),
        (false, false) => format!("{path}.{key}"),
    }
}

/// What names a list item: the merge keys of Kubernetes' own lists, and the
/// flag of a command line argument, whose value is then the item.
/// <https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy>
fn item_name(item: &Value) -> Option<(String, Value)> {
    if let Some(flag) = item.as_str() {
        let (name, value) = flag.strip_prefix("--")?.split_once('=')?;
        return Some((format!("--{name}"), json!(value)));
    }
    let key = ["mountPath", "name", "containerPort", "port", "topologyKey", "ip", "type"]
        .iter()
        .find_map(|key| item.get(key))
        .or_else(|| item.pointer("/metadata/name"))?;
    let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
    Some((name, item.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(before: Value, after: Value) -> Vec<String> {
        let show = |value: Option<Value>| value.map_or("none".to_owned(), |value| value.to_string());
        differences(&before, &after)
            .into_iter()
            .map(|change| format!("{}: {} -> {}", change.path, show(change.before), show(change.after)))
            .collect()
    }

    #[test]
    fn what_the_server_writes_by_itself_is_no_difference() {
        let before = json!({ "metadata": { "name": "a", "resourceVersion": "1", "generation": 1 }, "status": { "x": 1 } });
        let after = json!({ "metadata": { "name": "a", "resourceVersion": "2", "managedFields": [] } });
        assert_eq!(paths(before, after), Vec::<String>::new());
    }

    #[test]
    fn list_items_are_matched_by_name_and_arguments_by_flag() {
        let before = json!({ "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }], "args": ["--a=1", "--b=2"] });
        let after = json!({ "env": [{ "name": "B", "value": "3" }, { "name": "A", "value": "1" }], "args": ["--b=2", "--a=5"] });
        assert_eq!(paths(before, after), ["args[--a]: \"1\" -> \"5\"", "env[B].value: \"2\" -> \"3\""]);
    }

    #[test]
    fn two_items_of_one_name_do_not_hide_each_other() {
        let spread = |skew: u32| json!({ "spread": [{ "topologyKey": "zone", "maxSkew": 1 }, { "topologyKey": "zone", "maxSkew": skew }] });
        assert_eq!(paths(spread(1), spread(2)).len(), 1);
        assert_eq!(paths(spread(2), spread(2)).len(), 0);
        let mounts = |first: &str| json!({ "volumeMounts": [{ "name": "v", "mountPath": first }, { "name": "v", "mountPath": "/b" }] });
        assert_eq!(
            paths(mounts("/a"), mounts("/c")),
            [
                r#"volumeMounts[/a]: {"name":"v","mountPath":"/a"} -> none"#,
                r#"volumeMounts[/c]: none -> {"name":"v","mountPath":"/c"}"#
            ]
        );
        assert_eq!(broken_at(&mounts("/a"), &mounts("/c")).as_deref(), Some("volumeMounts[/a]"));
    }

    #[test]
    fn a_label_that_comes_or_goes_is_named_with_its_key() {
        let before = json!({ "metadata": { "labels": { "a.b/c": "1", "x": "y" } } });
        let after = json!({ "metadata": { "labels": { "x": "y", "team": "db" } } });
        assert_eq!(
            paths(before, after),
            ["metadata.labels.team: none -> \"db\"", "metadata.labels[\"a.b/c\"]: \"1\" -> none"]
        );
    }
}
