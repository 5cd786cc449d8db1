//! What to do about it: pure, no clock, no randomness.
//!
//! [`plan`] cannot fail. What it will not act on is a [`Blocked`] in the
//! result, so that a user sees all of the plan and all of the reasons at once.
//!
//! ```text
//! intent        what is asked for beside the stack file
//! questions     which dry-runs to ask the API server for
//! spelling      quantities as they stand on the server
//! compare       each desired object against what is there
//! adopt         objects of our names that others made
//! change        two bodies of one object, field by field
//! source        whose doing a difference is
//! defaults      what the API server fills in by itself
//! immutable     fields that never change, and the ways out
//! anew          an object that is deleted and created, as a change
//! volumes       the volumes of members beside the wanted ones
//! certificates  which certificates to issue, and why
//! template      the pod template as it will be, and who has it already
//! state         what membership is decided from
//! membership    one change of membership at a time
//! order         changes and membership as steps
//! foreign       fields that others set and the stack does not
//! ownership     who else owns a field
//! inventory     which objects are the stack's, by uid
//! check         rights, StorageClass, pods, claims, nodes
//! quota         what the members need of the namespace's quotas
//! refusal       what helps when admission refuses a pod or claim
//! etcd          the cluster as it is, for display
//! blocked       why a plan is not applied
//! ending        the stack as a whole goes, or is handed over
//! destroy       what goes with it, and in which order
//! release       what is handed over
//! prune         objects that the stack file no longer names
//! whose         whose an object is, and why it stays
//! step          what is done, what must hold before, what is waited for
//! needs         what must be allowed by name
//! basis         what a plan is made of, part by part
//! digest        what an approval is bound to
//! known         how an action is known again
//! unknown       what is known only once the steps have run
//! drift         what others changed since the last apply
//! predict       what the API server would store, where nobody can ask it
//! offline       a plan without a cluster
//! ```

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    desired::Desired,
    field::takeover::Predecessor,
    member::{Alarm, Id, Member},
    object::ObjectKey,
    observed::{Intended, Inventory, Lookup, Observed, Target, journal::Snapshot},
};

mod adopt;
mod anew;
mod basis;
mod blocked;
mod certificates;
mod change;
mod check;
mod compare;
mod defaults;
mod destroy;
mod digest;
mod drift;
mod ending;
mod etcd;
mod foreign;
mod immutable;
mod intent;
mod inventory;
mod known;
mod membership;
mod needs;
mod offline;
mod order;
mod ownership;
mod predict;
mod prune;
mod questions;
mod quota;
mod refusal;
mod release;
mod source;
mod spelling;
mod state;
mod step;
mod template;
mod unknown;
mod volumes;
mod whose;

pub use crate::observed::journal::Ending;
pub use adopt::{adoptions, makers};
pub use basis::Basis;
pub use blocked::{Blocked, Contested, Fact};
pub use certificates::days_left;
pub use change::{broken_at, differences, keys, stable};
pub use check::{Check, Outcome};
pub use destroy::takes_claims_along;
pub use digest::{Digest, Part};
pub use drift::{Drift, Drifted, SetBy, drift};
pub use ending::deletes;
pub use foreign::Foreign;
pub use immutable::never_changes;
pub use intent::Intent;
pub use known::{action_hashes, goes_on, is_left_of, not_ours, owes_snapshot, removed};
pub use needs::Needs;
pub use offline::{Against, offline};
pub use ownership::forces;
pub use predict::predict;
pub use questions::{questions, settle};
pub use source::{FieldChange, Source};
pub(crate) use state::recorded_cluster;
pub use step::{Action, Cost, Expects, Fill, Guard, IssueReason, RestartReason, Step, Tally, Wait};
pub use unknown::unknown;
pub use whose::{set_by_others, stays_because};

