//! A stack is handed over: everything goes on as it is, and is nobody's.
//!
//! The two labels go by which this tool knows its own, and its name as the
//! manager of fields. Everything else stays as it is, also the labels by which
//! Services and StatefulSet find the pods.

use super::{
    Change, Confidence, Plan, Verb,
    inventory::known,
    order::ending::{self, Target},
    whose::stays,
};
use crate::{
    desired::Desired,
    object::{Kind, ObjectKey},
    observed::{Intended, Lookup, Observed, journal::Ending},
};

/// Makes the plan that hands a stack over.
pub fn release(plan: &mut Plan, desired: &Desired, observed: &Observed) {
    let live = &observed.live;
    plan.intended = Intended { end: Some(Ending::Forget), ..Intended::default() };
    let mut targets = Vec::new();
    let found = live.objects.values().filter_map(Lookup::found);
    for object in found.filter(|object| object.key.kind != Kind::Namespace) {
        match stays(object, &known(desired, live), desired.has(&object.key), &desired.stack.name) {
            None => targets.push(Target::of(object)),
            // It was handed over already, or never was a run's.
            Some(_) if !known(desired, live).has(&object.key) => {}
            Some(why) => plan.warnings.push(format!("`{}` is left alone, because {why}", object.key)),
        }
    }
    let records = live.journal.found().is_some() || live.lease.found().is_some();
    if targets.is_empty() && !records {
        return;
    }
    let claims = live.claims.found().into_iter().flatten().filter(|claim| claim.cluster_id.is_some());
    targets.extend(claims.map(|claim| {
        let key = ObjectKey::new(Kind::PersistentVolumeClaim, &desired.stack.namespace, &claim.name);
        Target { key, uid: claim.uid.clone() }
    }));
    plan.changes = targets.iter().map(handed_over).collect();
    plan.steps = ending::release(&targets);
}

fn handed_over(target: &Target) -> Change {
    Change {
        key: target.key.clone(),
        verb: Verb::Release,
        confidence: Confidence::Predicted,
        before: None,
        after: serde_json::Value::Null,
        wanted: serde_json::Value::Null,
        fields: Vec::new(),
        adopting: Vec::new(),
        notes: Vec::new(),
    }
}
