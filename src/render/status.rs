//! A cluster as it is, as a table.

use std::fmt::Write as _;

use super::style::{Style, bytes, count};
use crate::{
    member::Role,
    report::status::{ClusterStatus, MemberStatus},
};

/// The status as text.
pub fn status(status: &ClusterStatus, style: Style) -> String {
    let mut text = header(status, style);
    text.push_str(&table(&status.members, style));
    for member in status.members.iter().filter(|member| member.problem.is_some()) {
        let problem = member.problem.as_deref().unwrap_or_default();
        let _infallible =
            writeln!(text, "{}", style.wrap(&format!("{} {}: ", style.bad("✗"), member.name), 2, problem));
    }
    text.push('\n');
    for alarm in &status.alarms {
        let _infallible =
            writeln!(text, "{} alarm {} on member {}", style.bad("✗"), alarm.name, alarm.member_id);
    }
    if let Some(first) = status.certificates.iter().min_by_key(|certificate| certificate.days_left) {
        let line = format!(
            "{}, the first to end is {} in {} days",
            count(status.certificates.len(), "certificate"),
            first.secret,
            first.days_left
        );
        let _infallible = writeln!(text, "{}", style.wrap("certificates  ", 14, &line));
    }
    let _infallible = writeln!(text, "{}", style.wrap("drift         ", 14, &status.drift));
    for reason in &status.unread {
        let _infallible = writeln!(text, "{}", style.wrap(&format!("{} ", style.bad("✗")), 2, reason));
    }
    text
}

fn header(status: &ClusterStatus, style: Style) -> String {
    let id = status.cluster_id.map_or("no cluster".to_owned(), |id| format!("cluster {id}"));
    let health = if status.healthy { style.good("healthy") } else { style.bad("NOT HEALTHY") };
    let spare = status.voters_up.checked_sub(status.quorum);
    let spare =
        spare.map_or("no quorum".to_owned(), |spare| format!("quorum {}, can lose {spare}", status.quorum));
    let line = format!("{id}  ·  {health}, {spare}");
    let name = format!("{}  ·  namespace {}  ·  ", style.bold(&status.stack), status.namespace);
    format!("{}\n\n", style.wrap(&name, 2, &line))
}

fn table(members: &[MemberStatus], style: Style) -> String {
    let dash = || "-".to_owned();
    let mut rows =
        vec![["MEMBER", "ROLE", "HEALTH", "VERSION", "DATABASE", "NODE", "ZONE", "ID"].map(str::to_owned)];
    rows.extend(members.iter().map(|member| {
        let role = match (member.role, member.leader) {
            (_, true) => "leader".to_owned(),
            (Some(Role::Voter), false) => "voter".to_owned(),
            (Some(Role::Learner), false) => "learner".to_owned(),
            (None, false) => "not listed".to_owned(),
        };
        let size = member.db_size.and_then(|size| u64::try_from(size).ok());
        [
            member.name.clone(),
            role,
            if member.healthy { "ok".to_owned() } else { "NOT OK".to_owned() },
            member.version.clone().unwrap_or_else(dash),
            size.map_or_else(dash, |size| format!("{} of {}", bytes(size), bytes(member.quota))),
            member.node.clone().unwrap_or_else(dash),
            member.zone.clone().unwrap_or_else(dash),
            member.id.map_or_else(dash, |id| id.to_string()),
        ]
    }));
    let widths: Vec<usize> =
        (0..8).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    // What does not fit is left out from the right; `--json` has all of it.
    let mut fits = 0;
    let mut total = 0;
    for width in &widths {
        total += width + 2;
        if total > style.width + 2 && fits >= 3 {
            break;
        }
        fits += 1;
    }
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).take(fits).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _infallible = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}
