//! GitLab: notes, approvals and versions of a merge request.
//!
//! Approvals are not bound to a commit there. What GitLab tells is who approves
//! and when; and when each version of the request was pushed. An approval is
//! counted for the version that was the newest at that time.

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::json;

use super::{
    Error, Patience, Sent, Token,
    http::{Again, Answer, Http, Purpose, segment},
};
use crate::comment::{Marker, Note, Request, Review, Verdict};

/// Developer: who may push. <https://docs.gitlab.com/api/members/#roles>
const DEVELOPER: u64 = 30;

const SCOPE: &str = "scope `api` and the role Reporter (CI_JOB_TOKEN may not write comments)";
const READ: Purpose =
    Purpose { what: "read the comments of the merge request", right: SCOPE, again: Again::Safe };
const LOOK: Purpose = Purpose { what: "read the merge request", right: SCOPE, again: Again::Safe };
const CREATE: Purpose = Purpose { what: "comment on the merge request", right: SCOPE, again: Again::Unsafe };
const UPDATE: Purpose = Purpose { what: "edit the comment", right: SCOPE, again: Again::Safe };

/// What takes the place of a comment that is not wanted any more.
const OUTDATED: &str = "*Outdated: another comment on this merge request has the plan.*";

/// A merge request on GitLab.
#[derive(Debug)]
pub struct GitLab {
    http: Http,
    api: String,
    project: String,
    pub(super) number: u64,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
}

#[derive(Deserialize)]
struct NoteOf {
    id: u64,
    body: String,
    author: User,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(default)]
    system: bool,
}

#[derive(Deserialize)]
struct MergeRequest {
    iid: u64,
    sha: Option<String>,
    state: String,
    author: User,
    source_project_id: Option<u64>,
    target_project_id: u64,
    #[serde(default)]
    web_url: String,
}

#[derive(Deserialize)]
struct Approvals {
    approved_by: Vec<Approver>,
}

