//! The namespace goes only by its name, only if it was made for the stack, and
//! only if nothing else goes with it.

use super::{Blocked, Desired, Goes, Kind, Live, Lookup, Named, Plan, Target, is_authority, kept, known};
use crate::desired::{FIELD_MANAGER, MANAGED_BY};

/// The namespace, where it is named; what stands against it otherwise.
pub fn namespace(plan: &mut Plan, desired: &Desired, live: &Live, goes: &Goes) -> Option<Target> {
    let key = &desired.namespace.key;
    let found = live.objects.get(key).and_then(Lookup::found)?;
    if plan.intended.delete.uid(key) != found.uid() {
        return None;
    }
    let made = known(desired, live).uid(key).is_none_or(|uid| found.uid() == Some(uid));
    let mut stop =
        |code: &str, reason: String, help: &str| plan.blocked.push(Blocked::new(code, reason, help));
    if !made || found.label(MANAGED_BY) != Some(FIELD_MANAGER) {
        let reason = format!("`{key}` was there before this stack: it is not deleted");
        stop("plan::namespace_not_made", reason, "delete it with kubectl, or leave it out of `--delete`");
        return None;
    }
    let mut kept = kept(desired, live, goes);
    kept.extend(left_alone(desired, live, goes));
    if !kept.is_empty() {
        let reason = format!("{} would go with `{key}`", kept.join(", "));
        stop(
            "plan::namespace_not_empty",
            reason,
            "name these with `--delete` as well where that helps, or leave the namespace out",
        );
    }
    if let Some(others) = live.neighbours.in_words() {
        let reason = format!("`{key}` holds what is not this stack's: {others}");
        stop("plan::namespace_not_empty", reason, "leave it out of `--delete`, or take that away first");
    }
    if let Some(unread) = live.neighbours.unread_in_words() {
        let reason = format!("nobody knows what else is in `{key}`: {unread} cannot be listed");
        stop(
            "plan::namespace_not_read",
            reason,
            "ask for the right to list these, or leave it out of `--delete`",
        );
    }
    Some(Target::of(found))
}

/// Objects of the stack's names that are not surely a run's.
fn left_alone(desired: &Desired, live: &Live, goes: &Goes) -> Vec<String> {
    let found = live.objects.values().filter_map(Lookup::found).map(|object| &object.key);
    let stays =
        found.filter(|key| !goes.has(key) && key.kind != Kind::Namespace && !is_authority(desired, key));
    stays.map(|key| Named::from(key).to_string()).collect()
}
