//! What it takes to make an object ours that others made.
//!
//! Whoever set a field that we set gives all of its fields to us, and the next
//! apply takes away those that we leave out. Whoever set none of them, such as
//! a person who added an annotation, keeps what it has; so does whoever wrote
//! through a subresource.
//!
//! ```text
//! helm      spec.ports, spec.selector, metadata.labels.chart   given to us
//! kubectl   metadata.annotations.note                          stays
//! kubectl   spec.replicas, through the subresource `scale`     stays
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{OURS, Owner, Path, owners};

/// Under this name the API server keeps what was set before it kept names.
pub const NOBODY: &str = "before-first-apply";

/// Who made an object that is to be ours, and what it set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Predecessor {
    /// Its name.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// Its fields, as they are shown; none where the server kept no names.
    pub fields: Vec<String>,
}

impl Predecessor {
    fn of(owner: &Owner) -> Self {
        Predecessor {
            manager: owner.manager.clone(),
            operation: owner.operation.clone(),
            fields: owner.fields.iter().map(Path::to_string).collect(),
        }
    }

    /// Whether another manager of that name set no more than this one.
    pub fn covers(&self, other: &Predecessor) -> bool {
        (&self.manager, &self.operation) == (&other.manager, &other.operation)
            && other.fields.iter().all(|field| self.fields.contains(field))
    }

    /// Whether it set this field.
    pub fn sets(&self, field: &str, manager: &str) -> bool {
        self.manager == manager && (manager == NOBODY || self.fields.iter().any(|one| one == field))
    }

    fn is(&self, owner: &Owner) -> bool {
        owner.subresource.is_none() && self.manager == owner.manager && self.operation == owner.operation
    }
}

/// Everybody else who set a field of an object. What controllers say of its
/// status is not among them.
pub fn others(body: &Value) -> Vec<Predecessor> {
    let owners = owners(body).into_iter();
    let is_other = |owner: &Owner| owner.manager != OURS && owner.subresource.as_deref() != Some("status");
    owners.filter(is_other).map(|owner| Predecessor::of(&owner)).collect()
}

/// Everybody who set a field of a live object that an apply of `wanted` sets.
pub fn predecessors(live: &Value, wanted: &Value) -> Vec<Predecessor> {
    let owners = owners(live);
    if owners.is_empty() {
        let (manager, operation) = (NOBODY.to_owned(), "Update".to_owned());
        return vec![Predecessor { manager, operation, fields: Vec::new() }];
    }
    let gives_way = |owner: &&Owner| {
        let sets = owner.fields.iter().any(|path| is_set(path, wanted));
        !owner.is_us() && owner.subresource.is_none() && sets
    };
    owners.iter().filter(gives_way).map(Predecessor::of).collect()
}

/// Whether this field is set by an apply of an object. Maps to which everybody
/// adds are nobody's, and the values of a Secret are sent along with it.
fn is_set(path: &Path, wanted: &Value) -> bool {
    let shared = [Path::of(&["metadata", "labels"]), Path::of(&["metadata", "annotations"])];
    let is_value = wanted["kind"] == "Secret" && path.is_within(&Path::of(&["data"]));
    !shared.contains(path) && (is_value || path.get(wanted).is_some())
}

