//! Plans as Markdown: for a comment on a request, and for the summary of a
//! step. Within a limit: what matters stays whole, details shrink.
//!
//! ```text
//! page     one plan, section by section
//! many     several, a row each, and then each of them
//! headline what a plan comes to, in a line; how dangerous it is
//! objects  a table of what changes, and what it costs
//! alerts   what to mind: data that goes, what stands in the way
//! changes  what differs, as a diff that is coloured
//! footer   what is approved, for which commit, by which command
//! levels   how much of each is shown where not all of it fits
//! limit    how long a text may be, and in what that is counted
//! masked   values that are not for everybody
//! escape   text of others
//! ```

use crate::saved::Saved;

mod alerts;
mod changes;
mod escape;
mod footer;
mod headline;
mod levels;
mod limit;
mod many;
mod masked;
mod objects;
mod page;

pub use limit::{Limit, Unit};

/// A plan, and what became of it.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// The plan, or why there is none.
    pub saved: &'a Saved,
    /// What became of it; `None` while it waits to be approved.
    pub news: Option<News>,
}

/// What became of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Its sign.
    pub symbol: &'static str,
    /// In a word or two: `applied`, `failed at step 3 of 8`.
    pub words: String,
    /// What else is known of it: a sentence.
    pub detail: Option<String>,
    /// What was seen, as lines of output.
    pub lines: Vec<String>,
    /// Whether it stopped, so that somebody has to look.
    pub stopped: bool,
    /// Whether the plan may still be approved.
    pub holds: bool,
}

/// What Markdown points to besides the plans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Links<'a> {
    /// The commit that was planned.
    pub head: Option<&'a str>,
    /// The commit that it is to be merged into.
    pub base: Option<&'a str>,
    /// The page of the run.
    pub run: Option<&'a str>,
    /// Where the saved plans are.
    pub plans: Option<&'a str>,
}

/// A text that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markdown {
    /// The text.
    pub text: String,
    /// Whether something was left out; the text says what.
    pub truncated: bool,
}

/// The plans as Markdown: one as it is, several after a table.
///
/// It is within the limit if that is 2,000 or more.
pub fn markdown(told: &[Told<'_>], links: &Links<'_>, limit: Limit) -> Markdown {
    match told {
        [one] => page::alone(one, links, limit),
        all => many::many(all, links, limit),
    }
}

/// The plans in the order of danger: the most dangerous first.
pub fn by_danger<'a>(told: &[Told<'a>]) -> Vec<Told<'a>> {
    let mut all = told.to_vec();
    all.sort_by_cached_key(|one| {
        (headline::danger(one), headline::name(one.saved).to_owned(), one.saved.file.clone())
    });
    all
}
