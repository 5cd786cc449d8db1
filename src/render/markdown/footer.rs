//! What a text is about: the plan's digest, the commit, how sure the plan is,
//! and the command that carries out this plan and no other.

use super::{
    Links, Told,
    escape::{code, fence, link},
};
use crate::{
    plan::{Against, Confidence, Plan},
    render::{asked::asked, plan::command, style::quoted},
    report::needed,
    saved::Made,
};

/// Characters of a commit.
const COMMIT: usize = 12;

/// The last lines of one plan: what it is, and the command.
pub fn of_one(told: &Told<'_>, links: &Links<'_>) -> String {
    let Some(made) = told.saved.made() else { return of_all(None, links) };
    let command = match (&told.news, made.plan.is_applicable()) {
        (None, true) => to_apply(&told.saved.file, made),
        _ => None,
    };
    format!("{}{}", of_all(Some(&made.plan), links), command.unwrap_or_default())
}

/// What it is, in a line.
pub fn of_all(plan: Option<&Plan>, links: &Links<'_>) -> String {
    let plan_is = plan.map(|plan| match &plan.digest {
        Some(digest) => format!("Plan {}", code(&digest.short())),
        None => format!("{} (it cannot be approved)", without_digest(plan)),
    });
    let about: Vec<String> = match (plan_is, commits(links)) {
        (None, Some(commits)) => vec![format!("Made {commits}")],
        (plan, commits) => plan.into_iter().chain(commits).collect(),
    };
    let sure = plan.filter(|plan| !plan.changes.is_empty()).map(sure);
    let links = [("saved plan", links.plans), ("run", links.run)];
    let links = links.into_iter().filter_map(|(label, url)| link(label, url?));
    let parts: Vec<String> =
        (!about.is_empty()).then(|| about.join(" ")).into_iter().chain(sure).chain(links).collect();
    if parts.is_empty() { String::new() } else { format!("{}\n\n", parts.join(" · ")) }
}

/// Why a plan has no digest.
fn without_digest(plan: &Plan) -> String {
    match &plan.against {
        Some(Against { file, .. }) => format!("Predicted from {}, no cluster was asked", code(file)),
        None => "Plan without a digest".to_owned(),
    }
}

/// The commits: `for 41d9e0a on base 9be2f10`.
pub fn commits(links: &Links<'_>) -> Option<String> {
    let commit = |id: &str| code(&id.chars().take(COMMIT).collect::<String>());
    let base = links.base.map(|base| format!(" on base {}", commit(base))).unwrap_or_default();
    links.head.map(|head| format!("for {}{base}", commit(head)))
}

fn sure(plan: &Plan) -> String {
    let with =
        |confidence: Confidence| plan.changes.iter().filter(|one| one.confidence == confidence).count();
    format!("verified {}, predicted {}", with(Confidence::Verified), with(Confidence::Predicted))
}

/// The command, with the whole digest: the short one binds nothing.
fn to_apply(file: &str, made: &Made) -> Option<String> {
    let Made { plan, intent, .. } = made;
    let digest = plan.digest.as_ref().filter(|_| !plan.is_empty())?;
    let flags = [asked(intent), needed(plan).flags()].concat();
    let (first, command) = command(plan, &digest.0, &quoted(file), &flags);
    Some(format!("{first}\n\n{}\n", fence("sh", &[command])))
}
