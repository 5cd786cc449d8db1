//! What a plan comes to, in a line; and how dangerous it is, for the order of
//! several.

use super::{
    Told,
    escape::{code, html, words},
};
use crate::{
    plan::{Ending, Plan, Verb},
    render::{danger::Danger, plan::reasons, style::count},
    report::command,
    saved::{Content, Saved},
};

/// How dangerous a plan is, and what became of it.
pub fn danger(told: &Told<'_>) -> Danger {
    match &told.saved.content {
        _ if told.news.as_ref().is_some_and(|news| news.stopped) => Danger::Stopped,
        Content::NoPlan(_) => Danger::Error,
        Content::Plan(made) => Danger::of(&made.plan),
    }
}

/// The sign of a plan: of what became of it, or of what it is.
pub fn symbol(told: &Told<'_>) -> &'static str {
    match (&told.news, danger(told)) {
        (Some(news), _) => news.symbol,
        (None, Danger::Stopped | Danger::Error | Danger::Blocked) => "⛔",
        (None, Danger::None) => "✅",
        (None, Danger::Loss | Danger::Restart | Danger::Update | Danger::Create) => "🟡",
    }
}

/// The stack's name, or its file's where there is no plan.
pub fn name(saved: &Saved) -> &str {
    saved.made().map_or(saved.file.as_str(), |made| made.plan.stack.as_str())
}

/// The stack, and where it is: `orders → prod-eu / etcd-orders`.
pub fn subject(saved: &Saved) -> String {
    let Some(made) = saved.made() else { return code(&saved.file) };
    format!("{} → {}", code(&made.plan.stack), place(&made.plan, code))
}

/// The same within HTML.
pub fn subject_html(saved: &Saved) -> String {
    let Some(made) = saved.made() else { return html(&saved.file) };
    format!("{} → {}", html(&made.plan.stack), place(&made.plan, html))
}

/// Where it is: a recording does not say in which cluster.
fn place(plan: &Plan, name: fn(&str) -> String) -> String {
    let namespace = name(&plan.namespace);
    match &plan.against {
        Some(_) => format!("{namespace} (offline)"),
        None => format!("{} / {namespace}", name(&plan.target.context)),
    }
}

/// What became of it and what it comes to.
pub fn outcome(told: &Told<'_>) -> String {
    let numbers = match &told.saved.content {
        Content::NoPlan(_) => "no plan".to_owned(),
        Content::Plan(made) => numbers(&made.plan),
    };
    match &told.news {
        None => numbers,
        Some(news) => format!("{}: {numbers}", words(&news.words)),
    }
}

/// What a plan comes to, without what is none.
fn numbers(plan: &Plan) -> String {
    let reasons = count(reasons(plan).len(), "reason");
    match plan {
        _ if !plan.is_applicable() => return format!("**cannot be applied**, for {reasons}"),
        _ if plan.is_empty() => return nothing(plan),
        _ => {}
    }
    let goes = plan.with(Verb::Delete) + plan.needs().data_loss.len();
    let parts = [
        (plan.with(Verb::Create), "to create", ""),
        (plan.with(Verb::Update), "to change", ""),
        (plan.with(Verb::Adopt), "to adopt", ""),
        (plan.with(Verb::Recreate), "to recreate", ""),
        (plan.with(Verb::Release), "to hand over", ""),
        (goes, "to delete", "**"),
    ];
    let end = plan.intended.end.map(|_| format!("**{}**", command(plan.intended.end)));
    let parts = parts.into_iter().filter(|(number, ..)| *number > 0);
    let parts = parts.map(|(number, what, bold)| format!("{bold}{number} {what}{bold}"));
    let steps = (!plan.steps.is_empty()).then(|| count(plan.steps.len(), "step"));
    let (before, after) = (plan.voters.before, plan.voters.after);
    let voters = (before != after).then(|| format!("voters {before} → {after}"));
    end.into_iter().chain(parts).chain(steps).chain(voters).collect::<Vec<_>>().join(", ")
}

fn nothing(plan: &Plan) -> String {
    match plan.intended.end {
        Some(Ending::Destroy) => "nothing is left to destroy".to_owned(),
        Some(Ending::Forget) => "nothing is left to hand over".to_owned(),
        None => "no changes".to_owned(),
    }
}
