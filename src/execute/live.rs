//! The real world: the API server, and each member through a port-forward.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hasher, RandomState},
    path::PathBuf,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::{Failure, World};
use crate::{
    certificate::Request,
    cluster::{self, Expect, Lock, Reader, Version, Writer},
    desired::Names,
    etcd,
    member::{Alarm, Id, Membership, Status},
    object::{Kind, Object, ObjectKey},
    observed::{Claim, Conflict, Journal, Lookup, Neighbours, Node, Pod, journal::Snapshot},
    pki,
    quantity::Quantity,
    snapshot::{self, Place},
};

mod members;

/// How long the lock is held without being renewed, in seconds: what a run
/// that died costs the next one.
pub const LOCK_SECONDS: u32 = 30;
/// How long a run acts on a lock that it could not renew, in seconds: what is
/// left of the lock's time is for the call that it then makes.
pub const UNRENEWED_SECONDS: u32 = 20;
/// How often it is renewed.
const RENEW: SignedDuration = SignedDuration::from_secs(8);

/// A cluster, its members, and the lock on them.
pub struct LiveWorld {
    reader: Reader,
    writer: Writer,
    names: Names,
    clock: fn() -> Timestamp,
    lock: Mutex<(Lock, Timestamp)>,
    journal: Mutex<Option<Version>>,
    credentials: Mutex<Option<cluster::Credentials>>,
    members: Mutex<BTreeMap<usize, etcd::Client>>,
    snapshots: Option<PathBuf>,
}

impl LiveWorld {
    /// Takes the lock. `clock` tells the time, and `is_dead` whether the run
    /// that holds the lock is known to be over. `snapshots` is the folder to
    /// which snapshots are saved.
    ///
    /// # Errors
    ///
    /// [`cluster::Error::Locked`] while another run holds it.
    pub async fn locked(
        reader: Reader,
        writer: Writer,
        names: Names,
        identity: &str,
        clock: fn() -> Timestamp,
        is_dead: impl Fn(&str) -> bool,
        snapshots: Option<PathBuf>,
    ) -> Result<Self, cluster::Error> {
        let now = clock();
        let lock = writer.lock(&names, identity, now, LOCK_SECONDS, is_dead).await?;
        Ok(LiveWorld {
            reader,
            writer,
            names,
            clock,
            lock: Mutex::new((lock, now)),
            journal: Mutex::new(None),
            credentials: Mutex::new(None),
            members: Mutex::new(BTreeMap::new()),
            snapshots,
        })
    }

    /// Gives the lock back; where that fails, it runs out by itself.
    pub async fn unlock(self) {
        let (lock, _) = self.lock.into_inner();
        drop(self.writer.unlock(lock).await);
    }

    /// Why the StatefulSet makes no such pod: a quota, a policy, a webhook.
    async fn events_of_no_pod(&self, pod: &str) -> Vec<String> {
        let key = self.names.stateful_set();
        let Lookup::Found(found) = self.reader.object(&key).await else { return Vec::new() };
        let mut events = self.reader.events(&key, found.uid().unwrap_or_default()).await;
        events.retain(|event| event.contains(pod));
        events
    }

    /// Does what takes long, and holds the lock meanwhile.
    async fn while_held<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let hold = async {
            loop {
                tokio::time::sleep(Duration::from_secs(2)).await;
                if let Err(failure) = self.hold_lock().await {
                    return failure;
                }
            }
        };
        tokio::select! {
            done = work => done,
            failure = hold => Err(failure),
        }
    }
}

impl World for LiveWorld {
    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Unique, not secret: the standard library's hasher is seeded by chance.
    fn token(&self) -> String {
        let chance = || RandomState::new().build_hasher().finish();
        format!("{}-{}-{:016x}{:016x}", self.names.namespace, self.names.stack, chance(), chance())
    }

    async fn object(&self, key: &ObjectKey) -> Lookup<Object> {
        self.reader.object(key).await
    }

    async fn pod(&self, ordinal: usize) -> Lookup<Pod> {
        self.reader.pod(&self.names, ordinal).await
    }

    async fn claim(&self, ordinal: usize) -> Lookup<Claim> {
        self.reader.claim(&self.names, ordinal).await
    }

    async fn node(&self, name: &str) -> Lookup<Node> {
        self.reader.node(name).await
    }

    async fn events(&self, ordinal: usize) -> Vec<String> {
        let (pod, claim) = (self.names.pod(ordinal), self.names.claim(ordinal));
        let mut told = match self.reader.pod(&self.names, ordinal).await {
            Lookup::Found(found) => self.reader.events(&pod, &found.uid).await,
            Lookup::Absent => self.events_of_no_pod(&pod.name).await,
            Lookup::Failed(_) => Vec::new(),
        };
        if let Lookup::Found(found) = self.reader.claim(&self.names, ordinal).await
            && found.phase != "Bound"
        {
            let events = self.reader.events(&claim, &found.uid).await;
            told.extend(events.into_iter().map(|event| format!("claim {}: {event}", claim.name)));
        }
        told
    }