#[derive(Deserialize)]
struct Approver {
    user: User,
    approved_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Version {
    head_commit_sha: String,
    created_at: Timestamp,
}

#[derive(Deserialize)]
struct Member {
    access_level: u64,
}

impl GitLab {
    /// A merge request of a project: its id, or its path.
    ///
    /// # Errors
    ///
    /// When the URL cannot be used.
    pub fn new(
        api: &str,
        (project, number): (&str, u64),
        token: Option<&Token>,
        patience: Patience,
    ) -> Result<Self, Error> {
        let headers: Vec<(&'static str, HeaderValue)> =
            token.map(|token| ("private-token", token.plain())).into_iter().collect();
        let http = Http::new(api, &headers, patience)?;
        Ok(GitLab { http, api: api.trim_end_matches('/').to_owned(), project: segment(project), number })
    }

    /// <https://docs.gitlab.com/api/users/#retrieve-the-current-user>
    pub(super) async fn me(&self) -> Result<String, Error> {
        let purpose = Purpose { what: "ask who the token belongs to", ..LOOK };
        let user: User =
            self.http.shaped(self.http.get(format!("{}/user", self.api), purpose).await?.body)?;
        Ok(user.username)
    }

    /// <https://docs.gitlab.com/api/notes/#list-all-merge-request-notes>
    pub(super) async fn notes(&self, me: &str) -> Result<Vec<Note>, Error> {
        let all: Vec<NoteOf> = self.http.all(is_last, &self.in_order(), READ).await?;
        let is_ours =
            |one: &NoteOf| !one.system && one.author.username == me && Marker::read(&one.body).is_some();
        Ok(all.into_iter().filter(is_ours).map(|one| self.note(one)).collect())
    }

    fn note(&self, one: NoteOf) -> Note {
        Note {
            id: one.id,
            node: None,
            author: one.author.username,
            // REST does not tell, and owners and maintainers may edit it.
            is_edited_by_another: false,
            body: one.body,
            created_at: one.created_at,
            updated_at: one.updated_at,
            is_hidden: false,
            url: None,
        }
    }

    fn merge_request(&self) -> String {
        format!("{}/projects/{}/merge_requests/{}", self.api, self.project, self.number)
    }

    fn notes_url(&self) -> String {
        format!("{}/notes", self.merge_request())
    }

    /// The first first: one that is made meanwhile moves no other to another page.
    fn in_order(&self) -> String {
        format!("{}?sort=asc&order_by=created_at&", self.notes_url())
    }

    /// <https://docs.gitlab.com/api/notes/#create-new-merge-request-note>
    pub(super) fn creation(&self, body: &str) -> Sent {
        Sent { method: "POST", url: self.notes_url(), body: Some(json!({ "body": body })) }
    }

    pub(super) async fn create(&self, body: &str) -> Result<Note, Error> {
        let answer = self.http.send(&self.creation(body), CREATE).await?;
        self.made(answer).await
    }

    /// <https://docs.gitlab.com/api/notes/#modify-existing-merge-request-note>
    pub(super) async fn update(&self, id: u64, body: &str) -> Result<Note, Error> {
        let url = format!("{}/{id}", self.notes_url());
        let sent = Sent { method: "PUT", url, body: Some(json!({ "body": body })) };
        let answer = self.http.send(&sent, UPDATE).await?;
        self.made(answer).await
    }

    /// A note that was written, with its page, which only the request tells.
    async fn made(&self, answer: Answer) -> Result<Note, Error> {
        let mut note = self.note(self.http.shaped(answer.body)?);
        let page = self.page().await.ok().filter(|page| !page.is_empty());
        note.url = page.map(|page| format!("{page}#note_{}", note.id));
        Ok(note)
    }

    async fn page(&self) -> Result<String, Error> {
        let request: MergeRequest =
            self.http.shaped(self.http.get(self.merge_request(), LOOK).await?.body)?;
        Ok(request.web_url)
    }

    /// One note cannot be folded away: one line takes its place, without a
    /// marker, so that it is not found again.
    pub(super) async fn hide(&self, note: &Note) -> Result<(), Error> {
        let url = format!("{}/{}", self.notes_url(), note.id);
        let sent = Sent { method: "PUT", url, body: Some(json!({ "body": OUTDATED })) };
        self.http.send(&sent, UPDATE).await.map(|_| ())
    }

    /// <https://docs.gitlab.com/api/merge_requests/#retrieve-a-merge-request>
    pub(super) async fn request(&self) -> Result<Request, Error> {
        let one: MergeRequest = self.http.shaped(self.http.get(self.merge_request(), LOOK).await?.body)?;
        Ok(Request {
            number: one.iid,
            author: one.author.username,
            is_fork: one.source_project_id != Some(one.target_project_id),
            // A merge request without commits has none.
            head: one.sha.unwrap_or_default(),
            is_rejected: one.state == "closed",
        })
    }

    /// Who approves by now, and what they said before; of those who may push.
    ///
    /// The time is `approved_at`, which newer versions tell, or else that of the
    /// note which GitLab itself writes.
    /// <https://docs.gitlab.com/api/merge_request_approvals/#retrieve-approval-state-for-a-merge-request>
    /// <https://docs.gitlab.com/api/merge_requests/#list-merge-request-diff-versions>
    pub(super) async fn reviews(&self) -> Result<Vec<Review>, Error> {
        let url = format!("{}/approvals", self.merge_request());
        let approvals: Approvals = self.http.shaped(self.http.get(url, LOOK).await?.body)?;
        let versions: Vec<Version> =
            self.http.all(is_last, &format!("{}/versions?", self.merge_request()), LOOK).await?;
        let said: Vec<NoteOf> = self.http.all(is_last, &self.in_order(), READ).await?;
        let said: Vec<NoteOf> = said.into_iter().filter(|note| note.system).collect();
        let mut reviews = Vec::new();
        for Approver { user, approved_at } in approvals.approved_by {
            if !self.may_push(user.id).await? {
                continue;
            }
            let at = approved_at.or_else(|| last(&said, &user, "approved this merge request"));
            let of = at.and_then(|at| newest_before(&versions, at));
            let by = user.username.clone();
            reviews.push(Review { by: by.clone(), verdict: Verdict::Approved, of, at });
            let no = last(&said, &user, "requested changes");
            if no > at {
                reviews.push(Review { by, verdict: Verdict::ChangesRequested, of: None, at: no });
            }
        }
        Ok(reviews)
    }

    /// <https://docs.gitlab.com/api/members/#retrieve-a-member-including-inherited-and-invited-members>
    async fn may_push(&self, user: u64) -> Result<bool, Error> {
        let url = format!("{}/projects/{}/members/all/{user}", self.api, self.project);
        match self.http.get(url, Purpose { what: "read what an approver may do", ..LOOK }).await {
            Ok(answer) => Ok(self.http.shaped::<Member>(answer.body)?.access_level >= DEVELOPER),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// <https://docs.gitlab.com/api/commits/#list-merge-requests-associated-with-a-commit>
    pub(super) async fn merged(&self, commit: &str) -> Result<Option<u64>, Error> {
        let url = format!(
            "{}/projects/{}/repository/commits/{}/merge_requests",
            self.api,
            self.project,
            segment(commit)
        );
        let all: Vec<MergeRequest> = self.http.shaped(self.http.get(url, LOOK).await?.body)?;
        let mut merged = all.iter().filter(|one| one.state == "merged");
        Ok(merged.next().map(|one| one.iid).filter(|_| merged.next().is_none()))
    }
}

/// The last page: GitLab names no next one.
fn is_last(headers: &HeaderMap) -> bool {
    let next = headers.get("x-next-page").and_then(|next| next.to_str().ok());
    next.is_none_or(str::is_empty)
}

/// When GitLab wrote last that a user did something.
fn last(notes: &[NoteOf], user: &User, what: &str) -> Option<Timestamp> {
    let is_it = |note: &&NoteOf| note.author.id == user.id && note.body.eq_ignore_ascii_case(what);
    notes.iter().filter(is_it).map(|note| note.created_at).max()
}

/// The commit at the tip at a time.
fn newest_before(versions: &[Version], at: Timestamp) -> Option<String> {
    let before = versions.iter().filter(|version| version.created_at < at);
    before.max_by_key(|version| version.created_at).map(|version| version.head_commit_sha.clone())
}
