//! How dangerous a plan is: the order of several, and how many there are of
//! each.

use crate::plan::{Cost, Plan, Verb};

/// How bad it is; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Carrying it out stopped.
    Stopped,
    /// There is no plan, or not all could be read.
    Error,
    /// It cannot be applied.
    Blocked,
    /// Data goes, or something that cannot be made again.
    Loss,
    /// Members restart.
    Restart,
    /// Something changes.
    Update,
    /// All of it is new.
    Create,
    /// Nothing is to do.
    None,
}

impl Danger {
    /// That of a plan which nobody has begun to carry out.
    pub fn of(plan: &Plan) -> Self {
        let costs = |wanted: fn(&Cost) -> bool| plan.steps.iter().flat_map(|step| &step.costs).any(wanted);
        match plan {
            _ if !plan.unread.is_empty() => Danger::Error,
            _ if !plan.blocked.is_empty() => Danger::Blocked,
            _ if costs(|cost| matches!(cost, Cost::DataLoss { .. } | Cost::Deletion { .. })) => Danger::Loss,
            _ if plan.intended.end.is_some() && !plan.is_empty() => Danger::Loss,
            _ if costs(|cost| matches!(cost, Cost::Restart { .. } | Cost::Downtime { .. })) => {
                Danger::Restart
            }
            _ if plan.is_empty() => Danger::None,
            _ if plan.voters.before == 0 && plan.with(Verb::Create) == plan.changes.len() => Danger::Create,
            _ => Danger::Update,
        }
    }
}

/// What stacks of each danger are called, and how many there are; none of which
/// there is no one.
pub fn counted(dangers: &[Danger]) -> Vec<(Danger, String)> {
    let named = [
        (Danger::Stopped, "that stopped"),
        (Danger::Error, "with errors"),
        (Danger::Blocked, "that cannot be applied"),
        (Danger::Loss, "with deletions"),
        (Danger::Restart, "with restarts"),
        (Danger::Update, "to change"),
        (Danger::Create, "to create"),
        (Danger::None, "without changes"),
    ];
    let number = |wanted: Danger| dangers.iter().filter(|danger| **danger == wanted).count();
    let all = named.into_iter().map(|(danger, name)| (danger, number(danger), name));
    all.filter(|(_, number, _)| *number > 0)
        .map(|(danger, number, name)| (danger, format!("{number} {name}")))
        .collect()
}
