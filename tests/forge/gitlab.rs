//! GitLab's rules, as far as notes and approvals go.
//!
//! Shapes and status codes: <https://docs.gitlab.com/api/notes/>,
//! <https://docs.gitlab.com/api/merge_request_approvals/>,
//! <https://docs.gitlab.com/api/merge_requests/>,
//! <https://docs.gitlab.com/api/rest/#status-codes>. Where GitLab overlooks
//! something, as an unknown key, this refuses it: then a typing error is seen.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    github::{HEAD, MERGE},
    server::{Answer, Asked, Rules},
};

/// The user of a project access token.
/// <https://docs.gitlab.com/user/project/settings/project_access_tokens/#bot-users-for-projects>
pub const BOT: &str = "project_10_bot_4ffca233d8298ea1";

#[derive(Clone, Debug)]
pub struct Note {
    pub id: u64,
    pub author: (u64, String),
    pub body: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub system: bool,
}

/// Project 10 with merge request 3.
#[derive(Debug)]
pub struct GitLab {
    /// Tokens: the user, and whether it may write.
    pub tokens: BTreeMap<&'static str, (u64, &'static str, bool)>,
    pub notes: Vec<Note>,
    /// Who approves, and when, where this version of GitLab tells it.
    pub approved_by: Vec<(u64, &'static str, Option<i64>)>,
    /// Access levels. <https://docs.gitlab.com/api/members/#roles>
    pub levels: BTreeMap<u64, u64>,
    /// What was pushed, and when.
    pub versions: Vec<(&'static str, i64)>,
    pub state: &'static str,
    /// Seconds since 1970; each write is one later.
    pub now: i64,
}

impl Default for GitLab {
    fn default() -> Self {
        GitLab {
            tokens: [("writer", (99, BOT, true)), ("reader", (99, BOT, false))].into(),
            notes: Vec::new(),
            approved_by: Vec::new(),
            levels: [(1, 40), (2, 30), (3, 20)].into(),
            versions: vec![("older", 1_780_000_000), (HEAD, 1_789_000_000)],
            state: "opened",
            now: 1_790_000_000,
        }
    }
}

impl Rules for GitLab {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let Some((id, name, writes)) =
            asked.header("private-token").and_then(|token| self.tokens.get(token)).copied()
        else {
            return refusal(401, "401 Unauthorized");
        };
        let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
        let ["api", "v4", rest @ ..] = parts.as_slice() else { return unknown() };
        match (asked.method.as_str(), rest) {
            ("GET", ["user"]) => Answer::json(200, user(id, name)),
            ("GET", ["projects", "10", rest @ ..]) => self.read(asked, rest),
            ("POST" | "PUT", ["projects", "10", ..]) if !writes => refusal(403, "403 Forbidden"),
            ("POST", ["projects", "10", "merge_requests", "3", "notes"]) => match body(asked) {
                Err(refusal) => refusal,
                Ok(text) => {
                    let id = self.add((id, name), &text, false);
                    Answer::json(201, json!(self.notes.iter().find(|note| note.id == id).map(shown)))
                }
            },
            ("PUT", ["projects", "10", "merge_requests", "3", "notes", id]) => self.update(asked, id),
            ("GET" | "POST" | "PUT", ["projects", ..]) => refusal(404, "404 Project Not Found"),
            _ => unknown(),
        }
    }
}

fn refusal(status: u16, message: &str) -> Answer {
    Answer::json(status, json!({ "message": message }))
}

/// A path that is none.
fn unknown() -> Answer {
    Answer::json(404, json!({ "error": "404 Not Found" }))
}

impl GitLab {
    /// A note that is there already.
    pub fn add(&mut self, (user, name): (u64, &str), body: &str, system: bool) -> u64 {
        let (id, at) = (self.notes.len() as u64 + 1, self.now);
        self.now += 1;
        let author = (user, name.to_owned());
        self.notes.push(Note { id, author, body: body.to_owned(), created_at: at, updated_at: at, system });
        id
    }

