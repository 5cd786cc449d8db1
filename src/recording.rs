//! What is live, as a file: `state/orders.json`, which a plan can be made
//! against with no cluster.
//!
//! It holds what a plan is decided from, and nothing that changes by itself:
//! no version of an object, no status but the little that decides, no size of a
//! database, no holder of the lock, and no time but that of the last apply. So
//! the same world is the same bytes, and two recordings differ where something
//! happened; a time of its own would make each differ from the last. It holds
//! no secret, for what was observed holds none; and no rights, which are
//! somebody's and not the cluster's.
//!
//! Nothing can be approved by it, so it carries no hash of itself: people
//! review it, and git merges it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use crate::{
    canonical::{minor, readable},
    object::{Kind, Object, ObjectKey},
    observed::{
        Claim, Live, Lookup, Members, Neighbours, Node, Observed, Pod, Quota, Revision, SecretFacts,
        StorageClass, Target,
    },
};

mod body;
mod etcd;
mod journal;

use etcd::Etcd;
use journal::Past;

/// The version of the format, `MAJOR.MINOR`: a new minor adds keys, which older
/// tools do not read; a new major is another format.
pub const FORMAT_VERSION: &str = "1.0";

/// What is live of one stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The stack's name.
    pub stack: String,
    /// Its namespace.
    pub namespace: String,
    /// The uid of namespace `kube-system`: which cluster it is.
    pub cluster_uid: Option<String>,
    /// The API server's minor version.
    kubernetes: Option<String>,
    /// Each object; null where nothing is.
    objects: BTreeMap<ObjectKey, Option<Value>>,
    secrets: BTreeMap<ObjectKey, SecretFacts>,
    pods: Vec<Pod>,
    /// The templates that pods are made from; null where nobody could list them.
    revisions: Option<Vec<Template>>,
    claims: Vec<Value>,
    storage_classes: Option<Vec<StorageClass>>,
    nodes: Option<Vec<Node>>,
    quotas: Option<Vec<Quota>>,
    /// What runs wrote down; null where there is no journal.
    journal: Option<Past>,
    /// What etcd says; null where no pod runs.
    etcd: Option<Etcd>,
}

/// A pod template that pods are made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    name: String,
    number: i64,
    owner: Option<String>,
    /// Null where it is the StatefulSet's own.
    template: Option<Value>,
}

/// Why a file is not a recording.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// Something else.
    #[error("it is not a recording: {0}")]
    NotARecording(String),
    /// A later format.
    #[error("it is a recording of format {0}, and this version reads formats up to {FORMAT_VERSION}")]
    Newer(String),
    /// It was cut off, or edited.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl Unreadable {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Unreadable::NotARecording(_) => "`etcdctl-stack record FILE` writes one",
            Unreadable::Newer(_) => "use the version of etcdctl-stack that made it, or record again",
            Unreadable::Damaged(_) => "record again: `etcdctl-stack record FILE`",
        }
    }
}

/// In the place of what whoever recorded could not read.
const NOT_RECORDED: &str = "the recording does not have them";

impl Recording {
    /// Keeps what was read of a stack.
    ///
    /// # Errors
    ///
    /// What could not be read, in words: a recording is whole, or there is none.
    pub fn of(
        stack: &str,
        namespace: &str,
        live: &Live,
        members: &Members,
    ) -> Result<Recording, Vec<String>> {
        let unread = unread(live, members);
        if !unread.is_empty() {
            return Err(unread);
        }
        let object =
            |(key, found): (&ObjectKey, &Lookup<Object>)| (key.clone(), found.found().map(body::kept));
        let of_pods = |revision: &&Revision| {
            let pods = live.pods.found().into_iter().flatten();
            pods.map(|pod| pod.revision.as_deref()).any(|name| name == Some(&revision.name))
        };
        let template = |revision: &Revision| template(revision, own_template(live));
        Ok(Recording {
            stack: stack.to_owned(),
            namespace: namespace.to_owned(),
            cluster_uid: live.target.cluster_uid.found().cloned(),
            kubernetes: live.kubernetes.clone(),
            objects: live.objects.iter().map(object).collect(),
            secrets: live.secrets.clone(),
            pods: sorted(live.pods.found(), |pod| pod.name.clone()).unwrap_or_default(),
            revisions: live.revisions.found().map(|all| all.iter().filter(of_pods).map(template).collect()),
            claims: sorted(live.claims.found(), |claim| claim.name.clone())
                .unwrap_or_default()
                .iter()
                .map(claim)
                .collect(),
            storage_classes: sorted(live.storage_classes.found(), |class| class.name.clone()),
            nodes: sorted(live.nodes.found(), |node| node.name.clone()),
            quotas: sorted(live.quotas.found(), |quota| quota.name.clone()),
            journal: live.journal.found().map(Past::of),
            etcd: Etcd::of(members),
        })
    }

