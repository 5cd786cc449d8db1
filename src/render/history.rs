//! The runs that the journal tells of, the newest first.

use std::fmt::Write as _;

use super::style::{Style, count, plain, when};
use crate::{
    plan::Digest,
    report::{Ended, Entry, History, short_name},
};

/// The runs of a stack, a paragraph each.
pub fn history(history: &History, style: Style) -> String {
    let History { stack, namespace, runs } = history;
    let parts = [style.bold(stack), format!("namespace {namespace}"), count_of(runs)];
    let mut text = format!("{}\n", style.join(2, &parts));
    for run in runs {
        text.push('\n');
        text.push_str(&entry(run, style));
    }
    text
}

fn count_of(runs: &[Entry]) -> String {
    match runs.len() {
        0 => "never applied".to_owned(),
        1 => "1 apply".to_owned(),
        more => format!("{more} applies"),
    }
}

fn entry(run: &Entry, style: Style) -> String {
    let Entry { started_at, finished_at: _, who, digest, tool_version, steps, ended, .. } = run;
    let (all, done) = (steps.all, steps.done);
    let how = match ended {
        Ended::Finished => style.good("finished"),
        Ended::Stopped => style.mind("stopped"),
        Ended::GoesOn => style.mind("going on, holds the lock"),
    };
    let progress = match ended {
        Ended::Finished => count(all, "step"),
        Ended::Stopped | Ended::GoesOn => format!("{done} of {}", count(all, "step")),
    };
    let first =
        [style.bold(&when(*started_at)), how, progress, format!("plan {}", Digest(plain(digest)).short())];
    let mut text = format!("{}\n", style.join(2, &first));
    let by = format!("by {}, etcdctl-stack {tool_version}", short_name(who));
    let _infallible = writeln!(text, "{}", style.wrap("  ", 4, &by));
    if !run.summary.is_empty() {
        let _infallible = writeln!(text, "{}", style.wrap("  ", 4, &run.summary));
    }
    if let Some(snapshot) = &run.snapshot {
        let line = format!("snapshot {}, revision {}", snapshot.path, snapshot.revision);
        let _infallible = writeln!(text, "{}", style.wrap("  ", 4, &line));
    }
    text
}