/// What would change, in what order, and why it may not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The stack's name.
    pub stack: String,
    /// The stack's namespace.
    pub namespace: String,
    /// Whether the namespace is there already.
    pub namespace_exists: bool,
    /// Which cluster this is about.
    pub target: Target,
    /// The recording that it was made against; `None` where a cluster was asked.
    #[serde(default)]
    pub against: Option<Against>,
    /// What an approval is bound to; `None` when something could not be read, or
    /// no cluster was asked.
    pub digest: Option<Digest>,
    /// What the digest is made of, part by part.
    pub basis: Basis,
    /// Objects to create or change, in the order of a first apply.
    pub changes: Vec<Change>,
    /// Objects that are as wanted.
    pub unchanged: Vec<ObjectKey>,
    /// Fields that others set, and that stay as they are.
    pub foreign: Vec<Foreign>,
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
    /// The etcd version that members run in the end.
    pub version: String,
    /// What is asked for beside the stack file, by identity.
    pub intended: Intended,
    /// The stack's objects as the journal is to hold them.
    pub inventory: Inventory,
    /// Whether nothing is left after the last step. Otherwise what else there
    /// is to do is decided once these steps are done.
    pub complete: bool,
    /// Voters before the first step and after the last.
    pub voters: BeforeAfter,
    /// How many voters can be lost before the first step.
    pub can_lose: usize,
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

/// One object that is not as wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// otherwise what would be sent. Null once it is gone.
    pub after: Value,
    /// The object as it would be sent between moves of membership: the fields
    /// that are the stack's. A Secret without values.
    pub wanted: Value,
    /// What differs, field by field; of a creation what admission adds.
    pub fields: Vec<FieldChange>,
    /// What a field cannot say, such as a certificate to issue.
    pub notes: Vec<String>,
    /// Who made it, where it is adopted, and what they set.
    pub adopting: Vec<Predecessor>,
}

impl Change {
    /// Whether an apply does it: what others set goes without one.
    fn is_applied(&self) -> bool {
        let goes = |field: &FieldChange| field.source == Source::Other && field.after.is_none();
        self.fields.is_empty() || !self.fields.iter().all(goes)
    }
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// Others made it: it becomes ours, and then it is changed in place.
    Adopt,
    /// It is deleted.
    Delete,
    /// It is deleted and created again.
    Recreate,
    /// It stays as it is, and is not this tool's any more.
    Release,
}

/// How sure a predicted object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The API server was asked what it would store.
    Verified,
    /// Nobody could be asked yet: this is what will be sent.
    Predicted,
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

/// Makes the plan that turns what was observed into what is desired.
///
/// `desired` has been through [`settle`], and `observed` holds an answer for
/// each of [`questions()`].
pub fn plan(desired: &Desired, observed: &Observed, intent: &Intent, now: Timestamp) -> Plan {
    if let Some(plan) = ending::ending(desired, observed, intent) {
        return plan;
    }
    let with = |snapshot| with_snapshot(desired, observed, intent, now, snapshot);
    match intent.goes_on_with(&observed.live).and_then(|run| Some((run, run.snapshot.as_ref()?))) {
        None => with(None),
        // A snapshot counts for the run that saved it and for what is left of it.
        Some((run, snapshot)) => {
            let plan = with(Some(snapshot));
            if goes_on(&run.actions, &action_hashes(&plan.steps)) { plan } else { with(None) }
        }
    }
}

