//! Which certificates a stack needs, and in which Secrets they live.
//!
//! Two authorities: whoever holds a certificate of the peer authority may
//! join raft; whoever holds one of the client authority is a client. Neither
//! is of use for the other, and no pod mounts an authority's key.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde_json::json;

use super::{Names, SecretRequest, labels, names::ORDINALS};
use crate::{
    certificate::{Request, Usage},
    object::ObjectKey,
    stack::{ExtraNames, Stack},
};

/// Every Secret with a certificate, authorities first.
pub fn secrets(stack: &Stack, names: &Names) -> Vec<SecretRequest> {
    let client = Some(names.client_authority());
    let peer = Some(names.peer_authority());
    let mut all = vec![
        secret(stack, names, names.client_authority(), None, authority(stack, "client")),
        secret(stack, names, names.peer_authority(), None, authority(stack, "peer")),
        secret(stack, names, names.server_secret(), client.clone(), server(stack, names)),
        secret(stack, names, names.peer_secret(), peer, peers(stack, names)),
        secret(stack, names, names.operator_secret(), client.clone(), user(stack, "root")),
    ];
    all.extend(stack.tls.users.iter().map(|wanted| {
        let key = ObjectKey::new(crate::object::Kind::Secret, &names.namespace, &wanted.secret);
        secret(stack, names, key, client.clone(), user(stack, &wanted.name))
    }));
    all
}

/// `Opaque`, because the API server refuses to apply labels alone to a
/// `kubernetes.io/tls` Secret.
fn secret(
    stack: &Stack,
    names: &Names,
    key: ObjectKey,
    authority: Option<ObjectKey>,
    request: Request,
) -> SecretRequest {
    let object = labels::object(stack, names, key, json!({ "type": "Opaque" }));
    SecretRequest { object, request, authority }
}

fn authority(stack: &Stack, of: &str) -> Request {
    Request {
        subject: format!("{} {of} authority", stack.name),
        usage: Usage::Authority,
        dns_names: BTreeSet::new(),
        ip_addresses: BTreeSet::new(),
        days: stack.tls.ca_days,
    }
}

fn server(stack: &Stack, names: &Names) -> Request {
    let Names { stack: name, namespace, domain, .. } = names;
    let mut dns_names: BTreeSet<String> = [
        "localhost".to_owned(),
        name.clone(),
        format!("{name}.{namespace}"),
        format!("{name}.{namespace}.svc"),
        format!("{name}.{namespace}.svc.{domain}"),
    ]
    .into();
    dns_names.extend(wildcards(names));
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    leaf(stack, "etcd-server", Usage::ServerAndClient, dns_names, loopback.into(), &stack.tls.server)
}

/// Names each ordinal: etcd resolves exact names forward when it checks a
/// peer, and wildcards only through reverse DNS, which an overlapping Service
/// makes ambiguous (`client/pkg/transport/listener_tls.go`).
fn peers(stack: &Stack, names: &Names) -> Request {
    let hosts = (0..ORDINALS).map(|ordinal| names.host(ordinal));
    let mut dns_names: BTreeSet<String> =
        hosts.flat_map(|host| [format!("{host}.{}", names.domain), host]).collect();
    dns_names.extend(wildcards(names));
    leaf(stack, "etcd-peer", Usage::ServerAndClient, dns_names, BTreeSet::new(), &stack.tls.peer)
}

fn user(stack: &Stack, name: &str) -> Request {
    leaf(stack, name, Usage::Client, BTreeSet::new(), BTreeSet::new(), &stack.tls.client)
}

fn wildcards(names: &Names) -> [String; 2] {
    let host = format!("*.{}-peer.{}.svc", names.stack, names.namespace);
    [format!("{host}.{}", names.domain), host]
}

fn leaf(
    stack: &Stack,
    subject: &str,
    usage: Usage,
    mut dns_names: BTreeSet<String>,
    mut ip_addresses: BTreeSet<IpAddr>,
    extra: &ExtraNames,
) -> Request {
    dns_names.extend(extra.dns_names.iter().cloned());
    ip_addresses.extend(extra.ip_addresses.iter().copied());
    Request { subject: subject.to_owned(), usage, dns_names, ip_addresses, days: stack.tls.leaf_days }
}
