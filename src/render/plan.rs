//! A plan for a person: objects, steps, what was checked, what stands in the
//! way, and one line that counts.

use std::fmt::Write as _;

use serde_json::Value;

use super::style::{Style, bytes, count};
use crate::{
    object::Kind,
    plan::{Change, Confidence, Outcome, Plan, Step, Tally, Verb},
};

/// The plan as text. `file` is the stack file, `verbose` shows what is
/// otherwise counted.
pub fn plan(plan: &Plan, file: &str, style: Style, verbose: bool) -> String {
    let mut text = header(plan, style);
    if plan.is_empty() && plan.unread.is_empty() {
        let members = count(plan.voters.after, "member");
        let line =
            format!("No changes. {} and {members} match {file}.", count(plan.unchanged.len(), "object"));
        let _infallible = writeln!(text, "{}", style.good(&line));
        text.push_str(&notes(plan, style));
        return text;
    }
    text.push_str(&objects(plan, style, verbose));
    text.push_str(&steps(plan, style));
    text.push_str(&checked(plan, style));
    text.push_str(&notes(plan, style));
    text.push_str(&in_the_way(plan, style));
    text.push_str(&footer(plan, file, style));
    text
}

fn header(plan: &Plan, style: Style) -> String {
    let new = if plan.namespace_exists { "" } else { " (new)" };
    let digest =
        plan.digest.as_ref().map(|digest| format!("  ·  plan {}", digest.short())).unwrap_or_default();
    let line = format!("context {}  ·  namespace {}{new}{digest}", plan.target.context, plan.namespace);
    let mut text = format!("{}\n", style.wrap(&format!("{}  ·  ", style.bold(&plan.stack)), 2, &line));
    if let Some(etcd) = &plan.etcd {
        let leader = etcd.leader.as_ref().map_or("no leader".to_owned(), |name| format!("leader {name}"));
        let line = format!(
            "{} of {} healthy, {leader}, database {} of {}",
            etcd.healthy.len(),
            count(etcd.members.len(), "member"),
            bytes(u64::try_from(etcd.db_size).unwrap_or(0)),
            bytes(etcd.quota)
        );
        let _infallible =
            writeln!(text, "{}", style.wrap(&format!("cluster {}  ·  ", etcd.cluster_id), 2, &line));
    }
    text.push('\n');
    text
}

fn objects(plan: &Plan, style: Style, verbose: bool) -> String {
    if plan.changes.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", style.bold("Objects"));
    let width = plan.changes.iter().map(|change| change.key.to_string().chars().count()).max().unwrap_or(0);
    let width = width.min(style.width.saturating_sub(16));
    for change in &plan.changes {
        let symbol = match change.verb {
            Verb::Create => style.good("+"),
            Verb::Update => style.mind("~"),
        };
        let sure = match change.confidence {
            Confidence::Verified => style.dim("verified"),
            Confidence::Predicted => style.dim("predicted"),
        };
        let _infallible = writeln!(text, "  {symbol} {:width$}  {sure}", change.key.to_string());
        for line in summary(change).into_iter().chain(change.notes.clone()) {
            let _infallible = writeln!(text, "{}", style.wrap("      ", 8, &line));
        }
        for field in &change.fields {
            let line = format!(
                "{}: {} -> {}",
                field.path,
                value(field.before.as_ref()),
                value(field.after.as_ref())
            );
            let _infallible = writeln!(text, "{}", style.wrap("      ", 8, &line));
        }
    }
    if !plan.unchanged.is_empty() {
        let names: Vec<String> = plan.unchanged.iter().map(ToString::to_string).collect();
        let line = if verbose { names.join(", ") } else { "-v lists them".to_owned() };
        let line = format!("{} unchanged: {line}", count(plan.unchanged.len(), "object"));
        let _infallible = writeln!(text, "{}", style.wrap("    ", 6, &line));
    }
    text.push('\n');
    text
}

fn value(value: Option<&Value>) -> String {
    match value {
        None => "(none)".to_owned(),
        Some(Value::String(text)) => format!("{text:?}"),
        Some(other) => other.to_string(),
    }
}

