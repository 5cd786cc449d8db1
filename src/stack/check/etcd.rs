//! `[etcd]`: etcd's own options, in its own units.

use crate::quantity::Quantity;
use crate::stack::{Compaction, Etcd, file::EtcdSection, finding::Finder};
use crate::version::Version;

use super::{bytes, duration, flags};

/// Of a volume, how much the database may fill, in hundredths: defragmenting
/// writes a second copy, and the log needs the rest.
const QUOTA_PERCENT: u128 = 45;

const MEBI: u64 = 1 << 20;

/// etcd warns above this: <https://etcd.io/docs/v3.6/dev-guide/limit/>.
const LARGEST_USUAL_QUOTA: u64 = 8192 * MEBI;

/// etcd warns above this too.
const LARGEST_USUAL_REQUEST: u64 = 10 * MEBI;

pub(super) fn etcd(version: Version, size: Quantity, section: EtcdSection, f: &mut Finder) -> Etcd {
    let EtcdSection {
        quota,
        auto_compaction,
        heartbeat,
        election_timeout,
        snapshot_count,
        max_request,
        log_level,
        initial_corrupt_check,
        extra_args,
        extra_env,
    } = section;
    let quota = self::quota(f, quota.as_deref(), size);
    let (heartbeat, election_timeout) = timing(f, heartbeat.as_deref(), election_timeout.as_deref());
    let etcd = Etcd {
        quota,
        auto_compaction: compaction(f, auto_compaction.as_deref()),
        heartbeat,
        election_timeout,
        snapshot_count: snapshot_count.unwrap_or(10_000),
        max_request: request(f, max_request.as_deref(), quota),
        log_level: log_level.unwrap_or_else(|| "info".to_owned()),
        initial_corrupt_check: initial_corrupt_check.unwrap_or(false),
        extra_args: extra_args.unwrap_or_default(),
        extra_env: extra_env.unwrap_or_default(),
    };
    if f.right(&["cluster.version", "image.tag"]) {
        flags::arguments(f, version, &etcd.extra_args);
        flags::variables(f, version, &etcd.extra_env, &etcd.extra_args);
    }
    etcd
}

fn quota(f: &mut Finder, value: Option<&str>, size: Quantity) -> u64 {
    let key = "etcd.quota";
    let room = u64::try_from(u128::from(size.bytes()) * QUOTA_PERCENT / 100).unwrap_or(u64::MAX);
    // Whole mebibytes where that loses little, to be read by people.
    let most = if room > 64 * MEBI { room / MEBI * MEBI } else { room };
    let Some(quota) = bytes(f, key, value) else { return most.min(LARGEST_USUAL_QUOTA) };
    if quota.bytes() > room && f.right(&["storage.size"]) {
        let needed = Quantity::from_bytes(volume_for(quota.bytes()));
        let most = Quantity::from_bytes(most);
        f.error(
            "stack::contradiction",
            key,
            format!("`{key}` is {quota}, more than {QUOTA_PERCENT} % of `storage.size`, which is {size}"),
        )
        .label(format!("at most {most}"))
        .help(format!(
            "lower it to {most}, or raise `storage.size` to {needed}: defragmenting writes a second copy"
        ));
    } else if quota.bytes() > LARGEST_USUAL_QUOTA {
        f.warning(
            "stack::large_quota",
            key,
            format!("`{key}` is {quota}, more than the 8Gi that etcd suggests"),
        )
        .label("starts and snapshots become slow");
    }
    quota.bytes()
}

/// Returns the smallest volume for a quota, in whole gibibytes.
fn volume_for(quota: u64) -> u64 {
    let gibibytes = (u128::from(quota) * 100).div_ceil(QUOTA_PERCENT << 30);
    u64::try_from(gibibytes << 30).unwrap_or(u64::MAX)
}

fn request(f: &mut Finder, value: Option<&str>, quota: u64) -> u64 {
    let key = "etcd.max_request";
    let Some(amount) = bytes(f, key, value) else { return 1_572_864 };
    let request = amount.bytes();
    if request >= quota && f.right(&["etcd.quota", "storage.size"]) {
        let quota = Quantity::from_bytes(quota);
        f.error(
            "stack::contradiction",
            key,
            format!("`{key}` is {amount}, not less than the quota of {quota}"),
        )
        .label("one request would fill the database");
    } else if request > LARGEST_USUAL_REQUEST {
        f.warning(
            "stack::large_request",
            key,
            format!("`{key}` is {amount}, more than the 10Mi that etcd suggests"),
        )
        .label("large requests delay heartbeats");
    }
    request
}

/// etcd refuses to start unless 5 heartbeats fit into an election timeout, and
/// above 50 s: <https://etcd.io/docs/v3.6/tuning/>.
fn timing(f: &mut Finder, heartbeat: Option<&str>, election: Option<&str>) -> (u32, u32) {
    let (heartbeat_key, election_key) = ("etcd.heartbeat", "etcd.election_timeout");
    let heartbeat = duration(f, heartbeat_key, heartbeat).unwrap_or(100);
    let election = duration(f, election_key, election).unwrap_or(1000);
    if heartbeat == 0 {
        f.error("stack::out_of_range", heartbeat_key, format!("`{heartbeat_key}` is nothing"))
            .label("for example \"100ms\"");
    }
    if election > 50_000 {
        f.error(
            "stack::out_of_range",
            election_key,
            format!("`{election_key}` is {election} ms, more than 50 s"),
        )
        .label("at most \"50s\"");
    }
    if election < heartbeat.saturating_mul(5) && f.right(&[heartbeat_key, election_key]) {
        let blamed = if f.given(election_key) { election_key } else { heartbeat_key };
        f.error(
            "stack::contradiction",
            blamed,
            format!("`{election_key}` is {election} ms, less than 5 times `{heartbeat_key}`, which is {heartbeat} ms"),
        )
        .label(if blamed == election_key {
            format!("at least {} ms", heartbeat.saturating_mul(5))
        } else {
            format!("at most {} ms", election / 5)
        })
        .help("etcd refuses to start; 10 times is usual");
    }
    let milliseconds = |duration: u64| u32::try_from(duration).unwrap_or(u32::MAX);
    (milliseconds(heartbeat), milliseconds(election))
}

/// Reads `"1h"`, `"1000 revisions"` and `"off"`.
fn compaction(f: &mut Finder, value: Option<&str>) -> Compaction {
    let (key, usual) = ("etcd.auto_compaction", Compaction::Periodic(3600));
    let Some(text) = value else { return usual };
    if text == "off" {
        return Compaction::Off;
    }
    if let Some(number) = text.strip_suffix(" revisions") {
        if let Some(revisions) = number.parse().ok().filter(|revisions| *revisions > 0) {
            return Compaction::Revisions(revisions);
        }
    } else if let Some(seconds) = seconds(text) {
        return Compaction::Periodic(seconds);
    }
    f.error("stack::bad_duration", key, format!("`{key}` is not a span of history"))
        .label("whole seconds, a number of revisions, or \"off\"")
        .help("for example \"1h\", \"1000 revisions\" or \"off\"");
    usual
}

fn seconds(text: &str) -> Option<u32> {
    let milliseconds =
        crate::stack::syntax::milliseconds(text).ok().filter(|it| it % 1000 == 0 && *it > 0)?;
    u32::try_from(milliseconds / 1000).ok()
}
