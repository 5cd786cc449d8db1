//! From what was typed to what is true: defaults, single values, contradictions.
//!
//! One function for each section, each of which gives its part of the checked
//! stack, whatever it found. A part with an error is never seen: the caller
//! returns findings instead. Rules over several keys look only at right ones.

mod basics;
mod etcd;
mod flags;
mod image;
mod ownership;
mod placement;
mod pod;
mod service;
mod sizes;
mod tls;

pub(super) use image::newest;

use std::collections::BTreeMap;

use super::{
    Budget, Probes, Stack,
    file::{DisruptionSection, ProbesSection, StackFile},
    finding::Finder,
    places::join,
    syntax,
};
use crate::quantity::Quantity;

type Texts = BTreeMap<String, String>;

/// Checks a file as far as it is right.
pub(super) fn check(file: StackFile, f: &mut Finder) -> Stack {
    let StackFile {
        stack,
        cluster,
        image,
        storage,
        resources,
        ports,
        service,
        tls,
        placement,
        pod,
        probes,
        etcd,
        disruption,
        ownership,
    } = file;
    let stack = basics::stack(stack.unwrap_or_default(), f);
    let cluster = cluster.unwrap_or_default();
    let (version, version_pinned, image) =
        image::image(cluster.version.as_deref(), image.unwrap_or_default(), f);
    let cluster = basics::cluster(cluster, f);
    let storage = sizes::storage(storage.unwrap_or_default(), f);
    Stack {
        resources: sizes::resources(resources.unwrap_or_default(), f),
        ports: service::ports(ports.unwrap_or_default(), f),
        service: service::service(service.unwrap_or_default(), f),
        tls: tls::tls(&stack.name, tls.unwrap_or_default(), f),
        placement: placement::placement(&stack.name, placement.unwrap_or_default(), f),
        pod: pod::pod(pod.unwrap_or_default(), f),
        probes: probes_of(probes.unwrap_or_default()),
        etcd: etcd::etcd(version, storage.size, etcd.unwrap_or_default(), f),
        budget: budget(disruption.unwrap_or_default()),
        ownership: ownership::ownership(ownership.unwrap_or_default(), f),
        name: stack.name,
        namespace: stack.namespace,
        create_namespace: stack.create_namespace,
        context: stack.context,
        labels: stack.labels,
        annotations: stack.annotations,
        members: cluster.members,
        version,
        version_pinned,
        domain: cluster.domain,
        token: cluster.token,
        image,
        storage,
    }
}

fn probes_of(section: ProbesSection) -> Probes {
    let ProbesSection { liveness, liveness_threshold, readiness_threshold, startup_threshold } = section;
    Probes {
        liveness: liveness.unwrap_or(true),
        liveness_threshold: liveness_threshold.unwrap_or(8),
        readiness_threshold: readiness_threshold.unwrap_or(3),
        startup_threshold: startup_threshold.unwrap_or(240),
    }
}

fn budget(section: DisruptionSection) -> Budget {
    let DisruptionSection { budget } = section;
    budget.unwrap_or(Budget::Quorum)
}

/// Reports a text that breaks a rule of syntax.
fn text(f: &mut Finder, key: &str, value: &str, what: &str, rule: impl Fn(&str) -> Result<(), String>) {
    if let Err(reason) = rule(value) {
        f.error("stack::bad_text", key, format!("`{key}` is not {what}")).label(reason);
    }
}

/// Reports labels or annotations that Kubernetes would refuse, or that are ours.
fn labels(f: &mut Finder, table: &str, texts: &Texts, value_rule: impl Fn(&str) -> Result<(), String>) {
    for (name, value) in texts {
        let key = join(table, name);
        if let Err(reason) = syntax::label_key(name) {
            f.key_error("stack::bad_text", &key, format!("`{name}` is not the key of a label or annotation"))
                .label(reason);
        } else if ours(name) {
            f.key_error("stack::reserved", &key, format!("`{name}` is set by the tool itself"))
                .label("taken")
                .help("choose another name");
        }
        if let Err(reason) = value_rule(value) {
            f.error("stack::bad_text", &key, format!("`{key}` is not the value of a label")).label(reason);
        }
    }
}

fn annotations(f: &mut Finder, table: &str, texts: &Texts) {
    labels(f, table, texts, |_| Ok(()));
}

fn ours(label: &str) -> bool {
    let usual = ["name", "instance", "component", "managed-by"];
    label.starts_with("etcdctl-stack/")
        || label.strip_prefix("app.kubernetes.io/").is_some_and(|name| usual.contains(&name))
}

/// Returns a quantity; `None` when it is left out or wrong.
fn quantity(f: &mut Finder, key: &str, value: Option<&str>) -> Option<Quantity> {
    match value?.parse() {
        // More is cut to what the API server can hold, in silence.
        Ok(quantity) if quantity >= Quantity::from_bytes(i64::MAX.unsigned_abs()) => {
            f.error("stack::out_of_range", key, format!("`{key}` is more than Kubernetes can hold"))
                .label("less than 8Ei");
            None
        }
        Ok(quantity) => Some(quantity),
        Err(reason) => {
            f.error("stack::bad_quantity", key, format!("`{key}` is not a quantity"))
                .label(reason.to_string())
                .help("write a number and a suffix: m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi or Ei");
            None
        }
    }
}

/// Returns an amount of bytes; one below a kibibyte is a slip, such as `512m`.
fn bytes(f: &mut Finder, key: &str, value: Option<&str>) -> Option<Quantity> {
    let amount = quantity(f, key, value)?;
    if amount >= Quantity::from_bytes(1024) {
        return Some(amount);
    }
    let text = value.unwrap_or_default();
    if amount < Quantity::ZERO {
        f.error("stack::bad_quantity", key, format!("`{key}` is {text:?}, less than nothing"))
            .label("must be positive");
        return None;
    }
    let finding = f
        .error("stack::bad_quantity", key, format!("`{key}` is {text:?}, less than a kibibyte"))
        .label("too small to be meant");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    finding.help = match text.strip_prefix(digits) {
        Some("m") => Some(format!("`m` is a thousandth; write \"{digits}Mi\"")),
        Some("") if amount.is_positive() => Some(format!("write a suffix, such as \"{digits}Gi\"")),
        _ => None,
    };
    None
}

/// Returns a duration in milliseconds; `None` when it is left out or wrong.
fn duration(f: &mut Finder, key: &str, value: Option<&str>) -> Option<u64> {
    match syntax::milliseconds(value?) {
        Ok(milliseconds) => Some(milliseconds),
        Err(reason) => {
            f.error("stack::bad_duration", key, format!("`{key}` is not a duration"))
                .label(reason)
                .help("for example \"100ms\", \"60s\" or \"1h30m\"");
            None
        }
    }
}
