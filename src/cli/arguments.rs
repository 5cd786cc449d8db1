//! What can be typed.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

mod applying;
mod commenting;
mod intents;
mod planning;
mod recording;

pub use applying::{Apply, Destroy, Forget};
pub use commenting::{Approved, Comment, On, Place, When};
pub use intents::{End, Intents};
pub use planning::{Format, Plan, Show};
pub use recording::{Against, Record};

const EXIT_CODES: &str = "\
Exit codes:
  0    done; for plan also when there are changes, unless --detailed-exitcode
  1    an error: usage, the stack file, the connection
  2    plan --detailed-exitcode: there are changes; plan --drift: there is drift
  3    the plan was made but cannot be applied: something stands in the way, or it needs
       a permission that was not given
  4    the approved plan no longer matches what would happen
  5    apply began and stopped part way; the next apply goes on from there
  6    another run holds the lock
  130  interrupted (143: terminated), after the step that was under way

Start with:
  etcdctl-stack init orders.toml
  etcdctl-stack plan orders.toml
  etcdctl-stack apply orders.toml";

/// Provision etcd clusters on Kubernetes from a TOML stack file
///
/// `plan` compares what the file wants with the live objects and the live etcd
/// members and prints what would change, in what order, and what is left of
/// quorum at every step. `apply` does exactly that, or stops and says why.
///
/// A stack file describes one cluster. Flags can be set in the environment:
/// ESTACK_CONTEXT, ESTACK_KUBECONFIG, ESTACK_PARALLELISM, ESTACK_STEP_TIMEOUT,
/// ESTACK_LOCK_TIMEOUT, ESTACK_SNAPSHOT_DIR; a flag wins. With CI or ESTACK_IN_AUTOMATION set, nothing is asked and no
/// next command is suggested.
#[derive(Debug, Parser)]
#[command(name = "etcdctl-stack", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The kubeconfig context; the current one if left out
    #[arg(long, global = true, env = "ESTACK_CONTEXT", value_name = "NAME")]
    pub context: Option<String>,
    /// The kubeconfig file; KUBECONFIG, then ~/.kube/config if left out
    #[arg(long, global = true, env = "ESTACK_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// When to use colour; NO_COLOR and CLICOLOR_FORCE are honoured
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// The same as --color never
    #[arg(long, global = true, hide = true)]
    pub no_color: bool,
    /// List what is otherwise only counted; -vv shows objects whole, too
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print what would change, and in what order
    ///
    /// Reads the stack file, the live objects and the live members, and asks the
    /// API server by dry-run what it would store. Writes nothing. Given several
    /// files or a folder, makes one plan for each, side by side, and a summary.
    #[command(
        visible_alias = "diff",
        after_help = "\
Examples:
  etcdctl-stack plan orders.toml
  etcdctl-stack plan stacks/                           every stack of a folder
  etcdctl-stack plan orders.toml --detailed-exitcode   exit 2 if there are changes
  etcdctl-stack plan stacks/ --drift                   what others changed since the last apply
  etcdctl-stack plan orders.toml --out plan.json       save it: `apply plan.json` does exactly that
  etcdctl-stack plan stacks/ --out plans/              a saved plan for each
  etcdctl-stack plan orders.toml --json | jq .summary
  etcdctl-stack plan orders.toml --json | jq -r .digest   what `apply --expect` takes
  etcdctl-stack plan stacks/ --format markdown >> $GITHUB_STEP_SUMMARY
  etcdctl-stack plan orders.toml --replace orders-1       what replacing a member would do
  etcdctl-stack plan orders.toml --restart                what restarting all would do
  etcdctl-stack plan orders.toml --destroy                what destroy would take away
  etcdctl-stack plan orders.toml --against state/         without a cluster: see `record --help`

