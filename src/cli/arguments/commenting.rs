//! What is typed where a pull request is read or written.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::applying::time;

#[derive(Debug, Args)]
pub struct Comment {
    /// Saved plans, or folders of them
    #[arg(required = true, value_name = "PLAN")]
    pub plans: Vec<PathBuf>,
    /// Make one comment for all, with this name
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "all")]
    pub combine: Option<String>,
    #[command(flatten)]
    pub place: Place,
    /// The commit that was planned; the one of the run if left out
    #[arg(long, value_name = "COMMIT")]
    pub head: Option<String>,
    /// The commit that it is to be merged into
    #[arg(long, value_name = "COMMIT")]
    pub base: Option<String>,
    /// The page of the run; known in GitHub Actions and GitLab CI
    #[arg(long, value_name = "URL")]
    pub run_url: Option<String>,
    /// Where the saved plans can be found
    #[arg(long, value_name = "URL")]
    pub artifact_url: Option<String>,
    /// Tell how the apply of this plan goes: the lines of `apply --json`
    ///
    /// With `-` they are read as they come, and the comment is changed every 15
    /// seconds at most. A run that does not say how it ended has failed.
    #[arg(long, value_name = "FILE", conflicts_with = "outdated")]
    pub events: Option<PathBuf>,
    /// Mark the plans as outdated, and say why
    #[arg(long, value_name = "REASON")]
    pub outdated: Option<String>,
    /// Whether plans without changes get a comment
    #[arg(long, value_enum, default_value_t = When::Changes, value_name = "WHEN")]
    pub when: When,
    /// Print what would be sent, and send nothing; needs no token
    #[arg(long)]
    pub dry_run: bool,
    /// Write the text into the summary of the step, too (GITHUB_STEP_SUMMARY)
    #[arg(long)]
    pub summary: bool,
    /// How often the comment is changed at most.
    #[arg(long, hide = true, default_value = "15s", value_parser = time)]
    pub every: Duration,
}

#[derive(Debug, Args)]
pub struct Approved {
    /// Stack files as they were planned, or saved plans
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub place: Place,
}

/// Which pull or merge request.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which pull request")]
pub struct Place {
    /// Where it is; found out in GitHub Actions and GitLab CI
    #[arg(long, value_enum, value_name = "FORGE")]
    pub on: Option<On>,
    /// The repository: OWNER/NAME on GitHub, the path or id of the project on GitLab
    #[arg(long, value_name = "REPOSITORY")]
    pub repository: Option<String>,
    /// The number of the request; the one of the run, or of its merge commit, if left out
    #[arg(long, value_name = "N")]
    pub number: Option<u64>,
    /// How long is waited in all where the server asks for it
    #[arg(long, default_value = "2m", value_name = "TIME", value_parser = time)]
    pub patience: Duration,
}

/// A forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
}

/// When a comment is made where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// When a plan has changes, or cannot be made.
    Changes,
    /// Each time.
    Always,
}
