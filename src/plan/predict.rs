//! What the API server would store, where nobody can ask it.
//!
//! Server-side apply by its rules: what is sent is laid over what is live, and
//! what is ours, is sent no more and is nobody else's goes. What somebody else
//! owns and would get another value is a conflict. Nobody is asked what
//! validation and admission say.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/>
//!
//! ```text
//! live   replicas: 3   image: etcd:1   hostNetwork: true (kubectl-edit)
//! sent   replicas: 3   image: etcd:2
//! after  replicas: 3   image: etcd:2   hostNetwork: true
//! ```

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Intent, adoptions, defaults::Defaults, questions};
use crate::{
    desired::Desired,
    field::{self, Owner, Path, takeover},
    object::{Object, ObjectKey},
    observed::{Conflict, Live, Lookup, Proposal},
};

mod merge;

use merge::Merge;

/// The answer to each question about an object that is there, as far as it can
/// be known beforehand.
pub fn predict(desired: &Desired, live: &Live, intent: &Intent) -> BTreeMap<ObjectKey, Proposal> {
    if intent.end.is_some() {
        // What goes is not asked about.
        return BTreeMap::new();
    }
    let defaults = Defaults::of(live.kubernetes.as_deref());
    let found = |object: &Object| live.objects.get(&object.key).and_then(Lookup::found);
    let applied = questions(desired, live).into_iter().filter_map(|question| {
        let sent = question.object;
        Some((sent.key.clone(), apply(&sent, found(&sent)?, defaults)))
    });
    let adopted = adoptions(desired, live, intent).into_iter().filter_map(|sent| {
        let given = handed_over(&sent, found(&sent)?);
        Some((sent.key.clone(), apply(&sent, &given, defaults)))
    });
    applied.chain(adopted).collect()
}

/// What comes of applying this to what is live.
fn apply(sent: &Object, live: &Object, defaults: Defaults) -> Proposal {
    let owners = field::owners(&live.body);
    let (ours, others): (Vec<&Owner>, Vec<&Owner>) = owners.iter().partition(|owner| owner.is_us());
    let merge = Merge { kind: sent.key.kind, defaults };
    let mut body = merge.lay(&sent.body, &live.body);
    let mut gone: Vec<&Path> = ours.iter().flat_map(|owner| &owner.fields).collect();
    // A list item goes as a whole before its fields are looked for.
    gone.retain(|path| path.get(&sent.body).is_none() && !is_of(&others, path));
    gone.iter().for_each(|path| merge.take_out(path, &mut body));
    let conflicts = conflicts(&others, &live.body, &body);
    // An answer names its managers; whatever differs here is our doing.
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    let object = Object { key: sent.key.clone(), body };
    let accepted = Proposal::Accepted { object, warnings: Vec::new() };
    match conflicts.is_empty() {
        true => accepted,
        false => Proposal::Conflict { conflicts, forced: Box::new(accepted) },
    }
}

/// Whether somebody else owns a field, or a part of it.
fn is_of(others: &[&Owner], field: &Path) -> bool {
    others.iter().flat_map(|owner| &owner.fields).any(|path| path.is_within(field))
}

/// The fields of others that would have another value.
fn conflicts(others: &[&Owner], live: &Value, after: &Value) -> Vec<Conflict> {
    let changes = |path: &&Path| path.get(after).is_some_and(|value| path.get(live) != Some(value));
    // A list item is nobody's as a whole.
    let is_field = |path: &&Path| path.words().last().is_some_and(|word| !word.starts_with('['));
    let of_one = |owner: &&Owner| {
        let fields: Vec<String> =
            owner.leaves().filter(is_field).filter(changes).map(Path::to_string).collect();
        let manager = owner.manager.clone();
        fields.into_iter().map(move |field| Conflict { field, manager: manager.clone() })
    };
    let mut all: Vec<Conflict> = others.iter().flat_map(of_one).collect();
    all.sort();
    all.dedup();
    all
}

