//! Dry-runs: what the API server would store. They read; they write nothing.
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run>

use std::collections::BTreeMap;

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::{
    Error, Reader, path,
    request::{Answer, Content},
    secret,
};
use crate::{
    desired::FIELD_MANAGER,
    object::{Kind, Object, ObjectKey},
    observed::{Proposal, Question},
};

impl Reader {
    /// Asks all questions side by side.
    pub async fn ask(&self, questions: &[Question]) -> BTreeMap<ObjectKey, Proposal> {
        let answers = questions
            .iter()
            .map(|question| async { (question.object.key.clone(), self.ask_one(&question.object).await) });
        let mut answers = join_all(answers).await.into_iter().collect();
        self.name_webhooks(&mut answers).await;
        answers
    }

    async fn ask_one(&self, object: &Object) -> Proposal {
        let key = &object.key;
        let answer = match key.kind {
            // Controllers make these; nobody applies them.
            Kind::Pod | Kind::PersistentVolumeClaim => {
                let path = format!("{}?dryRun=All", path::collection(key.kind, key.namespace.as_deref()));
                self.http.ask(Method::POST, &path, Content::Json(&object.body)).await
            }
            _ => match self.ask_apply(object, "").await {
                Err(Error::Conflict(conflicts)) => {
                    let forced = proposal(object, self.ask_apply(object, "&force=true").await);
                    return Proposal::Conflict { conflicts, forced: Box::new(forced) };
                }
                answer => answer,
            },
        };
        proposal(object, answer)
    }

    /// Asks again about a Secret that somebody wrote between the look and the
    /// question: its values are sent along as they were read.
    async fn ask_apply(&self, object: &Object, force: &str) -> Result<Answer, Error> {
        let path = path::object(&object.key);
        let path = format!("{path}?dryRun=All&fieldManager={FIELD_MANAGER}&fieldValidation=Strict{force}");
        let mut attempt = 0;
        loop {
            let body = self.with_values(object).await?;
            match self.http.ask(Method::PATCH, &path, Content::Apply(&body)).await {
                Err(error) if error.is_stale() && attempt < 5 => attempt += 1,
                answer => return answer,
            }
        }
    }

    /// A Secret's apply with its live values, as they are at this version. One
    /// that does not exist gets placeholders.
    async fn with_values(&self, object: &Object) -> Result<Value, Error> {
        let mut body = object.body.clone();
        if object.key.kind == Kind::Secret {
            match self.get(&object.key).await? {
                Some(live) => {
                    secret::put_back(&mut body, &live);
                    for field in ["uid", "resourceVersion"] {
                        body["metadata"][field] = live["metadata"][field].clone();
                    }
                }
                None => body["data"] = json!({ "tls.crt": "", "tls.key": "", "ca.crt": "" }),
            }
        }
        Ok(body)
    }
}

/// What an answer means; of the object as the stack wants it.
pub(super) fn proposal(wanted: &Object, answer: Result<Answer, Error>) -> Proposal {
    match answer {
        Ok(Answer { body, warnings, code: _ }) => {
            Proposal::Accepted { object: secret::object(&wanted.key, body, &wanted.body), warnings }
        }
        Err(error) => refused(error),
    }
}

pub(super) fn refused(error: Error) -> Proposal {
    let text = error.to_string();
    match error {
        Error::Invalid { message, fields } => Proposal::Rejected { message, fields },
        Error::NamespaceTerminating(_) => Proposal::Rejected { message: text, fields: Vec::new() },
        Error::NotFound(message) if message.starts_with("namespaces \"") => Proposal::NamespaceMissing,
        Error::AlreadyExists(_) => Proposal::Exists,
        _ => Proposal::Failed(text),
    }
}
