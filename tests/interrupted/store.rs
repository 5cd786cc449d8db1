//! The API server's store: objects as opaque values, with uids and versions.
//!
//! It knows nothing of merging and defaulting, and of ownership only who else
//! set `spec.replicas`: what depends on the rest is tested on a real server.

use etcdctl_stack::{
    certificate::{Facts, Request},
    desired::{CLUSTER_ID, MANAGED_BY, ORDINALS, STACK_LABEL},
    execute::Failure,
    field::{self, takeover},
    object::{Kind, Object, ObjectKey},
    observed::{Conflict, SecretFacts},
    quantity::Quantity,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{physics::CONTROLLER, simulator::State};

/// From the deletion of a StatefulSet to its end, and from asking for a larger
/// volume to having it.
const ORPHANING: SignedDuration = SignedDuration::from_millis(300);
const GROWING: SignedDuration = SignedDuration::from_secs(3);

impl State {
    /// The ordinal whose claim, or pod, has this name.
    pub fn ordinal_of(&self, key: &ObjectKey) -> Option<usize> {
        (0..ORDINALS).find(|ordinal| self.names.claim(*ordinal) == *key || self.names.pod(*ordinal) == *key)
    }

    /// Stores an object as it was sent.
    pub fn store(
        &mut self,
        object: &Object,
        uid: Option<&str>,
        version: Option<&str>,
    ) -> Result<(), Failure> {
        let live = self.objects.get(&object.key).cloned();
        match (&live, uid) {
            (Some(_), None) => return Err(Failure::Stale(format!("`{}` exists already", object.key))),
            (None, Some(_)) => return Err(Failure::Stale(format!("`{}` is gone", object.key))),
            (Some(live), Some(uid)) if live.uid() != Some(uid) => {
                return Err(Failure::Stale("another uid".into()));
            }
            (Some(live), _) if version.is_some() && live.resource_version() != version => {
                return Err(Failure::Stale("another version".into()));
            }
            _ => {}
        }
        let version = self.fresh();
        let mut stored = object.clone();
        let uid = live.as_ref().and_then(Object::uid).map_or_else(|| format!("uid-{version}"), str::to_owned);
        stored.body["metadata"]["uid"] = json!(uid);
        stored.body["metadata"]["resourceVersion"] = json!(version.to_string());
        // Whoever scaled it is forgotten once the field is taken.
        let forgotten = object.key.kind == Kind::StatefulSet && self.scaled_by.is_none();
        if !forgotten
            && object.body["metadata"].get("managedFields").is_none()
            && let Some(managers) = live.as_ref().and_then(|live| live.body["metadata"].get("managedFields"))
        {
            stored.body["metadata"]["managedFields"] = managers.clone();
        }
        if object.key.kind == Kind::StatefulSet {
            self.keep_edit(&mut stored);
            self.generation(&mut stored, live.as_ref());
        }
        let is_window = object.key == self.names.bootstrap();
        if let (true, Some(live)) = (is_window, live.filter(|live| live.body["data"] != stored.body["data"]))
        {
            self.window_before = Some((live, self.now));
        }
        self.objects.insert(object.key.clone(), stored);
        Ok(())
    }

    /// What somebody else added stays through an apply that does not name it.
    pub fn keep_edit(&self, object: &mut Object) {
        let Some(item) = self.edited.as_ref().filter(|_| object.key == self.names.stateful_set()) else {
            return;
        };
        let env = object.body.pointer_mut("/spec/template/spec/containers/0/env");
        env.and_then(Value::as_array_mut).expect("a list").push(item.clone());
        let item = format!("k:{{\"name\":{}}}", item["name"]);
        let fields = json!({ "f:env": { item: { ".": {}, "f:name": {}, "f:value": {} } } });
        let fields = json!({ "f:containers": { "k:{\"name\":\"etcd\"}": fields } });
        object.body["metadata"]["managedFields"] = json!([{
            "manager": "kubectl-edit",
            "operation": "Update",
            "fieldsV1": { "f:spec": { "f:template": { "f:spec": fields } } },
        }]);
    }

    /// Takes out what somebody else added.
    pub fn remove_at(
        &mut self,
        key: &ObjectKey,
        uid: &str,
        version: &str,
        pointer: &str,
    ) -> Result<(), Failure> {
        let live = self.objects.get(key).cloned().ok_or_else(|| Failure::Stale("gone".into()))?;
        let item = live.body.pointer(pointer).cloned();
        if item.is_none() || item != self.edited {
            return Err(Failure::Refused(format!("nobody added {pointer}")));
        }
        self.edited = None;
        let mut left = live.clone();
        let (list, index) = pointer.rsplit_once('/').expect("a list item");
        let list = left.body.pointer_mut(list).and_then(Value::as_array_mut).expect("a list");
        list.remove(index.parse().expect("a place"));
        left.body["metadata"]["managedFields"] = json!([]);
        let stored = self.store(&left, Some(uid), Some(version));
        if stored.is_err() {
            self.edited = item;
        }
        stored
    }

    /// Raised with each change of the spec; the controller follows later.
    fn generation(&mut self, stored: &mut Object, live: Option<&Object>) {
        let before = live.and_then(|live| live.body["metadata"]["generation"].as_u64()).unwrap_or(0);
        let same = live.is_some_and(|live| live.body["spec"] == stored.body["spec"]);
        stored.body["metadata"]["generation"] = json!(if same { before } else { before + 1 });
        if let Some(status) = live.and_then(|live| live.body.get("status")) {
            stored.body["status"] = status.clone();
        }
        if !same {
            self.status_due = self.now + CONTROLLER;
        }
    }

    /// Gives the fields of whoever made an object to us.
    pub fn adopt(&mut self, object: &Object, uid: &str, version: Option<&str>) -> Result<(), Failure> {
        let fresh = self.fresh();
        let live = self.objects.get_mut(&object.key).filter(|live| live.uid() == Some(uid));
        let live = live.filter(|live| version.is_none() || live.resource_version() == version);
        let live = live.ok_or_else(|| Failure::Stale("another object or version".into()))?;
        let from = takeover::predecessors(&live.body, &object.body);
        live.body["metadata"]["managedFields"] = takeover::handed_over(&live.body, &from);
        live.body["metadata"]["resourceVersion"] = json!(fresh.to_string());
        Ok(())
    }

    /// Those who made an object, where somebody did.
    fn makers(&self, object: &Object) -> Vec<Conflict> {
        let live = self.objects.get(&object.key).filter(|live| !field::owners(&live.body).is_empty());
        let from = live.map(|live| takeover::predecessors(&live.body, &object.body)).unwrap_or_default();
        from.into_iter()
            .filter(|one| one.manager != "kubectl")
            .map(|one| Conflict { field: "metadata.labels".into(), manager: one.manager })
            .collect()
    }

    /// Who else owns what this apply would change.
    pub fn conflicts(&self, object: &Object) -> Vec<Conflict> {
        let replicas = |object: &Object| object.body.pointer("/spec/replicas").and_then(Value::as_u64);
        let live = self.objects.get(&object.key).filter(|live| live.key.kind == Kind::StatefulSet);
        match (&self.scaled_by, live) {
            (Some(manager), Some(live)) if replicas(live) != replicas(object) => {
                vec![Conflict { field: "spec.replicas".into(), manager: manager.clone() }]
            }
            _ => self.makers(object),
        }
    }

    pub fn apply(
        &mut self,
        object: &Object,
        uid: Option<&str>,
        version: Option<&str>,
        take: &[Conflict],
    ) -> Result<(), Failure> {
        if object.key.kind == Kind::PersistentVolumeClaim {
            return self.annotate(object, uid);
        }
        let conflicts = self.conflicts(object);
        let field = |conflict: &Conflict| conflict.field.trim_start_matches('.').to_owned();
        let taken = |one: &Conflict| {
            take.iter().any(|other| field(other) == field(one) && other.manager == one.manager)
        };
        if let Some(conflict) = conflicts.iter().find(|conflict| !taken(conflict)) {
            return Err(Failure::Refused(format!("{} is set by {}", conflict.field, conflict.manager)));
        }
        if self.forbids(object) {
            return Err(Failure::Refused("updates to statefulset spec are forbidden".into()));
        }
        self.judge_apply(object);
        let owner = self.scaled_by.take();
        self.scaled_by = owner.filter(|_| conflicts.is_empty());
        self.store(object, uid, version)
    }

    /// Records a cluster on a claim.
    fn annotate(&mut self, object: &Object, uid: Option<&str>) -> Result<(), Failure> {
        let id = object.annotation(CLUSTER_ID).and_then(|id| id.parse().ok());
        let claim = self.ordinal_of(&object.key).and_then(|ordinal| self.claims.get_mut(&ordinal));
        match claim {
            None => Err(Failure::Stale("no such claim".into())),
            Some(claim) if uid.is_some_and(|uid| uid != claim.uid) => {
                Err(Failure::Stale("another uid".into()))
            }
            Some(claim) => {
                claim.recorded = id;
                Ok(())
            }
        }
    }

    /// What a StatefulSet keeps for ever.
    pub fn forbids(&self, object: &Object) -> bool {
        let kept = |object: &Object| object.body.pointer("/spec/volumeClaimTemplates").cloned();
        let live = self.objects.get(&object.key).filter(|live| live.key.kind == Kind::StatefulSet);
        live.is_some_and(|live| kept(live) != kept(object))
    }

    /// Begins to delete a StatefulSet without its pods.
    pub fn orphan(&mut self, key: &ObjectKey, uid: &str, version: &str) -> Result<(), Failure> {
        match self.objects.get(key) {
            None => Ok(()),
            Some(live) if live.uid() != Some(uid) => Err(Failure::Stale("another uid".into())),
            Some(live) if live.resource_version() != Some(version) => {
                Err(Failure::Stale("another version".into()))
            }
            Some(_) => {
                self.orphaned_at.get_or_insert(self.now + ORPHANING);
                Ok(())
            }
        }
    }

    /// Asks for a larger volume.
    pub fn grow(&mut self, key: &ObjectKey, uid: &str, size: Quantity) -> Result<(), Failure> {
        let grown = self.now + GROWING;
        let claim = self.ordinal_of(key).and_then(|ordinal| self.claims.get_mut(&ordinal));
        match claim.filter(|claim| claim.uid == uid) {
            None => Err(Failure::Stale("another uid".into())),
            Some(claim) if claim.requested > size => Err(Failure::Refused("it cannot shrink".into())),
            Some(claim) => {
                (claim.requested, claim.grows) = (size, grown);
                Ok(())
            }
        }
    }

    /// Deletes a pod or a claim with this uid, or what is made again.
    pub fn delete(&mut self, key: &ObjectKey, uid: &str) -> Result<(), Failure> {
        if matches!(key.kind, Kind::Service | Kind::Secret) {
            if self.objects.get(key).and_then(Object::uid) == Some(uid) {
                self.objects.remove(key);
                self.secrets.remove(key);
            }
            return Ok(());
        }
        let Some(ordinal) = self.ordinal_of(key) else {
            return Err(Failure::Refused(format!("nobody may delete `{key}`")));
        };
        match key.kind {
            Kind::Pod if self.pods.get(&ordinal).is_some_and(|pod| pod.uid == uid) => {
                self.judge_stop(ordinal);
                self.delete_pod(ordinal);
            }
            Kind::PersistentVolumeClaim
                if self.claims.get(&ordinal).is_some_and(|claim| claim.uid == uid) =>
            {
                self.judge_data_loss(ordinal);
                self.claims.get_mut(&ordinal).expect("just seen").terminating = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// The journal as an object; it is kept apart here.
    pub fn record(&self, key: &ObjectKey) -> Option<Object> {
        let metadata = json!({ "uid": "journal", "labels": { STACK_LABEL: self.names.stack } });
        let there = *key == self.names.journal() && self.journal.is_some();
        there.then(|| Object { key: key.clone(), body: json!({ "metadata": metadata }) })
    }

    /// Takes the two labels off.
    pub fn release(&mut self, read: &Object) -> Result<(), Failure> {
        let version = self.fresh().to_string();
        let Some(live) = self.objects.get_mut(&read.key) else { return Ok(()) };
        if live.uid() != read.uid() || live.resource_version() != read.resource_version() {
            return Err(Failure::Stale(format!("`{}` is another by now", read.key)));
        }
        live.body["metadata"]["resourceVersion"] = json!(version);
        for label in [STACK_LABEL, MANAGED_BY] {
            live.body["metadata"]["labels"].as_object_mut().expect("labels").remove(label);
        }
        Ok(())
    }

    /// Deletes an object as it was read. Without their StatefulSet the pods go.
    pub fn delete_as_read(&mut self, read: &Object) -> Result<(), Failure> {
        let key = &read.key;
        if *key == self.names.journal() {
            (self.journal, self.over) = (None, true);
            return Ok(());
        }
        if self.ordinal_of(key).is_some() {
            return self.delete(key, read.uid().unwrap_or_default());
        }
        match self.objects.get(key) {
            None => return Ok(()),
            Some(live) if live.uid() != read.uid() || live.resource_version() != read.resource_version() => {
                return Err(Failure::Stale(format!("`{key}` is another by now")));
            }
            Some(_) => {}
        }
        if key.kind == Kind::Namespace {
            (self.journal, self.over) = (None, true);
            self.objects.clear();
            self.claims.clear();
        }
        let takes_claims_along = key.kind == Kind::StatefulSet && self.takes_claims_along();
        self.objects.remove(key);
        self.secrets.remove(key);
        if takes_claims_along {
            let ordinals: Vec<usize> = self.claims.keys().copied().collect();
            ordinals.into_iter().for_each(|ordinal| self.judge_data_loss(ordinal));
            self.claims.values_mut().for_each(|claim| claim.terminating = true);
        }
        if key.kind == Kind::StatefulSet {
            let ordinals: Vec<usize> = self.pods.keys().copied().collect();
            ordinals.into_iter().for_each(|ordinal| self.delete_pod(ordinal));
        }
        Ok(())
    }

    /// Whether the StatefulSet's controller has made it the owner of its claims.
    pub fn takes_claims_along(&self) -> bool {
        let policy =
            |set: &Object| set.body["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"].clone();
        self.objects.get(&self.names.stateful_set()).is_some_and(|set| policy(set) == "Delete")
    }

    /// Puts a certificate into a Secret.
    pub fn certify(
        &mut self,
        object: &Object,
        request: &Request,
        authority: Option<&ObjectKey>,
        uid: Option<&str>,
    ) -> Result<(), Failure> {
        let signer = match authority.map(|key| self.secrets.get(key)) {
            None => None,
            Some(facts) => Some(
                facts
                    .and_then(|facts| facts.authority_sha256.clone())
                    .ok_or_else(|| Failure::Refused("no authority".into()))?,
            ),
        };
        if let Some(conflict) = self.makers(object).first() {
            return Err(Failure::Refused(format!("it was made by {}", conflict.manager)));
        }
        self.store(object, uid, None)?;
        let sha256 = format!("{:064x}", self.counter);
        let facts = Facts {
            subject: request.subject.clone(),
            issuer: String::new(),
            usage: request.usage,
            dns_names: request.dns_names.clone(),
            ip_addresses: request.ip_addresses.clone(),
            not_before: self.now,
            not_after: self.now + SignedDuration::from_hours(24 * i64::from(request.days)),
            sha256: sha256.clone(),
            key_matches: true,
            signed_by_authority: true,
        };
        let keys = ["ca.crt", "tls.crt", "tls.key"].map(str::to_owned).into();
        let authority_sha256 = Some(signer.unwrap_or(sha256));
        let facts = SecretFacts { keys, certificate: Some(Ok(facts)), authority_sha256 };
        self.secrets.insert(object.key.clone(), facts);
        Ok(())
    }
}
