//! A plan for programs. `format_version` is `MAJOR.MINOR`: a new minor adds
//! keys, a new major is another format. The names are those of Terraform's
//! JSON plan, so that policies written for it work here.
//! <https://developer.hashicorp.com/terraform/internals/json-format>

use serde_json::{Value, json};

use crate::plan::{Change, Confidence, Outcome, Plan, Step, Verb};

/// The version of the format.
const FORMAT_VERSION: &str = "1.0";

/// The plan of a file as JSON.
pub fn json(plan: &Plan, file: &str) -> Value {
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
        "applyable": plan.is_applicable(),
        "complete": plan.unread.is_empty(),
        "errored": !plan.unread.is_empty(),
        "summary": {
            "create": with(Verb::Create),
            "update": with(Verb::Update),
            "delete": 0,
            "steps": plan.steps.len(),
            "restarts": 0,
            "data_loss": 0,
            "verified": sure(Confidence::Verified),
            "predicted": sure(Confidence::Predicted),
            "unchecked": plan.checks.iter().filter(|check| check.outcome == Outcome::Unchecked).count(),
            "members": plan.voters,
        },
        "resource_changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "unchanged": plan.unchanged.iter().map(ToString::to_string).collect::<Vec<_>>(),
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
        "diagnostics": diagnostics(plan),
    })
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

fn change(change: &Change) -> Value {
    let action = match change.verb {
        Verb::Create => "create",
        Verb::Update => "update",
    };
    json!({
        "address": change.key.to_string(),
        "api_version": change.key.kind.api_version(),
        "kind": change.key.kind,
        "namespace": change.key.namespace,
        "name": change.key.name,
        "confidence": change.confidence,
        "restart": "none",
        "change": { "actions": [action], "before": change.before, "after": change.after, "fields": change.fields },
        "notes": change.notes,
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
    })
}

fn diagnostics(plan: &Plan) -> Vec<Value> {
    let unread = plan
        .unread
        .iter()
        .map(|reason| json!({ "severity": "error", "code": "plan::unread", "summary": reason }));
    let blocked = plan.blocked.iter().map(
        |blocked| json!({ "severity": "error", "code": blocked.code, "summary": blocked.reason, "detail": blocked.help }),
    );
    unread.chain(blocked).collect()
}
