//! What the user asked for: the stack file, parsed and checked.
//!
//! [`Stack`] is what is true: every default filled in, every value in range,
//! no two keys in contradiction. What was typed stays in `stack::file`.

mod broken;
mod check;
mod file;
mod finding;
mod kubernetes;
mod later;
mod mask;
mod places;
mod schema;
mod source;
mod starter;
mod syntax;
mod walk;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{field::Owned, quantity::Quantity, version::Version};

pub use finding::{Finding, Findings, Severity};
pub use places::{Place, Places, Position};
pub use schema::schema;
pub use starter::starter;

/// A stack file without errors.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it says.
    pub stack: Stack,
    /// What somebody should know, in the file's order.
    pub warnings: Vec<Finding>,
    /// Where each key stands.
    pub places: Places,
}

/// Reads a stack file. `name` is what the file is called in findings and places.
///
/// All mistakes are found at once: a wrong key is left out, and the rest is
/// checked as if it had not been typed.
pub fn parse_and_check(name: &str, text: &str) -> Result<Checked, Findings> {
    let (file, mut finder) = walk::walk(name, text);
    let stack = check::check(file, &mut finder);
    let (found, places) = finder.finish();
    if found.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(Findings { all: found });
    }
    Ok(Checked { stack, warnings: found, places })
}

/// One etcd cluster, as its stack file describes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stack {
    /// Names every object.
    pub name: String,
    /// Where everything lives.
    pub namespace: String,
    /// Whether the namespace may be created.
    pub create_namespace: bool,
    /// The kubeconfig context that must be in use; any when `None`.
    pub context: Option<String>,
    /// On every object's metadata.
    pub labels: BTreeMap<String, String>,
    /// On every object's metadata.
    pub annotations: BTreeMap<String, String>,
    /// How many voters, 1 to 7.
    pub members: u8,
    /// The etcd version.
    pub version: Version,
    /// Whether the file names the version; a default one never changes a live
    /// cluster.
    pub version_pinned: bool,
    /// The cluster's DNS domain, for certificate names.
    pub domain: String,
    /// The cluster token's fixed part; generated at founding when `None`.
    pub token: Option<String>,
    /// What the members run.
    pub image: Image,
    /// The members' volumes.
    pub storage: Storage,
    /// What the etcd container asks for and is limited to.
    pub resources: Resources,
    /// Where etcd listens.
    pub ports: Ports,
    /// The client Service.
    pub service: Service,
    /// Certificates.
    pub tls: Tls,
    /// Where the members' pods may run.
    pub placement: Placement,
    /// The rest of the pod.
    pub pod: Pod,
    /// Kubelet probes.
    pub probes: Probes,
    /// etcd's own options.
    pub etcd: Etcd,
    /// What a drain may take away.
    pub budget: Budget,
    /// Fields that others set.
    pub ownership: Ownership,
}

/// Fields that others set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ownership {
    /// Those that are taken back.
    pub take: BTreeSet<Owned>,
    /// Those that are left to them.
    pub tolerate: BTreeSet<Owned>,
}

/// The container image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Registry and path, without tag.
    pub repository: String,
    /// The tag; `v<version>` unless pinned.
    pub tag: String,
    /// `sha256:...`, when pinned.
    pub digest: Option<String>,
    /// `Always`, `IfNotPresent` or `Never`.
    pub pull_policy: String,
    /// Names of image pull Secrets in the namespace.
    pub pull_secrets: Vec<String>,
}

/// A PersistentVolumeClaim for each member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Storage {
    /// How large.
    pub size: Quantity,
    /// The StorageClass: the cluster's default when `None`, no class when empty.
    pub class: Option<String>,
    /// `ReadWriteOnce` or `ReadWriteOncePod`.
    pub access_mode: String,
    /// What happens to a member's claim when `members` is lowered. A policy of
    /// the plan: no object holds it.
    pub on_scale_down: OnScaleDown,
    /// What happens to all of them when the stack is destroyed.
    pub on_destroy: OnScaleDown,
}

/// What happens to the claim of a member that goes, alone or with the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnScaleDown {
    /// It stays, with its data, and is never used again by itself.
    Retain,
    /// It is deleted with its data, where apply is permitted to.
    Delete,
}

/// Requests and limits by resource name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resources {
    /// What the scheduler sets aside.
    pub requests: BTreeMap<String, Quantity>,
    /// What may not be exceeded.
    pub limits: BTreeMap<String, Quantity>,
}

/// Container ports, all different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ports {
    /// gRPC for clients.
    pub client: u16,
    /// Raft.
    pub peer: u16,
    /// Metrics and health, plain HTTP.
    pub metrics: u16,
}

