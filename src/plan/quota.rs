//! What the members need beyond what they use now, against the quotas of the
//! namespace.
//!
//! Quotas are held against pods and claims, one by one as they are made: the
//! dry-run of a single pod passes where three do not fit, and a StatefulSet
//! that grows into a quota waits in the middle of a join. So does one volume
//! after another that grows. What admission adds, such as the defaults of a
//! LimitRange, is in the pod and claim that the server would store.

use serde_json::Value;

use super::{
    Blocked, Check, Outcome,
    membership::{Move, State},
    questions::{next_claim, next_pod},
};
use crate::{
    desired::Desired,
    object::{Object, ObjectKey},
    observed::{Live, Lookup, Observed, Proposal, Quota, Scope},
    quantity::Quantity,
};

/// What the quotas leave, where the members need more than they have.
pub fn quotas(
    desired: &Desired,
    observed: &Observed,
    moves: &[(State, Move, State)],
) -> Option<(Check, Vec<Blocked>)> {
    let need = Need { growth: growth(desired, &observed.live, moves), ..Need::of(desired, observed) };
    if !need.is_any() {
        return None;
    }
    let check = |outcome, detail: String| Check { name: "quota".to_owned(), outcome, detail };
    let all = match &observed.live.quotas {
        Lookup::Failed(reason) => return Some((check(Outcome::Unchecked, reason.clone()), Vec::new())),
        Lookup::Absent => return None,
        Lookup::Found(all) if all.is_empty() => return None,
        Lookup::Found(all) => all,
    };
    let blocked: Vec<Blocked> = all.iter().flat_map(|quota| need.beyond(quota)).collect();
    let names: Vec<String> = all.iter().map(|quota| format!("`{}`", quota.name)).collect();
    let what = if names.len() == 1 { "quota" } else { "quotas" };
    let outcome = if blocked.is_empty() { Outcome::Pass } else { Outcome::Fail };
    Some((check(outcome, format!("{what} {}", names.join(", "))), blocked))
}

/// What is needed beyond what is used.
struct Need<'a> {
    /// Members at the end, and those of them that have a pod and a claim.
    members: usize,
    pods: usize,
    claims: usize,
    /// A pod as it would be, and as the others are; without a StatefulSet
    /// nobody knows of these, and they count as the new ones.
    pod: &'a Value,
    other: Option<&'a Value>,
    claim: &'a Value,
    /// What each volume grows by, with its class.
    growth: Vec<(Option<String>, Quantity)>,
}

impl<'a> Need<'a> {
    fn of(desired: &'a Desired, observed: &'a Observed) -> Self {
        let live = &observed.live;
        let members = usize::from(desired.stack.members);
        let has = |name: &str| live.pod(name).is_some_and(|pod| !pod.terminating);
        let claimed = |name: &str| live.claim(name).is_some();
        let names = &desired.names;
        let (pod, claim) = probed(desired, live);
        let set = live.objects.get(&names.stateful_set()).and_then(Lookup::found);
        Need {
            members,
            pods: (0..members).filter(|ordinal| has(&names.member(*ordinal))).count(),
            claims: (0..members).filter(|ordinal| claimed(&names.claim(*ordinal).name)).count(),
            pod: stored(observed, &pod).unwrap_or(&desired.pod.body),
            other: set.and_then(|set| set.body.pointer("/spec/template")),
            claim: stored(observed, &claim).unwrap_or(&desired.claim.body),
            growth: Vec::new(),
        }
    }

    fn is_any(&self) -> bool {
        let more = |kind: &str| {
            let names = ["cpu", "memory", "ephemeral-storage"];
            names.iter().any(|name| self.compute(kind, name).is_positive())
        };
        let grows = !self.growth.is_empty();
        grows || self.members > self.pods || self.members > self.claims || more("requests") || more("limits")
    }

    /// Each resource of which the quota leaves too little.
    fn beyond(&self, quota: &Quota) -> Vec<Blocked> {
        let counts = quota.scopes.iter().all(|scope| self.is_counted(scope));
        let hard = quota.hard.iter().filter(|_| counts);
        hard.filter_map(|(name, hard)| {
            let used = quota.used.get(name).copied().unwrap_or(Quantity::ZERO);
            let left = *hard - used;
            let need = self.of_resource(name, quota.scopes.is_empty())?;
            (need.is_positive() && need > left).then(|| self.too_little(&quota.name, name, need, left, *hard))
        })
        .collect()
    }

    fn too_little(&self, quota: &str, name: &str, need: Quantity, left: Quantity, hard: Quantity) -> Blocked {
        let new = self.members - self.pods.min(self.members);
        let plural = |number: usize| if number == 1 { "member needs" } else { "members need" };
        let who = match self.pods {
            0 => format!("{new} {}", plural(new)),
            _ if new > 0 => format!("{new} more {}", plural(new)),
            _ => format!("the {} need in addition", if self.members == 1 { "member" } else { "members" }),
        };
        let left = if left.is_positive() { left } else { Quantity::ZERO };
        Blocked::new(
            "plan::quota",
            format!("{who} {need} {}, quota `{quota}` has {left} left of {hard}", in_words(name)),
            "ask for a larger quota, lower `[resources]` or `storage.size`, or want fewer members",
        )
    }

