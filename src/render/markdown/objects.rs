//! The objects of a plan as a table: what happens to each, and what that costs.

use serde_json::Value;

use super::{
    escape::{clipped, code, words},
    masked::masked,
};
use crate::{
    object::{Kind, ObjectKey},
    plan::{Change, FieldChange, Plan, Source, Verb, makers},
    render::{
        cost::{Deleted, badge, deleted},
        diff::describe,
        plan::Detail,
    },
};

/// Rows before the rest is counted.
pub const ROWS: usize = 50;
/// Fields that are told of one object.
const FIELDS: usize = 3;
/// Characters of a value, and of a text in a cell.
const VALUE: usize = 40;
const CELL: usize = 240;

/// How many rows there are.
pub fn rows(plan: &Plan) -> usize {
    plan.changes.len() + deleted(plan).len()
}

/// The table, with as many rows as are asked for; empty without any.
pub fn table(plan: &Plan, most: usize) -> String {
    let gone: Vec<Row> = deleted(plan).iter().map(gone).collect();
    // What goes is never what is folded away.
    let room = most.saturating_sub(gone.len());
    let changes = plan.changes.iter().map(|change| row(plan, change)).take(room);
    let mut all: Vec<Row> = changes.chain(gone.into_iter().take(most)).collect();
    if all.is_empty() {
        return String::new();
    }
    let more = rows(plan) - all.len();
    if more > 0 {
        all.push(["", &format!("and {more} more"), "", ""].map(str::to_owned));
    }
    let columns = if all.iter().all(|row| row[3].is_empty()) { 3 } else { 4 };
    let lines: String =
        all.iter().map(|row| cells(&row[..columns].iter().map(String::as_str).collect::<Vec<_>>())).collect();
    let head = cells(&["", "object", "change", "cost"][..columns]);
    format!("{head}{}|\n{lines}\n", "|---".repeat(columns))
}

/// A sign, the object, what happens to it, what that costs.
type Row = [String; 4];

/// A row, in which nothing ends a cell. <https://github.github.com/gfm/#tables-extension->
pub fn cells(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "¦")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn row(plan: &Plan, change: &Change) -> Row {
    let sign = match change.verb {
        Verb::Create => "➕",
        Verb::Update => "✏️",
        Verb::Adopt => "🤝",
        Verb::Delete => "🗑️",
        Verb::Recreate => "♻️",
        Verb::Release => "📤",
    };
    let cost = match (change.verb, badge(plan, change)) {
        (Verb::Delete, _) => "**deleted**".to_owned(),
        (_, badge) if badge.is_empty() => String::new(),
        (_, badge) => format!("**{badge}**"),
    };
    [sign.to_owned(), object(&change.key), what(change), cost]
}

/// A claim whose data goes.
fn gone(claim: &Deleted) -> Row {
    let (sign, change) = match claim.made_anew {
        true => ("♻️", "made anew, empty"),
        false => ("🗑️", "deleted"),
    };
    [sign, &object(&claim.key), change, "**DATA DELETED**"].map(str::to_owned)
}

fn object(key: &ObjectKey) -> String {
    format!("{} {}", key.kind, code(&key.name))
}

/// What happens to an object, in a few words.
fn what(change: &Change) -> String {
    let verb = match change.verb {
        Verb::Create => return created(change),
        Verb::Adopt => Some(format!("adopted from {}", words(&makers(&change.adopting)))),
        Verb::Recreate => Some("deleted and created again".to_owned()),
        Verb::Release => Some("handed over".to_owned()),
        Verb::Delete => return first_note(change).unwrap_or_else(|| "goes".to_owned()),
        Verb::Update => None,
    };
    let ours = |field: &&FieldChange| field.source != Source::Default;
    let fields: Vec<String> = change.fields.iter().filter(ours).map(field).collect();
    let more = fields.len().saturating_sub(FIELDS);
    let more = (more > 0).then(|| format!("and {more} more"));
    let told = verb.into_iter().chain(fields.into_iter().take(FIELDS)).chain(more).collect::<Vec<_>>();
    match told.is_empty() {
        true => first_note(change).unwrap_or_else(|| "written again".to_owned()),
        false => told.join(" · "),
    }
}

fn first_note(change: &Change) -> Option<String> {
    change.notes.first().map(|note| words(&clipped(note, CELL)))
}

/// The facts that matter most of what is made.
fn created(change: &Change) -> String {
    let facts = describe(change.key.kind, &change.after, Detail::Counted);
    let telling = ["", "replicas", "image", "storage"];
    let told = facts.iter().filter(|fact| telling.contains(&fact.name));
    let told: Vec<String> = match change.key.kind {
        Kind::StatefulSet => told
            .map(|fact| fact.value.split(", ").next().unwrap_or_default())
            .zip(["members: ", "", ""])
            .map(|(value, name)| format!("{name}{}", words(&clipped(value, CELL))))
            .collect(),
        _ => told.map(|fact| words(&clipped(&fact.value, CELL))).collect(),
    };
    match told.is_empty() {
        true => first_note(change).unwrap_or_else(|| "created".to_owned()),
        false => told.join(" · "),
    }
}

/// A field: its last name, and its values where they are short.
fn field(field: &FieldChange) -> String {
    let field = &masked(field);
    let name = match field.path.strip_prefix("spec.") {
        Some("replicas") => "replicas".to_owned(),
        _ => code(&clipped(last_name(&field.path), VALUE)),
    };
    match (short(field.before.as_ref()), short(field.after.as_ref())) {
        (Some(before), Some(after)) => format!("{name} {} → {}", value(&before), value(&after)),
        (None, Some(after)) if field.before.is_none() => format!("{name} added: {}", value(&after)),
        _ if field.before.is_none() => format!("{name} added"),
        _ if field.after.is_none() => format!("{name} removed"),
        _ => format!("{name} changed"),
    }
}

/// The last name of a path, or what stands in its last brackets.
fn last_name(path: &str) -> &str {
    let end = path.strip_suffix(']').and_then(|path| path.rsplit_once('['));
    match end {
        Some((_, name)) => name.trim_matches('"'),
        None => path.rsplit_once('.').map_or(path, |(_, name)| name),
    }
}

fn short(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => return None,
        scalar => scalar.to_string(),
    };
    (text.chars().count() <= VALUE).then_some(text)
}

fn value(text: &str) -> String {
    match text.parse::<u64>() {
        Ok(number) => number.to_string(),
        Err(_) => code(text),
    }
}
