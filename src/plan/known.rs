//! How an action is known again: in the plan that was approved, and in the plan
//! that goes on with it after a run was stopped.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Action, FieldChange, Foreign, Plan, Source, Step};
use crate::{canonical::sha256, desired::CLUSTER_ID, member::Id, object::ObjectKey, observed::journal::Run};

/// The content of every action of these steps, in order: by it an approval is
/// known again. Restarts stand in no order of their own, for who leads decides
/// it; they are marked and sorted here.
pub fn action_hashes(steps: &[Step]) -> Vec<String> {
    let mut hashes: Vec<String> = steps.iter().flat_map(|step| &step.actions).map(action_hash).collect();
    hashes.chunk_by_mut(|a, b| is_restart(a) && is_restart(b)).for_each(<[String]>::sort);
    hashes
}

/// Whether these actions are among the approved ones, in their order: what is
/// left of them after a run was stopped, with no more than was approved. Some
/// in between may be done, or turn out to be. Restarts may come in any order.
pub fn goes_on(approved: &[String], left: &[String]) -> bool {
    let snapshot = action_hash(&Action::Snapshot);
    let mut ahead = approved.iter().filter(|hash| !is_restart(hash));
    left.iter().all(|hash| match hash {
        // Another one may be due by now.
        _ if *hash == snapshot => true,
        _ if is_restart(hash) => approved.contains(hash),
        _ => ahead.any(|approved| approved == hash),
    })
}

/// Whether a plan is what is left of an approved run: no action that was not
/// approved, and no member removed that was not shown.
pub fn is_left_of(run: &Run, plan: &Plan) -> bool {
    goes_on(&run.actions, &action_hashes(&plan.steps))
        && removed(&plan.steps).all(|id| run.removed.contains(&id))
}

fn named(key: &ObjectKey) -> String {
    format!("{}/{}", key.kind, key.name)
}

/// Every field that others set and that admission makes otherwise, in words by
/// its hash: a run that goes on meets none that its approval did not show. Less
/// is no matter: a step may have taken it.
pub fn not_ours(plan: &Plan) -> BTreeMap<String, String> {
    let set = plan.foreign.iter().map(|foreign| {
        let Foreign { key, field, manager, fingerprint, .. } = foreign;
        (
            json!([key.to_string(), field, manager, fingerprint]),
            format!("{} {field}, set by {manager}", named(key)),
        )
    });
    let admitted = plan.changes.iter().flat_map(|change| {
        let by_admission = change.fields.iter().filter(|field| field.source == Source::Admission);
        by_admission.map(move |FieldChange { path, after, .. }| {
            let key = &change.key;
            (json!([key.to_string(), path, after]), format!("{} {path}, by admission", named(key)))
        })
    });
    set.chain(admitted).map(|(field, words)| (sha256(&field), words)).collect()
}

/// Whether a run was to save a snapshot, and has not.
pub fn owes_snapshot(run: &Run) -> bool {
    run.snapshot.is_none() && run.actions.contains(&action_hash(&Action::Snapshot))
}

/// The members that these steps remove.
pub fn removed(steps: &[Step]) -> impl Iterator<Item = Id> {
    steps.iter().flat_map(|step| &step.actions).filter_map(|action| match action {
        Action::RemoveMember { id, .. } => *id,
        _ => None,
    })
}

/// Marks the hash of a restart.
const RESTART: &str = "restart:";

fn is_restart(hash: &str) -> bool {
    hash.starts_with(RESTART)
}

/// An action by its content, without what the server assigns: the same in the
/// plan that was approved and in the plan that resumes it.
fn action_hash(action: &Action) -> String {
    let mut value = json!(action);
    if let Some(fields) = value.as_object_mut() {
        // Names of holes go with the values that replace them.
        for field in
            ["expects", "fill", "reason", "take", "from", "id", "pod_uid", "hand_over", "why", "ordinals"]
        {
            fields.remove(field);
        }
    }
    for object in ["object", "claim"] {
        let Some(body) = value.get_mut(object).and_then(|object| object.get_mut("body")) else { continue };
        forget(body, "/metadata/annotations", CLUSTER_ID);
        forget(body, "/data", "initial-cluster-token");
    }
    let hash = sha256(&value);
    if matches!(action, Action::Restart { .. }) { format!("{RESTART}{hash}") } else { hash }
}

fn forget(body: &mut Value, parent: &str, key: &str) {
    let Some(fields) = body.pointer_mut(parent).and_then(Value::as_object_mut) else { return };
    fields.remove(key);
    if fields.is_empty()
        && let Some((grandparent, name)) = parent.rsplit_once('/')
        && let Some(fields) = body.pointer_mut(grandparent).and_then(Value::as_object_mut)
    {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        object::{Kind, Object, ObjectKey},
        plan::{Expects, Fill},
    };

    fn apply(data: Value, annotations: Option<Value>, expects: Expects, fill: Vec<Fill>) -> Action {
        let key = ObjectKey::new(Kind::ConfigMap, "ns", "orders-bootstrap");
        let mut body = json!({ "metadata": { "name": key.name }, "data": data });
        if let Some(annotations) = annotations {
            body["metadata"]["annotations"] = annotations;
        }
        Action::Apply { object: Object { key, body }, expects, fill, take: Vec::new() }
    }

    #[test]
    fn an_action_is_known_again_once_its_holes_are_filled() {
        let planned = apply(json!({ "a": "b" }), None, Expects::Absent, vec![Fill::NewToken]);
        let annotations = json!({ CLUSTER_ID: "1f" });
        let resumed = apply(
            json!({ "a": "b", "initial-cluster-token": "t" }),
            Some(annotations),
            Expects::Uid("u".into()),
            vec![],
        );
        assert_eq!(action_hash(&planned), action_hash(&resumed));
    }

    #[test]
    fn another_content_is_another_action() {
        let one = apply(json!({ "a": "b" }), None, Expects::Absent, vec![]);
        let other = apply(json!({ "a": "c" }), None, Expects::Absent, vec![]);
        assert_ne!(action_hash(&one), action_hash(&other));
    }

    #[test]
    fn a_claim_that_was_made_anew_is_another_one_to_delete() {
        let delete = |uid: &str| {
            action_hash(&Action::DeleteClaim { ordinal: 3, claim: "data-orders-3".into(), uid: uid.into() })
        };
        assert_ne!(delete("a"), delete("b"));
    }

    #[test]
    fn what_is_left_is_in_the_order_that_was_approved_and_no_more() {
        let restart = |name: &str| format!("{RESTART}{name}");
        let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let snapshot = action_hash(&Action::Snapshot);
        let approved = [all(&["a", "b", "c"]), vec![restart("0"), restart("1")]].concat();
        let holds = |left: Vec<String>| goes_on(&approved, &left);
        assert!(holds(Vec::new()) && holds(all(&["c"])) && holds(all(&["a", "c"])));
        assert!(holds(vec![snapshot, "b".into(), restart("1")]));
        assert!(holds(vec![restart("1"), restart("0")]));
        assert!(!holds(all(&["b", "a"])) && !holds(all(&["c", "c"])) && !holds(all(&["d"])));
        assert!(!holds(vec![restart("2")]));
    }
}
