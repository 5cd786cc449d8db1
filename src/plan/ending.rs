//! The stack as a whole goes, or is handed over: an intent like any other, in a
//! plan of its own.
//!
//! What a run of this kind began, one of the same kind goes on with. Any other
//! plan stops at it: half of a stack that was to go must not be made again by
//! somebody who does not know.

use std::collections::BTreeSet;

use super::{
    Action, Basis, BeforeAfter, Blocked, Intent, Plan, check, compare, destroy, etcd,
    inventory::{self, known, there},
    recorded_cluster, release,
};
use crate::{
    desired::Desired,
    object::Kind,
    observed::{
        Intended, Lookup, Observed,
        journal::{Ending, Run},
    },
};

/// The plan that ends a stack, if somebody asks for it, or the one that says
/// that an earlier run began to.
pub fn ending(desired: &Desired, observed: &Observed, intent: &Intent) -> Option<Plan> {
    let begun = intent.goes_on_with(&observed.live).and_then(|run| Some((run, run.intended.end?)));
    let mut plan = bare(desired, observed);
    match (begun, intent.end) {
        (None, None) => return None,
        (Some((run, begun)), asked) if asked != Some(begun) => {
            plan.blocked.push(unfinished(&plan, run, begun));
            plan.intended = run.intended.clone();
        }
        (_, Some(Ending::Destroy)) => destroy::destroy(&mut plan, desired, observed, intent),
        (_, Some(Ending::Forget)) => release::release(&mut plan, desired, observed),
        (Some(_), None) => {}
    }
    Some(plan.sealed(desired, observed))
}

/// A plan that does nothing.
fn bare(desired: &Desired, observed: &Observed) -> Plan {
    let live = &observed.live;
    let voters = etcd::voters(observed);
    let (check, missing) = check::rights(&live.rights);
    let unread = live.objects.iter().filter_map(|(key, found)| match found {
        Lookup::Failed(reason) => Some(format!("`{key}` cannot be read: {reason}")),
        Lookup::Found(_) | Lookup::Absent => None,
    });
    Plan {
        stack: desired.stack.name.clone(),
        namespace: desired.stack.namespace.clone(),
        namespace_exists: live.objects.get(&desired.namespace.key).and_then(Lookup::found).is_some(),
        target: live.target.clone(),
        against: None,
        digest: None,
        basis: Basis::default(),
        changes: Vec::new(),
        unchanged: Vec::new(),
        foreign: Vec::new(),
        steps: Vec::new(),
        blocked: missing.into_iter().chain(inventory::foreign(desired, live)).collect(),
        warnings: inventory::ignored(desired, live).into_iter().collect(),
        checks: vec![check],
        etcd: etcd::summary(desired, observed),
        recorded: recorded_cluster(desired, live).ok().flatten(),
        version: desired.stack.version.to_string(),
        intended: Intended::default(),
        inventory: there(&known(desired, live), live),
        complete: true,
        voters: BeforeAfter { before: voters, after: voters },
        can_lose: 0,
        unread: unread.chain(compare::unread(observed)).collect(),
    }
}

/// What an earlier run began, and the two ways on.
fn unfinished(plan: &Plan, run: &Run, begun: Ending) -> Blocked {
    let (code, command, what) = match begun {
        Ending::Destroy => ("plan::unfinished_destroy", "destroy", "is being destroyed"),
        Ending::Forget => ("plan::unfinished_forget", "forget", "is being handed over"),
    };
    Blocked::new(
        code,
        format!(
            "stack `{}` {what}: a run that {} began stopped after {} of {} steps",
            plan.stack, run.who, run.steps.done, run.steps.all
        ),
        format!(
            "`etcdctl-stack {command}` finishes it; `--abandon` gives it up, and then the plan is made from what is left"
        ),
    )
}

/// The kinds of objects that a plan deletes: it needs a right for each.
pub fn deletes(plan: &Plan) -> BTreeSet<Kind> {
    let actions = plan.steps.iter().flat_map(|step| &step.actions);
    let kinds = actions.flat_map(|action| match action {
        Action::Delete { key, .. } | Action::DeleteNamespace { key, .. } | Action::Orphan { key, .. } => {
            vec![key.kind]
        }
        Action::DeleteRecords => vec![Kind::ConfigMap, Kind::Lease],
        _ => Vec::new(),
    });
    kinds.collect()
}