/// What a reviewer wants to know of an object that is made.
fn summary(change: &Change) -> Vec<String> {
    if change.verb == Verb::Update {
        return Vec::new();
    }
    let at = |pointer: &str| change.after.pointer(pointer);
    let text = |pointer: &str| {
        at(pointer).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    match change.key.kind {
        Kind::Service => {
            let kind = if text("/spec/clusterIP").as_deref() == Some("None") {
                Some("headless".to_owned())
            } else {
                text("/spec/type")
            };
            let ports = at("/spec/ports").and_then(Value::as_array).into_iter().flatten();
            let ports: Vec<String> = ports
                .map(|port| format!("{} {}", port["name"].as_str().unwrap_or(""), port["port"]))
                .collect();
            vec![format!("{}, {}", kind.unwrap_or_default(), ports.join(", "))]
        }
        Kind::PodDisruptionBudget => {
            vec![format!("at least {} members stay up", text("/spec/minAvailable").unwrap_or_default())]
        }
        Kind::ConfigMap => vec!["bootstrap list, sealed in the end; token known after apply".to_owned()],
        Kind::StatefulSet => stateful_set(&change.after),
        _ => Vec::new(),
    }
}

fn stateful_set(body: &Value) -> Vec<String> {
    let container = &body["spec"]["template"]["spec"]["containers"][0];
    let claim = &body["spec"]["volumeClaimTemplates"][0]["spec"];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let amounts = |table: &Value| {
        let all = table.as_object().into_iter().flatten();
        all.map(|(name, amount)| format!("{name} {}", text(amount))).collect::<Vec<_>>().join(", ")
    };
    let class = claim["storageClassName"]
        .as_str()
        .map_or("default class".to_owned(), |class| format!("class {class}"));
    let arguments: Vec<&str> =
        container["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let telling =
        ["--quota-backend-bytes", "--auto-compaction-retention", "--feature-gates", "--experimental"];
    let shown: Vec<&str> =
        arguments.iter().copied().filter(|one| telling.iter().any(|flag| one.starts_with(flag))).collect();
    vec![
        format!("members    {}", body["spec"]["replicas"]),
        format!("image      {}", text(&container["image"])),
        format!(
            "resources  {}  (limit {})",
            amounts(&container["resources"]["requests"]),
            amounts(&container["resources"]["limits"])
        ),
        format!(
            "storage    {} each, {class}, kept on deletion",
            text(&claim["resources"]["requests"]["storage"])
        ),
        format!("args       {}  (+{})", shown.join(" "), arguments.len() - shown.len()),
    ]
}

fn steps(plan: &Plan, style: Style) -> String {
    if plan.steps.is_empty() {
        return String::new();
    }
    // Wide enough for three numbers beside the text, or they go below it.
    let beside = style.width >= 80;
    let column = style.width.min(110) - 28;
    let head = if beside {
        format!("{:column$}{}", "Steps", "members  quorum  can lose")
    } else {
        "Steps".to_owned()
    };
    let mut text = format!("{}\n", style.bold(head.trim_end()));
    let narrow = Style { width: if beside { column - 2 } else { style.width }, ..style };
    for (index, step) in plan.steps.iter().enumerate() {
        let wrapped = narrow.wrap(&format!("{:>3} > ", index + 1), 6, &step.title);
        text.push_str(&with_tally(&wrapped, step, beside, column));
    }
    text.push('\n');
    text
}

fn with_tally(wrapped: &str, step: &Step, beside: bool, column: usize) -> String {
    let Some(Tally { voters, quorum, can_lose }) = step.tally else { return format!("{wrapped}\n") };
    if !beside {
        return format!(
            "{wrapped}\n      ({} voting, quorum {quorum}, can lose {can_lose})\n",
            count(voters, "member")
        );
    }
    let (before, last) = wrapped
        .rsplit_once('\n')
        .map_or((String::new(), wrapped), |(before, last)| (format!("{before}\n"), last));
    format!("{before}{last:column$}{voters:>7}{quorum:>8}{can_lose:>10}\n")
}

fn checked(plan: &Plan, style: Style) -> String {
    let done = plan.checks.iter().filter(|check| check.outcome != Outcome::Unchecked);
    let words: Vec<String> = done
        .map(|check| match check.outcome {
            Outcome::Fail => format!("{}: NOT OK", check.detail),
            Outcome::Pass | Outcome::Unchecked => format!("{} ok", check.detail),
        })
        .collect();
    let open: Vec<&str> = plan
        .checks
        .iter()
        .filter(|check| check.outcome == Outcome::Unchecked)
        .map(|check| check.name.as_str())
        .collect();
    let mut text = String::new();
    if !words.is_empty() {
        let _infallible = writeln!(text, "{}", style.wrap("Checked      ", 13, &words.join(" · ")));
    }
    if let Some(check) = plan.checks.iter().find(|check| check.outcome == Outcome::Unchecked) {
        let line = format!("{}: {}", open.join(", "), check.detail);
        let _infallible = writeln!(text, "{}", style.wrap("Not checked  ", 13, &line));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn notes(plan: &Plan, style: Style) -> String {
    let mark = style.mind("!");
    let lines = plan.warnings.iter().map(|warning| style.wrap(&format!("{mark} "), 2, warning));
    let mut text = lines.collect::<Vec<_>>().join("\n");
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text
}

fn in_the_way(plan: &Plan, style: Style) -> String {
    let mut text = String::new();
    let mark = style.bad("✗");
    // Missing rights are listed once, and not again for each object.
    let listed = plan.blocked.iter().any(|blocked| blocked.code == "plan::missing_rights");
    for reason in plan.unread.iter().filter(|reason| !(listed && reason.contains("forbidden"))) {
        let _infallible = writeln!(text, "{}\n", style.wrap(&format!("{mark} "), 2, reason));
    }
    for blocked in &plan.blocked {
        let _infallible = writeln!(text, "{}", style.wrap(&format!("{mark} "), 2, &blocked.reason));
        if let Some(help) = &blocked.help {
            let _infallible = writeln!(text, "{}", style.wrap("  next: ", 8, help));
        }
        let _infallible = writeln!(text, "  {}\n", style.dim(&blocked.code));
    }
    text
}

/// The last line: it counts.
pub fn counting_line(plan: &Plan) -> String {
    let made = plan.changes.iter().filter(|change| change.verb == Verb::Create).count();
    let changed = plan.changes.len() - made;
    let steps = count(plan.steps.len(), "step");
    format!(
        "Plan: {made} to create, {changed} to change, 0 to delete, {steps}, members {} -> {}",
        plan.voters.before, plan.voters.after
    )
}

fn footer(plan: &Plan, file: &str, style: Style) -> String {
    let mut text = String::new();
    if !plan.is_applicable() {
        let reasons = count(plan.blocked.len() + plan.unread.len(), "reason");
        let line = format!("Cannot be applied, for {reasons}. Nothing was changed.");
        let _infallible = writeln!(text, "{}", style.wrap("", 0, &line));
        return text;
    }
    let _infallible = writeln!(text, "{}", style.bold(&style.wrap("", 0, &counting_line(plan))));
    text.push_str("No restart. No data is deleted.\n");
    if let Some(digest) = &plan.digest {
        let line = format!("etcdctl-stack apply {file} --expect {}", digest.short());
        let _infallible = writeln!(text, "\n{}", style.wrap("Apply it:  ", 11, &line));
    }
    text
}
