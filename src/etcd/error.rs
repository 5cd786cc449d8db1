//! What a failed question means.
//!
//! etcd gives one gRPC code to unlike things: `Unavailable` is a member that is
//! down, a cluster without leader and a change with unknown outcome, and codes
//! changed between versions where texts did not. So an answer is told by its
//! text (`api/v3rpc/rpctypes/error.go`), and a failure without an answer by how
//! far the connection got.

use std::{
    error::{self, Error as _},
    io,
    time::Duration,
};

use thiserror::Error;
use tokio::time::error::Elapsed;
use tonic::{Code, ConnectError, Status, TimeoutExpired};

use super::channel::{CONNECT_TIMEOUT, DialFailed};

/// What is said of a deadline by who does not know how long it was.
const NO_ANSWER: &str = "no answer within the deadline";
/// Restarted without a quorum, a member accepts TCP and never answers TLS.
const AS_MUTE: &str = "; a member that waits for a quorum answers none";

/// Why a member did not do what it was asked. The caller adds which member and
/// what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// Some voters were not connected for 5 s, or the change would leave too few
    /// healthy ones. Usual for 5 s after each start and change.
    #[error("the cluster does not call itself healthy; it needs all voters connected for 5 s")]
    UnhealthyCluster,
    /// A voter in the list never started, or too few voters would remain.
    #[error("too few started members for this change; start or remove the one without a name")]
    NotEnoughStarted,
    /// Another member has this peer URL; perhaps an earlier add of ours.
    #[error("a member with this peer URL exists already")]
    PeerUrlExists,
    /// The same URL was added within the same second.
    #[error("a member with the same id exists already")]
    MemberExists,
    /// A learner waits already; etcd allows one at a time.
    #[error("another learner exists; promote or remove it first")]
    TooManyLearners,
    /// It votes already.
    #[error("the member is no learner")]
    NotLearner,
    /// The learner has less than nine tenths of the leader's log, or never
    /// started.
    #[error("the learner has not caught up with the leader")]
    NotInSync,
    /// No member has this id, or the id was removed once.
    #[error("no such member")]
    MemberNotFound,
    /// Only the leader hands leadership on.
    #[error("the member asked is not the leader")]
    NotLeader,
    /// Leadership goes to voters only.
    #[error("the target cannot lead; it must be a started voter")]
    BadTransferee,
    /// A learner answers only status and local reads.
    #[error("the member asked is a learner, which does not answer this")]
    RpcNotSupportedForLearner,
    /// An election is going on, or the quorum is lost.
    #[error("the cluster has no leader")]
    NoLeader,
    /// The member has too much to apply; nothing was proposed.
    #[error("too many requests")]
    TooManyRequests,
    /// The `NOSPACE` alarm is up: no writes until it is disarmed.
    #[error("the database is full (alarm NOSPACE)")]
    NoSpace,
    /// The `CORRUPT` alarm is up.
    #[error("the database is corrupt (alarm CORRUPT)")]
    Corrupt,
    /// Two clusters are mixed up.
    #[error("the member belongs to another cluster")]
    ClusterIdMismatch,
    /// Nobody knows whether it happened: time ran out, a leader or a connection
    /// went away. Read again and decide from that.
    #[error("the outcome is unknown: {0}")]
    Ambiguous(String),
    /// A snapshot ended before its end: the member or the connection went away.
    #[error("broke off after {received} bytes: {reason}")]
    BrokenOff {
        /// How many bytes had come.
        received: u64,
        /// What ended it.
        reason: String,
    },
    /// There was no connection, so nothing was asked.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// TLS or authentication failed on either side, so nothing was done.
    #[error("refused: {0}")]
    Refused(String),
    /// The server name or the credentials cannot be used.
    #[error("cannot use these credentials: {0}")]
    Unusable(String),
    /// Any other answer, with its gRPC code.
    #[error("{message} (gRPC code {code})")]
    Other {
        /// A number of <https://grpc.io/docs/guides/status-codes/>.
        code: i32,
        /// etcd's words.
        message: String,
    },
}

impl Error {
    /// The same, told with the time that the member had.
    pub(super) fn within(self, deadline: Duration) -> Error {
        match self {
            Error::Ambiguous(text) if text == NO_ANSWER => {
                Error::Ambiguous(format!("no answer within {} s", deadline.as_secs()))
            }
            other => other,
        }
    }

    /// Whether the change may or may not have happened.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Error::Ambiguous(_))
    }

    /// Whether nothing happened and the same question may succeed later, without
    /// anybody doing anything but wait.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Error::UnhealthyCluster
                | Error::MemberExists
                | Error::NotInSync
                | Error::NoLeader
                | Error::TooManyRequests
                | Error::BrokenOff { .. }
                | Error::Unreachable(_)
        )
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Error {
        match status.source() {
            Some(cause) => without_answer(cause),
            None => answered(status.code(), status.message()),
        }
    }
}

