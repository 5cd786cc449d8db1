//! `docs/workflows/`: what they may do, that our program takes every command
//! line of theirs, and that nobody writes commands into them from outside.

use std::{collections::BTreeMap, fs, process::Command};

use serde_json::{Value, json};

use crate::{
    read,
    scripts::{self, DIGEST, GITHUB, GITLAB, Ran, Runner, Script},
};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
const URL: &str = "https://forge.example.com/a/b/-/1?c=d&e=f";

/// What a good run gives to each variable.
fn usual(name: &str) -> String {
    match name {
        "HEAD" | "BASE" | "CI_COMMIT_SHA" | "CI_MERGE_REQUEST_DIFF_BASE_SHA" => SHA.to_owned(),
        "CODE" => "0".to_owned(),
        _ => URL.to_owned(),
    }
}

/// Variables that are not named in the file but by the runner.
const OF_THE_RUNNER: [&str; 3] = ["CI_COMMIT_SHA", "CI_MERGE_REQUEST_DIFF_BASE_SHA", "CI_JOB_URL"];

fn run_with(runner: &Runner, script: &Script, value: impl Fn(&str) -> String, more: &[(&str, &str)]) -> Ran {
    let names = script.env.keys().map(String::as_str).chain(OF_THE_RUNNER);
    let mut env: BTreeMap<&str, String> = names.map(|name| (name, value(name))).collect();
    let sum = runner.checksum();
    env.insert("TOOL_SHA256", sum);
    env.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    runner.run(script, &env)
}

fn run(runner: &Runner, name: &str, more: &[(&str, &str)]) -> Ran {
    run_with(runner, &scripts::named(name), usual, more)
}

/// The first words of each call.
fn commands(ran: &Ran) -> Vec<String> {
    ran.calls.iter().map(|call| call[..2.min(call.len())].join(" ")).collect()
}

#[test]
fn our_program_takes_every_command_line_of_the_workflows() {
    let mut seen = Vec::new();
    for script in scripts::all() {
        let runner = Runner::new(&["orders.toml"]);
        // 2 of `plan --detailed-exitcode` leads to an apply.
        for code in ["0", "2"] {
            seen.extend(run_with(&runner, &script, usual, &[("CODE_plan", code)]).calls);
        }
    }
    assert!(seen.len() > 20, "{seen:?}");
    for call in seen {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_etcdctl-stack"));
        let output = tool.args(&call).arg("--help").env_clear().output().expect("the tool starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{call:?}: {error}");
    }
}

/// Whatever a title, a branch, a URL or the name of a file holds, it stays
/// one argument.
#[test]
fn nothing_from_outside_is_run() {
    let hostile = "\"; touch pwned; $(touch pwned) `touch pwned` ' && touch pwned #\n::error::x";
    let files = ["$(touch pwned).toml", "a b;touch pwned;.toml", "`touch pwned`.toml", "orders.toml"];
    for script in scripts::all() {
        let runner = Runner::new(&files);
        let value = |name: &str| if name == "CODE" { "0".to_owned() } else { hostile.to_owned() };
        let ran = run_with(&runner, &script, value, &[("CODE_plan", "2")]);
        assert!(!runner.files().contains(&"pwned".to_owned()), "{}: {}", script.name, ran.said);
        let words = ran.calls.iter().flatten();
        for name in words.filter_map(|word| word.strip_prefix("stacks/").filter(|name| !name.is_empty())) {
            assert!(files.contains(&name), "{}: `{name}` is part of a name", script.name);
        }
        let given = ["--head", "--base", "--run-url", "--artifact-url"];
        for pair in ran.calls.iter().flat_map(|call| call.windows(2)) {
            assert!(!given.contains(&pair[0].as_str()) || pair[1].starts_with(hostile), "{pair:?}");
        }
    }
}

#[test]
fn expressions_stand_in_the_environment_and_never_in_a_script() {
    for script in scripts::all() {
        assert!(!script.text.contains("${{"), "{}", script.name);
    }
}

#[test]
fn a_binary_with_another_checksum_is_not_installed() {
    for name in ["github-plan.yaml plan: Install", "gitlab-ci.yaml drift"] {
        let runner = Runner::new(&["orders.toml"]);
        let other = "0".repeat(64);
        let ran = run(&runner, name, &[("TOOL_SHA256", &other)]);
        assert_ne!(ran.code, 0, "{}", ran.said);
        assert_eq!(ran.calls, Vec::<Vec<String>>::new());
        assert_eq!(run(&runner, name, &[]).code, 0);
    }
}

