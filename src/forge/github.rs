//! GitHub: REST for comments, requests and reviews; GraphQL for who we are, and
//! for what is hidden or edited, which REST does not tell.
//!
//! `GET /user` is refused to the token of a workflow and of an app; `viewer`
//! answers all of them, an app as `name[bot]`, just as REST names the author of
//! a comment. <https://docs.github.com/en/graphql/reference/queries#viewer>

use std::collections::BTreeMap;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Error, Patience, Sent, Token,
    http::{Again, Http, PAGE, Purpose, segment},
};
use crate::comment::{Marker, Note, Request, Review, Verdict};

const READ: Purpose = Purpose {
    what: "read the comments of the pull request",
    right: "`pull-requests: read`",
    again: Again::Safe,
};
const LOOK: Purpose =
    Purpose { what: "read the pull request", right: "`pull-requests: read`", again: Again::Safe };
const CREATE: Purpose = Purpose {
    what: "comment on the pull request",
    right: "`pull-requests: write` (under `permissions` of the job)",
    again: Again::Unsafe,
};
const UPDATE: Purpose = Purpose { what: "edit the comment", again: Again::Safe, ..CREATE };
const HIDE: Purpose = Purpose { what: "hide the comment", again: Again::Safe, ..CREATE };
const LEVEL: Purpose = Purpose {
    what: "read what a reviewer may do in the repository",
    right: "`metadata: read`",
    again: Again::Safe,
};
const COMMIT: Purpose = Purpose {
    what: "read the pull requests of the commit",
    right: "`pull-requests: read` and `contents: read`",
    again: Again::Safe,
};

/// A pull request on GitHub.
#[derive(Debug)]
pub struct GitHub {
    http: Http,
    api: String,
    graphql: String,
    repository: String,
    pub(super) number: u64,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    node_id: String,
    user: Option<User>,
    body: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    html_url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Beyond {
    id: String,
    is_minimized: bool,
    author: Option<User>,
    editor: Option<User>,
}

#[derive(Deserialize)]
struct Side {
    sha: String,
    repo: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    state: String,
    user: Option<User>,
    head: Side,
    base: Side,
    merged_at: Option<Timestamp>,
    merge_commit_sha: Option<String>,
}

#[derive(Deserialize)]
struct ReviewOf {
    user: Option<User>,
    state: String,
    commit_id: Option<String>,
    submitted_at: Option<Timestamp>,
    author_association: String,
}

#[derive(Deserialize)]
struct Level {
    permission: String,
}

impl GitHub {
    /// A pull request of a repository, `owner/name`.
    ///
    /// # Errors
    ///
    /// When the URL or the token cannot be used.
    pub fn new(
        (api, graphql): (&str, &str),
        (repository, number): (&str, u64),
        token: Option<&Token>,
        patience: Patience,
    ) -> Result<Self, Error> {
        let mut headers = vec![
            ("accept", HeaderValue::from_static("application/vnd.github+json")),
            ("x-github-api-version", HeaderValue::from_static("2022-11-28")),
        ];
        if let Some(token) = token {
            let unusable = |message| Error::Unauthorized { server: api.to_owned(), message };
            headers.push(("authorization", token.bearer().map_err(unusable)?));
        }
        let http = Http::new(api, &headers, patience)?;
        let plain = |url: &str| url.trim_end_matches('/').to_owned();
        Ok(GitHub {
            http,
            api: plain(api),
            graphql: plain(graphql),
            repository: repository.to_owned(),
            number,
        })
    }

    /// <https://docs.github.com/en/graphql/reference/objects#user>
    pub(super) async fn me(&self) -> Result<String, Error> {
        let purpose = Purpose { what: "ask who the token belongs to", ..READ };
        let data = self.query("query { viewer { login } }", json!({}), purpose).await?;
        let user: User = self.http.shaped(data["viewer"].clone())?;
        Ok(user.login)
    }

