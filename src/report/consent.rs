//! What a plan needs to be allowed by name, and what was allowed.
//!
//! Permissions are no part of a plan's digest: they say what may be done, not
//! what is done.

use std::collections::BTreeSet;

use crate::plan::{Cost, Plan};

/// What was allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Whose data may be deleted.
    pub data_loss: DataLoss,
    /// Whether nobody may be served for a while.
    pub downtime: bool,
}

/// Whose data may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataLoss {
    /// That of these claims, by name.
    Of(BTreeSet<String>),
    /// That of whatever the plan deletes.
    OfAll,
}

impl Default for DataLoss {
    fn default() -> Self {
        DataLoss::Of(BTreeSet::new())
    }
}

/// Claims and members, each in the order in which the steps come to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Claims whose data is deleted.
    pub data_loss: Vec<String>,
    /// Members during whose restart nobody is served.
    pub downtime: Vec<String>,
}

/// What a plan needs: [`Plan::needs`] in the order of the steps.
pub fn needed(plan: &Plan) -> Consent {
    let mut needed = Consent::default();
    for cost in plan.steps.iter().flat_map(|step| &step.costs) {
        let (list, name) = match cost {
            Cost::DataLoss { claim } => (&mut needed.data_loss, claim),
            Cost::Downtime { member } => (&mut needed.downtime, member),
            Cost::Restart { .. } => continue,
        };
        if !list.contains(name) {
            list.push(name.clone());
        }
    }
    needed
}

impl Permissions {
    /// What a plan needs and was not allowed.
    pub fn missing(&self, plan: &Plan) -> Consent {
        let mut missing = needed(plan);
        missing.data_loss.retain(|claim| !self.allows(claim));
        if self.downtime {
            missing.downtime.clear();
        }
        missing
    }

    fn allows(&self, claim: &str) -> bool {
        match &self.data_loss {
            DataLoss::Of(claims) => claims.contains(claim),
            DataLoss::OfAll => true,
        }
    }

    /// Claims that were named although the plan does not delete them.
    pub fn beside_the_plan(&self, plan: &Plan) -> Vec<String> {
        let DataLoss::Of(claims) = &self.data_loss else { return Vec::new() };
        let deleted = plan.needs().data_loss;
        claims.iter().filter(|claim| !deleted.contains(*claim)).cloned().collect()
    }
}

impl Consent {
    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.data_loss.is_empty() && self.downtime.is_empty()
    }

    /// The flags that allow exactly this.
    pub fn flags(&self) -> Vec<String> {
        let claims =
            (!self.data_loss.is_empty()).then(|| format!("--allow-data-loss {}", self.data_loss.join(",")));
        let downtime = (!self.downtime.is_empty()).then(|| "--allow-downtime".to_owned());
        claims.into_iter().chain(downtime).collect()
    }
}
