//! etcd's command line.

use std::collections::BTreeSet;

use super::container::{PEER_TLS, SERVER_TLS};
use crate::{
    desired::Names,
    stack::{Compaction, Stack},
    version::{self, Feature},
};

/// The arguments in a fixed order, the user's own last. `$(POD_NAME)` is
/// expanded by the kubelet.
pub fn arguments(stack: &Stack, names: &Names) -> Vec<String> {
    let mut all = listen(names);
    all.extend(tls());
    all.extend(options(stack));
    all.extend(features(stack));
    all.extend(
        stack
            .etcd
            .extra_args
            .iter()
            .filter(|(name, _)| *name != "feature-gates")
            .map(|(name, value)| format!("--{name}={value}")),
    );
    all
}

fn listen(names: &Names) -> Vec<String> {
    let ports = names.ports;
    let host = format!("$(POD_NAME).{}.$(POD_NAMESPACE).svc", names.peer_service().name);
    vec![
        "--name=$(POD_NAME)".to_owned(),
        // A folder below the mount: etcd makes it with mode 0700, and
        // `lost+found` and the group of the volume stay outside.
        "--data-dir=/var/lib/etcd/data".to_owned(),
        format!("--listen-peer-urls=https://0.0.0.0:{}", ports.peer),
        format!("--listen-client-urls=https://0.0.0.0:{}", ports.client),
        format!("--listen-metrics-urls=http://0.0.0.0:{}", ports.metrics),
        format!("--initial-advertise-peer-urls=https://{host}:{}", ports.peer),
        format!("--advertise-client-urls=https://{host}:{}", ports.client),
    ]
}

fn tls() -> Vec<String> {
    vec![
        format!("--cert-file={SERVER_TLS}/tls.crt"),
        format!("--key-file={SERVER_TLS}/tls.key"),
        format!("--trusted-ca-file={SERVER_TLS}/ca.crt"),
        "--client-cert-auth=true".to_owned(),
        format!("--peer-cert-file={PEER_TLS}/tls.crt"),
        format!("--peer-key-file={PEER_TLS}/tls.key"),
        format!("--peer-trusted-ca-file={PEER_TLS}/ca.crt"),
        "--peer-client-cert-auth=true".to_owned(),
    ]
}

fn options(stack: &Stack) -> Vec<String> {
    let etcd = &stack.etcd;
    let mut all = vec![
        format!("--quota-backend-bytes={}", etcd.quota),
        // Always said: its default fell from 100000 to 10000 in etcd 3.6.
        format!("--snapshot-count={}", etcd.snapshot_count),
        format!("--heartbeat-interval={}", etcd.heartbeat),
        format!("--election-timeout={}", etcd.election_timeout),
        format!("--max-request-bytes={}", etcd.max_request),
        format!("--log-level={}", etcd.log_level),
    ];
    match etcd.auto_compaction {
        Compaction::Periodic(seconds) => {
            all.push("--auto-compaction-mode=periodic".to_owned());
            all.push(format!("--auto-compaction-retention={seconds}s"));
        }
        Compaction::Revisions(revisions) => {
            all.push("--auto-compaction-mode=revision".to_owned());
            all.push(format!("--auto-compaction-retention={revisions}"));
        }
        Compaction::Off => all.push("--auto-compaction-retention=0".to_owned()),
    }
    all
}

fn features(stack: &Stack) -> Vec<String> {
    let mut on = BTreeSet::from([Feature::CompactHashCheck]);
    if stack.etcd.initial_corrupt_check {
        on.insert(Feature::InitialCorruptCheck);
    }
    let gates = stack.etcd.extra_args.get("feature-gates").map(String::as_str);
    version::features(stack.version, &on, gates)
}
