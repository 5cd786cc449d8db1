//! One action of a step.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Failure, Halt, Run, World};
use crate::{
    certificate::Request,
    desired::{CLUSTER_ID, STACK_LABEL},
    object::{Kind, Object, ObjectKey},
    observed::{Claim, Conflict, Lookup, Pod},
    plan::{Action, Expects, Fill},
};

/// How often a write is tried again that met another version of its object.
const ATTEMPTS: u32 = 8;
/// How long before that.
pub(super) const SOON: Duration = Duration::from_millis(300);
/// How long the API server may be away in the middle of a run.
const PATIENCE: Duration = Duration::from_secs(20);

impl<W: World> Run<'_, W> {
    /// Does one action. Done twice, it is as if done once.
    pub(super) async fn act(&mut self, action: &Action) -> Result<(), Halt> {
        match action {
            Action::CreateNamespace { object } => self.create_namespace(object).await,
            Action::Issue { object, request, authority, reason: _, expects } => {
                self.issue(object, request, authority.as_ref(), expects).await
            }
            Action::Apply { object, expects, fill, take } => self.apply(object, expects, fill, take).await,
            Action::Adopt { object, uid, from } => self.adopt(object, uid, from).await,
            Action::RemoveField { key, uid, field, managers } => {
                self.remove_field(key, uid, field, managers).await
            }
            Action::BeginFounding => self.begin_founding().await,
            Action::RecordCluster => self.record_cluster().await,
            Action::AddLearner { ordinal: _, name, peer_url } => self.add_learner(name, peer_url).await,
            Action::Promote { ordinal, name, peer_url } => self.promote(*ordinal, name, peer_url).await,
            Action::RecordMember { ordinal, name, peer_url, claim } => {
                self.record_member(*ordinal, name, peer_url, claim).await
            }
            Action::Snapshot => self.snapshot().await,
            Action::RemoveMember { name, peer_url, id, hand_over } => {
                self.remove_member(name, peer_url, *id, hand_over).await
            }
            Action::ForgetMember { name } => self.forget_member(name).await,
            Action::DeleteClaim { ordinal, claim: _, uid } => self.delete_claim(*ordinal, uid).await,
            Action::Delete { key, uid } => self.take_away(key, uid).await,
            Action::EndPods { ordinals } => self.end_pods(ordinals).await,
            Action::Release { key, uid } => self.release(key, uid).await,
            Action::DeleteRecords => self.delete_records().await,
            Action::DeleteNamespace { key, uid } => self.delete_namespace(key, uid).await,
            Action::Empty { ordinal, name: _, claim_uid } => self.empty(*ordinal, claim_uid).await,
            Action::Restart { ordinal, name, pod_uid, why, hand_over } => {
                self.restart(*ordinal, name, pod_uid, *why, hand_over).await
            }
            Action::Orphan { key, uid, replicas } => self.orphan(key, uid, *replicas).await,
            Action::Grow { ordinal, claim: _, uid, size } => self.grow(*ordinal, uid, *size).await,
            Action::StartAgain { ordinal, name, peer_url } => {
                self.start_again(*ordinal, name, peer_url).await
            }
        }
    }

    async fn create_namespace(&mut self, object: &Object) -> Result<(), Halt> {
        match self.world.object(&object.key).await {
            Lookup::Found(_) => Ok(()),
            Lookup::Absent | Lookup::Failed(_) => Ok(self.world.create(object).await?),
        }
    }

    /// The live object that an action may touch; `None` if it is to be made.
    pub(super) async fn expected(
        &mut self,
        object: &Object,
        expects: &Expects,
    ) -> Result<Option<Object>, Halt> {
        let key = &object.key;
        let live = match self.look(key).await? {
            Some(live) => live,
            None if *expects == Expects::Absent => return Ok(None),
            None => return Err(Halt::because(format!("`{key}` is gone"))),
        };
        let stack = object.label(STACK_LABEL);
        match expects {
            Expects::Uid(uid) if live.uid() != Some(uid) => Err(Halt::because(format!(
                "`{key}` is not the one that was planned with: it was made anew since"
            ))),
            // One that is there and carries the stack's label was made by a
            // call of this run whose answer was lost, or by an earlier step.
            Expects::Absent | Expects::MadeBefore if live.label(STACK_LABEL) != stack => {
                Err(Halt::because(format!("`{key}` exists and is not this stack's")))
            }
            _ => Ok(Some(live)),
        }
    }

    /// An object as it is.
    pub(super) async fn look(&mut self, key: &ObjectKey) -> Result<Option<Object>, Halt> {
        self.patiently(&format!("`{key}`"), async |world| world.object(key).await).await
    }

    /// A member's claim as it is.
    pub(super) async fn claim(&mut self, ordinal: usize) -> Result<Option<Claim>, Halt> {
        let name = self.names.claim(ordinal).name;
        self.patiently(&format!("claim `{name}`"), async |world| world.claim(ordinal).await).await
    }

    /// A member's pod as it is.
    pub(super) async fn pod(&mut self, ordinal: usize) -> Result<Option<Pod>, Halt> {
        let name = self.names.member(ordinal);
        self.patiently(&format!("pod `{name}`"), async |world| world.pod(ordinal).await).await
    }

    /// Asks again while the API server does not answer.
    pub(super) async fn patiently<T>(
        &mut self,
        what: &str,
        ask: impl AsyncFn(&W) -> Lookup<T>,
    ) -> Result<Option<T>, Halt> {
        let began = self.world.now();
        loop {
            match ask(self.world).await {
                Lookup::Found(live) => return Ok(Some(live)),
                Lookup::Absent => return Ok(None),
                Lookup::Failed(reason) if self.passed(began, PATIENCE) => {
                    return Err(Halt::because(format!("{what} cannot be read: {reason}")));
                }
                Lookup::Failed(reason) => self.say(format!("the API server to answer: {reason}")),
            }
            self.pause(Duration::from_secs(1)).await?;
        }
    }

    /// Repeats a write until its outcome is known, looking again each time.
    pub(super) async fn repeated(
        &mut self,
        pause: Duration,
        write: impl AsyncFn(&mut Self) -> Result<Result<(), Failure>, Halt>,
    ) -> Result<(), Halt> {
        let mut attempt = 0;
        loop {
            match write(self).await? {
                Err(Failure::Stale(_) | Failure::Unknown(_) | Failure::NotNow(_)) if attempt < ATTEMPTS => {
                    attempt += 1
                }
                known => return known.map_err(Halt::from),
            }
            self.pause(pause).await?;
        }
    }

    pub(super) async fn apply(
        &mut self,
        object: &Object,
        expects: &Expects,
        fill: &[Fill],
        take: &[Conflict],
    ) -> Result<(), Halt> {
        self.repeated(SOON, async |run| {
            let live = run.expected(object, expects).await?;
            let body = run.filled(object, fill, live.as_ref())?;
            run.replicas_may_change(&body, live.as_ref()).await?;
            let uid = live.as_ref().and_then(Object::uid);
            let version = live.as_ref().filter(|_| exact(object.key.kind)).and_then(Object::resource_version);
            run.world.hold_lock().await?;
            Ok(run.world.apply(&body, uid, version, take).await)
        })
        .await
    }

    /// Repeats an issue until its outcome is known. Where a Secret was to be
    /// made, a certificate that is there by now came from a call whose answer
    /// was lost, or from another run: it stays. An authority is never replaced.
    async fn issue(
        &mut self,
        object: &Object,
        request: &Request,
        authority: Option<&ObjectKey>,
        expects: &Expects,
    ) -> Result<(), Halt> {
        let keep = authority.is_none() || !matches!(expects, Expects::Uid(_));
        self.repeated(SOON, async |run| {
            let live = run.expected(object, expects).await?;
            let uid = live.as_ref().and_then(Object::uid);
            run.world.hold_lock().await?;
            Ok(run.world.issue(object, request, authority, uid, keep).await)
        })
        .await
    }

    /// The body with its holes filled.
    fn filled(&self, object: &Object, fill: &[Fill], live: Option<&Object>) -> Result<Object, Halt> {
        let mut body = object.clone();
        let token =
            live.and_then(|live| live.body.pointer("/data/initial-cluster-token")).and_then(Value::as_str);
        for hole in fill {
            match (hole, token) {
                (Fill::NewToken | Fill::LiveToken, Some(token)) => {
                    body.body["data"]["initial-cluster-token"] = json!(token)
                }
                (Fill::NewToken, None) => {
                    body.body["data"]["initial-cluster-token"] = json!(self.world.token())
                }
                (Fill::LiveToken, None) => {
                    return Err(Halt::because(format!("`{}` has no cluster token", object.key)));
                }
                (Fill::ClusterId, _) => {
                    let id =
                        self.journal.cluster_id.ok_or_else(|| Halt::because("no cluster is recorded"))?;
                    let metadata = &mut body.body["metadata"];
                    if !metadata["annotations"].is_object() {
                        metadata["annotations"] = json!({});
                    }
                    metadata["annotations"][CLUSTER_ID] = json!(id.to_string());
                }
            }
        }
        Ok(body)
    }
}

/// Kinds that nobody may have touched between the look and the write: a stale
/// run must not open a window again or set replicas that were raised.
fn exact(kind: Kind) -> bool {
    matches!(kind, Kind::ConfigMap | Kind::StatefulSet)
}
