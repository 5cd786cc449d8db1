//! Whether a plan may be carried out: somebody said so, of exactly this plan.

use std::io::{self, IsTerminal};

use super::{arguments::Apply as Arguments, automated, clock, consent, exit::Exit, output::Output};
use crate::{
    observe::Planned,
    observed::journal::Run,
    plan::{Ending, Intent, Plan, is_left_of, owes_snapshot},
    render,
    report::{Approved, Permissions},
};

/// Whether a person is there to answer.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && !automated()
}

/// How a plan is approved: by a person who is asked, or by a digest.
#[derive(Clone, Copy, Debug)]
pub struct Approval<'a> {
    /// What was typed.
    pub arguments: &'a Arguments,
}

impl Approval<'_> {
    /// Whether a person answers for this apply.
    pub fn asks(&self) -> bool {
        let how = &self.arguments.how;
        can_ask() && !how.auto_approve && how.expect.is_none()
    }

    /// Nobody can be asked without a terminal, and a short digest binds nothing
    /// there: said before anything is asked.
    pub fn is_possible(&self, output: &Output) -> Result<(), Exit> {
        let Approval { arguments } = self;
        if let Some(expected) = &arguments.how.expect
            && !is_digest(expected)
        {
            let what = format!("--expect `{expected}` is no digest");
            let help = "give at least eight hexadecimal digits of the one that `plan` shows";
            return Err(output.error(&what, Some(help)));
        }
        match &arguments.how.expect {
            _ if can_ask() => Ok(()),
            Some(expected) if digits(expected).len() < 32 => {
                let what =
                    format!("--expect {expected} is too short to bind an approval: 32 digits are needed");
                let help =
                    "take the whole digest from `plan --json`: the short form is for people at terminals";
                Err(output.error(&what, Some(help)))
            }
            None if !arguments.how.auto_approve => {
                let help = "pass --auto-approve, or --expect with the digest of an approved plan";
                let what = format!(
                    "{} asks before it begins, and there is no terminal to ask on",
                    command(arguments.intents.end)
                );
                Err(output.error(&what, Some(help)))
            }
            _ => Ok(()),
        }
    }

    /// What is asked for where a run of this very approval broke off: its
    /// journal holds the rest by the identities that were there when it began,
    /// and by name the members that are there now would be meant.
    pub fn resumed(&self, planned: &Planned, intent: &Intent) -> Option<Intent> {
        let run = planned.observed.live.journal.found()?.unfinished()?;
        let is_this = self.wanted().is_some_and(|wanted| run.digest.starts_with(&wanted));
        let Intent { end, delete, skip_snapshot, .. } = intent.clone();
        is_this.then(|| Intent { end, delete, skip_snapshot, ..Intent::default() })
    }

    fn tell(&self, what: &str, help: &str, output: &Output) {
        if self.arguments.how.json {
            let line = render::stopped_json("apply::not_approved", what, Some(help), clock::now());
            output.answer(&format!("{line}\n"));
        }
    }

    /// The digest that was approved: this plan's, or that of the run which this
    /// plan finishes.
    pub fn digest(&self, planned: &Planned, output: &Output) -> Result<String, Exit> {
        let plan = &planned.plan;
        let now = plan.digest.as_ref().map(|digest| digest.0.clone()).unwrap_or_default();
        let Some(wanted) = self.wanted() else { return Ok(now) };
        let journal = planned.observed.live.journal.found();
        if now.starts_with(&wanted) {
            return Ok(now);
        }
        let run = journal.and_then(|journal| journal.run.as_ref());
        let is_this = |run: &&Run| {
            let unfinished = run.finished_at.is_none() || plan.is_empty();
            // Nothing more may be asked for than was approved.
            let asked = plan.is_empty() || plan.intended == run.intended;
            // A snapshot that was approved is not left out on the way.
            let saves = !self.skips_snapshot() || !owes_snapshot(run);
            unfinished && asked && saves && run.digest.starts_with(&wanted) && is_left_of(run, plan)
        };
        match run.filter(is_this) {
            Some(run) => Ok(run.digest.clone()),
            None => Err(self.mismatch(plan, &wanted, output)),
        }
    }

    fn skips_snapshot(&self) -> bool {
        self.arguments.intents.skip_snapshot
    }

    /// The digits that the plan's digest must begin with, if any.
    fn wanted(&self) -> Option<String> {
        self.arguments.how.expect.as_deref().map(digits)
    }

    /// What was allowed: by flags, or by a person who is asked now.
    pub fn permissions(&self, plan: &Plan, output: &Output) -> Result<Permissions, Exit> {
        let permissions = self.arguments.intents.permissions();
        if plan.is_empty() || !self.asks() {
            consent::is_given(&permissions, plan, output)?;
            return Ok(permissions);
        }
        let to_be_asked = consent::to_be_asked(&permissions);
        consent::is_given(&to_be_asked, plan, output)?;
        consent::asked(&permissions, plan, output)?;
        Ok(to_be_asked)
    }

    fn mismatch(&self, plan: &Plan, wanted: &str, output: &Output) -> Exit {
        let short = |digest: &str| crate::plan::Digest(digest.to_owned()).short();
        let now = plan.digest.as_ref().map(|digest| digest.short()).unwrap_or_default();
        let style = output.progress;
        let what = format!("the plan is {now} by now, and {} was approved", short(wanted));
        output.error(&what, None);
        output.say(&render::mismatch(Approved::Digest(wanted), plan, style));
        let help = "review the plan above and approve it anew; nothing was changed";
        output.say(&style.wrap("  help: ", 8, help));
        self.tell(&what, help, output);
        Exit::Mismatch
    }
}

fn command(end: Option<Ending>) -> &'static str {
    match end {
        Some(Ending::Destroy) => "destroy",
        Some(Ending::Forget) => "forget",
        None => "apply",
    }
}

/// A digest as it is compared: dashes are for people.
fn digits(typed: &str) -> String {
    typed.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect()
}

fn is_digest(typed: &str) -> bool {
    let digits = digits(typed);
    (8..=64).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_hexdigit())
}
