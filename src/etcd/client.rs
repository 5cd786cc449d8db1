//! The client of one member: a method for each question and each change.

use std::time::Duration;

use tonic::{Request, Response, transport::Channel};

use super::{
    Credentials, Dial, Entry, Error, Snapshot, answer, channel,
    proto::{
        self, cluster_client::ClusterClient, kv_client::KvClient, lease_client::LeaseClient,
        maintenance_client::MaintenanceClient,
    },
    snapshot,
};
use crate::member::{Alarm, Id, Membership, Status};

/// For `Status`, which a member answers from memory. One that serves nothing
/// for lack of quorum accepts the question and stays mute.
pub const STATUS_DEADLINE: Duration = Duration::from_secs(5);

/// For what needs a quorum and changes nothing: etcd itself gives up after 5 s
/// and two election timeouts of 1 s (`ReqTimeout` in its
/// `server/config/config.go`).
pub const READ_DEADLINE: Duration = Duration::from_secs(7);

/// For changes: longer than etcd's own 7 s, so that its answer arrives and the
/// outcome is known.
pub const CHANGE_DEADLINE: Duration = Duration::from_secs(10);

/// Asks one member. Connects at the first question and again after a loss;
/// never retries. Clones share the connection.
///
/// Deadlines start when the connection stands; see
/// [`CONNECT_TIMEOUT`](super::CONNECT_TIMEOUT).
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
}

impl Client {
    /// Makes a client that shows a certificate. The member's own must be valid
    /// for `server_name`, the DNS name of its pod, wherever `dial` leads.
    ///
    /// Call this within a tokio runtime, as the other two.
    pub fn new(server_name: &str, dial: Dial, credentials: &Credentials) -> Result<Client, Error> {
        let channel = channel::mutual(server_name, dial, credentials)?;
        Ok(Client { channel })
    }

    /// Makes a client for a member that asks for no client certificate
    /// (`tls.client = "server"`).
    pub fn without_certificate(server_name: &str, dial: Dial, ca_pem: &str) -> Result<Client, Error> {
        let channel = channel::server_only(server_name, dial, ca_pem)?;
        Ok(Client { channel })
    }

    /// Makes a client for a member that speaks no TLS (`tls.client = "off"`).
    pub fn plain(server_name: &str, dial: Dial) -> Result<Client, Error> {
        let channel = channel::plain(server_name, dial)?;
        Ok(Client { channel })
    }

    /// Asks the member about itself. Learners answer too.
    pub async fn status(&self) -> Result<Status, Error> {
        let call = async |channel, request| MaintenanceClient::new(channel).status(request).await;
        answer::status(self.ask(STATUS_DEADLINE, proto::StatusRequest {}, call).await?)
    }

    /// Lists the members. A linearizable list proves that a quorum answers; the
    /// other is what this member has applied, and may be old.
    pub async fn members(&self, linearizable: bool) -> Result<Membership, Error> {
        let message = proto::MemberListRequest { linearizable };
        let call = async |channel, request| ClusterClient::new(channel).member_list(request).await;
        answer::membership(self.ask(READ_DEADLINE, message, call).await?)
    }