    async fn create(&self, object: &Object) -> Result<(), Failure> {
        self.writer.create(object).await.map(drop).map_err(Failure::from)
    }

    async fn apply(
        &self,
        object: &Object,
        uid: Option<&str>,
        version: Option<&str>,
        take: &[Conflict],
    ) -> Result<(), Failure> {
        let expect = expect(uid, version);
        let applied = match take {
            [] => self.writer.apply(object, &expect).await,
            take => self.writer.apply_taking(object, &expect, take).await,
        };
        applied.map(drop).map_err(Failure::from)
    }

    async fn adopt(&self, object: &Object, uid: &str, version: Option<&str>) -> Result<(), Failure> {
        self.writer.adopt(object, uid, version).await.map_err(Failure::from)
    }

    async fn remove_at(
        &self,
        key: &ObjectKey,
        uid: &str,
        version: &str,
        pointer: &str,
    ) -> Result<(), Failure> {
        self.writer.remove_at(key, uid, version, pointer).await.map_err(Failure::from)
    }

    async fn delete(&self, key: &ObjectKey, uid: &str) -> Result<(), Failure> {
        let deleted = self.writer.delete(key, uid).await;
        if key.kind == Kind::Pod
            && let Some(ordinal) = self.names.ordinal_named(&key.name)
        {
            self.members.lock().await.remove(&ordinal);
        }
        deleted.map_err(Failure::from)
    }

    async fn delete_as_read(&self, object: &Object) -> Result<(), Failure> {
        self.writer.delete_as_read(object).await.map_err(Failure::from)
    }

    async fn release(&self, object: &Object) -> Result<(), Failure> {
        self.writer.release(object).await.map_err(Failure::from)
    }

    async fn neighbours(&self) -> Lookup<Neighbours> {
        // What is the stack's has gone by then.
        match self.reader.neighbours(&self.names, &[]).await {
            Ok(neighbours) => Lookup::Found(neighbours),
            Err(error) => Lookup::Failed(error.to_string()),
        }
    }

    async fn orphan(&self, key: &ObjectKey, uid: &str, version: &str) -> Result<(), Failure> {
        self.writer.orphan(key, uid, version).await.map_err(Failure::from)
    }

    async fn grow(&self, key: &ObjectKey, uid: &str, version: &str, size: Quantity) -> Result<(), Failure> {
        self.writer.grow(key, uid, version, size).await.map_err(Failure::from)
    }

    async fn issue(
        &self,
        object: &Object,
        request: &Request,
        authority: Option<&ObjectKey>,
        uid: Option<&str>,
        keep: bool,
    ) -> Result<(), Failure> {
        // The Secret is claimed before anything is signed: what is written
        // then has the version that was seen here, or is not written.
        let claimed = self.writer.claim_secret(object, uid).await?;
        if keep && claimed.holds_a_certificate {
            return Ok(());
        }
        let refused =
            |error: pki::Error| Failure::Refused(format!("cannot issue `{}`: {error}", request.subject));
        let now = self.now();
        let (pair, ca_pem) = match authority {
            None => {
                let pair = pki::authority(request, now).map_err(refused)?;
                let ca_pem = pair.certificate_pem.clone();
                (pair, ca_pem)
            }
            Some(key) => {
                let (certificate_pem, key_pem) = match self.writer.pair(key).await {
                    Lookup::Found(found) => found,
                    Lookup::Absent => return Err(Failure::Refused(format!("`{key}` is not there"))),
                    Lookup::Failed(reason) => return Err(Failure::Unknown(reason)),
                };
                let ca_pem = certificate_pem.clone();
                let authority = pki::Pair { certificate_pem, key_pem };
                (pki::leaf(request, &authority, now).map_err(refused)?, ca_pem)
            }
        };
        let values = [("ca.crt", ca_pem), ("tls.crt", pair.certificate_pem), ("tls.key", pair.key_pem)]
            .map(|(key, value)| (key.to_owned(), value.into_bytes()));
        let written = self.writer.put_secret(object, values.into(), &claimed).await;
        written.map(drop).map_err(Failure::from)
    }

    async fn status(&self, ordinal: usize) -> Result<Status, Failure> {
        self.ask(ordinal, async |member| member.status().await).await?.map_err(Failure::from)
    }

    async fn members(&self, via: usize) -> Result<Membership, Failure> {
        self.ask(via, async |member| member.members(true).await).await?.map_err(Failure::from)
    }

    async fn members_applied(&self, via: usize) -> Result<Membership, Failure> {
        self.ask(via, async |member| member.members(false).await).await?.map_err(Failure::from)
    }

    async fn alarms(&self, via: usize) -> Result<Vec<Alarm>, Failure> {
        self.ask(via, async |member| member.alarms().await).await?.map_err(Failure::from)
    }

