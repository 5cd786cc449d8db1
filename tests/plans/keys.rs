//! From which key of the stack file a field comes.

use etcdctl_stack::{desired::keys, object::Kind, plan::differences};

use crate::worlds::stack;

/// Lines of a stack file, a field that they change, and the key in them.
const TABLE: &[(&str, Kind, &str, &str)] = &[
    ("[cluster]\nmembers = 5", Kind::StatefulSet, "spec.replicas", "cluster.members"),
    ("[cluster]\nmembers = 5", Kind::PodDisruptionBudget, "spec.minAvailable", "cluster.members"),
    ("[cluster]\nversion = \"3.6.15\"", Kind::StatefulSet, "ETCD.image", "cluster.version"),
    ("[image]\nrepository = \"example.com/etcd\"", Kind::StatefulSet, "ETCD.image", "image.repository"),
    ("[image]\ntag = \"v3.6.15\"", Kind::StatefulSet, "ETCD.image", "image.tag"),
    (
        "[resources]\nrequests = { cpu = \"1\" }",
        Kind::StatefulSet,
        "ETCD.resources.requests.cpu",
        "resources.requests",
    ),
    (
        "[resources]\nlimits = { memory = \"4Gi\" }",
        Kind::StatefulSet,
        "ETCD.resources.limits.memory",
        "resources.limits",
    ),
    ("[etcd]\nquota = \"1Gi\"", Kind::StatefulSet, "ETCD.args[--quota-backend-bytes]", "etcd.quota"),
    (
        "[etcd]\nauto_compaction = \"7h\"",
        Kind::StatefulSet,
        "ETCD.args[--auto-compaction-retention]",
        "etcd.auto_compaction",
    ),
    (
        "[etcd]\nauto_compaction = \"7 revisions\"",
        Kind::StatefulSet,
        "ETCD.args[--auto-compaction-mode]",
        "etcd.auto_compaction",
    ),
    ("[etcd]\nheartbeat = \"150ms\"", Kind::StatefulSet, "ETCD.args[--heartbeat-interval]", "etcd.heartbeat"),
    (
        "[etcd]\nelection_timeout = \"2s\"",
        Kind::StatefulSet,
        "ETCD.args[--election-timeout]",
        "etcd.election_timeout",
    ),
    (
        "[etcd]\nsnapshot_count = 20000",
        Kind::StatefulSet,
        "ETCD.args[--snapshot-count]",
        "etcd.snapshot_count",
    ),
    (
        "[etcd]\nmax_request = \"2Mi\"",
        Kind::StatefulSet,
        "ETCD.args[--max-request-bytes]",
        "etcd.max_request",
    ),
    ("[etcd]\nlog_level = \"warn\"", Kind::StatefulSet, "ETCD.args[--log-level]", "etcd.log_level"),
    (
        "[storage]\nsize = \"16Gi\"",
        Kind::StatefulSet,
        "spec.volumeClaimTemplates[data].spec.resources.requests.storage",
        "storage.size",
    ),
    ("[storage]\nsize = \"2Gi\"", Kind::StatefulSet, "ETCD.args[--quota-backend-bytes]", "storage.size"),
    (
        "[storage]\nclass = \"fast\"",
        Kind::StatefulSet,
        "spec.volumeClaimTemplates[data].spec.storageClassName",
        "storage.class",
    ),
    ("labels = { team = \"db\" }", Kind::Service, "metadata.labels.team", "stack.labels"),
    (
        "[pod]\nlabels = { team = \"db\" }",
        Kind::StatefulSet,
        "spec.template.metadata.labels.team",
        "pod.labels",
    ),
    (
        "[pod]\nannotations = { team = \"db\" }",
        Kind::StatefulSet,
        "spec.template.metadata.annotations.team",
        "pod.annotations",
    ),
    (
        "[pod]\ntermination_grace = \"90s\"",
        Kind::StatefulSet,
        "spec.template.spec.terminationGracePeriodSeconds",
        "pod.termination_grace",
    ),
    (
        "[pod]\nservice_account = \"etcd\"",
        Kind::StatefulSet,
        "spec.template.spec.serviceAccountName",
        "pod.service_account",
    ),
    (
        "[placement]\nnode_selector = { disk = \"ssd\" }",
        Kind::StatefulSet,
        "spec.template.spec.nodeSelector.disk",
        "placement.node_selector",
    ),
    (
        "[[placement.tolerations]]\nkey = \"a\"\noperator = \"Exists\"",
        Kind::StatefulSet,
        "spec.template.spec.tolerations",
        "placement.tolerations",
    ),
    (
        "[placement]\npriority_class = \"high\"",
        Kind::StatefulSet,
        "spec.template.spec.priorityClassName",
        "placement.priority_class",
    ),
    ("[service]\ntype = \"LoadBalancer\"", Kind::Service, "spec.type", "service.type"),
    (
        "[service]\ntype = \"LoadBalancer\"\nsource_ranges = [\"10.0.0.0/8\"]",
        Kind::Service,
        "spec.loadBalancerSourceRanges",
        "service.source_ranges",
    ),
];

#[test]
fn a_key_of_the_stack_file_changes_the_fields_that_are_said_to_come_from_it() {
    let before = stack("");
    for (lines, kind, field, key) in TABLE {
        let field = field.replace("ETCD", "spec.template.spec.containers[etcd]");
        let after = stack(lines);
        let pairs =
            before.objects().into_iter().zip(after.objects()).filter(|(one, _)| one.key.kind == *kind);
        let changed: Vec<String> =
            pairs.flat_map(|(one, other)| differences(&one.body, &other.body)).map(|one| one.path).collect();
        let found = changed.iter().find(|path| path.starts_with(&field) || field.starts_with(*path));
        let found = found.unwrap_or_else(|| panic!("{lines} changes no {field}: {changed:?}"));
        assert!(
            keys(*kind, &field).contains(key) && keys(*kind, found).contains(key)
                || found.len() < field.len(),
            "{key}: {found}"
        );
    }
    assert_eq!(keys(Kind::Service, "spec.selector"), [""; 0]);
    assert_eq!(keys(Kind::PersistentVolumeClaim, "spec.resources.requests.storage"), ["storage.size"]);
}
