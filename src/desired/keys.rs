//! Which keys of the stack file a field of an object comes from.

use crate::object::Kind;

/// A field with all that is in it, and the keys that may ask for it.
type Row = (Kind, &'static str, &'static [&'static str]);

const ETCD: &str = "spec.template.spec.containers[etcd]";

/// Fields of one kind; those of the etcd container without where it is.
const OF_A_KIND: &[Row] = &[
    (Kind::StatefulSet, "spec.replicas", &["cluster.members"]),
    (Kind::StatefulSet, "spec.template.metadata.labels", &["pod.labels"]),
    (Kind::StatefulSet, "spec.template.metadata.annotations", &["pod.annotations"]),
    (Kind::StatefulSet, "spec.template.spec.nodeSelector", &["placement.node_selector"]),
    (Kind::StatefulSet, "spec.template.spec.tolerations", &["placement.tolerations"]),
    (Kind::StatefulSet, "spec.template.spec.priorityClassName", &["placement.priority_class"]),
    (Kind::StatefulSet, "spec.template.spec.terminationGracePeriodSeconds", &["pod.termination_grace"]),
    (Kind::StatefulSet, "spec.template.spec.serviceAccountName", &["pod.service_account"]),
    (Kind::StatefulSet, "spec.volumeClaimTemplates[data].spec.resources", &["storage.size"]),
    (Kind::StatefulSet, "spec.volumeClaimTemplates[data].spec.storageClassName", &["storage.class"]),
    (Kind::PersistentVolumeClaim, "spec.resources", &["storage.size"]),
    (Kind::PodDisruptionBudget, "spec.minAvailable", &["cluster.members"]),
    (Kind::Service, "spec.type", &["service.type"]),
    (Kind::Service, "spec.loadBalancerSourceRanges", &["service.source_ranges"]),
];

/// Fields of the etcd container.
const OF_ETCD: &[(&str, &[&str])] = &[
    (".image", &["cluster.version", "image.repository", "image.tag", "image.digest"]),
    (".resources.requests", &["resources.requests"]),
    (".resources.limits", &["resources.limits"]),
    (".args[--quota-backend-bytes]", &["etcd.quota", "storage.size"]),
    (".args[--auto-compaction-retention]", &["etcd.auto_compaction"]),
    (".args[--auto-compaction-mode]", &["etcd.auto_compaction"]),
    (".args[--heartbeat-interval]", &["etcd.heartbeat"]),
    (".args[--election-timeout]", &["etcd.election_timeout"]),
    (".args[--snapshot-count]", &["etcd.snapshot_count"]),
    (".args[--max-request-bytes]", &["etcd.max_request"]),
    (".args[--log-level]", &["etcd.log_level"]),
];

/// Fields of every kind.
const OF_ALL: &[(&str, &[&str])] = &[("metadata.labels", &["stack.labels"])];

/// The keys that may ask for a field; none where that is not known.
pub fn keys(kind: Kind, field: &str) -> &'static [&'static str] {
    let in_etcd = field.strip_prefix(ETCD).and_then(|rest| OF_ETCD.iter().find(|row| is_in(rest, row.0)));
    let of_kind = || OF_A_KIND.iter().find(|row| row.0 == kind && is_in(field, row.1)).map(|row| row.2);
    let of_all = || OF_ALL.iter().find(|row| is_in(field, row.0)).map(|row| row.1);
    in_etcd
        .filter(|_| kind == Kind::StatefulSet)
        .map(|row| row.1)
        .or_else(of_kind)
        .or_else(of_all)
        .unwrap_or_default()
}

fn is_in(field: &str, whole: &str) -> bool {
    field.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