    async fn disarm(&self, via: usize, alarm: &Alarm) -> Result<(), Failure> {
        self.ask(via, async |member| member.disarm(alarm).await).await?.map_err(Failure::from)
    }

    async fn add_learner(&self, via: usize, peer_url: &str) -> Result<(), Failure> {
        let added = self.ask(via, async |member| member.add_learner(peer_url).await).await?;
        added.map(drop).map_err(|error| match error {
            // Somebody added it: the list decides.
            etcd::Error::PeerUrlExists | etcd::Error::MemberExists => Failure::Unknown(error.to_string()),
            // Within the second of its removal it would get the same id again.
            etcd::Error::MemberNotFound => Failure::NotNow(error.to_string()),
            other => Failure::from(other),
        })
    }

    async fn move_leader(&self, leader: usize, to: Id) -> Result<(), Failure> {
        let moved = self.ask(leader, async |member| member.move_leader(to).await).await?;
        moved.map_err(|error| match error {
            etcd::Error::NotLeader => Failure::NotNow(error.to_string()),
            other => Failure::from(other),
        })
    }

    async fn remove(&self, via: usize, id: Id) -> Result<(), Failure> {
        let removed = self.ask(via, async |member| member.remove(id).await).await?;
        removed.map_err(|error| match error {
            etcd::Error::MemberNotFound => Failure::Unknown(error.to_string()),
            other => Failure::from(other),
        })
    }

    async fn snapshot(&self, via: usize) -> Result<Snapshot, Failure> {
        let folder = self.snapshots.as_deref().ok_or_else(|| {
            Failure::Refused("there is no folder for snapshots: name one with --snapshot-dir".to_owned())
        })?;
        let place = Place { folder, namespace: &self.names.namespace, stack: &self.names.stack };
        let now = self.now();
        self.while_held(async {
            let saved = snapshot::save(&self.client(via).await?, place, now).await;
            if let Err(snapshot::Error::Member(error)) = &saved {
                self.forget(via, error).await;
            }
            let saved = saved?;
            Ok(Snapshot { path: saved.path.display().to_string(), revision: saved.revision, saved_at: now })
        })
        .await
    }

    async fn promote(&self, via: usize, id: Id) -> Result<(), Failure> {
        let promoted = self.ask(via, async |member| member.promote(id).await).await?;
        promoted.map_err(|error| match error {
            etcd::Error::NotLearner => Failure::Unknown(error.to_string()),
            other => Failure::from(other),
        })
    }

    async fn write_entry(&self, via: usize) -> Result<(), Failure> {
        self.ask(via, async |member| member.grant_lease(5).await).await?.map(drop).map_err(Failure::from)
    }

    async fn journal(&self) -> Result<Journal, Failure> {
        match self.reader.journal(&self.names).await? {
            Lookup::Found((journal, version)) => {
                *self.journal.lock().await = Some(version);
                Ok(journal)
            }
            Lookup::Absent => {
                *self.journal.lock().await = None;
                Ok(Journal::default())
            }
            Lookup::Failed(reason) => Err(Failure::Refused(reason)),
        }
    }

    async fn write_journal(&self, journal: &Journal) -> Result<(), Failure> {
        let mut version = self.journal.lock().await;
        let written = self.writer.write_journal(&self.names, journal, version.as_ref()).await;
        match written {
            Ok(new) => {
                *version = Some(new);
                Ok(())
            }
            // The answer to our own last write may have been lost: the lock is
            // ours, so what is there now is ours, if it says what we wrote.
            Err(error) if error.is_stale() => match self.reader.journal(&self.names).await? {
                Lookup::Found((found, new)) if found == *journal => {
                    *version = Some(new);
                    Ok(())
                }
                _ => Err(Failure::Stale(format!("`{}` was written by another run", self.names.journal()))),
            },
            Err(error) => Err(Failure::from(error)),
        }
    }

    async fn hold_lock(&self) -> Result<(), Failure> {
        let mut held = self.lock.lock().await;
        let now = self.now();
        let since = now.duration_since(held.1);
        if since < RENEW {
            return Ok(());
        }
        match self.writer.renew(&mut held.0, now).await {
            Ok(()) => {
                held.1 = now;
                Ok(())
            }
            Err(error) if error.is_stale() => Err(Failure::LockLost(error.to_string())),
            // A busy API server is no reason to stop while the lock still holds;
            // the request itself may have taken long.
            Err(_)
                if self.now().duration_since(held.1)
                    < SignedDuration::from_secs(i64::from(UNRENEWED_SECONDS)) =>
            {
                Ok(())
            }
            Err(error) => Err(Failure::LockLost(format!("it could not be renewed: {error}"))),
        }
    }
}

fn expect(uid: Option<&str>, version: Option<&str>) -> Expect {
    match uid {
        Some(uid) => Expect::Present { uid: uid.to_owned(), resource_version: version.map(str::to_owned) },
        None => Expect::Absent,
    }
}
