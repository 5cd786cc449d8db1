//! Fields that the API server keeps as they were when the object was made, and
//! what there is to do instead.
//!
//! The server does not say which field it refuses: it names all of `spec`, and
//! a Service that was made headless stays so without a word. So each is
//! compared here, before anybody is asked.
//!
//! ```text
//! StatefulSet  spec.volumeClaimTemplates, spec.podManagementPolicy   made anew around its pods
//!              spec.serviceName, spec.selector                       refused
//! Service      spec.clusterIP, between `None` and an address         deleted and created
//! Secret       type                                                  deleted and issued anew
//! ```
//!
//! <https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#limitations>

use serde_json::{Value, json};

use super::{
    Blocked, Fact,
    change::{self, Difference, Part},
};
use crate::{
    object::{Kind, Object, ObjectKey},
    quantity::Quantity,
};

/// What there is to do instead of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// The StatefulSet is deleted and its pods stay; it is created again and
    /// takes them over.
    AroundPods,
    /// The object is deleted and created again.
    Anew,
    /// Nothing: why not.
    Refuse(&'static str),
}

/// A field that differs and can never change.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Where it is.
    pub path: String,
    /// The value now.
    pub before: Option<Value>,
    /// The wanted one.
    pub after: Option<Value>,
    /// What there is to do instead.
    pub way: WayOut,
}

/// The fields of a StatefulSet that never change.
const OF_A_STATEFUL_SET: [(&str, WayOut); 4] = [
    ("volumeClaimTemplates", WayOut::AroundPods),
    ("podManagementPolicy", WayOut::AroundPods),
    (
        "serviceName",
        WayOut::Refuse("its pods would keep the addresses by which etcd knows them, and new ones get others"),
    ),
    ("selector", WayOut::Refuse("its pods do not match another one, and would belong to nobody")),
];

