//! A live object against the server's answer, field by field.
//!
//! Both sides come from the API server, so defaults and spelling are the same
//! on both and what is left is a difference. List items are matched by the key
//! that names them, command line arguments by their flag.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

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

/// A field that differs, and where it stands on either side, as a JSON pointer.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where, with list items named by their key.
    pub path: String,
    /// The value now, with its place.
    pub before: Option<Part>,
    /// The value after, with its place.
    pub after: Option<Part>,
}

/// A part of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its place in the object. That of a command line argument is its own,
    /// and the value is that of its flag.
    pub pointer: String,
    /// Its value.
    pub value: Value,
}

/// Every field that differs, sorted by path.
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let whole = |body: &Value| Part { pointer: String::new(), value: stable(body) };
    let mut found = Vec::new();
    compare("", Some(whole(before)), Some(whole(after)), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Whether two pointers are the same, or one is of a part of the other.
pub fn is_around(one: &str, other: &str) -> bool {
    let is_below = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
    one == other || is_below(one, other) || is_below(other, one)
}

/// The value at a path of [`differences`].
pub fn value_at(body: &Value, path: &str) -> Option<Value> {
    let mut part = Part { pointer: String::new(), value: body.clone() };
    let mut at = String::new();
    while at != path {
        let below = |name: &String| path.strip_prefix(name.as_str()).is_some_and(is_below);
        (at, part) = named(&at, &part)?.into_iter().find(|(name, _)| below(name))?;
    }
    Some(part.value)
}

/// A path of [`differences`] as the keys that lead there, one by one; `None`
/// where a body has no such place. A list item is an object with what names it,
/// which stays true when the order changes.
pub fn keys(body: &Value, path: &str) -> Option<Vec<Value>> {
    let mut part = Part { pointer: String::new(), value: body.clone() };
    let (mut at, mut keys) = (String::new(), Vec::new());
    while at != path {
        let below = |name: &String| path.strip_prefix(name.as_str()).is_some_and(is_below);
        let (name, inner) = named(&at, &part)?.into_iter().find(|(name, _)| below(name))?;
        let last = inner.pointer.rsplit('/').next()?.replace("~1", "/").replace("~0", "~");
        keys.push(match &part.value {
            Value::Array(items) => item_keys(items.get(last.parse::<usize>().ok()?)?)?,
            _ => json!(last),
        });
        (at, part) = (name, inner);
    }
    Some(keys)
}

/// Whether a rest of a path begins where a name ends.
fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['.', '['])
}

/// The first field of `owned` that `stored` does not have with the same value;
/// `None` when every owned field is equal. What the server adds is no matter.
pub fn broken_at(owned: &Value, stored: &Value) -> Option<String> {
    missing("", &stable(owned), stored)
}

/// Whether all of a part that was sent is in what is stored.
pub fn is_kept(sent: &Value, stored: &Value) -> bool {
    missing("", sent, stored).is_none()
}

