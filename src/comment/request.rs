//! A pull or merge request as a forge tells of it: its commits, its comments
//! and its reviews, in one shape for all forges.

use jiff::Timestamp;

/// A pull or merge request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number.
    pub number: u64,
    /// Who opened it.
    pub author: String,
    /// The commit at its tip.
    pub head: String,
    /// Whether its commits come from another repository.
    pub is_fork: bool,
    /// Whether it was closed, and nothing of it was merged.
    pub is_rejected: bool,
}

/// A comment on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its id.
    pub id: u64,
    /// Its id in GraphQL, where a forge has another one there.
    pub node: Option<String>,
    /// Who wrote it first.
    pub author: String,
    /// Whether somebody else wrote it last.
    pub is_edited_by_another: bool,
    /// Its text.
    pub body: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Whether it is folded away.
    pub is_hidden: bool,
    /// Its page.
    pub url: Option<String>,
}

/// What somebody said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Who.
    pub by: String,
    /// What.
    pub verdict: Verdict,
    /// Of which commit; `None` where that cannot be told.
    pub of: Option<String>,
    /// When; `None` where that cannot be told.
    pub at: Option<Timestamp>,
}

/// What a review says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approved,
    /// No.
    ChangesRequested,
    /// Neither any more.
    Withdrawn,
}
