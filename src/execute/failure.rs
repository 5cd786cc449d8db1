//! Why a call failed, by what is to be done about it: each client's errors come
//! down to these.

use thiserror::Error;

use crate::{cluster, etcd, snapshot};

/// Why a call did not do what it should, by what is to be done about it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was done, and repeating it changes nothing.
    #[error("{0}")]
    Refused(String),
    /// Nothing was done, and waiting may help: `unhealthy cluster`, a learner
    /// that lags, a pod that does not answer yet.
    #[error("{0}")]
    NotNow(String),
    /// Nobody knows whether it was done: look, then decide.
    #[error("{0}")]
    Unknown(String),
    /// The object is another, or another version, than was read.
    #[error("{0}")]
    Stale(String),
    /// Another run holds the lock: nothing more may be written.
    #[error("{0}")]
    LockLost(String),
}

impl From<cluster::Error> for Failure {
    fn from(error: cluster::Error) -> Self {
        let text = error.to_string();
        match error {
            error if error.is_stale() => Failure::Stale(text),
            error if error.is_ambiguous() => Failure::Unknown(text),
            _ => Failure::Refused(text),
        }
    }
}

impl From<etcd::Error> for Failure {
    fn from(error: etcd::Error) -> Self {
        let text = error.to_string();
        match error {
            error if error.is_transient() => Failure::NotNow(text),
            error if error.is_ambiguous() => Failure::Unknown(text),
            _ => Failure::Refused(text),
        }
    }
}

/// A stream that broke may come whole the next time; a folder stays as it is.
impl From<snapshot::Error> for Failure {
    fn from(error: snapshot::Error) -> Self {
        let text = format!("{error}; {}", error.help());
        match error {
            snapshot::Error::Member(_)
            | snapshot::Error::Damaged { .. }
            | snapshot::Error::NoTrailer { .. }
            | snapshot::Error::Exists(_) => Failure::NotNow(text),
            snapshot::Error::Folder { .. } => Failure::Refused(text),
        }
    }
}
