//! The etcd container: environment, ports, probes and mounts.

use serde_json::{Value, json};

use super::arguments;
use crate::{desired::Names, object::CONTAINER, stack::Stack};

/// Where the server certificate is mounted. Whole folders, no `subPath`: only
/// these follow the Secret while the pod runs.
pub const SERVER_TLS: &str = "/etc/etcd/tls/server";
/// Where the peer certificate is mounted.
pub const PEER_TLS: &str = "/etc/etcd/tls/peer";

/// The container.
pub fn etcd(stack: &Stack, names: &Names) -> Value {
    let ports = stack.ports;
    let mut container = json!({
        "name": CONTAINER,
        "image": image(stack),
        "imagePullPolicy": stack.image.pull_policy,
        "command": ["/usr/local/bin/etcd"],
        "args": arguments::arguments(stack, names),
        "env": environment(stack, names),
        "ports": [
            { "name": "client", "containerPort": ports.client, "protocol": "TCP" },
            { "name": "peer", "containerPort": ports.peer, "protocol": "TCP" },
            { "name": "metrics", "containerPort": ports.metrics, "protocol": "TCP" },
        ],
        "startupProbe": probe("/livez", 5, 5, stack.probes.startup_threshold),
        // 503 without quorum comes after 7 s, so any shorter timeout counts it
        // as failed, which it is.
        "readinessProbe": probe("/readyz", 5, 5, stack.probes.readiness_threshold),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "resources": { "requests": stack.resources.requests, "limits": stack.resources.limits },
        // Brings the last line of the log into the pod's status, which needs
        // no right to read logs.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts(stack),
    });
    if stack.probes.liveness {
        // A serializable read: 200 without quorum, so that a lost quorum never
        // becomes a storm of restarts.
        container["livenessProbe"] = probe("/livez", 10, 15, stack.probes.liveness_threshold);
    }
    container
}

fn image(stack: &Stack) -> String {
    let image = &stack.image;
    let digest = image.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
    format!("{}:{}{digest}", image.repository, image.tag)
}

fn environment(stack: &Stack, names: &Names) -> Value {
    let field = |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": path } } });
    let bootstrap = names.bootstrap().name;
    let key = |name: &str, key: &str| json!({ "name": name, "valueFrom": { "configMapKeyRef": { "name": bootstrap, "key": key } } });
    let value = |name: &str, value: &str| json!({ "name": name, "value": value });
    let ours = [
        field("POD_NAME", "metadata.name"),
        field("POD_NAMESPACE", "metadata.namespace"),
        key("ETCD_INITIAL_CLUSTER", "initial-cluster"),
        key("ETCD_INITIAL_CLUSTER_STATE", "initial-cluster-state"),
        key("ETCD_INITIAL_CLUSTER_TOKEN", "initial-cluster-token"),
        // For `kubectl exec ... -- etcdctl member list`.
        value("ETCDCTL_CACERT", &format!("{SERVER_TLS}/ca.crt")),
        value("ETCDCTL_CERT", &format!("{SERVER_TLS}/tls.crt")),
        value("ETCDCTL_KEY", &format!("{SERVER_TLS}/tls.key")),
    ];
    // etcdctl exits when an option is given as a flag and here: so nothing is
    // said of endpoints unless its default, port 2379, is wrong.
    let elsewhere = names.ports.client != 2379;
    let endpoints =
        elsewhere.then(|| value("ETCDCTL_ENDPOINTS", &format!("https://localhost:{}", names.ports.client)));
    let extra = stack.etcd.extra_env.iter().map(|(name, text)| value(name, text));
    ours.into_iter().chain(endpoints).chain(extra).collect()
}

fn probe(path: &str, period: u32, timeout: u32, failures: u32) -> Value {
    json!({
        "httpGet": { "path": path, "port": "metrics", "scheme": "HTTP" },
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    })
}

fn mounts(stack: &Stack) -> Value {
    let ours = [
        json!({ "name": "data", "mountPath": "/var/lib/etcd" }),
        json!({ "name": "tls-server", "mountPath": SERVER_TLS, "readOnly": true }),
        json!({ "name": "tls-peer", "mountPath": PEER_TLS, "readOnly": true }),
    ];
    ours.into_iter().chain(stack.pod.extra_volume_mounts.iter().cloned()).collect()
}
