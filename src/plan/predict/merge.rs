//! One body laid over another, by the lists and maps of Kubernetes' own types.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy>

use serde_json::{Map, Value, json};

use crate::{field::Path, object::Kind, plan::defaults::Defaults};

/// Maps that are one value: whoever sets one of their fields sets all.
const ATOMIC: [&str; 8] = [
    "selector",
    "labelSelector",
    "namespaceSelector",
    "nodeSelector",
    "fieldRef",
    "resourceFieldRef",
    "secretKeyRef",
    "configMapKeyRef",
];

/// What the API server fills into what is one value.
const FILLED: [&str; 6] =
    ["apiVersion", "divisor", "protocol", "expirationSeconds", "status", "creationTimestamp"];

/// The fields that name an item of a list; none where the list is one value.
fn keys(kind: Kind, list: &str) -> &'static [&'static str] {
    match list {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" => &["name"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "hostAliases" => &["ip"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        "ports" if kind == Kind::Service => &["port", "protocol"],
        "ports" => &["containerPort", "protocol"],
        _ => &[],
    }
}

/// What a body is merged by.
#[derive(Clone, Copy)]
pub struct Merge {
    /// The kind of object.
    pub kind: Kind,
    /// What the API server fills in.
    pub defaults: Defaults,
}

impl Merge {
    /// What is sent over what is live.
    pub fn lay(&self, sent: &Value, live: &Value) -> Value {
        self.value("", sent, Some(live))
    }

    /// Takes out a field that nobody sets any more. What the API server fills
    /// in by itself comes back.
    pub fn take_out(&self, field: &Path, body: &mut Value) {
        let Some(pointer) = field.pointer(body) else { return };
        match self.defaults.value(self.kind, body, &pointer) {
            Some(default) => {
                body.pointer_mut(&pointer).into_iter().for_each(|value| *value = default.clone())
            }
            None => field.remove(body),
        }
    }

    /// `path` names the place as the table of defaults does.
    fn value(&self, path: &str, sent: &Value, live: Option<&Value>) -> Value {
        let name = path.rsplit('.').next().unwrap_or_default();
        match (sent, live) {
            (_, None) => self.added(path, sent),
            (Value::Object(sent), Some(Value::Object(live))) if !ATOMIC.contains(&name) => {
                self.object(path, sent, live)
            }
            (Value::Array(sent), Some(Value::Array(live))) if !keys(self.kind, name).is_empty() => {
                self.list(path, keys(self.kind, name), sent, live)
            }
            (_, Some(live)) if is_filled(sent, live) => live.clone(),
            _ => sent.clone(),
        }
    }

    fn added(&self, path: &str, sent: &Value) -> Value {
        let mut value = sent.clone();
        self.defaults.fill(self.kind, path, &mut value);
        value
    }

    fn object(&self, path: &str, sent: &Map<String, Value>, live: &Map<String, Value>) -> Value {
        let mut merged = live.clone();
        for (name, value) in sent {
            // The server leaves out what is empty.
            let is_empty = value.is_null() || *value == json!({}) || *value == json!([]);
            if is_empty && !live.contains_key(name) {
                continue;
            }
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            merged.insert(name.clone(), self.value(&path, value, live.get(name)));
        }
        Value::Object(merged)
    }

    /// In the order that is sent; items of others stay behind those that they
    /// stood behind.
    fn list(&self, path: &str, keys: &[&str], sent: &[Value], live: &[Value]) -> Value {
        let is_same =
            |one: &Value, other: &Value| keys.iter().all(|key| key_of(one, key) == key_of(other, key));
        let of_others = |live: &&Value| !sent.iter().any(|sent| is_same(sent, live));
        let path = format!("{path}[]");
        let mut merged: Vec<Value> = live.iter().take_while(of_others).cloned().collect();
        for item in sent {
            let found = live.iter().position(|live| is_same(item, live));
            merged.push(self.value(&path, item, found.map(|index| &live[index])));
            let behind = found.map_or(&[][..], |index| &live[index + 1..]);
            merged.extend(behind.iter().take_while(of_others).cloned());
        }
        Value::Array(merged)
    }
}

/// A key of a list item; the protocol is filled in by the server.
fn key_of(item: &Value, key: &str) -> Value {
    match item.get(key) {
        Some(value) => value.clone(),
        None if key == "protocol" => json!("TCP"),
        None => Value::Null,
    }
}

/// Whether what is live is what is sent, and what the server filled into it.
fn is_filled(sent: &Value, live: &Value) -> bool {
    match (sent, live) {
        (Value::Object(sent), Value::Object(live)) => {
            let filled = |name: &String| sent.contains_key(name) || FILLED.contains(&name.as_str());
            sent.iter().all(|(name, sent)| live.get(name).is_some_and(|live| is_filled(sent, live)))
                && live.keys().all(filled)
        }
        (Value::Array(sent), Value::Array(live)) => {
            sent.len() == live.len() && sent.iter().zip(live).all(|(sent, live)| is_filled(sent, live))
        }
        _ => sent == live,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay(sent: Value, live: Value) -> Value {
        Merge { kind: Kind::StatefulSet, defaults: Defaults::of(None) }.lay(&sent, &live)
    }

    #[test]
    fn what_others_added_and_what_the_server_filled_in_stays() {
        let live = json!({ "spec": { "hostNetwork": true, "containers": [
            { "name": "proxy", "image": "p" },
            { "name": "etcd", "image": "a", "args": ["--x=1"], "env": [
                { "name": "A", "value": "1" },
                { "name": "THEIRS", "value": "2" },
                { "name": "POD", "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "p" } } },
            ], "ports": [{ "name": "c", "containerPort": 1, "protocol": "TCP" }] },
        ] } });
        let sent = json!({ "spec": { "containers": [{ "name": "etcd", "image": "b", "args": ["--y=1"], "env": [
            { "name": "A", "value": "3" },
            { "name": "POD", "valueFrom": { "fieldRef": { "fieldPath": "p" } } },
        ], "ports": [{ "name": "d", "containerPort": 1 }], "tolerations": [] }] } });
        let mut after = live.clone();
        let etcd = &mut after["spec"]["containers"][1];
        etcd["image"] = json!("b");
        etcd["args"] = json!(["--y=1"]);
        etcd["env"][0]["value"] = json!("3");
        etcd["ports"][0]["name"] = json!("d");
        assert_eq!(lay(sent, live), after);
    }

    #[test]
    fn a_map_that_is_one_value_is_replaced_as_a_whole() {
        let live = json!({ "selector": { "a": "1", "b": "2" }, "labels": { "a": "1", "b": "2" } });
        let sent = json!({ "selector": { "a": "1" }, "labels": { "a": "3" } });
        let after = json!({ "selector": { "a": "1" }, "labels": { "a": "3", "b": "2" } });
        assert_eq!(lay(sent, live), after);
    }

    #[test]
    fn the_server_fills_in_what_is_new() {
        let volumes = |all: Value| json!({ "spec": { "template": { "spec": { "volumes": all } } } });
        let sent = volumes(
            json!([{ "name": "a", "secret": { "secretName": "s" } }, { "name": "b", "emptyDir": {} }]),
        );
        let filled = json!([
            { "name": "a", "secret": { "secretName": "s", "defaultMode": 420 } },
            { "name": "b", "emptyDir": {} },
        ]);
        assert_eq!(lay(sent, volumes(json!([]))), volumes(filled));
    }
}