fn missing(path: &str, owned: &Value, stored: &Value) -> Option<String> {
    if owned == stored {
        return None;
    }
    let part = |value: &Value| Part { pointer: String::new(), value: value.clone() };
    match (named(path, &part(owned)), named(path, &part(stored))) {
        (Some(owned), Some(stored)) => owned.iter().find_map(|(name, part)| {
            missing(name, &part.value, stored.get(name).map_or(&Value::Null, |stored| &stored.value))
        }),
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

fn compare(path: &str, before: Option<Part>, after: Option<Part>, found: &mut Vec<Difference>) {
    let is_there = |part: &Part| !part.value.is_null();
    let (before, after) = (before.filter(is_there), after.filter(is_there));
    if before.as_ref().map(|part| &part.value) == after.as_ref().map(|part| &part.value) {
        return;
    }
    let parts = |part: &Option<Part>| named(path, part.as_ref()?);
    match (parts(&before), parts(&after)) {
        (Some(mut before), Some(mut after)) => {
            let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
            for name in names {
                compare(&name, before.remove(&name), after.remove(&name), found);
            }
        }
        _ => found.push(Difference { path: path.to_owned(), before, after }),
    }
}

/// The parts of a value by their full path, if it has parts with names.
fn named(path: &str, whole: &Part) -> Option<BTreeMap<String, Part>> {
    let pointer = |token: &str| format!("{}/{token}", whole.pointer);
    match &whole.value {
        Value::Object(fields) if !fields.is_empty() => {
            let part = |(key, value): (&String, &Value)| {
                let pointer = pointer(&key.replace('~', "~0").replace('/', "~1"));
                (join(path, key), Part { pointer, value: value.clone() })
            };
            Some(fields.iter().map(part).collect())
        }
        Value::Array(items) if !items.is_empty() => {
            let part = |(index, item): (usize, &Value)| {
                let (name, value) = item_name(item)?;
                Some((format!("{path}[{name}]"), Part { pointer: pointer(&index.to_string()), value }))
            };
            let parts: BTreeMap<String, Part> = items.iter().enumerate().map(part).collect::<Option<_>>()?;
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
    let key = KEYS.iter().find_map(|key| item.get(key)).or_else(|| item.pointer("/metadata/name"))?;
    let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
    Some((name, item.clone()))
}

/// What names items of Kubernetes' own lists, the most telling first.
const KEYS: [&str; 7] = ["mountPath", "name", "containerPort", "port", "topologyKey", "ip", "type"];

/// What names a list item, as an object that it matches.
fn item_keys(item: &Value) -> Option<Value> {
    if item.is_string() {
        return Some(json!({ "flag": item_name(item)?.0 }));
    }
    let own = KEYS.iter().find_map(|key| Some(json!({ *key: item.get(key)? })));
    own.or_else(|| Some(json!({ "metadata": { "name": item.pointer("/metadata/name")? } })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(before: Value, after: Value) -> Vec<String> {
        let show = |part: Option<Part>| part.map_or("none".to_owned(), |part| part.value.to_string());
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
    #[test]
    fn a_value_is_found_by_its_path_and_a_part_knows_its_place() {
        let body = json!({ "spec": { "list": [{ "name": "a" }, { "name": "b", "args": ["--x=1", "--y=2"] }] },
            "metadata": { "labels": { "a.b/c": "1" } } });
        for (path, value) in [
            ("spec.list[b].args[--y]", json!("2")),
            ("metadata.labels[\"a.b/c\"]", json!("1")),
            ("spec.list[a]", json!({ "name": "a" })),
        ] {
            assert_eq!(value_at(&body, path), Some(value), "{path}");
        }
        assert_eq!(value_at(&body, "spec.list[c].args"), None);
        for (path, expected) in [
            ("spec.list[b].args[--y]", json!(["spec", "list", { "name": "b" }, "args", { "flag": "--y" }])),
            ("metadata.labels[\"a.b/c\"]", json!(["metadata", "labels", "a.b/c"])),
        ] {
            assert_eq!(keys(&body, path).map(Value::from), Some(expected), "{path}");
        }
        assert_eq!(keys(&body, "spec.list[c].args"), None);
        let claims = json!({ "claims": [{ "metadata": { "name": "data" }, "size": 1 }] });
        assert_eq!(
            keys(&claims, "claims[data].size").map(Value::from),
            Some(json!(["claims", { "metadata": { "name": "data" } }, "size"]))
        );
        let mut other = body.clone();
        other["spec"]["list"][1]["args"] = json!(["--y=3", "--x=1"]);
        let found = differences(&body, &other).remove(0);
        let places = [found.before, found.after].map(|part| part.map(|part| part.pointer));
        assert_eq!(places, ["/spec/list/1/args/1", "/spec/list/1/args/0"].map(|at| Some(at.to_owned())));
    }
}
