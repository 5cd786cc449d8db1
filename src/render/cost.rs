//! What a plan costs: the badge of a restart, what is deleted, and the line
//! that counts.

use crate::{
    object::{Kind, Object, ObjectKey},
    plan::{Action, Change, Cost, Ending, Plan, Step, Verb},
    report::needed,
};

/// Whether this change makes members restart: it is of the StatefulSet, and
/// its pods would be others.
pub fn restarts(plan: &Plan, change: &Change) -> bool {
    let is_template = |path: &str| path.starts_with("spec.template");
    change.key.kind == Kind::StatefulSet
        && change.fields.iter().any(|field| is_template(&field.path))
        && !plan.restarts().is_empty()
}

/// What stands beside a change that costs something.
pub fn badge(plan: &Plan, change: &Change) -> String {
    let anew = match (change.verb, change.key.kind) {
        (Verb::Recreate, Kind::StatefulSet) => Some("RECREATE, pods stay".to_owned()),
        (Verb::Recreate, _) => Some("RECREATE".to_owned()),
        (Verb::Create | Verb::Update | Verb::Adopt | Verb::Delete | Verb::Release, _) => None,
    };
    let restart = restarts(plan, change).then(|| restart_badge(plan));
    anew.into_iter().chain(restart).collect::<Vec<_>>().join(", ")
}

/// The badge of a restart: `ROLLING RESTART of 3 members`.
fn restart_badge(plan: &Plan) -> String {
    let down = !plan.needs().downtime.is_empty();
    match plan.restarts().len() {
        1 if down => "RESTART of 1 member: DOWN while it restarts".to_owned(),
        1 => "RESTART of 1 member".to_owned(),
        all if down => format!("ROLLING RESTART of {all} members: DOWN while each restarts"),
        all => format!("ROLLING RESTART of {all} members"),
    }
}

/// A claim whose data a plan deletes.
pub struct Deleted {
    /// The claim.
    pub key: ObjectKey,
    /// Whether it is made anew, for the same member.
    pub made_anew: bool,
}

/// The claims whose data is deleted, in the order of the steps.
pub fn deleted(plan: &Plan) -> Vec<Deleted> {
    let claims = needed(plan).data_loss.into_iter();
    claims
        .map(|claim| Deleted {
            made_anew: plan.steps.iter().any(|step| empties(step, &claim)),
            key: ObjectKey::new(Kind::PersistentVolumeClaim, &plan.namespace, &claim),
        })
        .collect()
}

/// Objects that are as wanted, and that steps change all the same as members
/// come and go: each as the last of these steps leaves it.
pub fn stepwise(plan: &Plan) -> Vec<&Object> {
    let applied = |key: &ObjectKey| {
        let actions = plan.steps.iter().rev().flat_map(|step| step.actions.iter().rev());
        let mut objects = actions.filter_map(|action| match action {
            Action::Apply { object, .. } => Some(object),
            _ => None,
        });
        objects.find(|object| object.key == *key)
    };
    plan.unchanged.iter().filter_map(applied).collect()
}

fn empties(step: &Step, claim: &str) -> bool {
    step.costs.contains(&Cost::DataLoss { claim: claim.to_owned() })
        && step.actions.iter().any(|action| matches!(action, Action::Empty { .. }))
}

/// What stands beside the numbers of a step, where they do not say all.
pub fn remark(step: &Step) -> Option<&'static str> {
    let is_down = |cost: &Cost| matches!(cost, Cost::Downtime { .. });
    let restarts = |cost: &Cost| matches!(cost, Cost::Restart { .. });
    let down = step.costs.iter().any(is_down).then_some("DOWN while it restarts");
    down.or_else(|| step.costs.iter().any(restarts).then_some("while one restarts"))
}

/// What it costs, in a line: `No restart. No data is deleted.`
pub fn in_total(plan: &Plan) -> String {
    let meanwhile = if plan.needs().downtime.is_empty() { "" } else { "; nobody is served meanwhile" };
    let restarts = match plan.restarts().len() {
        _ if plan.intended.end == Some(Ending::Destroy) => "Nobody is served any more.".to_owned(),
        _ if plan.intended.end == Some(Ending::Forget) => "Nothing changes for who uses it.".to_owned(),
        0 => "No restart.".to_owned(),
        1 => format!("Restarts 1 member{meanwhile}."),
        all if at_once(plan) => format!("Restarts {all} members{meanwhile}."),
        all => format!("Restarts {all} members, one by one{meanwhile}."),
    };
    let data = match plan.needs().data_loss.len() {
        0 => "No data is deleted.".to_owned(),
        1 => "Deletes the data of 1 member.".to_owned(),
        all => format!("Deletes the data of {all} members."),
    };
    format!("{restarts} {data}")
}

/// Whether any step restarts more than one member.
fn at_once(plan: &Plan) -> bool {
    let one = |cost: &&Cost| matches!(cost, Cost::Restart { .. } | Cost::Downtime { .. });
    plan.steps.iter().any(|step| step.costs.iter().filter(one).count() > 1)
}
