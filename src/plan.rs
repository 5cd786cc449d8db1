//! What to do about it: pure, no clock, no randomness.
//!
//! [`plan`] cannot fail. What it will not act on is a [`Blocked`] in the
//! result, so that a user sees all of the plan and all of the reasons at once.
//!
//! ```text
//! questions     which dry-runs to ask the API server for
//! compare       each desired object against what is there
//! change        two bodies of one object, field by field
//! certificates  which certificates to issue, and why
//! state         what membership is decided from
//! membership    one change of membership at a time
//! order         changes and membership as steps
//! check         rights, StorageClass, pods, claims, nodes
//! etcd          the cluster as it is, for display
//! digest        what an approval is bound to
//! ```

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    desired::{CLUSTER_ID, Desired},
    member::{Alarm, Id, Member},
    object::ObjectKey,
    observed::{Live, Lookup, Observed, Target},
};

mod certificates;
mod change;
mod check;
mod compare;
mod digest;
mod etcd;
mod membership;
mod order;
mod questions;
mod state;
mod step;

pub use certificates::days_left;
pub use change::broken_at;
pub use digest::action_hashes;
pub use questions::{questions, settle};
pub use step::{Action, Expects, Fill, Guard, IssueReason, Step, Tally, Wait};

/// What would change, in what order, and why it may not.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The stack's name.
    pub stack: String,
    /// The stack's namespace.
    pub namespace: String,
    /// Whether the namespace is there already.
    pub namespace_exists: bool,
    /// Which cluster this is about.
    pub target: Target,
    /// What an approval is bound to; `None` when something could not be read.
    pub digest: Option<Digest>,
    /// Objects to create or change, in the order of a first apply.
    pub changes: Vec<Change>,
    /// Objects that are as wanted.
    pub unchanged: Vec<ObjectKey>,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// Why nothing of this will be done.
    pub blocked: Vec<Blocked>,
    /// What a reviewer should know.
    pub warnings: Vec<String>,
    /// What was looked into, and what came of it.
    pub checks: Vec<Check>,
    /// etcd as it is, when it runs.
    pub etcd: Option<Etcd>,
    /// The cluster that is recorded as founded here.
    pub recorded: Option<Id>,
    /// Voters before the first step and after the last.
    pub voters: BeforeAfter,
    /// What could not be read, in words. A plan that misses something is not
    /// applied.
    pub unread: Vec<String>,
}

/// A number before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeAfter {
    /// Now.
    pub before: usize,
    /// After the last step.
    pub after: usize,
}

/// SHA-256 of what a plan is made of, 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub String);

impl Digest {
    /// The form for people: the first eight digits as `7f3a-91c2`. Too short to
    /// bind an approval in automation.
    pub fn short(&self) -> String {
        let hex = &self.0;
        match (hex.get(..4), hex.get(4..8)) {
            (Some(first), Some(second)) => format!("{first}-{second}"),
            _ => hex.clone(),
        }
    }
}

/// One object that is not as wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which object.
    pub key: ObjectKey,
    /// What happens to it.
    pub verb: Verb,
    /// How sure the result is.
    pub confidence: Confidence,
    /// The object as it is; `None` before it is created. A Secret without values.
    pub before: Option<Value>,
    /// The object as it would be: the server's answer where it gave one,
    /// otherwise what would be sent.
    pub after: Value,
    /// What differs, field by field; empty for a creation.
    pub fields: Vec<FieldChange>,
    /// What a field cannot say, such as a certificate to issue.
    pub notes: Vec<String>,
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
}

/// How sure a predicted object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The API server was asked what it would store.
    Verified,
    /// Nobody could be asked yet: this is what will be sent.
    Predicted,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Where, with list items named by their key: `spec.ports[client].port`.
    pub path: String,
    /// The value now; `None` where there is none.
    pub before: Option<Value>,
    /// The value after; `None` where the field goes.
    pub after: Option<Value>,
}

/// Why the plan is not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// A stable code, such as `plan::foreign_stateful_set`.
    pub code: String,
    /// What stands in the way, with names and numbers.
    pub reason: String,
    /// What a person can do.
    pub help: Option<String>,
}

/// One thing that was looked into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What: `rights`, `storage_class`, `pod`, `claim`, `nodes`.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
    /// In words: `StorageClass fast-ssd (expandable, WaitForFirstConsumer)`.
    pub detail: String,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// In order.
    Pass,
    /// Not in order; there is a [`Blocked`] for it, or for nodes a warning.
    Fail,
    /// Not to be found out now; the detail says why.
    Unchecked,
}

