//! JSON that is the same bytes for the same value: keys sorted, no spaces that
//! nobody asked for. The model holds no floats, whose spelling would differ.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The value with the keys of every object sorted.
pub fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(b.0));
            sorted.into_iter().map(|(key, value)| (key.clone(), canonical(value))).collect()
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
    }
}

/// SHA-256 of the value as canonical JSON without spaces, 64 hexadecimal
/// digits.
pub fn sha256(value: &Value) -> String {
    sha256_of_text(&canonical(value).to_string())
}

/// SHA-256 of a text as it is, 64 hexadecimal digits: what `sha256sum` prints.
pub fn sha256_of_text(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The columns of a line that people review.
const COLUMNS: usize = 110;

/// Canonical JSON for people to review: what fits on a line stands on one, so
/// that a change of one thing is a change of one line.
pub fn readable(value: &Value) -> String {
    let mut text = String::new();
    write(&canonical(value), 0, 0, &mut text);
    text.push('\n');
    text
}

/// Writes a value that begins behind so many spaces and the name before it.
fn write(value: &Value, indent: usize, name: usize, text: &mut String) {
    let short = on_a_line(value);
    if indent + name + short.len() < COLUMNS {
        return text.push_str(&short);
    }
    let inner = indent + 2;
    let begin = |first: bool, text: &mut String| {
        text.push_str(if first { "\n" } else { ",\n" });
        text.push_str(&" ".repeat(inner));
    };
    match value {
        Value::Object(fields) => {
            text.push('{');
            for (index, (key, value)) in fields.iter().enumerate() {
                begin(index == 0, text);
                let name = format!("{}: ", Value::from(key.as_str()));
                text.push_str(&name);
                write(value, inner, name.len(), text);
            }
            text.push_str(&format!("\n{}}}", " ".repeat(indent)));
        }
        Value::Array(items) => {
            text.push('[');
            for (index, value) in items.iter().enumerate() {
                begin(index == 0, text);
                write(value, inner, 0, text);
            }
            text.push_str(&format!("\n{}]", " ".repeat(indent)));
        }
        _ => text.push_str(&short),
    }
}

fn on_a_line(value: &Value) -> String {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let field = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), on_a_line(value))
            };
            format!("{{ {} }}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(on_a_line).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// The minor version of a format, `MAJOR.MINOR`, whose major one is known.
pub fn minor(version: &str) -> Option<u32> {
    let (major, minor) = version.split_once('.')?;
    (major == "1").then(|| minor.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_keys_does_not_matter_and_that_of_items_does() {
        let one = json!({ "a": 1, "b": [{ "c": 2, "d": 3 }, 4] });
        assert_eq!(sha256(&one), sha256(&json!({ "b": [{ "d": 3, "c": 2 }, 4], "a": 1 })));
        assert_ne!(sha256(&one), sha256(&json!({ "a": 1, "b": [4, { "c": 2, "d": 3 }] })));
        // `printf '{"a":1}' | sha256sum`
        let known = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
        assert_eq!(sha256(&json!({ "a": 1 })), known);
    }

    #[test]
    fn what_fits_on_a_line_stands_on_one() {
        let long = "x".repeat(COLUMNS);
        let value = json!({ "b": { "d": [], "c": "\"" }, "a": [long, { "e": {} }] });
        let text = readable(&value);
        let lines: Vec<&str> = text.lines().collect();
        let first = format!("    \"{long}\",");
        let rest = ["    { \"e\": {} }", "  ],", r#"  "b": { "c": "\"", "d": [] }"#, "}"];
        assert_eq!(lines, [&["{", "  \"a\": [", &first], rest.as_slice()].concat());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
