//! Each desired object against what is there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Blocked, Change, Confidence, IssueReason, Source, Verb, adopt,
    anew::{self, Anew},
    certificates::{self, Verdict},
    defaults::Defaults,
    foreign::Removal,
    immutable,
    prune::{LeftOver, delete, left_over},
    questions::{next_claim, next_pod, running_version},
    source::{self, Sides},
    template::Template,
    whose::others,
};
use crate::{
    certificate::Usage,
    desired::{Desired, SecretRequest},
    field::Owned,
    object::{Kind, Object, ObjectKey, etcd_container},
    observed::{Intended, Live, Lookup, Members, Observed, Proposal},
};

mod answer;

/// What came of comparing every object.
#[derive(Default)]
pub struct Comparison {
    /// Objects to make or change.
    pub changes: Vec<Change>,
    /// Objects that are as wanted.
    pub unchanged: Vec<ObjectKey>,
    /// Objects to delete, because the stack file no longer names them.
    pub pruned: Vec<(ObjectKey, String)>,
    /// Certificates to issue.
    pub issues: Vec<(ObjectKey, IssueReason)>,
    /// Objects of which a field can never change.
    pub anew: BTreeMap<ObjectKey, Anew>,
    /// What stands in the way.
    pub blocked: Vec<Blocked>,
    /// What could not be read.
    pub unread: Vec<String>,
    /// What a reviewer should know.
    pub warnings: Vec<String>,
    /// What becomes of the pod template.
    pub template: Template,
    /// Whether members cannot be asked, or cannot reach each other, until
    /// certificates are issued: then only these are planned.
    pub cut_off: bool,
}

/// What is compared, and what it is judged by.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The wanted objects.
    pub desired: &'a Desired,
    /// The live ones, and what the API server says of the wanted ones.
    pub observed: &'a Observed,
    /// What is asked for beside the stack file.
    pub intended: &'a Intended,
    /// Fields of others that are to go.
    pub removals: &'a [Removal],
    /// Whether a cluster is recorded.
    pub founded: bool,
    /// When.
    pub now: Timestamp,
}

/// Compares every object.
pub fn compare(given: Given<'_>) -> Comparison {
    let Given { desired, observed, founded, .. } = given;
    let mut result = Comparison::default();
    result.namespace(desired, observed);
    if namespace_goes(desired, &observed.live) {
        // Everything in it is refused for this one reason.
        return result;
    }
    for object in desired.objects().into_iter().filter(|object| object.key != desired.namespace.key) {
        result.object(given, object);
    }
    // Where no pod is, certificates come before the first one anyway.
    let runs = observed.members != Members::NotRunning;
    result.cut_off = runs && result.issues.iter().any(|(key, reason)| cuts_off(desired, key, reason));
    result.unread.extend(unread(observed));
    result.unread.extend(unasked(desired, observed));
    result.left_over(desired, observed);
    result.no_object(desired);
    result.version(desired, observed);
    result.peer_port(desired, observed);
    result.token(desired, observed, founded);
    result
}

/// Whether nobody can be asked, or no quorum be had, before this is issued.
fn cuts_off(desired: &Desired, key: &ObjectKey, reason: &IssueReason) -> bool {
    let names = &desired.names;
    let used = [names.server_secret(), names.peer_secret(), names.operator_secret()].contains(key);
    let works = matches!(reason, IssueReason::Names(_) | IssueReason::Expiring(0..));
    used && !works
}

/// Reads without which no step can be decided. What has a verdict of its own,
/// such as nodes that may not be listed, is not among them.
pub fn unread(observed: &Observed) -> Vec<String> {
    let live = &observed.live;
    let mut all = Vec::new();
    if let Lookup::Failed(reason) = &live.journal {
        all.push(format!("the journal cannot be read: {reason}"));
    }
    if let Lookup::Failed(reason) = &live.claims {
        all.push(format!("claims cannot be read: {reason}"));
    }
    if let Lookup::Failed(reason) = &live.pods {
        all.push(format!("pods cannot be read: {reason}"));
    }
    all
}

