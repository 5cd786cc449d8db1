//! Several plans, a line each: the most dangerous first.

use std::fmt::Write as _;

use super::{
    danger::{Danger, counted},
    plan::reasons,
    style::{Style, count, padded},
};
use crate::{
    plan::Plan,
    report::{Permissions, in_numbers},
};

/// A line for each file, and one that counts. A file without a plan comes with
/// the reason.
pub fn summary(plans: &[(&str, Result<&Plan, String>)], permissions: &Permissions, style: Style) -> String {
    let row = |(file, plan): &(&'_ str, Result<&Plan, String>)| {
        (danger(plan, permissions), (*file).to_owned(), line(plan, permissions))
    };
    let mut rows: Vec<(Danger, String, String)> = plans.iter().map(row).collect();
    rows.sort();
    let longest = plans.iter().map(|(file, _)| file.chars().count()).max().unwrap_or(0);
    let column = longest.min(style.width / 2);
    let mut text = format!("{}\n", style.bold("Summary"));
    for (danger, file, line) in &rows {
        let first = format!("  {} {}  ", symbol(*danger, style), padded(file, column));
        let _infallible = writeln!(text, "{}", style.wrap(&first, 6, line));
    }
    let dangers: Vec<Danger> = rows.iter().map(|row| row.0).collect();
    let parts: Vec<String> = counted(&dangers).into_iter().map(|(_, words)| words).collect();
    let _infallible = writeln!(
        text,
        "{}",
        style.wrap("", 0, &format!("{}: {}", count(rows.len(), "stack"), parts.join(", ")))
    );
    text
}

fn danger(plan: &Result<&Plan, String>, permissions: &Permissions) -> Danger {
    match plan {
        Err(_) => Danger::Error,
        Ok(plan) => match Danger::of(plan) {
            Danger::Error => Danger::Error,
            _ if !permissions.missing(plan).is_empty() => Danger::Blocked,
            danger => danger,
        },
    }
}

fn symbol(danger: Danger, style: Style) -> String {
    match danger {
        Danger::Stopped | Danger::Error | Danger::Blocked => style.bad("✗"),
        Danger::Loss => style.bad("-"),
        Danger::Restart | Danger::Update => style.mind("~"),
        Danger::Create => style.good("+"),
        Danger::None => " ".to_owned(),
    }
}

fn line(plan: &Result<&Plan, String>, permissions: &Permissions) -> String {
    let plan = match plan {
        Err(reason) => return format!("error: {reason}"),
        Ok(plan) => plan,
    };
    let reasons = reasons(plan);
    let what = if plan.unread.is_empty() { "cannot be applied" } else { "error" };
    let missing = permissions.missing(plan).flags();
    match reasons.as_slice() {
        [] if plan.is_empty() => "no changes".to_owned(),
        [] if !missing.is_empty() => format!("needs {}: {}", missing.join(" "), in_numbers(plan)),
        [] => in_numbers(plan),
        [reason] => format!("{what}: {reason}"),
        [reason, more @ ..] => format!("{what}: {reason} (and {} more)", more.len()),
    }
}
