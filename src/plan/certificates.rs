//! Which certificates to issue, and why.
//!
//! A leaf is renewed when it nears its end, when its names changed or when it
//! does not fit its authority: etcd reads it again at each handshake, so no
//! member restarts (<https://github.com/etcd-io/etcd/issues/11555>). An authority
//! is made once and never again unasked: replacing it cuts every client off.

use jiff::Timestamp;

use super::{Blocked, IssueReason};
use crate::{
    certificate::{Facts, Request, Usage},
    desired::SecretRequest,
    object::ObjectKey,
    observed::{Live, Lookup, SecretFacts},
};

/// What to do about one Secret's certificate.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// Nothing.
    Good,
    /// Issue it, for this reason.
    Issue(IssueReason),
    /// Only a person can decide.
    Stop(Blocked),
}

/// Judges one certificate. `founded` says that members were started with the
/// authorities; `renew_before_days` is the stack's.
pub fn judge(
    secret: &SecretRequest,
    live: &Live,
    founded: bool,
    renew_before_days: u32,
    now: Timestamp,
) -> Verdict {
    let is_authority = secret.authority.is_none();
    match live.objects.get(&secret.object.key) {
        Some(Lookup::Absent) | None if is_authority && founded => Verdict::Stop(lost_authority(secret)),
        Some(Lookup::Absent) | None => Verdict::Issue(IssueReason::Missing),
        Some(Lookup::Failed(_)) => Verdict::Good,
        // A run ended between making the Secret and filling it.
        Some(Lookup::Found(_)) if is_authority && !founded && holds_nothing(&secret.object.key, live) => {
            Verdict::Issue(IssueReason::Missing)
        }
        // Signed by the one that was there before, it would fit no other leaf.
        Some(Lookup::Found(_))
            if !founded && secret.authority.as_ref().is_some_and(|key| holds_nothing(key, live)) =>
        {
            Verdict::Issue(IssueReason::Broken("its authority is made anew".to_owned()))
        }
        Some(Lookup::Found(_)) => {
            let empty = SecretFacts::default();
            let facts = live.secrets.get(&secret.object.key).unwrap_or(&empty);
            match (is_authority, complaint(secret, facts, live, renew_before_days, now)) {
                (_, None) => Verdict::Good,
                (false, Some(reason)) => Verdict::Issue(reason),
                (true, Some(IssueReason::Expiring(_) | IssueReason::Names(_))) => Verdict::Good,
                (true, Some(reason)) => Verdict::Stop(broken_authority(secret, &reason)),
            }
        }
    }
}

/// Whether a Secret is not there, or is and has no keys.
fn holds_nothing(key: &ObjectKey, live: &Live) -> bool {
    match live.objects.get(key) {
        Some(Lookup::Found(_)) => live.secrets.get(key).is_none_or(|facts| facts.keys.is_empty()),
        Some(Lookup::Absent) | None => true,
        Some(Lookup::Failed(_)) => false,
    }
}

/// Keys in a Secret that are not of a certificate: issuing one into a Secret
/// that is ours as a whole takes them away.
pub fn other_keys(key: &ObjectKey, live: &Live) -> Option<String> {
    let keys = live.secrets.get(key)?.keys.iter();
    let others: Vec<String> = keys
        .filter(|name| !["ca.crt", "tls.crt", "tls.key"].contains(&name.as_str()))
        .map(|name| format!("`{name}`"))
        .collect();
    (!others.is_empty()).then(|| others.join(", "))
}

/// Days from now until the certificate ends; negative once it has.
pub fn days_left(facts: &Facts, now: Timestamp) -> i64 {
    (facts.not_after.as_second() - now.as_second()).div_euclid(24 * 60 * 60)
}

