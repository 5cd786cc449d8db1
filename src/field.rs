//! Where a field stands in an object, and who owns it.
//!
//! The API server writes down for each manager which fields it set. A path is
//! read from there and shown as the server shows it in a conflict; nothing
//! parses what is shown, since keys with dots make it ambiguous.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>
//!
//! ```text
//! managedFields   f:spec f:containers k:{"name":"etcd"} f:image
//! shown           spec.containers[name="etcd"].image
//! ```

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};

mod owned;

pub use owned::Owned;

pub mod takeover;

/// The field manager under whose name everything is applied.
pub const OURS: &str = "etcdctl-stack";

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// A field of an object, or a key of a map.
    Field(String),
    /// The list item whose keys have these values, as JSON.
    Item(BTreeMap<String, String>),
    /// The item of a set that is this value, as JSON.
    Member(String),
    /// The item at this place.
    Place(usize),
}

/// Where a field stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Part>);

/// A manager and when it last wrote, in words:
/// `kubectl (subresource scale), 2026-11-20T18:25:21Z`.
pub fn who(manager: &str, subresource: Option<&str>, time: Option<&str>) -> String {
    let subresource = subresource.map(|name| format!(" (subresource {name})")).unwrap_or_default();
    let time = time.map(|time| format!(", {time}")).unwrap_or_default();
    format!("{manager}{subresource}{time}")
}

/// What one manager set with one kind of request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its name.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// `scale` for `kubectl scale`, `status` for controllers.
    pub subresource: Option<String>,
    /// When it last changed something, as the server writes it.
    pub time: Option<String>,
    /// The fields that it set, sorted.
    pub fields: Vec<Path>,
}

impl Owner {
    /// Who it is and when it last wrote, in words.
    pub fn in_words(&self) -> String {
        who(&self.manager, self.subresource.as_deref(), self.time.as_deref())
    }

    /// Whether it is this tool.
    pub fn is_us(&self) -> bool {
        self.manager == OURS && self.operation == "Apply"
    }

    /// The fields that it set whole: those below which it set no other. The
    /// rest only says that it made the object or the list item.
    pub fn leaves(&self) -> impl Iterator<Item = &Path> {
        // Sorted, a field stands right before what is below it.
        let next = self.fields.iter().skip(1).map(Some).chain([None]);
        let pairs = self.fields.iter().zip(next);
        pairs.filter(|(path, next)| next.is_none_or(|next| !next.is_within(path))).map(|(path, _)| path)
    }
}

