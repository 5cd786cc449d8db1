//! A stack file as it is typed: every key optional, nothing compared.
//!
//! These types are the JSON Schema too: doc comments are its descriptions, and
//! `stack::walk` takes types, choices and ranges from it. What needs more than
//! one look at one value is in `stack::check`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Budget, OnScaleDown, Spread,
    kubernetes::{Affinity, Toleration, TopologySpread, Volume, VolumeMount},
};

type Texts = BTreeMap<String, String>;

/// One etcd cluster on Kubernetes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "etcdctl-stack stack file")]
pub(super) struct StackFile {
    /// What the cluster is called and where it lives.
    #[schemars(required)]
    pub stack: Option<StackSection>,
    /// Size and version of the etcd cluster.
    pub cluster: Option<ClusterSection>,
    /// The container image.
    pub image: Option<ImageSection>,
    /// The members' volumes.
    pub storage: Option<StorageSection>,
    /// What the etcd container asks for and is limited to.
    pub resources: Option<ResourcesSection>,
    /// Where etcd listens.
    pub ports: Option<PortsSection>,
    /// The client Service.
    pub service: Option<ServiceSection>,
    /// Certificates: TLS is mutual for clients and for peers.
    pub tls: Option<TlsSection>,
    /// Where the members' pods may run.
    pub placement: Option<PlacementSection>,
    /// The rest of the pod.
    pub pod: Option<PodSection>,
    /// Kubelet probes, on `/livez` and `/readyz`.
    pub probes: Option<ProbesSection>,
    /// Options of etcd itself.
    pub etcd: Option<EtcdSection>,
    /// What a drain may take away.
    pub disruption: Option<DisruptionSection>,
    /// Fields that others set.
    pub ownership: Option<OwnershipSection>,
}

/// What the cluster is called and where it lives.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StackSection {
    /// Names every object: a DNS label that starts with a letter.
    #[schemars(required, length(min = 1, max = 40), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: Option<String>,
    /// The namespace of every object.
    #[schemars(required, length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub namespace: Option<String>,
    /// Create the namespace when it is absent; `false` refuses instead.
    #[schemars(extend("default" = true))]
    pub create_namespace: Option<bool>,
    /// The kubeconfig context that must be in use; any when left out.
    #[schemars(length(min = 1))]
    pub context: Option<String>,
    /// Labels for the metadata of every object; they restart nothing.
    pub labels: Option<Texts>,
    /// Annotations for the metadata of every object; they restart nothing.
    pub annotations: Option<Texts>,
}

/// Size and version of the etcd cluster.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClusterSection {
    /// How many voters.
    #[schemars(range(min = 1, max = 7), extend("default" = 3))]
    pub members: Option<u8>,
    /// The etcd version, without `v`; it decides the image tag and the names of flags.
    #[schemars(regex(pattern = r"^3\.[567]\.[0-9]+$"), extend("examples" = ["3.6.16"]))]
    pub version: Option<String>,
    /// The DNS domain of the Kubernetes cluster, for certificate names.
    #[schemars(extend("default" = "cluster.local"))]
    pub domain: Option<String>,
    /// The cluster token; generated at founding when left out.
    #[schemars(length(min = 1, max = 128))]
    pub token: Option<String>,
}

/// The container image.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageSection {
    /// Registry and path, without a tag.
    #[schemars(extend("default" = "registry.k8s.io/etcd"))]
    pub repository: Option<String>,
    /// The tag; `v` and `cluster.version` when left out.
    pub tag: Option<String>,
    /// The digest, `sha256:` and 64 hexadecimal digits.
    #[schemars(regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// When the kubelet pulls the image.
    #[schemars(extend("enum" = ["Always", "IfNotPresent", "Never"], "default" = "IfNotPresent"))]
    pub pull_policy: Option<String>,
    /// Names of image pull Secrets in the namespace.
    pub pull_secrets: Option<Vec<String>>,
}

