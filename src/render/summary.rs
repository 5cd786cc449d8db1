//! Several plans, a line each: the most dangerous first.

use std::fmt::Write as _;

use super::{
    plan::unread,
    style::{Style, count, padded},
};
use crate::{
    plan::{Plan, Verb},
    report::{Permissions, in_numbers},
};

/// How bad the end of one file is; the order of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Danger {
    Error,
    Blocked,
    Update,
    Create,
    None,
}

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
    let _infallible = writeln!(text, "{}", style.wrap("", 0, &counted(&dangers)));
    text
}

fn danger(plan: &Result<&Plan, String>, permissions: &Permissions) -> Danger {
    match plan {
        Err(_) => Danger::Error,
        Ok(plan) if !plan.unread.is_empty() => Danger::Error,
        Ok(plan) if !plan.blocked.is_empty() || !permissions.missing(plan).is_empty() => Danger::Blocked,
        Ok(plan) if plan.is_empty() => Danger::None,
        Ok(plan) if plan.voters.before == 0 && plan.changes.iter().all(|one| one.verb == Verb::Create) => {
            Danger::Create
        }
        Ok(_) => Danger::Update,
    }
}

fn symbol(danger: Danger, style: Style) -> String {
    match danger {
        Danger::Error | Danger::Blocked => style.bad("✗"),
        Danger::Update => style.mind("~"),
        Danger::Create => style.good("+"),
        Danger::None => " ".to_owned(),
    }
}

fn line(plan: &Result<&Plan, String>, permissions: &Permissions) -> String {
    let plan = match plan {
        Err(reason) => return format!("error: {reason}"),
        Ok(plan) => plan,
    };
    let blocked = plan.blocked.iter().map(|blocked| blocked.reason.clone());
    let reasons: Vec<String> = unread(plan).into_iter().chain(blocked).collect();
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

fn counted(dangers: &[Danger]) -> String {
    let named = [
        (Danger::Error, "with errors"),
        (Danger::Blocked, "that cannot be applied"),
        (Danger::Update, "to change"),
        (Danger::Create, "to create"),
        (Danger::None, "without changes"),
    ];
    let number = |danger: Danger| dangers.iter().filter(|one| **one == danger).count();
    let parts: Vec<String> = named
        .iter()
        .filter(|(danger, _)| number(*danger) > 0)
        .map(|(danger, name)| format!("{} {name}", number(*danger)))
        .collect();
    format!("{}: {}", count(dangers.len(), "stack"), parts.join(", "))
}