/// Every field of an object that differs from the wanted one and never
/// changes.
pub fn kept(wanted: &Object, live: &Object) -> Vec<Kept> {
    match wanted.key.kind {
        Kind::StatefulSet => {
            OF_A_STATEFUL_SET.iter().flat_map(|row| of_a_stateful_set(wanted, live, *row)).collect()
        }
        Kind::Service => headless(wanted, live).into_iter().collect(),
        Kind::Secret => {
            differing("type", wanted.body.get("type"), live.body.get("type")).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a field of an object can never change, so that it is made anew.
pub fn never_changes(kind: Kind, path: &str) -> bool {
    let is_in = |field: &str| {
        path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    match kind {
        Kind::StatefulSet => OF_A_STATEFUL_SET.iter().any(|(field, _)| is_in(&format!("spec.{field}"))),
        Kind::Service => is_in("spec.clusterIP"),
        Kind::Secret => is_in("type"),
        _ => false,
    }
}

fn of_a_stateful_set(wanted: &Object, live: &Object, (field, way): (&str, WayOut)) -> Vec<Kept> {
    let part =
        |object: &Object| plain(object.body.pointer(&format!("/spec/{field}")).cloned().unwrap_or_default());
    let (before, after) = (part(live), part(wanted));
    let way = if same_names(field, &before, &after) { way } else { OTHER_CLAIMS };
    let place = |value: Value| json!({ "spec": { field: value } });
    let same_claims = way == WayOut::AroundPods;
    change::differences(&place(before), &place(after))
        .into_iter()
        .filter(|one| one.after.is_some() || !same_claims || one.path.ends_with(CLASS))
        .map(|Difference { path, before, after }| {
            let value = |part: Option<Part>| part.map(|part| part.value);
            Kept { path, before: value(before), after: value(after), way }
        })
        .collect()
}

/// The one field of a claim template that a stack file may leave out. What else
/// is there beside the wanted ones was added by admission, and would be again.
const CLASS: &str = ".spec.storageClassName";

/// Pods are looked for under the claims of the template, by its name.
const OTHER_CLAIMS: WayOut =
    WayOut::Refuse("its pods use the claims of these names, and would not be taken over with others");

fn same_names(field: &str, before: &Value, after: &Value) -> bool {
    let names = |value: &Value| -> Vec<Value> {
        value.as_array().into_iter().flatten().map(|claim| claim["metadata"]["name"].clone()).collect()
    };
    field != "volumeClaimTemplates" || names(before) == names(after)
}

/// Claim templates without what the server fills in, and each size in its one
/// spelling.
fn plain(value: Value) -> Value {
    let mut value = bare(value);
    for claim in value.as_array_mut().into_iter().flatten() {
        if let Some(size) = claim.pointer_mut("/spec/resources/requests/storage")
            && let Some(parsed) = size.as_str().and_then(|text| text.parse::<Quantity>().ok())
        {
            *size = json!(parsed.to_string());
        }
    }
    value
}

/// Claim templates without what the server fills in.
fn bare(mut value: Value) -> Value {
    for claim in value.as_array_mut().into_iter().flatten() {
        if let Some(fields) = claim.as_object_mut() {
            fields.remove("status");
        }
        if let Some(metadata) = claim.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("creationTimestamp");
        }
    }
    value
}

/// Leaving `clusterIP` out of an apply changes nothing, so a Service that was
/// made headless by hand looks as wanted to the server.
fn headless(wanted: &Object, live: &Object) -> Option<Kept> {
    let address = |object: &Object| object.body.pointer("/spec/clusterIP").cloned();
    let is_headless = |object: &Object| address(object) == Some(json!("None"));
    let is_elsewhere = live.body.pointer("/spec/type") == Some(&json!("ExternalName"));
    (is_headless(wanted) != is_headless(live) && !is_elsewhere).then(|| Kept {
        path: "spec.clusterIP".to_owned(),
        before: address(live),
        after: address(wanted),
        way: WayOut::Anew,
    })
}

fn differing(path: &str, wanted: Option<&Value>, live: Option<&Value>) -> Option<Kept> {
    let (Some(wanted), Some(live)) = (wanted, live) else { return None };
    (wanted != live).then(|| Kept {
        path: path.to_owned(),
        before: Some(live.clone()),
        after: Some(wanted.clone()),
        way: WayOut::Anew,
    })
}

/// A Secret whose values never change: `immutable` itself neither.
/// <https://kubernetes.io/docs/concepts/configuration/secret/#secret-immutable>
pub fn frozen(live: &Object) -> Option<Kept> {
    let frozen = live.body.get("immutable").filter(|frozen| **frozen == json!(true))?;
    let before = Some(frozen.clone());
    Some(Kept { path: "immutable".to_owned(), before, after: None, way: WayOut::Anew })
}

/// The object with the fields that never change as they are live: what the API
/// server can be asked about. Another spelling of the same is a change to it.
pub fn with_kept(object: &Object, live: &Object) -> Object {
    let mut asked = object.clone();
    if object.key.kind != Kind::StatefulSet {
        return asked;
    }
    for (field, _) in OF_A_STATEFUL_SET {
        let part = |object: &Object| object.body.pointer(&format!("/spec/{field}")).cloned();
        if let Some(value) = part(live).filter(|value| Some(bare(value.clone())) != part(object).map(bare)) {
            asked.body["spec"][field] = value;
        }
    }
    asked
}

/// The object that would be stored, with the fields that never change as they
/// are wanted, and what admission adds to them.
pub fn without_kept(stored: &Value, wanted: &Object) -> Value {
    let mut after = stored.clone();
    for (field, _) in OF_A_STATEFUL_SET {
        let Some(value) = wanted.body.pointer(&format!("/spec/{field}")) else { continue };
        match (after["spec"][field].as_array_mut(), value.as_array()) {
            (Some(stored), Some(wanted)) if stored.len() == wanted.len() => {
                stored.iter_mut().zip(wanted).for_each(|(stored, wanted)| claim_as_wanted(stored, wanted));
            }
            _ => after["spec"][field] = value.clone(),
        }
    }
    after
}

fn claim_as_wanted(stored: &mut Value, wanted: &Value) {
    if wanted.pointer("/spec/storageClassName").is_none()
        && let Some(spec) = stored.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.remove("storageClassName");
    }
    lay_over(stored, wanted);
}

fn lay_over(stored: &mut Value, wanted: &Value) {
    match (stored, wanted) {
        (Value::Object(stored), Value::Object(wanted)) => {
            for (field, wanted) in wanted {
                lay_over(stored.entry(field.clone()).or_insert(Value::Null), wanted);
            }
        }
        (stored, wanted) => *stored = wanted.clone(),
    }
}

/// Why an object cannot be as wanted, for the first field that forbids it.
pub fn refused(key: &ObjectKey, kept: &[Kept]) -> Option<Blocked> {
    let (one, why) = kept.iter().find_map(|one| match one.way {
        WayOut::Refuse(why) => Some((one, why)),
        WayOut::AroundPods | WayOut::Anew => None,
    })?;
    let Kept { path, before, after, way: _ } = one;
    let fact = |label: &str, value: &Option<Value>| {
        let text = value.as_ref().map_or_else(|| "none".to_owned(), in_words);
        Fact { label: label.to_owned(), text }
    };
    Some(Blocked {
        facts: vec![fact("you want", after), fact("now", before)],
        ..Blocked::new(
            "plan::immutable",
            format!("`{path}` of `{key}` would change, and it never can: {why}"),
            "put back what the stack had, or make another stack and move the data",
        )
    })
}

fn in_words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What changes, for the title of a step: `storage size 8Gi -> 16Gi`.
pub fn briefly(kept: &[Kept]) -> String {
    let text = |value: &Option<Value>| value.as_ref().map_or_else(|| "none".to_owned(), in_words);
    let one = |one: &Kept| {
        let name = named(&one.path);
        let simple = |value: &Option<Value>| {
            value.as_ref().is_none_or(|value| !value.is_object() && !value.is_array())
        };
        match simple(&one.before) && simple(&one.after) {
            true => format!("{name} {} -> {}", text(&one.before), text(&one.after)),
            false => name,
        }
    };
    kept.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn named(path: &str) -> String {
    let claim = path.strip_prefix("spec.volumeClaimTemplates[data].");
    match claim {
        Some("spec.resources.requests.storage") => "storage size".to_owned(),
        Some("spec.storageClassName") => "storage class".to_owned(),
        Some(rest) => format!("{rest} of claims"),
        None => path.trim_start_matches("spec.").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: Kind, body: Value) -> Object {
        Object { key: ObjectKey::new(kind, "ns", "orders"), body }
    }

    fn stateful_set(size: &str, more: Value) -> Object {
        let mut claim = json!({ "metadata": { "name": "data" }, "spec": { "resources": { "requests": { "storage": size } } } });
        claim["status"] = more["status"].clone();
        let mut spec = json!({ "serviceName": "orders-peer", "podManagementPolicy": "Parallel", "volumeClaimTemplates": [claim] });
        if let (Some(spec), Some(more)) = (spec.as_object_mut(), more["spec"].as_object()) {
            spec.extend(more.clone());
        }
        object(Kind::StatefulSet, json!({ "spec": spec }))
    }

    #[test]
    fn a_claim_template_differs_by_value_and_not_by_what_the_server_adds() {
        let live = stateful_set("8192Mi", json!({ "status": { "phase": "Pending" } }));
        let same = stateful_set("8Gi", json!({}));
        assert_eq!(kept(&same, &live), Vec::new());
        // To the server another spelling is a change.
        let sent = &with_kept(&same, &live).body["spec"]["volumeClaimTemplates"];
        assert_eq!(*sent, live.body["spec"]["volumeClaimTemplates"]);
        assert_eq!(with_kept(&same, &stateful_set("8Gi", json!({ "status": { "phase": "Pending" } }))), same);
        let grown = stateful_set("16Gi", json!({}));
        let found = kept(&grown, &live);
        assert_eq!(briefly(&found), "storage size 8Gi -> 16Gi");
        assert_eq!(found[0].way, WayOut::AroundPods);
        assert_eq!(
            with_kept(&grown, &live).body["spec"]["volumeClaimTemplates"],
            live.body["spec"]["volumeClaimTemplates"]
        );
    }

    #[test]
    fn a_class_that_the_file_no_longer_names_differs_too() {
        let wanted = stateful_set("8Gi", json!({}));
        let mut live = wanted.clone();
        live.body["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] = json!("fast");
        assert_eq!(briefly(&kept(&wanted, &live)), "storage class fast -> none");
    }

    #[test]
    fn what_pods_are_found_by_is_refused_with_the_reason() {
        let wanted = stateful_set("8Gi", json!({}));
        let live = stateful_set("8Gi", json!({ "spec": { "serviceName": "other" } }));
        let blocked = refused(&wanted.key, &kept(&wanted, &live)).unwrap();
        assert!(
            blocked.reason.starts_with("`spec.serviceName` of `StatefulSet/ns/orders` would change"),
            "{blocked:?}"
        );
        assert_eq!(blocked.facts[1].text, "other");
        let mut named = wanted.clone();
        named.body["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] = json!("wal");
        assert!(refused(&wanted.key, &kept(&wanted, &named)).is_some());
    }

    #[test]
    fn a_service_is_headless_or_not_for_ever() {
        let service = |spec: Value| object(Kind::Service, json!({ "spec": spec }));
        let (headless, plain) =
            (service(json!({ "clusterIP": "None" })), service(json!({ "clusterIP": "10.0.0.1" })));
        let wanted = service(json!({ "type": "ClusterIP" }));
        assert_eq!(kept(&wanted, &plain), Vec::new());
        assert_eq!(briefly(&kept(&wanted, &headless)), "clusterIP None -> none");
        assert_eq!(briefly(&kept(&headless, &plain)), "clusterIP 10.0.0.1 -> None");
    }

    #[test]
    fn a_secret_keeps_its_type() {
        let secret = |kind: &str| object(Kind::Secret, json!({ "type": kind }));
        assert_eq!(
            briefly(&kept(&secret("Opaque"), &secret("kubernetes.io/tls"))),
            "type kubernetes.io/tls -> Opaque"
        );
        assert_eq!(kept(&secret("Opaque"), &secret("Opaque")), Vec::new());
    }
}
