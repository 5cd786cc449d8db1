//! A plan for a person: objects, steps, what was checked, what stands in the
//! way, and one line that counts.

use std::fmt::Write as _;

use super::{
    cost::in_total,
    diff::objects,
    foreign::{counted, kept},
    steps::steps,
    style::{Style, bytes, count, plain, when},
};
use crate::{
    member::{Member, Role, quorum},
    object::{Kind, ObjectKey},
    plan::{self, Against, Check, Digest, Ending, Etcd, Outcome, Plan},
    report::{self, Permissions, Unfinished, grouped, in_numbers, needed, short_name},
};

/// Why a plan is not the last one.
pub const THEN: &str = "what else there is to do is decided once these steps are done.";

/// What a plan is shown with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About<'a> {
    /// The stack file, as it was named.
    pub file: &'a str,
    /// What was allowed.
    pub permissions: &'a Permissions,
    /// The run that it goes on with.
    pub unfinished: Option<&'a Unfinished>,
}

/// How much of a plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What matters; the rest is counted.
    Counted,
    /// What is otherwise counted is listed.
    Listed,
    /// Objects are shown whole, too, as they are sent.
    Whole,
}

impl Detail {
    /// As often as somebody asked for more.
    pub fn asked(times: u8) -> Self {
        match times {
            0 => Detail::Counted,
            1 => Detail::Listed,
            2.. => Detail::Whole,
        }
    }
}

/// How a plan is shown to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// What it is shown with.
    pub about: About<'a>,
    /// How much of it.
    pub detail: Detail,
    /// Whether the namespace was made before it: then not nothing was changed.
    pub made_namespace: bool,
    /// How the command to go on with is said; `None` where `apply` asks
    /// already, and where no person reads.
    pub hint: Option<Hint<'a>>,
}

/// What the command to go on with needs, so that it can be copied. What is named
/// is named by [`target`](super::target).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint<'a> {
    /// The stack file is applied, if it still gives this plan.
    File {
        /// Whether the whole digest is said: away from a terminal the short one
        /// binds nothing, and `apply` refuses it.
        whole_digest: bool,
        /// The stack file.
        target: &'a str,
        /// The flags that say what was asked for beside the stack file.
        asked: &'a [String],
    },
    /// The saved plan is applied, which holds all of that.
    Saved {
        /// The saved plan.
        target: &'a str,
    },
}

/// The plan as text.
pub fn plan(plan: &Plan, view: View<'_>, style: Style) -> String {
    let mut text = header(plan, view, style);
    if plan.is_empty() && plan.unread.is_empty() {
        text.push_str(&nothing_to_do(plan, view, style));
        if view.detail >= Detail::Listed {
            text.push_str(&kept(plan, style));
        }
        text.push_str(&notes(plan, style));
        text.push_str(&offline(plan, style));
        return text;
    }
    text.push_str(&objects(plan, view.detail, style));
    text.push_str(&kept(plan, style));
    text.push_str(&steps(plan, style));
    text.push_str(&checked(plan, style));
    text.push_str(&notes(plan, style));
    text.push_str(&in_the_way(plan, style));
    text.push_str(&footer(plan, view, style));
    text.push_str(&offline(plan, style));
    text
}

/// What a plan is not good for that was made without a cluster.
fn offline(plan: &Plan, style: Style) -> String {
    let Some(Against { file, .. }) = &plan.against else { return String::new() };
    let line = format!(
        "predicted from {}, and no cluster was asked. It has no digest, and cannot be what `apply --expect` \
         expects: plan without --against for that.",
        plain(file)
    );
    format!("{}\n", style.wrap(&style.mind("Offline: "), 2, &line))
}

fn header(plan: &Plan, view: View<'_>, style: Style) -> String {
    let mut parts = vec![
        style.bold(&plan.stack),
        plan.against.as_ref().map_or_else(|| format!("context {}", plain(&plan.target.context)), recording),
        format!("namespace {}{}", plan.namespace, whether_new(plan)),
    ];
    parts.extend(
        plan.intended
            .end
            .filter(|_| plan.blocked.is_empty())
            .map(|_| style.bad(report::command(plan.intended.end))),
    );
    parts.extend(plan.digest.as_ref().map(|digest| format!("plan {}", digest.short())));
    let mut text = format!("{}\n", style.join(2, &parts));
    if let Some(etcd) = &plan.etcd {
        let _infallible = writeln!(text, "{}", style.join(2, &running(plan, etcd, style)));
    }
    if let Some(unfinished) = view.about.unfinished {
        let (first, words) = goes_on(unfinished);
        let _infallible = writeln!(text, "{}", style.wrap(&style.mind(first), 2, &words));
    }
    text.push('\n');
    text
}

