//! What to mind, in boxes that stand out: what goes for good, what stands in
//! the way, and warnings. GitHub draws no box within what is folded.
//! <https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#alerts>

use serde_json::Value;

use super::escape::{clipped, code, fence, words};
use crate::{
    plan::{Blocked, Ending, Fact, Plan, Tally},
    render::{
        plan::{THEN, unread},
        steps::lowest,
        style::count,
    },
    report::needed,
};

/// How many of a list are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most(pub usize);

impl Most {
    /// What is told in full.
    pub const ALL: Most = Most(50);
    /// What is told where there is little room.
    pub const FEW: Most = Most(3);
}

/// Names that are listed; more of them are counted.
const NAMES: usize = 20;

/// How urgent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Caution,
    Warning,
    Note,
}

/// How it stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A box.
    Box,
    /// None: within what is folded.
    Folded,
}

/// A list that stands out.
fn alert(frame: Frame, kind: Kind, first: Option<String>, items: &[String]) -> String {
    if first.is_none() && items.is_empty() {
        return String::new();
    }
    let (name, sign) = match kind {
        Kind::Caution => ("CAUTION", "🛑"),
        Kind::Warning => ("WARNING", "⚠️"),
        Kind::Note => ("NOTE", "ℹ️"),
    };
    let mut lines = match frame {
        Frame::Box => vec![format!("[!{name}]")],
        Frame::Folded => vec![format!("{sign} **{name}**"), String::new()],
    };
    lines.extend(first.clone());
    if first.is_some() && !items.is_empty() {
        lines.push(String::new());
    }
    match items {
        [only] if first.is_none() => lines.push(only.clone()),
        items => lines.extend(items.iter().map(|item| format!("- {}", item.replace('\n', "\n  ")))),
    }
    let text = lines.join("\n");
    if frame == Frame::Folded {
        return format!("{text}\n\n");
    }
    let quoted: Vec<String> = text.lines().map(|line| format!("> {line}").trim_end().to_owned()).collect();
    format!("{}\n\n", quoted.join("\n"))
}

/// The first of a list, and how many more there are.
fn first(mut items: Vec<String>, Most(most): Most) -> Vec<String> {
    let more = items.len().saturating_sub(most);
    items.truncate(most);
    items.extend((more > 0).then(|| format!("and {more} more")));
    items
}

/// Names as code; more than a few of them are counted.
fn names(all: &[String]) -> String {
    let mut told: Vec<String> = all.iter().take(NAMES).map(|name| code(&clipped(name, 100))).collect();
    let more = all.len().saturating_sub(NAMES);
    told.extend((more > 0).then(|| format!("and {more} more")));
    told.join(", ")
}

/// What the plan takes away, for how long nobody is served, and how few
/// members may fail meanwhile.
pub fn costs(plan: &Plan, frame: Frame) -> String {
    let needed = needed(plan);
    let mut items = Vec::new();
    if plan.intended.end == Some(Ending::Destroy) {
        items.push("Takes the cluster away: nobody is served any more.".to_owned());
    }
    if !needed.data_loss.is_empty() {
        let members = count(needed.data_loss.len(), "member");
        items.push(format!("**Deletes the data of {members}**: {}.", names(&needed.data_loss)));
    }
    if !needed.delete.is_empty() {
        let objects: Vec<String> = needed.delete.iter().map(ToString::to_string).collect();
        items.push(format!("**Deletes for good**: {}.", names(&objects)));
    }
    if !needed.downtime.is_empty() {
        items.push(format!("**Nobody is served** while {} restarts.", names(&needed.downtime)));
    }
    let kind = if items.is_empty() { Kind::Warning } else { Kind::Caution };
    if let Some(index) = lowest(plan)
        && let Some(Tally { voters, quorum, can_lose }) = plan.steps[index].tally
    {
        let voters = count(voters, "voter");
        let number = index + 1;
        items.push(format!("Lowest point: {voters}, quorum {quorum}, can lose {can_lose} (step {number})."));
    }
    alert(frame, kind, None, &items)
}

/// Why it cannot be applied, a card for each reason.
pub fn in_the_way(plan: &Plan, frame: Frame, most: Most) -> String {
    if plan.is_applicable() {
        return String::new();
    }
    let unread = unread(plan);
    let total = count(plan.blocked.len() + unread.len(), "reason");
    let cards = unread.iter().map(|reason| words(reason)).chain(plan.blocked.iter().map(card));
    let headline = format!("**Cannot be applied, for {total}.** Nothing was changed.");
    alert(frame, Kind::Caution, Some(headline), &first(cards.collect(), most))
}

fn card(blocked: &Blocked) -> String {
    let Blocked { code: id, reason, facts, help, key: _, contested: _ } = blocked;
    let facts = facts.iter().map(|Fact { label, text }| {
        // A flag is copied whole.
        let text = if text.starts_with("--") { code(text) } else { words(text) };
        format!("- {}: {text}", words(label))
    });
    let help = help.as_ref().map(|help| format!("- help: {}", words(help)));
    let lines = std::iter::once(format!("{} ({})", bold(reason), code(id)));
    lines.chain(facts.take(20)).chain(help).collect::<Vec<_>>().join("\n")
}

/// Words that stand out. Nothing between `**` would be a line across.
fn bold(text: &str) -> String {
    let words = words(text);
    if words.is_empty() { "(no reason)".to_owned() } else { format!("**{words}**") }
}

/// What a reviewer should know.
pub fn warnings(plan: &Plan, frame: Frame, most: Most) -> String {
    let mut items: Vec<String> = plan.warnings.iter().map(|warning| words(warning)).collect();
    if !plan.complete && plan.is_applicable() && !plan.is_empty() {
        items.push(format!("Plan again after that: {THEN}"));
    }
    alert(frame, Kind::Note, None, &first(items, most))
}

/// Why there is no plan: the findings in the file, or why nobody could be
/// asked.
pub fn no_plan(diagnostics: &[Value], frame: Frame, most: Most) -> String {
    let errors = diagnostics.iter().map(diagnostic).collect();
    let headline = "**There is no plan.** Nothing was changed.".to_owned();
    alert(frame, Kind::Caution, Some(headline), &first(errors, most))
}

fn diagnostic(one: &Value) -> String {
    let text = |name: &str| one[name].as_str().unwrap_or_default();
    let start = &one["range"]["start"];
    let place = start["line"].as_u64().map(|line| {
        let column = start["column"].as_u64().unwrap_or(1);
        format!(" in {}", code(&format!("{}:{line}:{column}", text("file"))))
    });
    let mut lines = vec![format!("{}{}", bold(text("summary")), place.unwrap_or_default())];
    lines.extend((!text("detail").is_empty()).then(|| format!("- help: {}", words(text("detail")))));
    lines.extend((!text("code").is_empty()).then(|| format!("- {}", code(text("code")))));
    lines.join("\n")
}

/// What became of the plan: a sentence, and what was seen.
pub fn news(detail: Option<&str>, lines: &[String], most: Most) -> String {
    let detail = detail.map(|detail| format!("{}\n\n", words(detail))).unwrap_or_default();
    let shown: Vec<String> = lines.iter().map(|line| clipped(line, 400)).collect();
    let shown = first(shown, most);
    let seen = if shown.is_empty() { String::new() } else { format!("{}\n", fence("text", &shown)) };
    format!("{detail}{seen}")
}
