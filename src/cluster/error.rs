//! What can go wrong with the API server, in words for a person.

use serde_json::Value;
use thiserror::Error;

use super::webhook;
use crate::observed::Conflict;

/// Why a request did not do what it should.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Error {
    /// No usable kubeconfig.
    #[error("{0}")]
    Kubeconfig(String),
    /// The kubeconfig's credential plugin gave no credentials.
    #[error("{0}")]
    Plugin(String),
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
    /// 403, because of a missing right.
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
    /// 422, and what else the server, a quota or a policy has against an
    /// object.
    #[error("{message}")]
    Invalid {
        /// The server's words.
        message: String,
        /// The fields that it names.
        fields: Vec<String>,
    },
    /// 500 or 400, and a webhook is to blame that gave no verdict: nothing was
    /// stored, and asking again does not help.
    #[error("{0}")]
    Webhook(String),
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
            Error::Unauthorized
                | Error::Unreachable { .. }
                | Error::Timeout { .. }
                | Error::Kubeconfig(_)
                | Error::Plugin(_)
        )
    }

    /// What it means that nothing is there where something was read before.
    pub(super) fn or_gone(self) -> Self {
        match self {
            Error::NotFound(message) => Error::Stale(message),
            other => other,
        }
    }

    /// What a person can do about it.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Error::Kubeconfig(reason) if reason.contains("context") => {
                "pass --context, or change the current one with `kubectl config use-context`; `kubectl config get-contexts` lists them"
            }
            Error::Unreachable { reason, .. } if reason.contains("UnknownIssuer") => {
                "the server's certificate is from another authority than the kubeconfig's: look at `certificate-authority` of the cluster there"
            }
            Error::Invalid { message, .. } if message.contains("HTTP request to an HTTPS server") => {
                "write `https://` into `server` of the kubeconfig's cluster"
            }
            Error::Kubeconfig(_) => {
                "set KUBECONFIG or pass --kubeconfig; `kubectl config get-contexts` lists contexts"
            }
            Error::Plugin(_) => "log in again, or run the plugin by hand to see what it lacks",
            Error::Unreachable { .. } => {
                "check that the cluster is up and that this machine reaches it: `kubectl version`"
            }
            Error::Unauthorized => "log in again, then check with `kubectl auth whoami`",
            Error::Timeout { .. } | Error::Server(_) => {
                "look at the API server's health: `kubectl get --raw /readyz?verbose`"
            }
            Error::Webhook(_) => {
                "bring the webhook back, or leave these objects out of its rules; `kubectl get \
                 validatingwebhookconfigurations,mutatingwebhookconfigurations` lists them"
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
    let message = message(body);
    let causes: &[Value] = body["details"]["causes"].as_array().map_or(&[], Vec::as_slice);
    let has = |reason: &str| causes.iter().any(|cause| cause["reason"] == reason);
    let fields = || causes.iter().filter_map(|cause| cause["field"].as_str().map(str::to_owned)).collect();
    match code {
        400 | 500 if webhook::is_silent(&message) => Error::Webhook(message),
        401 => Error::Unauthorized,
        403 if has("NamespaceTerminating") => Error::NamespaceTerminating(message),
        403 if body["kind"] == "Status" && !is_about_rights(&message) => {
            Error::Invalid { message, fields: fields() }
        }
        403 => Error::Forbidden(message),
        404 => Error::NotFound(message),
        409 if has("FieldManagerConflict") => Error::Conflict(causes.iter().map(conflict).collect()),
        409 if body["reason"] == "AlreadyExists" => Error::AlreadyExists(message),
        409 => Error::Stale(message),
        // An apply that names the uid of an object that was made anew since.
        422 if causes.iter().any(|cause| cause["field"] == "metadata.uid") => Error::Stale(message),
        // A body that does not fit the schema is a 500 without a reason.
        500 if message.contains("failed to create typed patch object") => {
            Error::Invalid { message, fields: Vec::new() }
        }
        400 | 413 | 415 | 422 => Error::Invalid { message, fields: fields() },
        _ => Error::Server(format!("{code}: {message}")),
    }
}

/// The server's words, or those of whatever answered in its place.
fn message(body: &Value) -> String {
    let text = body["message"].as_str().or_else(|| body.as_str()).map(str::trim).unwrap_or_default();
    if text.is_empty() { "no reason given".to_owned() } else { text.to_owned() }
}