/// Why members that should answer could not be asked.
pub fn silent_members(observed: &Observed, should_answer: bool) -> Option<String> {
    match &observed.members {
        Members::Failed(reason) if should_answer => Some(format!("the members cannot be asked: {reason}")),
        Members::Failed(_) | Members::NotRunning | Members::Read(_) => None,
    }
}

/// The next pod and claim, where nobody knows what admission says of them.
fn unasked(desired: &Desired, observed: &Observed) -> impl Iterator<Item = String> {
    let next = next_pod(desired, &observed.live).into_iter().chain(next_claim(desired, &observed.live));
    next.map(|object| object.key).filter_map(|key| match observed.proposals.get(&key)? {
        Proposal::Failed(reason) => Some(format!("`{key}` cannot be checked: {reason}")),
        _ => None,
    })
}

impl Comparison {
    fn namespace(&mut self, desired: &Desired, observed: &Observed) {
        let key = &desired.namespace.key;
        match observed.live.objects.get(key) {
            Some(Lookup::Found(_)) if namespace_goes(desired, &observed.live) => self.stop(
                "plan::namespace_terminating",
                format!("`{key}` is being deleted"),
                "wait until it is gone, then plan again; or choose another namespace",
            ),
            Some(Lookup::Found(_)) => self.unchanged.push(key.clone()),
            Some(Lookup::Failed(reason)) => self.unread.push(format!("`{key}` cannot be read: {reason}")),
            Some(Lookup::Absent) | None if !desired.stack.create_namespace => self.stop(
                "plan::namespace_missing",
                format!("`{key}` does not exist, and `create_namespace` is false"),
                "create it, or leave `create_namespace` out",
            ),
            Some(Lookup::Absent) | None => {
                let (body, none) = (&desired.namespace.body, Defaults::of(None));
                self.changes.push(create(&desired.namespace, Confidence::Predicted, body, none));
            }
        }
    }

    fn object(&mut self, given: Given<'_>, object: &Object) {
        let Given { desired, observed, founded, .. } = given;
        let found = match observed.live.objects.get(&object.key) {
            Some(Lookup::Failed(reason)) => {
                return self.unread.push(format!("`{}` cannot be read: {reason}", object.key));
            }
            Some(Lookup::Found(found)) => Some(found),
            Some(Lookup::Absent) | None => None,
        };
        let adopts = |found: &&Object| {
            adopt::is_pending(&given.intended.adopt, desired, &observed.live, object, found)
        };
        let adopted = found.filter(adopts);
        if let (Some(found), None) = (found, adopted)
            && let Some(whose) = others(found, &desired.stack.name)
        {
            return self.blocked.push(adopt::card(desired, &observed.live, object, found, &whose));
        }
        let secret = desired.secrets.iter().find(|secret| secret.object.key == object.key);
        let mut kept = found.map(|found| immutable::kept(object, found)).unwrap_or_default();
        if let Some(blocked) = immutable::refused(&object.key, &kept) {
            return self.blocked.push(blocked);
        }
        let verdict = secret.map(|secret| self.certificate(given, secret));
        let issue = match verdict {
            None | Some(Verdict::Good) => None,
            Some(Verdict::Issue(reason)) => Some(reason),
            Some(Verdict::Stop(blocked)) => return self.blocked.push(blocked),
        };
        if let (Some(found), Some(_)) = (found, &issue) {
            kept.extend(immutable::frozen(found));
        }
        let refused = found.map(|found| anew::refused(desired, &observed.live, found, &kept));
        if let Some(refused) = refused.filter(|refused| !refused.is_empty()) {
            return self.blocked.extend(refused);
        }
        let Some((confidence, after)) = self.proposal(given, object) else { return };
        let defaults = Defaults::of(observed.live.kubernetes.as_deref());
        let mut one = match found {
            None => create(object, confidence, &after, defaults),
            Some(found) if !kept.is_empty() => self.anew(object, found, &after, &kept, defaults),
            Some(found) => update(object, found, confidence, &after, defaults),
        };
        let goes = given.removals.iter().filter(|removal| removal.key == object.key);
        one.fields.extend(goes.map(Removal::change));
        if let (Some(secret), Some(reason)) = (secret, &issue) {
            one.notes = vec![certificates::note(secret, reason)];
        }
        if let Some(found) = adopted {
            one.verb = Verb::Adopt;
            one.adopting = adopt::predecessors(desired, &observed.live, object, found);
        }
        if one.verb == Verb::Update && one.fields.is_empty() && issue.is_none() {
            return self.unchanged.push(object.key.clone());
        }
        if founded && object.key == desired.names.stateful_set() && one.verb == Verb::Create {
            one.notes =
                vec!["for the members that are recorded: with their data, and around their pods".to_owned()];
        }
        if let Some(found) = found.filter(|_| object.key.kind == Kind::StatefulSet) {
            self.template = Template::after(&one, found, after, given.removals);
        }
        self.changes.push(one);
    }

