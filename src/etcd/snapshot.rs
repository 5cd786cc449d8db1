//! The database of one member, as a stream.
//!
//! etcd sends the database in pieces of 32 KiB and the SHA-256 of all of it as
//! the last 32 bytes (`server/etcdserver/api/v3rpc/maintenance.go`). Whether the
//! bytes are those that were sent is for the caller to check; here it is only
//! seen to that none are missing.

use std::time::Duration;

use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use tonic::{Status, transport::Channel};

use super::{Error, channel::CONNECT_TIMEOUT, proto};

/// How long a snapshot may bring nothing. The whole has no deadline, since
/// nobody knows how large it is.
pub const SILENCE: Duration = Duration::from_secs(30);

/// The length of the SHA-256 at the end.
pub const TRAILER: u64 = 32;

/// The bytes of a snapshot, piece by piece; never an empty piece. An error is
/// the last thing that comes.
pub type Snapshot = BoxStream<'static, Result<Vec<u8>, Error>>;

type Answers = BoxStream<'static, Result<proto::SnapshotResponse, Status>>;

pub(super) fn snapshot(channel: Channel) -> Snapshot {
    let open = async move { open(channel).await.map(|answers| pieces(answers, SILENCE)) };
    stream::once(open).try_flatten().boxed()
}

/// etcd answers only with the first piece.
async fn open(channel: Channel) -> Result<Answers, Error> {
    let mut client = proto::maintenance_client::MaintenanceClient::new(channel);
    let whole = CONNECT_TIMEOUT + SILENCE;
    match tokio::time::timeout(whole, client.snapshot(proto::SnapshotRequest {})).await {
        Ok(Ok(answer)) => Ok(answer.into_inner().boxed()),
        Ok(Err(status)) => Err(broken_off(0, Error::from(status))),
        Err(_) => Err(silent(0, whole)),
    }
}

fn pieces(answers: Answers, silence: Duration) -> Snapshot {
    let progress = Progress { answers, silence, received: 0, whole: None };
    stream::try_unfold(progress, |mut progress| async move {
        Ok(progress.piece().await?.map(|piece| (piece, progress)))
    })
    .boxed()
}

/// How far a snapshot has got.
struct Progress {
    answers: Answers,
    silence: Duration,
    received: u64,
    /// How many bytes the first answer announced, and the trailer, of which it
    /// does not speak.
    whole: Option<u64>,
}

impl Progress {
    async fn piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match tokio::time::timeout(self.silence, self.bytes()).await {
            Ok(Ok(None)) => self.must_be_whole().map(|()| None),
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(status)) => Err(broken_off(self.received, Error::from(status))),
            Err(_) => Err(silent(self.received, self.silence)),
        }
    }

    /// The next answer that has bytes. A member that cannot read its database
    /// sends empty answers without end.
    async fn bytes(&mut self) -> Result<Option<Vec<u8>>, Status> {
        while let Some(answer) = self.answers.try_next().await? {
            let proto::SnapshotResponse { header: _, remaining_bytes, blob, version: _ } = answer;
            self.received += blob.len() as u64;
            let whole = self.received.saturating_add(remaining_bytes).saturating_add(TRAILER);
            self.whole.get_or_insert(whole);
            if !blob.is_empty() {
                return Ok(Some(blob));
            }
        }
        Ok(None)
    }

    /// A connection that was cut can look like an end.
    fn must_be_whole(&self) -> Result<(), Error> {
        match (self.received, self.whole) {
            (received, Some(whole)) if received == whole => Ok(()),
            (received, Some(whole)) => {
                Err(Error::BrokenOff { received, reason: format!("{whole} were announced") })
            }
            (received, None) => Err(Error::BrokenOff { received, reason: "it was empty".to_owned() }),
        }
    }
}

fn silent(received: u64, silence: Duration) -> Error {
    Error::BrokenOff { received, reason: format!("nothing came for {} s", silence.as_secs()) }
}

/// Reading changes nothing, so there is no outcome that could be unknown.
fn broken_off(received: u64, error: Error) -> Error {
    match error {
        Error::Ambiguous(reason) => Error::BrokenOff { received, reason },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(blob: &[u8], remaining_bytes: u64) -> Result<proto::SnapshotResponse, Status> {
        Ok(proto::SnapshotResponse { remaining_bytes, blob: blob.to_vec(), ..Default::default() })
    }

    fn trailer() -> Result<proto::SnapshotResponse, Status> {
        answer(&[7; TRAILER as usize], 0)
    }

    async fn read(answers: Vec<Result<proto::SnapshotResponse, Status>>) -> Result<Vec<u8>, Error> {
        pieces(stream::iter(answers).boxed(), SILENCE).try_concat().await
    }

    fn broken_off<T>(received: u64, reason: &str) -> Result<T, Error> {
        Err(Error::BrokenOff { received, reason: reason.to_owned() })
    }

    #[tokio::test]
    async fn all_that_was_announced_and_the_trailer_must_come() {
        let whole = read(vec![answer(b"abc", 2), answer(b"de", 0), answer(b"", 0), trailer()]).await;
        assert_eq!(whole, Ok([b"abcde".as_slice(), &[7; 32]].concat()));

        assert_eq!(read(vec![]).await, broken_off(0, "it was empty"));
        assert_eq!(read(vec![answer(b"abc", 2)]).await, broken_off(3, "37 were announced"));
        let no_trailer = vec![answer(b"abc", 2), answer(b"de", 0)];
        assert_eq!(read(no_trailer).await, broken_off(5, "37 were announced"));
        let too_much = vec![answer(b"abc", 0), trailer(), trailer()];
        assert_eq!(read(too_much).await, broken_off(67, "35 were announced"));
    }

    #[tokio::test]
    async fn an_error_in_the_middle_ends_it_with_what_had_come() {
        let answers = vec![answer(b"abc", 2), Err(Status::unavailable("server stopped")), trailer()];
        let got: Vec<_> = pieces(stream::iter(answers).boxed(), SILENCE).collect().await;
        assert_eq!(got, [Ok(b"abc".to_vec()), broken_off(3, "server stopped")]);
        let learner = Status::unavailable("etcdserver: rpc not supported for learner");
        assert_eq!(read(vec![Err(learner)]).await, Err(Error::RpcNotSupportedForLearner));
    }

    #[tokio::test]
    async fn a_member_that_falls_silent_or_sends_nothing_but_empty_answers_is_given_up() {
        let silence = Duration::from_millis(100);
        let first = || stream::iter([answer(b"abc", 2)]);
        let silent = pieces(first().chain(stream::pending()).boxed(), silence);
        assert_eq!(silent.try_concat().await, broken_off(3, "nothing came for 0 s"));
        let empty = stream::repeat(()).then(move |()| async move {
            tokio::time::sleep(silence / 10).await;
            answer(b"", 2)
        });
        let empty = pieces(first().chain(empty).boxed(), silence);
        assert_eq!(empty.try_concat().await, broken_off(3, "nothing came for 0 s"));
    }
}
