//! A stack that goes, or is handed over, as steps.
//!
//! Clients are cut off before the members stop, and the members have stopped
//! before anything goes that they use. What holds data goes after that; the
//! journal tells of it as long as it is there.

use super::{plain, pruning::for_good};
use crate::{
    desired::Desired,
    object::{Kind, Object, ObjectKey},
    plan::{Action, Cost, Guard, Step, Wait},
};

/// An object that goes, or is handed over: the one that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which object.
    pub key: ObjectKey,
    /// Its uid.
    pub uid: String,
}

impl Target {
    /// An object that was read.
    pub fn of(object: &Object) -> Self {
        Target { key: object.key.clone(), uid: object.uid().unwrap_or_default().to_owned() }
    }

    fn delete(&self) -> Action {
        Action::Delete { key: self.key.clone(), uid: self.uid.clone() }
    }
}

/// What goes with a stack, and what stays of it.
#[derive(Clone, Debug, Default)]
pub struct Goes {
    /// Objects that runs applied, and that a run can apply again.
    pub objects: Vec<Target>,
    /// Secrets that nobody makes again as they are, and why.
    pub unique: Vec<(Target, String)>,
    /// Pods that are there, by name.
    pub pods: Vec<String>,
    /// Claims, with their data, and why.
    pub claims: Vec<(Target, &'static str)>,
    /// The ordinals whose claims stay.
    pub stay: Vec<usize>,
    /// The namespace, with what is left in it.
    pub namespace: Option<Target>,
    /// Whether a snapshot is saved first.
    pub snapshot: bool,
    /// Whether the journal and the lock go.
    pub records: bool,
}

impl Goes {
    /// The objects that runs applied, all of them.
    pub fn applied(&self) -> impl Iterator<Item = &Target> {
        self.objects.iter().chain(self.unique.iter().map(|(target, _)| target))
    }

    /// Whether an object that runs applied goes.
    pub fn has(&self, key: &ObjectKey) -> bool {
        self.applied().any(|target| target.key == *key)
    }
}

/// The steps that take a stack away.
pub fn destroy(desired: &Desired, goes: &Goes) -> Vec<Step> {
    let names = &desired.names;
    let one = |key: &ObjectKey| goes.objects.iter().find(|target| target.key == *key);
    let mut steps = Vec::new();
    if goes.snapshot {
        steps.push(plain("save a snapshot and check it".to_owned(), vec![Action::Snapshot]));
    }
    steps.extend(one(&names.client_service()).map(|service| {
        plain(format!("delete {}: clients are cut off", service.key), vec![service.delete()])
    }));
    steps.extend(stop(desired, goes, one(&names.stateful_set())));
    let alone = [names.client_service(), names.stateful_set()];
    let rest = goes.objects.iter().filter(|target| !alone.contains(&target.key));
    let (secrets, others): (Vec<&Target>, Vec<&Target>) =
        rest.partition(|target| target.key.kind == Kind::Secret);
    let authorities = [names.client_authority(), names.peer_authority()];
    let (authorities, leaves): (Vec<&Target>, Vec<&Target>) =
        secrets.into_iter().partition(|target| authorities.contains(&target.key));
    steps.extend(together(&others, ""));
    steps.extend(together(&leaves, ": `apply` issues their certificates anew"));
    steps.extend(goes.unique.iter().map(|(target, why)| never_again(target, why)));
    let trust = "what it signed is trusted by nobody new";
    steps.extend(authorities.into_iter().map(|target| never_again(target, trust)));
    steps.extend(goes.claims.iter().map(|(target, why)| claim(target, why)));
    steps.extend(goes.namespace.as_ref().map(namespace));
    if goes.records {
        steps.push(records());
    }
    steps
}

/// The members stop, all at once: no quorum is kept among members that go.
fn stop(desired: &Desired, goes: &Goes, stateful_set: Option<&Target>) -> Option<Step> {
    let names = &desired.names;
    if stateful_set.is_none() && goes.pods.is_empty() {
        return None;
    }
    let ordinals: Vec<usize> = goes.pods.iter().filter_map(|pod| names.ordinal_named(pod)).collect();
    let pods = goes.pods.join(", ");
    let title = match (stateful_set, goes.pods.as_slice()) {
        (Some(set), []) => format!("delete {}, which has no pods", set.key),
        (Some(set), [pod]) => format!("delete {}: {pod} stops; wait until it is gone", set.key),
        (Some(set), _) => {
            format!("delete {}: {pods} stop together and the quorum ends; wait until they are gone", set.key)
        }
        (None, [pod]) => format!("delete {pod}, whose StatefulSet is gone; wait until it is gone too"),
        (None, _) => format!("delete {pods}, whose StatefulSet is gone; wait until they are gone too"),
    };
    let stay = Guard::ClaimsStay { ordinals: goes.stay.clone() };
    let end = Action::EndPods { ordinals: ordinals.clone() };
    let actions = stateful_set.map(Target::delete).into_iter().chain([end]).collect();
    let after = ordinals.into_iter().map(|ordinal| Wait::Gone { ordinal }).collect();
    let before = if goes.stay.is_empty() { Vec::new() } else { vec![stay] };
    Some(Step { before, after, ..plain(title, actions) })
}

fn together(targets: &[&Target], why: &str) -> Option<Step> {
    let keys: Vec<String> = targets.iter().map(|target| target.key.to_string()).collect();
    let actions = targets.iter().map(|target| target.delete()).collect();
    (!targets.is_empty()).then(|| plain(format!("delete {}{why}", keys.join(", ")), actions))
}

fn never_again(target: &Target, why: &str) -> Step {
    let Target { key, uid: _ } = target;
    Step {
        costs: for_good(key).into_iter().collect(),
        ..plain(format!("delete {key}: {why}"), vec![target.delete()])
    }
}

fn claim(target: &Target, why: &str) -> Step {
    let Target { key, uid: _ } = target;
    Step {
        costs: vec![Cost::DataLoss { claim: key.name.clone() }],
        ..plain(format!("delete {key}: {why}"), vec![target.delete()])
    }
}

fn namespace(target: &Target) -> Step {
    let Target { key, uid } = target;
    let action = Action::DeleteNamespace { key: key.clone(), uid: uid.clone() };
    Step {
        before: vec![Guard::NothingOfOthers],
        costs: vec![Cost::Deletion { object: key.into() }],
        ..plain(format!("delete {key}, and with it the journal and the lock"), vec![action])
    }
}

fn records() -> Step {
    let title = "delete the journal and the lock: nothing tells of the stack any more";
    plain(title.to_owned(), vec![Action::DeleteRecords])
}

/// The step that hands objects over.
pub fn release(targets: &[Target]) -> Vec<Step> {
    let one = |target: &Target| Action::Release { key: target.key.clone(), uid: target.uid.clone() };
    let actions: Vec<Action> = targets.iter().map(one).collect();
    let title =
        format!("hand {} objects over: their fields keep their values and are nobody's", actions.len());
    (!actions.is_empty()).then(|| plain(title, actions)).into_iter().chain([records()]).collect()
}