    fn anew(
        &mut self,
        object: &Object,
        found: &Object,
        after: &Value,
        kept: &[immutable::Kept],
        defaults: Defaults,
    ) -> Change {
        let (one, how) = anew::change(object, found, after, kept, defaults);
        self.anew.insert(object.key.clone(), how);
        one
    }

    fn certificate(&mut self, given: Given<'_>, secret: &SecretRequest) -> Verdict {
        let Given { desired, observed, founded, now, .. } = given;
        let before = desired.stack.tls.renew_before_days;
        // A founder that was started holds to the authorities that it found.
        let founding = observed.live.journal.found().and_then(|journal| journal.founding.as_ref());
        let held = founded || founding.is_some_and(|founding| founding.claim_uid.is_some());
        let live = observed.live.objects.get(&secret.object.key).and_then(Lookup::found);
        let kept = live.map(|live| immutable::kept(&secret.object, live)).unwrap_or_default();
        let verdict = match certificates::judge(secret, &observed.live, held, before, now) {
            Verdict::Good if !kept.is_empty() => anew::certificate(secret, &kept),
            verdict => verdict,
        };
        match &verdict {
            Verdict::Good => self.warn_of_the_end(observed, secret, before, now),
            Verdict::Issue(reason) => self.issues.push((secret.object.key.clone(), reason.clone())),
            Verdict::Stop(_) => {}
        }
        verdict
    }

    /// An authority is never renewed unasked, so its end is said in time.
    fn warn_of_the_end(&mut self, observed: &Observed, secret: &SecretRequest, before: u32, now: Timestamp) {
        let facts = observed.live.secrets.get(&secret.object.key);
        let Some(Ok(facts)) = facts.and_then(|facts| facts.certificate.as_ref()) else { return };
        let left = certificates::days_left(facts, now);
        if facts.usage == Usage::Authority && left < i64::from(before) {
            self.warnings.push(format!(
                "the authority in `{}` {}",
                secret.object.key,
                certificates::end(left)
            ));
        }
    }

    /// Objects that earlier runs made and that the stack file no longer names.
    fn left_over(&mut self, desired: &Desired, observed: &Observed) {
        for LeftOver { object, goes } in left_over(desired, &observed.live) {
            match goes {
                Ok(uid) => {
                    self.pruned.push((object.key.clone(), uid));
                    self.changes.push(delete(object, "the stack file does not name it any more"));
                }
                Err(why) => self.warnings.push(format!(
                    "`{}` is not in the stack file any more, and is left alone, because {why}",
                    object.key
                )),
            }
        }
    }

    /// Fields of `[ownership]` that are of no object of this stack.
    fn no_object(&mut self, desired: &Desired) {
        let ownership = &desired.stack.ownership;
        let objects = desired.objects();
        let is_known = |one: &&Owned| objects.iter().any(|object| one.is_of(&object.key));
        for one in ownership.take.iter().chain(&ownership.tolerate).filter(|one| !is_known(one)) {
            let Owned { kind, name, .. } = one;
            self.warnings
                .push(format!("`[ownership]` names `{kind}/{name}`, which this stack does not have"));
        }
    }

