//! A plan for programs. `format_version` is `MAJOR.MINOR`: a new minor adds
//! keys, a new major is another format. The names are those of Terraform's
//! JSON plan, so that policies written for it work here.
//! <https://developer.hashicorp.com/terraform/internals/json-format>
//!
//! ```text
//! document  the types, of which the published schema is made
//! change    what happens to each object
//! schema    the schema, as `schema --of plan` prints it
//! ```

use serde_json::{Value, json};

mod change;
mod document;
mod schema;

use document::{Check, Document, Etcd, Members, StackFile, Step, Summary, Target};
pub use document::{Conflict, Diagnostic, ForeignField, Severity};
pub use schema::schema;
pub(super) use schema::{of, with_head};

use super::{
    About,
    cost::{Deleted, deleted, stepwise},
    foreign,
};
use crate::{
    plan::{Blocked, Confidence, Contested, Outcome, Plan, Tally, Verb},
    report::Consent,
};

/// The version of the format.
pub(super) const FORMAT_VERSION: &str = "1.0";

/// The plan of a file as JSON. What only the reader of the file knows is null
/// in it: its hash, where its keys stand, and the time.
pub fn json(plan: &Plan, about: About<'_>) -> Value {
    json!(document(plan, about))
}

fn document(plan: &Plan, about: About<'_>) -> Document {
    let About { file, permissions, unfinished } = about;
    let missing = permissions.missing(plan);
    let deleted = deleted(plan);
    Document {
        stack: StackFile { name: Some(plan.stack.clone()), file: file.to_owned(), sha256: None },
        target: Some(Target {
            context: plan.target.context.clone(),
            cluster_uid: plan.target.cluster_uid.found().cloned(),
            namespace: plan.namespace.clone(),
            namespace_exists: plan.namespace_exists,
        }),
        against: plan.against.clone(),
        digest: plan.digest.as_ref().map(|digest| digest.0.clone()),
        basis: Some(plan.basis.clone()),
        applyable: plan.is_applicable() && missing.is_empty(),
        complete: plan.unread.is_empty() && plan.complete,
        errored: !plan.unread.is_empty(),
        summary: Some(summary(plan, &deleted)),
        end: plan.intended.end,
        goes_on_with: unfinished.cloned(),
        resource_changes: change::changes(plan, &deleted),
        foreign_fields: plan.foreign.iter().map(foreign::json).collect(),
        conflicts: conflicts(plan),
        etcd: plan.etcd.as_ref().map(|one| etcd(plan, one)),
        steps: plan.steps.iter().enumerate().map(step).collect(),
        checks: plan.checks.iter().map(check).collect(),
        warnings: plan.warnings.clone(),
        diagnostics: diagnostics(plan, &missing),
        ..Document::of_file(file)
    }
}

/// What stands in the place of a plan for a file that has none: the same keys.
pub fn json_without_plan(file: &str, diagnostics: &[Value]) -> Value {
    let mut document = json!(Document { errored: true, ..Document::of_file(file) });
    document["diagnostics"] = diagnostics.into();
    document
}

fn summary(plan: &Plan, deleted: &[Deleted]) -> Summary {
    let sure =
        |confidence: Confidence| plan.changes.iter().filter(|change| change.confidence == confidence).count();
    Summary {
        create: plan.with(Verb::Create),
        update: plan.with(Verb::Update) + plan.with(Verb::Adopt),
        stepwise: stepwise(plan).len(),
        adopt: plan.with(Verb::Adopt),
        recreate: plan.with(Verb::Recreate),
        forget: plan.with(Verb::Release),
        delete: deleted.len() + plan.with(Verb::Delete),
        steps: plan.steps.len(),
        restarts: plan.restarts().len(),
        data_loss: deleted.len(),
        verified: sure(Confidence::Verified),
        predicted: sure(Confidence::Predicted),
        unchecked: plan.checks.iter().filter(|check| check.outcome == Outcome::Unchecked).count(),
        members: members(plan),
        needs: plan.needs(),
    }
}

