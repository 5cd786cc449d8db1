//! What the tool prints for programs, against its published schema.
//!
//! A reader is to ignore keys that it does not know, so a schema allows them.
//! Here they are refused, so that no key goes undocumented.

use std::sync::LazyLock;

use etcdctl_stack::render;
use jsonschema::Validator;
use serde_json::{Value, json};

static PLAN: LazyLock<Validator> = LazyLock::new(|| strict(render::schema()));

/// Fails where a plan is not as the schema says.
#[track_caller]
pub fn plan(plan: &Value) {
    conforms(&PLAN, plan);
}

/// Fails where a value is not as a schema says.
#[track_caller]
pub fn conforms(schema: &Validator, value: &Value) {
    if schema.is_valid(value) {
        return;
    }
    let wrong: Vec<String> =
        schema.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    panic!("not as the schema says:\n{}\n{value:#}", wrong.join("\n"));
}

/// The schema, for objects without further keys.
pub fn strict(mut schema: Value) -> Validator {
    close(&mut schema);
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
}

/// Refuses keys that an object of ours does not name.
fn close(schema: &mut Value) {
    if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
        schema["additionalProperties"] = json!(false);
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(close),
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