/// What a plan is made against, in the place of a context.
pub fn recording(against: &Against) -> String {
    let applied = against.applied_at.map(|at| format!(", last applied {}", when(at)));
    format!("offline, against {}{}", plain(&against.file), applied.unwrap_or_default())
}

/// The run that the plan goes on with, in a line.
pub fn goes_on(unfinished: &Unfinished) -> (&'static str, String) {
    let Unfinished { who, started_at, digest: _, steps, asked_for, holds_lock } = unfinished;
    let asked = match asked_for.as_slice() {
        [] => String::new(),
        asked => format!(", asked to {}", asked.join(" and to ")),
    };
    let first = if *holds_lock { "going on: " } else { "goes on with " };
    let from = format!("the apply of {} from {}", short_name(who), when(*started_at));
    (first, format!("{from}: {} of {} done{asked}", steps.done, count(steps.all, "step")))
}

/// What is not known of the namespace is not said of it.
fn whether_new(plan: &Plan) -> &'static str {
    let made = plan.changes.iter().any(|change| change.key.kind == Kind::Namespace);
    let missing = plan.blocked.iter().any(|blocked| blocked.code == "plan::namespace_missing");
    match plan.namespace_exists {
        true => "",
        false if made => " (new)",
        false if missing => " (not there)",
        false => " (unknown)",
    }
}

/// The etcd cluster in a line: what answers now, not what was.
pub fn running(plan: &Plan, etcd: &Etcd, style: Style) -> Vec<String> {
    let Etcd { cluster_id, members, healthy, leader, alarms, db_size: _, quota: _ } = etcd;
    let (voters, learners): (Vec<&Member>, Vec<&Member>) =
        members.iter().partition(|member| member.role == Role::Voter);
    let up = voters.iter().filter(|voter| healthy.contains(&voter.name)).count();
    let health = format!("{up} of {} healthy", count(voters.len(), "voter"));
    // A member that was deleted is still the leader of those that have not
    // noticed.
    let leader = match leader {
        _ if up < quorum(voters.len()) => style.bad("no quorum"),
        Some(name) if healthy.contains(name) => format!("leader {}", plain(name)),
        _ => style.bad("no leader"),
    };
    let mut parts = vec![
        format!("cluster {cluster_id}"),
        if up == voters.len() { health } else { style.bad(&health) },
        leader,
    ];
    // A recording does not hold what changes all the time.
    parts.extend(plan.against.is_none().then(|| database(plan, etcd)));
    if !learners.is_empty() {
        parts.insert(2, count(learners.len(), "learner"));
    }
    parts.extend(alarms.iter().map(|alarm| style.bad(&format!("alarm {}", plain(&alarm.name)))));
    parts
}

/// The database's size beside the quota that the members were started with:
/// the file's, unless the plan changes it or could not compare it.
fn database(plan: &Plan, etcd: &Etcd) -> String {
    let size = bytes(u64::try_from(etcd.db_size).unwrap_or(0));
    let is_stateful_set = |key: &ObjectKey| key.kind == Kind::StatefulSet;
    let changed = plan.changes.iter().find(|change| is_stateful_set(&change.key));
    let mut fields = changed.iter().flat_map(|change| &change.fields);
    let field = fields.find(|field| field.path.ends_with("args[--quota-backend-bytes]"));
    let live = match field {
        Some(field) => field.before.as_ref().and_then(|quota| quota.as_str()?.parse().ok()),
        None if changed.is_some() || plan.unchanged.iter().any(is_stateful_set) => Some(etcd.quota),
        None => None,
    };
    match live {
        Some(quota) => format!("database {size} of {}", bytes(quota)),
        None => format!("database {size} (quota {} in the stack file)", bytes(etcd.quota)),
    }
}

fn nothing_to_do(plan: &Plan, view: View<'_>, style: Style) -> String {
    match plan.intended.end {
        Some(Ending::Destroy) => return format!("{}\n", style.good("Nothing is left to destroy.")),
        Some(Ending::Forget) => return format!("{}\n", style.good("Nothing is left to hand over.")),
        None => {}
    }
    let objects = count(plan.unchanged.len(), "object");
    let voters = count(plan.voters.after, "voter");
    let mut line = format!("{objects} and {voters} match {}.", view.about.file);
    if let Some(others) = counted(plan).filter(|_| view.detail == Detail::Counted) {
        let _infallible = write!(line, " {others}");
    }
    format!("{}\n", style.wrap(&style.good("No changes. "), 0, &line))
}