Ends with 0, with 2 if there are changes and --detailed-exitcode is given, with 3 if the
plan cannot be applied or needs a permission that was not given, and with 1 if something
could not be read. Of several files the worst counts: 1, then 3, then 2, then 0."
    )]
    Plan(Plan),
    /// Carry a plan out
    ///
    /// Plans, shows the plan, asks, takes the lock, plans again, compares, and then
    /// does one step after the other. Stopped or killed anywhere, the next apply
    /// goes on from what it finds, without the flags of the first. A saved plan is
    /// carried out without asking, once, and only if it is still what would happen:
    /// otherwise what differs is shown, approved beside now.
    #[command(after_help = "\
Examples:
  etcdctl-stack apply orders.toml
  etcdctl-stack apply orders.toml --auto-approve           do not ask
  etcdctl-stack apply orders.toml --expect 7f3a-91c2       only if it is still this plan
  etcdctl-stack apply plan.json                            a plan saved with `plan --out`
  etcdctl-stack apply orders.toml --auto-approve --json    events for programs

  replace a member whose disk is broken: removed, emptied, joined anew
    etcdctl-stack apply orders.toml --replace orders-1
  restart all members, one by one
    etcdctl-stack apply orders.toml --restart
  scale down: lower `members` in orders.toml, then say whose data may go
    etcdctl-stack apply orders.toml --allow-data-loss data-orders-4,data-orders-3

At a terminal, what deletes data is done once you type the stack's name; without one the
claims are named with --allow-data-loss. Time without service needs --allow-downtime.

Ends with 0 when all is done, 3 if the plan cannot be applied or needs a permission, 4 if it
is not the plan that was approved, 5 if it stopped part way, 6 while another run holds the
lock, and with 130 or 143 after a signal. The first Ctrl-C stops after the step that is
under way, the second stops waiting, the third breaks off.")]
    Apply(Apply),
    /// Show a saved plan
    ///
    /// As `plan --out` saved it, and as `plan` showed it then. Nobody is asked whether it
    /// is still what would happen: `apply` finds that out.
    #[command(after_help = "\
Examples:
  etcdctl-stack show plan.json
  etcdctl-stack show plan.json --json | jq .summary")]
    Show(Show),
    /// Take a stack away
    ///
    /// Makes the plan that `plan --destroy` shows, asks for the stack's name, and carries
    /// it out as apply does: snapshot, client Service, members, everything that apply can
    /// make again. Claims and the authorities' Secrets stay, so that apply of the same file
    /// brings the cluster back with its data, unless --delete names them or the file has
    /// `on_destroy = "delete"`. What others have in the namespace is left alone. Killed
    /// anywhere, the next destroy goes on.
    #[command(after_help = "\
Examples:
  etcdctl-stack destroy orders.toml
  etcdctl-stack plan orders.toml --destroy         what would go, and what stays
  etcdctl-stack destroy orders.toml --auto-approve --json

  with the data and the authorities; without a terminal each is allowed by name
    etcdctl-stack destroy orders.toml \\
        --delete PersistentVolumeClaim/data-orders-0,Secret/orders-client-ca \\
        --allow-data-loss data-orders-0 --allow-delete Secret/orders-client-ca
  with the namespace, if this tool made it and nobody else has anything in it
    etcdctl-stack destroy orders.toml --delete Namespace/etcd-orders,...

Ends as apply does.")]
    Destroy(Destroy),
    /// Hand a stack over: all of it goes on, and is not this tool's any more
    ///
    /// Takes this tool's name off every object: its two labels and its entries among the
    /// managers of fields. No value changes and nothing restarts. Journal and lock go.
    /// After that plan refuses the objects as somebody else's.
    #[command(after_help = "\
Examples:
  etcdctl-stack forget orders.toml
  etcdctl-stack plan orders.toml --forget          what would be handed over
  etcdctl-stack forget orders.toml --expect 7f3a-91c2

Ends as apply does.")]
    Forget(Forget),
    /// Write plans into comments on a pull request
    ///
    /// One comment for each stack, written anew with each run; or one for all with
    /// --combine. It is found by a mark that only its author can have made, and an older
    /// run never overwrites a newer one. In GitHub Actions and GitLab CI the request is
    /// known; the token is GITHUB_TOKEN or GITLAB_TOKEN. On a pull request from a fork,
    /// whose token may only read, the text goes into the summary of the step.
    #[command(after_help = "\
