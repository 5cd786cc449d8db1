//! What to do about flags and commands that people know from other tools: better
//! than "unexpected argument".

use clap::{
    builder::StyledStr,
    error::{ContextKind, ContextValue},
};

/// Puts what to do instead into the error, where it is known, in the place of
/// flags that are merely spelled alike.
pub fn advise(error: &mut clap::Error) {
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

/// A command for `connect` whose `--` was forgotten.
fn without_dashes(error: &clap::Error) -> Option<&'static str> {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else { return None };
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else { return None };
    let connect = usage.to_string().contains("etcdctl-stack connect");
    (connect && !typed.starts_with('-'))
        .then_some("put `--` before the command: `etcdctl-stack connect orders.toml -- etcdctl get a`")
}

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
        "--refresh-only" | "--drift" => "`plan FILE --drift` tells what others changed since the last apply",
        "--target" | "--only" | "--resource" => {
            "a plan is for the whole stack: membership and objects depend on each other"
        }
        "--replace" | "--restart" | "--remove" | "--take" | "--adopt" | "--skip-snapshot" | "--abandon"
        | "--allow-data-loss" | "--allow-delete" | "--allow-downtime" => "`plan` and `apply` take it",
        "--namespace" | "-n" => "the namespace is `stack.namespace` in the stack file",
        "--lock-timeout" | "--lock" => {
            "only apply takes the lock: `apply FILE --lock-timeout 5m` waits for it"
        }
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
