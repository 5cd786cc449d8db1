//! A plan without a cluster, from what was recorded of one.
//!
//! It has the changes, steps and reasons that a plan from the cluster itself
//! has while that is as it was recorded. Nobody was asked what admission says,
//! or who may do what: so nothing in it is verified, and there is no digest by
//! which it could be approved.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Check, Confidence, Intent, Outcome, Plan, plan};
use crate::{desired::Desired, observed::Observed};

/// What a plan was made against, where no cluster was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Against {
    /// The recording, as it was named.
    pub file: String,
    /// When the last apply before it ended; it has no time of its own.
    #[schemars(with = "Option<String>")]
    pub applied_at: Option<Timestamp>,
}

/// Why a check could not be made.
pub const NOBODY_ASKED: &str = "no API server was asked";

/// Makes the plan. `observed` is what was recorded, with what was predicted in
/// the place of answers.
pub fn offline(
    desired: &Desired,
    observed: &Observed,
    intent: &Intent,
    now: Timestamp,
    against: Against,
) -> Plan {
    let made = plan(desired, observed, intent, now);
    let mut changes = made.changes;
    changes.iter_mut().for_each(|change| change.confidence = Confidence::Predicted);
    let mut checks = made.checks;
    if !changes.is_empty() {
        let (name, detail) = ("admission".to_owned(), NOBODY_ASKED.to_owned());
        checks.push(Check { name, outcome: Outcome::Unchecked, detail });
    }
    Plan { changes, checks, digest: None, against: Some(against), ..made }
}