/// The members' volumes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StorageSection {
    /// What holds the data: a PersistentVolumeClaim for each member.
    #[schemars(extend("enum" = ["volume"], "default" = "volume"))]
    pub kind: Option<String>,
    /// How large each volume is.
    #[schemars(extend("default" = "8Gi", "examples" = ["20Gi"]))]
    pub size: Option<String>,
    /// The StorageClass: the cluster's default when left out, no class when empty.
    pub class: Option<String>,
    /// How the volume may be attached.
    #[schemars(extend("enum" = ["ReadWriteOnce", "ReadWriteOncePod"], "default" = "ReadWriteOnce"))]
    pub access_mode: Option<String>,
    /// What happens to a member's claim when `members` is lowered; `delete`
    /// needs its own permission at apply.
    #[schemars(extend("default" = "retain"))]
    pub on_scale_down: Option<OnScaleDown>,
    /// What happens to the members' claims when the stack is destroyed;
    /// `delete` needs its own permission then.
    #[schemars(extend("default" = "retain"))]
    pub on_destroy: Option<OnScaleDown>,
}

/// What the etcd container asks for and is limited to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourcesSection {
    /// What the scheduler sets aside; 250m cpu and 512Mi memory unless given.
    pub requests: Option<Texts>,
    /// What may not be exceeded; 2Gi memory unless given, no cpu limit.
    pub limits: Option<Texts>,
}

/// Where etcd listens; all different.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PortsSection {
    /// gRPC for clients.
    #[schemars(range(min = 1), extend("default" = 2379))]
    pub client: Option<u16>,
    /// Traffic between members.
    #[schemars(range(min = 1), extend("default" = 2380))]
    pub peer: Option<u16>,
    /// Metrics and health, plain HTTP.
    #[schemars(range(min = 1), extend("default" = 2381))]
    pub metrics: Option<u16>,
}

/// The client Service.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceSection {
    /// How it is reached.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["ClusterIP", "NodePort", "LoadBalancer"], "default" = "ClusterIP"))]
    pub kind: Option<String>,
    /// The node port for clients; the server chooses one when left out.
    #[schemars(range(min = 30000, max = 32767))]
    pub node_port: Option<u16>,
    /// Annotations of this Service alone.
    pub annotations: Option<Texts>,
    /// The load balancer's class.
    pub load_balancer_class: Option<String>,
    /// CIDR blocks that the load balancer lets in; all when left out.
    pub source_ranges: Option<Vec<String>>,
}

/// Certificates: TLS is mutual for clients and for peers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsSection {
    /// More names for the server certificate.
    pub server: Option<NamesSection>,
    /// More names for the peer certificate.
    pub peer: Option<NamesSection>,
    /// More names for every client certificate.
    pub client: Option<NamesSection>,
    /// How long certificates are valid.
    pub validity: Option<ValiditySection>,
    /// Client certificates to issue, one Secret each; `root` is the operator's.
    pub users: Option<Vec<UserSection>>,
}

/// Names beside those that the tool knows.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NamesSection {
    /// DNS names; the first label may be `*`.
    pub extra_dns_names: Option<Vec<String>>,
    /// IPv4 and IPv6 addresses.
    pub extra_ip_addresses: Option<Vec<String>>,
}

/// How long certificates are valid, in days.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ValiditySection {
    /// The authorities.
    #[schemars(range(min = 2, max = 36500), extend("default" = 3650))]
    pub ca_days: Option<u32>,
    /// Every other certificate; less than `ca_days`.
    #[schemars(range(min = 1, max = 36500), extend("default" = 365))]
    pub leaf_days: Option<u32>,
    /// A certificate with fewer days left is renewed; less than `leaf_days`.
    #[schemars(range(min = 0, max = 36500), extend("default" = 120))]
    pub renew_before_days: Option<u32>,
}

/// A client certificate to issue.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserSection {
    /// Its common name, and etcd's user name.
    #[schemars(required, length(min = 1, max = 64))]
    pub name: Option<String>,
    /// The Secret that holds it; `<stack>-user-<name>` when left out.
    pub secret: Option<String>,
}

/// Where the members' pods may run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlacementSection {
    /// One member a node.
    #[schemars(extend("default" = "required"))]
    pub nodes: Option<Spread>,
    /// Members spread over zones.
    #[schemars(extend("default" = "preferred"))]
    pub zones: Option<Spread>,
    /// Labels that a node must have.
    pub node_selector: Option<Texts>,
    /// As in a pod's `spec.tolerations`.
    pub tolerations: Option<Vec<Toleration>>,
    /// As in a pod's `spec.affinity`; takes the place of what `nodes` makes.
    pub affinity: Option<Affinity>,
    /// The PriorityClass of the pods.
    pub priority_class: Option<String>,
    /// As in a pod's `spec.topologySpreadConstraints`, after what `zones` makes.
    pub topology_spread: Option<Vec<TopologySpread>>,
}

