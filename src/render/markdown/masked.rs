//! Values that are not for everybody who may read a comment: those of
//! environment variables, where tokens stand. `stack::mask` hides the same in
//! reports of mistakes.

use serde_json::{Value, json};

use crate::{object::NOT_SHOWN, plan::FieldChange};

/// The field without such values.
pub fn masked(field: &FieldChange) -> FieldChange {
    let FieldChange { path, before, after, source } = field;
    let within = path.contains(".env[") || path.ends_with(".env");
    let seen = |value: &Option<Value>| {
        value.as_ref().map(|value| if within { json!(NOT_SHOWN) } else { without(value) })
    };
    FieldChange { path: path.clone(), before: seen(before), after: seen(after), source: *source }
}

/// A value without those of the variables in it.
fn without(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let one = |(name, value): (&String, &Value)| {
                let value = if name == "env" { json!(NOT_SHOWN) } else { without(value) };
                (name.clone(), value)
            };
            Value::Object(fields.iter().map(one).collect())
        }
        Value::Array(items) => items.iter().map(without).collect(),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Source;

    #[test]
    fn what_a_variable_holds_is_not_shown_wherever_it_stands() {
        let field = |path: &str, after: Value| {
            let field =
                FieldChange { path: path.into(), before: None, after: Some(after), source: Source::Stack };
            masked(&field).after
        };
        assert_eq!(field("spec.containers[etcd].env[A].value", json!("x")), Some(json!(NOT_SHOWN)));
        let sidecar = json!({ "name": "a", "env": [{ "name": "A", "value": "x" }] });
        assert_eq!(field("spec.containers[a]", sidecar), Some(json!({ "name": "a", "env": NOT_SHOWN })));
        assert_eq!(field("spec.replicas", json!(3)), Some(json!(3)));
    }
}
