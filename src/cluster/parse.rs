//! From an object's JSON to the few values of it that matter.

use serde_json::Value;

use crate::{
    desired::CLUSTER_ID,
    observed::{Claim, Node, Pod, StorageClass, Trouble},
};

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

fn name(value: &Value) -> String {
    text(value, "/metadata/name").unwrap_or_default()
}

fn uid(value: &Value) -> String {
    text(value, "/metadata/uid").unwrap_or_default()
}

fn condition<'a>(value: &'a Value, kind: &str) -> Option<&'a Value> {
    value.pointer("/status/conditions")?.as_array()?.iter().find(|condition| condition["type"] == kind)
}

fn holds(value: &Value, kind: &str) -> bool {
    condition(value, kind).is_some_and(|condition| condition["status"] == "True")
}

/// A pod of a member.
pub fn pod(value: &Value) -> Pod {
    Pod {
        name: name(value),
        uid: uid(value),
        node: text(value, "/spec/nodeName"),
        phase: text(value, "/status/phase").unwrap_or_default(),
        ready: holds(value, "Ready"),
        terminating: value.pointer("/metadata/deletionTimestamp").is_some(),
        client_port: port(value, "client"),
        restarts: value
            .pointer("/status/containerStatuses/0/restartCount")
            .and_then(Value::as_i64)
            .and_then(|count| i32::try_from(count).ok())
            .unwrap_or(0),
        trouble: trouble(value),
    }
}

/// A port of the first container by its name.
fn port(value: &Value, name: &str) -> Option<u16> {
    let ports = value.pointer("/spec/containers/0/ports")?.as_array()?;
    let port = ports.iter().find(|port| port["name"] == name)?;
    u16::try_from(port["containerPort"].as_u64()?).ok()
}

/// Why a pod does not run: the scheduler's words, or the kubelet's, or the end
/// of what the process said.
fn trouble(value: &Value) -> Option<Trouble> {
    if let Some(scheduled) =
        condition(value, "PodScheduled").filter(|condition| condition["status"] == "False")
    {
        return Some(Trouble {
            reason: text(scheduled, "/reason").unwrap_or_default(),
            message: text(scheduled, "/message").unwrap_or_default(),
            last_words: None,
        });
    }
    let status = value.pointer("/status/containerStatuses/0")?;
    let last_words = ["/state/terminated/message", "/lastState/terminated/message"]
        .iter()
        .find_map(|pointer| text(status, pointer))
        .map(|words| words.trim().to_owned());
    if let Some(waiting) = status.pointer("/state/waiting") {
        let reason = text(waiting, "/reason").unwrap_or_default();
        // The first moments of every pod.
        if reason == "ContainerCreating" || reason == "PodInitializing" {
            return None;
        }
        return Some(Trouble { reason, message: text(waiting, "/message").unwrap_or_default(), last_words });
    }
    let ended = status.pointer("/state/terminated")?;
    let message = format!("exit code {}", ended["exitCode"]);
    Some(Trouble { reason: text(ended, "/reason").unwrap_or_default(), message, last_words })
}

/// A claim of a member.
pub fn claim(value: &Value) -> Claim {
    let recorded =
        value.get("metadata").and_then(|metadata| metadata.get("annotations")?.get(CLUSTER_ID)?.as_str());
    Claim {
        name: name(value),
        uid: uid(value),
        phase: text(value, "/status/phase").unwrap_or_default(),
        cluster_id: recorded.and_then(|id| id.parse().ok()),
        terminating: value.pointer("/metadata/deletionTimestamp").is_some(),
    }
}

/// A StorageClass.
pub fn storage_class(value: &Value) -> StorageClass {
    let annotations = value.pointer("/metadata/annotations");
    let default = annotations.and_then(|all| all.get("storageclass.kubernetes.io/is-default-class"));
    StorageClass {
        name: name(value),
        is_default: default.is_some_and(|value| value == "true"),
        expandable: value["allowVolumeExpansion"] == true,
        binding_mode: text(value, "/volumeBindingMode").unwrap_or_else(|| "Immediate".to_owned()),
    }
}

/// A node.
pub fn node(value: &Value) -> Node {
    let labels = value.pointer("/metadata/labels");
    let taints = value.pointer("/spec/taints").and_then(Value::as_array);
    let closed =
        taints.is_some_and(|taints| taints.iter().any(|taint| taint["effect"] != "PreferNoSchedule"));
    Node {
        name: name(value),
        zone: labels
            .and_then(|labels| labels.get("topology.kubernetes.io/zone")?.as_str())
            .map(str::to_owned),
        ready: holds(value, "Ready"),
        schedulable: value.pointer("/spec/unschedulable") != Some(&Value::Bool(true)) && !closed,
    }
}