    /// Patch versions change by a rolling restart. A minor version has gates of
    /// its own, and etcd does not start on the data of a newer one.
    /// <https://etcd.io/docs/v3.6/upgrades/upgrade_3_6/>
    fn version(&mut self, desired: &Desired, observed: &Observed) {
        let wanted = desired.stack.version;
        let Some(runs) = running_version(desired, &observed.live) else { return };
        if (runs.major, runs.minor) != (wanted.major, wanted.minor) {
            self.stop(
                "plan::not_supported_yet",
                format!("the members run etcd {runs}, and the stack wants {wanted}: changing the minor version is not supported yet"),
                &format!("set `cluster.version` to a patch release of {}.{}, or leave it out", runs.major, runs.minor),
            );
        } else if wanted < runs {
            self.warnings.push(format!("etcd goes back from {runs} to {wanted}"));
        }
    }

    /// The port is part of the address by which etcd knows each member.
    fn peer_port(&mut self, desired: &Desired, observed: &Observed) {
        let wanted = desired.stack.ports.peer;
        if let Some(port) = other_peer_port(desired, &observed.live) {
            self.stop(
                "plan::not_supported_yet",
                format!(
                    "`ports.peer` would change from {port} to {wanted}, which is not supported yet: it is part of \
                     every member's address"
                ),
                &format!("set `ports.peer` to {port}"),
            );
        }
    }

    /// The token only counts when the cluster is founded.
    fn token(&mut self, desired: &Desired, observed: &Observed, founded: bool) {
        let live = observed.live.objects.get(&desired.names.bootstrap()).and_then(Lookup::found);
        let live = live.and_then(|live| live.body.pointer("/data/initial-cluster-token")?.as_str());
        if let (Some(wanted), Some(live)) = (&desired.stack.token, live)
            && founded
            && wanted != live
        {
            self.warnings.push(
                "`cluster.token` is another than the cluster was founded with, and changes nothing any more"
                    .to_owned(),
            );
        }
    }

    fn stop(&mut self, code: &str, reason: String, help: &str) {
        self.blocked.push(Blocked::new(code, reason, help));
    }
}

/// The peer port of a live StatefulSet that is not the wanted one. No member
/// is found by its address then.
pub fn other_peer_port(desired: &Desired, live: &Live) -> Option<u64> {
    let found = live.objects.get(&desired.names.stateful_set()).and_then(Lookup::found)?;
    let ports = etcd_container(&found.body, "/spec/template/spec/containers")?.get("ports")?.as_array()?;
    let port = ports.iter().find(|port| port["name"] == "peer")?["containerPort"].as_u64()?;
    (port != u64::from(desired.stack.ports.peer)).then_some(port)
}

/// Whether the namespace is being deleted.
pub fn namespace_goes(desired: &Desired, live: &Live) -> bool {
    let found = live.objects.get(&desired.namespace.key).and_then(Lookup::found);
    found.is_some_and(|found| found.body.pointer("/status/phase") == Some(&json!("Terminating")))
}

/// What admission adds to a new object is all that is said of its fields.
fn create(object: &Object, confidence: Confidence, after: &Value, defaults: Defaults) -> Change {
    let sent = &object.body;
    let mut fields =
        source::differences(&Sides { kind: object.key.kind, before: sent, after, sent, defaults });
    fields.retain(|field| field.source == Source::Admission);
    Change {
        key: object.key.clone(),
        verb: Verb::Create,
        confidence,
        before: None,
        after: after.clone(),
        wanted: object.body.clone(),
        fields,
        notes: Vec::new(),
        adopting: Vec::new(),
    }
}

fn update(
    object: &Object,
    found: &Object,
    confidence: Confidence,
    after: &Value,
    defaults: Defaults,
) -> Change {
    let (kind, before, sent) = (object.key.kind, &found.body, &object.body);
    Change {
        key: object.key.clone(),
        verb: Verb::Update,
        confidence,
        before: Some(before.clone()),
        after: after.clone(),
        wanted: object.body.clone(),
        fields: source::differences(&Sides { kind, before, after, sent, defaults }),
        notes: Vec::new(),
        adopting: Vec::new(),
    }
}
