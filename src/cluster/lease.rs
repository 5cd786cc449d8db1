//! The lock: a Lease that its holder renews and anybody may take once it has
//! run out. <https://kubernetes.io/docs/concepts/architecture/leases/>
//!
//! Whether it has run out is judged by the caller's clock against the time
//! that the holder wrote. A clock that is wrong by more than the lease's
//! length could take a lock that is held; every write still names the uid and
//! version that was read, so two runs cannot undo each other unseen.
//!
//! A Lease of that name without the stack's label is another program's, such
//! as the leader election of an application of the same name: it is never
//! touched.

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Error, Reader, Writer, path, request::Content};
use crate::{
    desired::{Names, STACK_LABEL},
    object::{Kind, ObjectKey},
    observed::{LeaseHolder, Lookup},
};

/// A lock that is held.
#[derive(Clone, Debug)]
pub struct Lock {
    key: ObjectKey,
    body: Value,
    seconds: u32,
}

/// Who holds the lock, as it is shown before it is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The run that holds it.
    pub identity: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When it is free again unless renewed.
    pub until: Timestamp,
    /// Which Lease it was, and when it was taken, as written there: by these a
    /// later look knows whether it changed hands.
    taken: [Value; 2],
}

impl Reader {
    /// Who holds the lock and since when; `None` when nobody does.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`] when a Lease of that name is not this stack's.
    pub async fn held(&self, names: &Names) -> Result<Option<Held>, Error> {
        let Some(body) = self.get(&names.lease()).await? else { return Ok(None) };
        is_ours(names, &body)?;
        Ok(held(&body))
    }

    /// Who holds the lock, by what is written there.
    pub async fn lease(&self, names: &Names) -> Lookup<LeaseHolder> {
        match self.get(&names.lease()).await {
            Ok(Some(body)) => holder(&body).map_or(Lookup::Absent, Lookup::Found),
            Ok(None) => Lookup::Absent,
            Err(error) => Lookup::Failed(error.to_string()),
        }
    }
}

impl Writer {
    /// Takes the lock for this many seconds. `is_dead` says of a holder
    /// whether it is known to run no more, so that its lock need not run out.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] while another run holds it.
    pub async fn lock(
        &self,
        names: &Names,
        identity: &str,
        now: Timestamp,
        seconds: u32,
        is_dead: impl Fn(&str) -> bool,
    ) -> Result<Lock, Error> {
        match self.take(names, identity, now, seconds, &is_dead).await {
            // Somebody was faster: the second look says who.
            Err(error) if error.is_stale() => self.take(names, identity, now, seconds, &is_dead).await,
            taken => taken,
        }
    }

    async fn take(
        &self,
        names: &Names,
        identity: &str,
        now: Timestamp,
        seconds: u32,
        is_dead: &impl Fn(&str) -> bool,
    ) -> Result<Lock, Error> {
        let key = names.lease();
        let (method, path, mut body) = match self.http.get(&path::object(&key)).await {
            Ok(answer) => {
                is_ours(names, &answer.body)?;
                if let Some(LeaseHolder { identity, until }) =
                    holder(&answer.body).filter(|held| held.until > now && !is_dead(&held.identity))
                {
                    return Err(Error::Locked { holder: identity, until });
                }
                (Method::PUT, path::object(&key), answer.body)
            }
            Err(Error::NotFound(_)) => {
                (Method::POST, path::collection(Kind::Lease, key.namespace.as_deref()), fresh(names))
            }
            Err(error) => return Err(error),
        };
        acquire(&mut body, identity, now, seconds);
        let answer = self.http.send(method, &path, Content::Json(&body)).await?;
        Ok(Lock { key, body: answer.body, seconds })
    }

