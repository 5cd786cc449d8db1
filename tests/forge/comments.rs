//! What becomes of comments on a pull request of GitHub.

use std::fs;

use serde_json::Value;

use crate::{
    github::{BOT, GitHub, HEAD},
    server::{Fault, Server},
    world::{broken, digest, folder, github, nothing, ran, saved, text},
};

const LIST: &str = "GET /repos/acme/etcd/issues/7/comments";
const CREATE: &str = "POST /repos/acme/etcd/issues/7/comments";
const EDIT: &str = "PATCH /repos/acme/etcd/issues/comments/";

/// The bodies of the comments that are shown.
fn shown(server: &Server<GitHub>) -> Vec<String> {
    let board = server.board();
    board.rules.comments.iter().filter(|one| !one.is_minimized).map(|one| one.body.clone()).collect()
}

#[test]
fn a_comment_is_made_and_then_written_anew() {
    let server = Server::start(GitHub::default());
    let (first, second) = (saved("orders.toml", 100), saved("orders.toml", 200));
    let here = folder(std::slice::from_ref(&first));
    let outcome = ran(github(&server, here.path(), "writer", &["comment", "plans"]));
    assert_eq!(outcome, (0, String::new(), String::new()));
    assert_eq!(shown(&server), [text(&first, HEAD)]);

    let here = folder(std::slice::from_ref(&second));
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans"])).0, 0);
    assert_eq!(shown(&server), [text(&second, HEAD)]);
    assert_eq!((server.count(CREATE), server.count(EDIT)), (1, 1));
}

#[test]
fn an_equal_comment_is_not_sent_again() {
    let plan = saved("orders.toml", 100);
    let mut forge = GitHub::default();
    forge.add(BOT, &text(&plan, HEAD).replace('\n', "\r\n"));
    let (server, here) = (Server::start(forge), folder(&[plan]));
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans"])).0, 0);
    assert_eq!((server.count(CREATE), server.count(EDIT)), (0, 0));
}

#[test]
fn an_older_run_leaves_the_comment_of_a_newer_one() {
    let mut forge = GitHub::default();
    forge.add(BOT, &text(&saved("orders.toml", 200), HEAD));
    let (server, here) = (Server::start(forge), folder(&[saved("orders.toml", 100)]));
    let (code, _, said) = ran(github(&server, here.path(), "writer", &["comment", "plans"]));
    assert_eq!(code, 0);
    assert!(said.contains("a newer run wrote the comment"), "{said}");
    assert_eq!(shown(&server), [text(&saved("orders.toml", 200), HEAD)]);
}

#[test]
fn of_two_runs_that_race_the_first_comment_stays_with_the_newer_plan() {
    for (other, stays) in [(100, 200), (300, 300)] {
        let server = Server::start(GitHub::default());
        let plan = text(&saved("orders.toml", other), HEAD);
        let make = Box::new(move |rules: &mut GitHub| {
            rules.add(BOT, &plan);
        });
        server.fault(Fault::Before(CREATE, make));
        let here = folder(&[saved("orders.toml", 200)]);
        assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans"])).0, 0);
        assert_eq!(shown(&server), [text(&saved("orders.toml", stays), HEAD)], "{other}");
        assert_eq!(server.comments(), 2);
    }
}

#[test]
fn twenty_stacks_have_a_comment_each_or_one_together() {
    let plans: Vec<_> = (0..20).map(|index| saved(&format!("stacks/s{index:02}.toml"), 100)).collect();
    let (server, here) = (Server::start(GitHub::default()), folder(&plans));
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans"])).0, 0);
    let each: Vec<String> = plans.iter().map(|plan| text(plan, HEAD)).collect();
    assert_eq!(shown(&server), each);
    // The list is read twice, whatever their number.
    assert_eq!(server.count(LIST), 2);

    let server = Server::start(GitHub::default());
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans", "--combine"])).0, 0);
    let all = shown(&server);
    assert_eq!(all.len(), 1);
    assert!(plans.iter().all(|plan| all[0].contains(&plan.file)), "{}", all[0]);
}

#[test]
fn two_plans_of_one_file_are_two_comments_only_when_combined_under_names() {
    let here = folder(&[saved("orders.toml", 100)]);
    fs::copy(here.path().join("plans/orders_toml.json"), here.path().join("plans/again.json"))
        .expect("copied");
    let server = Server::start(GitHub::default());
    let (code, _, said) = ran(github(&server, here.path(), "writer", &["comment", "plans"]));
    assert_eq!(code, 1);
    assert!(said.contains("two of these plans are of `orders.toml`"), "{said}");
    for name in ["a", "b", "a"] {
        let arguments = ["comment", "plans", "--combine", name];
        assert_eq!(ran(github(&server, here.path(), "writer", &arguments)).0, 0);
    }
    assert_eq!(shown(&server).len(), 2);
}

#[test]
fn a_comment_is_found_among_two_hundred_and_fifty() {
    let mut forge = GitHub::default();
    for index in 0..249 {
        forge.add("ann", &format!("comment {index}"));
    }
    forge.add(BOT, &text(&saved("orders.toml", 100), HEAD));
    let (server, here) = (Server::start(forge), folder(&[saved("orders.toml", 200)]));
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans"])).0, 0);
    assert_eq!((server.comments(), server.count(CREATE), server.count(LIST)), (250, 0, 3));
    assert_eq!(server.board().rules.comments[249].body, text(&saved("orders.toml", 200), HEAD));
}