    /// Those of a user that begin with a marker; only of them GraphQL is asked.
    /// <https://docs.github.com/en/rest/issues/comments#list-issue-comments>
    pub(super) async fn notes(&self, me: &str) -> Result<Vec<Note>, Error> {
        let all: Vec<Comment> = self.http.all(is_last, &format!("{}?", self.comments()), READ).await?;
        let is_mine = |one: &Comment| one.user.as_ref().is_some_and(|user| user.login == me);
        let is_marked = |one: &Comment| one.body.as_deref().and_then(Marker::read).is_some();
        let mut notes: Vec<Note> =
            all.into_iter().filter(|one| is_mine(one) && is_marked(one)).map(note).collect();
        for some in notes.chunks_mut(PAGE) {
            self.look_beyond(some).await?;
        }
        Ok(notes)
    }

    /// Whether they are hidden, and who edited them last: all who may write to a
    /// repository may edit any comment there. The author is compared with the
    /// editor, for GraphQL names an app without `[bot]`.
    /// <https://docs.github.com/en/graphql/reference/objects#issuecomment>
    async fn look_beyond(&self, notes: &mut [Note]) -> Result<(), Error> {
        let ids: Vec<&str> = notes.iter().filter_map(|note| note.node.as_deref()).collect();
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on IssueComment \
                     { id isMinimized author { login } editor { login } } } }";
        let data = self.query(query, json!({ "ids": ids }), READ).await?;
        let found: Vec<Option<Beyond>> = self.http.shaped(data["nodes"].clone())?;
        let found: Vec<Beyond> = found.into_iter().flatten().collect();
        for note in notes {
            let one = found.iter().find(|one| Some(&one.id) == note.node.as_ref());
            let one = one.ok_or_else(|| self.http.unexpected("a comment has no node"))?;
            note.is_hidden = one.is_minimized;
            let author = one.author.as_ref().map(|author| &author.login);
            note.is_edited_by_another =
                one.editor.as_ref().is_some_and(|editor| Some(&editor.login) != author);
        }
        Ok(())
    }

    fn comments(&self) -> String {
        format!("{}/repos/{}/issues/{}/comments", self.api, self.repository, self.number)
    }

    /// <https://docs.github.com/en/rest/issues/comments#create-an-issue-comment>
    pub(super) fn creation(&self, body: &str) -> Sent {
        Sent { method: "POST", url: self.comments(), body: Some(json!({ "body": body })) }
    }

    pub(super) async fn create(&self, body: &str) -> Result<Note, Error> {
        let answer = self.http.send(&self.creation(body), CREATE).await?;
        self.http.shaped(answer.body).map(note)
    }

    /// <https://docs.github.com/en/rest/issues/comments#update-an-issue-comment>
    pub(super) async fn update(&self, id: u64, body: &str) -> Result<Note, Error> {
        let url = format!("{}/repos/{}/issues/comments/{id}", self.api, self.repository);
        let sent = Sent { method: "PATCH", url, body: Some(json!({ "body": body })) };
        self.http.shaped(self.http.send(&sent, UPDATE).await?.body).map(note)
    }

    /// <https://docs.github.com/en/graphql/reference/mutations#minimizecomment>
    pub(super) async fn hide(&self, note: &Note) -> Result<(), Error> {
        let query = "mutation($id: ID!) { minimizeComment(input: { subjectId: $id, classifier: OUTDATED }) \
                     { minimizedComment { isMinimized } } }";
        self.query(query, json!({ "id": note.node }), HIDE).await.map(|_| ())
    }

    /// <https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request>
    pub(super) async fn request(&self) -> Result<Request, Error> {
        let url = format!("{}/repos/{}/pulls/{}", self.api, self.repository, self.number);
        let pull: Pull = self.http.shaped(self.http.get(url, LOOK).await?.body)?;
        let id = |side: &Side| side.repo.as_ref().map(|repository| repository.id);
        Ok(Request {
            number: pull.number,
            author: login(pull.user),
            // A fork that was deleted is null.
            is_fork: id(&pull.head) != id(&pull.base),
            head: pull.head.sha,
            is_rejected: pull.state == "closed" && pull.merged_at.is_none(),
        })
    }

    /// A review of somebody who may only read is one, too: the association tells
    /// who is a stranger, and what a member may do is asked.
    /// <https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request>
    pub(super) async fn reviews(&self) -> Result<Vec<Review>, Error> {
        let url = format!("{}/repos/{}/pulls/{}/reviews", self.api, self.repository, self.number);
        let all: Vec<ReviewOf> = self.http.all(is_last, &format!("{url}?"), LOOK).await?;
        let (mut reviews, mut known) = (Vec::new(), BTreeMap::new());
        for one in all {
            let verdict = match one.state.as_str() {
                "APPROVED" => Verdict::Approved,
                "CHANGES_REQUESTED" => Verdict::ChangesRequested,
                "DISMISSED" => Verdict::Withdrawn,
                _ => continue,
            };
            if !matches!(one.author_association.as_str(), "OWNER" | "MEMBER" | "COLLABORATOR") {
                continue;
            }
            let (by, of, at) = (login(one.user), one.commit_id, one.submitted_at);
            let writes = match known.get(&by) {
                Some(writes) => *writes,
                None => self.may_write(&by).await?,
            };
            known.insert(by.clone(), writes);
            if writes {
                reviews.push(Review { by, verdict, of, at });
            }
        }
        Ok(reviews)
    }

    /// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>
    async fn may_write(&self, user: &str) -> Result<bool, Error> {
        let url =
            format!("{}/repos/{}/collaborators/{}/permission", self.api, self.repository, segment(user));
        let level: Level = self.http.shaped(self.http.get(url, LEVEL).await?.body)?;
        Ok(matches!(level.permission.as_str(), "admin" | "write"))
    }

    /// <https://docs.github.com/en/rest/commits/commits#list-pull-requests-associated-with-a-commit>
    pub(super) async fn merged(&self, commit: &str) -> Result<Option<u64>, Error> {
        let url = format!("{}/repos/{}/commits/{}/pulls", self.api, self.repository, segment(commit));
        let all: Vec<Pull> = self.http.all(is_last, &format!("{url}?"), COMMIT).await?;
        let mut merged = all
            .iter()
            .filter(|pull| pull.merged_at.is_some() && pull.merge_commit_sha.as_deref() == Some(commit));
        Ok(merged.next().map(|pull| pull.number).filter(|_| merged.next().is_none()))
    }

    /// An error of GraphQL is a 200 with `errors`.
    async fn query(&self, query: &str, variables: Value, purpose: Purpose) -> Result<Value, Error> {
        let body = Some(json!({ "query": query, "variables": variables }));
        let sent = Sent { method: "POST", url: self.graphql.clone(), body };
        let mut answer = self.http.send(&sent, purpose).await?.body;
        let Some(error) = answer["errors"].get(0) else { return Ok(answer["data"].take()) };
        let Purpose { what, right, .. } = purpose;
        let message = error["message"].as_str().unwrap_or("no reason given").to_owned();
        Err(match error["type"].as_str() {
            Some("FORBIDDEN") => Error::Forbidden { what, message, right },
            Some("NOT_FOUND") => Error::NotFound { what, url: message },
            _ => Error::Refused { what, message },
        })
    }
}

fn note(comment: Comment) -> Note {
    Note {
        id: comment.id,
        node: Some(comment.node_id),
        author: login(comment.user),
        is_edited_by_another: false,
        body: comment.body.unwrap_or_default(),
        created_at: comment.created_at,
        updated_at: comment.updated_at,
        is_hidden: false,
        url: Some(comment.html_url),
    }
}

/// A user that was deleted is null; GitHub shows it so.
fn login(user: Option<User>) -> String {
    user.map_or_else(|| "ghost".to_owned(), |user| user.login)
}

fn is_last(headers: &HeaderMap) -> bool {
    let links = headers.get("link").and_then(|value| value.to_str().ok()).unwrap_or_default();
    !links.split(',').any(|link| link.contains("rel=\"next\""))
}