    /// How much more is needed of what a quota calls so; `None` for what members
    /// do not use.
    fn of_resource(&self, name: &str, with_claims: bool) -> Option<Quantity> {
        let count = |number: usize| Quantity::milli(1000) * number;
        let claims = self.members - self.claims.min(self.members);
        let storage = || amount(self.claim.pointer("/spec/resources/requests/storage")) * claims;
        let growth = |class: Option<&str>| {
            let of_class = self.growth.iter().filter(|(has, _)| class.is_none() || has.as_deref() == class);
            of_class.fold(Quantity::ZERO, |all, (_, more)| all + *more)
        };
        let of_class = name.split_once(".storageclass.storage.k8s.io/");
        match (name, of_class) {
            ("pods" | "count/pods", _) => Some(count(self.members - self.pods.min(self.members))),
            ("persistentvolumeclaims" | "count/persistentvolumeclaims", _) if with_claims => {
                Some(count(claims))
            }
            ("requests.storage", _) if with_claims => Some(storage() + growth(None)),
            (_, Some((class, what))) if with_claims => {
                let is_new = self.claim["spec"]["storageClassName"] == class;
                let new = |amount: Quantity| if is_new { amount } else { Quantity::ZERO };
                let is_size = what == "requests.storage";
                Some(if is_size { new(storage()) + growth(Some(class)) } else { new(count(claims)) })
            }
            ("cpu" | "memory" | "ephemeral-storage", _) => Some(self.compute("requests", name)),
            _ => {
                let (kind, name) =
                    name.split_once('.').filter(|(kind, _)| ["requests", "limits"].contains(kind))?;
                Some(self.compute(kind, name))
            }
        }
    }

    /// Of all pods at the end, without what those that are there have already.
    fn compute(&self, kind: &str, name: &str) -> Quantity {
        let each = of_pod(self.pod, kind, name);
        let now = self.other.map_or(Quantity::ZERO, |template| of_pod(template, kind, name));
        // What admission added to the new one it has added to the others.
        let now = if self.same(kind, name) { each } else { now };
        each * self.members - now * self.pods
    }

    /// Whether both are asked for the same, or neither for anything.
    fn same(&self, kind: &str, name: &str) -> bool {
        self.other.is_none_or(|template| {
            let now = of_pod(template, kind, name);
            !now.is_positive() || now == of_pod(self.pod, kind, name)
        })
    }

    /// Whether a quota with this scope counts the members' pods.
    fn is_counted(&self, Scope { name, operator, values }: &Scope) -> bool {
        let best_effort = ["requests", "limits"]
            .iter()
            .all(|kind| ["cpu", "memory"].iter().all(|name| !of_pod(self.pod, kind, name).is_positive()));
        let class = self.pod["spec"]["priorityClassName"].as_str();
        let listed = class.is_some_and(|class| values.iter().any(|value| value == class));
        match (name.as_str(), operator.as_str()) {
            ("NotTerminating", _) => true,
            ("BestEffort", _) => best_effort,
            ("NotBestEffort", _) => !best_effort,
            ("PriorityClass", "In") => listed,
            ("PriorityClass", "NotIn") => class.is_some() && !listed,
            ("PriorityClass", "Exists") => class.is_some(),
            ("PriorityClass", "DoesNotExist") => class.is_none(),
            _ => false,
        }
    }
}

/// What the claims that grow do not ask for already.
fn growth(desired: &Desired, live: &Live, moves: &[(State, Move, State)]) -> Vec<(Option<String>, Quantity)> {
    let size = desired.stack.storage.size;
    let more = |(_, one, _): &(State, Move, State)| {
        let Move::Grow(ordinal) = one else { return None };
        let claim = live.claim(&desired.names.claim(*ordinal).name)?;
        let asks = claim.requested.filter(|asks| *asks < size)?;
        Some((claim.class.clone(), size - asks))
    };
    moves.iter().filter_map(more).collect()
}

/// The pod and the claim that the server was asked about.
fn probed(desired: &Desired, live: &Live) -> (ObjectKey, ObjectKey) {
    let key = |asked: Option<Object>, first: &Object| asked.map_or_else(|| first.key.clone(), |one| one.key);
    (key(next_pod(desired, live), &desired.pod), key(next_claim(desired, live), &desired.claim))
}

fn stored<'a>(observed: &'a Observed, key: &ObjectKey) -> Option<&'a Value> {
    match observed.proposals.get(key)? {
        Proposal::Accepted { object, .. } => Some(&object.body),
        _ => None,
    }
}

fn amount(value: Option<&Value>) -> Quantity {
    value.and_then(|value| value.as_str()?.parse().ok()).unwrap_or(Quantity::ZERO)
}

/// What all containers of a pod ask for. A limit alone is a request as well.
fn of_pod(pod: &Value, kind: &str, name: &str) -> Quantity {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let of = |container: &Value| {
        let resources = &container["resources"];
        let own = resources[kind].get(name);
        amount(own.or_else(|| resources["limits"].get(name).filter(|_| kind == "requests")))
    };
    containers.into_iter().flatten().map(of).fold(Quantity::ZERO, |all, one| all + one)
}

/// `cpu` for `requests.cpu`, as people say it.
fn in_words(name: &str) -> String {
    match name {
        "requests.cpu" => "cpu".to_owned(),
        "requests.memory" => "memory".to_owned(),
        "requests.storage" => "storage".to_owned(),
        "persistentvolumeclaims" | "count/persistentvolumeclaims" => "claims".to_owned(),
        "pods" | "count/pods" => "pods".to_owned(),
        "cpu" | "memory" => name.to_owned(),
        other => match other.split_once(".storageclass.storage.k8s.io/") {
            Some((class, "requests.storage")) => format!("storage of class {class}"),
            Some((class, _)) => format!("claims of class {class}"),
            None => format!("of `{other}`"),
        },
    }
}
