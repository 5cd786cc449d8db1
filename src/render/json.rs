//! A plan for programs. `format_version` is `MAJOR.MINOR`: a new minor adds
//! keys, a new major is another format. The names are those of Terraform's
//! JSON plan, so that policies written for it work here.
//! <https://developer.hashicorp.com/terraform/internals/json-format>

use serde_json::{Value, json};

use super::{
    About,
    cost::{Deleted, deleted, restarts},
    foreign,
};
use crate::{
    field::takeover::Predecessor,
    plan::{Change, Confidence, Outcome, Plan, Step, Tally, Verb},
    report::Consent,
};

/// The version of the format.
pub(super) const FORMAT_VERSION: &str = "1.0";

/// The plan of a file as JSON.
pub fn json(plan: &Plan, about: About<'_>) -> Value {
    let About { file, permissions, unfinished } = about;
    let missing = permissions.missing(plan);
    let deleted = deleted(plan);
    let changes = plan.changes.iter().map(|one| change(plan, one)).chain(deleted.iter().map(gone));
    let with = |verb: Verb| plan.changes.iter().filter(|change| change.verb == verb).count();
    let sure =
        |confidence: Confidence| plan.changes.iter().filter(|change| change.confidence == confidence).count();
    json!({
        "format_version": FORMAT_VERSION,
        "tool_version": env!("CARGO_PKG_VERSION"),
        "stack": { "name": plan.stack, "file": file },
        "target": {
            "context": plan.target.context,
            "cluster_uid": plan.target.cluster_uid.found(),
            "namespace": plan.namespace,
            "namespace_exists": plan.namespace_exists,
        },
        "digest": plan.digest.as_ref().map(|digest| format!("sha256:{}", digest.0)),
        "applyable": plan.is_applicable() && missing.is_empty(),
        "complete": plan.unread.is_empty() && plan.complete,
        "errored": !plan.unread.is_empty(),
        "summary": {
            "create": with(Verb::Create),
            "update": with(Verb::Update) + with(Verb::Adopt),
            "adopt": with(Verb::Adopt),
            "recreate": with(Verb::Recreate),
            "forget": with(Verb::Release),
            "delete": deleted.len() + with(Verb::Delete),
            "steps": plan.steps.len(),
            "restarts": plan.restarts().len(),
            "data_loss": deleted.len(),
            "verified": sure(Confidence::Verified),
            "predicted": sure(Confidence::Predicted),
            "unchecked": plan.checks.iter().filter(|check| check.outcome == Outcome::Unchecked).count(),
            "members": members(plan),
            "needs": plan.needs(),
        },
        "end": plan.intended.end,
        "goes_on_with": unfinished,
        "resource_changes": changes.collect::<Vec<_>>(),
        "unchanged": plan.unchanged.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "foreign_fields": plan.foreign.iter().map(foreign::json).collect::<Vec<_>>(),
        "etcd": plan.etcd.as_ref().map(|etcd| json!({
            "cluster_id": etcd.cluster_id,
            "members": etcd.members,
            "healthy": etcd.healthy,
            "leader": etcd.leader,
            "alarms": etcd.alarms,
            "db_size": etcd.db_size,
            "quota": etcd.quota,
        })),
        "steps": plan.steps.iter().enumerate().map(step).collect::<Vec<_>>(),
        "checks": plan.checks.iter().map(|check| json!({
            "name": check.name,
            "status": match check.outcome {
                Outcome::Pass => "pass",
                Outcome::Fail => "fail",
                Outcome::Unchecked => "unknown",
            },
            "detail": check.detail,
        })).collect::<Vec<_>>(),
        "warnings": plan.warnings,
        "diagnostics": diagnostics(plan, &missing),
    })
}

/// Voters before and after, and how few may fail meanwhile.
fn members(plan: &Plan) -> Value {
    let lowest = plan.lowest().map(|(step, Tally { voters, quorum, can_lose })| {
        json!({ "step": step, "members": voters, "quorum": quorum, "can_lose": can_lose })
    });
    json!({ "before": plan.voters.before, "after": plan.voters.after, "lowest": lowest })
}

