//! What drift is told from: the last apply that left nothing to do.

use jiff::Timestamp;
use serde::Serialize;

use crate::observed::{Journal, Lookup};

/// The last apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastApply {
    /// The digest that was approved.
    pub digest: String,
    /// Who ran it.
    pub who: String,
    /// When it ended.
    pub finished_at: Timestamp,
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
        let reason = format!("an apply is unfinished, with {done} of {all} steps done");
        return Err((reason, "`apply` goes on with it; `plan` shows what is left"));
    };
    if run.stack.is_empty() {
        let reason = "the last apply did not write down its stack file".to_owned();
        return Err((reason, "apply once more, with this version"));
    }
    Ok(LastApply { digest: run.digest.clone(), who: run.who.clone(), finished_at, stack: run.stack.clone() })
}
