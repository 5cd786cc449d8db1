//! A comment on a pull request: what it says and which one it is. Values in,
//! text out; `forge` talks to GitHub and GitLab.
//!
//! ```text
//! marker    the first line: which comment it is, of which run
//! body      what stands below it, within the limit of where it goes
//! decide    which comment is written, which are hidden
//! follow    the events of an apply -> its state
//! request   a pull request, its comments and reviews
//! approved  which digest a review approved
//! ```

use jiff::Timestamp;

use crate::saved::Saved;

mod approved;
mod body;
mod decide;
mod follow;
mod marker;
mod request;

pub use approved::{Approval, Unapproved, approved};
pub use body::{Body, body};
pub use decide::{Decision, Missing, What, decide, same};
pub use follow::Followed;
pub use marker::{Marker, Mentioned};
pub use request::{Note, Request, Review, Verdict};

/// One stack of a comment.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its plan, or why there is none.
    pub saved: &'a Saved,
    /// What became of it.
    pub state: &'a State,
}

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It was made.
    #[default]
    Planned,
    /// It is carried out.
    Applying {
        /// The step that is under way, from 1.
        step: usize,
        /// How many there are.
        of: usize,
        /// What it does.
        title: String,
    },
    /// All of it is done.
    Applied {
        /// How many steps that were.
        steps: usize,
    },
    /// It stopped.
    Failed {
        /// At which step, from 1; `None` before the first one.
        step: Option<usize>,
        /// What was seen, a line each, the reason first.
        lines: Vec<String>,
    },
    /// It does not hold any more: why.
    Outdated(String),
}

/// The run that writes a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The commit that was planned.
    pub head: Option<String>,
    /// The commit that it is to be merged into.
    pub base: Option<String>,
    /// The page of the run.
    pub url: Option<String>,
    /// Where the saved plans are.
    pub artifact: Option<String>,
    /// When its plans were made, the first of them.
    pub started_at: Timestamp,
    /// Which attempt it is, from 1.
    pub attempt: u32,
}