/// What stands in the place of a plan for a file that has none.
pub fn json_without_plan(file: &str, diagnostics: &[Value]) -> Value {
    json!({
        "format_version": FORMAT_VERSION,
        "tool_version": env!("CARGO_PKG_VERSION"),
        "stack": { "file": file },
        "applyable": false,
        "complete": false,
        "errored": true,
        "resource_changes": [],
        "steps": [],
        "diagnostics": diagnostics,
    })
}

fn change(plan: &Plan, change: &Change) -> Value {
    let actions: &[&str] = match change.verb {
        Verb::Create => &["create"],
        Verb::Update | Verb::Adopt => &["update"],
        Verb::Recreate => &["delete", "create"],
        Verb::Delete => &["delete"],
        Verb::Release => &["forget"],
    };
    let reason = (change.verb == Verb::Recreate).then_some("replace_because_cannot_update");
    json!({
        "address": change.key.to_string(),
        "api_version": change.key.kind.api_version(),
        "kind": change.key.kind,
        "namespace": change.key.namespace,
        "name": change.key.name,
        "confidence": change.confidence,
        "restart": if restarts(plan, change) { "rolling" } else { "none" },
        "action_reason": reason,
        "change": { "actions": actions, "before": change.before, "after": change.after, "fields": change.fields },
        "adopting": adopting(change),
        "notes": change.notes,
    })
}

/// Who made it, where it is adopted.
fn adopting(change: &Change) -> Value {
    let one = |one: &Predecessor| json!({ "from_manager": one.manager, "operation": one.operation, "fields": one.fields });
    match change.verb {
        Verb::Adopt => change.adopting.iter().map(one).collect(),
        Verb::Create | Verb::Update | Verb::Recreate | Verb::Delete | Verb::Release => Value::Null,
    }
}

/// A claim whose data is deleted.
fn gone(claim: &Deleted) -> Value {
    let Deleted { key, made_anew } = claim;
    let actions: &[&str] = if *made_anew { &["delete", "create"] } else { &["delete"] };
    json!({
        "address": key.to_string(),
        "api_version": key.kind.api_version(),
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "confidence": "predicted",
        "restart": "none",
        "change": { "actions": actions, "before": null, "after": null, "fields": [] },
        "notes": ["its data is deleted"],
    })
}

fn step((index, step): (usize, &Step)) -> Value {
    json!({
        "id": format!("s{}", index + 1),
        "title": step.title,
        "actions": step.actions,
        "before": step.before,
        "after": step.after,
        "members": step.tally.map(|tally| tally.voters),
        "quorum": step.tally.map(|tally| tally.quorum),
        "can_lose": step.tally.map(|tally| tally.can_lose),
        "costs": step.costs,
    })
}

fn diagnostics(plan: &Plan, missing: &Consent) -> Vec<Value> {
    let error = |code: &str, summary: String, detail: Option<&str>| json!({ "severity": "error", "code": code, "summary": summary, "detail": detail });
    let unread = plan.unread.iter().map(|reason| error("plan::unread", reason.clone(), None));
    let blocked = plan.blocked.iter().map(|blocked| {
        let mut one = error(&blocked.code, blocked.reason.clone(), blocked.help.as_deref());
        one["facts"] = json!(blocked.facts);
        one
    });
    let data_loss = missing.data_loss.iter().map(|claim| {
        let help = format!("--allow-data-loss {claim} allows it");
        error("plan::needs_data_loss", format!("the data of claim `{claim}` is deleted"), Some(&help))
    });
    let downtime = missing.downtime.iter().map(|member| {
        let reason = format!("nobody is served while `{member}` restarts");
        error("plan::needs_downtime", reason, Some("--allow-downtime allows it"))
    });
    let objects = missing.delete.iter().map(|object| {
        let help = format!("--allow-delete {object} allows it");
        error("plan::needs_delete", format!("`{object}` is deleted for good"), Some(&help))
    });
    unread.chain(blocked).chain(data_loss).chain(objects).chain(downtime).collect()
}