/// Voters before and after, and how few may fail meanwhile.
fn members(plan: &Plan) -> Members {
    let lowest = plan.lowest().map(|(step, Tally { voters, quorum, can_lose })| document::Lowest {
        step,
        members: voters,
        quorum,
        can_lose,
    });
    Members { before: plan.voters.before, after: plan.voters.after, lowest }
}

fn etcd(plan: &Plan, etcd: &crate::plan::Etcd) -> Etcd {
    let crate::plan::Etcd { cluster_id, members, healthy, leader, alarms, db_size, quota } = etcd.clone();
    let db_size = plan.against.is_none().then_some(db_size);
    Etcd { cluster_id, members, healthy, leader, alarms, db_size, quota }
}

/// The fields that others own and that the plan would change.
pub(super) fn conflicts(plan: &Plan) -> Vec<Conflict> {
    plan.blocked.iter().filter_map(|blocked| blocked.contested.as_deref()).map(conflict).collect()
}

fn conflict(contested: &Contested) -> Conflict {
    let Contested { object, field, path, yours, theirs, manager, subresource, time, meaning } =
        contested.clone();
    let address = object.to_string();
    Conflict { address, field, path, yours, theirs, manager, subresource, time, meaning }
}

fn step((index, step): (usize, &crate::plan::Step)) -> Step {
    Step {
        id: format!("s{}", index + 1),
        kind: kind(step),
        title: step.title.clone(),
        actions: step.actions.clone(),
        before: step.before.clone(),
        after: step.after.clone(),
        members: step.tally.map(|tally| tally.voters),
        quorum: step.tally.map(|tally| tally.quorum),
        can_lose: step.tally.map(|tally| tally.can_lose),
        costs: step.costs.clone(),
    }
}

/// What a step mainly does: the first of its actions that does not merely go
/// with another one.
fn kind(step: &crate::plan::Step) -> String {
    const GOES_ALONG: [&str; 4] = ["apply", "begin_founding", "record_member", "forget_member"];
    let named = |action| json!(action)["do"].as_str().map(str::to_owned);
    let all: Vec<String> = step.actions.iter().filter_map(named).collect();
    let main = all.iter().find(|name| !GOES_ALONG.contains(&name.as_str()));
    main.or(all.first()).cloned().unwrap_or_else(|| "wait".to_owned())
}

fn check(check: &crate::plan::Check) -> Check {
    let status = match check.outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Unchecked => "unknown",
    };
    Check { name: check.name.clone(), status, detail: check.detail.clone() }
}

/// Why it cannot be applied as it is.
pub(super) fn diagnostics(plan: &Plan, missing: &Consent) -> Vec<Diagnostic> {
    let unread = plan.unread.iter().map(|reason| Diagnostic::error("plan::unread", reason.clone(), None));
    let blocked = plan.blocked.iter().map(|Blocked { code, reason, facts, help, key, contested: _ }| {
        let error = Diagnostic::error(code, reason.clone(), help.clone());
        Diagnostic { facts: Some(facts.clone()), key: key.as_deref().map(str::to_owned), ..error }
    });
    let data_loss = missing.data_loss.iter().map(|claim| {
        let help = format!("--allow-data-loss {claim} allows it");
        let what = format!("the data of claim `{claim}` is deleted");
        Diagnostic::error("plan::needs_data_loss", what, Some(help))
    });
    let downtime = missing.downtime.iter().map(|member| {
        let what = format!("nobody is served while `{member}` restarts");
        Diagnostic::error("plan::needs_downtime", what, Some("--allow-downtime allows it".to_owned()))
    });
    let objects = missing.delete.iter().map(|object| {
        let help = format!("--allow-delete {object} allows it");
        Diagnostic::error("plan::needs_delete", format!("`{object}` is deleted for good"), Some(help))
    });
    unread.chain(blocked).chain(data_loss).chain(objects).chain(downtime).collect()
}
