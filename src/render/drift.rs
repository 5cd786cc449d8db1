//! What others changed since the last apply, and who.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::style::{Style, count, when};
use crate::{
    object::ObjectKey,
    plan::{Digest, Drift, Drifted, SetBy},
    report::{LastApply, short_name},
};

/// What others changed, for a person.
pub fn drift(stack: &str, since: &LastApply, drift: &Drift, style: Style) -> String {
    let LastApply { digest, who, finished_at, destroyed, stack: _ } = since;
    let how = if *destroyed { "destroyed" } else { "applied" };
    let last = [format!("{how} {}", when(*finished_at)), format!("by {}", short_name(who))];
    let plan = format!("plan {}", Digest(digest.clone()).short());
    let parts: Vec<String> = [style.bold(stack)].into_iter().chain(last).chain([plan]).collect();
    let mut text = format!("{}\n", style.join(2, &parts));
    if *destroyed {
        let _infallible = writeln!(text, "No drift: the stack was destroyed. `apply` makes it again.");
        return text;
    }
    if drift.is_none() {
        let _infallible = writeln!(text, "No drift: all is as it was applied.");
        return text;
    }
    text.push('\n');
    text.push_str(&objects(drift, style));
    for member in &drift.added {
        let line = format!("member {} at {}: added by somebody", member.id, member.peer_urls.join(", "));
        let _infallible = writeln!(text, "{}", style.wrap(&format!("  {} ", style.good("+")), 6, &line));
    }
    for name in &drift.removed {
        let line = format!("member {name}: etcd does not list it any more");
        let _infallible = writeln!(text, "{}", style.wrap(&format!("  {} ", style.bad("-")), 6, &line));
    }
    for reason in &drift.unread {
        let _infallible = writeln!(text, "{}", style.wrap(&format!("  {} ", style.bad("✗")), 6, reason));
    }
    let line = format!("Drift: {}. `plan` shows what an apply would do about it.", in_numbers(drift));
    let _infallible = writeln!(text, "\n{}", style.wrap("", 0, &line));
    text
}

/// The objects with their fields, and those that are gone.
fn objects(drift: &Drift, style: Style) -> String {
    let mut text = String::new();
    let mut last: Option<&ObjectKey> = None;
    for one in &drift.fields {
        if last != Some(&one.object) {
            let _infallible = writeln!(text, "  {} {}", style.mind("~"), one.object);
            last = Some(&one.object);
        }
        text.push_str(&field(one, style));
    }
    for key in &drift.gone {
        let _infallible = writeln!(text, "  {} {key}  {}", style.bad("-"), style.bad("GONE"));
    }
    text
}

fn field(one: &Drifted, style: Style) -> String {
    let Drifted { object: _, path, applied, now, by } = one;
    let (symbol, line) = match (applied, now) {
        (Some(applied), Some(now)) => (style.mind("~"), format!("{path}: {applied} -> {now}")),
        (Some(applied), None) => (style.bad("-"), format!("{path}: {applied}")),
        (None, Some(now)) => (style.good("+"), format!("{path}: {now}")),
        (None, None) => (style.mind("~"), path.clone()),
    };
    let first = style.wrap(&format!("      {symbol} "), 10, &line);
    let who = style.wrap("          ", 12, &set_by(by.as_ref()));
    format!("{first}\n{}\n", style.dim(&who))
}

fn set_by(by: Option<&SetBy>) -> String {
    let Some(SetBy { manager, subresource, time }) = by else {
        return "by somebody who left no name".to_owned();
    };
    format!("by {}", crate::field::who(manager, subresource.as_deref(), time.as_deref()))
}

fn in_numbers(drift: &Drift) -> String {
    let Drift { fields, gone, added, removed, unread } = drift;
    let counts = [
        (fields.len(), "field"),
        (gone.len(), "object"),
        (added.len() + removed.len(), "member"),
        (unread.len(), "question"),
    ];
    let words = ["changed", "gone", "added or removed", "unanswered"];
    let counted = counts.into_iter().zip(words).filter(|((all, _), _)| *all > 0);
    let parts: Vec<String> =
        counted.map(|((all, what), word)| format!("{} {word}", count(all, what))).collect();
    parts.join(", ")
}

/// The same for a program.
pub fn drift_json(file: &str, stack: &str, since: &LastApply, drift: &Drift) -> Value {
    json!({
        "format_version": super::json::FORMAT_VERSION,
        "tool_version": env!("CARGO_PKG_VERSION"),
        "stack": { "name": stack, "file": file },
        "since": since,
        "drifted": !drift.is_none(),
        "resource_drift": drift.fields.iter().map(field_json).collect::<Vec<_>>(),
        "gone": drift.gone.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "members_added": drift.added,
        "members_removed": drift.removed,
        "diagnostics": drift.unread.iter().map(|reason| json!({
            "severity": "error", "code": "plan::unread", "summary": reason, "detail": null,
        })).collect::<Vec<_>>(),
    })
}

fn field_json(one: &Drifted) -> Value {
    let Drifted { object, path, applied, now, by } = one;
    json!({
        "address": object.to_string(),
        "kind": object.kind,
        "namespace": object.namespace,
        "name": object.name,
        "path": path,
        "before": applied,
        "after": now,
        "by": by,
    })
}

/// What stands in its place where nothing could be compared.
pub fn json_without_drift(file: &str, diagnostics: &[Value]) -> Value {
    json!({
        "format_version": super::json::FORMAT_VERSION,
        "tool_version": env!("CARGO_PKG_VERSION"),
        "stack": { "file": file },
        "since": null,
        "drifted": null,
        "resource_drift": [],
        "diagnostics": diagnostics,
    })
}
