//! What of an object is known only once the steps have run.

use serde_json::{Value, json};

use super::{Action, Fill, Plan};
use crate::{desired::CLUSTER_ID, object::ObjectKey};

/// `true` at each place of an object whose value is made when the plan is
/// carried out, in the object's own shape.
pub fn unknown(plan: &Plan, key: &ObjectKey) -> Value {
    let mut unknown = json!({});
    for action in plan.steps.iter().flat_map(|step| &step.actions) {
        match action {
            Action::Issue { object, .. } if object.key == *key => unknown["data"] = json!(true),
            Action::Apply { object, fill, .. } if object.key == *key => {
                fill.iter().for_each(|fill| hole(&mut unknown, *fill, plan.recorded.is_some()));
            }
            _ => {}
        }
    }
    unknown
}

fn hole(unknown: &mut Value, fill: Fill, is_founded: bool) {
    match fill {
        Fill::NewToken => unknown["data"] = json!({ "initial-cluster-token": true }),
        Fill::ClusterId if !is_founded => {
            unknown["metadata"] = json!({ "annotations": { CLUSTER_ID: true } });
        }
        Fill::ClusterId | Fill::LiveToken => {}
    }
}