/// The object once those who made it have given it to us.
fn handed_over(sent: &Object, live: &Object) -> Object {
    let predecessors = takeover::predecessors(&live.body, &sent.body);
    let mut given = live.clone();
    given.body["metadata"]["managedFields"] = takeover::handed_over(&live.body, &predecessors);
    for name in takeover::release_annotations(&live.body) {
        Path::of(&["metadata", "annotations", &name]).remove(&mut given.body);
    }
    given
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{field::OURS, object::Kind};

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({ "manager": manager, "operation": operation, "fieldsV1": fields })
    }

    fn object(metadata: Value, spec: Value) -> Object {
        let key = ObjectKey::new(Kind::StatefulSet, "etcd", "orders");
        Object { key, body: json!({ "metadata": metadata, "spec": spec }) }
    }

    /// Two labels, one of which another manager owns as well, and a variable
    /// of theirs in our container.
    fn live() -> Object {
        let theirs = json!({ "f:containers": { "k:{\"name\":\"etcd\"}": { "f:env": {
            "k:{\"name\":\"THEIRS\"}": { ".": {}, "f:name": {}, "f:value": {} },
        } } } });
        let ours = json!({ "f:revisionHistoryLimit": {}, "f:containers": { "k:{\"name\":\"etcd\"}": {
            ".": {}, "f:name": {}, "f:args": {}, "f:env": { "k:{\"name\":\"OURS\"}": { ".": {}, "f:name": {}, "f:value": {} } },
        } } });
        let labels = |names: Value| json!({ "f:labels": names });
        let entries = json!([
            entry(
                OURS,
                "Apply",
                json!({ "f:metadata": labels(json!({ "f:a": {}, "f:b": {} })), "f:spec": ours })
            ),
            entry(
                "kubectl-edit",
                "Update",
                json!({ "f:metadata": labels(json!({ "f:b": {} })), "f:spec": theirs })
            ),
            entry(
                "kubectl",
                "Update",
                json!({ "f:spec": { "f:containers": { "k:{\"name\":\"etcd\"}": { "f:args": {} } } } })
            ),
        ]);
        let variables = json!([{ "name": "OURS", "value": "1" }, { "name": "THEIRS", "value": "2" }]);
        object(
            json!({ "labels": { "a": "1", "b": "2" }, "managedFields": entries }),
            json!({ "revisionHistoryLimit": 3, "containers": [{ "name": "etcd", "args": ["--x=1"], "env": variables }] }),
        )
    }

    fn predicted(metadata: Value, spec: Value) -> Proposal {
        apply(&object(metadata, spec), &live(), Defaults::of(None))
    }

    #[test]
    fn what_is_sent_no_more_goes_unless_somebody_else_owns_it() {
        let etcd = json!({ "name": "etcd", "args": ["--x=1"] });
        let stored = predicted(json!({ "labels": {} }), json!({ "containers": [etcd] }));
        let theirs =
            json!({ "name": "etcd", "args": ["--x=1"], "env": [{ "name": "THEIRS", "value": "2" }] });
        // What the server fills in comes back.
        let spec = json!({ "revisionHistoryLimit": 10, "containers": [theirs] });
        let object = object(json!({ "labels": { "b": "2" } }), spec);
        assert_eq!(stored, Proposal::Accepted { object, warnings: Vec::new() });
    }

    #[test]
    fn another_value_for_a_field_of_others_is_a_conflict_and_the_same_value_is_none() {
        let send = |label: &str, argument: &str| {
            let variables = json!([{ "name": "OURS", "value": "9" }]);
            let etcd = json!({ "name": "etcd", "args": [argument], "env": variables });
            let metadata = json!({ "labels": { "a": "8", "b": label } });
            predicted(metadata, json!({ "revisionHistoryLimit": 3, "containers": [etcd] }))
        };
        assert!(matches!(send("2", "--x=1"), Proposal::Accepted { .. }));
        let Proposal::Conflict { conflicts, forced } = send("7", "--x=2") else { panic!("no conflict") };
        let conflict =
            |field: &str, manager: &str| Conflict { field: field.to_owned(), manager: manager.to_owned() };
        let arguments = conflict("spec.containers[name=\"etcd\"].args", "kubectl");
        assert_eq!(conflicts, [conflict("metadata.labels.b", "kubectl-edit"), arguments]);
        let stored = forced.stored().expect("what force would leave");
        assert_eq!(stored.body["metadata"]["labels"], json!({ "a": "8", "b": "7" }));
        assert_eq!(stored.body["spec"]["containers"][0]["env"][1], json!({ "name": "THEIRS", "value": "2" }));
    }
}
