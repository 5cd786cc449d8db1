//! Comments and approvals on a merge request of GitLab.

use crate::{
    github::{HEAD, MERGE},
    gitlab::{BOT, GitLab},
    server::{Answer, Fault, Server},
    world::{digest, folder, gitlab, ran, saved, text},
};

const NOTES: &str = "/api/v4/projects/10/merge_requests/3/notes";
const US: (u64, &str) = (99, BOT);
const ANN: (u64, &str) = (1, "ann");
const BOB: (u64, &str) = (2, "bob");

fn text_of(made_at: i64) -> String {
    text(&saved("orders.toml", made_at), HEAD)
}

fn comment(server: &Server<GitLab>, token: &str) -> (i32, String, String) {
    let here = folder(&[saved("orders.toml", 200)]);
    ran(gitlab(server, here.path(), token, &["comment", "plans"]))
}

fn bodies(server: &Server<GitLab>) -> Vec<String> {
    server.board().rules.notes.iter().map(|note| note.body.clone()).collect()
}

#[test]
fn a_note_is_made_written_anew_and_left_alone() {
    let server = Server::start(GitLab::default());
    let outcome = comment(&server, "writer");
    assert_eq!(outcome, (0, String::new(), String::new()));
    assert_eq!(bodies(&server), [text_of(200)]);
    assert_eq!(comment(&server, "writer").0, 0);
    assert_eq!(server.count(&format!("PUT {NOTES}")), 0);
    server.board().rules.notes[0].body = text_of(100);
    assert_eq!(comment(&server, "writer").0, 0);
    assert_eq!(bodies(&server), [text_of(200)]);
    server.board().rules.notes[0].body = text_of(300);
    assert_eq!(comment(&server, "writer").0, 0);
    assert_eq!(bodies(&server), [text_of(300)]);
}

#[test]
fn a_note_is_found_behind_others_and_a_forged_one_is_not_ours() {
    let mut forge = GitLab::default();
    forge.add(ANN, &text_of(900), false);
    for index in 0..248 {
        forge.add(ANN, &format!("comment {index}"), index % 2 == 0);
    }
    forge.add(US, &text_of(100), false);
    let server = Server::start(forge);
    assert_eq!(comment(&server, "writer").0, 0);
    let bodies = bodies(&server);
    assert_eq!(
        (bodies.len(), bodies[249].as_str(), bodies[0].as_str()),
        (250, text_of(200).as_str(), text_of(900).as_str())
    );
    assert_eq!(server.count(&format!("GET {NOTES}")), 3);
}

#[test]
fn of_two_notes_that_raced_the_later_becomes_one_line() {
    let mut forge = GitLab::default();
    forge.add(US, &text_of(100), false);
    forge.add(US, &text_of(150), false);
    let server = Server::start(forge);
    assert_eq!(comment(&server, "writer").0, 0);
    let bodies = bodies(&server);
    assert_eq!(bodies[0], text_of(200));
    assert!(bodies[1].starts_with("*Outdated") && bodies[1].lines().count() == 1, "{}", bodies[1]);
    // It is not found again.
    assert_eq!(comment(&server, "writer").0, 0);
    assert_eq!(server.count(&format!("PUT {NOTES}")), 2);
}

