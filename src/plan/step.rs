//! A plan's steps: what to do, what must hold before, what to wait for after.
//!
//! `execute` chooses nothing: an action carries the whole apply body, and what
//! is known only when it runs is a named hole, a [`Fill`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::object::Named;

mod action;
mod condition;

pub use action::{Action, Expects, Fill, IssueReason, RestartReason};
pub use condition::{Guard, Wait};

/// One line of a plan's steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// For a person, imperative: `promote orders-1 once it has caught up`.
    pub title: String,
    /// What is done, in order. Each may be repeated without harm.
    pub actions: Vec<Action>,
    /// What must hold when the step begins.
    pub before: Vec<Guard>,
    /// What must hold for the step to be done.
    pub after: Vec<Wait>,
    /// Membership once the step is done, where the step touches it. While a
    /// member restarts it is not among those that can be lost.
    pub tally: Option<Tally>,
    /// What it costs.
    pub costs: Vec<Cost>,
}

/// What a step costs whoever uses the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "cost")]
pub enum Cost {
    /// This member restarts.
    Restart {
        /// Its name.
        member: String,
    },
    /// Nobody is served while this member restarts.
    Downtime {
        /// Its name.
        member: String,
    },
    /// The data behind this claim is deleted.
    DataLoss {
        /// The claim's name.
        claim: String,
    },
    /// This object is deleted, and cannot be made again as it is.
    Deletion {
        /// Which one.
        object: Named,
    },
}

/// Voters after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// How many vote.
    pub voters: usize,
    /// How many must agree.
    pub quorum: usize,
    /// How many may fail.
    pub can_lose: usize,
}
