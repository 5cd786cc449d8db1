//! `etcd.extra_args` and `etcd.extra_env`: flags of etcd that have no key.
//!
//! etcd stops at a flag that it does not define, and only warns about such a
//! variable, so that what was asked for is silently off. Both are refused here.

use std::collections::BTreeMap;

use crate::stack::{finding::Finder, places::join, syntax, walk::nearest};
use crate::version::{Feature, Known, Version, flag_known, flag_of_variable, flags, gate_of_flag, gates};

use super::Texts;

const FIXED: &str = "the tool sets it, and nothing else would work";
const NAMES: &str = "members find each other by the names that the tool gives them";
const TLS: &str = "TLS is mutual, with certificates that the tool issues";
const QUORUM: &str = "it would let acknowledged writes be lost";

/// Flags that are not for the user to set: the start of the name, and what to
/// use instead or why not.
const OWNED: &[(&str, &str)] = &[
    ("name", FIXED),
    ("data-dir", FIXED),
    ("wal-dir", FIXED),
    ("config-file", FIXED),
    ("listen-client-http-urls", FIXED),
    ("listen-client-urls", "use `ports.client`"),
    ("listen-peer-urls", "use `ports.peer`"),
    ("listen-metrics-urls", "use `ports.metrics`"),
    ("initial-cluster-token", "use `cluster.token`"),
    ("initial-cluster", NAMES),
    ("initial-cluster-state", NAMES),
    ("initial-advertise-peer-urls", NAMES),
    ("advertise-client-urls", NAMES),
    ("discovery*", NAMES),
    ("proxy*", NAMES),
    ("cert-file", TLS),
    ("key-file", TLS),
    ("trusted-ca-file", TLS),
    ("auto-tls", TLS),
    ("client-cert-*", TLS),
    ("client-key-file", TLS),
    ("peer-auto-tls", TLS),
    ("peer-cert-*", TLS),
    ("peer-client-*", TLS),
    ("peer-key-file", TLS),
    ("peer-trusted-ca-file", TLS),
    ("peer-skip-client-san-verification", TLS),
    ("experimental-peer-skip-client-san-verification", TLS),
    ("self-signed-cert-validity", "use `tls.validity`"),
    ("quota-backend-bytes", "use `etcd.quota`"),
    ("auto-compaction-*", "use `etcd.auto_compaction`"),
    ("heartbeat-interval", "use `etcd.heartbeat`"),
    ("election-timeout", "use `etcd.election_timeout`"),
    ("snapshot-count", "use `etcd.snapshot_count`"),
    ("max-request-bytes", "use `etcd.max_request`"),
    ("log-level", "use `etcd.log_level`"),
    ("experimental-initial-corrupt-check", "use `etcd.initial_corrupt_check`"),
    ("experimental-compact-hash-check-enabled", "the tool turns it on"),
    ("force-new-cluster", QUORUM),
    ("unsafe-no-fsync", QUORUM),
    ("strict-reconfig-check", QUORUM),
];

fn owned(flag: &str) -> Option<&'static str> {
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => flag.starts_with(start),
        None => flag == pattern,
    };
    OWNED.iter().find(|row| matches(row.0)).map(|row| row.1)
}

/// Checks `etcd.extra_args`.
pub(super) fn arguments(f: &mut Finder, version: Version, texts: &Texts) {
    for (name, value) in texts {
        let key = join("etcd.extra_args", name);
        if name.starts_with('-') {
            f.key_error("stack::bad_text", &key, format!("`{key}` starts with a dash"))
                .label("without dashes")
                .help(format!("write `{} = ...`", name.trim_start_matches('-')));
        } else if let Some(instead) = owned(name) {
            taken(f, &key, &format!("the flag `--{name}`"), instead);
        } else {
            known(f, &key, name, name, version);
        }
        if value.chars().any(char::is_control) {
            f.error(
                "stack::bad_text",
                &key,
                format!("`{key}` has a line break or another control character"),
            )
            .label("not in an argument");
        }
    }
    if let Some(gates) = texts.get("feature-gates") {
        feature_gates(f, version, gates, texts);
    }
}

