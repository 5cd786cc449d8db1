//! Keys that are planned and not there yet.
//!
//! They are refused by name, apart from unknown keys: whoever read of them
//! elsewhere should not look for a spelling mistake.

/// A key, the values that are not there yet (every one when empty), and what
/// holds until then.
type Later = (&'static str, &'static [&'static str], &'static str);

const LATER: &[Later] = &[
    ("auth", &[], "leave it out; access is decided by client certificates alone"),
    ("network", &[], "leave it out, and write NetworkPolicies beside the stack"),
    ("monitoring", &[], "leave it out; metrics are on `ports.metrics` without TLS"),
    ("backup", &[], "leave it out, and take snapshots with `etcdctl snapshot save`"),
    ("maintenance", &[], "leave it out, and defragment with `etcdctl defrag`"),
    ("ownership", &[], "leave it out; nothing that others made is taken over yet"),
    ("tls.ca", &[], "leave it out; two authorities are generated, for clients and for peers"),
    ("tls.existing", &[], "leave it out; all certificates are generated"),
    ("tls.client", &["mutual", "server", "off"], "leave it out; TLS for clients is mutual"),
    ("tls.peer", &["mutual", "server", "off"], "leave it out; TLS between members is mutual"),
    ("storage.kind", &["memory", "node"], "use \"volume\""),
];

/// Returns what to do about a key, or a value of it, that comes later.
pub(super) fn not_supported_yet(path: &str, value: Option<&str>) -> Option<&'static str> {
    let wanted =
        |row: &&Later| row.0 == path && (row.1.is_empty() || value.is_some_and(|v| row.1.contains(&v)));
    LATER.iter().find(wanted).map(|row| row.2)
}