/// Who owns which fields of an object.
pub fn owners(body: &Value) -> Vec<Owner> {
    let entries = body.pointer("/metadata/managedFields").and_then(Value::as_array);
    let text = |entry: &Value, field: &str| {
        entry.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let owner = |entry: &Value| Owner {
        manager: text(entry, "manager").unwrap_or_default(),
        operation: text(entry, "operation").unwrap_or_default(),
        subresource: text(entry, "subresource"),
        time: text(entry, "time"),
        fields: entry.get("fieldsV1").map(fields).unwrap_or_default(),
    };
    entries.into_iter().flatten().map(owner).collect()
}

/// Every field of one manager: leaves, and list items that it added.
fn fields(set: &Value) -> Vec<Path> {
    let mut found = Vec::new();
    collect(set, &Path::default(), &mut found);
    found.sort();
    found
}

fn collect(set: &Value, at: &Path, found: &mut Vec<Path>) {
    let Some(children) = set.as_object() else { return };
    if (children.is_empty() || children.contains_key(".")) && !at.0.is_empty() {
        found.push(at.clone());
    }
    for (key, below) in children {
        if let Some(part) = part(key) {
            collect(below, &at.child(part), found);
        }
    }
}

/// A key of `fieldsV1`.
/// (`fieldpath/serialize-pe.go` of `sigs.k8s.io/structured-merge-diff`)
fn part(key: &str) -> Option<Part> {
    let (kind, rest) = key.split_once(':')?;
    match kind {
        "f" => Some(Part::Field(rest.to_owned())),
        "k" => {
            let keys: Map<String, Value> = serde_json::from_str(rest).ok()?;
            Some(Part::Item(keys.iter().map(|(key, value)| (key.clone(), value.to_string())).collect()))
        }
        "v" => Some(Part::Member(rest.to_owned())),
        "i" => rest.parse().ok().map(Part::Place),
        _ => None,
    }
}

impl Path {
    /// A field of fields, such as `spec.replicas`.
    pub fn of(fields: &[&str]) -> Path {
        Path(fields.iter().map(|field| Part::Field((*field).to_owned())).collect())
    }

    fn child(&self, part: Part) -> Path {
        Path(self.0.iter().cloned().chain([part]).collect())
    }

    /// Whether the field is this one or stands below it.
    pub fn is_within(&self, other: &Path) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Whether this is the field that somebody wrote, as it is shown, with or
    /// without the first dot.
    pub fn is_shown_as(&self, text: &str) -> bool {
        self.to_string() == text.strip_prefix('.').unwrap_or(text)
    }

    /// What it is a part of, from the outside in, and itself.
    pub fn prefixes(&self) -> impl Iterator<Item = Path> {
        (1..=self.0.len()).map(|length| Path(self.0[..length].to_vec()))
    }

    /// Its parts as words to be matched: a list item is its key in brackets,
    /// such as `[etcd]`.
    pub fn words(&self) -> Vec<String> {
        let bare = |value: &String| serde_json::from_str(value).unwrap_or_else(|_| value.clone());
        let word = |part: &Part| match part {
            Part::Field(name) => name.clone(),
            Part::Item(keys) => {
                let keys: Vec<String> = keys
                    .get("name")
                    .map_or_else(|| keys.values().map(bare).collect(), |name| vec![bare(name)]);
                format!("[{}]", keys.join(","))
            }
            Part::Member(value) => format!("[{}]", bare(value)),
            Part::Place(index) => format!("[{index}]"),
        };
        self.0.iter().map(word).collect()
    }

    /// Its parts as values for programs: a list item is an object of the keys
    /// that name it.
    pub fn keys(&self) -> Vec<Value> {
        let parsed =
            |text: &String| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
        let key = |part: &Part| match part {
            Part::Field(name) => Value::from(name.as_str()),
            Part::Item(keys) => keys.iter().map(|(key, value)| (key.clone(), parsed(value))).collect(),
            Part::Member(value) => [("value".to_owned(), parsed(value))].into_iter().collect(),
            Part::Place(index) => Value::from(*index),
        };
        self.0.iter().map(key).collect()
    }

    /// Its value in an object.
    pub fn get<'a>(&self, body: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(body, |value, part| part.of(value))
    }

    /// Where it is in an object, as JSON Patch names it: list items by their
    /// place. `None` where it is not there.
    /// <https://www.rfc-editor.org/rfc/rfc6901>
    pub fn pointer(&self, body: &Value) -> Option<String> {
        let mut value = body;
        let mut pointer = String::new();
        for part in &self.0 {
            let token = match part {
                Part::Field(name) => name.replace('~', "~0").replace('/', "~1"),
                Part::Place(index) => index.to_string(),
                _ => value.as_array()?.iter().position(|item| part.is_of(item))?.to_string(),
            };
            value = part.of(value)?;
            pointer = format!("{pointer}/{token}");
        }
        Some(pointer)
    }

    /// Takes it out of an object, and what is empty then.
    pub fn remove(&self, body: &mut Value) {
        let Some((first, rest)) = self.0.split_first() else { return };
        let rest = Path(rest.to_vec());
        let position = |items: &[Value]| match first {
            Part::Place(index) => Some(*index).filter(|index| *index < items.len()),
            _ => items.iter().position(|item| first.is_of(item)),
        };
        let child = match body {
            Value::Object(fields) => match first {
                Part::Field(name) => fields.get_mut(name),
                _ => None,
            },
            Value::Array(items) => position(items).and_then(|index| items.get_mut(index)),
            _ => None,
        };
        let Some(child) = child else { return };
        if !rest.0.is_empty() {
            rest.remove(child);
            let keys = match first {
                Part::Item(keys) => keys.len(),
                _ => 0,
            };
            let empty = child.as_object().is_some_and(|fields| fields.len() == keys)
                || child.as_array().is_some_and(Vec::is_empty);
            if !empty {
                return;
            }
        }
        match (body, first) {
            (Value::Object(fields), Part::Field(name)) => drop(fields.remove(name)),
            (Value::Array(items), _) => {
                if let Some(index) = position(items) {
                    items.remove(index);
                }
            }
            _ => {}
        }
    }
}

impl Part {
    /// What stands there in a value.
    fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match self {
            Part::Field(name) => value.get(name),
            Part::Item(_) | Part::Member(_) => value.as_array()?.iter().find(|item| self.is_of(item)),
            Part::Place(index) => value.get(index),
        }
    }

    /// Whether a list item is the one that this names.
    fn is_of(&self, item: &Value) -> bool {
        match self {
            Part::Item(keys) => keys.iter().all(|(key, value)| match item.get(key) {
                Some(has) => is_written(has, value),
                // The one key that the server fills in by itself.
                None => key == "protocol" && value == "\"TCP\"",
            }),
            Part::Member(value) => is_written(item, value),
            Part::Field(_) | Part::Place(_) => false,
        }
    }
}

