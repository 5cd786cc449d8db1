//! The StatefulSet, its pod template and its claim template.
//!
//! The template holds nothing that is unknown when the plan is made and
//! nothing that changes with membership: no token, no certificate, no member
//! list. So neither scaling nor renewing restarts anything. Four fields can
//! never change on a live StatefulSet: `serviceName` and `selector`, which are
//! final, `podManagementPolicy` and `volumeClaimTemplates`, for which it is made
//! anew around its pods.

use serde_json::{Value, json};

use super::{Names, labels};
use crate::{
    object::{Kind, Object, ObjectKey},
    stack::{Spread, Stack},
};

mod arguments;
mod container;

/// The StatefulSet at its wanted size.
pub fn stateful_set(stack: &Stack, names: &Names) -> Object {
    let spec = json!({
        "serviceName": names.peer_service().name,
        "replicas": stack.members,
        // A learner is never Ready, so the next pod may not wait for it.
        "podManagementPolicy": "Parallel",
        // Restarts are steps of a plan. No `rollingUpdate` beside it: the
        // server refuses `partition` here.
        "updateStrategy": { "type": "OnDelete" },
        "persistentVolumeClaimRetentionPolicy": { "whenDeleted": "Retain", "whenScaled": "Retain" },
        "selector": { "matchLabels": labels::selector(names) },
        "template": { "metadata": pod_metadata(stack, names), "spec": pod_spec(stack, names) },
        "volumeClaimTemplates": [claim_template(stack, names)],
    });
    labels::object(stack, names, names.stateful_set(), json!({ "spec": spec }))
}

/// The same StatefulSet with another number of pods.
pub fn with_replicas(stateful_set: &Object, replicas: usize) -> Object {
    let mut changed = stateful_set.clone();
    changed.body["spec"]["replicas"] = json!(replicas);
    changed
}

/// The pod of an ordinal as the controller would make it.
pub fn pod(stateful_set: &Object, names: &Names, ordinal: usize) -> Object {
    let key = names.pod(ordinal);
    let template = &stateful_set.body["spec"]["template"];
    let mut body = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": template["metadata"],
        "spec": template["spec"],
    });
    body["metadata"]["name"] = json!(key.name);
    body["metadata"]["namespace"] = json!(names.namespace);
    body["spec"]["hostname"] = json!(key.name);
    body["spec"]["subdomain"] = json!(names.peer_service().name);
    let data = json!({ "name": "data", "persistentVolumeClaim": { "claimName": names.claim(ordinal).name } });
    if let Some(volumes) = body["spec"]["volumes"].as_array_mut() {
        volumes.push(data);
    }
    Object { key, body }
}

/// The claim of an ordinal as the controller would make it.
pub fn claim(stateful_set: &Object, names: &Names, ordinal: usize) -> Object {
    let key: ObjectKey = names.claim(ordinal);
    let template = &stateful_set.body["spec"]["volumeClaimTemplates"][0];
    let mut body = json!({
        "apiVersion": "v1",
        "kind": Kind::PersistentVolumeClaim.to_string(),
        "metadata": template["metadata"],
        "spec": template["spec"],
    });
    body["metadata"]["name"] = json!(key.name);
    body["metadata"]["namespace"] = json!(names.namespace);
    Object { key, body }
}

fn pod_metadata(stack: &Stack, names: &Names) -> Value {
    let mut all = stack.pod.labels.clone();
    all.extend(labels::selector(names));
    let mut metadata = json!({ "labels": all });
    if !stack.pod.annotations.is_empty() {
        metadata["annotations"] = json!(stack.pod.annotations);
    }
    metadata
}

fn pod_spec(stack: &Stack, names: &Names) -> Value {
    let pod = &stack.pod;
    let mut spec = json!({
        "automountServiceAccountToken": false,
        // A Service called `etcd` would otherwise put `ETCD_PORT` and the like
        // into the environment, where etcd reads its options.
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": pod.termination_grace,
        "securityContext": {
            "runAsNonRoot": pod.run_as_user != 0,
            "runAsUser": pod.run_as_user,
            "runAsGroup": pod.run_as_user,
            "fsGroup": pod.fs_group,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [container::etcd(stack, names)],
        "volumes": volumes(stack, names),
    });
    place(&mut spec, stack, names);
    if let Some(account) = &pod.service_account {
        spec["serviceAccountName"] = json!(account);
        // The server copies it to its old name. A copy that is not ours stays
        // when the account is left out, and the server takes it back from there.
        // (`Convert_v1_PodSpec_To_core_PodSpec`)
        spec["serviceAccount"] = json!(account);
    }
    let secrets = &stack.image.pull_secrets;
    if !secrets.is_empty() {
        spec["imagePullSecrets"] = secrets.iter().map(|name| json!({ "name": name })).collect();
    }
    spec
}

fn volumes(stack: &Stack, names: &Names) -> Value {
    let secret = |name: &str, key: ObjectKey| json!({ "name": name, "secret": { "secretName": key.name, "defaultMode": 0o440 } });
    let ours = [secret("tls-server", names.server_secret()), secret("tls-peer", names.peer_secret())];
    ours.into_iter().chain(stack.pod.extra_volumes.iter().cloned()).collect()
}

fn place(spec: &mut Value, stack: &Stack, names: &Names) {
    let placement = &stack.placement;
    let affinity = placement.affinity.clone().or_else(|| one_a_node(placement.nodes, names));
    if let Some(affinity) = affinity {
        spec["affinity"] = affinity;
    }
    let spread: Vec<Value> =
        over_zones(placement.zones, names).into_iter().chain(placement.topology_spread.clone()).collect();
    if !spread.is_empty() {
        spec["topologySpreadConstraints"] = json!(spread);
    }
    if !placement.node_selector.is_empty() {
        spec["nodeSelector"] = json!(placement.node_selector);
    }
    if !placement.tolerations.is_empty() {
        spec["tolerations"] = json!(placement.tolerations);
    }
    if let Some(class) = &placement.priority_class {
        spec["priorityClassName"] = json!(class);
    }
}

fn one_a_node(spread: Spread, names: &Names) -> Option<Value> {
    let term = json!({
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": { "matchLabels": labels::selector(names) },
    });
    let rule = match spread {
        Spread::Required => json!({ "requiredDuringSchedulingIgnoredDuringExecution": [term] }),
        Spread::Preferred => json!({
            "preferredDuringSchedulingIgnoredDuringExecution": [{ "weight": 100, "podAffinityTerm": term }],
        }),
        Spread::Off => return None,
    };
    Some(json!({ "podAntiAffinity": rule }))
}

fn over_zones(spread: Spread, names: &Names) -> Option<Value> {
    let when = match spread {
        Spread::Required => "DoNotSchedule",
        Spread::Preferred => "ScheduleAnyway",
        Spread::Off => return None,
    };
    Some(json!({
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": when,
        "labelSelector": { "matchLabels": labels::selector(names) },
    }))
}

fn claim_template(stack: &Stack, names: &Names) -> Value {
    let storage = &stack.storage;
    let mut spec = json!({
        "accessModes": [storage.access_mode],
        "resources": { "requests": { "storage": storage.size } },
        "volumeMode": "Filesystem",
    });
    if let Some(class) = &storage.class {
        spec["storageClassName"] = json!(class);
    }
    // The kind is spelled out because the list is atomic: the server stores it
    // as sent, and another spelling would be a change.
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": "data", "labels": labels::selector(names) },
        "spec": spec,
    })
}