Examples:
  etcdctl-stack comment plan.json
  etcdctl-stack comment plans/                      a comment for each stack
  etcdctl-stack comment plans/ --combine            one for all, with a table
  etcdctl-stack comment plan.json --dry-run --number 7 --repository acme/etcd
  etcdctl-stack apply plan.json --json | etcdctl-stack comment plan.json --events -

Ends with 0 when the comments say what they should, a newer run's too.")]
    Comment(Comment),
    /// Print the digest that was approved on a pull request
    ///
    /// For `apply --expect`. The plan is in this tool's own comment, about the commit at
    /// the tip; and somebody who may write approved that commit after the comment was
    /// changed last, and did not open the request. A push or an edit takes the approval
    /// away. Everybody who can make a workflow run with the same token can write in its
    /// name: see docs/pull-requests.md.
    #[command(after_help = "\
Examples:
  etcdctl-stack approved stacks/orders.toml
  etcdctl-stack apply stacks/orders.toml --expect \"$(etcdctl-stack approved stacks/orders.toml)\"

Ends with 0 and a digest for each file, a line each; with 3, and why, if one is not approved.")]
    Approved(Approved),
    /// Show the members as they are
    ///
    /// Asks every member: role, leader, version, size of the database, and which
    /// node it runs on; and shows alarms, when certificates end, and whether the
    /// cluster is as the stack file says. Writes nothing.
    #[command(after_help = "\
Examples:
  etcdctl-stack status orders.toml
  etcdctl-stack status orders.toml --watch
  etcdctl-stack status orders.toml --against state/orders.json   as it was recorded
  etcdctl-stack status orders.toml --json | jq -e .healthy   1 unless it is healthy

Ends with 0 when the cluster was looked at, healthy or not, and with 1 when it could not be.")]
    Status(Status),
    /// Write down what is live, so that plans can be made without the cluster
    ///
    /// The file holds what a plan is decided from: the objects and who set their fields, the
    /// members, pods, claims, nodes, the facts of certificates. No secret, no values of
    /// variables that others set, and nothing that changes by itself: while nothing happens
    /// a second recording is the same to the byte, and the difference of two is what happened.
    /// Commit it beside the stack file, and whoever has no access can plan: a fork, a test,
    /// a laptop on a train. Reads only.
    ///
    /// Once `state/NAME.json` is there, apply, destroy and forget write it again when they are done.
    #[command(after_help = "\
Examples:
  etcdctl-stack record orders.toml                      writes state/orders.json
  etcdctl-stack record orders.toml --out - | less
  etcdctl-stack plan orders.toml --against state/orders.json
  etcdctl-stack plan stacks/ --against state/           each against state/NAME.json
  etcdctl-stack status orders.toml --against state/orders.json

A plan against a recording has the changes, steps and reasons that the cluster would have
given when it was recorded. Nobody is asked what admission says, so every change is
`predicted`, and there is no digest: `apply --expect` cannot take it.

Ends with 0 when it was written, and with 1 if something could not be read.")]
    Record(Record),
    /// Show past applies
    ///
    /// What the journal of the stack tells, the newest first: when, who, which plan,
    /// how many of its steps were done, and how it ended. Writes nothing.
    #[command(after_help = "\
Examples:
  etcdctl-stack history orders.toml
  etcdctl-stack history orders.toml --json | jq '.runs[0].ended'")]
    History(History),
    /// Free the lock of a run that is stuck
    ///
    /// Shows who holds the lock, since when, and whether that run is known to be over;
    /// then asks. A run that died needs no unlocking: its lock ends by itself within
    /// half a minute. A lock that changed hands since it was shown is not touched.
    #[command(after_help = "\
Examples:
  etcdctl-stack unlock orders.toml
  etcdctl-stack unlock orders.toml --force-unlock-of 'ci@runner/4711.81523.3f2a-pid40265'

