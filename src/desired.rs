//! What a stack means on Kubernetes.
//!
//! [`desired`] cannot fail and knows nothing of what is there. Each object is
//! the whole apply body: the fields in it are the fields that the tool owns,
//! always the same ones for the same kind, so that leaving a key out of the
//! stack file never gives a field away by accident.

use crate::{
    certificate::Request,
    object::{Object, ObjectKey},
    stack::{Budget, OnScaleDown, Spread, Stack},
};

mod bootstrap;
mod certificates;
mod disruption;
mod keys;
mod labels;
mod names;
mod namespace;
mod service;
mod stateful_set;

#[cfg(test)]
mod tests;

pub use bootstrap::{Window, window};
pub use keys::keys;
pub use names::{Names, ORDINALS};
pub use stateful_set::with_replicas;

/// The field manager, on every operating system and in every version: it is
/// the identity of ownership, and another name would conflict with our own.
/// <https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers>
pub const FIELD_MANAGER: &str = crate::field::OURS;

/// The annotation that says which etcd cluster an object's data belongs to.
pub const CLUSTER_ID: &str = "etcdctl-stack/cluster-id";

/// The label by which everything of a stack is found.
pub const STACK_LABEL: &str = "etcdctl-stack/stack";

/// The label that names the program that made an object.
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/>
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// A stack in Kubernetes' terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// The stack that it was made from.
    pub stack: Stack,
    /// What everything is called.
    pub names: Names,
    /// The namespace.
    pub namespace: Object,
    /// Secrets to fill with certificates, authorities first.
    pub secrets: Vec<SecretRequest>,
    /// The headless Service by which members find each other.
    pub peer_service: Object,
    /// The Service for clients.
    pub client_service: Object,
    /// What a drain may take; `None` when the stack wants none.
    pub budget: Option<Object>,
    /// The sealed bootstrap ConfigMap, without token.
    pub bootstrap: Object,
    /// The StatefulSet at its wanted size.
    pub stateful_set: Object,
    /// The pod of ordinal 0 as the StatefulSet would make it: for a dry-run,
    /// because that of a StatefulSet checks nothing about its pods.
    pub pod: Object,
    /// The claim of ordinal 0, likewise.
    pub claim: Object,
}

/// A Secret that holds one certificate under `tls.crt`, its key under
/// `tls.key` and the authority's certificate under `ca.crt`.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretRequest {
    /// The Secret without `data`.
    pub object: Object,
    /// The certificate.
    pub request: Request,
    /// The Secret of the authority that signs it; `None` for an authority.
    pub authority: Option<ObjectKey>,
}

/// Derives every object from a stack.
pub fn desired(stack: &Stack) -> Desired {
    let names = Names::of(stack);
    let stateful_set = stateful_set::stateful_set(stack, &names);
    Desired {
        namespace: namespace::namespace(stack, &names),
        secrets: certificates::secrets(stack, &names),
        peer_service: service::peer(stack, &names),
        client_service: service::client(stack, &names),
        budget: (stack.budget == Budget::Quorum).then(|| disruption::budget(stack, &names)),
        bootstrap: bootstrap::sealed(stack, &names),
        pod: stateful_set::pod(&stateful_set, &names, 0),
        claim: stateful_set::claim(&stateful_set, &names, 0),
        stateful_set,
        stack: stack.clone(),
        names,
    }
}

impl Desired {
    /// Whether a member waits rather than share a node.
    pub fn needs_a_node_each(&self) -> bool {
        let placement = &self.stack.placement;
        placement.nodes == Spread::Required && placement.affinity.is_none()
    }

    /// The pod of an ordinal as the StatefulSet would make it.
    pub fn pod_of(&self, ordinal: usize) -> Object {
        stateful_set::pod(&self.stateful_set, &self.names, ordinal)
    }

    /// The claim of an ordinal, likewise.
    pub fn claim_of(&self, ordinal: usize) -> Object {
        stateful_set::claim(&self.stateful_set, &self.names, ordinal)
    }

    /// Whether a claim goes with its member when the stack shrinks.
    pub fn deletes_claims(&self) -> bool {
        self.stack.storage.on_scale_down == OnScaleDown::Delete
    }

    /// Whether all claims go when the stack is destroyed.
    pub fn destroys_claims(&self) -> bool {
        self.stack.storage.on_destroy == OnScaleDown::Delete
    }

    /// Every object that is applied, in the order of a first apply. Secrets
    /// are among them, without values.
    pub fn objects(&self) -> Vec<&Object> {
        let secrets = self.secrets.iter().map(|secret| &secret.object);
        let services = [&self.peer_service].into_iter().chain(&self.budget);
        let rest = [&self.bootstrap, &self.stateful_set, &self.client_service];
        [&self.namespace].into_iter().chain(secrets).chain(services).chain(rest).collect()
    }

    /// Whether the stack file asks for an object of this name.
    pub fn has(&self, key: &ObjectKey) -> bool {
        self.objects().iter().any(|object| object.key == *key)
    }

    /// The same objects, to be changed.
    pub fn objects_mut(&mut self) -> Vec<&mut Object> {
        let secrets = self.secrets.iter_mut().map(|secret| &mut secret.object);
        let services = [&mut self.peer_service].into_iter().chain(&mut self.budget);
        let rest = [&mut self.bootstrap, &mut self.stateful_set, &mut self.client_service];
        [&mut self.namespace].into_iter().chain(secrets).chain(services).chain(rest).collect()
    }
}
