//! Whether a plan may be carried out: somebody said so, of exactly this plan.

use std::io::{self, IsTerminal};

use super::{arguments::Apply as Arguments, automated, consent, exit::Exit, output::Output};
use crate::{
    observe::Planned,
    observed::journal::Run,
    plan::{Ending, is_left_of},
    report::Permissions,
};

/// Whether a person is there to answer.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && !automated()
}

/// Whether a person answers for this apply.
pub fn asks(arguments: &Arguments) -> bool {
    can_ask() && !arguments.how.auto_approve && arguments.how.expect.is_none()
}

/// Nobody can be asked without a terminal, and a short digest binds nothing
/// there: said before anything is read.
pub fn possible(arguments: &Arguments, output: &Output) -> Result<(), Exit> {
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
            let what = format!("--expect {expected} is too short to bind an approval: 32 digits are needed");
            let help = "take the whole digest from `plan --json`: the short form is for people at terminals";
            Err(output.error(&what, Some(help)))
        }
        None if !arguments.how.auto_approve => {
            let help = "pass --auto-approve, or --expect with the digest of an approved plan";
            let command = match arguments.intents.end {
                Some(Ending::Destroy) => "destroy",
                Some(Ending::Forget) => "forget",
                None => "apply",
            };
            let what = format!("{command} asks before it begins, and there is no terminal to ask on");
            Err(output.error(&what, Some(help)))
        }
        _ => Ok(()),
    }
}

/// A digest as it is compared: `sha256:` and dashes are for people.
fn digits(typed: &str) -> String {
    typed.trim_start_matches("sha256:").chars().filter(|c| *c != '-').collect()
}

fn is_digest(typed: &str) -> bool {
    let digits = digits(typed);
    (8..=64).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_hexdigit())
}

/// The digest that was approved, by `--expect` or by the answer of a person,
/// and what was allowed by then.
pub fn given(
    arguments: &Arguments,
    planned: &Planned,
    output: &Output,
) -> Result<(String, Permissions), Exit> {
    let plan = &planned.plan;
    let approved = expected(arguments, planned, output)?;
    let permissions = arguments.intents.permissions();
    if plan.is_empty() || !asks(arguments) {
        consent::is_given(&permissions, plan, output)?;
        return Ok((approved, permissions));
    }
    let to_be_asked = consent::to_be_asked(&permissions);
    consent::is_given(&to_be_asked, plan, output)?;
    consent::asked(&permissions, plan, output)?;
    Ok((approved, to_be_asked))
}

/// The digest that was approved: this plan's, or that of the run which this
/// plan finishes.
fn expected(arguments: &Arguments, planned: &Planned, output: &Output) -> Result<String, Exit> {
    let plan = &planned.plan;
    let now = plan.digest.as_ref().map(|digest| digest.0.clone()).unwrap_or_default();
    let Some(expected) = &arguments.how.expect else { return Ok(now) };
    let wanted = digits(expected);
    let is = |digest: &str| digest.starts_with(&wanted);
    if is(&now) {
        return Ok(now);
    }
    let run = planned.observed.live.journal.found().and_then(|journal| journal.run.as_ref());
    let is_this = |run: &&Run| {
        let unfinished = run.finished_at.is_none() || plan.is_empty();
        // Nothing more may be asked for than was approved.
        let asked = plan.is_empty() || plan.intended == run.intended;
        unfinished && asked && is(&run.digest) && is_left_of(run, plan)
    };
    match run.filter(is_this) {
        Some(run) => Ok(run.digest.clone()),
        None => {
            let short = plan.digest.as_ref().map(|digest| digest.short()).unwrap_or_default();
            output.error(
                &format!("the plan is {short} by now, and {expected} was approved"),
                Some("review the plan above and approve it anew"),
            );
            Err(Exit::Mismatch)
        }
    }
}