/// etcd's own words, or those of what stands between.
fn answered(code: Code, message: &str) -> Error {
    let text = message.strip_prefix("etcdserver: ").unwrap_or(message);
    if let Some(known) = known(text) {
        return known;
    }
    let text = match text {
        "context deadline exceeded" | "request timed out" => "the member reached no quorum in time",
        _ => text,
    };
    match code {
        Code::Unauthenticated | Code::PermissionDenied => Error::Refused(text.to_owned()),
        Code::Cancelled | Code::DeadlineExceeded | Code::Unavailable | Code::Unknown | Code::Internal => {
            Error::Ambiguous(text.to_owned())
        }
        code => Error::Other { code: code.into(), message: text.to_owned() },
    }
}

fn known(text: &str) -> Option<Error> {
    Some(match text {
        "unhealthy cluster" => Error::UnhealthyCluster,
        "re-configuration failed due to not enough started members" => Error::NotEnoughStarted,
        "Peer URLs already exists" => Error::PeerUrlExists,
        "member ID already exist" => Error::MemberExists,
        "too many learner members in cluster" => Error::TooManyLearners,
        "can only promote a learner member" => Error::NotLearner,
        "can only promote a learner member which is in sync with leader" => Error::NotInSync,
        "member not found" => Error::MemberNotFound,
        "not leader" => Error::NotLeader,
        "bad leader transferee" => Error::BadTransferee,
        "rpc not supported for learner" => Error::RpcNotSupportedForLearner,
        "no leader" => Error::NoLeader,
        "too many requests" => Error::TooManyRequests,
        "mvcc: database space exceeded" => Error::NoSpace,
        "corrupt cluster" => Error::Corrupt,
        "cluster ID mismatch" => Error::ClusterIdMismatch,
        "authentication failed, invalid user ID or password"
        | "user name is empty"
        | "revision of auth store is old" => Error::Refused(text.to_owned()),
        _ if text.starts_with("Service was not ready") => Error::Unreachable(text.to_owned()),
        _ => return None,
    })
}