fn with_snapshot(
    desired: &Desired,
    observed: &Observed,
    intent: &Intent,
    now: Timestamp,
    snapshot: Option<&Snapshot>,
) -> Plan {
    let live = &observed.live;
    let recorded = recorded_cluster(desired, live);
    let founded = !matches!(recorded, Ok(None));
    let foreign = foreign::foreign(desired, live);
    let (intended, unknown) = intent::resolve(desired, observed, intent, &foreign);
    let (removals, mut foreign) = foreign::split(foreign, &intended.take);
    // What is another's, or becomes ours, is told as a whole.
    foreign.retain(|one| !adopt::is_of_others(desired, live, &intended.adopt, &one.key));
    let given = compare::Given { desired, observed, intended: &intended, removals: &removals, founded, now };
    let comparison = compare::compare(given);
    let compare::Comparison {
        mut changes,
        unchanged,
        issues,
        anew,
        pruned,
        mut blocked,
        mut unread,
        mut warnings,
        ..
    } = comparison;
    foreign.iter_mut().for_each(|one| one.lost = anew.contains_key(&one.key));
    blocked.extend(unknown);
    blocked.extend(inventory::foreign(desired, live));
    warnings.extend(inventory::ignored(desired, live));
    blocked.extend(foreign::dangerous(&foreign));
    let asked = state::Asked {
        intent,
        intended: &intended,
        template: &comparison.template,
        cut_off: comparison.cut_off,
        outgrown: anew.contains_key(&desired.names.stateful_set()),
        snapshot,
        now,
    };
    let state = state::state(desired, observed, &asked);
    let moves = match &state {
        Ok(state) if !compare::namespace_goes(desired, live) => membership::moves(state.clone()),
        _ => Vec::new(),
    };
    // Pods are brought back without asking anybody.
    let emergency = state.as_ref().is_ok_and(|state| state.recorded && !state.quorum);
    if !emergency {
        unread.extend(compare::silent_members(observed, founded && !comparison.cut_off));
    }
    let moves = if unread.is_empty() { moves } else { Vec::new() };
    if comparison.cut_off && state.is_err() {
        warnings.push(
            "the members cannot work together or be asked before certificates are issued: plan again after that"
                .to_owned(),
        );
    }
    match &state {
        Ok(state) if moves.is_empty() => warnings.extend(etcd::warnings(desired, observed, state)),
        _ => warnings.extend(volumes::left_behind(desired, &moves)),
    }
    let before = state.as_ref().map_or_else(|_| etcd::voters(observed), membership::State::voters);
    let can_lose = state.as_ref().map_or(0, |state| state.tally().can_lose);
    volumes::tell(desired, live, state.as_ref().ok(), &mut changes, &mut warnings);
    let voters = BeforeAfter { before, after: moves.last().map_or(before, |last| last.2.voters()) };
    let mut complete = state.as_ref().map_or(!comparison.cut_off, |state| {
        // Which template pods are from that outlived their StatefulSet is not
        // known before it has taken them over.
        let outlived = state.gone.as_ref().is_some_and(|gone| !gone.pods.is_empty());
        !outlived && (moves.last().map_or(state, |last| &last.2).quorum || !state.recorded)
    });
    let mut stops = state.err().unwrap_or_default();
    // Objects may be what the members lack.
    if !changes.is_empty() && stops.iter().all(state::is_for_want_of_a_quorum) {
        complete &= stops.is_empty();
        let all = |stop: Blocked| format!("{}; {}", stop.reason, stop.help.unwrap_or_default());
        warnings.extend(stops.drain(..).map(all));
    }
    blocked.extend(stops);
    blocked.extend(etcd::unhealthy(desired, observed, &moves));
    let recorded = recorded.ok().flatten();
    let inputs = order::Inputs {
        desired,
        live,
        issues,
        changed: changes
            .iter()
            .filter(|change| change.is_applied())
            .map(|change| change.key.clone())
            .collect(),
        adopting: changes
            .iter()
            .filter(|change| change.verb == Verb::Adopt)
            .map(|change| (change.key.clone(), change.adopting.clone()))
            .collect(),
        removals,
        pruned,
        anew,
        cluster_id: recorded.map(|id| id.to_string()),
        members: etcd::ids(desired, observed),
        strangers: etcd::strangers(desired, observed),
        intended: &intended,
        moves,
    };
    blocked.extend(ownership::replicas_of_others(&inputs));
    blocked.extend(ownership::windows_of_others(&inputs));
    let (checks, failed) = check::checks(desired, observed, &inputs.moves, &inputs.anew);
    blocked.extend(failed);
    warnings.extend(
        checks
            .iter()
            .filter(|check| check.outcome == Outcome::Fail && check.name == "nodes")
            .map(|check| check.detail.clone()),
    );
    let steps = order::steps(&inputs);
    let plan = Plan {
        stack: desired.stack.name.clone(),
        namespace: desired.stack.namespace.clone(),
        namespace_exists: live.objects.get(&desired.namespace.key).and_then(Lookup::found).is_some(),
        target: live.target.clone(),
        against: None,
        digest: None,
        basis: Basis::default(),
        changes,
        unchanged,
        foreign,
        steps,
        blocked,
        warnings,
        checks,
        etcd: etcd::summary(desired, observed),
        recorded,
        version: desired.stack.version.to_string(),
        intended,
        inventory: inventory::inventory(desired, live),
        complete,
        voters,
        can_lose,
        unread,
    };
    plan.sealed(desired, observed)
}

impl Plan {
    /// Whether the digest, if there is one, is of what the plan is made of.
    pub fn has_its_digest(&self) -> bool {
        self.digest.as_ref().is_none_or(|digest| *digest == Digest::of(&self.basis))
    }

    /// With what an approval is bound to.
    fn sealed(mut self, desired: &Desired, observed: &Observed) -> Plan {
        self.basis = basis::basis(&self, desired, observed);
        self.digest = self.unread.is_empty().then(|| Digest::of(&self.basis));
        self
    }
}
