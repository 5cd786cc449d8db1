//! What everything is called, for ever: names are in peer URLs, in claims and
//! in certificates, and none can change without moving data.

use crate::{
    object::{Kind, ObjectKey},
    stack::{Ports, Stack},
};

/// Names of objects and members of one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The stack's name.
    pub stack: String,
    /// The stack's namespace.
    pub namespace: String,
    /// The cluster's DNS domain.
    pub domain: String,
    /// Ports, because they are part of URLs.
    pub ports: Ports,
}

impl Names {
    /// The names of a stack.
    pub fn of(stack: &Stack) -> Self {
        let Stack { name, namespace, domain, ports, .. } = stack;
        Names { stack: name.clone(), namespace: namespace.clone(), domain: domain.clone(), ports: *ports }
    }

    /// The names of stack `orders` in namespace `etcd`.
    #[cfg(test)]
    pub(crate) fn of_a_test() -> Self {
        let ports = Ports { client: 2379, peer: 2380, metrics: 2381 };
        let [stack, namespace, domain] = ["orders", "etcd", "cluster.local"].map(str::to_owned);
        Names { stack, namespace, domain, ports }
    }

    /// The namespace as an object.
    pub fn namespace_key(&self) -> ObjectKey {
        ObjectKey::cluster_wide(Kind::Namespace, &self.namespace)
    }

    /// The StatefulSet.
    pub fn stateful_set(&self) -> ObjectKey {
        self.key(Kind::StatefulSet, "")
    }

    /// The client Service.
    pub fn client_service(&self) -> ObjectKey {
        self.key(Kind::Service, "")
    }

    /// The headless Service.
    pub fn peer_service(&self) -> ObjectKey {
        self.key(Kind::Service, "-peer")
    }

    /// The PodDisruptionBudget.
    pub fn budget(&self) -> ObjectKey {
        self.key(Kind::PodDisruptionBudget, "")
    }

    /// The bootstrap ConfigMap.
    pub fn bootstrap(&self) -> ObjectKey {
        self.key(Kind::ConfigMap, "-bootstrap")
    }

    /// The authority of clients and servers.
    pub fn client_authority(&self) -> ObjectKey {
        self.key(Kind::Secret, "-client-ca")
    }

    /// The authority of peers.
    pub fn peer_authority(&self) -> ObjectKey {
        self.key(Kind::Secret, "-peer-ca")
    }

    /// The server certificate, which every member mounts.
    pub fn server_secret(&self) -> ObjectKey {
        self.key(Kind::Secret, "-server")
    }

    /// The peer certificate, which every member mounts.
    pub fn peer_secret(&self) -> ObjectKey {
        self.key(Kind::Secret, "-peer-tls")
    }

    /// The operator's client certificate, which this tool uses.
    pub fn operator_secret(&self) -> ObjectKey {
        self.key(Kind::Secret, "-operator")
    }

    /// The journal.
    pub fn journal(&self) -> ObjectKey {
        self.key(Kind::ConfigMap, "-journal")
    }

    /// The lock.
    pub fn lease(&self) -> ObjectKey {
        self.key(Kind::Lease, "-lock")
    }

    /// Whether runs of this stack make an object of this name, for one stack
    /// file or another.
    pub fn may_make(&self, key: &ObjectKey) -> bool {
        match key.kind {
            Kind::Namespace => *key == self.namespace_key(),
            Kind::ConfigMap if *key == self.journal() => false,
            Kind::Secret
            | Kind::ConfigMap
            | Kind::Service
            | Kind::PodDisruptionBudget
            | Kind::StatefulSet => key.namespace.as_ref() == Some(&self.namespace),
            Kind::PersistentVolumeClaim | Kind::Pod | Kind::Node | Kind::StorageClass | Kind::Lease => false,
        }
    }

    /// The member, and its pod, of an ordinal.
    pub fn member(&self, ordinal: usize) -> String {
        format!("{}-{ordinal}", self.stack)
    }

    /// The pod of an ordinal.
    pub fn pod(&self, ordinal: usize) -> ObjectKey {
        ObjectKey::new(Kind::Pod, &self.namespace, &self.member(ordinal))
    }

    /// The claim of an ordinal.
    pub fn claim(&self, ordinal: usize) -> ObjectKey {
        let name = format!("data-{}", self.member(ordinal));
        ObjectKey::new(Kind::PersistentVolumeClaim, &self.namespace, &name)
    }

    /// The DNS name of a pod, in the form that the resolver's search list
    /// completes, so that the cluster's domain is not part of any URL.
    pub fn host(&self, ordinal: usize) -> String {
        format!("{}.{}-peer.{}.svc", self.member(ordinal), self.stack, self.namespace)
    }

    /// Where peers reach a member: its identity in etcd's list.
    pub fn peer_url(&self, ordinal: usize) -> String {
        format!("https://{}:{}", self.host(ordinal), self.ports.peer)
    }

    /// The ordinal whose member has this peer URL, among the first nine.
    pub fn ordinal_of(&self, peer_url: &str) -> Option<usize> {
        (0..ORDINALS).find(|ordinal| self.peer_url(*ordinal) == peer_url)
    }

    /// The ordinal of the member, or pod, of this name, among the first nine.
    pub fn ordinal_named(&self, member: &str) -> Option<usize> {
        (0..ORDINALS).find(|ordinal| self.member(*ordinal) == member)
    }

    fn key(&self, kind: Kind, suffix: &str) -> ObjectKey {
        ObjectKey::new(kind, &self.namespace, &format!("{}{suffix}", self.stack))
    }
}

/// Ordinals that certificates name from the start: more than the seven voters
/// of the largest stack.
pub const ORDINALS: usize = 9;