/// etcd as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Etcd {
    /// The cluster's id.
    pub cluster_id: Id,
    /// The members in the list.
    pub members: Vec<Member>,
    /// Names of members that answer, know a leader and report no error.
    pub healthy: Vec<String>,
    /// The leader's name, when there is one.
    pub leader: Option<String>,
    /// Alarms that are raised.
    pub alarms: Vec<Alarm>,
    /// Bytes of the largest database file.
    pub db_size: i64,
    /// The quota in bytes.
    pub quota: u64,
}

impl Plan {
    /// Whether there is nothing to do and nothing in the way.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.changes.is_empty() && self.blocked.is_empty()
    }

    /// Whether it can be carried out: all was read and nothing stands in the way.
    pub fn is_applicable(&self) -> bool {
        self.blocked.is_empty() && self.unread.is_empty()
    }
}

/// Makes the plan that turns what was observed into what is desired.
///
/// `desired` has been through [`settle`], and `observed` holds an answer for
/// each of [`questions()`].
pub fn plan(desired: &Desired, observed: &Observed, now: Timestamp) -> Plan {
    let live = &observed.live;
    let recorded = recorded_cluster(desired, live);
    let founded = !matches!(recorded, Ok(None));
    let mut comparison = compare::compare(desired, observed, founded, now);
    let cut_off = comparison.cut_off;
    let state = state::state(desired, observed, cut_off);
    let readable = comparison.unread.is_empty() && !compare::namespace_goes(desired, live);
    let moves = match &state {
        Ok(state) if readable => membership::moves(state.clone()),
        _ => Vec::new(),
    };
    let before = state.as_ref().map_or_else(|_| etcd::voters(observed), membership::State::voters);
    let voters = BeforeAfter { before, after: moves.last().map_or(before, |last| last.2.voters()) };
    if cut_off && state.is_err() {
        comparison.warnings.push(
            "the members cannot work together or be asked before certificates are issued: plan again after that"
                .to_owned(),
        );
    }
    comparison.blocked.extend(state.err().unwrap_or_default());
    comparison.blocked.extend(etcd::unhealthy(desired, observed, &moves));
    let creating = live.objects.get(&desired.names.stateful_set()).is_some_and(Lookup::is_absent);
    let (checks, failed) = check::checks(desired, observed, creating, voters.after > voters.before);
    comparison.blocked.extend(failed);
    let compare::Comparison { changes, unchanged, issues, blocked, unread, mut warnings, .. } = comparison;
    warnings.extend(
        checks
            .iter()
            .filter(|check| check.outcome == Outcome::Fail && check.name == "nodes")
            .map(|check| check.detail.clone()),
    );
    let changed = changes.iter().map(|change| change.key.clone()).collect();
    let recorded = recorded.ok().flatten();
    let cluster_id = recorded.map(|id| id.to_string());
    let steps = order::steps(&order::Inputs { desired, live, issues, changed, cluster_id, moves });
    let mut plan = Plan {
        stack: desired.stack.name.clone(),
        namespace: desired.stack.namespace.clone(),
        namespace_exists: live.objects.get(&desired.namespace.key).and_then(Lookup::found).is_some(),
        target: live.target.clone(),
        digest: None,
        changes,
        unchanged,
        steps,
        blocked,
        warnings,
        checks,
        etcd: etcd::summary(desired, observed),
        recorded,
        voters,
        unread,
    };
    plan.digest = plan.unread.is_empty().then(|| digest::digest(&plan, desired, observed));
    plan
}

/// The id of the cluster that was founded here, from the journal and from the
/// StatefulSet's annotation: either is enough, two different ones are a reason
/// to stop.
pub(crate) fn recorded_cluster(desired: &Desired, live: &Live) -> Result<Option<Id>, Blocked> {
    let journal = live.journal.found().and_then(|journal| journal.cluster_id);
    let stateful_set = live.objects.get(&desired.names.stateful_set()).and_then(Lookup::found);
    let annotation = match stateful_set.and_then(|object| object.annotation(CLUSTER_ID)).map(str::parse) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => {
            return Err(Blocked {
                code: "plan::unreadable_cluster".to_owned(),
                reason: format!("annotation `{CLUSTER_ID}` of `{}` is no id", desired.names.stateful_set()),
                help: Some("put back the id that `etcdctl endpoint status -w table` shows".to_owned()),
            });
        }
    };
    let claims = live.claims.found().into_iter().flatten().filter_map(|claim| claim.cluster_id);
    let mut ids: Vec<Id> = journal.into_iter().chain(annotation).chain(claims).collect();
    ids.sort();
    ids.dedup();
    match ids.as_slice() {
        [] => Ok(None),
        [id] => Ok(Some(*id)),
        [first, .., last] => Err(Blocked {
            code: "plan::two_clusters".to_owned(),
            reason: format!("two clusters are recorded for `{}`: {first} and {last}", desired.stack.name),
            help: Some("find out which one holds the data before anything else is done".to_owned()),
        }),
    }
}
