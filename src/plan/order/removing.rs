//! Fields that others set, taken away as steps.

use super::{Inputs, plain};
use crate::plan::{Action, Step, foreign::Removal};

/// One step for each, so that what was done is known of each.
pub(super) fn remove_fields(inputs: &Inputs<'_>) -> impl Iterator<Item = Step> {
    inputs.removals.iter().map(|removal| {
        let Removal { key, uid, field, managers, .. } = removal.clone();
        let who: Vec<&str> = managers.iter().map(String::as_str).collect();
        let title = format!("remove {field} of {key}, set by {}", who.join(" and "));
        plain(title, vec![Action::RemoveField { key, uid, field, managers }])
    })
}
