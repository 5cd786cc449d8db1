//! GitHub's rules, as far as comments, reviews and their limits go.
//!
//! Shapes: the OpenAPI description, `github/rest-api-description`, schemas
//! `issue-comment`, `pull-request`, `pull-request-review`,
//! `repository-collaborator-permission`. Errors:
//! <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>
//! Where GitHub overlooks something, as an unknown key, this refuses it: then a
//! typing error is seen.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::server::{Answer, Asked, Rules, Server};

pub const HEAD: &str = "41d9e0a1c2b3d4e5f60718293a4b5c6d7e8f9012";
pub const BASE: &str = "9be2f10000000000000000000000000000000000";
pub const MERGE: &str = "c0ffee0000000000000000000000000000000000";

/// The login of a workflow's token. <https://docs.github.com/en/actions/concepts/security/github_token>
pub const BOT: &str = "github-actions[bot]";

#[derive(Clone, Debug)]
pub struct Comment {
    pub id: u64,
    pub login: String,
    pub body: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub is_minimized: bool,
    /// Who wrote it last, if it was edited.
    pub editor: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Review {
    pub login: &'static str,
    pub state: &'static str,
    pub commit: &'static str,
    pub at: i64,
    pub association: &'static str,
}

/// A repository with one pull request, number 7.
#[derive(Debug)]
pub struct GitHub {
    /// Tokens: the login, and whether it may write.
    pub tokens: BTreeMap<&'static str, (&'static str, bool)>,
    pub comments: Vec<Comment>,
    pub reviews: Vec<Review>,
    /// What each user may do: `admin`, `write`, `read`.
    pub levels: BTreeMap<&'static str, &'static str>,
    pub head: &'static str,
    pub is_fork: bool,
    pub state: &'static str,
    pub merged: bool,
    /// Seconds since 1970; each write is one later.
    pub now: i64,
    pub next: u64,
}

impl Default for GitHub {
    fn default() -> Self {
        GitHub {
            tokens: [("writer", (BOT, true)), ("reader", (BOT, false)), ("other", ("acme-app[bot]", true))]
                .into(),
            comments: Vec::new(),
            reviews: Vec::new(),
            levels: [("bob", "write"), ("carol", "admin"), ("dave", "read"), ("ann", "write")].into(),
            head: HEAD,
            is_fork: false,
            state: "open",
            merged: false,
            now: 1_790_000_000,
            next: 1,
        }
    }
}

const COMMENTS: &str = "/repos/acme/etcd/issues/7/comments";

impl Rules for GitHub {
    fn answer(&mut self, asked: &Asked) -> Answer {
        if let Some(refusal) = headers(asked) {
            return refusal;
        }
        let token = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let Some((login, writes)) = token.and_then(|token| self.tokens.get(token)).copied() else {
            return refusal(401, "Bad credentials");
        };
        let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
        match (asked.method.as_str(), parts.as_slice()) {
            ("POST", ["graphql"]) => self.graphql(asked, login, writes),
            // https://docs.github.com/en/rest/users/users#get-the-authenticated-user
            // is not among what a token of an app may do.
            ("GET", ["user"]) => refusal(403, "Resource not accessible by integration"),
            ("GET", ["repos", "acme", "etcd", rest @ ..]) => self.read(asked, rest),
            ("POST" | "PATCH", ["repos", "acme", "etcd", ..]) if !writes => {
                refusal(403, "Resource not accessible by integration")
            }
            ("POST", ["repos", "acme", "etcd", "issues", "7", "comments"]) => self.create(asked, login),
            ("PATCH", ["repos", "acme", "etcd", "issues", "comments", id]) => self.update(asked, id, login),
            _ => refusal(404, "Not Found"),
        }
    }
}

/// <https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#headers>
fn headers(asked: &Asked) -> Option<Answer> {
    if asked.header("user-agent").is_none_or(str::is_empty) {
        let body = "Request forbidden by administrative rules. Please make sure your request has a \
                    User-Agent header";
        return Some(Answer { status: 403, headers: Vec::new(), body: body.to_owned() });
    }
    if asked.header("accept") != Some("application/vnd.github+json") {
        return Some(refusal(415, "Unsupported 'Accept' header"));
    }
    // https://docs.github.com/en/rest/about-the-rest-api/api-versions
    (asked.header("x-github-api-version") != Some("2022-11-28"))
        .then(|| refusal(400, "The API version is not supported"))
}

pub fn refusal(status: u16, message: &str) -> Answer {
    let page = "https://docs.github.com/rest";
    Answer::json(
        status,
        json!({ "message": message, "documentation_url": page, "status": status.to_string() }),
    )
}