const APPLIES: [&str; 2] = ["github-apply.yaml apply: Apply", "gitlab-ci.yaml apply"];

#[test]
fn what_was_approved_is_applied_and_nothing_else() {
    for name in APPLIES {
        let runner = Runner::new(&["a.toml", "b.toml"]);
        let ran = run(&runner, name, &[("CODE_plan", "2"), ("FAILS", "approved stacks/a.toml")]);
        let applied: Vec<&Vec<String>> = ran.calls.iter().filter(|call| call[0] == "apply").collect();
        assert_eq!(applied.len(), 1, "{name}: {:?}", ran.calls);
        assert_eq!(applied[0][..4], ["apply", "stacks/b.toml", "--expect", DIGEST]);
        assert_eq!(ran.code, 1, "a stack that is not approved fails the job");
    }
}

#[test]
fn nothing_is_asked_about_a_stack_that_is_as_its_file_wants() {
    for name in APPLIES {
        let ran = run(&Runner::new(&["a.toml"]), name, &[]);
        assert_eq!((ran.code, commands(&ran)), (0, vec!["plan stacks/a.toml".to_owned()]), "{name}");
    }
}

#[test]
fn a_plan_that_cannot_be_applied_fails_the_job_and_keeps_no_other_from_it() {
    for name in APPLIES {
        let runner = Runner::new(&["a.toml", "b.toml"]);
        let ran = run(&runner, name, &[("CODE_plan", "2"), ("FAILS", "plan stacks/a.toml")]);
        let begun: Vec<String> = commands(&ran).into_iter().filter(|one| one.starts_with("apply")).collect();
        assert_eq!((ran.code, begun), (1, vec!["apply stacks/b.toml".to_owned()]), "{name}");
        // One that stops part way, too. Its comment stays, or its approval would end.
        let ran = run(&runner, name, &[("CODE_plan", "2"), ("FAILS", "apply stacks/a.toml")]);
        let comments = ran.calls.iter().filter(|call| call[0] == "comment").count();
        assert_eq!((ran.code, comments), (1, 1), "{name}");
    }
}

#[test]
fn a_plan_on_a_pull_request_is_shown_and_ends_the_job_with_its_code() {
    let runner = Runner::new(&["a.toml"]);
    let planned = run(&runner, "github-plan.yaml plan: Plan", &[("CODE_plan", "3")]);
    assert_eq!(planned.code, 0, "{}", planned.said);
    let output = fs::read_to_string(runner.path("GITHUB_OUTPUT")).expect("outputs");
    assert_eq!(output, "code=3\n");
    assert_eq!(run(&runner, "github-plan.yaml plan: End as the plan did", &[("CODE", "3")]).code, 3);

    let ran = run(&runner, "gitlab-ci.yaml plan", &[("CODE_plan", "3")]);
    assert_eq!((ran.code, commands(&ran)), (3, vec!["plan stacks/".into(), "comment plans/".into()]));
}

#[test]
fn drift_fails_the_job() {
    for name in ["github-drift.yaml drift: Drift", "gitlab-ci.yaml drift"] {
        let runner = Runner::new(&["a.toml"]);
        assert_eq!(run(&runner, name, &[("CODE_plan", "2")]).code, 2, "{name}");
        assert_eq!(run(&runner, name, &[]).code, 0, "{name}");
    }
}

const WITH_A_CLUSTER: [&str; 3] =
    ["github-plan.yaml plan: Plan", "github-apply.yaml apply: Apply", "github-drift.yaml drift: Drift"];

/// What the tool prints of a cluster is not a command to GitHub's runner.
#[test]
fn commands_to_the_runner_are_off_while_a_cluster_is_printed() {
    for name in WITH_A_CLUSTER {
        let said = run(&Runner::new(&["a.toml"]), name, &[]).said;
        let (_, rest) = said.split_once("::stop-commands::").expect("they are turned off");
        let token = rest.lines().next().unwrap_or_default();
        assert!(token.len() == 32 && rest.contains(&format!("\n::{token}::")), "{name}: {said}");
    }
}

