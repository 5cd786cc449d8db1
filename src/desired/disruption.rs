//! What a drain may take away.

use serde_json::json;

use super::{Names, labels};
use crate::{member::quorum, object::Object, stack::Stack};

/// A budget that keeps quorum: an integer, never a percentage, and never
/// `maxUnavailable`, which re-bases while membership shrinks. One or two
/// members cannot be drained at all then.
pub fn budget(stack: &Stack, names: &Names) -> Object {
    let spec = json!({
        "minAvailable": quorum(stack.members.into()),
        "selector": { "matchLabels": labels::selector(names) },
    });
    labels::object(stack, names, names.budget(), json!({ "spec": spec }))
}
