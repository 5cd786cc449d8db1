//! What to do about flags and commands that people know from other tools: better
//! than "unexpected argument".

use std::ffi::OsString;

use clap::{
    Command, Error,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// Puts what to do instead into the error, where it is known, in the place of
/// flags that are merely spelled alike.
pub fn advise(error: &mut Error) {
    let typed = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand].into_iter().find_map(|kind| {
        let Some(ContextValue::String(typed)) = error.get(kind) else { return None };
        instead(typed.split([' ', '=']).next()?)
    });
    let Some(text) = typed.or_else(|| without_dashes(error)) else { return };
    for spelled_alike in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand] {
        error.remove(spelled_alike);
    }
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(text)]));
}

/// Terraform's flags, which begin with one dash: `-out=plan` would be read as
/// `-o` with the value `ut=plan`.
const WITH_ONE_DASH: [&str; 27] = [
    "auto-approve",
    "backup",
    "backend-config",
    "chdir",
    "compact-warnings",
    "destroy",
    "detailed-exitcode",
    "exclude",
    "force",
    "generate-config-out",
    "help",
    "input",
    "json",
    "lock",
    "lock-timeout",
    "no-color",
    "out",
    "parallelism",
    "refresh",
    "refresh-only",
    "replace",
    "show-sensitive",
    "state",
    "state-out",
    "target",
    "var",
    "var-file",
];

/// The error for the first flag that is typed as Terraform has it, with one dash.
pub fn with_one_dash(typed: impl Iterator<Item = OsString>, command: &Command) -> Option<Error> {
    let mut typed = typed.skip(1).take_while(|argument| argument != "--");
    let (argument, name) = typed.find_map(|argument| {
        let argument = argument.into_string().ok()?;
        let name = argument.strip_prefix('-')?.split('=').next()?.to_owned();
        WITH_ONE_DASH.contains(&name.as_str()).then_some((argument, name))
    })?;
    let mut error = Error::new(ErrorKind::UnknownArgument).with_cmd(command);
    error.insert(ContextKind::InvalidArg, ContextValue::String(argument));
    let text = match instead(&format!("--{name}")) {
        Some(text) if !is_flag(command, &name) => text.to_owned(),
        _ => format!("flags have two dashes here: `--{name}`"),
    };
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(text)]));
    Some(error)
}

/// Whether some command has this flag.
fn is_flag(command: &Command, name: &str) -> bool {
    let own = || {
        command.get_arguments().any(|one| {
            one.get_long() == Some(name)
                || one.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
        })
    };
    name == "help" || own() || command.get_subcommands().any(|inner| is_flag(inner, name))
}

/// A command for `connect` whose `--` was forgotten.
fn without_dashes(error: &Error) -> Option<&'static str> {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else { return None };
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else { return None };
    let connect = usage.to_string().contains("etcdctl-stack connect");
    (connect && !typed.starts_with('-'))
        .then_some("put `--` before the command: `etcdctl-stack connect orders.toml -- etcdctl get a`")
}

const NO_STATE: &str =
    "each plan asks the cluster itself; `record` writes what is live, for `plan FILE --against`";