/// The managers of an object once its predecessors' fields are ours.
pub fn handed_over(body: &Value, predecessors: &[Predecessor]) -> Value {
    let entries = body.pointer("/metadata/managedFields").and_then(Value::as_array);
    let owners = owners(body);
    let is_ours = |owner: &Owner| owner.is_us() || predecessors.iter().any(|one| one.is(owner));
    let pairs = || entries.into_iter().flatten().zip(&owners);
    let given = pairs().filter(|(_, owner)| is_ours(owner));
    let fields = given.fold(Map::new(), |all, (entry, _)| {
        union(all, entry["fieldsV1"].as_object().cloned().unwrap_or_default(), true)
    });
    let ours = json!({
        "manager": OURS,
        "operation": "Apply",
        "apiVersion": body["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    });
    let others = pairs().filter(|(_, owner)| !is_ours(owner)).map(|(entry, _)| entry.clone());
    [ours].into_iter().chain(others).collect()
}

/// Both sets of fields. A set without children stands for the field itself,
/// which is written `.` beside children.
fn union(mut one: Map<String, Value>, other: Map<String, Value>, whole: bool) -> Map<String, Value> {
    if !whole && one.is_empty() != other.is_empty() {
        one.insert(".".to_owned(), json!({}));
    }
    for (key, below) in other {
        let has = one.remove(&key).and_then(|has| has.as_object().cloned());
        let below = below.as_object().cloned().unwrap_or_default();
        let both = match has {
            Some(has) => union(has, below, false),
            None => below,
        };
        one.insert(key, Value::Object(both));
    }
    one
}

/// An object as it stays once its predecessors' fields are ours and our apply
/// has left some of them out. `forced` is the object as a forced apply would
/// leave it: with our fields, and with whatever the predecessors set besides.
pub fn succeeded(forced: &Value, predecessors: &[Predecessor]) -> Value {
    let owners = owners(forced);
    let (theirs, kept): (Vec<&Owner>, Vec<&Owner>) =
        owners.iter().partition(|owner| predecessors.iter().any(|one| one.is(owner)));
    let is_kept = |path: &Path| kept.iter().any(|owner| owner.fields.iter().any(|one| one.is_within(path)));
    let mut left: Vec<&Path> =
        theirs.iter().flat_map(|owner| &owner.fields).filter(|path| !is_kept(path)).collect();
    left.sort_by_key(|path| path.0.len());
    let mut body = forced.clone();
    left.iter().for_each(|path| path.remove(&mut body));
    for name in release_annotations(forced) {
        Path::of(&["metadata", "annotations", &name]).remove(&mut body);
    }
    body
}

/// Annotations by which kubectl and Helm know what they made.
pub fn release_annotations(body: &Value) -> Vec<String> {
    let all = body.pointer("/metadata/annotations").and_then(Value::as_object);
    let names = all.into_iter().flatten().map(|(name, _)| name);
    let of_release = |name: &&String| {
        name.starts_with("meta.helm.sh/") || *name == "kubectl.kubernetes.io/last-applied-configuration"
    };
    names.filter(of_release).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({ "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields })
    }

    fn live() -> Value {
        let port = |number: u16| format!("k:{{\"port\":{number},\"protocol\":\"TCP\"}}");
        json!({
            "apiVersion": "v1",
            "metadata": {
                "labels": { "app": "etcd", "chart": "etcd-1" },
                "annotations": { "meta.helm.sh/release-name": "orders", "note": "by ann" },
                "managedFields": [
                    entry("helm", "Update", json!({
                        "f:metadata": {
                            "f:labels": { ".": {}, "f:app": {}, "f:chart": {} },
                            "f:annotations": { ".": {}, "f:meta.helm.sh/release-name": {} },
                        },
                        "f:spec": { "f:selector": {}, "f:ports": {
                            ".": {},
                            port(2379): { ".": {}, "f:port": {}, "f:name": {} },
                            port(9999): { ".": {}, "f:port": {} },
                        } },
                    })),
                    entry("kubectl", "Update", json!({ "f:metadata": { "f:annotations": { "f:note": {} } } })),
                ],
            },
            "spec": {
                "selector": { "app": "etcd" },
                "ports": [{ "name": "c", "port": 2379, "protocol": "TCP" }, { "port": 9999, "protocol": "TCP" }],
            },
        })
    }

    fn wanted() -> Value {
        json!({
            "metadata": { "labels": { "app": "etcd", "ours": "1" } },
            "spec": { "ports": [{ "name": "c", "port": 2379, "protocol": "TCP" }] },
        })
    }

    /// The live object with our fields, as the server would answer.
    fn forced() -> Value {
        let mut body = live();
        body["metadata"]["labels"]["ours"] = json!("1");
        let ours = entry(
            OURS,
            "Apply",
            json!({
                "f:metadata": { "f:labels": { "f:app": {}, "f:ours": {} } },
                "f:spec": { "f:ports": { "k:{\"port\":2379,\"protocol\":\"TCP\"}": { ".": {}, "f:port": {}, "f:name": {} } } },
            }),
        );
        body["metadata"]["managedFields"].as_array_mut().unwrap().push(ours);
        body
    }

    #[test]
    fn whoever_set_what_we_set_gives_way_and_nobody_else_does() {
        let named = |live: &Value| -> Vec<String> {
            predecessors(live, &wanted()).into_iter().map(|one| one.manager).collect()
        };
        assert_eq!(named(&live()), ["helm"]);
        let mut scaled = live();
        scaled["metadata"]["managedFields"][0]["subresource"] = json!("scale");
        assert_eq!(named(&scaled), Vec::<String>::new());
        assert_eq!(named(&json!({ "metadata": {} })), [NOBODY]);
    }

    #[test]
    fn what_they_set_and_we_do_not_goes_and_what_others_set_stays() {
        let after = succeeded(&forced(), &predecessors(&live(), &wanted()));
        assert_eq!(after["metadata"]["labels"], json!({ "app": "etcd", "ours": "1" }));
        assert_eq!(after["metadata"]["annotations"], json!({ "note": "by ann" }));
        assert_eq!(after["spec"], json!({ "ports": [{ "name": "c", "port": 2379, "protocol": "TCP" }] }));
    }

    #[test]
    fn their_fields_are_merged_into_ours() {
        let mut body = live();
        let ours = entry(
            OURS,
            "Apply",
            json!({ "f:metadata": { "f:labels": {} }, "f:spec": { "f:selector": { "f:a": {} } } }),
        );
        body["metadata"]["managedFields"].as_array_mut().unwrap().push(ours);
        let entries = handed_over(&body, &predecessors(&live(), &wanted()));
        let names: Vec<&str> =
            entries.as_array().unwrap().iter().filter_map(|one| one["manager"].as_str()).collect();
        assert_eq!(names, [OURS, "kubectl"]);
        let fields = &entries[0]["fieldsV1"];
        assert_eq!(fields["f:metadata"]["f:labels"], json!({ ".": {}, "f:app": {}, "f:chart": {} }));
        assert_eq!(fields["f:spec"]["f:selector"], json!({ ".": {}, "f:a": {} }));
        assert_eq!(predecessors(&json!({ "metadata": { "managedFields": entries } }), &wanted()), []);
    }
}
