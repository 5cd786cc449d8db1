//! What only the binary has: exit codes, streams, help, files it writes.
//!
//! No test here reaches a cluster; those are in `tests/real`.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Output, Stdio},
};

use etcdctl_stack::render;
use serde_json::Value;

mod advice;
mod saved;
#[path = "../schema/valid.rs"]
mod valid;

/// The binary in an empty environment, in a folder of its own.
fn tool(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_etcdctl-stack"));
    command.args(arguments).current_dir(folder).env_clear().env("HOME", folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    tool(folder, arguments).output().expect("the tool starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with a good stack file and a broken one.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let good = "[stack]\nname = \"orders\"\nnamespace = \"etcd-orders\"\n";
    fs::write(folder.path().join("good.toml"), good).expect("written");
    fs::write(folder.path().join("broken.toml"), good.replace("name =", "nam =") + "members = true\n")
        .expect("written");
    folder
}

#[test]
fn a_mistake_on_the_command_line_is_1_and_not_2_which_means_changes() {
    let folder = folder();
    for arguments in [&["plan"][..], &["plan", "--no-such-flag"], &["no-such-command"], &[]] {
        let output = run(folder.path(), arguments);
        assert_eq!((output.status.code(), out(&output)), (Some(1), String::new()), "{arguments:?}");
    }
}

#[test]
fn each_document_has_a_schema_and_that_of_stack_files_is_the_default() {
    let folder = folder();
    let schema = |arguments: &[&str]| out(&run(folder.path(), &[&["schema"], arguments].concat()));
    let published = [
        (&[][..], include_str!("../../stack.schema.json")),
        (&["--of", "stack"], include_str!("../../stack.schema.json")),
        (&["--of", "plan"], include_str!("../../plan.schema.json")),
        (&["--of", "events"], include_str!("../../events.schema.json")),
    ];
    for (arguments, text) in published {
        assert!(schema(arguments) == text, "{arguments:?}");
    }
}

#[test]
fn help_names_every_exit_code_and_every_command_has_examples() {
    let folder = folder();
    let help = out(&run(folder.path(), &["--help"]));
    for code in ["0", "1", "2", "3", "4", "5", "6", "130"] {
        let line = format!("  {code:<5}");
        assert!(help.lines().any(|help| help.starts_with(&line)), "{code} is missing:\n{help}");
    }
    const COMMANDS: [&str; 16] = [
        "plan",
        "show",
        "apply",
        "destroy",
        "forget",
        "comment",
        "approved",
        "status",
        "record",
        "history",
        "unlock",
        "connect",
        "check",
        "init",
        "schema",
        "completions",
    ];
    for command in COMMANDS {
        let help = out(&run(folder.path(), &[command, "--help"]));
        assert!(help.contains(&format!("\nExamples:\n  etcdctl-stack {command} ")), "{command}:\n{help}");
    }
    assert!(out(&run(folder.path(), &["--version"])).starts_with("etcdctl-stack "));
}

#[test]
fn the_end_of_a_stack_is_planned_alone() {
    let folder = folder();
    for arguments in [
        &["plan", "good.toml", "--destroy", "--forget"][..],
        &["plan", "good.toml", "--destroy", "--restart"],
        &["plan", "good.toml", "--delete", "Secret/a"],
        &["destroy", "good.toml", "--delete", "Widget/a"],
        &["destroy", "good.toml", "--allow-downtime"],
    ] {
        assert_eq!(run(folder.path(), arguments).status.code(), Some(1), "{arguments:?}");
    }
    let several = run(folder.path(), &["plan", "good.toml", "bad.toml", "--destroy"]);
    assert!(err(&several).contains("--destroy is about one stack"), "{}", err(&several));
}

#[test]
fn help_teaches_what_no_stack_file_can_say() {
    let folder = folder();
    let help = out(&run(folder.path(), &["apply", "--help"]));
    for example in
        ["--replace orders-1", "--restart", "--allow-data-loss data-orders-4,data-orders-3", "--snapshot-dir"]
    {
        assert!(help.contains(example), "{example}:\n{help}");
    }
    for flag in
        ["replace", "restart", "remove", "take", "skip-snapshot", "abandon", "allow-downtime", "allow-delete"]
    {
        let shells = out(&run(folder.path(), &["completions", "bash"]));
        let plan = out(&run(folder.path(), &["plan", "--help"]));
        let flag = format!("--{flag}");
        assert!(help.contains(&flag) && plan.contains(&flag) && shells.contains(&flag), "{flag}");
    }
}

#[test]
fn what_is_asked_for_is_checked_before_a_cluster_is_looked_for() {
    let folder = folder();
    let other = "[stack]\nname = \"others\"\nnamespace = \"etcd-others\"\n";
    fs::write(folder.path().join("other.toml"), other).expect("written");
    let table = [
        (
            &["plan", "good.toml", "--remove", "orders-1"][..],
            "hexadecimal, as `etcdctl member list` prints it",
        ),
        (&["plan", "good.toml", "--take", "spec.replicas"], "write it as `KIND/NAME:FIELD@MANAGER`"),
        (
            &["plan", "good.toml", "--take", "Deployment/orders:spec.replicas@helm"],
            "`Deployment` is not a kind of object that a stack has",
        ),
        (&["plan", "good.toml", "--replace"], "a value is required"),
        (&["plan", ".", "--replace", "orders-1"], "--replace is about one stack"),
        (&["plan", "good.toml", "other.toml", "--remove", "b31c"], "--remove is about one stack"),
        (&["plan", ".", "--take", "StatefulSet/orders:spec.replicas@kubectl"], "--take is about one stack"),
        (&["plan", ".", "--allow-data-loss", "data-orders-4"], "--allow-data-loss CLAIM is about one stack"),
    ];
    for (arguments, says) in table {
        let output = run(folder.path(), &[arguments, &["--kubeconfig", "no-such-file"]].concat());
        assert_eq!((output.status.code(), out(&output)), (Some(1), String::new()), "{arguments:?}");
        let said = one_line(&err(&output));
        assert!(said.contains(says) && !said.contains("no-such-file"), "{arguments:?}: {said}");
    }
    // What is true of every stack may be asked for of many.
    let many = ["plan", ".", "--restart", "--allow-data-loss", "all", "--kubeconfig", "no-such-file"];
    let output = run(folder.path(), &many);
    assert!(err(&output).contains("no-such-file"), "{}", err(&output));
}

#[test]
fn history_and_unlock_want_one_stack_file_that_is_good() {
    let folder = folder();
    for command in ["history", "unlock"] {
        let said = |arguments: &[&str]| {
            let output = run(folder.path(), &[&[command], arguments].concat());
            assert_eq!((output.status.code(), out(&output)), (Some(1), String::new()), "{arguments:?}");
            one_line(&err(&output))
        };
        assert!(said(&[]).contains("<FILE>"));
        assert!(said(&["nope.toml"]).contains("cannot read `nope.toml`: it does not exist"));
        assert!(said(&["broken.toml"]).contains("broken.toml"));
        assert!(said(&["good.toml", "--kubeconfig", "no-such-file"]).contains("no-such-file"));
    }
}

#[test]
fn what_init_writes_is_a_good_stack_file_and_is_never_overwritten() {
    let folder = folder();
    let written = run(folder.path(), &["init", "db.toml", "--namespace", "data"]);
    assert_eq!(written.status.code(), Some(0), "{}", err(&written));
    let text = fs::read_to_string(folder.path().join("db.toml")).expect("written");
    assert!(text.contains("name = \"db\"\nnamespace = \"data\"\n"), "{text}");
    let checked = run(folder.path(), &["check", "db.toml"]);
    assert_eq!((checked.status.code(), out(&checked)), (Some(0), "db.toml: ok\n".to_owned()));

    let again = run(folder.path(), &["init", "db.toml", "--name", "other"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(err(&again).contains("exists already"), "{}", err(&again));
    assert_eq!(fs::read_to_string(folder.path().join("db.toml")).expect("there"), text);

    let printed = run(folder.path(), &["init", "--name", "orders", "-"]);
    assert!(out(&printed).contains("namespace = \"etcd-orders\""), "{}", out(&printed));
    let refused = run(folder.path(), &["init", "--name", "No Name", "-"]);
    assert_eq!((refused.status.code(), out(&refused)), (Some(1), String::new()));
    let refused = run(folder.path(), &["init", "--name", "Bad_Name", "-"]);
    let why = "cannot make a stack file: \"Bad_Name\" is not the name of a stack: `B` is not allowed; use a-z, 0-9 and `-`\n";
    assert!(one_line(&err(&refused)).starts_with(&format!("error: {}", one_line(why))), "{}", err(&refused));
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn why_a_file_cannot_be_read_is_said() {
    let folder = folder();
    fs::write(folder.path().join("latin.toml"), b"# a\n# caf\xe9\n").expect("written");
    let said = |arguments: &[&str]| one_line(&err(&run(folder.path(), arguments)));
    let latin = said(&["check", "latin.toml"]);
    assert!(latin.contains("byte 9, in line 2, is not UTF-8"), "{latin}");
    let status = said(&["status", "."]);
    assert!(status.contains("cannot read `.`: it is a folder help: name one stack file"), "{status}");
}

#[test]
fn check_reports_every_mistake_with_its_place() {
    let folder = folder();
    let output = run(folder.path(), &["check", "."]);
    assert_eq!(output.status.code(), Some(1));
    let text = out(&output);
    for part in ["broken.toml:2:1", "./good.toml: ok"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let output = run(folder.path(), &["check", "broken.toml", "--json"]);
    let findings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(findings.as_array().expect("a list").len() >= 2, "{findings:#}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn colour_is_where_somebody_wants_it() {
    let folder = folder();
    let colored = |name: &str, value: &str, flags: &[&str]| {
        let arguments = [&["check", "broken.toml"], flags].concat();
        let output = tool(folder.path(), &arguments).env(name, value).output().expect("the tool starts");
        out(&output).contains('\u{1b}')
    };
    assert!(!colored("TERM", "xterm", &[]), "a pipe has no colour");
    assert!(colored("FORCE_COLOR", "1", &[]));
    assert!(colored("CLICOLOR_FORCE", "1", &[]) && !colored("CLICOLOR_FORCE", "0", &[]));
    assert!(colored("GITHUB_ACTIONS", "true", &[]) && colored("GITLAB_CI", "true", &[]));
    assert!(colored("NO_COLOR", "1", &["--color", "always"]));
    assert!(!colored("FORCE_COLOR", "1", &["--no-color"]));
    assert!(!colored("FORCE_COLOR", "1", &["--json"]), "never in JSON");
    let two = |first: (&str, &str), second: (&str, &str)| {
        let mut command = tool(folder.path(), &["check", "broken.toml"]);
        let output = command.env(first.0, first.1).env(second.0, second.1).output().expect("the tool starts");
        out(&output).contains('\u{1b}')
    };
    assert!(!two(("NO_COLOR", "1"), ("FORCE_COLOR", "1")));
    assert!(two(("TERM", "dumb"), ("FORCE_COLOR", "1")));
    assert!(!two(("TERM", "dumb"), ("GITHUB_ACTIONS", "true")));
}

#[test]
fn apply_does_not_begin_where_nobody_can_be_asked() {
    let folder = folder();
    let nowhere = ["--kubeconfig", "no-such-file"];
    let output = run(folder.path(), &[&["apply", "good.toml"], &nowhere[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("--auto-approve") && err(&output).contains("--expect"), "{}", err(&output));
    assert!(!err(&output).contains("no-such-file"), "it was refused before the cluster was looked for");
    let output =
        run(folder.path(), &[&["apply", "good.toml", "--expect", "7f3a-91c2"], &nowhere[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("32 digits"), "{}", err(&output));
}

#[test]
fn an_apply_that_finds_no_cluster_tells_programs_so() {
    let folder = folder();
    let arguments = ["apply", "good.toml", "--auto-approve", "--json", "--kubeconfig", "no-such-file"];
    let output = run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> =
        out(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let schema = valid::strict(render::events_schema());
    lines.iter().for_each(|line| valid::conforms(&schema, line));
    let [version, diagnostic] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!((&version["type"], &diagnostic["type"]), (&"version".into(), &"diagnostic".into()));
    assert!(diagnostic["@message"].as_str().is_some_and(|text| text.contains("no-such-file")));
    assert!(err(&output).contains("no-such-file"), "people read it, too");
}

#[test]
fn several_files_each_have_an_entry_whatever_becomes_of_them() {
    let folder = folder();
    let arguments = ["plan", ".", "--json", "--kubeconfig", "no-such-file"];
    let output = run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let plans: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    plans.as_array().into_iter().flatten().for_each(valid::plan);
    let files: Vec<(&Value, &Value)> = plans
        .as_array()
        .expect("a list")
        .iter()
        .map(|plan| (&plan["stack"]["file"], &plan["errored"]))
        .collect();
    assert_eq!(files, [(&"./broken.toml".into(), &true.into()), (&"./good.toml".into(), &true.into())]);
    let text = out(&run(folder.path(), &["plan", ".", "--kubeconfig", "no-such-file"]));
    assert!(text.ends_with("2 stacks: 2 with errors\n"), "{text}");
}

/// The codes of the findings in a plan's JSON, or in check's.
fn codes(findings: &Value) -> Vec<&str> {
    findings.as_array().expect("a list").iter().filter_map(|finding| finding["code"].as_str()).collect()
}

#[test]
fn programs_are_told_every_mistake_also_of_a_file_that_is_not_there() {
    let folder = folder();
    let json = |arguments: &[&str]| -> Value {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let missing = json(&["check", "nope.toml", "good.toml", "--json"]);
    assert_eq!(codes(&missing), ["stack::unreadable"]);
    assert_eq!((&missing[0]["file"], &missing[0]["severity"]), (&"nope.toml".into(), &"error".into()));

    let nowhere = ["--json", "--kubeconfig", "no-such-file"];
    let single = json(&[&["plan", "broken.toml"], &nowhere[..]].concat());
    valid::plan(&single);
    let found = ["stack::unknown_key", "stack::unknown_key"];
    assert_eq!((&single["errored"], codes(&single["diagnostics"])), (&true.into(), found.to_vec()));
    let many = json(&[&["plan", "broken.toml", "nope.toml", "good.toml"], &nowhere[..]].concat());
    many.as_array().into_iter().flatten().for_each(valid::plan);
    let all: Vec<Vec<&str>> =
        many.as_array().expect("a list").iter().map(|plan| codes(&plan["diagnostics"])).collect();
    assert_eq!(all, [&found[..], &["plan::no_plan"], &["stack::unreadable"]]);
    let single = json(&[&["plan", "good.toml"], &nowhere[..]].concat());
    assert_eq!(codes(&single["diagnostics"]), ["plan::no_plan"]);
}

#[test]
fn two_files_for_one_stack_are_refused_and_one_file_is_planned_once() {
    let folder = folder();
    let stacks = folder.path().join("stacks");
    fs::create_dir(&stacks).expect("a folder");
    fs::copy(folder.path().join("good.toml"), stacks.join("a.toml")).expect("copied");
    let nowhere = ["--kubeconfig", "no-such-file"];
    let output = run(folder.path(), &[&["plan", "good.toml", "stacks"], &nowhere[..]].concat());
    assert_eq!((output.status.code(), out(&output)), (Some(1), String::new()));
    let says = "`good.toml` and `stacks/a.toml` are both stack `orders` in namespace `etcd-orders`";
    assert!(err(&output).contains(says), "{}", err(&output));
    assert!(!err(&output).contains("no-such-file"), "nothing was asked: {}", err(&output));

    let output = run(folder.path(), &[&["plan", "stacks", "./stacks/a.toml"], &nowhere[..]].concat());
    assert!(out(&output).ends_with("1 stack: 1 with errors\n"), "{}", out(&output));
}

#[test]
fn a_plan_is_printed_in_the_form_that_was_asked_for() {
    let folder = folder();
    let printed = |arguments: &[&str]| {
        let arguments = [&["plan"], arguments, &["--kubeconfig", "no-such-file"]].concat();
        let output = run(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        (out(&output), err(&output))
    };
    assert_eq!(printed(&["broken.toml", "--json"]).0, printed(&["broken.toml", "--format", "json"]).0);
    let (markdown, _) = printed(&["broken.toml", "--format", "markdown"]);
    assert!(markdown.starts_with("### ⛔ `broken.toml` — no plan\n"), "{markdown}");
    assert!(markdown.contains("`broken.toml:2:1`"), "{markdown}");
    let (markdown, _) = printed(&["broken.toml", "good.toml", "--format", "markdown"]);
    assert!(markdown.starts_with("### ⛔ 2 stacks: 2 with errors\n"), "{markdown}");
    for (arguments, why) in [
        (&["good.toml", "--json", "--format", "markdown"][..], "--format"),
        (&["good.toml", "--drift", "--format", "markdown"], "leave out `--format markdown`"),
    ] {
        let (answer, error) = printed(arguments);
        assert!(answer.is_empty() && error.contains(why), "{error}");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is_one() {
    let folder = folder();
    for arguments in [&["schema"][..], &["--help"], &["completions", "bash"]] {
        let mut child = tool(folder.path(), arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tool starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()), "{arguments:?}");
    }
    let full = File::options().write(true).open("/dev/full").expect("a full disk");
    let output = tool(folder.path(), &["schema"]).stdout(full).output().expect("the tool starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("cannot write to standard output"), "{}", err(&output));
}
