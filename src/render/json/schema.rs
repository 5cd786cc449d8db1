//! The published schema of the JSON of a plan, made of its types.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use super::document::Document;

/// The schema of a plan, in JSON Schema's draft 2020-12.
pub fn schema() -> Value {
    with_head(of::<Document>())
}

/// The schema of what a type is written as.
pub fn of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}

/// Puts what says which kind of document this is before the document.
pub fn with_head(schema: Value) -> Value {
    let Value::Object(mut rest) = schema else { return schema };
    let head: Vec<(String, Value)> =
        ["$schema", "title", "description"].iter().filter_map(|key| rest.shift_remove_entry(*key)).collect();
    Value::Object(head.into_iter().chain(rest).collect())
}