fn instead(typed: &str) -> Option<&'static str> {
    Some(match typed {
        "--out" | "-o" => "`plan FILE --out PLAN` saves a plan, and `apply PLAN` carries it out",
        "--yes" | "-y" => "`apply FILE --auto-approve` does not ask",
        "-f" | "--file" | "--filename" => "name the file itself: `etcdctl-stack plan orders.toml`",
        "--force" | "--force-conflicts" | "--take-ownership" => {
            "nothing is forced: the plan names the field and who owns it, and `--take` takes one such field back; or put their value into the stack file"
        }
        "--server-side" => "every apply is server-side, with field manager `etcdctl-stack`",
        "--dry-run" | "--check" => "that is `plan`: it asks the API server by dry-run and writes nothing",
        "--no-dry-run" | "--offline" => {
            "`plan FILE --against state/` plans from a recording, without a cluster"
        }
        "--against" => "only `plan` and `status` take it: what is applied is planned from the cluster itself",
        "--refresh-only" | "--drift" => "`plan FILE --drift` tells what others changed since the last apply",
        "--target" | "--only" | "--exclude" | "--resource" => {
            "a plan is for the whole stack: membership and objects depend on each other"
        }
        "--replace" | "--restart" | "--remove" | "--take" | "--adopt" | "--skip-snapshot" | "--abandon"
        | "--allow-data-loss" | "--allow-delete" | "--allow-downtime" => "`plan` and `apply` take it",
        "--namespace" | "-n" => "the namespace is `stack.namespace` in the stack file",
        "--lock-timeout" | "--lock" => {
            "only apply takes the lock: `apply FILE --lock-timeout 5m` waits for it"
        }
        "--auto-approve" => "only `apply`, `destroy` and `forget` ask",
        "--detailed-exitcode" => "`plan` takes it; apply ends with 0 only when all is done",
        "--parallelism" | "--concurrency" | "-p" => {
            "`plan` takes it, for many files; what is applied goes step by step"
        }
        "--compact-warnings" => "warnings are a line each already",
        "--var" | "--var-file" | "--set" | "--values" | "--env" => {
            "there are no variables: what a stack is stands in its file, and each cluster has a file"
        }
        "--input" | "--non-interactive" | "--no-input" => {
            "nothing is asked where there is no terminal, or CI or ESTACK_IN_AUTOMATION is set"
        }
        "--state" | "--state-out" | "--backup" | "--backend-config" | "--refresh" => NO_STATE,
        "--chdir" => "name the file with its folder: `etcdctl-stack plan stacks/orders.toml`",
        "--generate-config-out" => "`etcdctl-stack init orders.toml` writes a file to start from",
        "--show-sensitive" => "a plan holds no secret values, so none can be shown",
        "--output" => "`--json` prints it for programs",
        "import" => "`apply FILE --adopt KIND/NAME` makes an object this stack's that another tool made",
        "taint" => "`apply FILE --replace NAME` removes a member and lets it join anew",
        "refresh" | "drift" => "`plan FILE --drift` tells what others changed since the last apply",
        "output" | "describe" => "that is `status FILE`; `status FILE --json` for programs",
        "state" | "workspace" => NO_STATE,
        "--wait" | "--timeout" => "apply always waits; `--step-timeout 10m` says how long one wait may take",
        "--resume" | "--continue" | "resume" | "continue" => {
            "apply goes on by itself: `etcdctl-stack apply orders.toml`"
        }
        "--no-snapshot" | "--skip-backup" | "--no-backup" => "`--skip-snapshot` leaves the snapshot out",
        "--abort" | "--cancel" | "abort" | "cancel" => {
            "`apply FILE --abandon` gives up what an unfinished apply was asked for"
        }
        "--prune" => {
            "apply deletes what the stack file no longer names; `--allow-delete` permits it for a Secret"
        }
        "delete" | "down" | "uninstall" | "teardown" => "that is `destroy FILE`",
        "orphan" | "release" | "disown" | "unmanage" => "that is `forget FILE`",
        "--destroy" | "--forget" => "`plan` takes it; to do it: `destroy FILE`, or `forget FILE`",
        "--delete" => "`destroy FILE --delete KIND/NAME` deletes with the stack what would stay otherwise",
        "scale" | "add" | "grow" | "shrink" => "change `members` in the stack file, then `plan` and `apply`",
        "restart" | "rollout" => "`etcdctl-stack apply orders.toml --restart` restarts all, one by one",
        "replace" | "repair" | "heal" => {
            "`etcdctl-stack apply orders.toml --replace NAME` removes a member and lets it join anew"
        }
        "remove" | "rm" => {
            "lower `members` in the stack file; `apply FILE --remove ID` is for members that are not this stack's"
        }
        "rollback" | "undo" => {
            "put the earlier stack file back, then `plan` and `apply`; `history` shows past applies"
        }
        "log" | "logs" | "audit" | "runs" => "that is `history FILE`",
        "up" | "deploy" | "install" | "upgrade" => "that is `apply`",
        "preview" => "that is `plan`; `plan --json` for programs",
        "validate" | "lint" => "that is `check`",
        "force-unlock" => "that is `unlock FILE`",
        "get" | "put" | "del" | "member" | "endpoint" => {
            "run etcdctl itself: `etcdctl-stack connect orders.toml -- etcdctl ...`"
        }
        _ => return None,
    })
}
