//! Which fields of others are dangerous for etcd, and why, in a line each.

use crate::{
    desired::Desired,
    object::{Kind, ObjectKey},
};

/// What a field means for the members; `None` where it does no harm.
pub(super) fn danger(desired: &Desired, key: &ObjectKey, words: &[String]) -> Option<&'static str> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (key.kind, words.as_slice()) {
        (_, ["metadata", "ownerReferences", ..]) => {
            Some("Kubernetes deletes the object together with that owner")
        }
        (Kind::StatefulSet, ["spec", "template", "spec", pod @ ..]) => in_pod(pod),
        (Kind::StatefulSet, ["spec", "ordinals", ..]) => {
            Some("members get other numbers: the first ones end, and others are started without data")
        }
        (Kind::ConfigMap, _) if *key != desired.names.bootstrap() => None,
        (Kind::ConfigMap, ["data" | "binaryData", ..]) => {
            Some("the list of who may start without data is in there, and nothing else belongs beside it")
        }
        (Kind::ConfigMap, ["immutable"]) => {
            Some("no member could be let in any more: the list of who may start could not be changed")
        }
        // Authorities are never renewed.
        (Kind::Secret, ["immutable"]) if is_renewed(desired, key) => {
            Some("the certificate in it could not be renewed, and members part when it ends")
        }
        _ => None,
    }
}

fn is_renewed(desired: &Desired, key: &ObjectKey) -> bool {
    desired.secrets.iter().any(|secret| secret.object.key == *key && secret.authority.is_some())
}

fn in_pod(words: &[&str]) -> Option<&'static str> {
    match words {
        ["initContainers", ..] => {
            Some("it runs before each member, may use its volumes, and no member starts while it fails")
        }
        ["containers", "[etcd]", etcd @ ..] => in_etcd(etcd),
        ["containers", ..] => {
            Some("it runs beside each member, which is not Ready, and not served, while it is not")
        }
        ["volumes", "[tls-server]" | "[tls-peer]", ..] => {
            Some("members would find other files where their certificates are")
        }
        _ => None,
    }
}

fn in_etcd(words: &[&str]) -> Option<&'static str> {
    match words {
        ["env", "[ETCD_FORCE_NEW_CLUSTER]", ..] => {
            Some("at its next start each member throws the others out and goes on alone, for good")
        }
        ["env", name, ..] if name.starts_with("[ETCD_") => {
            Some("etcd reads it as an option at its next start, and the stack file does not say so")
        }
        ["envFrom", ..] => {
            Some("what is in there becomes options of etcd at its next start, and may change unseen")
        }
        ["livenessProbe" | "readinessProbe" | "startupProbe", ..] => {
            Some("it decides when members are killed: a lost quorum may become a storm of restarts")
        }
        ["lifecycle", ..] => Some("it runs where etcd starts and stops, and may hold up both"),
        ["args" | "command", ..] => Some("it decides with which options etcd starts"),
        ["volumeMounts", path, ..] if hides(path.trim_matches(['[', ']'])) => {
            Some("members would find another folder where their data or certificates are")
        }
        _ => None,
    }
}

/// Whether a mount is at, in or over the folders of data and certificates.
fn hides(path: &str) -> bool {
    let bare = |path: &str| format!("{}/", path.trim_end_matches('/'));
    let within = |one: &str, other: &str| bare(one).starts_with(&bare(other));
    let folders = ["/var/lib/etcd", "/etc/etcd/tls/server", "/etc/etcd/tls/peer"];
    folders.iter().any(|folder| within(path, folder) || within(folder, path))
}

#[cfg(test)]
mod tests {
    use super::hides;

    #[test]
    fn a_mount_hides_a_folder_at_it_in_it_and_over_it() {
        let hiding = ["/var/lib/etcd", "/var/lib/etcd/member", "/var/lib", "/", "/etc/etcd/tls/"];
        assert!(hiding.into_iter().all(hides));
        assert!(!["/var/lib/etcd-backup", "/etc/crl", "/srv"].into_iter().any(hides));
    }
}