    /// Lists the alarms that are raised anywhere in the cluster. Needs a quorum:
    /// etcd sends even this question through its log.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, Error> {
        let message = proto::AlarmRequest {
            action: proto::alarm_request::AlarmAction::Get.into(),
            member_id: 0,
            alarm: proto::AlarmType::None.into(),
        };
        let call = async |channel, request| MaintenanceClient::new(channel).alarm(request).await;
        Ok(answer::alarms(self.ask(READ_DEADLINE, message, call).await?))
    }

    /// Lowers an alarm that a member raised; nothing to do when it is not up.
    pub async fn disarm(&self, alarm: &Alarm) -> Result<(), Error> {
        let message = proto::AlarmRequest {
            action: proto::alarm_request::AlarmAction::Deactivate.into(),
            member_id: alarm.member_id.0,
            alarm: answer::alarm_number(&alarm.name)?,
        };
        let call = async |channel, request| MaintenanceClient::new(channel).alarm(request).await;
        self.ask(CHANGE_DEADLINE, message, call).await.map(drop)
    }

    /// Adds a learner that will start at this peer URL; returns its id.
    pub async fn add_learner(&self, peer_url: &str) -> Result<Id, Error> {
        let message = proto::MemberAddRequest { peer_urls: vec![peer_url.to_owned()], is_learner: true };
        let call = async |channel, request| ClusterClient::new(channel).member_add(request).await;
        answer::added(self.ask(CHANGE_DEADLINE, message, call).await?)
    }

    /// Makes a voter of a learner. etcd forwards this to the leader.
    pub async fn promote(&self, id: Id) -> Result<(), Error> {
        let message = proto::MemberPromoteRequest { id: id.0 };
        let call = async |channel, request| ClusterClient::new(channel).member_promote(request).await;
        self.ask(CHANGE_DEADLINE, message, call).await.map(drop)
    }

    /// Removes a member. Its id is never accepted again, and its data directory
    /// is worthless from then on.
    pub async fn remove(&self, id: Id) -> Result<(), Error> {
        let message = proto::MemberRemoveRequest { id: id.0 };
        let call = async |channel, request| ClusterClient::new(channel).member_remove(request).await;
        self.ask(CHANGE_DEADLINE, message, call).await.map(drop)
    }

    /// Reads the database of this member as it is now; asks when the first piece
    /// is. Needs no quorum, so it may be behind the other members.
    pub fn snapshot(&self) -> Snapshot {
        snapshot::snapshot(self.channel.clone())
    }

    /// Hands leadership to a voter. Only the leader obeys; towards a dead one it
    /// waits until the deadline, and proposals in flight are dropped.
    pub async fn move_leader(&self, to: Id) -> Result<(), Error> {
        let message = proto::MoveLeaderRequest { target_id: to.0 };
        let call = async |channel, request| MaintenanceClient::new(channel).move_leader(request).await;
        self.ask(CHANGE_DEADLINE, message, call).await.map(drop)
    }

    /// Grants a lease that ends by itself after so many seconds; returns its id.
    ///
    /// It is the smallest entry in the log that touches no key. The answer does
    /// not say where in the log it is: ask the same member's [`status`] next, whose
    /// `raft_index` is at or past it.
    ///
    /// [`status`]: Client::status
    pub async fn grant_lease(&self, ttl_seconds: i64) -> Result<i64, Error> {
        // With id 0 etcd chooses one.
        let message = proto::LeaseGrantRequest { ttl: ttl_seconds, id: 0 };
        let call = async |channel, request| LeaseClient::new(channel).lease_grant(request).await;
        Ok(self.ask(CHANGE_DEADLINE, message, call).await?.id)
    }

    /// Stores a value; returns the revision at which it was written.
    pub async fn put(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Result<i64, Error> {
        let message = proto::PutRequest { key: key.into(), value: value.into(), lease: 0 };
        let call = async |channel, request| KvClient::new(channel).put(request).await;
        let answer = self.ask(CHANGE_DEADLINE, message, call).await?;
        Ok(answer::header(answer.header)?.revision)
    }

    /// Reads one key. A linearizable read needs a quorum; the other is what this
    /// member has applied, and the only one that a learner answers.
    pub async fn get(&self, key: impl Into<Vec<u8>>, linearizable: bool) -> Result<Option<Entry>, Error> {
        let message = proto::RangeRequest { key: key.into(), serializable: !linearizable };
        let call = async |channel, request| KvClient::new(channel).range(request).await;
        Ok(answer::entry(self.ask(READ_DEADLINE, message, call).await?))
    }

    /// Sends one message with its deadline, which etcd is told too.
    ///
    /// The deadline in the request covers the wait for the first bytes of an
    /// answer; the outer one covers everything.
    async fn ask<M, A>(
        &self,
        deadline: Duration,
        message: M,
        call: impl AsyncFnOnce(Channel, Request<M>) -> Result<Response<A>, tonic::Status>,
    ) -> Result<A, Error> {
        let mut request = Request::new(message);
        request.set_timeout(deadline);
        let whole = channel::CONNECT_TIMEOUT + deadline;
        match tokio::time::timeout(whole, call(self.channel.clone(), request)).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(Error::from(status).within(deadline)),
            Err(_) => Err(Error::Ambiguous(format!("no answer within {} s", whole.as_secs()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Compiling it is the test: every future may move to another thread.
    #[tokio::test]
    async fn each_question_can_be_asked_on_another_thread() {
        fn sendable<T: Send>(_: T) {}
        let dial: Dial = Arc::new(|| Box::pin(std::future::pending()));
        let client = Client::plain("orders-0", dial).unwrap();
        sendable(client.clone());
        sendable(client.status());
        sendable(client.members(true));
        sendable(client.alarms());
        sendable(client.disarm(&Alarm { member_id: Id(1), name: "NOSPACE".to_owned() }));
        sendable(client.add_learner("http://a:2380"));
        sendable(client.promote(Id(1)));
        sendable(client.remove(Id(1)));
        sendable(client.snapshot());
        sendable(client.move_leader(Id(1)));
        sendable(client.grant_lease(5));
        sendable(client.put("key", "value"));
        sendable(client.get("key", true));
    }
}
