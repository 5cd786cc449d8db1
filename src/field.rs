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

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::object::{Kind, ObjectKey};

/// The field manager under whose name everything is applied.
pub const OURS: &str = "etcdctl-stack";

/// A field of one object and a manager that owns it, as a person names them:
/// `StatefulSet/orders:spec.replicas@kubectl`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owned {
    /// The object's kind.
    pub kind: Kind,
    /// Its name, in the stack's namespace.
    pub name: String,
    /// The field, as the plan shows it.
    pub field: String,
    /// The manager.
    pub manager: String,
}

impl Owned {
    /// A field of an object that is written as `KIND/NAME`, with or without the
    /// namespace before the name.
    ///
    /// # Errors
    /// What is wrong with the object, in words.
    pub fn of(object: &str, field: &str, manager: &str) -> Result<Self, String> {
        let (kind, name) =
            object.split_once('/').ok_or("write it as `KIND/NAME`, such as `StatefulSet/orders`")?;
        let kind = kind.parse().map_err(|()| format!("`{kind}` is not a kind of object that a stack has"))?;
        // The plan shows objects with their namespace.
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name).to_owned();
        let field = field.trim_start_matches('.').to_owned();
        Ok(Owned { kind, name, field, manager: manager.to_owned() })
    }

    /// Why the tool cannot leave it to anybody, where it cannot.
    pub fn needed(&self) -> Option<&'static str> {
        let within = |field: &str| self.field == field || self.field.starts_with(&format!("{field}."));
        match self.kind {
            Kind::StatefulSet if within("spec.replicas") => Some("it must follow etcd's member list"),
            Kind::StatefulSet if within("spec.updateStrategy") => Some("restarts go one by one"),
            Kind::StatefulSet if within("spec.selector") => Some("it says which pods are members"),
            Kind::ConfigMap if within("data") => Some("it says who may start without data"),
            Kind::Secret if within("data") => Some("members and clients know each other by it"),
            _ if within("metadata.labels.etcdctl-stack/stack") => Some("it says whose the object is"),
            _ => None,
        }
    }

    /// Whether it is about this object.
    pub fn is_of(&self, key: &ObjectKey) -> bool {
        self.kind == key.kind && self.name == key.name
    }
}

impl FromStr for Owned {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let parts = typed.split_once(':').and_then(|(object, rest)| {
            // Managers have no `@`; keys of annotations may.
            let (field, manager) = rest.rsplit_once('@')?;
            Some([object, field, manager])
        });
        match parts {
            Some(parts @ [object, field, manager])
                if parts.iter().all(|part| !part.is_empty()) && object.contains('/') =>
            {
                Owned::of(object, field, manager)
            }
            _ => Err("write it as `KIND/NAME:FIELD@MANAGER`; the plan says which".to_owned()),
        }
    }
}

impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Owned { kind, name, field, manager } = self;
        write!(f, "{kind}/{name}:{field}@{manager}")
    }
}

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
    /// Whether it is this tool.
    pub fn is_us(&self) -> bool {
        self.manager == OURS && self.operation == "Apply"
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

    /// Its value in an object.
    pub fn get<'a>(&self, body: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(body, |value, part| match part {
            Part::Field(name) => value.get(name),
            Part::Item(_) | Part::Member(_) => value.as_array()?.iter().find(|item| part.is_of(item)),
            Part::Place(index) => value.get(index),
        })
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
    fn a_field_and_its_manager_are_read_as_the_plan_shows_them() {
        let read = |typed: &str| typed.parse::<Owned>().map(|one| one.to_string());
        let shown = "StatefulSet/orders:spec.template.spec.containers[name=\"etcd\"].image@kubectl-edit";
        assert_eq!(read(shown), Ok(shown.to_owned()));
        let replicas = Ok("StatefulSet/orders:spec.replicas@kubectl".to_owned());
        assert_eq!(read("statefulset/etcd-orders/orders:.spec.replicas@kubectl"), replicas);
        let mail = "Service/orders:metadata.annotations.me@example.com@helm";
        assert_eq!(mail.parse::<Owned>().unwrap().manager, "helm");
        for no_field in ["spec.replicas", "StatefulSet/orders", "StatefulSet/orders:spec.replicas@", ""] {
            let refused = no_field.parse::<Owned>().unwrap_err();
            assert!(refused.contains("KIND/NAME:FIELD@MANAGER"), "{refused}");
        }
        assert!("Deployment/orders:spec@a".parse::<Owned>().unwrap_err().contains("Deployment"));
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