impl Server<GitHub> {
    /// How many comments there are.
    pub fn comments(&self) -> usize {
        self.board().rules.comments.len()
    }
}

impl GitHub {
    /// A comment that is there already.
    pub fn add(&mut self, login: &str, body: &str) -> u64 {
        let (id, at) = (self.next, self.now);
        self.next += 1;
        self.now += 1;
        let (login, body) = (login.to_owned(), body.to_owned());
        let one =
            Comment { id, login, body, created_at: at, updated_at: at, is_minimized: false, editor: None };
        self.comments.push(one);
        id
    }

    fn read(&self, asked: &Asked, rest: &[&str]) -> Answer {
        match rest {
            ["issues", "7", "comments"] => paged(asked, self.comments.iter().map(shown).collect()),
            ["pulls", "7"] => Answer::json(200, self.pull()),
            ["pulls", "7", "reviews"] => paged(asked, self.reviews.iter().map(review).collect()),
            ["commits", MERGE, "pulls"] => paged(asked, if self.merged { vec![self.pull()] } else { vec![] }),
            ["commits", _, "pulls"] => paged(asked, Vec::new()),
            // https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
            ["collaborators", user, "permission"] => match self.levels.get(user) {
                Some(level) => Answer::json(200, json!({ "permission": level, "role_name": level })),
                None => refusal(404, "Not Found"),
            },
            _ => refusal(404, "Not Found"),
        }
    }

    /// <https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request>
    fn pull(&self) -> Value {
        let time = |at: i64| Timestamp::from_second(at).expect("a time");
        json!({
            "number": 7,
            "state": self.state,
            "user": { "login": "ann", "id": 1 },
            "head": { "sha": self.head, "repo": { "id": if self.is_fork { 2 } else { 1 } } },
            "base": { "sha": BASE, "repo": { "id": 1 } },
            "merged_at": self.merged.then(|| time(self.now)),
            "merge_commit_sha": MERGE,
        })
    }

    /// <https://docs.github.com/en/rest/issues/comments#create-an-issue-comment>
    fn create(&mut self, asked: &Asked, login: &str) -> Answer {
        match body(asked) {
            Err(refusal) => refusal,
            Ok(text) => {
                let id = self.add(login, &text);
                let made = self.comments.iter().find(|one| one.id == id).map(shown);
                Answer::json(201, json!(made))
            }
        }
    }

    /// <https://docs.github.com/en/rest/issues/comments#update-an-issue-comment>
    fn update(&mut self, asked: &Asked, id: &str, login: &str) -> Answer {
        self.now += 1;
        let now = self.now;
        let found = self.comments.iter_mut().find(|one| one.id.to_string() == id);
        match (found, body(asked)) {
            (None, _) => refusal(404, "Not Found"),
            (_, Err(refusal)) => refusal,
            (Some(one), Ok(text)) => {
                (one.body, one.updated_at, one.editor) = (text, now, Some(login.to_owned()));
                Answer::json(200, shown(one))
            }
        }
    }