Ends with 0 when the lock is free, 1 if it was not freed, and 6 if another run than the one
that was named holds it.")]
    Unlock(Unlock),
    /// Run a command with endpoints and credentials of all members set
    ///
    /// Forwards a local port to each member and sets ETCDCTL_ENDPOINTS,
    /// ETCDCTL_CACERT, ETCDCTL_CERT and ETCDCTL_KEY. The credentials lie in a private
    /// temporary folder, which is removed when the command ends. Pods may restart
    /// meanwhile: each connection is a new port-forward. Signals are passed on. Ends
    /// with the command's exit code, 127 if there is no such command.
    #[command(after_help = "\
Examples:
  etcdctl-stack connect orders.toml -- etcdctl member list -w table
  etcdctl-stack connect orders.toml --user app -- etcdctl get --prefix /
  etcdctl-stack connect orders.toml -- bash       a shell with all of it set")]
    Connect(Connect),
    /// Report every mistake in stack files
    ///
    /// Needs no cluster. Several files may be given, and folders; the `*.toml` of a
    /// folder are checked, those of the folders in it are not. Ends with 1 if any file
    /// has an error; warnings are no errors.
    #[command(after_help = "\
Examples:
  etcdctl-stack check orders.toml
  etcdctl-stack check stacks/
  etcdctl-stack check stacks/ --json | jq '.[] | select(.severity == \"error\")'")]
    Check(Check),
    /// Write a commented stack file to start from
    ///
    /// The file is right as it stands: three members, one per node, mutual TLS. What
    /// is changed most often is there as comments. A file that exists is not touched.
    #[command(after_help = "\
Examples:
  etcdctl-stack init orders.toml                    stack `orders` in namespace `etcd-orders`
  etcdctl-stack init orders.toml --namespace data   in namespace `data`
  etcdctl-stack init --name orders -                to standard output")]
    Init(Init),
    /// Print a JSON Schema: of stack files, of plans, of events
    ///
    /// A stack file whose first line is `#:schema ./stack.schema.json` is completed
    /// and checked by editors that know Taplo or Tombi. The others say what `plan --json`
    /// and each line of `apply --json` hold.
    #[command(after_help = "\
Examples:
  etcdctl-stack schema > stack.schema.json
  etcdctl-stack schema --of plan > plan.schema.json
  etcdctl-stack schema --of events > events.schema.json")]
    Schema(Schema),
    /// Print completions for a shell
    #[command(after_help = "\
Examples:
  etcdctl-stack completions bash > /etc/bash_completion.d/etcdctl-stack
  etcdctl-stack completions zsh > ~/.zfunc/_etcdctl-stack
  etcdctl-stack completions fish > ~/.config/fish/completions/etcdctl-stack.fish")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub struct Status {
    /// The stack file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub against: Against,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Look again every two seconds, until interrupted
    #[arg(long, short, conflicts_with = "against")]
    pub watch: bool,
}

#[derive(Debug, Args)]
pub struct History {
    /// The stack file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Unlock {
    /// The stack file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Do not ask; free the lock only if exactly this run holds it
    #[arg(long, value_name = "HOLDER")]
    pub force_unlock_of: Option<String>,
}

#[derive(Debug, Args)]
pub struct Connect {
    /// The stack file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Whose certificate: one of [[tls.users]]; the operator's if left out
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// The command and its arguments, after --
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<std::ffi::OsString>,
}

#[derive(Debug, Args)]
pub struct Check {
    /// Stack files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// Of what
    #[arg(long, value_enum, default_value_t = Document::Stack, value_name = "DOCUMENT")]
    pub of: Document,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// A stack file.
    Stack,
    /// What `plan --json` prints.
    Plan,
    /// Each line of what `apply --json` prints.
    Events,
}

#[derive(Debug, Args)]
pub struct Init {
    /// Where to write it; `-` is standard output
    #[arg(default_value = "stack.toml", value_name = "FILE")]
    pub file: PathBuf,
    /// The stack's name; the file's name if left out
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The namespace; etcd-NAME if left out
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
}