/// The client Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// `ClusterIP`, `NodePort` or `LoadBalancer`.
    pub kind: String,
    /// The node port for clients; the server chooses when `None`.
    pub node_port: Option<u16>,
    /// Annotations of this Service alone.
    pub annotations: BTreeMap<String, String>,
    /// `spec.loadBalancerClass`.
    pub load_balancer_class: Option<String>,
    /// CIDR blocks that a load balancer lets in; all when empty.
    pub source_ranges: Vec<String>,
}

/// Generated certificates: mutual TLS for clients and peers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tls {
    /// More names for the server certificate.
    pub server: ExtraNames,
    /// More names for the peer certificate.
    pub peer: ExtraNames,
    /// More names for every client certificate.
    pub client: ExtraNames,
    /// Days that an authority is valid.
    pub ca_days: u32,
    /// Days that a leaf is valid.
    pub leaf_days: u32,
    /// A leaf with fewer days left is renewed.
    pub renew_before_days: u32,
    /// Client certificates to issue.
    pub users: Vec<User>,
}

/// Names beside those that the tool knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExtraNames {
    /// DNS names.
    pub dns_names: BTreeSet<String>,
    /// Addresses.
    pub ip_addresses: BTreeSet<IpAddr>,
}

/// A client certificate to issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// Its common name, etcd's user name once auth is on.
    pub name: String,
    /// The Secret that holds it.
    pub secret: String,
}

/// How strictly members are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// A pod waits rather than share.
    Required,
    /// A pod shares when it must.
    Preferred,
    /// No rule.
    Off,
}

/// Where pods may run. Values are Kubernetes' own shapes, in canonical JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Placement {
    /// One member a node.
    pub nodes: Spread,
    /// Members spread over zones.
    pub zones: Spread,
    /// `spec.nodeSelector`.
    pub node_selector: BTreeMap<String, String>,
    /// `spec.tolerations`.
    pub tolerations: Vec<Value>,
    /// `spec.affinity`, in place of what `nodes` makes.
    pub affinity: Option<Value>,
    /// `spec.priorityClassName`.
    pub priority_class: Option<String>,
    /// `spec.topologySpreadConstraints`, after what `zones` makes.
    pub topology_spread: Vec<Value>,
}

/// The rest of the pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pod {
    /// Labels of pods only.
    pub labels: BTreeMap<String, String>,
    /// Annotations of pods only.
    pub annotations: BTreeMap<String, String>,
    /// `spec.serviceAccountName`; the namespace's default when `None`.
    pub service_account: Option<String>,
    /// User and group id of the process.
    pub run_as_user: i64,
    /// Group id that owns the volume.
    pub fs_group: i64,
    /// Seconds from SIGTERM to SIGKILL.
    pub termination_grace: u32,
    /// `spec.volumes` beside ours.
    pub extra_volumes: Vec<Value>,
    /// `volumeMounts` of the etcd container beside ours.
    pub extra_volume_mounts: Vec<Value>,
}

/// Kubelet probes, on `/livez` and `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probes {
    /// Whether a member that stops answering is restarted.
    pub liveness: bool,
    /// Failures in a row before a restart.
    pub liveness_threshold: u32,
    /// Failures in a row before a member leaves the client Service.
    pub readiness_threshold: u32,
    /// Failures in a row, five seconds apart, that a start may take.
    pub startup_threshold: u32,
}

/// When old revisions are compacted away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compaction {
    /// Keep this many seconds of history.
    Periodic(u32),
    /// Keep this many revisions.
    Revisions(u32),
    /// Never; the clients compact.
    Off,
}

/// etcd's own options, in its own units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Etcd {
    /// `--quota-backend-bytes`.
    pub quota: u64,
    /// `--auto-compaction-*`.
    pub auto_compaction: Compaction,
    /// `--heartbeat-interval`, milliseconds.
    pub heartbeat: u32,
    /// `--election-timeout`, milliseconds.
    pub election_timeout: u32,
    /// `--snapshot-count`, entries.
    pub snapshot_count: u64,
    /// `--max-request-bytes`.
    pub max_request: u64,
    /// `--log-level`.
    pub log_level: String,
    /// Compare data with peers before serving; costs 7 s a peer at each start.
    pub initial_corrupt_check: bool,
    /// Flags by name without dashes; checked against the version, none ours.
    pub extra_args: BTreeMap<String, String>,
    /// Environment variables; checked likewise.
    pub extra_env: BTreeMap<String, String>,
}

/// The PodDisruptionBudget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// `minAvailable` is the quorum.
    Quorum,
    /// No budget.
    Off,
}