    fn read(&self, asked: &Asked, rest: &[&str]) -> Answer {
        match rest {
            ["merge_requests", "3"] => Answer::json(200, self.request()),
            ["merge_requests", "3", "notes"] => {
                let mut notes: Vec<&Note> = self.notes.iter().collect();
                // The newest first, unless asked otherwise.
                if !asked.query.contains(&("sort".to_owned(), "asc".to_owned())) {
                    notes.reverse();
                }
                paged(asked, &["sort", "order_by"], notes.into_iter().map(shown).collect())
            }
            ["merge_requests", "3", "approvals"] => {
                let one = |(id, name, at): &(u64, &str, Option<i64>)| {
                    let mut one = json!({ "user": user(*id, name) });
                    if let Some(at) = at {
                        one["approved_at"] = json!(time(*at));
                    }
                    one
                };
                Answer::json(
                    200,
                    json!({ "approved_by": self.approved_by.iter().map(one).collect::<Vec<_>>() }),
                )
            }
            ["merge_requests", "3", "versions"] => {
                let one = |(commit, at): &(&str, i64)| json!({ "head_commit_sha": commit, "created_at": time(*at) });
                paged(asked, &[], self.versions.iter().rev().map(one).collect())
            }
            ["members", "all", id] => match id.parse().ok().and_then(|id: u64| self.levels.get(&id)) {
                Some(level) => Answer::json(200, json!({ "access_level": level })),
                None => refusal(404, "404 Not found"),
            },
            ["repository", "commits", MERGE, "merge_requests"] => Answer::json(200, json!([self.request()])),
            ["repository", "commits", _, "merge_requests"] => Answer::json(200, json!([])),
            _ => unknown(),
        }
    }

    fn request(&self) -> Value {
        json!({
            "iid": 3,
            "sha": self.versions.last().map(|version| version.0),
            "state": self.state,
            "author": user(1, "ann"),
            "source_project_id": 10,
            "target_project_id": 10,
            "web_url": "https://gitlab.example.com/acme/etcd/-/merge_requests/3",
        })
    }

    fn update(&mut self, asked: &Asked, id: &str) -> Answer {
        self.now += 1;
        let now = self.now;
        match (self.notes.iter_mut().find(|note| note.id.to_string() == id), body(asked)) {
            (None, _) => refusal(404, "404 Note Not Found"),
            (_, Err(refusal)) => refusal,
            (Some(note), Ok(text)) => {
                (note.body, note.updated_at) = (text, now);
                Answer::json(200, shown(note))
            }
        }
    }
}

fn user(id: u64, name: &str) -> Value {
    json!({ "id": id, "username": name, "name": name, "state": "active" })
}

fn time(at: i64) -> Timestamp {
    Timestamp::from_second(at).expect("a time")
}

fn shown(note: &Note) -> Value {
    json!({
        "id": note.id,
        "body": note.body,
        "author": user(note.author.0, &note.author.1),
        "created_at": time(note.created_at),
        "updated_at": time(note.updated_at),
        "system": note.system,
        "noteable_iid": 3,
        "noteable_type": "MergeRequest",
    })
}

/// The text of a note. What is too long is refused in these words
/// (seen in `NARKOZ/gitlab#610`, `renovatebot/renovate#7775`).
fn body(asked: &Asked) -> Result<String, Answer> {
    let sent: Value = serde_json::from_str(&asked.body).map_err(|_| refusal(400, "400 Bad request"))?;
    let text = sent["body"].as_str();
    let known = sent.as_object().is_some_and(|object| object.len() == 1);
    let text = text.filter(|_| known && asked.header("content-type") == Some("application/json"));
    let text = text.ok_or_else(|| Answer::json(400, json!({ "error": "body is missing" })))?;
    match text.chars().count() {
        0..=1_000_000 => Ok(text.to_owned()),
        _ => Err(refusal(
            400,
            "400 Bad request - Note {:note=>[\"is too long (maximum is 1000000 characters)\"]}",
        )),
    }
}

/// Twenty a page, at most a hundred; `x-next-page` is empty on the last.
/// <https://docs.gitlab.com/api/rest/#pagination>
fn paged(asked: &Asked, known: &[&str], all: Vec<Value>) -> Answer {
    let is_known = |name: &str| ["per_page", "page"].contains(&name) || known.contains(&name);
    if let Some((name, _)) = asked.query.iter().find(|(name, _)| !is_known(name)) {
        return Answer::json(400, json!({ "error": format!("{name} is unknown") }));
    }
    let (size, page) = (asked.number("per_page", 20).clamp(1, 100), asked.number("page", 1).max(1));
    let some: Vec<&Value> = all.iter().skip((page - 1) * size).take(size).collect();
    let next = if page * size < all.len() { (page + 1).to_string() } else { String::new() };
    Answer::json(200, json!(some)).with("x-next-page", next)
}
