//! The two Services: one headless, for members; one with an address, for
//! clients. Exactly one is headless: a pod behind two has two names in reverse
//! DNS, in no fixed order, and etcd checks peers by reverse DNS.

use serde_json::{Value, json};

use super::{Names, labels};
use crate::{object::Object, stack::Stack};

/// By which members find each other, from before they are Ready: a joiner and
/// a learner never are.
pub fn peer(stack: &Stack, names: &Names) -> Object {
    let ports = stack.ports;
    let spec = json!({
        "type": "ClusterIP",
        "clusterIP": "None",
        "publishNotReadyAddresses": true,
        "selector": labels::selector(names),
        "ports": [port("client", ports.client), port("peer", ports.peer)],
    });
    labels::object(stack, names, names.peer_service(), json!({ "spec": spec }))
}

/// By which clients find Ready voters.
pub fn client(stack: &Stack, names: &Names) -> Object {
    let service = &stack.service;
    let mut client_port = port("client", stack.ports.client);
    if let Some(node_port) = service.node_port {
        client_port["nodePort"] = json!(node_port);
    }
    let mut spec = json!({
        "type": service.kind,
        "selector": labels::selector(names),
        "ports": [client_port],
    });
    if let Some(class) = &service.load_balancer_class {
        spec["loadBalancerClass"] = json!(class);
    }
    if !service.source_ranges.is_empty() {
        spec["loadBalancerSourceRanges"] = json!(service.source_ranges);
    }
    let mut object = labels::object(stack, names, names.client_service(), json!({ "spec": spec }));
    if !service.annotations.is_empty() {
        let mut annotations = stack.annotations.clone();
        annotations.extend(service.annotations.clone());
        object.body["metadata"]["annotations"] = json!(annotations);
    }
    object
}

fn port(name: &str, number: u16) -> Value {
    json!({ "name": name, "port": number, "targetPort": name, "protocol": "TCP" })
}