#[test]
fn what_is_refused_is_named() {
    let said = |server: &Server<GitLab>, token: &str| {
        let (code, _, said) = comment(server, token);
        assert_eq!(code, 1, "{said}");
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let server = Server::start(GitLab::default());
    assert!(said(&server, "expired").contains("401 Unauthorized"));
    assert!(said(&server, "reader").contains("scope `api` and the role Reporter"));
    assert!(said(&server, "").contains("CI_JOB_TOKEN may not write comments"));
    let here = folder(&[saved("orders.toml", 200)]);
    let elsewhere = ["comment", "plans", "--repository", "acme/other"];
    let (_, _, gone) = ran(gitlab(&server, here.path(), "writer", &elsewhere));
    let gone = gone.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(gone.contains("projects/acme%2Fother/merge_requests/3/notes does not exist"), "{gone}");
    let words = "400 Bad request - Note {:note=>[\"is too long (maximum is 1000000 characters)\"]}";
    let long = Answer::json(400, serde_json::json!({ "message": words }));
    server.fault(Fault::Instead("POST /api/v4/projects/10/merge_requests/3/notes", long));
    assert!(said(&server, "writer").contains("the comment is too long"));
}

#[test]
fn a_job_of_a_fork_without_a_token_prints_the_plan() {
    let server = Server::start(GitLab::default());
    let here = folder(&[saved("orders.toml", 200)]);
    let mut command = gitlab(&server, here.path(), "", &["comment", "plans"]);
    command.env("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "20");
    let (code, out, said) = ran(command);
    assert!(
        code == 0 && out.contains("orders.toml") && said.contains("may only read"),
        "{code} {out} {said}"
    );
}

#[test]
fn a_busy_server_is_waited_for_and_a_lost_note_is_not_made_twice() {
    let server = Server::start(GitLab::default());
    // https://docs.gitlab.com/administration/settings/rate_limit_on_notes_creation/
    let busy = Answer::json(
        429,
        serde_json::json!({ "message": "This endpoint has been requested too many times." }),
    );
    let create = "POST /api/v4/projects/10/merge_requests/3/notes";
    server.fault(Fault::Instead(create, busy.with("retry-after", 1)));
    server.fault(Fault::CutAfter(create));
    assert_eq!(comment(&server, "writer").0, 0);
    assert_eq!((bodies(&server).len(), server.count(create)), (1, 2));
}

/// A request with a comment, which Bob approved later, at the tip.
fn approved() -> GitLab {
    let mut forge = GitLab::default();
    forge.add(US, &text_of(100), false);
    forge.approved_by = vec![(2, "bob", Some(1_795_000_000))];
    forge
}

fn asked(forge: GitLab) -> (i32, String, String) {
    let (server, here) = (Server::start(forge), folder(&[]));
    let mut command = gitlab(&server, here.path(), "reader", &["approved", "orders.toml"]);
    command.env_remove("CI_MERGE_REQUEST_IID").env("CI_COMMIT_SHA", MERGE);
    ran(command)
}

#[track_caller]
fn refuses(forge: GitLab, because: &str) {
    let (code, out, said) = asked(GitLab { state: "merged", ..forge });
    assert_eq!((code, out.as_str()), (3, ""), "{said}");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(because), "`{because}` is not in: {said}");
}

#[test]
fn an_approval_after_the_comment_and_the_last_push_approves_its_digest() {
    let (code, out, said) = asked(GitLab { state: "merged", ..approved() });
    assert_eq!((code, out), (0, format!("{}\n", digest())), "{said}");
}

#[test]
fn where_no_time_is_told_the_note_of_the_approval_has_it() {
    let mut forge = GitLab { state: "merged", ..approved() };
    forge.approved_by[0].2 = None;
    forge.add(BOB, "approved this merge request", true);
    assert_eq!(asked(forge).0, 0);
    // A person can write the same words.
    let mut forge = approved();
    forge.approved_by[0].2 = None;
    forge.add(BOB, "approved this merge request", false);
    refuses(forge, "is not told");
}

#[test]
fn what_does_not_count_on_gitlab() {
    let with = |one: (u64, &'static str, Option<i64>)| GitLab { approved_by: vec![one], ..approved() };
    let late = Some(1_795_000_000);
    refuses(with((1, "ann", late)), "`ann` opened the request");
    refuses(with((3, "guest", late)), "nobody who may write");
    refuses(with((77, "stranger", late)), "nobody who may write");
    refuses(with((2, "bob", Some(1_789_500_000))), "approve again");
    refuses(with((2, "bob", Some(1_785_000_000))), "`bob` approved older");
    refuses(GitLab { approved_by: Vec::new(), ..approved() }, "nobody who may write");
    let mut pushed = approved();
    pushed.versions.push((MERGE, 1_796_000_000));
    refuses(pushed, "the comment is about 41d9e0a1c2b3");
    let mut objected = approved();
    objected.now = 1_796_000_000;
    objected.add(BOB, "requested changes", true);
    refuses(objected, "nobody who may write");
}
