//! What was approved on GitHub: the digest, or why there is none.

use std::fs;

use serde_json::json;

use crate::{
    github::{BOT, GitHub, HEAD, MERGE, Review},
    server::Server,
    world::{digest, folder, github, ran, saved, text},
};

const YES: Review =
    Review { login: "bob", state: "APPROVED", commit: HEAD, at: 1_795_000_000, association: "MEMBER" };

/// A request with a comment and an approval.
fn approved() -> GitHub {
    let mut forge = GitHub { reviews: vec![YES], ..GitHub::default() };
    forge.add(BOT, &text(&saved("orders.toml", 100), HEAD));
    forge
}

fn asked(forge: GitHub) -> (i32, String, String) {
    let (server, here) = (Server::start(forge), folder(&[]));
    ran(github(&server, here.path(), "reader", &["approved", "orders.toml"]))
}

#[track_caller]
fn refuses(forge: GitHub, because: &str) {
    let (code, out, said) = asked(forge);
    assert_eq!((code, out.as_str()), (3, ""), "{said}");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(because), "`{because}` is not in: {said}");
}

fn reviewed(review: Review) -> GitHub {
    GitHub { reviews: vec![review], ..approved() }
}

#[test]
fn a_review_of_the_tip_after_the_comment_approves_its_digest() {
    let (code, out, said) = asked(approved());
    assert_eq!((code, out), (0, format!("{}\n", digest())), "{said}");
    assert!(said.contains("approved by bob"), "{said}");
}

#[test]
fn a_saved_plan_stands_for_its_file_and_all_files_are_approved_or_none() {
    let here = folder(&[saved("orders.toml", 100)]);
    let server = Server::start(approved());
    let run = |arguments: &[&str]| ran(github(&server, here.path(), "reader", arguments));
    assert_eq!(run(&["approved", "plans/orders_toml.json"]).1, format!("{}\n", digest()));
    let (code, out, said) = run(&["approved", "orders.toml", "users.toml"]);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(said.contains("wrote no comment about `users.toml`"), "{said}");
}

#[test]
fn a_push_takes_the_approval_away() {
    refuses(GitHub { head: MERGE, ..approved() }, "the comment is about 41d9e0a1c2b3");
    // The plan of the new tip is there, and the review is of the old one.
    let mut forge = GitHub { head: MERGE, reviews: vec![YES], ..GitHub::default() };
    forge.add(BOT, &text(&saved("orders.toml", 200), MERGE));
    refuses(forge, "`bob` approved 41d9e0a1c2b3, and the tip is c0ffee");
}

#[test]
fn the_comment_is_older_than_the_review() {
    let mut forge = approved();
    forge.comments[0].updated_at = YES.at;
    refuses(forge, "approve again");
}

#[test]
fn the_comment_is_ours_and_nobody_else_wrote_it_last() {
    let mut forge = approved();
    forge.comments[0].editor = Some("mallory".into());
    refuses(forge, "the comment was edited by somebody other than `github-actions[bot]`");
    let mut forge = approved();
    forge.comments[0].editor = Some(BOT.into());
    assert_eq!(asked(forge).0, 0);
    let mut forge = approved();
    forge.comments[0].login = "mallory".into();
    refuses(forge, "wrote no comment about `orders.toml`");
    let mut forge = approved();
    forge.add(BOT, &text(&saved("orders.toml", 200), HEAD));
    refuses(forge, "wrote 2 comments");
}

#[test]
fn the_reviewer_may_write_and_did_not_open_the_request() {
    refuses(reviewed(Review { login: "ann", ..YES }), "`ann` opened the request");
    refuses(reviewed(Review { association: "NONE", ..YES }), "nobody who may write");
    refuses(reviewed(Review { association: "CONTRIBUTOR", ..YES }), "nobody who may write");
    // A collaborator who may only read.
    refuses(reviewed(Review { login: "dave", association: "COLLABORATOR", ..YES }), "nobody who may write");
    let carol = Review { login: "carol", association: "OWNER", ..YES };
    assert_eq!(asked(reviewed(carol)).0, 0);
}

#[test]
fn the_last_word_of_a_reviewer_counts() {
    let said = |states: &[&'static str]| {
        let one = |(at, state): (usize, &&'static str)| Review { state, at: YES.at + at as i64, ..YES };
        GitHub { reviews: states.iter().enumerate().map(one).collect(), ..approved() }
    };
    for states in [&["APPROVED", "CHANGES_REQUESTED"][..], &["DISMISSED"], &["COMMENTED"], &["PENDING"], &[]]
    {
        refuses(said(states), "nobody who may write");
    }
    for states in [&["CHANGES_REQUESTED", "APPROVED"][..], &["APPROVED", "COMMENTED"]] {
        assert_eq!(asked(said(states)).0, 0, "{states:?}");
    }
    // Somebody who may not write cannot slip in behind another verdict.
    let dave = |state| Review { login: "dave", state, ..YES };
    let reviews = vec![dave("CHANGES_REQUESTED"), dave("APPROVED")];
    refuses(GitHub { reviews, ..approved() }, "nobody who may write");
}

#[test]
fn the_request_of_a_merge_commit_is_found() {
    let mut forge = approved();
    (forge.merged, forge.state) = (true, "closed");
    let (server, here) = (Server::start(forge), folder(&[]));
    let push = |commit: &str| {
        let mut command = github(&server, here.path(), "reader", &["approved", "orders.toml"]);
        fs::write(here.path().join("event.json"), json!({ "ref": "refs/heads/main" }).to_string())
            .expect("written");
        command.env("GITHUB_SHA", commit);
        ran(command)
    };
    assert_eq!(push(MERGE).1, format!("{}\n", digest()));
    let (code, _, said) = push(HEAD);
    assert!(code == 1 && said.contains("--number"), "{said}");
}

#[test]
fn a_request_that_was_closed_is_not_approved() {
    refuses(GitHub { state: "closed", ..approved() }, "closed without being merged");
}