    /// Takes the lock from the run that was seen to hold it, for this many
    /// seconds. That run, if it still lives, finds out when it renews it, and
    /// stops; until then no other may take it.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`] when it changed hands since, or was given back.
    pub async fn break_lock(
        &self,
        names: &Names,
        seen: &Held,
        identity: &str,
        now: Timestamp,
        seconds: u32,
    ) -> Result<Lock, Error> {
        let key = names.lease();
        let mut attempt = 0;
        loop {
            let mut body = self.http.get(&path::object(&key)).await.map_err(Error::or_gone)?.body;
            is_ours(names, &body)?;
            if !held(&body).is_some_and(|held| held.identity == seen.identity && held.taken == seen.taken) {
                return Err(Error::Stale(format!("`{key}` changed hands, or was given back, since")));
            }
            acquire(&mut body, identity, now, seconds);
            match self.replace(&key, &body).await {
                Ok(body) => return Ok(Lock { key, body, seconds }),
                // Its holder renewed it between the look and the write.
                Err(error) if error.is_stale() && attempt < 5 => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Holds the lock for its time from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`] once somebody else took it.
    pub async fn renew(&self, lock: &mut Lock, now: Timestamp) -> Result<(), Error> {
        let mut body = lock.body.clone();
        hold(&mut body, now, lock.seconds);
        lock.body = match self.replace(&lock.key, &body).await {
            // The answer to the last renewal may have been lost: what is there
            // then says that we hold it.
            Err(error) if error.is_stale() => self.still_ours(lock, now, error).await?,
            renewed => renewed?,
        };
        Ok(())
    }

    async fn still_ours(&self, lock: &Lock, now: Timestamp, error: Error) -> Result<Value, Error> {
        let mut body = self.http.get(&path::object(&lock.key)).await.map_err(Error::or_gone)?.body;
        let same = |field: &str| body.pointer(field) == lock.body.pointer(field);
        if !["/metadata/uid", "/spec/holderIdentity", "/spec/acquireTime"].into_iter().all(same) {
            return Err(error);
        }
        hold(&mut body, now, lock.seconds);
        self.replace(&lock.key, &body).await
    }

    /// Gives the lock back.
    ///
    /// # Errors
    ///
    /// As [`Writer::renew`]; it runs out by itself then.
    pub async fn unlock(&self, lock: Lock) -> Result<(), Error> {
        let mut body = lock.body;
        if let Some(spec) = body["spec"].as_object_mut() {
            spec.remove("holderIdentity");
        }
        self.replace(&lock.key, &body).await?;
        Ok(())
    }

    async fn replace(&self, key: &ObjectKey, body: &Value) -> Result<Value, Error> {
        let answer = self.http.send(Method::PUT, &path::object(key), Content::Json(body)).await;
        Ok(answer.map_err(Error::or_gone)?.body)
    }
}

/// A Lease without the stack's label is never touched.
fn is_ours(names: &Names, body: &Value) -> Result<(), Error> {
    if body.pointer(&format!("/metadata/labels/{}", label())) == Some(&json!(names.stack)) {
        return Ok(());
    }
    Err(Error::AlreadyExists(format!(
        "`{}` exists and is not this stack's lock: it has no label `{STACK_LABEL}`",
        names.lease()
    )))
}

/// The label's name as a JSON pointer writes it.
fn label() -> String {
    STACK_LABEL.replace('/', "~1")
}

fn fresh(names: &Names) -> Value {
    let key = names.lease();
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": key.name, "namespace": key.namespace, "labels": { STACK_LABEL: names.stack } },
        "spec": {},
    })
}

fn acquire(body: &mut Value, identity: &str, now: Timestamp, seconds: u32) {
    body["spec"]["holderIdentity"] = json!(identity);
    body["spec"]["acquireTime"] = json!(micro(now));
    hold(body, now, seconds);
}

fn hold(body: &mut Value, now: Timestamp, seconds: u32) {
    body["spec"]["renewTime"] = json!(micro(now));
    body["spec"]["leaseDurationSeconds"] = json!(seconds);
}

/// A `MicroTime`: always six digits.
fn micro(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// Who holds it. client-go gives a lease back with an empty name.
fn holder(body: &Value) -> Option<LeaseHolder> {
    let spec = body.get("spec")?;
    let identity = spec.get("holderIdentity")?.as_str().filter(|identity| !identity.is_empty())?;
    let renewed: Timestamp = spec.get("renewTime")?.as_str()?.parse().ok()?;
    let seconds = spec.get("leaseDurationSeconds")?.as_i64()?;
    let until = renewed.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    Some(LeaseHolder { identity: identity.to_owned(), until })
}

fn held(body: &Value) -> Option<Held> {
    let LeaseHolder { identity, until } = holder(body)?;
    let since = body.pointer("/spec/acquireTime").and_then(Value::as_str).and_then(|time| time.parse().ok());
    let taken = ["/metadata/uid", "/spec/acquireTime"];
    let taken = taken.map(|field| body.pointer(field).cloned().unwrap_or_default());
    Some(Held { identity, since, until, taken })
}
