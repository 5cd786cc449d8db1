//! What goes wrong between a run and a forge, and what is said of it.

use std::fs;

use serde_json::json;

use crate::{
    github::{BOT, GitHub, HEAD, refusal},
    server::{Answer, Fault, Server},
    world::{folder, github, ran, saved, text},
};

const ALL: &str = "GET /repos/acme/etcd/issues/7/comments";
const CREATE: &str = "POST /repos/acme/etcd/issues/7/comments";
const EDIT: &str = "PATCH /repos/acme/etcd/issues/comments/";

fn unavailable() -> Answer {
    refusal(502, "Server Error")
}

/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>
fn secondary(status: u16) -> Answer {
    refusal(
        status,
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    )
}

fn comment(server: &Server<GitHub>, token: &str, more: &[&str]) -> (i32, String, String) {
    let here = folder(&[saved("orders.toml", 100)]);
    let arguments: Vec<&str> = ["comment", "plans"].into_iter().chain(more.iter().copied()).collect();
    ran(github(server, here.path(), token, &arguments))
}

#[track_caller]
fn says(outcome: &(i32, String, String), words: &[&str]) {
    assert_eq!(outcome.0, 1, "{}", outcome.2);
    // A line is broken where the screen ends.
    let said = outcome.2.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

#[test]
fn a_server_that_fails_for_a_while_is_asked_again() {
    let server = Server::start(GitHub::default());
    for line in ["POST /graphql", ALL, ALL] {
        server.fault(Fault::Instead(line, unavailable()));
    }
    let outcome = comment(&server, "writer", &[]);
    assert_eq!((outcome.0, server.comments()), (0, 1), "{}", outcome.2);
}

#[test]
fn a_server_that_keeps_failing_is_given_up_on() {
    let server = Server::start(GitHub::default());
    for _ in 0..9 {
        server.fault(Fault::Instead(ALL, unavailable()));
    }
    says(&comment(&server, "writer", &[]), &["127.0.0.1 failed: Server Error (502)", "never made twice"]);
    assert_eq!(server.count(ALL), 5);
}

#[test]
fn a_comment_whose_answer_was_lost_is_not_made_twice() {
    for lost in [Fault::CutAfter(CREATE), Fault::CutAfter(CREATE)] {
        let server = Server::start(GitHub::default());
        server.fault(lost);
        assert_eq!(comment(&server, "writer", &[]).0, 0);
        assert_eq!((server.comments(), server.count(CREATE)), (1, 1));
    }
    // One that did not arrive is made after all.
    let server = Server::start(GitHub::default());
    server.fault(Fault::Instead(CREATE, unavailable()));
    assert_eq!(comment(&server, "writer", &[]).0, 0);
    assert_eq!((server.comments(), server.count(CREATE)), (1, 2));
}

#[test]
fn an_edit_whose_answer_was_lost_is_sent_again() {
    let mut forge = GitHub::default();
    forge.add(BOT, &text(&saved("orders.toml", 50), HEAD));
    let server = Server::start(forge);
    server.fault(Fault::CutAfter(EDIT));
    assert_eq!(comment(&server, "writer", &[]).0, 0);
    assert_eq!((server.comments(), server.count(EDIT)), (1, 2));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a limit ends at a time, by the clock of the tool")]
fn a_rate_limit_is_waited_for() {
    let server = Server::start(GitHub::default());
    let reset = jiff::Timestamp::now().as_second() + 1;
    let primary = refusal(403, "API rate limit exceeded for installation ID 1.")
        .with("x-ratelimit-remaining", 0)
        .with("x-ratelimit-reset", reset);
    server.fault(Fault::Instead(CREATE, secondary(403).with("retry-after", 1)));
    server.fault(Fault::Instead(CREATE, secondary(429).with("retry-after", 0)));
    server.fault(Fault::Instead(CREATE, primary));
    let outcome = comment(&server, "writer", &[]);
    assert_eq!((outcome.0, server.comments()), (0, 1), "{}", outcome.2);
    assert_eq!(server.count(CREATE), 4);
}

#[test]
fn a_rate_limit_that_is_longer_than_our_patience_is_an_error_at_once() {
    for (answer, seconds) in [(secondary(403).with("retry-after", 3600), "3600 s"), (secondary(403), "60 s")]
    {
        let server = Server::start(GitHub::default());
        server.fault(Fault::Instead(CREATE, answer));
        let outcome = comment(&server, "writer", &["--patience", "5s"]);
        says(&outcome, &["takes no more requests for", seconds, "--patience has 5 s left"]);
        assert_eq!(server.count(CREATE), 1);
    }
}

#[test]
fn what_the_token_lacks_is_named() {
    let server = Server::start(GitHub::default());
    says(
        &comment(&server, "expired", &[]),
        &["does not accept the token: Bad credentials (401)", "GITHUB_TOKEN"],
    );
    let missing = ["Resource not accessible by integration", "`pull-requests: write`"];
    says(&comment(&server, "reader", &[]), &missing);
    says(&comment(&server, "writer", &["--number", "8"]), &["issues/8/comments does not exist", "--number"]);
    says(&comment(&server, "", &[]), &["GITHUB_TOKEN is not set"]);
}

#[test]
fn on_a_fork_the_plan_is_in_the_summary_and_all_is_well() {
    let server = Server::start(GitHub { is_fork: true, ..GitHub::default() });
    let here = folder(&[saved("orders.toml", 100)]);
    let (code, out, said) = ran(github(&server, here.path(), "reader", &["comment", "plans"]));
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(said.starts_with("::notice::the token of this run may only read"), "{said}");
    let summary = fs::read_to_string(here.path().join("summary")).expect("written");
    assert!(summary.contains("orders.toml"), "{summary}");
    assert_eq!(server.comments(), 0);

    // Dependabot's runs are treated like those of a fork; without a summary it is printed.
    let server = Server::start(GitHub::default());
    let mut command = github(&server, here.path(), "reader", &["comment", "plans"]);
    command.env("GITHUB_ACTOR", "dependabot[bot]").env_remove("GITHUB_STEP_SUMMARY");
    let (code, out, _) = ran(command);
    assert!(code == 0 && out.contains("orders.toml"), "{code} {out}");
}

#[test]
fn a_comment_that_is_too_long_is_cut_and_a_refusal_is_told() {
    let plans: Vec<_> = (0..80).map(|index| saved(&format!("stacks/{index:02}.toml"), 100)).collect();
    let here = folder(&plans);
    let server = Server::start(GitHub::default());
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans", "--combine"])).0, 0);
    let length = server.board().rules.comments[0].body.chars().count();
    assert!(length <= 62_000, "{length}");

    let error = json!({ "resource": "IssueComment", "code": "unprocessable", "field": "data",
        "message": "Body is too long (maximum is 65536 characters)" });
    let refused = Answer::json(422, json!({ "message": "Validation Failed", "errors": [error] }));
    let server = Server::start(GitHub::default());
    server.fault(Fault::Instead(CREATE, refused));
    says(&comment(&server, "writer", &[]), &["the comment is too long: Validation Failed: Body is too long"]);
}

#[test]
fn a_server_that_is_not_there_or_says_something_else_is_named() {
    let server = Server::start(GitHub::default());
    let here = folder(&[saved("orders.toml", 100)]);
    let mut command = github(&server, here.path(), "writer", &["comment", "plans", "--patience", "0s"]);
    command.env("GITHUB_GRAPHQL_URL", "http://127.0.0.1:1/graphql");
    says(&ran(command), &["cannot reach 127.0.0.1: ", "refused", "HTTPS_PROXY"]);

    let page = Answer { status: 200, headers: Vec::new(), body: "<html>sign in</html>".to_owned() };
    server.fault(Fault::Instead(ALL, page));
    says(&comment(&server, "writer", &[]), &["answers otherwise than documented"]);
    let moved = Answer { status: 301, headers: Vec::new(), body: String::new() }
        .with("location", "http://127.0.0.1:1/");
    server.fault(Fault::Instead(ALL, moved));
    says(&comment(&server, "writer", &[]), &["says that it moved (301"]);
}

#[test]
fn the_token_is_in_a_header_and_in_nothing_that_is_printed() {
    let server = Server::start(GitHub::default());
    let here = folder(&[saved("orders.toml", 100)]);
    let token = "ghs_thisIsSecret";
    for arguments in
        [&["comment", "plans"][..], &["comment", "plans", "--dry-run"], &["approved", "orders.toml"]]
    {
        let (_, out, said) = ran(github(&server, here.path(), token, arguments));
        assert!(!out.contains(token) && !said.contains(token), "{out}{said}");
    }
    let (_, out, said) = ran(github(&server, here.path(), "ghs_thisIsSecret\nx", &["comment", "plans"]));
    assert!(!out.contains(token) && !said.contains(token) && said.contains("line break"), "{out}{said}");
    assert!(
        server.board().asked.iter().all(|asked| !asked.path.contains(token) && !asked.body.contains(token))
    );
}

#[test]
fn a_proxy_is_used_where_one_is_set() {
    let server = Server::start(GitHub::default());
    let here = folder(&[saved("orders.toml", 100)]);
    let mut command = github(&server, here.path(), "writer", &["comment", "plans", "--patience", "0s"]);
    command
        .env("GITHUB_API_URL", "http://api.example.invalid")
        .env("GITHUB_GRAPHQL_URL", "http://api.example.invalid/graphql");
    command.env("HTTP_PROXY", &server.url);
    let outcome = ran(command);
    assert_eq!((outcome.0, server.comments()), (0, 1), "{}", outcome.2);
}
