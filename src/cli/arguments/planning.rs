//! What is typed where a plan is made.

use std::path::PathBuf;

use clap::Args;

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
    /// Print JSON, and only that, to standard output
    ///
    /// An object for one file that is named; an array, with an object for each file, for a
    /// folder or several files, however many there are.
    #[arg(long)]
    pub json: bool,
    /// How many files are planned side by side
    #[arg(long, env = "ESTACK_PARALLELISM", default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub parallelism: u16,
    #[command(flatten)]
    pub end: End,
    #[command(flatten)]
    pub intents: Intents,
}