fn checked(plan: &Plan, style: Style) -> String {
    let done: Vec<String> = plan
        .checks
        .iter()
        .filter_map(|check| match check.outcome {
            Outcome::Pass => Some(format!("{} ok", check.detail)),
            Outcome::Fail => Some(format!("{}: NOT OK", check.detail)),
            Outcome::Unchecked => None,
        })
        .collect();
    let mut text = String::new();
    if !done.is_empty() {
        let _infallible = writeln!(text, "{}", style.wrap("Checked      ", 13, &done.join(" · ")));
    }
    for (detail, names) in open(&plan.checks) {
        let line = format!("{}: {detail}", names.join(", "));
        let _infallible = writeln!(text, "{}", style.wrap("Not checked  ", 13, &line));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// What could not be checked, by the reason.
pub fn open(checks: &[Check]) -> Vec<(&str, Vec<&str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for Check { name, outcome, detail } in checks {
        if *outcome != Outcome::Unchecked {
            continue;
        }
        match reasons.iter_mut().find(|(reason, _)| reason == detail) {
            Some((_, names)) => names.push(name),
            None => reasons.push((detail, vec![name])),
        }
    }
    reasons
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

/// What could not be read, one reason for all that it hits. Rights that are
/// missing are listed already, and not again for each object.
pub fn unread(plan: &Plan) -> Vec<String> {
    let listed = plan.blocked.iter().any(|blocked| blocked.code == "plan::missing_rights");
    let told = plan.unread.iter().filter(|reason| !(listed && reason.contains("forbidden: User ")));
    grouped(&told.cloned().collect::<Vec<_>>())
}

/// Why it cannot be applied, a line each.
pub fn reasons(plan: &Plan) -> Vec<String> {
    unread(plan).into_iter().chain(plan.blocked.iter().map(|blocked| blocked.reason.clone())).collect()
}

fn in_the_way(plan: &Plan, style: Style) -> String {
    let mut text = String::new();
    let mark = style.bad("✗");
    for reason in unread(plan) {
        let _infallible = writeln!(text, "{}\n", style.wrap(&format!("{mark} "), 2, &reason));
    }
    for blocked in &plan.blocked {
        let _infallible = writeln!(text, "{}", style.wrap(&format!("{mark} "), 2, &blocked.reason));
        for plan::Fact { label, text: fact } in &blocked.facts {
            let label = style.dim(&format!("{label:<9}"));
            let _infallible = writeln!(text, "{}", style.wrap(&format!("    {label}"), 13, fact));
        }
        if let Some(help) = &blocked.help {
            let _infallible = writeln!(text, "{}", style.wrap("  help: ", 8, help));
        }
        let _infallible = writeln!(text, "  {}\n", style.dim(&blocked.code));
    }
    text
}

fn footer(plan: &Plan, view: View<'_>, style: Style) -> String {
    if !plan.is_applicable() {
        let reasons = count(plan.blocked.len() + unread(plan).len(), "reason");
        let line = match view.made_namespace {
            false => format!("for {reasons}. Nothing was changed."),
            true => format!("for {reasons}. The namespace was made, and nothing else was changed."),
        };
        return format!("{}\n", style.wrap(&style.bad("Cannot be applied, "), 0, &line));
    }
    let mut text = format!("{}\n", style.bold(&style.wrap("Plan: ", 0, &in_numbers(plan))));
    let _infallible = writeln!(text, "{}", style.wrap("", 0, &in_total(plan)));
    if !plan.complete {
        let _infallible = writeln!(text, "{}", style.wrap(&style.mind("Plan again after that: "), 0, THEN));
    }
    for flag in view.about.permissions.missing(plan).flags() {
        let _infallible = writeln!(text, "{}", style.wrap(&style.bad("Needs: "), 2, &flag));
    }
    if let (Some(digest), Some(hint)) = (&plan.digest, view.hint) {
        let _infallible = writeln!(text, "\n{}", apply_it(plan, digest, hint));
    }
    text
}

/// In one line, however long: it is copied.
fn apply_it(plan: &Plan, digest: &Digest, hint: Hint<'_>) -> String {
    let needed = needed(plan).flags();
    let (first, command) = match hint {
        Hint::Saved { target } => {
            let flags: String = needed.iter().map(|flag| format!(" {flag}")).collect();
            (command(plan, "", "", &[]).0, format!("etcdctl-stack apply {target}{flags}"))
        }
        Hint::File { whole_digest, target, asked } => {
            let digest = if whole_digest { digest.0.clone() } else { digest.short() };
            command(plan, &digest, target, &[asked, &needed].concat())
        }
    };
    format!("{first}  {command}")
}

/// The command that carries a plan out and no other, and what that is called.
pub fn command(plan: &Plan, digest: &str, target: &str, flags: &[String]) -> (&'static str, String) {
    let flags: String = flags.iter().map(|flag| format!(" {flag}")).collect();
    let end = plan.intended.end;
    let first = match end {
        Some(Ending::Destroy) => "Destroy it:",
        Some(Ending::Forget) => "Hand it over:",
        None => "Apply it:",
    };
    let command = report::command(end);
    (first, format!("etcdctl-stack {command} {target}{flags} --expect {digest}"))
}
