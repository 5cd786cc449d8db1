//! From an object's JSON to the few values of it that matter.

use serde_json::Value;

use crate::{
    desired::CLUSTER_ID,
    object::etcd_container,
    observed::{Claim, Node, Pod, Revision, StorageClass, Trouble},
    quantity::Quantity,
};

/// Why the kernel ended a process that outgrew its limit.
const OUT_OF_MEMORY: &str = "OOMKilled";

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
        image: etcd_container(value, CONTAINERS).and_then(|container| text(container, "/image")),
        client_port: port(value, "client"),
        restarts: etcd_container(value, STATES)
            .and_then(|state| state["restartCount"].as_i64())
            .and_then(|count| i32::try_from(count).ok())
            .unwrap_or(0),
        revision: text(value, "/metadata/labels/controller-revision-hash"),
        owner: controller(value),
        trouble: trouble(value),
    }
}

/// A template that the StatefulSet's controller keeps: a strategic merge patch
/// that replaces it.
pub fn revision(value: &Value) -> Option<Revision> {
    let mut template = value.pointer("/data/spec/template")?.clone();
    template.as_object_mut()?.remove("$patch");
    let number = value["revision"].as_i64()?;
    Some(Revision { name: name(value), number, owner: controller(value), template })
}

/// What an object goes with.
fn owners(value: &Value) -> &[Value] {
    value.pointer("/metadata/ownerReferences").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn in_words(owner: &Value) -> String {
    let part = |field: &str| text(owner, field).unwrap_or_default();
    format!("{}/{}", part("/kind"), part("/name"))
}

/// The one owner that makes and deletes it.
fn controller(value: &Value) -> Option<String> {
    text(owners(value).iter().find(|owner| owner["controller"] == true)?, "/uid")
}

const CONTAINERS: &str = "/spec/containers";

/// Where a pod tells how its containers are.
const STATES: &str = "/status/containerStatuses";

/// A port of the etcd container by its name.
fn port(value: &Value, name: &str) -> Option<u16> {
    let ports = etcd_container(value, CONTAINERS)?.get("ports")?.as_array()?;
    let port = ports.iter().find(|port| port["name"] == name)?;
    u16::try_from(port["containerPort"].as_u64()?).ok()
}

/// Why a pod does not run: the scheduler's words, or the kubelet's, or the end
/// of what the process said.
fn trouble(value: &Value) -> Option<Trouble> {
    if let Some(scheduled) =
        condition(value, "PodScheduled").filter(|condition| condition["status"] == "False")
    {
        return Some(without_process(scheduled));
    }
    // The kubelet or the control plane put the whole pod out: `Evicted`.
    if value.pointer("/status/phase").is_some_and(|phase| phase == "Failed")
        && let Some(status) = value.get("status").filter(|status| status["reason"].is_string())
    {
        return Some(without_process(status));
    }
    let status = etcd_container(value, STATES)?;
    let now = status.pointer("/state/terminated");
    let died = now.or_else(|| status.pointer("/lastState/terminated"));
    let last_words = died.and_then(|died| text(died, "/message")).map(|words| words.trim().to_owned());
    let exit_code = died.and_then(|died| died["exitCode"].as_i64());
    if let Some(waiting) = status.pointer("/state/waiting") {
        let reason = text(waiting, "/reason").unwrap_or_default();
        // The first moments of every pod.
        if reason == "ContainerCreating" || reason == "PodInitializing" {
            return None;
        }
        let of_memory = died.is_some_and(|died| died["reason"] == OUT_OF_MEMORY);
        let reason = if of_memory { OUT_OF_MEMORY.to_owned() } else { reason };
        let message = text(waiting, "/message").unwrap_or_default();
        return Some(Trouble { reason, message, last_words, exit_code });
    }
    let ended = now?;
    let message = format!("exit code {}", ended["exitCode"]);
    Some(Trouble { reason: text(ended, "/reason").unwrap_or_default(), message, last_words, exit_code })
}

/// What stands under `reason` and `message`, where no process was started.
fn without_process(value: &Value) -> Trouble {
    Trouble {
        reason: text(value, "/reason").unwrap_or_default(),
        message: text(value, "/message").unwrap_or_default(),
        last_words: None,
        exit_code: None,
    }
}

/// A claim of a member.
pub fn claim(value: &Value) -> Claim {
    let recorded =
        value.get("metadata").and_then(|metadata| metadata.get("annotations")?.get(CLUSTER_ID)?.as_str());
    Claim {
        name: name(value),
        uid: uid(value),
        version: text(value, "/metadata/resourceVersion").unwrap_or_default(),
        phase: text(value, "/status/phase").unwrap_or_default(),
        cluster_id: recorded.and_then(|id| id.parse().ok()),
        terminating: value.pointer("/metadata/deletionTimestamp").is_some(),
        owners: owners(value).iter().map(in_words).collect(),
        class: text(value, "/spec/storageClassName"),
        requested: amount(value, "/spec/resources/requests/storage"),
        capacity: amount(value, "/status/capacity/storage"),
        growing: ["Resizing", "FileSystemResizePending"]
            .into_iter()
            .find(|kind| holds(value, kind))
            .map(str::to_owned),
    }
}

fn amount(value: &Value, pointer: &str) -> Option<Quantity> {
    text(value, pointer)?.parse().ok()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trouble_of(state: Value, last: Value) -> Option<Trouble> {
        let status = json!({ "name": "etcd", "state": state, "lastState": last, "restartCount": 3 });
        pod(&json!({ "status": { "phase": "Running", "containerStatuses": [status] } })).trouble
    }

    fn trouble(reason: &str, message: &str, last_words: Option<&str>, exit_code: Option<i64>) -> Trouble {
        let (reason, message) = (reason.to_owned(), message.to_owned());
        Trouble { reason, message, last_words: last_words.map(str::to_owned), exit_code }
    }

    #[test]
    fn between_two_starts_a_pod_still_tells_how_its_process_ended() {
        let waits = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 10s" } });
        let died = json!({ "terminated": { "reason": "Error", "exitCode": 2, "message": "bad flag\n" } });
        let crashing = trouble("CrashLoopBackOff", "back-off 10s", Some("bad flag"), Some(2));
        assert_eq!(trouble_of(waits.clone(), died.clone()), Some(crashing));
        let dead = trouble("Error", "exit code 2", Some("bad flag"), Some(2));
        assert_eq!(trouble_of(died.clone(), json!({})), Some(dead));
        assert_eq!(trouble_of(json!({ "running": {} }), died), None);
        let of_memory = json!({ "terminated": { "reason": "OOMKilled", "exitCode": 137 } });
        let killed = trouble("OOMKilled", "back-off 10s", None, Some(137));
        assert_eq!(trouble_of(waits, of_memory), Some(killed));
    }

    #[test]
    fn a_container_that_stands_before_etcd_is_not_taken_for_it() {
        let ports = |number: u16| json!([{ "name": "client", "containerPort": number }]);
        let found = pod(&json!({
            "spec": { "containers": [{ "name": "proxy", "ports": ports(1) }, { "name": "etcd", "ports": ports(2) }] },
            "status": { "containerStatuses": [
                { "name": "proxy", "restartCount": 7, "state": { "waiting": { "reason": "ErrImagePull" } } },
                { "name": "etcd", "restartCount": 1, "state": { "running": {} } },
            ] },
        }));
        assert_eq!((found.client_port, found.restarts, found.trouble), (Some(2), 1, None));
    }

    #[test]
    fn a_template_that_was_kept_is_read_as_the_stateful_set_shows_it() {
        let owner = json!({ "controller": true, "uid": "set" });
        let found = revision(&json!({
            "metadata": { "name": "orders-6c", "ownerReferences": [owner] },
            "data": { "spec": { "template": { "$patch": "replace", "spec": { "hostNetwork": true } } } },
            "revision": 4,
        }));
        let template = json!({ "spec": { "hostNetwork": true } });
        let kept =
            Revision { name: "orders-6c".to_owned(), number: 4, owner: Some("set".to_owned()), template };
        assert_eq!(found, Some(kept));
        assert_eq!(revision(&json!({ "data": { "more": 1 }, "revision": 4 })), None);
    }

    #[test]
    fn a_claim_tells_what_it_goes_with() {
        let owner = json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "orders", "uid": "u" });
        let owned = claim(&json!({ "metadata": { "ownerReferences": [owner] } }));
        assert_eq!(owned.owners, ["StatefulSet/orders"]);
        assert_eq!(claim(&json!({ "metadata": {} })).owners, Vec::<String>::new());
    }

    #[test]
    fn a_pod_that_was_put_out_tells_why() {
        let status = json!({ "phase": "Failed", "reason": "Evicted", "message": "low on memory" });
        let found = pod(&json!({ "status": status })).trouble;
        assert_eq!(found, Some(trouble("Evicted", "low on memory", None, None)));
    }
}
