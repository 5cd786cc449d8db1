//! Flags and commands that people know from other tools.

use crate::{err, folder, run};

#[test]
fn flags_of_other_tools_are_answered_with_what_to_do_here() {
    let folder = folder();
    let table = [
        (&["apply", "good.toml", "-o", "plan.bin"][..], "`apply PLAN` carries it out"),
        (&["plan", "good.toml", "-o", "json"], "--json prints it, and --out ./json is a file"),
        (&["plan", "good.toml", "--force-conflicts"], "nothing is forced"),
        (&["apply", "good.toml", "--yes"], "--auto-approve"),
        (&["apply", "-f", "good.toml"], "name the file itself"),
        (&["plan", "good.toml", "--force"], "`--take` takes one such field"),
        (&["apply", "good.toml", "--wait"], "how long one wait may take"),
        (&["apply", "good.toml", "--no-backup"], "--skip-snapshot"),
        (&["status", "good.toml", "--replace", "good-1"], "`plan` and `apply` take it"),
        (&["down", "good.toml"], "that is `destroy FILE`"),
        (&["apply", "good.toml", "--destroy"], "`destroy FILE`"),
        (&["restart", "good.toml"], "apply orders.toml --restart"),
        (&["scale", "good.toml"], "change `members`"),
        (&["force-unlock", "good.toml"], "that is `unlock FILE`"),
        (&["logs", "good.toml"], "that is `history FILE`"),
        (&["plan", "good.toml", "--lock-timeout", "5m"], "`apply FILE --lock-timeout 5m` waits"),
        (&["connect", "good.toml", "etcdctl", "get", "a"], "put `--` before the command"),
        (&["plan", "good.toml", "--target", "Service/orders"], "a plan is for the whole stack"),
        (&["plan", "good.toml", "--only", "Service/orders"], "a plan is for the whole stack"),
        (&["plan", "good.toml", "--auto-approve"], "only `apply`, `destroy` and `forget` ask"),
        (&["apply", "good.toml", "--detailed-exitcode"], "`plan` takes it"),
        (&["apply", "good.toml", "--parallelism", "3"], "what is applied goes step by step"),
        (&["plan", "good.toml", "--compact-warnings"], "a line each already"),
        (&["apply", "good.toml", "--server-side"], "every apply is server-side"),
        (&["apply", "good.toml", "--dry-run=server"], "that is `plan`"),
        (&["apply", "good.toml", "-y"], "--auto-approve"),
        (&["plan", "good.toml", "--var", "a=b"], "there are no variables"),
        (&["plan", "good.toml", "--set", "a=b"], "there are no variables"),
        (&["apply", "good.toml", "--input=false"], "nothing is asked where there is no terminal"),
        (&["plan", "good.toml", "--refresh=false"], "each plan asks the cluster itself"),
        (&["import", "good.toml"], "--adopt KIND/NAME"),
        (&["apply", "good.toml", "-auto-approve"], "flags have two dashes here: `--auto-approve`"),
        (&["plan", "good.toml", "-json"], "flags have two dashes here: `--json`"),
        (&["plan", "-refresh-only", "good.toml"], "flags have two dashes here: `--refresh-only`"),
        (&["plan", "good.toml", "-lock-timeout=5m"], "flags have two dashes here: `--lock-timeout`"),
        (&["plan", "good.toml", "-var", "a=b"], "there are no variables"),
        (&["plan", "good.toml", "-target=Service/orders"], "a plan is for the whole stack"),
        (&["-chdir=stacks", "plan", "good.toml"], "name the file with its folder"),
    ];
    for (arguments, advice) in table {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(err(&output).contains(advice), "{arguments:?}: {}", err(&output));
    }
}

#[test]
fn flags_of_other_tools_that_mean_the_same_are_taken() {
    let folder = folder();
    let nowhere = ["--kubeconfig", "no-such-file"];
    let table = [
        &["plan", "good.toml", "--refresh-only"][..],
        &["diff", "good.toml"],
        &["plan", "good.toml", "--no-color", "--detailed-exitcode", "--parallelism", "3"],
        &["apply", "good.toml", "--auto-approve", "--lock-timeout", "1s"],
        &["unlock", "good.toml"],
    ];
    for arguments in table {
        // It came as far as looking for a cluster.
        let said = err(&run(folder.path(), &[arguments, &nowhere[..]].concat()));
        assert!(said.contains("no-such-file"), "{arguments:?}: {said}");
    }
}

#[test]
fn what_looks_like_a_flag_behind_two_dashes_is_the_commands_own() {
    let folder = folder();
    let arguments = ["connect", "good.toml", "--kubeconfig", "no-such-file", "--", "tool", "-out=a", "-var"];
    assert!(err(&run(folder.path(), &arguments)).contains("no-such-file"));
}
