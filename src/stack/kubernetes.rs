//! Shapes that are typed as Kubernetes has them, in its own `camelCase`.
//!
//! Typed, so that a misspelt key is found here and not by the API server, or
//! by nobody. Keys that Kubernetes requires are required.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Declares a Kubernetes shape: every field optional here, since the walk over
/// the schema has reported those that are required.
macro_rules! shape {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        pub(super) struct $name {
            $(
                $(#[$field_meta])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }
    };
}

shape! {
    /// A taint that the pods put up with.
    Toleration {
        /// The taint's key; every key when left out, with `Exists`.
        key: String,
        /// How `value` is compared.
        #[schemars(extend("enum" = ["Equal", "Exists"], "default" = "Equal"))]
        operator: String,
        /// The taint's value.
        value: String,
        /// Which effect; every one when left out.
        #[schemars(extend("enum" = ["NoSchedule", "PreferNoSchedule", "NoExecute"]))]
        effect: String,
        /// Seconds to stay after the taint appears; only with `NoExecute`.
        toleration_seconds: i64,
    }
}

shape! {
    /// How pods are spread over a kind of place.
    TopologySpread {
        /// The largest difference in pods between two places.
        #[schemars(required, range(min = 1))]
        max_skew: i32,
        /// The node label that names the place.
        #[schemars(required)]
        topology_key: String,
        /// What happens when the rule cannot be kept.
        #[schemars(required, extend("enum" = ["DoNotSchedule", "ScheduleAnyway"]))]
        when_unsatisfiable: String,
        /// Which pods are counted; the members of this stack when left out.
        label_selector: LabelSelector,
        /// Pod labels whose values are compared too.
        match_label_keys: Vec<String>,
        /// The fewest places that count.
        #[schemars(range(min = 1))]
        min_domains: i32,
        /// Whether node affinity limits the places that count.
        #[schemars(extend("enum" = ["Honor", "Ignore"]))]
        node_affinity_policy: String,
        /// Whether taints limit the places that count.
        #[schemars(extend("enum" = ["Honor", "Ignore"]))]
        node_taints_policy: String,
    }
}

shape! {
    /// Which objects, by their labels.
    LabelSelector {
        /// Labels that must be equal.
        match_labels: BTreeMap<String, String>,
        /// Rules on labels.
        match_expressions: Vec<LabelRule>,
    }
}

shape! {
    /// A rule on a label.
    LabelRule {
        /// The label.
        #[schemars(required)]
        key: String,
        /// How it is compared.
        #[schemars(required, extend("enum" = ["In", "NotIn", "Exists", "DoesNotExist"]))]
        operator: String,
        /// With what, for `In` and `NotIn`.
        values: Vec<String>,
    }
}

shape! {
    /// Rules on nodes and on pods nearby.
    Affinity {
        /// Which nodes.
        node_affinity: NodeAffinity,
        /// Near which pods.
        pod_affinity: PodAffinity,
        /// Away from which pods.
        pod_anti_affinity: PodAffinity,
    }
}

shape! {
    /// Rules on nodes.
    NodeAffinity {
        /// What must hold when the pod is scheduled.
        #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
        required: NodeSelector,
        /// What is better.
        #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
        preferred: Vec<WeightedNodeTerm>,
    }
}

shape! {
    /// Nodes that match any of the terms.
    NodeSelector {
        /// The terms.
        #[schemars(required)]
        node_selector_terms: Vec<NodeTerm>,
    }
}

shape! {
    /// A term and its weight.
    WeightedNodeTerm {
        /// 1 to 100.
        #[schemars(required, range(min = 1, max = 100))]
        weight: i32,
        /// The term.
        #[schemars(required)]
        preference: NodeTerm,
    }
}

shape! {
    /// Rules that must all hold.
    NodeTerm {
        /// Rules on labels.
        match_expressions: Vec<NodeRule>,
        /// Rules on fields.
        match_fields: Vec<NodeRule>,
    }
}

shape! {
    /// A rule on a node.
    NodeRule {
        /// The label or field.
        #[schemars(required)]
        key: String,
        /// How it is compared.
        #[schemars(required, extend("enum" = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]))]
        operator: String,
        /// With what.
        values: Vec<String>,
    }
}

shape! {
    /// Rules on pods nearby.
    PodAffinity {
        /// What must hold when the pod is scheduled.
        #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
        required: Vec<PodTerm>,
        /// What is better.
        #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
        preferred: Vec<WeightedPodTerm>,
    }
}

shape! {
    /// A term and its weight.
    WeightedPodTerm {
        /// 1 to 100.
        #[schemars(required, range(min = 1, max = 100))]
        weight: i32,
        /// The term.
        #[schemars(required)]
        pod_affinity_term: PodTerm,
    }
}

shape! {
    /// Which pods, and what counts as near.
    PodTerm {
        /// The node label that names the place.
        #[schemars(required)]
        topology_key: String,
        /// Which pods.
        label_selector: LabelSelector,
        /// In which namespaces.
        namespaces: Vec<String>,
        /// In which namespaces, by label.
        namespace_selector: LabelSelector,
        /// Pod labels whose values must be equal.
        match_label_keys: Vec<String>,
        /// Pod labels whose values must differ.
        mismatch_label_keys: Vec<String>,
    }
}

shape! {
    /// A mount of one of `pod.extra_volumes`.
    VolumeMount {
        /// The volume.
        #[schemars(required)]
        name: String,
        /// Where, as an absolute path.
        #[schemars(required)]
        mount_path: String,
        /// A path inside the volume.
        sub_path: String,
        /// Refuse writes.
        read_only: bool,
        /// Whether mounts pass between node and container.
        #[schemars(extend("enum" = ["None", "HostToContainer", "Bidirectional"]))]
        mount_propagation: String,
    }
}

shape! {
    /// A volume: a name and one source.
    Volume {
        /// The volume's name.
        #[schemars(required)]
        name: String,
        /// A ConfigMap.
        config_map: ConfigMapSource,
        /// A Secret.
        secret: SecretSource,
        /// An empty directory.
        empty_dir: EmptyDirSource,
        /// A path of the node.
        host_path: HostPathSource,
        /// A claim that exists.
        persistent_volume_claim: ClaimSource,
        /// Several sources in one directory.
        projected: ProjectedSource,
        /// A volume of a CSI driver.
        csi: CsiSource,
        /// A directory of an NFS server.
        nfs: NfsSource,
    }
}

shape! {
    /// A key as a file.
    KeyToPath {
        /// The key.
        #[schemars(required)]
        key: String,
        /// The file.
        #[schemars(required)]
        path: String,
        /// Its mode.
        #[schemars(range(min = 0, max = 511))]
        mode: i32,
    }
}

shape! {
    /// A ConfigMap.
    ConfigMapSource {
        /// Its name.
        #[schemars(required)]
        name: String,
        /// Which keys; all when left out.
        items: Vec<KeyToPath>,
        /// Mode of the files.
        #[schemars(range(min = 0, max = 511))]
        default_mode: i32,
        /// Start without it.
        optional: bool,
    }
}

shape! {
    /// A Secret.
    SecretSource {
        /// Its name.
        #[schemars(required)]
        secret_name: String,
        /// Which keys; all when left out.
        items: Vec<KeyToPath>,
        /// Mode of the files.
        #[schemars(range(min = 0, max = 511))]
        default_mode: i32,
        /// Start without it.
        optional: bool,
    }
}

shape! {
    /// An empty directory.
    EmptyDirSource {
        /// `Memory`, or the node's disk.
        #[schemars(extend("enum" = ["", "Memory"]))]
        medium: String,
        /// The most that it may hold.
        size_limit: String,
    }
}

shape! {
    /// A path of the node.
    HostPathSource {
        /// The path.
        #[schemars(required)]
        path: String,
        /// What must be there.
        #[schemars(extend("enum" = ["", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"]))]
        r#type: String,
    }
}

shape! {
    /// A claim that exists.
    ClaimSource {
        /// Its name.
        #[schemars(required)]
        claim_name: String,
        /// Refuse writes.
        read_only: bool,
    }
}

shape! {
    /// Several sources in one directory.
    ProjectedSource {
        /// The sources.
        #[schemars(required)]
        sources: Vec<Projection>,
        /// Mode of the files.
        #[schemars(range(min = 0, max = 511))]
        default_mode: i32,
    }
}

shape! {
    /// One source of a projected volume.
    Projection {
        /// A ConfigMap.
        config_map: NamedProjection,
        /// A Secret.
        secret: NamedProjection,
        /// A token of the pod's ServiceAccount.
        service_account_token: TokenProjection,
    }
}

shape! {
    /// A ConfigMap or Secret of a projected volume.
    NamedProjection {
        /// Its name.
        #[schemars(required)]
        name: String,
        /// Which keys; all when left out.
        items: Vec<KeyToPath>,
        /// Start without it.
        optional: bool,
    }
}

shape! {
    /// A token of the pod's ServiceAccount.
    TokenProjection {
        /// The file.
        #[schemars(required)]
        path: String,
        /// Who may accept it.
        audience: String,
        /// How long it is valid.
        #[schemars(range(min = 600))]
        expiration_seconds: i64,
    }
}

shape! {
    /// A volume of a CSI driver.
    CsiSource {
        /// The driver.
        #[schemars(required)]
        driver: String,
        /// The file system.
        fs_type: String,
        /// Refuse writes.
        read_only: bool,
        /// What the driver reads.
        volume_attributes: BTreeMap<String, String>,
    }
}

shape! {
    /// A directory of an NFS server.
    NfsSource {
        /// The server.
        #[schemars(required)]
        server: String,
        /// The directory.
        #[schemars(required)]
        path: String,
        /// Refuse writes.
        read_only: bool,
    }
}

/// Returns the canonical JSON of a shape.
pub(super) fn canonical<T: Serialize>(shape: &T) -> Value {
    serde_json::to_value(shape).expect("a shape holds only texts, numbers, lists and maps")
}
