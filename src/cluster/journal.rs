//! The journal: JSON in a ConfigMap, replaced only as it was read.

use http::Method;
use serde_json::{Value, json};

use super::{Error, Reader, Writer, path, request::Content, secret, secret::Credentials};
use crate::{
    desired::{FIELD_MANAGER, MANAGED_BY, Names, STACK_LABEL},
    object::Kind,
    observed::{Journal, Lookup},
};

/// Which state of the journal was read: its resource version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

impl Reader {
    /// Reads the journal.
    ///
    /// # Errors
    ///
    /// Only when nothing can be asked at all.
    pub async fn journal(&self, names: &Names) -> Result<Lookup<(Journal, Version)>, Error> {
        Ok(match self.get(&names.journal()).await {
            Ok(Some(body)) => match parse(&body) {
                Ok(found) => Lookup::Found(found),
                Err(reason) => Lookup::Failed(format!(
                    "`{}` is not a journal of this version: {reason}",
                    names.journal()
                )),
            },
            Ok(None) => Lookup::Absent,
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => Lookup::Failed(error.to_string()),
        })
    }

    /// Reads the operator's credentials.
    pub async fn credentials(&self, names: &Names) -> Lookup<Credentials> {
        self.credentials_in(&names.operator_secret()).await
    }

    /// Reads the credentials in a Secret.
    pub async fn credentials_in(&self, key: &crate::object::ObjectKey) -> Lookup<Credentials> {
        match self.get(key).await {
            Ok(Some(body)) => match secret::credentials(&body) {
                Some(found) => Lookup::Found(found),
                None => Lookup::Failed(format!("`{key}` does not hold `ca.crt`, `tls.crt` and `tls.key`")),
            },
            Ok(None) => Lookup::Absent,
            Err(error) => Lookup::Failed(error.to_string()),
        }
    }
}

impl Writer {
    /// Writes the journal: makes it when `read` is `None`, else replaces the
    /// state that was read.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`] or [`Error::AlreadyExists`] when another run wrote it, or
    /// somebody deleted it.
    pub async fn write_journal(
        &self,
        names: &Names,
        journal: &Journal,
        read: Option<&Version>,
    ) -> Result<Version, Error> {
        let key = names.journal();
        let text = serde_json::to_string(journal).map_err(|error| Error::Server(error.to_string()))?;
        let mut body = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": key.name, "namespace": key.namespace, "labels": {
                STACK_LABEL: names.stack,
                MANAGED_BY: FIELD_MANAGER,
            } },
            "data": { "journal": text },
        });
        let answer = match read {
            None => {
                let path = path::collection(Kind::ConfigMap, key.namespace.as_deref());
                self.http.send(Method::POST, &path, Content::Json(&body)).await?
            }
            Some(Version(version)) => {
                body["metadata"]["resourceVersion"] = json!(version);
                self.http
                    .send(Method::PUT, &path::object(&key), Content::Json(&body))
                    .await
                    .map_err(Error::or_gone)?
            }
        };
        Ok(version(&answer.body))
    }
}

fn version(body: &Value) -> Version {
    Version(body["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned())
}

fn parse(body: &Value) -> Result<(Journal, Version), String> {
    let text = body.pointer("/data/journal").and_then(Value::as_str).ok_or("it has no key `journal`")?;
    let journal = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok((journal, version(body)))
}
