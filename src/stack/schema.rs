//! The JSON Schema of stack files, for editors and for the walk.
//!
//! Draft 7, which every TOML editor reads. TOML has no null, so an optional key
//! is one that may be left out, and "or null" is taken out of the schema:
//! editors would say that no choice of an `anyOf` fits.

use std::sync::LazyLock;

use schemars::{Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value};

use super::file::StackFile;

/// Made once: it is the same for every file.
pub(super) static SCHEMA: LazyLock<Value> = LazyLock::new(schema);

/// Returns the schema of a stack file, in JSON Schema's draft 7.
pub fn schema() -> Value {
    let schema = SchemaSettings::draft07()
        .with_transform(RecursiveTransform(without_null))
        .into_generator()
        .into_root_schema_for::<StackFile>()
        .to_value();
    head_first(schema)
}

/// Puts what says which kind of document this is before the document.
fn head_first(schema: Value) -> Value {
    let Value::Object(mut rest) = schema else { return schema };
    let head: Vec<(String, Value)> =
        ["$schema", "title", "description"].iter().filter_map(|key| rest.shift_remove_entry(*key)).collect();
    Value::Object(head.into_iter().chain(rest).collect())
}

fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    without_null_choice(object);
    one_list_of_choices(object);
    // Names of Rust's integers, which no editor knows: a range says it too.
    if object.remove("format").is_some_and(|format| format == "int32") {
        object.entry("minimum").or_insert(i32::MIN.into());
        object.entry("maximum").or_insert(i32::MAX.into());
    }
}

fn without_null_choice(object: &mut Map<String, Value>) {
    let Some(Value::Array(mut choices)) = object.remove("anyOf") else { return };
    choices.retain(|choice| choice["type"] != "null");
    // In draft 7 whatever stands beside a `$ref` is ignored; beside `allOf` it counts.
    let kind = if choices.len() == 1 { "allOf" } else { "anyOf" };
    object.insert(kind.to_owned(), Value::Array(choices));
}

/// Makes an `enum` of choices that are described one by one: editors would
/// complain once for each of them.
fn one_list_of_choices(object: &mut Map<String, Value>) {
    let Some(choices) = object.get("oneOf").and_then(Value::as_array) else { return };
    let names: Option<Vec<Value>> = choices.iter().map(|choice| choice.get("const").cloned()).collect();
    if let Some(names) = names {
        object.remove("oneOf");
        object.insert("type".to_owned(), Value::from("string"));
        object.insert("enum".to_owned(), Value::Array(names));
    }
}