fn complaint(
    secret: &SecretRequest,
    facts: &SecretFacts,
    live: &Live,
    renew_before_days: u32,
    now: Timestamp,
) -> Option<IssueReason> {
    let broken = |text: &str| Some(IssueReason::Broken(text.to_owned()));
    let certificate = match &facts.certificate {
        None => return broken("the Secret holds no `tls.crt`"),
        Some(Err(reason)) => return broken(reason),
        Some(Ok(certificate)) => certificate,
    };
    if !certificate.key_matches {
        return broken("its key does not belong to it");
    }
    if !certificate.signed_by_authority {
        return broken("the authority in `ca.crt` did not sign it");
    }
    let authority = secret.authority.as_ref().and_then(|authority| live.secrets.get(authority));
    let authority = authority.and_then(|secret| secret.certificate.as_ref()?.as_ref().ok());
    if authority.is_some_and(|authority| facts.authority_sha256.as_ref() != Some(&authority.sha256)) {
        return broken("`ca.crt` is not the stack's authority");
    }
    let left = days_left(certificate, now);
    // One that ended is not called otherwise: members cannot be asked with it.
    if left >= 0
        && let Some(text) = other_names(&secret.request, certificate)
    {
        return Some(IssueReason::Names(text));
    }
    // No leaf outlives its authority: renewed, it would end at the same time.
    if authority.is_some_and(|authority| certificate.not_after >= authority.not_after) {
        return None;
    }
    (left < i64::from(renew_before_days)).then_some(IssueReason::Expiring(left))
}

/// How the names differ, in words; `None` if they are the same.
fn other_names(wanted: &Request, has: &Facts) -> Option<String> {
    let names = |dns: &std::collections::BTreeSet<String>,
                 ips: &std::collections::BTreeSet<std::net::IpAddr>| {
        dns.iter()
            .cloned()
            .chain(ips.iter().map(ToString::to_string))
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (want, have) =
        (names(&wanted.dns_names, &wanted.ip_addresses), names(&has.dns_names, &has.ip_addresses));
    let mut parts = Vec::new();
    if wanted.subject != has.subject {
        parts.push(format!("subject `{}` instead of `{}`", wanted.subject, has.subject));
    }
    let list = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let (added, removed) = (list(want.difference(&have).collect()), list(have.difference(&want).collect()));
    if !added.is_empty() {
        parts.push(format!("adds {added}"));
    }
    if !removed.is_empty() {
        parts.push(format!("drops {removed}"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn lost_authority(secret: &SecretRequest) -> Blocked {
    Blocked::new(
        "plan::authority_lost",
        format!("`{}` is gone, but the cluster was founded with it", secret.object.key),
        "restore the Secret from a backup; a new authority would cut off every member and client",
    )
}

fn broken_authority(secret: &SecretRequest, reason: &IssueReason) -> Blocked {
    let why = match reason {
        IssueReason::Broken(why) => why.as_str(),
        IssueReason::Missing | IssueReason::Expiring(_) | IssueReason::Names(_) => "it is not usable",
    };
    Blocked::new(
        "plan::authority_broken",
        format!("`{}` cannot sign certificates: {why}", secret.object.key),
        "restore the Secret from a backup",
    )
}

/// When a certificate ends, in words that follow its name.
pub fn end(days_left: i64) -> String {
    let plural = if days_left.abs() == 1 { "day" } else { "days" };
    match days_left {
        ..0 => format!("ended {} {plural} ago", -days_left),
        0.. => format!("ends in {days_left} {plural}"),
    }
}

/// What is to be issued, and why.
pub fn note(secret: &SecretRequest, reason: &IssueReason) -> String {
    let request = &secret.request;
    let names = request.dns_names.len() + request.ip_addresses.len();
    let names = match (request.usage, names) {
        (Usage::Authority, _) => "authority".to_owned(),
        (_, 0) => "client".to_owned(),
        (_, 1) => "1 name".to_owned(),
        (_, names) => format!("{names} names"),
    };
    let why = match reason {
        IssueReason::Missing => String::new(),
        IssueReason::Expiring(left) => format!(", because it {}", end(*left)),
        IssueReason::Names(text) => format!(", because its names change: {text}"),
        IssueReason::Broken(text) => format!(", because {text}"),
    };
    format!("issue certificate `{}`, {names}, for {} days{why}", request.subject, request.days)
}
