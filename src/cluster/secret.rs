//! What may be secret: facts go out, values stay.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use crate::{
    field::{self, OURS},
    object::{NOT_SHOWN, Object, ObjectKey},
    observed::SecretFacts,
    pki,
};

/// What a client needs to dial a member.
#[derive(Clone)]
pub struct Credentials {
    /// The authority, PEM.
    pub ca_pem: String,
    /// The client's certificate, PEM.
    pub certificate_pem: String,
    /// Its private key, PEM.
    pub key_pem: String,
}

/// Never shows the key.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// The values of a Secret's `data`, decoded.
pub fn values(body: &Value) -> BTreeMap<String, Vec<u8>> {
    let data = body.get("data").cloned().unwrap_or_default();
    let decoded: BTreeMap<String, ByteString> = serde_json::from_value(data).unwrap_or_default();
    decoded.into_iter().map(|(key, value)| (key, value.0)).collect()
}

/// Values as they stand in `data`.
pub fn encoded(values: BTreeMap<String, Vec<u8>>) -> Value {
    json!(values.into_iter().map(|(key, value)| (key, ByteString(value))).collect::<BTreeMap<_, _>>())
}

/// What is told of a Secret.
pub fn facts(body: &Value) -> SecretFacts {
    let values = values(body);
    let authority = values.get("ca.crt").map(Vec::as_slice);
    let key = values.get("tls.key").map(Vec::as_slice);
    let certificate = values
        .get("tls.crt")
        .map(|certificate| pki::facts(certificate, key, authority).map_err(|error| error.to_string()));
    let authority = authority.and_then(|pem| pki::facts(pem, None, Some(pem)).ok());
    SecretFacts {
        keys: values.keys().cloned().collect(),
        certificate,
        authority_sha256: authority.map(|facts| facts.sha256),
    }
}

/// The credentials in an operator's or user's Secret.
pub fn credentials(body: &Value) -> Option<Credentials> {
    let mut values = values(body);
    let mut text = |key: &str| String::from_utf8(values.remove(key)?).ok();
    Some(Credentials {
        ca_pem: text("ca.crt")?,
        certificate_pem: text("tls.crt")?,
        key_pem: text("tls.key")?,
    })
}

/// Puts the live values into the body of an apply: without them it would take
/// them away, because server-side apply removes what its manager leaves out.
pub fn put_back(body: &mut Value, live: &Value) {
    if let Some(data) = live.get("data") {
        body["data"] = data.clone();
    }
}

/// An object as others may see it: without the values of a Secret, and without
/// those of environment variables that the stack neither set nor sets by what
/// is `sent`.
pub fn object(key: &ObjectKey, mut body: Value, sent: &Value) -> Object {
    strip(&mut body);
    hide_environment(&mut body, sent);
    Object { key: key.clone(), body }
}

/// Takes out the values of environment variables that are not the stack's: of a
/// StatefulSet's template, or of a pod.
pub fn hide_environment(body: &mut Value, sent: &Value) {
    let owners = field::owners(body);
    let ours = owners.iter().filter(|owner| owner.manager == OURS).flat_map(field::Owner::leaves);
    let ours: BTreeSet<String> = ours.filter_map(|path| path.pointer(body)).collect();
    let lists = ["containers", "initContainers"];
    for list in lists.iter().flat_map(|list| [format!("/spec/template/spec/{list}"), format!("/spec/{list}")])
    {
        let sent = items(sent.pointer(&list));
        let containers = body.pointer_mut(&list).and_then(Value::as_array_mut);
        for (number, container) in containers.into_iter().flatten().enumerate() {
            let wanted = sent.iter().find(|one| one["name"] == container["name"]);
            let wanted = items(wanted.and_then(|one| one.get("env")));
            let variables = container.get_mut("env").and_then(Value::as_array_mut);
            for (index, variable) in variables.into_iter().flatten().enumerate() {
                let is_ours = ours.contains(&format!("{list}/{number}/env/{index}/value"))
                    || wanted.iter().any(|one| one["name"] == variable["name"]);
                if let Some(text) = variable.get_mut("value").filter(|_| !is_ours) {
                    *text = json!(NOT_SHOWN);
                }
            }
        }
    }
}

fn items(list: Option<&Value>) -> &[Value] {
    list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Takes out what may hold values: of a Secret, and the copy that kubectl
/// leaves in an annotation.
fn strip(body: &mut Value) -> Option<Value> {
    if let Some(annotations) = body.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        if annotations.is_empty()
            && let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut)
        {
            metadata.remove("annotations");
        }
    }
    if body["kind"] != "Secret" {
        return None;
    }
    let fields = body.as_object_mut()?;
    fields.remove("stringData");
    fields.remove("data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Kind;

    #[test]
    fn variables_of_others_keep_their_names_and_lose_their_values() {
        let key = ObjectKey::new(Kind::StatefulSet, "ns", "orders");
        let template =
            |containers: Value| json!({ "spec": { "template": { "spec": { "containers": containers } } } });
        let variables = json!([
            { "name": "SENT", "value": "a" },
            { "name": "OURS_BEFORE", "value": "b" },
            { "name": "TOKEN", "value": "hunter2" },
            { "name": "NODE", "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } },
        ]);
        let theirs = json!([{ "name": "PASSWORD", "value": "hunter2" }]);
        let mut live = template(json!([
            { "name": "proxy", "env": theirs },
            { "name": "etcd", "env": variables },
        ]));
        let ours = json!({ "f:spec": { "f:template": { "f:spec": { "f:containers": { "k:{\"name\":\"etcd\"}": {
            "f:env": { "k:{\"name\":\"OURS_BEFORE\"}": { ".": {}, "f:name": {}, "f:value": {} } }
        } } } } } });
        live["metadata"]["managedFields"] =
            json!([{ "manager": OURS, "operation": "Apply", "fieldsV1": ours }]);
        let sent = template(json!([{ "name": "etcd", "env": [{ "name": "SENT", "value": "c" }] }]));
        let seen = object(&key, live.clone(), &sent).body;
        assert!(!seen.to_string().contains("hunter2"), "{seen:#}");
        let value =
            |index: usize| seen.pointer(&format!("/spec/template/spec/containers/1/env/{index}/value"));
        assert_eq!(
            [value(0), value(1), value(2), value(3)],
            [Some(&json!("a")), Some(&json!("b")), Some(&json!(NOT_SHOWN)), None]
        );
        // Who asks without knowing what is wanted sees those of the stack alone.
        let seen = object(&key, live, &Value::Null).body.to_string();
        assert!(!seen.contains("hunter2") && seen.contains("\"b\""), "{seen}");
    }
}
