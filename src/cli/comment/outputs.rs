//! What a step of GitHub Actions leaves behind: its summary and its outputs.
//!
//! A summary above a mebibyte is dropped whole, so it is cut below it, counted
//! in bytes with what an earlier command of the step wrote. An output is one
//! line: nothing here has more, and what might is left out.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
};

use crate::{
    cli::{exit::Exit, plan},
    plan::Verb,
    render::Limit,
    report::Permissions,
    saved::Saved,
};

/// Appends a text to the summary, within what is left of it.
pub fn summary(path: &Path, text: impl Fn(Limit) -> String) -> io::Result<()> {
    let there = std::fs::metadata(path).map_or(0, |file| file.len());
    let there = usize::try_from(there).unwrap_or(usize::MAX);
    let limit = Limit { most: Limit::STEP_SUMMARY.most.saturating_sub(there), ..Limit::STEP_SUMMARY };
    let text = text(limit);
    if !limit.holds(&text) {
        return Err(io::Error::other("it is full"));
    }
    append(path, &format!("{text}\n"))
}

/// Appends the outputs.
pub fn outputs(path: &Path, plans: &[Saved], url: Option<&str>) -> io::Result<()> {
    let made = || plans.iter().filter_map(Saved::made).map(|made| &made.plan);
    let changes: usize = made().map(|plan| plan.changes.len()).sum();
    let with = |verb: Verb| -> usize { made().map(|plan| plan.with(verb)).sum() };
    let (creates, gone) = (with(Verb::Create), with(Verb::Delete));
    let data_loss: usize = made().map(|plan| plan.needs().data_loss.len()).sum();
    let digest = match plans {
        [only] => only.made().and_then(|made| made.plan.digest.clone()).map(|digest| digest.0),
        _ => None,
    };
    let lines = [
        ("changes", made().any(|plan| !plan.is_empty()).to_string()),
        ("creates", creates.to_string()),
        ("updates", (changes - creates - gone).to_string()),
        ("deletes", (gone + data_loss).to_string()),
        ("data_loss", data_loss.to_string()),
        ("plan_digest", digest.unwrap_or_default()),
        ("exit_code", exit(plans).code().to_string()),
        ("comment_url", url.unwrap_or_default().to_owned()),
    ];
    let plain = |text: &str| text.chars().all(|c| !c.is_control());
    let shown = lines.iter().filter(|(_, value)| plain(value));
    append(path, &shown.map(|(name, value)| format!("{name}={value}\n")).collect::<String>())
}

/// The worst of what `plan --detailed-exitcode` would end with, given no
/// permission.
fn exit(plans: &[Saved]) -> Exit {
    let one = |saved: &Saved| match saved.made() {
        Some(made) => plan::exit(&made.plan, &Permissions::default(), true),
        None => Exit::Error,
    };
    plans.iter().map(one).fold(Exit::Success, Exit::worse)
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes())
}