fn is_written(value: &Value, json: &str) -> bool {
    let written = value.to_string();
    written == json
}

/// As the server shows it in a conflict, without the first dot.
/// (`fieldpath/element.go` of `sigs.k8s.io/structured-merge-diff`)
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            match part {
                Part::Field(name) if index == 0 => f.write_str(name)?,
                Part::Field(name) => write!(f, ".{name}")?,
                Part::Item(keys) => {
                    let keys: Vec<String> =
                        keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                    write!(f, "[{}]", keys.join(","))?;
                }
                Part::Member(value) => write!(f, "[={value}]")?,
                Part::Place(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn edited() -> Value {
        json!({
            "metadata": { "managedFields": [
                { "manager": "etcdctl-stack", "operation": "Apply", "fieldsV1": {
                    "f:spec": { "f:replicas": {} },
                } },
                { "manager": "kubectl-edit", "operation": "Update", "time": "2026-11-20T18:25:21Z", "fieldsV1": {
                    "f:metadata": { "f:annotations": { ".": {}, "f:a.b/c": {} }, "f:finalizers": { "v:\"x\"": {} } },
                    "f:spec": { "f:containers": { "k:{\"name\":\"etcd\"}": {
                        "f:env": { "k:{\"name\":\"ETCD_DEBUG\"}": { ".": {}, "f:name": {}, "f:value": {} } },
                        "f:ports": { "k:{\"containerPort\":2379,\"protocol\":\"TCP\"}": { "f:name": {} } },
                    } } },
                } },
            ] },
            "spec": { "replicas": 3, "containers": [{
                "name": "etcd", "image": "i",
                "env": [{ "name": "A", "value": "1" }, { "name": "ETCD_DEBUG", "value": "2" }],
                "ports": [{ "containerPort": 2379, "name": "client" }],
            }] },
        })
    }

    fn shown(owner: &Owner) -> Vec<String> {
        owner.fields.iter().map(Path::to_string).collect()
    }

    #[test]
    fn fields_are_shown_as_the_server_shows_them() {
        let owners = owners(&edited());
        assert!(owners[0].is_us() && !owners[1].is_us());
        assert_eq!(shown(&owners[0]), ["spec.replicas"]);
        assert_eq!(
            shown(&owners[1]),
            [
                "metadata.annotations",
                "metadata.annotations.a.b/c",
                "metadata.finalizers[=\"x\"]",
                "spec.containers[name=\"etcd\"].env[name=\"ETCD_DEBUG\"]",
                "spec.containers[name=\"etcd\"].env[name=\"ETCD_DEBUG\"].name",
                "spec.containers[name=\"etcd\"].env[name=\"ETCD_DEBUG\"].value",
                "spec.containers[name=\"etcd\"].ports[containerPort=2379,protocol=\"TCP\"].name",
            ]
        );
    }

    #[test]
    fn a_field_is_found_and_taken_out_with_what_is_empty_then() {
        let body = edited();
        let owner = &owners(&body)[1];
        let named = |text: &str| owner.fields.iter().find(|path| path.is_shown_as(text)).unwrap();
        let value = named(".spec.containers[name=\"etcd\"].env[name=\"ETCD_DEBUG\"].value");
        assert_eq!(value.get(&body), Some(&json!("2")));
        let port = named("spec.containers[name=\"etcd\"].ports[containerPort=2379,protocol=\"TCP\"].name");
        assert_eq!(port.get(&body), Some(&json!("client")));
        let mut left = body.clone();
        value.remove(&mut left);
        let env = &left["spec"]["containers"][0]["env"];
        assert_eq!(env, &json!([{ "name": "A", "value": "1" }]));
        Path::of(&["spec", "replicas"]).remove(&mut left);
        assert_eq!(left.pointer("/spec/replicas"), None);
    }

    #[test]
    fn a_field_is_pointed_at_where_it_stands() {
        let mut body = edited();
        body["metadata"]["annotations"] = json!({ "a.b/c": "~" });
        let owner = &owners(&body)[1];
        let pointers: Vec<Option<String>> = owner.leaves().map(|path| path.pointer(&body)).collect();
        let expected = [
            Some("/metadata/annotations/a.b~1c"),
            None,
            Some("/spec/containers/0/env/1/name"),
            Some("/spec/containers/0/env/1/value"),
            Some("/spec/containers/0/ports/0/name"),
        ];
        assert_eq!(pointers, expected.map(|pointer| pointer.map(str::to_owned)));
    }

    #[test]
    fn an_owner_of_a_part_is_within_the_whole() {
        let whole = Path::of(&["spec"]);
        assert!(
            Path::of(&["spec", "replicas"]).is_within(&whole)
                && !whole.is_within(&Path::of(&["spec", "replicas"]))
        );
    }
}
