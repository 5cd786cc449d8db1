//! What can go wrong with the API server, in words for a person.

use serde_json::Value;
use thiserror::Error;

use crate::observed::Conflict;

/// Why a request did not do what it should.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Error {
    /// No usable kubeconfig.
    #[error("{0}")]
    Kubeconfig(String),
    /// No connection, or none that is trusted.
    #[error("cannot reach the API server at {server}: {reason}")]
    Unreachable {
        /// Its URL.
        server: String,
        /// The connection's own words.
        reason: String,
    },
    /// No answer in time: whether a write took effect is unknown.
    #[error("the API server did not answer within {seconds} s")]
    Timeout {
        /// How long was waited.
        seconds: u64,
    },
    /// 401.
    #[error(
        "the API server does not accept these credentials: the token or certificate has expired, or is not known there"
    )]
    Unauthorized,
    /// 403.
    #[error("{0}")]
    Forbidden(String),
    /// 403, because the namespace is on its way out.
    #[error("the namespace is being deleted: {0}")]
    NamespaceTerminating(String),
    /// 404.
    #[error("{0}")]
    NotFound(String),
    /// 409 with field managers.
    #[error("fields are owned by others: {}", .0.iter().map(|one| format!("{} by {}", one.field, one.manager)).collect::<Vec<_>>().join(", "))]
    Conflict(Vec<Conflict>),
    /// 409 without: the object is not the one that was read.
    #[error("the object has changed since it was read: {0}")]
    Stale(String),
    /// 409 on a create.
    #[error("{0}")]
    AlreadyExists(String),
    /// 422, and what else the server finds wrong with an object.
    #[error("{message}")]
    Invalid {
        /// The server's words.
        message: String,
        /// The fields that it names.
        fields: Vec<String>,
    },
    /// 429, 5xx: the server is busy or broken.
    #[error("the API server failed: {0}")]
    Server(String),
    /// Another run holds the lock.
    #[error("another run holds the lock: {holder}, until {until} unless it is renewed")]
    Locked {
        /// Who.
        holder: String,
        /// Until when.
        until: jiff::Timestamp,
    },
}

impl Error {
    /// Whether the object was another than expected.
    pub fn is_stale(&self) -> bool {
        matches!(self, Error::Stale(_) | Error::AlreadyExists(_))
    }

    /// Whether a write may have taken effect all the same.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Error::Timeout { .. } | Error::Unreachable { .. } | Error::Server(_))
    }

    /// Whether nothing at all can be asked: then one error says it for all.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Error::Unauthorized | Error::Unreachable { .. } | Error::Timeout { .. } | Error::Kubeconfig(_)
        )
    }

    /// What a person can do about it.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Error::Kubeconfig(_) => {
                "set KUBECONFIG or pass --kubeconfig; `kubectl config get-contexts` lists contexts"
            }
            Error::Unreachable { .. } => {
                "check that the cluster is up and that this machine reaches it: `kubectl version`"
            }
            Error::Unauthorized => "log in again, then check with `kubectl auth whoami`",
            Error::Timeout { .. } | Error::Server(_) => {
                "look at the API server's health: `kubectl get --raw /readyz?verbose`"
            }
            Error::Forbidden(_) => "ask an administrator for the right, or use another identity",
            Error::NamespaceTerminating(_) => "wait until it is gone, then plan again",
            Error::Locked { .. } => {
                "wait for that run to end; a run that died frees the lock by itself at that time"
            }
            _ => return None,
        })
    }
}

/// Reads a `Status` object.
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#errors>
pub fn of_status(code: u16, body: &Value) -> Error {
    let message = body["message"].as_str().unwrap_or("no reason given").to_owned();
    let causes: &[Value] = body["details"]["causes"].as_array().map_or(&[], Vec::as_slice);
    let has = |reason: &str| causes.iter().any(|cause| cause["reason"] == reason);
    match code {
        401 => Error::Unauthorized,
        403 if has("NamespaceTerminating") => Error::NamespaceTerminating(message),
        403 => Error::Forbidden(message),
        404 => Error::NotFound(message),
        409 if has("FieldManagerConflict") => Error::Conflict(causes.iter().filter_map(conflict).collect()),
        409 if body["reason"] == "AlreadyExists" => Error::AlreadyExists(message),
        409 => Error::Stale(message),
        // A body that does not fit the schema is a 500 without a reason.
        500 if message.contains("failed to create typed patch object") => {
            Error::Invalid { message, fields: Vec::new() }
        }
        400 | 413 | 415 | 422 => {
            let fields = causes.iter().filter_map(|cause| cause["field"].as_str().map(str::to_owned));
            Error::Invalid { message, fields: fields.collect() }
        }
        _ => Error::Server(format!("{code}: {message}")),
    }
}

fn conflict(cause: &Value) -> Option<Conflict> {
    let message = cause["message"].as_str()?;
    let manager = message.strip_prefix("conflict with ").unwrap_or(message);
    Some(Conflict { field: cause["field"].as_str()?.to_owned(), manager: manager.to_owned() })
}
