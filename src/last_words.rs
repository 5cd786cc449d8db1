//! What a process of etcd said before it died, and what that means.
//!
//! Kubernetes keeps the last 2048 bytes of it. The line that tells why may be
//! cut, or be gone with only a panic's stack left, so some rows of the table
//! are about what stays. Nothing here knows where the words come from.

use serde_json::Value;

/// What last words prove about a member's volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It holds no log: it is empty, or the log was taken out of it. Said by a
    /// joiner whose window is open, it may also be an old bootstrap list.
    VolumeEmpty,
    /// It lost entries that the member had acknowledged.
    VolumeBehind,
    /// It holds a log, but not the database that the log goes on from.
    DatabaseGone,
    /// What it holds cannot be read.
    Damaged,
    /// It holds a member that was removed. That a member was removed is decided
    /// from the member list; this only agrees.
    RemovedFromCluster,
}

/// A piece of a line, what it means here, and what it proves.
type Row = (&'static str, &'static str, Option<Loss>);

const EMPTY: Option<Loss> = Some(Loss::VolumeEmpty);
const GONE: Option<Loss> = Some(Loss::DatabaseGone);
const DAMAGED: Option<Loss> = Some(Loss::Damaged);
const REMOVED: Option<Loss> = Some(Loss::RemovedFromCluster);

const NO_DATABASE: &str = "the database is gone from its volume, or is older than its log";
const NOT_LISTED: &str = "the bootstrap list is not the member list";
const BAD_FLAGS: &str = "etcd does not take its flags: see `[etcd]`";

const ROWS: &[Row] = &[
    (
        "couldn't find local name",
        "its volume is empty, and the cluster is sealed: it may not start without its data",
        EMPTY,
    ),
    ("has already been bootstrapped", "the cluster knows this member, but its volume is empty", EMPTY),
    ("tocommit(", "its volume lost entries that the cluster counts on", Some(Loss::VolumeBehind)),
    ("failed to find database snapshot", NO_DATABASE, GONE),
    ("recover v3 backend from snapshot", NO_DATABASE, GONE),
    // A frame of the stack, when the words before it are cut off.
    ("etcdserver.recoverSnapshot(", NO_DATABASE, GONE),
    ("invalid database", "the database on its volume is damaged", DAMAGED),
    ("crc mismatch", "the log on its volume is damaged", DAMAGED),
    ("has been permanently removed", "the member was removed from the cluster", REMOVED),
    ("data-dir used by this member must be removed", "the member was removed from the cluster", REMOVED),
    // What a removed member says is cut off by what it says after.
    ("server is stopping", "it stopped while it started, as a member does that was removed", None),
    ("no space left on device", "the disk is full", None),
    ("failed to create WAL", "its log cannot be made: the disk is full, or not its to write", None),
    ("read-only file system", "its volume can only be read", None),
    ("input/output error", "the disk fails", None),
    ("member count is unequal", NOT_LISTED, None),
    ("no match found for existing member", NOT_LISTED, None),
    ("unmatched member while checking PeerURLs", NOT_LISTED, None),
    ("cannot fetch cluster info", "it joins, and no member that it was told of answers", None),
    // Both sides say it: it does not tell whose volume is the wrong one.
    ("cluster ID mismatch", "it and a peer belong to different clusters", None),
    ("found data inconsistency with peers", "its data is not that of its peers", None),
    ("too many learner member", "its volume lists members as learners that were promoted", None),
    ("match any of DNSNames", "a peer's certificate is for other names than its address has", None),
    ("shadowed by corresponding command-line flag", "an `ETCD_` variable sets what a flag sets", None),
    ("address already in use", "another process has its port: see `[ports]`", None),
    ("permission denied", "it may not read or write its files: see `[pod]`", None),
    ("flag provided but not defined", BAD_FLAGS, None),
    ("for flag -", BAD_FLAGS, None),
    ("failed to verify flags", BAD_FLAGS, None),
    ("failed to reach the peer URL", "a peer does not answer", None),
    ("took too long", "the disk, the processor or the network is slow", None),
];

/// Returns what last words prove about the volume.
pub fn loss(words: &str) -> Option<Loss> {
    row(words)?.2
}

/// Returns what last words mean, for a person.
pub fn meaning(words: &str) -> Option<&'static str> {
    Some(row(words)?.1)
}

/// Returns the one line that tells most: of JSON, its message and error.
pub fn said(words: &str) -> String {
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| tells(line)).collect();
    let last = |levels: &[&str]| lines.iter().rev().find_map(|line| entry(line, levels));
    let text = last(&["fatal", "panic"])
        .or_else(|| before(&lines, "goroutine ").map(str::to_owned))
        .or_else(|| before(&lines, "Usage:").map(str::to_owned))
        .or_else(|| last(&["error", "warn"]))
        .or_else(|| last(&[]))
        .or_else(|| lines.iter().rev().find_map(|line| cut(line)))
        .or_else(|| lines.last().map(ToString::to_string))
        .unwrap_or_default();
    shortened(text.strip_prefix("panic: ").unwrap_or(&text))
}

/// The line that tells most decides; then any that is more than information.
fn row(words: &str) -> Option<&'static Row> {
    let informs = |line: &str| entry(line, &["debug", "info"]).is_some();
    let rest: Vec<&str> = words.lines().filter(|line| !informs(line)).collect();
    let find = |text: &str| ROWS.iter().find(|row| text.contains(row.0));
    find(&said(words)).or_else(|| find(&rest.join("\n")))
}

/// Whether a line says anything: each member warns of its ports as it starts.
fn tells(line: &str) -> bool {
    !line.is_empty() && !line.contains("Running http and grpc server on single port")
}

/// A line of JSON as `message: error`, if it is of one of these levels, of any
/// when there are none.
fn entry(line: &str, levels: &[&str]) -> Option<String> {
    let value: Value = serde_json::from_str(line).ok()?;
    let (level, message) = (value["level"].as_str()?, value["msg"].as_str()?.trim());
    if !levels.is_empty() && !levels.contains(&level) {
        return None;
    }
    Some(match value["error"].as_str() {
        Some(error) => format!("{message}: {error}"),
        None => message.to_owned(),
    })
}

/// The error of a line of JSON that lacks its beginning.
fn cut(line: &str) -> Option<String> {
    let (text, _) = line.split_once("\",\"stacktrace\":\"").or_else(|| line.split_once("\"}"))?;
    let text = text.rsplit_once("\"error\":\"").map_or(text, |(_, error)| error);
    Some(text.replace("\\\"", "\""))
}

fn before<'a>(lines: &[&'a str], mark: &str) -> Option<&'a str> {
    let at = lines.iter().position(|line| line.starts_with(mark))?;
    lines.get(at.checked_sub(1)?).copied()
}

/// Both ends of a text: etcd puts the reason last, after whole member lists.
fn shortened(text: &str) -> String {
    const HEAD: usize = 100;
    const TAIL: usize = 120;
    let length = text.chars().count();
    if length <= HEAD + TAIL {
        return text.to_owned();
    }
    let head: String = text.chars().take(HEAD).collect();
    let tail: String = text.chars().skip(length - TAIL).collect();
    format!("{} ... {}", head.trim_end(), tail.trim_start())
}

#[cfg(test)]
mod tests;
