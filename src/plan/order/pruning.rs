//! Objects that the stack file no longer names, as steps: after all that may
//! take their place, and the budget after everything that it protects.

use super::{Inputs, plain};
use crate::{
    object::{Kind, Named, ObjectKey},
    plan::{Action, Cost, Guard, Step},
};

pub(super) fn prune(inputs: &Inputs<'_>) -> Vec<Step> {
    let is_budget = |key: &ObjectKey| key.kind == Kind::PodDisruptionBudget;
    let (budgets, others): (Vec<_>, Vec<_>) = inputs.pruned.iter().partition(|(key, _)| is_budget(key));
    others.into_iter().chain(budgets).map(|(key, uid)| one(key, uid)).collect()
}

fn one(key: &ObjectKey, uid: &str) -> Step {
    let action = Action::Delete { key: key.clone(), uid: uid.to_owned() };
    Step {
        before: vec![Guard::SetByNobodyElse { key: key.clone() }],
        costs: for_good(key).into_iter().collect(),
        ..plain(format!("delete {key}: the stack file does not name it any more"), vec![action])
    }
}

/// What no later run can make again as it was.
pub fn for_good(key: &ObjectKey) -> Option<Cost> {
    (key.kind == Kind::Secret).then(|| Cost::Deletion { object: Named::from(key) })
}