/// No answer came. Where the connection was never made, nothing was sent; an
/// alert of the member's TLS may come after that, yet before it reads anything.
fn without_answer(cause: &(dyn error::Error + 'static)) -> Error {
    let mut chain = vec![cause];
    let mut next = cause.source();
    while let Some(cause) = next {
        chain.push(cause);
        next = cause.source();
    }
    let text = chain.last().map(ToString::to_string).unwrap_or_default();
    if chain.iter().any(|cause| cause.is::<DialFailed>()) {
        return Error::Unreachable(text);
    }
    if chain.iter().any(|cause| is_connect_timeout(*cause)) {
        return Error::Unreachable(format!("no connection within {} s{AS_MUTE}", CONNECT_TIMEOUT.as_secs()));
    }
    if text.contains("received fatal alert") {
        return Error::Refused(in_words(&text));
    }
    if chain.iter().any(|cause| cause.is::<TimeoutExpired>()) {
        return Error::Ambiguous(NO_ANSWER.to_owned());
    }
    match chain.iter().any(|cause| cause.is::<ConnectError>()) {
        true if chain.iter().any(|cause| is_broken(*cause)) => Error::Unreachable(broken(&text)),
        true => Error::Refused(in_words(&text)),
        false => Error::Ambiguous(broken(&text)),
    }
}

fn is_connect_timeout(cause: &(dyn error::Error + 'static)) -> bool {
    let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<Elapsed>())
}

/// Whether the stream broke, as against TLS that found something wrong in it.
fn is_broken(cause: &(dyn error::Error + 'static)) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() != io::ErrorKind::InvalidData)
}

/// A connection that ended, without the libraries' words for it.
fn broken(text: &str) -> String {
    let meaning = [
        // The TLS library adds the address of its manual.
        ("close_notify", "the connection broke"),
        ("tls handshake eof", "the connection broke before TLS stood"),
        // The probes of HTTP/2 stayed without an answer.
        ("operation timed out", "the connection went silent"),
    ];
    let found = meaning.iter().find(|(token, _)| text.contains(token));
    found.map_or(text, |(_, meaning)| meaning).to_owned()
}

/// The TLS library's words, after what they come down to.
fn in_words(text: &str) -> String {
    let meaning = [
        ("UnknownIssuer", "the member's certificate is of another authority"),
        // Another authority of the same name.
        ("BadSignature", "the member's certificate is of another authority"),
        ("not valid for name", "the member's certificate is for other names"),
        ("invalid peer certificate", "the member's certificate is not valid"),
        ("InvalidContentType", "the member does not speak TLS on this port"),
        ("HTTP/2 was not negotiated", "the member does not speak gRPC on this port"),
        ("received fatal alert", "the member does not accept the client certificate"),
    ];
    match meaning.iter().find(|(token, _)| text.contains(token)) {
        Some((_, meaning)) => format!("{meaning} ({text})"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;

    use super::*;
    use crate::etcd::{Client, Dial, Stream};

    fn answer(code: Code, message: &str) -> Error {
        Error::from(Status::new(code, message))
    }

    #[test]
    fn one_code_means_different_things_by_its_text() {
        let unavailable = |text: &str| answer(Code::Unavailable, &format!("etcdserver: {text}"));
        assert_eq!(unavailable("unhealthy cluster"), Error::UnhealthyCluster);
        assert_eq!(unavailable("no leader"), Error::NoLeader);
        assert_eq!(unavailable("rpc not supported for learner"), Error::RpcNotSupportedForLearner);
        assert_eq!(unavailable("leader changed"), Error::Ambiguous("leader changed".to_owned()));
        assert_eq!(unavailable("server stopped"), Error::Ambiguous("server stopped".to_owned()));
    }

    #[test]
    fn one_text_means_the_same_under_each_code() {
        for code in [Code::Unavailable, Code::FailedPrecondition] {
            let got = answer(code, "etcdserver: rpc not supported for learner");
            assert_eq!(got, Error::RpcNotSupportedForLearner);
        }
    }

    #[test]
    fn every_way_to_run_out_of_time_is_ambiguous() {
        for (code, text) in [
            (Code::Unavailable, "etcdserver: request timed out"),
            (Code::Unavailable, "etcdserver: request timed out, possibly due to previous leader failure"),
            (Code::DeadlineExceeded, "context deadline exceeded"),
            (Code::Cancelled, "etcdserver: request canceled"),
            (Code::Unknown, "raft: stopped"),
        ] {
            let error = answer(code, text);
            assert!(error.is_ambiguous() && !error.is_transient(), "{error:?}");
        }
    }

    #[test]
    fn what_etcd_refused_for_good_keeps_its_words_and_code() {
        let error = answer(Code::InvalidArgument, "etcdserver: given member URLs are invalid");
        assert_eq!(error.to_string(), "given member URLs are invalid (gRPC code 3)");
        assert!(!error.is_ambiguous() && !error.is_transient());
    }

    #[test]
    fn authentication_is_a_refusal() {
        let denied = answer(Code::PermissionDenied, "etcdserver: permission denied");
        assert_eq!(denied, Error::Refused("permission denied".to_owned()));
        let login = "authentication failed, invalid user ID or password";
        let failed = answer(Code::InvalidArgument, &format!("etcdserver: {login}"));
        assert_eq!(failed, Error::Refused(login.to_owned()));
    }

    #[tokio::test]
    async fn a_dial_that_fails_means_that_nothing_was_asked() {
        let dial: Dial = Arc::new(|| async { Err(io::Error::other("pod `orders-0` is gone")) }.boxed());
        let error = Client::plain("orders-0", dial).unwrap().promote(crate::member::Id(1)).await.unwrap_err();
        assert_eq!(error, Error::Unreachable("pod `orders-0` is gone".to_owned()));
    }

    #[tokio::test]
    async fn a_stream_that_ends_in_the_handshake_means_that_nothing_was_asked() {
        let dial: Dial = Arc::new(|| {
            async { Ok(Box::new(tokio::io::join(tokio::io::empty(), tokio::io::sink())) as Box<dyn Stream>) }
                .boxed()
        });
        let authority = include_str!("../pki/fixtures/p256.crt");
        let client = Client::without_certificate("orders-0", dial, authority).unwrap();
        assert_eq!(
            client.status().await,
            Err(Error::Unreachable("the connection broke before TLS stood".to_owned()))
        );
    }

    #[tokio::test]
    async fn a_dial_that_hangs_is_given_up_when_connecting_takes_too_long() {
        let dial: Dial = Arc::new(|| std::future::pending().boxed());
        let error = Client::plain("orders-0", dial).unwrap().status().await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot be reached: no connection within 5 s{AS_MUTE}"));
    }

    #[test]
    fn the_libraries_words_become_one_sentence() {
        let manual = "peer closed connection without sending TLS close_notify: https://docs.rs/rustls";
        assert_eq!(broken(manual), "the connection broke");
        assert_eq!(broken("operation timed out"), "the connection went silent");
        assert_eq!(broken("nothing listens on port 2379"), "nothing listens on port 2379");
        let late = Error::Ambiguous(NO_ANSWER.to_owned()).within(Duration::from_secs(7));
        assert_eq!(late.to_string(), "the outcome is unknown: no answer within 7 s");
    }

    #[test]
    fn a_member_without_quorum_is_told_as_one() {
        let texts = [
            (Code::DeadlineExceeded, "context deadline exceeded"),
            (Code::Unavailable, "etcdserver: request timed out"),
        ];
        for (code, text) in texts {
            let told = answer(code, text).to_string();
            assert_eq!(told, "the outcome is unknown: the member reached no quorum in time");
        }
    }
}
