//! How long a text may be where it goes, and in what that is counted.
//!
//! - A comment on GitHub: 65,536 characters, as its own error says. What was
//!   measured is 262,144 bytes for a comment, and 65,536 code points for the
//!   text of a pull request; so that many code points, of at most four bytes
//!   each, are within both.
//!   <https://github.com/dead-claudia/github-limits/pull/13>
//! - A note on GitLab: 1,000,000 characters, and a description 1 MiB. A text
//!   never has more characters than bytes, so the smaller number in bytes is
//!   within both.
//!   <https://docs.gitlab.com/administration/instance_limits/#size-of-comments-and-descriptions-of-issues-merge-requests-and-epics>
//! - The summary of a step on GitHub: 1 MiB. One that is larger is not cut,
//!   it is dropped.
//!   <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits>

/// How long a text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The most that it may be long.
    pub most: usize,
    /// In what.
    pub unit: Unit,
}

/// What a length is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Unicode code points.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

impl Limit {
    /// A comment on GitHub, with room to spare.
    pub const GITHUB: Limit = Limit { most: 62_000, unit: Unit::Characters };
    /// A comment on GitLab, with room to spare.
    pub const GITLAB: Limit = Limit { most: 950_000, unit: Unit::Bytes };
    /// The summary of a step on GitHub, where other steps' text may stand
    /// before it.
    pub const STEP_SUMMARY: Limit = Limit { most: 1_000_000, unit: Unit::Bytes };
    /// Where nobody counts.
    pub const NONE: Limit = Limit { most: usize::MAX, unit: Unit::Bytes };

    /// How long a text is in this unit.
    pub fn length(self, text: &str) -> usize {
        match self.unit {
            Unit::Characters => text.chars().count(),
            Unit::Bytes => text.len(),
        }
    }

    /// Whether a text is no longer than this.
    pub fn holds(self, text: &str) -> bool {
        self.length(text) <= self.most
    }

    /// What is left of it behind a text.
    pub fn after(self, text: &str) -> Limit {
        Limit { most: self.most.saturating_sub(self.length(text)), ..self }
    }
}
