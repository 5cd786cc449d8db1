//! Whether a plan may be carried out: somebody said so, of exactly this plan.

use std::io::{self, IsTerminal};

use super::{arguments::Apply as Arguments, automated, consent, events::Events, exit::Exit, output::Output};
use crate::{
    observe::Planned,
    observed::{Lookup, journal::Run},
    plan::{Intent, Plan, is_left_of, not_ours, owes_snapshot},
    render,
    report::{Approved, Permissions, command, short_name},
    saved::Made,
};

/// Why nothing is done, for programs.
const NOT_APPROVED: &str = "apply::not_approved";

/// Whether a person is there to answer.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && !automated()
}

/// How a plan is approved: by a person who is asked, by a digest, or by having
/// been saved.
#[derive(Clone, Copy, Debug)]
pub struct Approval<'a> {
    /// What was typed.
    pub arguments: &'a Arguments,
    /// The saved plan that was named.
    pub saved: Option<&'a Made>,
}

impl Approval<'_> {
    /// Whether a person answers for this apply.
    pub fn asks(&self) -> bool {
        let how = &self.arguments.how;
        can_ask() && !how.auto_approve && how.expect.is_none() && self.saved.is_none()
    }

    /// Nobody can be asked without a terminal, a short digest binds nothing
    /// there, and a saved plan says by itself what is done: said before anything
    /// is asked.
    pub fn is_possible(&self, output: &Output) -> Result<(), Exit> {
        let Approval { arguments, saved } = self;
        if let Some(expected) = &arguments.how.expect
            && !is_digest(expected)
        {
            let what = format!("--expect `{expected}` is no digest");
            let help = "give at least eight hexadecimal digits of the one that `plan` shows";
            return Err(output.error(&what, Some(help)));
        }
        match &arguments.how.expect {
            _ if can_ask() => self.is_of_a_saved_plan(output),
            Some(expected) if digits(expected).len() < 32 => {
                let what =
                    format!("--expect {expected} is too short to bind an approval: 32 digits are needed");
                let help =
                    "take the whole digest from `plan --json`: the short form is for people at terminals";
                Err(output.error(&what, Some(help)))
            }
            None if !arguments.how.auto_approve && saved.is_none() => {
                let help = "pass --auto-approve, or --expect with the digest of an approved plan, or apply a plan that `plan --out` saved";
                let what = format!(
                    "{} asks before it begins, and there is no terminal to ask on",
                    command(arguments.intents.end)
                );
                Err(output.error(&what, Some(help)))
            }
            _ => self.is_of_a_saved_plan(output),
        }
    }

    /// What was asked for is in the plan; permissions are given with it.
    fn is_of_a_saved_plan(&self, output: &Output) -> Result<(), Exit> {
        if self.saved.is_none() {
            return Ok(());
        }
        self.wanted(output)?;
        let (flags, end) = (self.arguments.intents.flags(), self.arguments.intents.end);
        let file = render::quoted(&self.arguments.file.display().to_string());
        let help = format!("`etcdctl-stack apply {file}` does what the plan says");
        match (end, flags.first()) {
            (Some(_), _) => {
                let what = format!("{} takes a stack file, and this is a saved plan", command(end));
                Err(output.error(&what, Some(&help)))
            }
            (None, Some(flag)) => {
                let what = format!("a saved plan says what is done, and takes no {flag}");
                Err(output.error(&what, Some(&help)))
            }
            (None, None) => Ok(()),
        }
    }

    /// A plan for another cluster is refused before it is compared in detail.
    pub fn is_of_this_cluster(&self, planned: &Planned, output: &Output) -> Result<(), Exit> {
        let Some(made) = self.saved else { return Ok(()) };
        let (theirs, ours) = (&made.plan.target, &planned.plan.target);
        match (&theirs.cluster_uid, &ours.cluster_uid) {
            (Lookup::Found(one), Lookup::Found(other)) if one != other => {
                let (context, here) = (&theirs.context, &ours.context);
                let what = format!(
                    "the plan was made for another cluster: {one}, in context `{context}`; context `{here}` is {other}"
                );
                Err(self.refuse(&what, "name the cluster with --context, or plan again", output))
            }
            _ => Ok(()),
        }
    }

    /// What is asked for where a run of this very approval broke off: its
    /// journal holds the rest by the identities that were there when it began,
    /// and by name the members that are there now would be meant.
    pub fn resumed(&self, planned: &Planned, intent: &Intent) -> Option<Intent> {
        let run = planned.observed.live.journal.found()?.unfinished()?;
        let typed = self.arguments.how.expect.as_deref().map(digits);
        let saved = self.saved.and_then(|made| made.plan.digest.as_ref()).map(|digest| digest.0.clone());
        let is_this = saved.or(typed).is_some_and(|wanted| run.digest.starts_with(&wanted));
        let Intent { end, delete, skip_snapshot, .. } = intent.clone();
        is_this.then(|| Intent { end, delete, skip_snapshot, ..Intent::default() })
    }

    /// Says why nothing is done.
    fn refuse(&self, what: &str, help: &str, output: &Output) -> Exit {
        Events::of(self.arguments, output).stop(NOT_APPROVED, what, Some(help));
        Exit::Mismatch
    }

    /// The digest that was approved: this plan's, or that of the run which this
    /// plan finishes.
    pub fn digest(&self, planned: &Planned, output: &Output) -> Result<String, Exit> {
        let plan = &planned.plan;
        let now = plan.digest.as_ref().map(|digest| digest.0.clone()).unwrap_or_default();
        let Some(wanted) = self.wanted(output)? else { return Ok(now) };
        let journal = planned.observed.live.journal.found();
        let used = self.saved.and_then(|made| made.used(journal?));
        if let Some((who, at)) = used.filter(|_| !plan.is_empty()) {
            let what = format!("{} carried this plan out at {}", short_name(who), render::when(at));
            return Err(self.refuse(&what, "a saved plan is for one use: plan again", output));
        }
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
        let Some(run) = run.filter(is_this) else { return Err(self.mismatch(plan, &wanted, output)) };
        let new = not_ours(plan).into_iter().filter(|(hash, _)| !run.not_ours.contains(hash));
        let new: Vec<String> = new.map(|(_, words)| words).collect();
        if plan.is_empty() || new.is_empty() {
            return Ok(run.digest.clone());
        }
        let what = format!("the run that was approved began without this: {}", new.join("; "));
        let help = "review the plan above and approve it anew; nothing more was changed";
        Err(self.refuse(&what, help, output))
    }

    fn skips_snapshot(&self) -> bool {
        let saved = self.saved.is_some_and(|made| made.intent.skip_snapshot);
        saved || self.arguments.intents.skip_snapshot
    }

    /// The digits that the plan's digest must begin with, if any.
    fn wanted(&self, output: &Output) -> Result<Option<String>, Exit> {
        let typed = self.arguments.how.expect.as_deref().map(digits);
        let Some(made) = self.saved else { return Ok(typed) };
        let Some(digest) = &made.plan.digest else {
            let why = match &made.plan.against {
                Some(_) => "it was made against a recording, and no cluster was asked",
                None => "not everything could be read when it was made",
            };
            let what = format!("the saved plan cannot be applied: {why}");
            return Err(output.error(&what, Some("plan again")));
        };
        match typed {
            Some(typed) if !digest.0.starts_with(&typed) => {
                let what = format!("the saved plan is {}, and {typed} was expected", digest.short());
                output.error(&what, Some("another plan was approved than the one that was saved"));
                Err(Exit::Mismatch)
            }
            _ => Ok(Some(digest.0.clone())),
        }
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
        let approved = match self.saved {
            Some(made) => Approved::Plan(&made.plan),
            None => Approved::Digest(wanted),
        };
        let style = output.progress;
        let what = format!("the plan is {now} by now, and {} was approved", short(wanted));
        output.error(&what, None);
        output.say(&render::mismatch(approved, plan, style));
        let help = "review the plan above and approve it anew; nothing was changed";
        output.say(&style.wrap("  help: ", 8, help));
        Events::of(self.arguments, output).stopped(NOT_APPROVED, &what, Some(help));
        Exit::Mismatch
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
