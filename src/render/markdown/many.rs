//! Several plans: a row each, the most dangerous first, and then each of them
//! with its share of the room.

use super::{
    Links, Markdown, Told, by_danger,
    escape::{clipped, words},
    footer, headline,
    headline::danger,
    levels::fitting,
    limit::Limit,
    objects::cells,
    page::{Page, folded, whole},
};
use crate::{
    render::{
        cost::in_total,
        danger::{Danger, counted},
        plan::reasons,
        style::count,
    },
    saved::{Content, Saved},
};

/// Rows before the rest is counted; where there is little room; at last none.
const ROWS: [usize; 4] = [50, 20, 5, 0];

/// What a plan takes at the very least.
const LEAST: usize = 200;

/// A text of several plans.
pub fn many(told: &[Told<'_>], links: &Links<'_>, limit: Limit) -> Markdown {
    let told = by_danger(told);
    let frame = |rows: usize, left_out: usize| frame(&told, links, rows, left_out);
    // Room for what is said at the end is kept for the longest that it may be.
    let rows = ROWS.into_iter().find(|rows| {
        let (before, after) = frame(*rows, told.len());
        limit.holds(&(before + &after))
    });
    let Some(rows) = rows else {
        let text = format!("### ⛔ {}: too long to be told here\n", count(told.len(), "stack"));
        return Markdown { text, truncated: true };
    };
    let (before, after) = frame(rows, told.len());
    let (details, left_out, cut) = details(&told, links, limit.after(&(before + &after)));
    let (before, after) = frame(rows, left_out);
    let truncated = cut || left_out > 0 || told.len() > rows;
    Markdown { text: format!("{before}{details}{after}"), truncated }
}

/// What stands before and behind the plans.
fn frame(told: &[Told<'_>], links: &Links<'_>, rows: usize, left_out: usize) -> (String, String) {
    let symbol = told.first().map_or("✅", headline::symbol);
    let head = format!("### {symbol} {}: {}\n\n", count(told.len(), "stack"), in_numbers(told));
    let mut table = "| | stack | plan | cost |\n|---|---|---|---|\n".to_owned();
    table.extend(told.iter().take(rows).map(row));
    if told.len() > rows {
        table.push_str(&cells(&["", &format!("and {} more", told.len() - rows), "", ""]));
    }
    let note = match left_out {
        0 => String::new(),
        left => format!(
            "✂️ Too long to be told whole. Left out: the plans of {}. All of them are in {}.\n\n",
            count(left, "stack"),
            whole(links)
        ),
    };
    (format!("{head}{table}\n"), format!("{note}{}", footer::of_all(None, links)))
}

/// How many of each there are.
fn in_numbers(told: &[Told<'_>]) -> String {
    let dangers: Vec<Danger> = told.iter().map(danger).collect();
    let parts = counted(&dangers).into_iter().map(|(danger, words)| match danger {
        Danger::Loss => format!("**{words}**"),
        _ => words,
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn row(told: &Told<'_>) -> String {
    let subject = headline::subject(told.saved);
    cells(&[headline::symbol(told), &subject, &headline::outcome(told), &remark(told)])
}

/// Why there is none, why it stops, or what it costs.
fn remark(told: &Told<'_>) -> String {
    const CELL: usize = 160;
    if let Some(detail) = told.news.as_ref().and_then(|news| news.detail.as_ref().or(news.lines.first())) {
        return words(&clipped(detail, CELL));
    }
    let made = match &told.saved.content {
        Content::NoPlan(diagnostics) => {
            let first = diagnostics.first().and_then(|one| one["summary"].as_str()).unwrap_or_default();
            return words(&clipped(first, CELL));
        }
        Content::Plan(made) => made,
    };
    let plan = &made.plan;
    match reasons(plan).into_iter().next() {
        Some(reason) => words(&clipped(&reason, CELL)),
        None if plan.is_empty() => String::new(),
        None if danger(told) <= Danger::Restart => format!("**{}**", in_total(plan).trim_end_matches('.')),
        None => in_total(plan),
    }
}

/// Each plan that has something to show, with its share of the room; how many
/// do not fit, and whether one of them is not whole.
fn details(told: &[Told<'_>], links: &Links<'_>, limit: Limit) -> (String, usize, bool) {
    let shown: Vec<&Told<'_>> =
        told.iter().filter(|one| danger(one) != Danger::None || has_news(one)).collect();
    let none = Links { head: None, base: None, run: None, plans: links.plans };
    let weights: Vec<usize> = shown.iter().map(|one| weight(one)).collect();
    let (mut text, mut left_out, mut cut) = (String::new(), 0, false);
    for (index, one) in shown.iter().enumerate() {
        let room = limit.after(&text).most;
        let all: usize = weights[index..].iter().sum();
        let share = if limit.most == usize::MAX { room } else { room / all * weights[index] };
        match section(one, &none, Limit { most: share, ..limit }) {
            Some(section) => {
                cut |= section.truncated;
                text.push_str(&section.text);
            }
            None => left_out += 1,
        }
    }
    (text, left_out, cut)
}

/// One plan, folded; `None` when there is no room for it.
fn section(one: &Told<'_>, links: &Links<'_>, limit: Limit) -> Option<Markdown> {
    let summary = summary(one);
    let around = folded(&summary, "");
    if limit.after(&around).most < LEAST {
        return None;
    }
    let page = Page { told: one, links, headline: false };
    let Markdown { text, truncated } = fitting(&page, limit.after(&around))?;
    Some(Markdown { text: folded(&summary, &text), truncated })
}

fn summary(told: &Told<'_>) -> String {
    let outcome = match danger(told) {
        Danger::Stopped => "stopped",
        Danger::Error => "no plan",
        Danger::Blocked => "cannot be applied",
        Danger::Loss => "deletes",
        Danger::Restart => "restarts",
        Danger::Update => "changes",
        Danger::Create => "is new",
        Danger::None => "no changes",
    };
    format!("{} {}: {outcome}", headline::symbol(told), headline::subject_html(told.saved))
}

fn has_news(told: &Told<'_>) -> bool {
    told.news.is_some() && !matches!(told.saved, Saved { content: Content::NoPlan(_), .. })
}

/// How much of the room it has beside the others.
fn weight(told: &Told<'_>) -> usize {
    match danger(told) {
        Danger::Stopped | Danger::Error | Danger::Blocked | Danger::Loss => 6,
        Danger::Restart => 3,
        Danger::Update => 2,
        Danger::Create | Danger::None => 1,
    }
}
