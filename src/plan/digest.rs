//! What an approval is bound to, and how an action is known again.
//!
//! The digest holds what a reviewer saw and what it was made from: the checked
//! stack, the objects as they are and as they would be, the members. It does
//! not hold what changes by itself (resource versions, status, the leader) or
//! what two readers see differently (context names, permissions, the time).

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Action, Digest, Foreign, Plan, Step, change};
use crate::{
    desired::{CLUSTER_ID, Desired},
    member::Id,
    observed::{Intended, Lookup, Members, Observed, Proposal, journal::Run},
};

/// Raised by hand when the same inputs give another plan, so that an approval
/// of the older meaning does not hold for the newer one.
const PLAN_SEMANTICS: u32 = 3;

/// The digest of a plan that was made from these.
pub fn digest(plan: &Plan, desired: &Desired, observed: &Observed) -> Digest {
    let objects: Vec<Value> = observed
        .live
        .objects
        .iter()
        .map(|(key, lookup)| {
            let object = lookup.found();
            json!({
                "key": key.to_string(),
                "uid": object.and_then(|object| object.uid()),
                "live": object.map(|object| change::stable(&object.body)),
                "proposed": observed.proposals.get(key).map(proposed),
            })
        })
        .collect();
    let secrets: Vec<Value> =
        observed.live.secrets.iter().map(|(key, facts)| json!([key.to_string(), facts])).collect();
    sha256(&json!({
        "semantics": PLAN_SEMANTICS,
        "stack": desired.stack,
        "intended": asked_for(&plan.intended),
        "cluster": cluster(observed),
        "objects": objects,
        "secrets": secrets,
        "members": members(&observed.members),
        "foreign": plan.foreign.iter().map(set_by_others).collect::<Vec<_>>(),
        "dry_runs": dry_runs(plan),
        "actions": action_hashes(&plan.steps),
        "goes": plan.steps.iter().flat_map(|step| &step.actions).filter_map(identity).collect::<Vec<_>>(),
    }))
}

/// What is asked for, without the uids of pods that are to restart: pods are
/// made anew by themselves, and one that was is restarted all the same.
fn asked_for(intended: &Intended) -> Value {
    let mut value = json!(intended);
    value["restart"] = json!(intended.restart.keys().collect::<Vec<_>>());
    value
}

/// What others set, and who. When they did is no matter.
fn set_by_others(foreign: &Foreign) -> Value {
    let Foreign { key, uid, field, manager, fingerprint, .. } = foreign;
    json!([key.to_string(), uid, field, manager, fingerprint])
}

/// What goes for good, by the identity that was shown: another one of the same
/// name was not approved.
fn identity(action: &Action) -> Option<Value> {
    match action {
        Action::RemoveMember { id, peer_url, .. } => Some(json!([peer_url, id])),
        Action::DeleteClaim { claim, uid, .. } => Some(json!([claim, uid])),
        Action::Empty { name, claim_uid, .. } => Some(json!([name, claim_uid])),
        Action::Adopt { object, uid, .. } => Some(json!([object.key.to_string(), uid])),
        Action::Delete { key, uid } | Action::DeleteNamespace { key, uid } => {
            Some(json!([key.to_string(), uid]))
        }
        _ => None,
    }
}

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
    let hash = sha256(&value).0;
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

/// The namespace's identity; that of the whole cluster while it is not there.
fn cluster(observed: &Observed) -> Value {
    let namespaces = observed.live.objects.iter().filter(|(key, _)| key.namespace.is_none());
    let uid = namespaces.filter_map(|(_, lookup)| lookup.found()?.uid()).next();
    match (uid, &observed.live.target.cluster_uid) {
        (Some(uid), _) => json!({ "namespace": uid }),
        (None, Lookup::Found(uid)) => json!({ "cluster": uid }),
        (None, _) => Value::Null,
    }
}

/// What admission says of the first pod and claim, as it was shown. The bodies
/// are left out: nobody sees them, and webhooks write into pods as they like.
fn dry_runs(plan: &Plan) -> Vec<Value> {
    let shown = plan.checks.iter().filter(|check| ["pod", "claim"].contains(&check.name.as_str()));
    shown.map(|check| json!([check.name, check.outcome, check.detail])).collect()
}

fn proposed(proposal: &Proposal) -> Value {
    match proposal {
        Proposal::Accepted { object, warnings } => {
            json!({ "object": change::stable(&object.body), "warnings": warnings })
        }
        Proposal::Conflict { conflicts, forced } => {
            json!({ "conflicts": conflicts, "forced": proposed(forced) })
        }
        Proposal::Exists => json!("exists"),
        Proposal::Rejected { message, fields } => json!({ "rejected": message, "fields": fields }),
        Proposal::NamespaceMissing => json!("namespace missing"),
        Proposal::Failed(reason) => json!({ "failed": reason }),
    }
}

fn members(members: &Members) -> Value {
    match members {
        Members::Read(reading) => {
            let membership = &reading.membership;
            let list: Vec<Value> = membership
                .members
                .iter()
                .map(|member| json!([member.id, member.name, member.peer_urls, member.role]))
                .collect();
            json!({ "cluster_id": membership.cluster_id, "members": list })
        }
        Members::NotRunning => json!("not running"),
        Members::Failed(_) => json!("unread"),
    }
}

/// SHA-256 over JSON with sorted keys and no spaces.
pub(super) fn sha256(value: &Value) -> Digest {
    let bytes = canonical(value).to_string();
    let hash = Sha256::digest(bytes.as_bytes());
    Digest(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(b.0));
            sorted.into_iter().map(|(key, value)| (key.clone(), canonical(value))).collect()
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
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
    fn the_order_of_keys_does_not_matter() {
        assert_eq!(
            sha256(&json!({ "a": 1, "b": [{ "c": 2, "d": 3 }] })),
            sha256(&json!({ "b": [{ "d": 3, "c": 2 }], "a": 1 }))
        );
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
