//! What a plan needs to be allowed by name, and what was allowed.
//!
//! Permissions are no part of a plan's digest: they say what may be done, not
//! what is done.

use std::collections::BTreeSet;

use crate::{
    object::Named,
    plan::{Cost, Plan},
};

/// What was allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Whose data may be deleted: claims.
    pub data_loss: Which<String>,
    /// What else may be deleted that cannot be made again.
    pub delete: Which<Named>,
    /// Whether nobody may be served for a while.
    pub downtime: bool,
}

/// What may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which<T> {
    /// These, by name.
    These(BTreeSet<T>),
    /// Whatever the plan deletes.
    All,
}

impl<T> Default for Which<T> {
    fn default() -> Self {
        Which::These(BTreeSet::new())
    }
}

impl<T: Ord + Clone> Which<T> {
    fn allows(&self, one: &T) -> bool {
        match self {
            Which::These(named) => named.contains(one),
            Which::All => true,
        }
    }

    /// Those that were named and are not among these.
    fn beside(&self, deleted: &BTreeSet<T>) -> Vec<T> {
        match self {
            Which::These(named) => named.difference(deleted).cloned().collect(),
            Which::All => Vec::new(),
        }
    }
}

/// Claims and members, each in the order in which the steps come to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Claims whose data is deleted.
    pub data_loss: Vec<String>,
    /// Objects that are deleted and cannot be made again as they are.
    pub delete: Vec<Named>,
    /// Members during whose restart nobody is served.
    pub downtime: Vec<String>,
}

/// What a plan needs: [`Plan::needs`] in the order of the steps.
pub fn needed(plan: &Plan) -> Consent {
    let mut needed = Consent::default();
    for cost in plan.steps.iter().flat_map(|step| &step.costs) {
        match cost {
            Cost::DataLoss { claim } => once(&mut needed.data_loss, claim),
            Cost::Deletion { object } => once(&mut needed.delete, object),
            Cost::Downtime { member } => once(&mut needed.downtime, member),
            Cost::Restart { .. } => {}
        }
    }
    needed
}

fn once<T: PartialEq + Clone>(list: &mut Vec<T>, one: &T) {
    if !list.contains(one) {
        list.push(one.clone());
    }
}

impl Permissions {
    /// What a plan needs and was not allowed.
    pub fn missing(&self, plan: &Plan) -> Consent {
        let mut missing = needed(plan);
        missing.data_loss.retain(|claim| !self.data_loss.allows(claim));
        missing.delete.retain(|object| !self.delete.allows(object));
        if self.downtime {
            missing.downtime.clear();
        }
        missing
    }

    /// Claims and other objects that were named although the plan does not
    /// delete them.
    pub fn beside_the_plan(&self, plan: &Plan) -> (Vec<String>, Vec<Named>) {
        let needs = plan.needs();
        (self.data_loss.beside(&needs.data_loss), self.delete.beside(&needs.delete))
    }
}

impl Consent {
    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        self.data_loss.is_empty() && self.delete.is_empty() && self.downtime.is_empty()
    }

    /// The flags that allow exactly this.
    pub fn flags(&self) -> Vec<String> {
        let claims =
            (!self.data_loss.is_empty()).then(|| format!("--allow-data-loss {}", self.data_loss.join(",")));
        let objects: Vec<String> = self.delete.iter().map(ToString::to_string).collect();
        let objects = (!objects.is_empty()).then(|| format!("--allow-delete {}", objects.join(",")));
        let downtime = (!self.downtime.is_empty()).then(|| "--allow-downtime".to_owned());
        claims.into_iter().chain(objects).chain(downtime).collect()
    }
}
