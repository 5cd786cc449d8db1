//! Every plan of these tests, as programs read it.

use etcdctl_stack::{
    plan::Plan,
    render::{self, About},
    report::Permissions,
};
use serde_json::{Value, json};

use crate::valid;

/// Fails where the JSON of a plan is not as the published schema says.
#[track_caller]
pub fn valid(plan: &Plan) {
    let permissions = Permissions::default();
    let about = About { file: "orders.toml", permissions: &permissions, unfinished: None };
    let json = render::json(plan, about);
    valid::plan(&json);
    each_field_has_its_keys(&json);
}

/// A field is told by the keys that lead there, and not by its spelling.
#[track_caller]
fn each_field_has_its_keys(plan: &Value) {
    let changes = plan["resource_changes"].as_array().into_iter().flatten();
    let fields = changes.flat_map(|one| one["change"]["fields"].as_array().into_iter().flatten());
    for field in fields.chain(plan["foreign_fields"].as_array().into_iter().flatten()) {
        let is_deep = field["field"].as_str().is_some_and(|field| field.contains('.'));
        assert!(!is_deep || field["path"] != json!([field["field"]]), "{field:#}");
    }
}