    /// The file.
    pub fn text(&self) -> String {
        let mut value = json!(self);
        value["format_version"] = json!(FORMAT_VERSION);
        readable(&value)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it is anything but a whole recording of a format that is known.
    pub fn read(text: &str) -> Result<Recording, Unreadable> {
        let not = |reason: &str| Unreadable::NotARecording(reason.to_owned());
        let mut value: Value = serde_json::from_str(text).map_err(|error| match text.trim_start() {
            cut if cut.starts_with('{') && error.is_eof() => {
                Unreadable::Damaged(format!("it ends early, in line {}", error.line()))
            }
            begun if begun.starts_with('{') => Unreadable::Damaged(error.to_string()),
            _ => not("it is no JSON"),
        })?;
        if value.get("sha256").is_some() || value.get("resource_changes").is_some() {
            return Err(not("it is a plan"));
        }
        let version = value.get("format_version").and_then(Value::as_str).map(str::to_owned);
        let version = version.ok_or_else(|| not("it has no `format_version`"))?;
        let minor = minor(&version).ok_or_else(|| Unreadable::Newer(version.clone()))?;
        value.as_object_mut().map(|fields| fields.remove("format_version"));
        let found: Recording = serde_json::from_value(value).map_err(|error| match minor > 0 {
            true => Unreadable::Newer(version),
            false => Unreadable::Damaged(error.to_string()),
        })?;
        match found.claims.iter().all(|claim| read_claim(claim).is_some()) {
            true => Ok(found),
            false => Err(Unreadable::Damaged("a claim in it is none".to_owned())),
        }
    }

    /// When the last apply ended with nothing left to do: what it records is as
    /// old as that, or younger.
    pub fn applied_at(&self) -> Option<Timestamp> {
        self.journal.as_ref()?.finished_at()
    }

    /// What was read, without answers of the API server.
    pub fn observed(&self) -> Observed {
        Observed {
            live: self.live(),
            proposals: BTreeMap::new(),
            members: self.etcd.as_ref().map_or(Members::NotRunning, Etcd::members),
        }
    }

    fn live(&self) -> Live {
        let object = |(key, body): (&ObjectKey, &Option<Value>)| {
            let object = body.clone().map(|body| Object { key: key.clone(), body });
            (key.clone(), object.map_or(Lookup::Absent, Lookup::Found))
        };
        let objects: BTreeMap<_, _> = self.objects.iter().map(object).collect();
        let own = template_in(&objects).cloned();
        let unknown = || Lookup::Failed("the recording does not say".to_owned());
        Live {
            target: Target {
                context: String::new(),
                cluster_uid: self.cluster_uid.clone().map_or_else(unknown, Lookup::Found),
            },
            kubernetes: self.kubernetes.clone(),
            secrets: self.secrets.clone(),
            pods: Lookup::Found(self.pods.clone()),
            revisions: listed(self.revisions.as_ref().map(|all| {
                all.iter().filter_map(|one| revision(one, own.as_ref())).collect::<Vec<Revision>>()
            })),
            claims: Lookup::Found(self.claims.iter().filter_map(read_claim).collect()),
            storage_classes: listed(self.storage_classes.clone()),
            nodes: listed(self.nodes.clone()),
            quotas: listed(self.quotas.clone()),
            rights: Vec::new(),
            journal: self.journal.as_ref().map_or(Lookup::Absent, |past| Lookup::Found(past.journal())),
            lease: Lookup::Absent,
            neighbours: Neighbours {
                unread: ["anything that is not the stack's".to_owned()].into(),
                ..Neighbours::default()
            },
            objects,
        }
    }
}

/// What a plan could not do without.
fn unread(live: &Live, members: &Members) -> Vec<String> {
    let failed = |what: &str, reason: &str| format!("{what} cannot be read: {reason}");
    let mut all = Vec::new();
    for (key, found) in &live.objects {
        if let Lookup::Failed(reason) = found {
            all.push(failed(&format!("`{key}`"), reason));
        }
    }
    if let Lookup::Failed(reason) = &live.pods {
        all.push(failed("pods", reason));
    }
    if let Lookup::Failed(reason) = &live.claims {
        all.push(failed("claims", reason));
    }
    if let Lookup::Failed(reason) = &live.journal {
        all.push(failed("the journal", reason));
    }
    if let Members::Failed(reason) = members {
        all.push(format!("the members cannot be asked: {reason}"));
    }
    all
}

fn listed<T>(all: Option<Vec<T>>) -> Lookup<Vec<T>> {
    all.map_or_else(|| Lookup::Failed(NOT_RECORDED.to_owned()), Lookup::Found)
}

fn sorted<T: Clone>(all: Option<&Vec<T>>, name: impl Fn(&T) -> String) -> Option<Vec<T>> {
    let mut all = all?.clone();
    all.sort_by_key(name);
    Some(all)
}

/// A claim without its version, which every update of its status changes.
fn claim(claim: &Claim) -> Value {
    let mut value = json!(claim);
    value.as_object_mut().map(|fields| fields.remove("version"));
    value
}

fn read_claim(value: &Value) -> Option<Claim> {
    let mut value = value.clone();
    value.as_object_mut()?.insert("version".to_owned(), json!(""));
    serde_json::from_value(value).ok()
}

fn own_template(live: &Live) -> Option<&Value> {
    template_in(&live.objects)
}

fn template_in(objects: &BTreeMap<ObjectKey, Lookup<Object>>) -> Option<&Value> {
    let set = objects.iter().find(|(key, _)| key.kind == Kind::StatefulSet)?.1;
    set.found()?.body.pointer("/spec/template")
}

fn template(revision: &Revision, own: Option<&Value>) -> Template {
    let Revision { name, number, owner, template } = revision.clone();
    let other = Some(template).filter(|template| Some(template) != own);
    Template { name, number, owner, template: other }
}

fn revision(one: &Template, own: Option<&Value>) -> Option<Revision> {
    let Template { name, number, owner, template } = one.clone();
    Some(Revision { name, number, owner, template: template.or_else(|| own.cloned())? })
}
