//! What is typed about recordings.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct Record {
    /// The stack file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where to write it; `-` is standard output; state/NAME.json if left out
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Against {
    /// Ask no cluster: take what `record` wrote, from a file or from NAME.json in a folder
    ///
    /// Needs no kubeconfig, no credentials and no network. Every change is `predicted`, and
    /// there is no digest. Not with --drift, which tells what is live now, nor with --watch.
    #[arg(long, value_name = "RECORDING")]
    pub against: Option<PathBuf>,
}
