//! `[ports]` and `[service]`.

use crate::stack::{
    Ports, Service,
    file::{PortsSection, ServiceSection},
    finding::Finder,
    syntax,
};

use super::{annotations, text};

pub(super) fn ports(section: PortsSection, f: &mut Finder) -> Ports {
    let PortsSection { client, peer, metrics } = section;
    let ports = Ports {
        client: client.unwrap_or(2379),
        peer: peer.unwrap_or(2380),
        metrics: metrics.unwrap_or(2381),
    };
    let named =
        [("ports.client", ports.client), ("ports.peer", ports.peer), ("ports.metrics", ports.metrics)];
    for (index, (key, port)) in named.iter().enumerate() {
        for (other, _) in named[..index].iter().filter(|(_, earlier)| earlier == port) {
            // Blame a key that was typed: the other may be a default.
            let (typed, rest) = if f.given(key) { (key, other) } else { (other, key) };
            if f.right(&[key, other]) {
                f.error("stack::contradiction", typed, format!("`{key}` and `{other}` are both {port}"))
                    .label(format!("taken by `{rest}`"))
                    .help("give each its own port");
            }
        }
    }
    ports
}

pub(super) fn service(section: ServiceSection, f: &mut Finder) -> Service {
    let ServiceSection { kind, node_port, annotations: notes, load_balancer_class, source_ranges } = section;
    let service = Service {
        kind: kind.unwrap_or_else(|| "ClusterIP".to_owned()),
        node_port,
        annotations: notes.unwrap_or_default(),
        load_balancer_class,
        source_ranges: source_ranges.unwrap_or_default(),
    };
    annotations(f, "service.annotations", &service.annotations);
    only_with(f, &service.kind, "service.node_port", &["NodePort", "LoadBalancer"]);
    only_with(f, &service.kind, "service.load_balancer_class", &["LoadBalancer"]);
    only_with(f, &service.kind, "service.source_ranges", &["LoadBalancer"]);
    if let Some(class) = &service.load_balancer_class {
        text(f, "service.load_balancer_class", class, "a class of load balancers", syntax::label_key);
    }
    for (index, range) in service.source_ranges.iter().enumerate() {
        text(f, &format!("service.source_ranges[{index}]"), range, "a block of addresses", syntax::cidr);
    }
    service
}

fn only_with(f: &mut Finder, kind: &str, key: &str, kinds: &[&str]) {
    if !f.given(key) || kinds.contains(&kind) || !f.right(&["service.type"]) {
        return;
    }
    let wanted = kinds.iter().map(|kind| format!("{kind:?}")).collect::<Vec<_>>().join(" or ");
    f.key_error(
        "stack::contradiction",
        key,
        format!("`{key}` has no meaning for a Service of type `{kind}`"),
    )
    .label(format!("only with {wanted}"))
    .help(format!("set `service.type` to {wanted}, or leave `{key}` out"));
}
