//! What is typed where a plan is made or shown.

use std::path::PathBuf;

use clap::{
    Args, ValueEnum,
    builder::{PathBufValueParser, TypedValueParser},
};

use super::{Against, End, Intents};

#[derive(Debug, Args)]
pub struct Plan {
    /// Stack files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// End with 2 if there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    #[command(flatten)]
    pub against: Against,
    /// Tell what others changed since the last apply, and who; end with 2 if anything
    ///
    /// Compares with the stack file that was applied last, not with what was edited since. Fields,
    /// objects that are gone, members that were added or removed by hand.
    #[arg(long, alias = "refresh-only", conflicts_with_all = ["against", "detailed_exitcode", "destroy", "forget", "delete", "replace", "restart", "remove", "take", "adopt", "skip_snapshot", "abandon", "allow_data_loss", "allow_delete", "allow_downtime"])]
    pub drift: bool,
    /// Save the plan, for `apply`, `show` and `comment`
    ///
    /// Of several files, or of a folder, the plans are saved into this folder, each by its
    /// stack file's name: orders.toml gives orders.json. A saved plan holds the stack file's
    /// text and what was asked for, and no secret; it is carried out once, and only while it
    /// still is what would happen.
    #[arg(long, short, value_name = "FILE", conflicts_with = "drift", value_parser = PathBufValueParser::new().try_map(no_format))]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub printed: Printed,
    /// How many files are planned side by side
    #[arg(long, env = "ESTACK_PARALLELISM", default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub parallelism: u16,
    #[command(flatten)]
    pub end: End,
    #[command(flatten)]
    pub intents: Intents,
}

/// A file of such a name is not what somebody means who knows `kubectl -o json`.
fn no_format(path: PathBuf) -> Result<PathBuf, String> {
    match path.to_str().filter(|typed| ["json", "yaml", "markdown", "text", "wide"].contains(typed)) {
        None => Ok(path),
        Some(format) => {
            let how = if format == "markdown" { "--format markdown" } else { "--json" };
            let file = format!("--out ./{format}");
            Err(format!("it names a file to save the plan in: {how} prints it, and {file} is a file"))
        }
    }
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Args)]
pub struct Printed {
    /// How the plan is printed, to standard output and nothing else there
    ///
    /// Markdown is for the summary of a step and for a comment: within 1 MB, details folded.
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT", conflicts_with = "json")]
    pub format: Format,
    /// The same as --format json
    ///
    /// An object for one file that is named; an array, with an object for each file, for a
    /// folder or several files, however many there are.
    #[arg(long)]
    pub json: bool,
}

impl Printed {
    /// The one that was asked for.
    pub fn format(self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Text,
    /// For a program.
    Json,
    /// For a web page.
    Markdown,
}

#[derive(Debug, Args)]
pub struct Show {
    /// The saved plan
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    #[command(flatten)]
    pub printed: Printed,
}
