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

/// An object that goes, and why.
#[derive(Clone, Debug)]
pub struct Goner {
    /// The object, as far as it is known.
    pub object: Object,
    /// The one that is there now.
    pub uid: String,
    /// Why it goes.
    pub why: String,
}

impl Goner {
    /// An object that was read.
    pub fn of(object: &Object, why: &str) -> Self {
        let uid = object.uid().unwrap_or_default().to_owned();
        Goner { object: object.clone(), uid, why: why.to_owned() }
    }

    /// An object of which only the name and the uid are known.
    pub fn named(key: ObjectKey, uid: &str, why: &str) -> Self {
        let object = Object { key, body: serde_json::Value::Null };
        Goner { object, uid: uid.to_owned(), why: why.to_owned() }
    }

    fn delete(&self) -> Action {
        Action::Delete { key: self.object.key.clone(), uid: self.uid.clone() }
    }
}

/// What goes with a stack.
#[derive(Clone, Debug, Default)]
pub struct Goes {
    /// Objects that runs applied.
    pub objects: Vec<Goner>,
    /// Pods that are there, by name.
    pub pods: Vec<String>,
    /// Claims, with their data.
    pub claims: Vec<Goner>,
    /// The namespace, with what is left in it.
    pub namespace: Option<Goner>,
    /// Whether a snapshot is saved first.
    pub snapshot: bool,
    /// Whether the journal and the lock go.
    pub records: bool,
}

impl Goes {
    /// Everything, in the order in which it goes.
    pub fn all(&self) -> impl Iterator<Item = &Goner> {
        self.objects.iter().chain(&self.claims).chain(&self.namespace)
    }
}

/// The steps that take a stack away.
pub fn destroy(desired: &Desired, goes: &Goes) -> Vec<Step> {
    let names = &desired.names;
    let one = |key: &ObjectKey| goes.objects.iter().find(|goner| goner.object.key == *key);
    let mut steps = Vec::new();
    if goes.snapshot {
        steps.push(plain("save a snapshot and check it".to_owned(), vec![Action::Snapshot]));
    }
    steps.extend(one(&names.client_service()).map(|service| {
        plain(format!("delete {}: clients are cut off", service.object.key), vec![service.delete()])
    }));
    steps.extend(stop(desired, goes, one(&names.stateful_set())));
    let alone = [names.client_service(), names.stateful_set()];
    let rest = goes.objects.iter().filter(|goner| !alone.contains(&goner.object.key));
    let (secrets, others): (Vec<&Goner>, Vec<&Goner>) =
        rest.partition(|goner| goner.object.key.kind == Kind::Secret);
    let authorities = [names.client_authority(), names.peer_authority()];
    let (authorities, leaves): (Vec<&Goner>, Vec<&Goner>) =
        secrets.into_iter().partition(|goner| authorities.contains(&goner.object.key));
    steps.extend(together(&others, ""));
    steps.extend(together(&leaves, ": `apply` issues their certificates anew"));
    steps.extend(authorities.into_iter().map(authority));
    steps.extend(goes.claims.iter().map(|goner| claim(desired, goner)));
    steps.extend(goes.namespace.as_ref().map(namespace));
    if goes.records {
        let title = "delete the journal and the lock: nothing tells of the stack any more";
        steps.push(plain(title.to_owned(), vec![Action::DeleteRecords]));
    }
    steps
}

/// The members stop, all at once: no quorum is kept among members that go.
fn stop(desired: &Desired, goes: &Goes, stateful_set: Option<&Goner>) -> Option<Step> {
    let names = &desired.names;
    if stateful_set.is_none() && goes.pods.is_empty() {
        return None;
    }
    let ordinals: Vec<usize> = goes.pods.iter().filter_map(|pod| names.ordinal_named(pod)).collect();
    let pods = goes.pods.join(", ");
    let title = match (stateful_set, goes.pods.as_slice()) {
        (Some(set), []) => format!("delete {}, which has no pods", set.object.key),
        (Some(set), [pod]) => format!("delete {}: {pod} stops; wait until it is gone", set.object.key),
        (Some(set), _) => {
            format!(
                "delete {}: {pods} stop together and the quorum ends; wait until they are gone",
                set.object.key
            )
        }
        (None, [pod]) => format!("wait until {pod} is gone"),
        (None, _) => format!("wait until {pods} are gone"),
    };
    let end = Action::EndPods { ordinals: ordinals.clone() };
    let actions = stateful_set.map(Goner::delete).into_iter().chain([end]).collect();
    let after = ordinals.into_iter().map(|ordinal| Wait::Gone { ordinal }).collect();
    Some(Step { after, ..plain(title, actions) })
}

fn together(goners: &[&Goner], why: &str) -> Option<Step> {
    let keys: Vec<String> = goners.iter().map(|goner| goner.object.key.to_string()).collect();
    let actions = goners.iter().map(|goner| goner.delete()).collect();
    (!goners.is_empty()).then(|| plain(format!("delete {}{why}", keys.join(", ")), actions))
}

fn authority(goner: &Goner) -> Step {
    let key = &goner.object.key;
    Step {
        costs: for_good(key).into_iter().collect(),
        ..plain(format!("delete {key}: what it signed is trusted by nobody new"), vec![goner.delete()])
    }
}

fn claim(desired: &Desired, goner: &Goner) -> Step {
    let key = &goner.object.key;
    let ordinal = (0..crate::desired::ORDINALS).find(|ordinal| desired.names.claim(*ordinal) == *key);
    let gone = ordinal.map(|ordinal| Wait::ClaimGone { ordinal, uid: goner.uid.clone() });
    Step {
        costs: vec![Cost::DataLoss { claim: key.name.clone() }],
        after: gone.into_iter().collect(),
        ..plain(format!("delete {key}: {}", goner.why), vec![goner.delete()])
    }
}

fn namespace(goner: &Goner) -> Step {
    let key = &goner.object.key;
    let action = Action::DeleteNamespace { key: key.clone(), uid: goner.uid.clone() };
    Step {
        before: vec![Guard::NothingOfOthers],
        costs: vec![Cost::Deletion { object: key.into() }],
        ..plain(format!("delete {key}, and with it the journal and the lock"), vec![action])
    }
}

/// The step that hands objects over.
pub fn release(goners: &[Goner]) -> Vec<Step> {
    let one = |goner: &Goner| Action::Release { key: goner.object.key.clone(), uid: goner.uid.clone() };
    let actions: Vec<Action> = goners.iter().map(one).collect();
    let title =
        format!("hand {} objects over: their fields keep their values and are nobody's", actions.len());
    let records = plain(
        "delete the journal and the lock: nothing tells of the stack any more".to_owned(),
        vec![Action::DeleteRecords],
    );
    (!actions.is_empty()).then(|| plain(title, actions)).into_iter().chain([records]).collect()
}
