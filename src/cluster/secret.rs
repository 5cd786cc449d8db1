//! Secrets: facts go out, values stay.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use crate::{observed::SecretFacts, pki};

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

/// Takes out what may hold values: of a Secret, and the copy that kubectl
/// leaves in an annotation.
pub fn strip(body: &mut Value) -> Option<Value> {
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
