//! What is typed where a plan is carried out. `destroy` and `forget` are applies
//! of another plan: the same approval, lock, journal and signals.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::intents::{Allowed, Deletion, Intents};
use crate::{object::Named, observed::journal::Ending};

#[derive(Debug, Args)]
pub struct Apply {
    /// The stack file, or a plan that `plan --out` saved
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub how: How,
    /// Write down what is live afterwards, as `record --out` does; `-` is not one
    ///
    /// If left out: `state/NAME.json`, where that is there already.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    #[command(flatten)]
    pub intents: Intents,
}

/// How a plan is approved and carried out.
#[derive(Clone, Debug, Args)]
pub struct How {
    /// Do not ask
    #[arg(long)]
    pub auto_approve: bool,
    /// Apply only the plan with this digest, as `plan` printed it, and do not ask
    ///
    /// At a terminal the short form will do, such as 7f3a-91c2. Without one at least 32
    /// digits are needed, from `plan --json`: eight can be met by chance.
    #[arg(long, value_name = "DIGEST")]
    pub expect: Option<String>,
    /// How long one wait may take: 90s, 10m, 1h
    #[arg(long, env = "ESTACK_STEP_TIMEOUT", default_value = "10m", value_name = "TIME", value_parser = duration)]
    pub step_timeout: Duration,
    /// How long to wait for another run that holds the lock
    #[arg(long, env = "ESTACK_LOCK_TIMEOUT", default_value = "0s", value_name = "TIME", value_parser = time)]
    pub lock_timeout: Duration,
    /// Where snapshots go that are saved before members or data go
    ///
    /// If left out: etcdctl-stack/snapshots in XDG_STATE_HOME, which is ~/.local/state
    /// unless it is set.
    #[arg(long, env = "ESTACK_SNAPSHOT_DIR", value_name = "DIR")]
    pub snapshot_dir: Option<PathBuf>,
    /// Print events as JSON, a line each, to standard output
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Destroy {
    /// The stack file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub how: How,
    /// Delete these with the stack: KIND/NAME,... of claims, Secrets and the namespace
    ///
    /// Each needs its permission as well: --allow-data-loss for a claim, --allow-delete
    /// for anything else, or the stack's name typed at a terminal.
    #[arg(long, value_name = "KIND/NAME,...", value_delimiter = ',')]
    pub delete: Vec<Named>,
    /// Save no snapshot before the members stop
    #[arg(long)]
    pub skip_snapshot: bool,
    /// Give up what an unfinished run was asked for
    #[arg(long)]
    pub abandon: bool,
    #[command(flatten)]
    pub allowed: Deletion,
}

#[derive(Debug, Args)]
pub struct Forget {
    /// The stack file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub how: How,
    /// Give up what an unfinished run was asked for
    #[arg(long)]
    pub abandon: bool,
}

impl From<Destroy> for Apply {
    fn from(typed: Destroy) -> Self {
        let Destroy { file, how, delete, skip_snapshot, abandon, allowed } = typed;
        let allowed = Allowed { deletion: allowed, ..Allowed::default() };
        let end = Some(Ending::Destroy);
        Apply {
            file,
            how,
            record: None,
            intents: Intents { end, delete, skip_snapshot, abandon, allowed, ..Intents::default() },
        }
    }
}

impl From<Forget> for Apply {
    fn from(Forget { file, how, abandon }: Forget) -> Self {
        let end = Some(Ending::Forget);
        Apply { file, how, record: None, intents: Intents { end, abandon, ..Intents::default() } }
    }
}

/// `90s`, `10m`, `1h30m`; not zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    time(text).and_then(|time| {
        if time.is_zero() { Err(format!("`{text}` is not more than zero")) } else { Ok(time) }
    })
}

/// The same, and `0s`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let parsed: Option<jiff::SignedDuration> = text.parse().ok();
    let time = parsed.and_then(|parsed| Duration::try_from(parsed).ok());
    time.ok_or_else(|| format!("`{text}` is not a time such as 90s, 10m or 1h"))
}
