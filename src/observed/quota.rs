//! What a namespace may use, and what it uses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;

/// A ResourceQuota.
/// <https://kubernetes.io/docs/concepts/policy/resource-quotas/>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Its name.
    pub name: String,
    /// The most of each resource, by the name that the quota has for it.
    pub hard: BTreeMap<String, Quantity>,
    /// What of it is in use.
    pub used: BTreeMap<String, Quantity>,
    /// Which pods it counts; all of them where there are none.
    pub scopes: Vec<Scope>,
}

/// Which pods a quota counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// `BestEffort`, `NotTerminating`, `PriorityClass`, ...
    pub name: String,
    /// `Exists`, `In`, `NotIn`, `DoesNotExist`.
    pub operator: String,
    /// The values of `In` and `NotIn`.
    pub values: Vec<String>,
}
