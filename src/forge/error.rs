//! What can go wrong with a forge, in words for a person.

use thiserror::Error;

/// Why a request did not do what it should.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// No connection, or none that is trusted: nothing was sent.
    #[error("cannot reach {server}: {reason}")]
    Unreachable {
        /// Its host.
        server: String,
        /// The connection's own words.
        reason: String,
    },
    /// The connection ended before the answer: what became of it is unknown.
    #[error("{server} did not answer: {reason}")]
    Lost {
        /// Its host.
        server: String,
        /// The connection's own words.
        reason: String,
    },
    /// 401.
    #[error("{server} does not accept the token: {message}")]
    Unauthorized {
        /// Its host.
        server: String,
        /// The server's words.
        message: String,
    },
    /// 403, because of a missing right.
    #[error("the token may not {what}: {message}")]
    Forbidden {
        /// What was tried.
        what: &'static str,
        /// The server's words.
        message: String,
        /// The right that is missing.
        right: &'static str,
    },
    /// 404: there is none, or the token may not see it.
    #[error("cannot {what}: {url} does not exist, or the token may not see it")]
    NotFound {
        /// What was tried.
        what: &'static str,
        /// What was asked for.
        url: String,
    },
    /// The comment is too long.
    #[error("the comment is too long: {0}")]
    TooLong(String),
    /// Too many requests, and the wait is longer than is allowed.
    #[error("{server} takes no more requests for {seconds} s, and --patience has {left} s left")]
    Limited {
        /// Its host.
        server: String,
        /// How long.
        seconds: u64,
        /// How long may be waited.
        left: u64,
    },
    /// 5xx, after every try.
    #[error("{server} failed: {message}")]
    Server {
        /// Its host.
        server: String,
        /// The server's words.
        message: String,
    },
    /// Anything else that it said.
    #[error("cannot {what}: {message}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// The server's words.
        message: String,
    },
    /// An answer that does not have the shape that it should have.
    #[error("{server} answers otherwise than documented: {reason}")]
    Unexpected {
        /// Its host.
        server: String,
        /// Where.
        reason: String,
    },
}

impl Error {
    /// Whether it may have been done all the same.
    pub fn is_lost(&self) -> bool {
        matches!(self, Error::Lost { .. } | Error::Server { .. })
    }

    /// What a person can do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Error::Unreachable { .. } => {
                "check the URL (GITHUB_API_URL, CI_API_V4_URL) and the proxy (HTTPS_PROXY, NO_PROXY)"
                    .to_owned()
            }
            Error::Unauthorized { .. } => {
                "set GITHUB_TOKEN or GITLAB_TOKEN to a token that is still valid".to_owned()
            }
            Error::Forbidden { right, .. } => format!("give the token {right}"),
            Error::NotFound { .. } => {
                "check --repository and --number; a token without rights sees nothing, too".to_owned()
            }
            Error::TooLong(_) => "comment on fewer stacks at once".to_owned(),
            Error::Limited { .. } => "try again later, or wait longer with --patience".to_owned(),
            Error::Server { .. } | Error::Lost { .. } => {
                "try again: a comment is never made twice".to_owned()
            }
            Error::Refused { .. } | Error::Unexpected { .. } => return None,
        })
    }
}
