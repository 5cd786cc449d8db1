//! The Kubernetes API server: reads, and the few writes.
//!
//! A [`Reader`] asks and never writes: a dry-run apply is a question. Whoever
//! plans holds no [`Writer`]. Secret values pass through here and nowhere
//! else: what leaves is facts, names of keys, and [`Credentials`] for whoever
//! dials a member.
//!
//! `kube` and `k8s-openapi` are used in this module alone: `kube` for
//! kubeconfigs, authentication and port-forwards; requests are made and
//! answers are read as JSON, because a typed read would drop the fields that a
//! newer server has.

mod adopt;
mod ask;
mod connect;
mod error;
mod journal;
mod lease;
mod neighbours;
mod parse;
mod path;
mod plugin;
mod port_forward;
mod quota;
mod read;
mod release;
mod remove;
mod request;
mod rights;
mod secret;
mod webhook;
mod write;

pub use connect::Connect;
pub use error::Error;
pub use journal::Version;
pub use lease::{Held, Lock};
pub use secret::Credentials;
pub use write::{Claimed, Expect};

use request::Http;

/// A connection to one API server.
#[derive(Clone)]
pub struct Cluster {
    http: Http,
    context: String,
}

/// Asks. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    http: Http,
    context: String,
}

/// Writes.
#[derive(Clone)]
pub struct Writer {
    http: Http,
}

impl Cluster {
    /// Connects as kubectl would: no request is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::Kubeconfig`] when there is none, when it cannot be read, or
    /// when it lacks the context; [`Error::Plugin`] when its credential plugin
    /// gives no credentials.
    pub async fn connect(options: &Connect) -> Result<Self, Error> {
        let (http, context) = connect::connect(options).await?;
        Ok(Cluster { http, context })
    }

    /// The context's name; `in-cluster` for a service account.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// What asks.
    pub fn reader(&self) -> Reader {
        Reader { http: self.http.clone(), context: self.context.clone() }
    }

    /// What writes.
    pub fn writer(&self) -> Writer {
        Writer { http: self.http.clone() }
    }
}
