//! etcd members, each over a connection of its own.
//!
//! A [`Client`] asks exactly one member, over any byte stream that a [`Dial`]
//! opens: a port-forward, a pipe, a socket. It retries nothing and balances
//! nothing, since most questions here are about one member, and its answers
//! come as the words of `member`. Nothing here knows about Kubernetes or decides
//! anything. This is the only user of `tonic` and `prost`.

mod answer;
mod channel;
mod client;
mod error;
mod snapshot;

// Generated from etcd.proto by tools/generate-proto.
#[rustfmt::skip]
mod proto;

use std::{fmt, io, sync::Arc};

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

pub use channel::CONNECT_TIMEOUT;
pub use client::{CHANGE_DEADLINE, Client, READ_DEADLINE, STATUS_DEADLINE};
pub use error::Error;
pub use snapshot::{SILENCE, Snapshot, TRAILER};

/// A connection in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Opens a connection to the client port of one member; called for the first
/// question and again after each loss.
pub type Dial = Arc<dyn Fn() -> BoxFuture<'static, io::Result<Box<dyn Stream>>> + Send + Sync>;

/// What a client shows to a member, and by what it knows the member.
#[derive(Clone)]
pub struct Credentials {
    /// The authorities that may vouch for the member, one or more PEM blocks.
    pub ca_pem: String,
    /// The client's own certificate.
    pub certificate_pem: String,
    /// Its private key: PKCS#8, SEC1 or PKCS#1.
    pub key_pem: String,
}

/// Shows the certificates, never the key.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Credentials { ca_pem, certificate_pem, key_pem: _ } = self;
        f.debug_struct("Credentials")
            .field("ca_pem", ca_pem)
            .field("certificate_pem", certificate_pem)
            .finish_non_exhaustive()
    }
}

/// A value in the key space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The bytes stored under the key.
    pub value: Vec<u8>,
    /// The revision of the cluster at which they were written.
    pub mod_revision: i64,
}