    /// Those queries that are asked here; any other field is unknown.
    /// <https://docs.github.com/en/graphql/reference/objects#issuecomment>
    fn graphql(&mut self, asked: &Asked, login: &str, writes: bool) -> Answer {
        const KNOWN: &[&str] = &[
            "query",
            "mutation",
            "viewer",
            "login",
            "nodes",
            "ids",
            "ID",
            "on",
            "IssueComment",
            "id",
            "isMinimized",
            "author",
            "editor",
            "minimizeComment",
            "input",
            "subjectId",
            "classifier",
            "OUTDATED",
            "minimizedComment",
        ];
        let Ok(sent) = serde_json::from_str::<Value>(&asked.body) else {
            return refusal(400, "Problems parsing JSON");
        };
        let error = |kind: &str, message: &str| {
            Answer::json(200, json!({ "data": null, "errors": [{ "type": kind, "message": message }] }))
        };
        let query = sent["query"].as_str().unwrap_or_default();
        let words = query.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        if let Some(word) = words.into_iter().find(|word| !KNOWN.contains(word)) {
            return error("undefinedField", &format!("Field '{word}' doesn't exist"));
        }
        let variables = &sent["variables"];
        if query.contains("viewer") {
            Answer::json(200, json!({ "data": { "viewer": { "login": login } } }))
        } else if query.contains("nodes(ids: $ids)") {
            let ids: Vec<&str> =
                variables["ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            // https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#node-limit
            if ids.len() > 100 {
                return error("ARGUMENT_LIMIT", "You may not provide more than 100 node ids");
            }
            let nodes: Vec<Value> = ids.iter().map(|id| self.node(id)).collect();
            Answer::json(200, json!({ "data": { "nodes": nodes } }))
        } else if query.contains("minimizeComment") && !writes {
            error("FORBIDDEN", "Resource not accessible by integration")
        } else if query.contains("minimizeComment") {
            match self.comments.iter_mut().find(|one| variables["id"] == node_id(one)) {
                None => error("NOT_FOUND", "Could not resolve to a node with the global id"),
                Some(one) => {
                    one.is_minimized = true;
                    let done = json!({ "minimizedComment": { "isMinimized": true } });
                    Answer::json(200, json!({ "data": { "minimizeComment": done } }))
                }
            }
        } else {
            error("undefinedField", "unknown query")
        }
    }

    /// An app has no `[bot]` in GraphQL.
    fn node(&self, id: &str) -> Value {
        let actor = |login: &str| json!({ "login": login.strip_suffix("[bot]").unwrap_or(login) });
        let found = self.comments.iter().find(|one| node_id(one) == id);
        found.map_or(Value::Null, |one| {
            json!({
                "id": id,
                "isMinimized": one.is_minimized,
                "author": actor(&one.login),
                "editor": one.editor.as_deref().map(actor),
            })
        })
    }
}

fn node_id(one: &Comment) -> String {
    format!("IC_kwDO{}", one.id)
}

fn shown(one: &Comment) -> Value {
    let time = |at: i64| Timestamp::from_second(at).expect("a time");
    json!({
        "id": one.id,
        "node_id": node_id(one),
        "url": format!("https://api.github.com{COMMENTS}/{}", one.id),
        "html_url": format!("https://github.com/acme/etcd/pull/7#issuecomment-{}", one.id),
        "body": one.body,
        "user": { "login": one.login, "id": 1 },
        "created_at": time(one.created_at),
        "updated_at": time(one.updated_at),
        "issue_url": "https://api.github.com/repos/acme/etcd/issues/7",
        "author_association": "CONTRIBUTOR",
    })
}

/// <https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request>
fn review(one: &Review) -> Value {
    json!({
        "id": one.at,
        "user": { "login": one.login },
        "state": one.state,
        "commit_id": one.commit,
        "submitted_at": Timestamp::from_second(one.at).expect("a time"),
        "author_association": one.association,
    })
}

/// The text of a comment. What is too long is refused in these words
/// (seen in `suzuki-shunsuke/github-comment#124`, `easybuilders/easybuild-easyconfigs#24647`).
fn body(asked: &Asked) -> Result<String, Answer> {
    let sent: Value = serde_json::from_str(&asked.body).map_err(|_| refusal(400, "Problems parsing JSON"))?;
    let object = sent.as_object().ok_or_else(|| refusal(400, "Body should be a JSON object"))?;
    let text = object.get("body").and_then(Value::as_str).ok_or_else(|| refusal(422, "Invalid request."))?;
    if object.len() > 1 || asked.header("content-type") != Some("application/json") {
        return Err(refusal(422, "Invalid request."));
    }
    if text.chars().count() <= 65_536 {
        return Ok(text.to_owned());
    }
    let error = json!({
        "resource": "IssueComment",
        "code": "unprocessable",
        "field": "data",
        "message": "Body is too long (maximum is 65536 characters)",
    });
    let page = "https://docs.github.com/rest/issues/comments#create-an-issue-comment";
    let body = json!({ "message": "Validation Failed", "errors": [error], "documentation_url": page, "status": "422" });
    Err(Answer::json(422, body))
}

/// Thirty a page, at most a hundred, and a link to the next.
/// <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>
fn paged(asked: &Asked, all: Vec<Value>) -> Answer {
    if asked.query.iter().any(|(name, _)| !["per_page", "page"].contains(&name.as_str())) {
        return refusal(422, "Invalid request.");
    }
    let (size, page) = (asked.number("per_page", 30).clamp(1, 100), asked.number("page", 1).max(1));
    let some: Vec<&Value> = all.iter().skip((page - 1) * size).take(size).collect();
    let answer = Answer::json(200, json!(some));
    if page * size >= all.len() {
        return answer;
    }
    let link = |page: usize, rel: &str| {
        format!("<https://api.github.com{}?per_page={size}&page={page}>; rel=\"{rel}\"", asked.path)
    };
    answer.with("link", format!("{}, {}", link(page + 1, "next"), link(all.len().div_ceil(size), "last")))
}
