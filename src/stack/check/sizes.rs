//! `[storage]` and `[resources]`.

use std::collections::BTreeMap;

use crate::quantity::Quantity;
use crate::stack::{
    OnScaleDown, Resources, Storage,
    file::{ResourcesSection, StorageSection},
    finding::Finder,
    places::join,
    syntax,
};

use super::{Texts, bytes, quantity, text};

pub(super) fn storage(section: StorageSection, f: &mut Finder) -> Storage {
    let StorageSection { kind, size, class, access_mode, on_scale_down, on_destroy } = section;
    debug_assert!(kind.is_none_or(|kind| kind == "volume"), "the schema has one choice");
    let key = "storage.size";
    let given = bytes(f, key, size.as_deref());
    if let Some(size) = given.filter(|size| *size < Quantity::mebi(1024)) {
        f.warning("stack::small_volume", key, format!("`{key}` is {size}, which the log alone may fill"))
            .label("less than 1Gi")
            .help("etcd keeps up to 6 log files of 64Mi beside its database");
    }
    if let Some(class) = class.as_deref().filter(|class| !class.is_empty()) {
        text(f, "storage.class", class, "the name of a StorageClass", syntax::dns_subdomain);
    }
    Storage {
        size: given.unwrap_or(Quantity::mebi(8 * 1024)),
        class,
        access_mode: access_mode.unwrap_or_else(|| "ReadWriteOnce".to_owned()),
        on_scale_down: on_scale_down.unwrap_or(OnScaleDown::Retain),
        on_destroy: on_destroy.unwrap_or(OnScaleDown::Retain),
    }
}

pub(super) fn resources(section: ResourcesSection, f: &mut Finder) -> Resources {
    let ResourcesSection { requests, limits } = section;
    let mut requests = amounts(f, "resources.requests", requests.unwrap_or_default());
    let mut limits = amounts(f, "resources.limits", limits.unwrap_or_default());
    for (name, request) in &requests {
        if let Some(limit) = limits.get(name).filter(|limit| *limit < request) {
            let key = join("resources.requests", name);
            f.error(
                "stack::contradiction",
                &key,
                format!("`{key}` is {request}, more than its limit of {limit}"),
            )
            .label("more than may be used")
            .help(format!("lower it to {limit}, or raise `{}`", join("resources.limits", name)));
        }
    }
    defaults(&mut requests, &mut limits);
    Resources { requests, limits }
}

/// A default gives way to what was typed: it is never more than a limit, and a
/// limit never less than a request.
fn defaults(requests: &mut BTreeMap<String, Quantity>, limits: &mut BTreeMap<String, Quantity>) {
    let least_memory = requests.get("memory").copied().unwrap_or(Quantity::ZERO);
    limits.entry("memory".to_owned()).or_insert(Quantity::mebi(2048).max(least_memory));
    for (name, usual) in [("cpu", Quantity::milli(250)), ("memory", Quantity::mebi(512))] {
        let most = limits.get(name).copied().unwrap_or(usual);
        requests.entry(name.to_owned()).or_insert(usual.min(most));
    }
}

fn amounts(f: &mut Finder, table: &str, texts: Texts) -> BTreeMap<String, Quantity> {
    let mut amounts = BTreeMap::new();
    for (name, value) in texts {
        let key = join(table, &name);
        let known = ["cpu", "memory", "ephemeral-storage"].contains(&name.as_str())
            || name.starts_with("hugepages-")
            || name.contains('/') && syntax::label_key(&name).is_ok();
        if !known {
            f.key_error("stack::unknown_key", &key, format!("`{name}` is not a resource"))
                .label("not known to Kubernetes")
                .help("use `cpu`, `memory`, `ephemeral-storage`, or a name with a domain, such as \"example.com/gpu\"");
        }
        let amount = match name.as_str() {
            "memory" | "ephemeral-storage" => bytes(f, &key, Some(&value)),
            _ => positive(f, &key, &value),
        };
        amounts.extend(amount.map(|amount| (name, amount)));
    }
    amounts
}

fn positive(f: &mut Finder, key: &str, value: &str) -> Option<Quantity> {
    let amount = quantity(f, key, Some(value))?;
    if !amount.is_positive() {
        f.error("stack::out_of_range", key, format!("`{key}` is {amount}, which is nothing"))
            .label("must be more");
    }
    amount.is_positive().then_some(amount)
}
