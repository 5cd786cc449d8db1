//! What a plan is made of, part by part, each as a hash: beside the parts of
//! another plan they say where the two differ.
//!
//! They hold what a reviewer saw and what it was made from: the checked stack,
//! the objects as they are and as they would be, the members. They do not hold
//! what changes by itself (resource versions, status, the leader) or what two
//! readers see differently (context names, permissions, the time).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Action, Foreign, Plan, action_hashes, change};
use crate::{
    canonical::sha256,
    desired::Desired,
    object::ObjectKey,
    observed::{Claim, Intended, Live, Lookup, Members, Observed, Proposal},
};

/// Raised by hand when the same inputs give another plan, so that an approval
/// of the older meaning does not hold for the newer one.
const PLAN_SEMANTICS: u32 = 4;

/// SHA-256 of each part of a plan, 64 hexadecimal digits each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    /// What this version of the tool means by a plan: no hash, a number.
    pub semantics: u32,
    /// The checked stack.
    pub stack: String,
    /// What was asked for beside the stack file.
    pub asked_for: String,
    /// The namespace's identity, or the cluster's.
    pub cluster: String,
    /// Each object as it is and as it would be.
    #[schemars(with = "BTreeMap<String, String>")]
    pub objects: BTreeMap<ObjectKey, String>,
    /// Each claim of a member, by its uid and whether it is being deleted: no
    /// hash, in words.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
    /// What others set on each object.
    #[schemars(with = "BTreeMap<String, String>")]
    pub foreign: BTreeMap<ObjectKey, String>,
    /// The members.
    pub members: String,
    /// What is done: the steps, what goes for good, what admission says.
    pub steps: String,
}

/// The parts of a plan that was made from these.
pub fn basis(plan: &Plan, desired: &Desired, observed: &Observed) -> Basis {
    let keys = || observed.live.objects.keys();
    let goes = plan.steps.iter().flat_map(|step| &step.actions).filter_map(identity);
    let foreign = |key: &ObjectKey| {
        let of_it = plan.foreign.iter().filter(|foreign| foreign.key == *key);
        let set: Vec<Value> = of_it.map(set_by_others).collect();
        (!set.is_empty()).then(|| (key.clone(), sha256(&json!(set))))
    };
    Basis {
        semantics: PLAN_SEMANTICS,
        stack: sha256(&json!(desired.stack)),
        asked_for: sha256(&asked_for(&plan.intended, &observed.live)),
        cluster: sha256(&cluster(observed)),
        objects: keys().map(|key| (key.clone(), sha256(&object(observed, key)))).collect(),
        claims: observed.live.claims.found().into_iter().flatten().map(claim).collect(),
        foreign: keys().filter_map(foreign).collect(),
        members: sha256(&members(&observed.members)),
        steps: sha256(&json!({
            "actions": action_hashes(&plan.steps),
            "goes": goes.collect::<Vec<_>>(),
            "dry_runs": dry_runs(plan),
        })),
    }
}

fn claim(Claim { name, uid, terminating, .. }: &Claim) -> (String, String) {
    let goes = if *terminating { ", being deleted" } else { "" };
    (name.clone(), format!("uid {uid}{goes}"))
}

/// An object as it is and as it would be.
fn object(observed: &Observed, key: &ObjectKey) -> Value {
    let object = observed.live.objects.get(key).and_then(Lookup::found);
    json!({
        "uid": object.and_then(|object| object.uid()),
        "live": object.map(|object| change::stable(&object.body)),
        "proposed": observed.proposals.get(key).map(proposed),
        "secret": observed.live.secrets.get(key),
    })
}

/// What is asked for, without the uids of pods that are to restart: pods are
/// made anew by themselves, and one that was is restarted all the same. The
/// last run stands for them, so that one approval is for one restart.
fn asked_for(intended: &Intended, live: &Live) -> Value {
    let mut value = json!(intended);
    let runs = live.journal.found().into_iter().flat_map(|journal| &journal.run);
    let last = runs.filter(|run| run.finished_at.is_some()).map(|run| run.started_at).next();
    let since = last.filter(|_| !intended.restart.is_empty());
    value["restart"] = json!([intended.restart.keys().collect::<Vec<_>>(), since]);
    value
}

/// What others set, and who. When they did is no matter.
fn set_by_others(foreign: &Foreign) -> Value {
    let Foreign { uid, field, manager, fingerprint, .. } = foreign;
    json!([uid, field, manager, fingerprint])
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