/// A missing right reads `pods is forbidden: User "x" cannot list resource`;
/// quotas, Pod Security, policies and webhooks answer 403 with other words
/// (`k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go`).
fn is_about_rights(message: &str) -> bool {
    message.contains("forbidden: User \"")
}

/// None is left out: what is forced must be all of what was named. A manager
/// reads `"kubectl" with subresource "scale" using apps/v1`: its name comes
/// first, quoted as Go quotes; one that needs escapes is left as it is, and
/// nobody can name it.
/// (`managedfields/internal/conflict.go` of `k8s.io/apimachinery`)
fn conflict(cause: &Value) -> Conflict {
    let text = |key: &str| cause[key].as_str().unwrap_or_default();
    let (field, message) = (text("field"), text("message"));
    let manager = message.strip_prefix("conflict with ").unwrap_or(message);
    let quoted = manager.strip_prefix('"').and_then(|rest| Some(rest.split_once('"')?.0));
    let manager = quoted.filter(|name| !name.contains('\\')).unwrap_or(manager);
    Conflict { field: field.strip_prefix('.').unwrap_or(field).to_owned(), manager: manager.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(code: u16, message: &str, causes: Value) -> Error {
        of_status(code, &json!({ "kind": "Status", "message": message, "details": { "causes": causes } }))
    }

    #[test]
    fn a_missing_right_is_not_an_objection_to_the_object() {
        let right = "pods is forbidden: User \"nobody\" cannot list resource \"pods\"";
        assert_eq!(status(403, right, json!([])), Error::Forbidden(right.to_owned()));
        let objections = [
            "pods \"a\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0",
            "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true",
            "pods \"a\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: User \"you\" may not",
            "admission webhook \"guard.example.test\" denied the request: no",
        ];
        for text in objections {
            let expected = Error::Invalid { message: text.to_owned(), fields: Vec::new() };
            assert_eq!(status(403, text, json!([])), expected);
        }
    }

    #[test]
    fn a_webhook_that_does_not_answer_is_not_a_busy_server() {
        let dead =
            "Internal error occurred: failed calling webhook \"guard.example.test\": connection refused";
        let error = status(500, dead, json!([]));
        assert_eq!(error, Error::Webhook(dead.to_owned()));
        assert!(!error.is_ambiguous() && !error.is_fatal() && !error.is_stale());
        let old = "admission webhook \"guard.example.test\" does not support dry run";
        assert_eq!(status(400, old, json!([])), Error::Webhook(old.to_owned()));
    }

    #[test]
    fn what_answers_in_the_servers_place_is_quoted() {
        let proxy = json!("<h1>access denied by proxy</h1>\n");
        assert_eq!(of_status(403, &proxy), Error::Forbidden("<h1>access denied by proxy</h1>".to_owned()));
        assert_eq!(of_status(502, &json!("")), Error::Server("502: no reason given".to_owned()));
    }

    #[test]
    fn an_object_made_anew_is_stale_and_not_wrong() {
        let causes =
            json!([{ "reason": "FieldValueInvalid", "field": "metadata.uid", "message": "immutable" }]);
        assert!(status(422, "metadata.uid: field is immutable", causes).is_stale());
    }

    #[test]
    fn the_help_is_about_what_is_wrong() {
        let unreachable = |reason: &str| Error::Unreachable {
            server: "https://here.invalid".to_owned(),
            reason: reason.to_owned(),
        };
        let invalid = Error::Invalid {
            message: "Client sent an HTTP request to an HTTPS server.".to_owned(),
            fields: Vec::new(),
        };
        let mismatch = "the stack file is for context `a`, and this is `b`";
        let table = [
            (unreachable("invalid peer certificate: UnknownIssuer"), "certificate-authority"),
            (unreachable("Connection refused"), "kubectl version"),
            (invalid, "https://"),
            (Error::Kubeconfig(mismatch.to_owned()), "--context"),
            (Error::Kubeconfig("no kubeconfig was found".to_owned()), "--kubeconfig"),
        ];
        for (error, part) in table {
            let help = error.help().unwrap_or_default();
            assert!(help.contains(part), "{error}: {help}");
        }
    }
}