/// Checks `etcd.extra_env`.
pub(super) fn variables(f: &mut Finder, version: Version, texts: &Texts, arguments: &Texts) {
    for name in texts.keys() {
        let key = join("etcd.extra_env", name);
        if let Err(reason) = syntax::variable(name) {
            f.key_error("stack::bad_text", &key, format!("`{name}` is not the name of a variable"))
                .label(reason);
            continue;
        }
        let Some(flag) = flag_of_variable(name) else { continue };
        if let Some(instead) = owned(&flag) {
            taken(f, &key, &format!("the variable `{name}`"), instead);
        } else if flag == "feature-gates" {
            taken(f, &key, &format!("the variable `{name}`"), "use `etcd.extra_args.feature-gates`");
        } else if arguments.contains_key(&flag) && flag_known(version, &flag) == Known::Yes {
            f.key_error(
                "stack::duplicate",
                &key,
                format!("`{name}` and the flag `--{flag}` are the same option"),
            )
            .label("never read: the flag wins")
            .help("leave it out");
        } else {
            known(f, &key, name, &flag, version);
        }
    }
}

fn taken(f: &mut Finder, key: &str, what: &str, instead: &str) {
    f.key_error("stack::reserved", key, format!("{what} is the tool's own")).label("taken").help(instead);
}

/// Reports a flag that the version does not define. `typed` is the flag, or the
/// variable that stands for it.
fn known(f: &mut Finder, key: &str, typed: &str, flag: &str, version: Version) {
    let like_typed = |flag: &str| match typed.strip_prefix("ETCD_") {
        Some(_) => format!("ETCD_{}", flag.to_uppercase().replace('-', "_")),
        None => flag.to_owned(),
    };
    let (label, help) = match flag_known(version, flag) {
        Known::Yes => return,
        Known::Renamed(other) => {
            ("called differently there".to_owned(), Some(format!("write `{}`", like_typed(&other))))
        }
        Known::Gate(gate) => (
            "a feature gate there".to_owned(),
            Some(format!("write `extra_args.feature-gates = \"{gate}=true\"`")),
        ),
        Known::OnlyIn(minors) => {
            let minors: Vec<String> = minors.iter().map(|minor| format!("3.{minor}")).collect();
            (format!("only in {}", minors.join(" and ")), Some("leave it out".to_owned()))
        }
        Known::No => match nearest(flag, &flags(version)) {
            Some(near) => (format!("did you mean `{}`?", like_typed(near)), None),
            None => ("no such flag in any version".to_owned(), None),
        },
    };
    let finding = f
        .key_error("stack::unknown_flag", key, format!("etcd {version} does not know `{typed}`"))
        .label(label);
    finding.help = help;
}

/// Checks `Name=true,Other=false`: etcd stops at a gate that it does not have,
/// and in 3.6 at one that an old flag sets too.
fn feature_gates(f: &mut Finder, version: Version, text: &str, arguments: &BTreeMap<String, String>) {
    let key = "etcd.extra_args.feature-gates";
    if !f.right(&[key]) {
        return;
    }
    let known = gates(version);
    for pair in text.split(',').map(str::trim) {
        let Some((name, "true" | "false")) = pair.split_once('=') else {
            f.error("stack::bad_text", key, format!("{pair:?} is not a feature gate"))
                .label("for example \"PriorityRequest=true,AllBeta=false\"");
            continue;
        };
        if let Some(feature) = Feature::ALL.iter().find(|feature| feature.gate() == name) {
            let instead = match feature {
                Feature::CompactHashCheck => "the tool turns it on",
                Feature::InitialCorruptCheck => "use `etcd.initial_corrupt_check`",
            };
            f.error("stack::reserved", key, format!("the feature gate `{name}` is the tool's own"))
                .label("taken")
                .help(instead);
        } else if !known.contains(&name) {
            let near = nearest(name, &known)
                .map_or("no such gate".to_owned(), |near| format!("did you mean `{near}`?"));
            f.error("stack::unknown_flag", key, format!("etcd {version} has no feature gate `{name}`"))
                .label(near);
        } else if let Some(flag) = arguments.keys().find(|flag| gate_of_flag(flag) == Some(name)) {
            f.error("stack::contradiction", key, format!("`{name}` is set here and by `{flag}`"))
                .label("etcd refuses to start")
                .help(format!("leave `{flag}` out"));
        }
    }
}
