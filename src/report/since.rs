//! What drift is told from: the last apply that left nothing to do.

use jiff::Timestamp;
use serde::Serialize;

use crate::observed::{
    Journal, Lookup,
    journal::{Ending, Run},
};

/// The last run that ended with nothing left to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastApply {
    /// The digest that was approved.
    pub digest: String,
    /// Who ran it.
    pub who: String,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Whether it took the stack away: what is gone since is gone because of it.
    pub destroyed: bool,
    /// The text of the stack file.
    #[serde(skip)]
    pub stack: String,
}

/// The last apply of a stack; or why nothing can be compared with it, and what
/// helps.
///
/// # Errors
///
/// The journal is gone or cannot be read, or an apply is unfinished: what it
/// did not do yet would look like drift.
pub fn last_apply<V>(journal: &Lookup<(Journal, V)>) -> Result<LastApply, (String, &'static str)> {
    let journal = match journal {
        Lookup::Found((journal, _)) => journal,
        Lookup::Failed(reason) => return Err((reason.clone(), "`plan` compares with the stack file alone")),
        Lookup::Absent => {
            let reason = "nothing says what was applied: there is no journal".to_owned();
            return Err((reason, "`plan` compares with the stack file alone"));
        }
    };
    let Some(run) = &journal.run else {
        return Err(("nothing was applied yet".to_owned(), "`apply` is the first step"));
    };
    let Some(finished_at) = run.finished_at else {
        let (all, done) = (run.steps.all, run.steps.done);
        let (what, help) = under_way(run);
        return Err((format!("{what} is unfinished, with {done} of {all} steps done"), help));
    };
    let destroyed = run.intended.end == Some(Ending::Destroy);
    if run.stack.is_empty() && !destroyed {
        let reason = "the last apply did not write down its stack file".to_owned();
        return Err((reason, "apply once more, with this version"));
    }
    let Run { digest, who, stack, .. } = run.clone();
    Ok(LastApply { digest, who, finished_at, destroyed, stack })
}

fn under_way(run: &Run) -> (&'static str, &'static str) {
    match run.intended.end {
        None => ("an apply", "`apply` goes on with it; `plan` shows what is left"),
        Some(Ending::Destroy) => {
            ("a destroy", "`destroy` goes on with it; `plan --destroy` shows what is left")
        }
        Some(Ending::Forget) => {
            ("a hand-over", "`forget` goes on with it; `plan --forget` shows what is left")
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use std::collections::BTreeSet;

    use super::*;
    use crate::observed::{Intended, journal::StepCount};

    fn journal(end: Option<Ending>, finished_at: Option<Timestamp>) -> Lookup<(Journal, ())> {
        let run = Run {
            digest: "d".into(),
            actions: Vec::new(),
            removed: BTreeSet::new(),
            not_ours: BTreeSet::new(),
            who: "ann@laptop".into(),
            tool_version: "1".into(),
            started_at: Timestamp::UNIX_EPOCH,
            finished_at,
            intended: Intended { end, ..Intended::default() },
            summary: String::new(),
            steps: StepCount { all: 5, done: 2 },
            snapshot: None,
            stack: "[stack]".into(),
        };
        Lookup::Found((Journal { run: Some(run), ..Journal::default() }, ()))
    }

    #[test]
    fn a_stack_that_was_destroyed_says_so() {
        let ended = Some(Timestamp::UNIX_EPOCH);
        let destroyed = |end| last_apply(&journal(end, ended)).map(|last| last.destroyed);
        assert_eq!([destroyed(None), destroyed(Some(Ending::Destroy))], [Ok(false), Ok(true)]);
        let (reason, help) = last_apply(&journal(Some(Ending::Destroy), None)).unwrap_err();
        assert_eq!(reason, "a destroy is unfinished, with 2 of 5 steps done");
        assert!(help.contains("`destroy` goes on"));
    }
}
