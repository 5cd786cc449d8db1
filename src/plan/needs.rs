//! What a plan comes to: what it costs, and what must be allowed for it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cost, Plan, Tally, Verb};
use crate::object::Named;

/// What must be allowed by name, because it cannot be undone or cannot be
/// done while clients are served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Needs {
    /// Claims whose data is deleted.
    pub data_loss: BTreeSet<String>,
    /// Objects that are deleted and cannot be made again as they are.
    pub delete: BTreeSet<Named>,
    /// Members during whose restart nobody is served.
    pub downtime: BTreeSet<String>,
}

impl Plan {
    /// Whether there is nothing to do and nothing in the way.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.changes.is_empty() && self.blocked.is_empty()
    }

    /// How many objects have this done to them.
    pub fn with(&self, verb: Verb) -> usize {
        self.changes.iter().filter(|change| change.verb == verb).count()
    }

    /// What must be allowed by name before it is carried out.
    pub fn needs(&self) -> Needs {
        let costs = || self.steps.iter().flat_map(|step| &step.costs);
        let claim = |cost: &Cost| match cost {
            Cost::DataLoss { claim } => Some(claim.clone()),
            _ => None,
        };
        let object = |cost: &Cost| match cost {
            Cost::Deletion { object } => Some(object.clone()),
            _ => None,
        };
        let down = |cost: &Cost| match cost {
            Cost::Downtime { member } => Some(member.clone()),
            _ => None,
        };
        Needs {
            data_loss: costs().filter_map(claim).collect(),
            delete: costs().filter_map(object).collect(),
            downtime: costs().filter_map(down).collect(),
        }
    }

    /// The members that restart, in the order in which they do.
    pub fn restarts(&self) -> Vec<&str> {
        let costs = self.steps.iter().flat_map(|step| &step.costs);
        costs
            .filter_map(|cost| match cost {
                Cost::Restart { member } | Cost::Downtime { member } => Some(member.as_str()),
                Cost::DataLoss { .. } | Cost::Deletion { .. } => None,
            })
            .collect()
    }

    /// The step after which the fewest members can be lost: its number, from
    /// 1, and how it stands then. `None` unless a step touches membership.
    pub fn lowest(&self) -> Option<(usize, Tally)> {
        let numbered = self.steps.iter().enumerate();
        let tallies = numbered.filter_map(|(index, step)| Some((index + 1, step.tally?)));
        tallies.min_by_key(|(number, tally)| (tally.can_lose, *number))
    }

    /// Whether it can be carried out: all was read and nothing stands in the way.
    pub fn is_applicable(&self) -> bool {
        self.blocked.is_empty() && self.unread.is_empty()
    }
}
