//! One field that differs, in a line, or where its value is too wide for one,
//! part by part below its path.

use serde_json::Value;

use super::{
    plan::Detail,
    style::{Style, count, visible},
};
use crate::plan::{Change, FieldChange, Source};

/// Fields of a Service that the API server fills in. A dry-run fills in
/// others than the write will.
const CHOSEN: [&str; 4] = [".nodePort", ".clusterIP", ".clusterIPs", ".healthCheckNodePort"];

const BY_SERVER: &str = "(chosen by the API server)";

/// Every field that differs, a line or more each: what the stack asks for, then
/// what the cluster adds to it. What the API server fills in on every cluster
/// is counted.
pub fn fields(change: &Change, detail: Detail, style: Style) -> String {
    let (chosen, rest): (Vec<_>, Vec<_>) = change.fields.iter().partition(|one| chosen(change, one));
    let (defaults, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|one| one.source == Source::Default);
    let (added, asked): (Vec<_>, Vec<_>) = rest.into_iter().partition(|one| one.source == Source::Admission);
    let mut lines: Vec<String> = asked.into_iter().map(|one| field(one, 6, style)).collect();
    lines.extend(chosen.into_iter().map(|one| {
        style.wrap(&format!("      {} ", style.good("+")), 10, &format!("{}: {BY_SERVER}", one.path))
    }));
    lines.extend(added.into_iter().map(|one| labelled(one, 6, ADMISSION, style)));
    match defaults.len() {
        0 => {}
        _ if detail >= Detail::Listed => {
            lines.extend(defaults.into_iter().map(|one| labelled(one, 6, DEFAULT, style)))
        }
        all => {
            let line = format!("{} hidden, -v lists them", count(all, "server default"));
            lines.push(style.wrap("      ", 8, &line));
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// What stands before and behind a difference that the stack did not ask for.
type Label = (&'static str, &'static str);

const ADMISSION: Label = ("admission: ", "  (set by the cluster, not by this stack)");
const DEFAULT: Label = ("default: ", "");

/// Whether nobody asked for this value: managers are noted for what they ask
/// for, and not for what the server adds.
pub fn chosen(change: &Change, field: &FieldChange) -> bool {
    let Some(name) = CHOSEN.iter().find(|name| field.path.ends_with(**name)) else { return false };
    let owned = format!("\"f:{}\"", name.trim_start_matches('.'));
    let managers = change.after.pointer("/metadata/managedFields");
    field.before.is_none() && !managers.is_some_and(|managers| managers.to_string().contains(&owned))
}

fn field(change: &FieldChange, indent: usize, style: Style) -> String {
    labelled(change, indent, ("", ""), style)
}

fn labelled(change: &FieldChange, indent: usize, (label, remark): Label, style: Style) -> String {
    let FieldChange { path, before, after, source: _ } = change;
    let (symbol, line) = match (before, after) {
        (None, Some(after)) => (style.good("+"), format!("{path}: {after}")),
        (Some(before), None) => (style.bad("-"), format!("{path}: {before}")),
        (Some(before), Some(after)) => (style.mind("~"), format!("{path}: {before} -> {after}")),
        (None, None) => (style.mind("~"), path.clone()),
    };
    let first = format!("{}{label}{symbol} ", " ".repeat(indent));
    let below = indent + 4;
    let head = || style.wrap(&first, below, &format!("{path}:{remark}"));
    let wide = visible(&first) + line.chars().count() > style.width;
    match (before, after) {
        (Some(before), Some(after)) if wide && (is_nested(before) || is_nested(after)) => {
            let parts = parts("", before, after);
            let parts = parts.iter().map(|part| field(part, below, style));
            format!("{}\n{}", head(), parts.collect::<Vec<_>>().join("\n"))
        }
        (None, Some(value)) | (Some(value), None) if wide && is_nested(value) => {
            format!("{}\n{}", head(), whole(value, below, style).trim_end())
        }
        _ => style.wrap(&first, below, &format!("{line}{remark}")),
    }
}

/// A value in as many lines as it takes.
pub fn whole(value: &Value, indent: usize, style: Style) -> String {
    let lines = tree(value, style.width.saturating_sub(indent));
    let lines = lines.iter().map(|Line { indent: deeper, text }| {
        let indent = indent + deeper;
        format!("{}\n", style.wrap(&" ".repeat(indent), indent + 2, text))
    });
    lines.collect()
}

/// Whether a value holds others.
pub fn is_nested(value: &Value) -> bool {
    match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

/// What differs inside of two values, as deep as they are alike; where they
/// are not alike at all, the one and then the other.
pub fn parts(path: &str, before: &Value, after: &Value) -> Vec<FieldChange> {
    let pairs: Vec<(String, Option<&Value>, Option<&Value>)> = match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let new = after.keys().filter(|name| !before.contains_key(*name));
            let dot = if path.is_empty() { "" } else { "." };
            let names = before.keys().chain(new);
            names.map(|name| (format!("{path}{dot}{name}"), before.get(name), after.get(name))).collect()
        }
        (Value::Array(before), Value::Array(after)) => (0..before.len().max(after.len()))
            .map(|index| (format!("{path}[{index}]"), before.get(index), after.get(index)))
            .collect(),
        _ => vec![(path.to_owned(), Some(before), None), (path.to_owned(), None, Some(after))],
    };
    let differing = pairs.into_iter().filter(|(_, before, after)| before != after);
    let part = |(path, before, after): (String, Option<&Value>, Option<&Value>)| match (before, after) {
        (Some(before), Some(after)) if is_nested(before) || is_nested(after) => parts(&path, before, after),
        _ => {
            vec![FieldChange { path, before: before.cloned(), after: after.cloned(), source: Source::Stack }]
        }
    };
    differing.flat_map(part).collect()
}

/// A line of a value, and how far it is indented.
pub struct Line {
    /// By how many spaces.
    pub indent: usize,
    /// What it says.
    pub text: String,
}

/// A value as lines, the way that YAML has it; what is in no need of more than
/// one line stays in one.
pub fn tree(value: &Value, room: usize) -> Vec<Line> {
    let deeper = |lines: Vec<Line>, by: usize| {
        lines.into_iter().map(move |Line { indent, text }| Line { indent: indent + by, text })
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                if fits(value, room.saturating_sub(name.chars().count() + 2)) {
                    return vec![Line { indent: 0, text: format!("{name}: {value}") }];
                }
                let head = Line { indent: 0, text: format!("{name}:") };
                std::iter::once(head).chain(deeper(tree(value, room.saturating_sub(2)), 2)).collect()
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .flat_map(|item| {
                let mut lines: Vec<Line> = deeper(tree(item, room.saturating_sub(2)), 2).collect();
                if let Some(first) = lines.first_mut() {
                    *first = Line { indent: 0, text: format!("- {}", first.text) };
                }
                lines
            })
            .collect(),
        scalar => vec![Line { indent: 0, text: scalar.to_string() }],
    }
}

/// Whether a value is one line: a scalar always, a short list of them.
fn fits(value: &Value, room: usize) -> bool {
    match value {
        Value::Array(items) => !items.iter().any(is_nested) && value.to_string().chars().count() <= room,
        value => !is_nested(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STYLE: Style = Style { color: false, width: 60 };

    fn shown(before: Option<Value>, after: Option<Value>) -> String {
        field(&FieldChange { path: "spec.affinity".into(), before, after, source: Source::Stack }, 0, STYLE)
    }

    fn affinity(operator: &str) -> Value {
        json!({ "required": { "terms": [{ "expressions": [
            { "key": "disk", "operator": operator, "values": ["ssd", "nvme"] },
            { "key": "example.com/a-rather-long-name", "operator": "Exists" },
        ] }] } })
    }

    #[test]
    fn a_wide_value_is_shown_part_by_part() {
        let expected = r#"+ spec.affinity:
    required:
      terms:
        - expressions:
            - key: "disk"
              operator: "In"
              values: ["ssd","nvme"]
            - key: "example.com/a-rather-long-name"
              operator: "Exists""#;
        assert_eq!(shown(None, Some(affinity("In"))), expected);
        assert_eq!(shown(Some(affinity("In")), None), expected.replacen('+', "-", 1));
    }

    #[test]
    fn of_two_wide_values_only_what_differs_is_shown() {
        let expected = r#"~ spec.affinity:
    ~ required.terms[0].expressions[0].operator: "In" ->
        "NotIn""#;
        assert_eq!(shown(Some(affinity("In")), Some(affinity("NotIn"))), expected);
    }

    #[test]
    fn values_of_two_kinds_are_shown_one_after_the_other() {
        let long = "x".repeat(60);
        let expected = format!(
            "~ spec.affinity:\n    - [0]:\n        \"{long}\"\n    + [0]:\n        a:\n          \"{long}\""
        );
        assert_eq!(shown(Some(json!([long])), Some(json!([{ "a": long }]))), expected);
    }

    #[test]
    fn a_value_that_fits_stays_in_its_line() {
        assert_eq!(shown(None, Some(json!(["a"]))), "+ spec.affinity: [\"a\"]");
    }
}