#[test]
fn a_kubeconfig_is_for_nobody_else_to_read() {
    use std::os::unix::fs::PermissionsExt;
    for name in WITH_A_CLUSTER {
        let runner = Runner::new(&["a.toml"]);
        run(&runner, name, &[]);
        let mode = fs::metadata(runner.path("temp/kubeconfig")).expect("written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// Every job of GitHub's, what its token may do, and which secrets it gets.
#[test]
fn each_job_may_do_what_it_does_and_no_more() {
    let comments = json!({ "contents": "read", "pull-requests": "write" });
    let reads = json!({ "contents": "read" });
    let table = [
        ("github-plan.yaml", "plan", &comments, Some("PLAN_KUBECONFIG"), Value::Null),
        ("github-plan.yaml", "offline", &reads, None, Value::Null),
        ("github-apply.yaml", "apply", &comments, Some("APPLY_KUBECONFIG"), json!("etcd")),
        ("github-drift.yaml", "drift", &reads, Some("PLAN_KUBECONFIG"), Value::Null),
    ];
    let count: usize = GITHUB.iter().map(|file| scripts::jobs(file).len()).sum();
    assert_eq!(count, table.len());
    for (file, job, permissions, secret, environment) in table {
        assert_eq!(scripts::workflow(file)["permissions"], json!({}), "{file}");
        let (_, body) = scripts::jobs(file).into_iter().find(|(name, _)| name == job).expect("a job");
        assert_eq!((&body["permissions"], &body["environment"]), (permissions, &environment), "{file} {job}");
        assert!(body["timeout-minutes"].is_u64(), "{file} {job}");
        let text = body.to_string();
        let secrets: Vec<&str> = text.split("secrets.").skip(1).collect();
        assert_eq!(secrets.len(), usize::from(secret.is_some()), "{file} {job}");
        assert!(secrets.iter().all(|one| one.starts_with(secret.unwrap_or_default())), "{file} {job}");
    }
}

#[test]
fn actions_are_pinned_and_leave_no_token_behind() {
    for file in GITHUB {
        let text = read(&format!("docs/workflows/{file}"));
        for line in text.lines().filter(|line| line.contains("uses:")) {
            let (_, pin) = line.split_once('@').expect("a pin");
            let (sha, version) = pin.split_once(" # v").expect("a version beside it");
            assert!(sha.len() == 40 && sha.chars().all(|c| c.is_ascii_hexdigit()), "{line}");
            assert!(version.split('.').count() == 3, "{line}");
        }
        assert!(!text.contains("pull_request_target"), "{file}");
        for (job, body) in scripts::jobs(file) {
            for step in body["steps"].as_array().expect("steps") {
                let checks_out =
                    step["uses"].as_str().is_some_and(|action| action.starts_with("actions/checkout"));
                assert!(!checks_out || step["with"]["persist-credentials"] == false, "{file} {job}");
            }
        }
    }
}

#[test]
fn two_applies_never_run_at_once() {
    let group = &scripts::workflow("github-apply.yaml")["concurrency"];
    assert_eq!(group["cancel-in-progress"], false);
    assert!(!group["group"].as_str().expect("a name").contains("${{"), "{group}");
    let jobs = scripts::jobs(GITLAB);
    let groups: Vec<&str> = jobs
        .iter()
        .filter(|(_, job)| job.get("resource_group").is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(groups, ["apply"]);
}

/// A fork's job has no part in what the others get.
#[test]
fn a_pull_request_is_planned_by_one_job_or_by_the_other() {
    let condition = |job: &str| {
        let (_, body) =
            scripts::jobs("github-plan.yaml").into_iter().find(|(name, _)| name == job).expect("a job");
        body["if"].as_str().expect("a condition").to_owned()
    };
    let other = |one: &str| one.replacen(" != ", " == ", 1);
    assert_eq!(condition("plan"), other(&condition("offline")));
    assert_ne!(condition("plan"), condition("offline"));
    let rule = |job: &str| {
        let (_, body) = scripts::jobs(GITLAB).into_iter().find(|(name, _)| name == job).expect("a job");
        body["rules"][0]["if"].as_str().expect("a rule").to_owned()
    };
    assert_eq!(rule("plan"), other(&rule("offline")));
    assert_ne!(rule("plan"), rule("offline"));
}

#[test]
fn shellcheck_finds_nothing() {
    if Command::new("shellcheck").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "`make lint` installs shellcheck");
        println!("left out: shellcheck is not installed");
        return;
    }
    for script in scripts::all() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("script");
        fs::write(&file, format!("#!/bin/bash\nset -eo pipefail\n{}\n", script.text)).expect("written");
        let output = Command::new("shellcheck").arg(&file).output().expect("shellcheck is there");
        assert!(output.status.success(), "{}: {}", script.name, String::from_utf8_lossy(&output.stdout));
    }
}