#[test]
fn a_marker_that_another_forged_is_not_ours() {
    let mut forge = GitHub::default();
    let forged = text(&saved("orders.toml", 900), HEAD);
    forge.add("mallory", &forged);
    forge.add("github-actions", &forged);
    let (server, here) = (Server::start(forge), folder(&[saved("orders.toml", 200)]));
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans"])).0, 0);
    assert_eq!(shown(&server), [forged.clone(), forged, text(&saved("orders.toml", 200), HEAD)]);
}

#[test]
fn a_comment_that_somebody_hid_is_not_written_where_nobody_sees_it() {
    let mut forge = GitHub::default();
    forge.add(BOT, &text(&saved("orders.toml", 100), HEAD));
    forge.comments[0].is_minimized = true;
    let (server, here) = (Server::start(forge), folder(&[saved("orders.toml", 200)]));
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans"])).0, 0);
    assert_eq!(shown(&server), [text(&saved("orders.toml", 200), HEAD)]);
    assert_eq!(server.comments(), 2);
}

#[test]
fn a_plan_without_changes_makes_no_comment_and_changes_one() {
    let server = Server::start(GitHub::default());
    let here = folder(&[nothing("orders.toml", 200)]);
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans"])).0, 0);
    assert_eq!(shown(&server), [""; 0]);
    server.board().rules.add(BOT, &text(&saved("orders.toml", 100), HEAD));
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans"])).0, 0);
    assert_eq!(shown(&server), [text(&nothing("orders.toml", 200), HEAD)]);

    let server = Server::start(GitHub::default());
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans", "--when", "always"])).0, 0);
    assert_eq!(shown(&server).len(), 1);
}

#[test]
fn a_plan_that_is_outdated_is_marked_where_there_is_a_comment() {
    let server = Server::start(GitHub::default());
    let here = folder(&[saved("orders.toml", 100)]);
    let arguments = ["comment", "plans", "--outdated", "the head moved"];
    assert_eq!(ran(github(&server, here.path(), "writer", &arguments)).0, 0);
    assert_eq!(shown(&server), [""; 0]);
    server.board().rules.add(BOT, &text(&saved("orders.toml", 100), HEAD));
    assert_eq!(ran(github(&server, here.path(), "writer", &arguments)).0, 0);
    assert!(shown(&server)[0].contains("the head moved"));
}

#[test]
fn a_dry_run_prints_what_it_would_send_and_sends_nothing() {
    let server = Server::start(GitHub::default());
    let here = folder(&[saved("orders.toml", 100)]);
    let (code, out, said) = ran(github(&server, here.path(), "", &["comment", "plans", "--dry-run"]));
    assert_eq!(code, 0, "{said}");
    let mut lines = out.lines();
    let url = format!("POST {}/repos/acme/etcd/issues/7/comments", server.url);
    assert_eq!(lines.next(), Some(url.as_str()));
    let body: Value = serde_json::from_str(lines.next().expect("a body")).expect("JSON");
    assert_eq!(body["body"], text(&saved("orders.toml", 100), HEAD));
    assert_eq!(server.board().asked.len(), 0);
}

#[test]
fn later_steps_are_told_of_the_plan_in_lines() {
    let server = Server::start(GitHub::default());
    let here = folder(&[saved("orders.toml", 100)]);
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans", "--summary"])).0, 0);
    let output = fs::read_to_string(here.path().join("output")).expect("written");
    let wanted = format!(
        "changes=true\ncreates=0\nupdates=0\ndeletes=0\ndata_loss=0\nplan_digest={}\nexit_code=2\n\
         comment_url=https://github.com/acme/etcd/pull/7#issuecomment-1\n",
        digest()
    );
    assert_eq!(output, wanted);
    let summary = fs::read_to_string(here.path().join("summary")).expect("written");
    assert!(summary.contains("apply orders.toml --expect") && !summary.contains("<!--"), "{summary}");

    let here = folder(&[broken("orders.toml", 100)]);
    assert_eq!(ran(github(&server, here.path(), "writer", &["comment", "plans"])).0, 0);
    let output = fs::read_to_string(here.path().join("output")).expect("written");
    assert!(output.contains("exit_code=1\n") && output.contains("plan_digest=\n"), "{output}");
}

#[test]
fn a_summary_stays_below_a_mebibyte_with_what_is_there() {
    let plans: Vec<_> =
        (0..120).map(|index| saved(&format!("{}{index}.toml", "€".repeat(3000)), 100)).collect();
    let here = folder(&[]);
    for (index, plan) in plans.iter().enumerate() {
        fs::write(here.path().join(format!("plans/{index}.json")), plan.text()).expect("written");
    }
    fs::write(here.path().join("summary"), "x".repeat(100_000)).expect("written");
    let server = Server::start(GitHub::default());
    let arguments = ["comment", "plans", "--combine", "--summary"];
    let (code, _, said) = ran(github(&server, here.path(), "reader", &arguments));
    assert_eq!(code, 1, "this is no fork: {said}");
    server.board().rules.is_fork = true;
    assert_eq!(ran(github(&server, here.path(), "reader", &arguments)).0, 0);
    let size = fs::metadata(here.path().join("summary")).expect("there").len();
    assert!((200_000..1024 * 1024).contains(&size), "{size}");
}
