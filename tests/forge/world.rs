//! Saved plans, and the binary in the environment of a job.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use etcdctl_stack::{
    comment::{Body, Part, Run, State, body},
    observed::{Lookup, Target},
    plan::{Basis, BeforeAfter, Digest, Intent, Plan, Step},
    render::Limit,
    saved::{Content, Made, Saved},
};
use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    github::{BASE, GitHub, HEAD},
    gitlab::GitLab,
    server::Server,
};

/// What is approved.
pub fn digest() -> String {
    Digest::of(&Basis::default()).0
}

/// A plan of one step for this file, made in this second.
pub fn saved(file: &str, made_at: i64) -> Saved {
    let step = Step {
        title: format!("restart orders-0, as planned at {made_at}"),
        actions: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
        tally: None,
        costs: Vec::new(),
    };
    let plan = Plan { steps: vec![step], ..unchanged() };
    of(file, made_at, Content::Plan(Box::new(made(plan))))
}

/// One without changes.
pub fn nothing(file: &str, made_at: i64) -> Saved {
    of(file, made_at, Content::Plan(Box::new(made(unchanged()))))
}

/// None: the file is broken.
pub fn broken(file: &str, made_at: i64) -> Saved {
    of(file, made_at, Content::NoPlan(vec![json!({ "severity": "error", "summary": "unknown key `nam`" })]))
}

fn of(file: &str, made_at: i64, content: Content) -> Saved {
    let made_at = Timestamp::from_second(made_at).expect("a time");
    Saved { tool_version: "0.1.0".into(), made_at, file: file.into(), content }
}

fn made(plan: Plan) -> Made {
    Made { stack: String::new(), intent: Intent::default(), plan, unfinished: None, last_run: None }
}

fn unchanged() -> Plan {
    Plan {
        stack: "orders".into(),
        namespace: "etcd-orders".into(),
        namespace_exists: true,
        target: Target { context: "prod-eu".into(), cluster_uid: Lookup::Found("7c1f".into()) },
        basis: Basis::default(),
        digest: Some(Digest(digest())),
        changes: Vec::new(),
        unchanged: Vec::new(),
        foreign: Vec::new(),
        steps: Vec::new(),
        blocked: Vec::new(),
        warnings: Vec::new(),
        checks: Vec::new(),
        etcd: None,
        recorded: None,
        version: "3.6.16".into(),
        intended: Default::default(),
        inventory: Default::default(),
        complete: true,
        voters: BeforeAfter { before: 3, after: 3 },
        can_lose: 1,
        unread: Vec::new(),
        against: None,
    }
}

/// The comment that a run about this commit writes for one plan.
pub fn text(saved: &Saved, head: &str) -> String {
    let run = Run {
        head: Some(head.to_owned()),
        base: Some(BASE.to_owned()),
        url: None,
        artifact: None,
        started_at: saved.made_at,
        attempt: 1,
    };
    let Body { text, .. } = body(&[Part { saved, state: &State::Planned }], &run, &saved.file, Limit::GITHUB);
    text
}

/// A folder with plans, named after the last part of their files.
pub fn folder(plans: &[Saved]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("plans")).expect("made");
    for plan in plans {
        let name = plan.file.replace(['/', '.'], "_");
        fs::write(folder.path().join(format!("plans/{name}.json")), plan.text()).expect("written");
    }
    folder
}

/// A job of GitHub Actions on pull request 7, with this token.
pub fn github(server: &Server<GitHub>, folder: &Path, token: &str, arguments: &[&str]) -> Command {
    let event = json!({ "number": 7, "pull_request": {
        "number": 7,
        "head": { "sha": HEAD, "repo": { "id": 1 } },
        "base": { "sha": BASE, "repo": { "id": 1 } },
    } });
    fs::write(folder.join("event.json"), event.to_string()).expect("written");
    let mut command = tool(folder, arguments);
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", "acme/etcd")
        .env("GITHUB_API_URL", &server.url)
        .env("GITHUB_GRAPHQL_URL", format!("{}/graphql", server.url))
        .env("GITHUB_EVENT_PATH", folder.join("event.json"))
        .env("GITHUB_SHA", "the-merge-of-a-pull-request")
        .env("GITHUB_OUTPUT", folder.join("output"))
        .env("GITHUB_STEP_SUMMARY", folder.join("summary"));
    if !token.is_empty() {
        command.env("GITHUB_TOKEN", token);
    }
    command
}

/// A job of GitLab CI on merge request 3 of project 10.
pub fn gitlab(server: &Server<GitLab>, folder: &Path, token: &str, arguments: &[&str]) -> Command {
    let mut command = tool(folder, arguments);
    command
        .env("GITLAB_CI", "true")
        .env("CI_API_V4_URL", format!("{}/api/v4", server.url))
        .env("CI_PROJECT_ID", "10")
        .env("CI_MERGE_REQUEST_PROJECT_ID", "10")
        .env("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "10")
        .env("CI_MERGE_REQUEST_IID", "3")
        .env("CI_MERGE_REQUEST_DIFF_BASE_SHA", BASE)
        .env("CI_COMMIT_SHA", HEAD);
    if !token.is_empty() {
        command.env("GITLAB_TOKEN", token);
    }
    command
}

fn tool(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_etcdctl-stack"));
    command.args(arguments).current_dir(folder).env_clear().env("HOME", folder).stdin(Stdio::null());
    command
}

/// Runs it, and returns exit code, standard output and standard error.
pub fn ran(mut command: Command) -> (i32, String, String) {
    told(command.output().expect("the tool starts"))
}

/// The same with something on standard input, in pieces, each after a pause.
pub fn fed(mut command: Command, pieces: &[(u64, String)]) -> (i32, String, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the tool starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    for (pause, piece) in pieces {
        std::thread::sleep(std::time::Duration::from_millis(*pause));
        stdin.write_all(piece.as_bytes()).expect("it reads");
        stdin.flush().expect("it reads");
    }
    drop(stdin);
    told(child.wait_with_output().expect("it ends"))
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}
