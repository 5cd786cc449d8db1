//! What differs, as a diff that GitHub and GitLab colour: they look at the
//! first column, and give `!` a colour and `~` none.

use serde_json::Value;

use super::{escape::clipped, levels::Level, masked::masked};
use crate::{
    plan::{Change, FieldChange, Source, Verb},
    render::{
        diff::{Fact, describe},
        field::{Line, chosen, is_nested, parts, tree},
        plan::Detail,
        style::count,
    },
};

/// Columns of a line that is cut.
const CUT: usize = 160;
/// Columns that a value may have in one line.
const WIDE: usize = 100;

/// An object and what differs in it.
pub fn lines(change: &Change, level: Level) -> Vec<String> {
    let mut lines = vec![format!("@@ {} @@", change.key)];
    match level {
        Level::Whole => lines.extend(whole(change)),
        Level::Lines => lines.extend(asked(change).map(|field| clipped(&one_line(field), CUT))),
        Level::Paths => {
            lines.extend(asked(change).map(|field| format!("{} {}", sign(field), clipped(&field.path, CUT))));
        }
        Level::Counted => lines.push(format!("  {}", count(change.fields.len(), "field"))),
    }
    lines
}

/// What the stack asks for.
fn asked(change: &Change) -> impl Iterator<Item = &FieldChange> {
    change.fields.iter().filter(|field| matches!(field.source, Source::Stack | Source::Other))
}

fn whole(change: &Change) -> Vec<String> {
    let mut lines: Vec<String> =
        change.notes.iter().flat_map(|note| note.lines()).map(|note| format!("  {note}")).collect();
    if change.verb == Verb::Create {
        lines.extend(describe(change.key.kind, &change.after, Detail::Listed).iter().flat_map(fact));
    }
    for field in &change.fields {
        let remark = match field.source {
            _ if chosen(change, field) => {
                lines.push(format!("+ {}  (chosen by the API server)", field.path));
                continue;
            }
            Source::Admission => "  (set by the cluster, not by this stack)",
            Source::Default => "  (a default of the API server)",
            Source::Stack | Source::Other => "",
        };
        lines.extend(of_field(field, remark));
    }
    lines
}

/// What is made, in the words of a plan for a person; arguments a line each.
fn fact(Fact { name, value }: &Fact) -> Vec<String> {
    match (*name, value.split(" --").collect::<Vec<_>>().as_slice()) {
        ("args", [first, more @ ..]) => {
            std::iter::once(format!("+ {first}")).chain(more.iter().map(|one| format!("+ --{one}"))).collect()
        }
        ("", _) => vec![format!("+ {value}")],
        _ => vec![format!("+ {name:<9}  {value}")],
    }
}

fn sign(field: &FieldChange) -> char {
    match (&field.before, &field.after) {
        (None, Some(_)) => '+',
        (Some(_), None) => '-',
        (Some(_), Some(_)) | (None, None) => '!',
    }
}

fn one_line(field: &FieldChange) -> String {
    let FieldChange { path, before, after, source: _ } = &masked(field);
    let rest = match (before, after) {
        (None, Some(value)) | (Some(value), None) => format!(": {value}"),
        (Some(before), Some(after)) => format!(": {before} -> {after}"),
        (None, None) => String::new(),
    };
    format!("{} {path}{rest}", sign(field))
}

/// A field in one line, or where its value is too wide for one, part by part.
fn of_field(field: &FieldChange, remark: &str) -> Vec<String> {
    let field = &masked(field);
    let line = one_line(field);
    let nested = |value: &Option<Value>| value.as_ref().is_some_and(is_nested);
    if line.chars().count() <= WIDE || !(nested(&field.before) || nested(&field.after)) {
        return vec![format!("{line}{remark}")];
    }
    let sign = sign(field);
    let mut lines = vec![format!("{sign} {}:{remark}", field.path)];
    match (&field.before, &field.after) {
        (Some(before), Some(after)) => {
            let parts = parts("", before, after);
            lines.extend(parts.iter().map(one_line).map(|line| format!("{}   {}", &line[..1], &line[1..])));
        }
        (None, Some(value)) | (Some(value), None) => {
            let tree = tree(value, WIDE).into_iter();
            lines
                .extend(tree.map(|Line { indent, text }| format!("{sign}     {}{text}", " ".repeat(indent))));
        }
        (None, None) => {}
    }
    lines
}
