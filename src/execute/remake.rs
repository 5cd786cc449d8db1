//! Taking a StatefulSet away so that it can be created again, and letting a
//! volume grow.
//!
//! It goes without its pods, and only if its replicas are those
//! that were planned with: the next one gets them, and fewer would be the end
//! of a pod.

use std::time::Duration;

use super::{Halt, Run, World};
use crate::{
    desired::{ORDINALS, Window},
    field::takeover::{self, Predecessor},
    object::ObjectKey,
    observed::Pod,
    quantity::Quantity,
};

/// How long to let be before looking whether an object is gone.
const SOON: Duration = Duration::from_millis(200);

impl<W: World> Run<'_, W> {
    /// Deletes the StatefulSet with this uid and waits until it is gone.
    pub(super) async fn orphan(&mut self, key: &ObjectKey, uid: &str, replicas: usize) -> Result<(), Halt> {
        self.repeated(SOON, async |run| {
            let Some(live) = run.look(key).await? else { return Ok(Ok(())) };
            let has = live.replicas();
            if has != Some(replicas) {
                return Err(Halt::because(format!(
                    "`{key}` has {} replicas by now, and the step was planned for {replicas}",
                    has.map_or("unknown".to_owned(), |has| has.to_string())
                )));
            }
            run.is_still(key, uid, live.uid())?;
            let version = live.resource_version().unwrap_or_default().to_owned();
            run.world.hold_lock().await?;
            Ok(run.world.orphan(key, uid, &version).await)
        })
        .await?;
        self.gone(key, uid).await?;
        self.journal.inventory.forget(key);
        Ok(())
    }

    /// Whoever set more of it since the plan would lose that unseen.
    pub(super) async fn set_by_these(&mut self, key: &ObjectKey, these: &[Predecessor]) -> Result<(), Halt> {
        let now = self.look(key).await?.map(|live| takeover::others(&live.body)).unwrap_or_default();
        match now.iter().find(|one| !these.iter().any(|planned| planned.covers(one))) {
            None => Ok(()),
            Some(other) => Err(Halt::because(format!(
                "`{key}` is not made anew, because {} set fields of it since it was planned: plan again",
                other.manager
            ))),
        }
    }

    fn is_still(&self, key: &ObjectKey, uid: &str, live: Option<&str>) -> Result<(), Halt> {
        match live == Some(uid) {
            true => Ok(()),
            false => Err(Halt::because(format!(
                "`{key}` is not the one that was planned with: it was made anew since"
            ))),
        }
    }

    /// Asks for a larger volume, unless that was done.
    pub(super) async fn grow(&mut self, ordinal: usize, uid: &str, size: Quantity) -> Result<(), Halt> {
        let key = self.names.claim(ordinal);
        self.repeated(SOON, async |run| {
            let claim = run.claim(ordinal).await?;
            let Some(claim) = claim.filter(|claim| claim.uid == uid && !claim.terminating) else {
                return Err(Halt::because(format!(
                    "claim `{}` is not the one that was planned with",
                    key.name
                )));
            };
            if claim.requested.is_some_and(|requested| requested >= size) {
                return Ok(Ok(()));
            }
            run.world.hold_lock().await?;
            Ok(run.world.grow(&key, uid, &claim.version, size).await)
        })
        .await
    }

    /// The window is closed, as it stands now.
    pub(super) async fn is_sealed(&mut self) -> Result<(), Halt> {
        let key = self.names.bootstrap();
        let live = self.look(&key).await?;
        match live.and_then(|live| Window::read(self.names, &live)) {
            Some(Window::Sealed) => Ok(()),
            _ => Err(Halt::because(format!("`{key}` is not sealed by now: a member may be joining"))),
        }
    }

    /// Etcd lists the members of the first ordinals, and no other of this stack.
    pub(super) async fn first_listed(&mut self, members: usize) -> Result<(), Halt> {
        let membership = self.list().await?;
        let is_wrong =
            |ordinal: &usize| membership.at(&self.names.peer_url(*ordinal)).is_some() != (*ordinal < members);
        match (0..ORDINALS).find(is_wrong) {
            None => Ok(()),
            Some(ordinal) => {
                let name = self.names.member(ordinal);
                let how = if ordinal < members { "does not list it" } else { "lists it" };
                Err(Halt::because(format!(
                    "the step was planned for {members} members, but for {name} etcd {how}"
                )))
            }
        }
    }

    /// No pod of a listed member is above the replicas with which an absent
    /// StatefulSet is created: its controller would end it at once.
    pub(super) async fn nobody_is_above(&mut self, replicas: usize) -> Result<(), Halt> {
        let mut above = Vec::new();
        for ordinal in replicas..ORDINALS {
            if self.pod(ordinal).await?.is_some_and(|pod| !pod.terminating) {
                above.push(ordinal);
            }
        }
        if above.is_empty() {
            return Ok(());
        }
        let membership = self.list().await?;
        match above.iter().find(|ordinal| membership.at(&self.names.peer_url(**ordinal)).is_some()) {
            None => Ok(()),
            Some(ordinal) => Err(Halt::because(format!(
                "`{}` would be created with {replicas} replicas, which would end {}, and etcd lists it",
                self.names.stateful_set(),
                self.names.member(*ordinal)
            ))),
        }
    }

    /// The first pod that the StatefulSet has not taken over.
    pub(super) async fn not_adopted(&mut self, replicas: usize) -> Result<super::missing::Missing, Halt> {
        let key = self.names.stateful_set();
        let Some(live) = self.look(&key).await? else {
            return Err(Halt::because(format!("`{key}` is gone again")));
        };
        if !self.template().await?.settled {
            return Ok(Some((0, self.controller_to_see())));
        }
        for ordinal in 0..replicas {
            let name = self.names.member(ordinal);
            let is_its = |pod: &Pod| pod.owner.as_deref() == live.uid() && !pod.terminating;
            match self.pod(ordinal).await? {
                Some(pod) if is_its(&pod) => {}
                Some(_) => return Ok(Some((ordinal, format!("`{key}` to take {name} over")))),
                None => return Ok(Some((ordinal, format!("{name} to be made")))),
            }
        }
        Ok(None)
    }

    /// What the growth of a volume still waits for.
    pub(super) async fn not_grown(&mut self, ordinal: usize, size: Quantity) -> Result<Option<String>, Halt> {
        let name = self.names.claim(ordinal).name;
        let Some(claim) = self.claim(ordinal).await? else {
            return Err(Halt::because(format!("claim `{name}` is gone")));
        };
        if claim.capacity.is_some_and(|capacity| capacity >= size) {
            return Ok(None);
        }
        let has = claim.capacity.map_or("unknown".to_owned(), |capacity| capacity.to_string());
        Ok(Some(match claim.growing.as_deref() {
            Some("FileSystemResizePending") => format!(
                "the file system of claim {name} to grow from {has} to {size}: some drivers do that only when its pod \
                 restarts, and the next plan restarts it"
            ),
            _ => format!("the volume of claim {name} to grow from {has} to {size}"),
        }))
    }
}