/// The rest of the pod.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PodSection {
    /// Labels of the pods alone; a change restarts the members.
    pub labels: Option<Texts>,
    /// Annotations of the pods alone; a change restarts the members.
    pub annotations: Option<Texts>,
    /// The ServiceAccount of the pods; the namespace's default when left out.
    pub service_account: Option<String>,
    /// User and group id of the process; not root.
    #[schemars(range(min = 1, max = 2147483647), extend("default" = 65532))]
    pub run_as_user: Option<i64>,
    /// Group id that owns the volume.
    #[schemars(range(min = 0, max = 2147483647), extend("default" = 65532))]
    pub fs_group: Option<i64>,
    /// How long a member may take to stop, in whole seconds: `"60s"`.
    #[schemars(extend("default" = "60s"))]
    pub termination_grace: Option<String>,
    /// As in a pod's `spec.volumes`, beside the tool's own.
    pub extra_volumes: Option<Vec<Volume>>,
    /// As in a container's `volumeMounts`, beside the tool's own.
    pub extra_volume_mounts: Option<Vec<VolumeMount>>,
}

/// Kubelet probes, on `/livez` and `/readyz`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProbesSection {
    /// Restart a member that stops answering.
    #[schemars(extend("default" = true))]
    pub liveness: Option<bool>,
    /// Failures in a row before a restart.
    #[schemars(range(min = 1, max = 1000), extend("default" = 8))]
    pub liveness_threshold: Option<u32>,
    /// Failures in a row before a member leaves the client Service.
    #[schemars(range(min = 1, max = 1000), extend("default" = 3))]
    pub readiness_threshold: Option<u32>,
    /// Failures in a row, five seconds apart, that a start may take.
    #[schemars(range(min = 1, max = 10000), extend("default" = 240))]
    pub startup_threshold: Option<u32>,
}

/// Options of etcd itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EtcdSection {
    /// How large the database may grow; at most 45 % of `storage.size`, which
    /// is the default up to 8Gi.
    pub quota: Option<String>,
    /// How much history is kept: `"1h"`, `"1000 revisions"` or `"off"`.
    #[schemars(
        regex(pattern = r"^(off|[0-9]+ revisions|([0-9]+(ms|s|m|h))+)$"),
        extend("default" = "1h")
    )]
    pub auto_compaction: Option<String>,
    /// Time between heartbeats, such as `"100ms"`.
    #[schemars(extend("default" = "100ms"))]
    pub heartbeat: Option<String>,
    /// Time without a heartbeat before an election: 5 heartbeats to `"50s"`.
    #[schemars(extend("default" = "1000ms"))]
    pub election_timeout: Option<String>,
    /// Entries between two snapshots.
    #[schemars(range(min = 1, max = 4294967295u32), extend("default" = 10000))]
    pub snapshot_count: Option<u64>,
    /// The largest request that a client may send.
    #[schemars(extend("default" = "1.5Mi"))]
    pub max_request: Option<String>,
    /// How much etcd says.
    #[schemars(extend("enum" = ["debug", "info", "warn", "error", "panic", "fatal"], "default" = "info"))]
    pub log_level: Option<String>,
    /// Compare data with the peers before serving; costs 7 s a peer at each start.
    #[schemars(extend("default" = false))]
    pub initial_corrupt_check: Option<bool>,
    /// Other flags of etcd, by name without dashes.
    pub extra_args: Option<Texts>,
    /// Environment variables of the etcd container.
    pub extra_env: Option<Texts>,
}

/// What a drain may take away.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DisruptionSection {
    /// `quorum` keeps a quorum of members running; `off` makes no budget.
    #[schemars(extend("default" = "quorum"))]
    pub budget: Option<Budget>,
}

/// Fields that others set.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnershipSection {
    /// Fields to take back each time somebody else sets them.
    pub take: Option<Vec<FieldSection>>,
    /// Fields to leave to somebody else, whatever the value.
    pub tolerate: Option<Vec<FieldSection>>,
}

/// A field of one object and its manager, as the plan shows them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldSection {
    /// Kind and name.
    #[schemars(required, extend("examples" = ["StatefulSet/orders"]))]
    pub object: Option<String>,
    /// The field, with its list keys.
    #[schemars(required, length(min = 1), extend("examples" = ["spec.replicas"]))]
    pub field: Option<String>,
    /// The field manager.
    #[schemars(required, length(min = 1), extend("examples" = ["kubectl"]))]
    pub manager: Option<String>,
}
