//! A cluster as it is: a table, or a few lines for each member where a table
//! does not fit. Nothing is left out for want of room.

use std::fmt::Write as _;

use super::{
    plan::recording,
    style::{Style, bytes, count, padded, plain},
};
use crate::{
    member::Role,
    report::status::{CertificateStatus, ClusterStatus, MemberStatus, Next, Pending, PendingState, State},
};

/// Days before its end from which a certificate is something to mind.
const SOON: i64 = 30;

/// The status as text; `target` is how the stack was named.
pub fn status(status: &ClusterStatus, target: &str, style: Style) -> String {
    let mut text = format!("{}\n\n", style.join(2, &header(status, style)));
    text.push_str(&members(&status.members, style));
    text.push_str(&wrong(status, style));
    if !status.members.is_empty() {
        text.push('\n');
    }
    text.push_str(&certificates(&status.certificates, style));
    text.push_str(&pending(&status.pending, style));
    text.push_str(&drift(status.changed_by_others, style));
    for reason in &status.unread {
        let _infallible = writeln!(text, "{}", style.wrap(&format!("{} ", style.bad("✗")), 2, reason));
    }
    if let Some(next) = status.next {
        let _infallible = writeln!(text, "{}", go_on(next, target));
    }
    text
}

fn header(status: &ClusterStatus, style: Style) -> Vec<String> {
    let health = match status.state {
        State::Absent => style.mind("not there yet"),
        State::Healthy => style.good("healthy"),
        State::Unhealthy => style.bad("NOT HEALTHY"),
        State::Unknown => style.bad("unknown: could not be asked"),
    };
    let mut parts = vec![style.bold(&status.stack), format!("namespace {}", status.namespace)];
    parts.extend(status.against.as_ref().map(recording));
    parts.extend(status.cluster_id.map(|id| format!("cluster {id}")));
    parts.push(health);
    parts.extend(spare(status, style));
    parts
}

/// How many voters may still fail, where etcd lists any.
fn spare(status: &ClusterStatus, style: Style) -> Option<String> {
    let quorum = status.quorum?;
    Some(match status.voters_up?.checked_sub(quorum) {
        None => style.bad("no quorum"),
        Some(0) => style.mind(&format!("quorum {quorum}, can lose no more")),
        Some(spare) => format!("quorum {quorum}, can lose {spare}"),
    })
}

/// A line for everything that is not as it should be.
fn wrong(status: &ClusterStatus, style: Style) -> String {
    let mut text = String::new();
    let (bad, mind) = (style.bad("✗"), style.mind("!"));
    let mut line = |mark: &str, indent: usize, words: &str| {
        let _infallible = writeln!(text, "{}", style.wrap(&format!("{mark} "), indent, words));
    };
    for member in &status.members {
        if let Some(problem) = &member.problem {
            line(&bad, 4, &format!("{} {problem}", member.name));
        }
    }
    for problem in &status.problems {
        line(&bad, 2, problem);
    }
    for alarm in &status.alarms {
        line(&bad, 2, &format!("alarm {} on member {}", alarm.name, alarm.member_id));
    }
    for note in &status.notes {
        line(&mind, 2, note);
    }
    text
}

/// In one line, however long: it is copied.
fn go_on(next: Next, target: &str) -> String {
    let (command, does) = match next {
        Next::Apply => ("apply", "makes it."),
        Next::ApplyAgain => ("apply", "goes on from here."),
        Next::Plan => ("plan", "shows what stands in the way."),
        Next::Rights => ("plan", "lists the rights that are missing."),
    };
    format!("Next: etcdctl-stack {command} {target}  {does}")
}

const TITLES: [&str; 8] = ["MEMBER", "ROLE", "HEALTH", "VERSION", "DATABASE", "NODE", "ZONE", "ID"];

fn members(members: &[MemberStatus], style: Style) -> String {
    if members.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 8]> = members.iter().map(cells).collect();
    let widest = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([TITLES[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..TITLES.len()).map(widest).collect();
    let whole: usize = widths.iter().map(|width| width + 2).sum();
    if whole > style.width + 2 {
        return rows.iter().map(|row| card(row, style)).collect();
    }
    let line = |cells: [String; 8]| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let head = line(TITLES.map(|title| style.dim(title)));
    std::iter::once(head).chain(rows.into_iter().map(line)).collect()
}

fn cells(member: &MemberStatus) -> [String; 8] {
    let dash = || "-".to_owned();
    let role = match (member.role, member.leader) {
        (_, Some(true)) => "leader",
        (Some(Role::Voter), _) => "voter",
        (Some(Role::Learner), _) => "learner",
        (None, _) if member.listed.is_none() => "unknown",
        (None, _) => "not listed",
    };
    let size = member.db_size.and_then(|size| u64::try_from(size).ok()).map(bytes);
    let database = match (size, member.quota) {
        (Some(size), Some(quota)) => format!("{size} of {}", bytes(quota)),
        (Some(size), None) => size,
        (None, _) => dash(),
    };
    [
        plain(&member.name),
        role.to_owned(),
        match member.healthy {
            Some(true) => "ok",
            Some(false) => "NOT OK",
            None => "unknown",
        }
        .to_owned(),
        member.version.as_deref().map_or_else(dash, plain),
        database,
        member.node.clone().unwrap_or_else(dash),
        member.zone.clone().unwrap_or_else(dash),
        member.id.map_or_else(dash, |id| id.to_string()),
    ]
}

/// One member where the table is too wide.
fn card(row: &[String; 8], style: Style) -> String {
    let [name, role, health, rest @ ..] = row;
    let named = TITLES[3..].iter().zip(rest).filter(|(_, cell)| *cell != "-");
    let mut rest: Vec<String> =
        named.map(|(title, cell)| format!("{} {cell}", title.to_lowercase())).collect();
    let head = style.wrap(&format!("{name}  "), 4, &format!("{role}, {health}"));
    let Some(first) = rest.first_mut() else { return format!("{head}\n") };
    first.insert_str(0, "    ");
    format!("{head}\n{}\n", style.join(4, &rest))
}

fn certificates(all: &[CertificateStatus], style: Style) -> String {
    let Some(first) = all.iter().min_by_key(|certificate| certificate.days_left) else {
        return String::new();
    };
    let when = match first.days_left {
        days if days < 0 => format!("{} ENDED {} ago", first.secret, count_days(-days)),
        days => format!("the first to end is {} in {}", first.secret, count_days(days)),
    };
    let mark = match first.days_left {
        days if days < 0 => format!("{} ", style.bad("✗")),
        days if days < SOON => format!("{} ", style.mind("!")),
        _ => String::new(),
    };
    let line = format!("{}, {when}", all.len());
    format!("{}\n", style.wrap(&format!("certificates  {mark}"), 14, &line))
}

fn count_days(days: i64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

fn pending(pending: &Pending, style: Style) -> String {
    let Pending { state, summary } = pending;
    let state = match state {
        PendingState::None => style.good("applied: "),
        PendingState::Changes => style.mind("pending: "),
        PendingState::Blocked => style.bad("✗ "),
        PendingState::Unknown => style.bad("unknown: "),
    };
    format!("{}\n", style.wrap(&format!("stack file    {state}"), 14, summary))
}

fn drift(changed: Option<usize>, style: Style) -> String {
    match changed {
        None => String::new(),
        Some(0) => format!("drift         {}\n", style.good("none")),
        Some(all) => {
            let told = format!("others changed {}: plan --drift", count(all, "thing"));
            format!("{}\n", style.wrap(&format!("drift         {}", style.mind("! ")), 14, &told))
        }
    }
}
