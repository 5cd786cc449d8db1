//! What is asked for beside the stack file, resolved to what is there.
//!
//! A flag names a member; a plan names its identity. `--replace orders-1`
//! means the member and the claim that have that name now. Once that member is
//! gone the intent is satisfied, so what a killed run was asked for is in its
//! journal and goes on without flags.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Blocked, adopt,
    foreign::{self, Foreign},
    state::ordinal,
};
use crate::{
    desired::Desired,
    field::{self, Owned},
    member::{Id, Member},
    object::{Named, Object},
    observed::{
        Intended, Journal, Live, Lookup, Members, Observed,
        journal::{Ending, Replaced, Run},
    },
};

/// What is asked for beside the stack file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Intent {
    /// Members to remove, empty and join anew, by name.
    pub replace: BTreeSet<String>,
    /// Whether every member is to be restarted.
    pub restart: bool,
    /// Members to remove that are not this stack's, by id.
    pub remove: BTreeSet<Id>,
    /// Fields to take from other managers.
    pub take: BTreeSet<Owned>,
    /// Objects of others to make this stack's.
    pub adopt: BTreeSet<Named>,
    /// What becomes of the stack as a whole.
    pub end: Option<Ending>,
    /// What is deleted with it that would stay otherwise.
    pub delete: BTreeSet<Named>,
    /// Whether no snapshot is saved before members or data go.
    pub skip_snapshot: bool,
    /// Whether what an unfinished run was asked for is given up.
    pub abandon: bool,
}

impl Intent {
    /// The run that broke off and that this goes on with, unless it is given up.
    pub fn goes_on_with<'a>(&self, live: &'a Live) -> Option<&'a Run> {
        live.journal.found().and_then(Journal::unfinished).filter(|_| !self.abandon)
    }
}

/// The identities that are asked for, those of an unfinished run among them;
/// and why some are none.
pub fn resolve(
    desired: &Desired,
    observed: &Observed,
    intent: &Intent,
    foreign: &[Foreign],
) -> (Intended, Vec<Blocked>) {
    let begun = intent.goes_on_with(&observed.live);
    let mut intended = begun.map(|run| run.intended.clone()).unwrap_or_default();
    let mut blocked = Vec::new();
    for name in &intent.replace {
        if intended.replace.get(name).is_some_and(|old| is_pending(desired, observed, name, old)) {
            continue;
        }
        match replaced(desired, observed, name) {
            Ok(one) => drop(intended.replace.insert(name.clone(), one)),
            Err(stop) => blocked.push(stop),
        }
    }
    let pods = || observed.live.pods.found().into_iter().flatten();
    let left = pods().any(|pod| intended.restart.get(&pod.name) == Some(&pod.uid));
    if intent.restart && !left {
        intended.restart = pods().map(|pod| (pod.name.clone(), pod.uid.clone())).collect();
    }
    for id in intent.remove.difference(&intended.remove.clone()) {
        match stranger(desired, observed, *id) {
            Ok(()) => drop(intended.remove.insert(*id)),
            Err(stop) => blocked.push(stop),
        }
    }
    let standing = &desired.stack.ownership.take;
    let asked: BTreeSet<Owned> = intended.take.iter().chain(&intent.take).chain(standing).cloned().collect();
    let may_take = |one: &Owned| {
        let live = takeable(desired, observed, one)?;
        foreign::may_go(foreign, live, &asked, one)
    };
    for one in intent.take.difference(&intended.take.clone()) {
        match may_take(one) {
            Ok(()) => drop(intended.take.insert(one.clone())),
            Err(stop) => blocked.push(stop),
        }
    }
    intended.take.extend(standing.iter().filter(|one| may_take(one).is_ok()).cloned());
    blocked.extend(adopt::resolve(desired, &observed.live, intent, &mut intended));
    (intended, blocked)
}

/// The object of this stack's in which somebody else owns a field, as it was
/// said.
fn takeable<'a>(desired: &Desired, observed: &'a Observed, one: &Owned) -> Result<&'a Object, Blocked> {
    let Some(object) = desired.objects().into_iter().find(|object| one.is_of(&object.key)) else {
        return Err(Blocked::new(
            "plan::no_such_object",
            format!("`{}/{}` is not an object of this stack", one.kind, one.name),
            "the plan names each field that somebody else set",
        ));
    };
    let live = observed.live.objects.get(&object.key).and_then(Lookup::found);
    let owners = live.map(|live| field::owners(&live.body)).unwrap_or_default();
    let sets = |owner: &&field::Owner| {
        !owner.is_us() && owner.fields.iter().any(|path| path.is_shown_as(&one.field))
    };
    let others: Vec<&str> = owners.iter().filter(sets).map(|owner| owner.manager.as_str()).collect();
    if let Some(live) = live.filter(|_| others.contains(&one.manager.as_str())) {
        return Ok(live);
    }
    let help = match others.as_slice() {
        [] => "nobody else sets it: leave `--take` out".to_owned(),
        others => format!("it is set by {}", others.join(", ")),
    };
    Err(Blocked::new(
        "plan::nothing_to_take",
        format!("`{}` of `{}` is not set by {}", one.field, object.key, one.manager),
        help,
    ))
}

fn list(observed: &Observed) -> &[Member] {
    match &observed.members {
        Members::Read(reading) => &reading.membership.members,
        Members::NotRunning | Members::Failed(_) => &[],
    }
}

/// Whether a replacement is not done: the old member is listed still, or
/// nobody is. Once a new one is, the name means that one.
fn is_pending(desired: &Desired, observed: &Observed, name: &str, old: &Replaced) -> bool {
    let ordinal = desired.names.ordinal_named(name);
    let listed = list(observed).iter().find(|member| self::ordinal(desired, member) == ordinal);
    listed.is_none_or(|member| old.is_still(member.id, !member.name.is_empty()))
}

/// The member and the claim that have this name now. A claim that was made
/// anew since the member was written down holds nothing of it.
fn replaced(desired: &Desired, observed: &Observed, name: &str) -> Result<Replaced, Blocked> {
    let names = &desired.names;
    let known = names.ordinal_named(name);
    let listed =
        |ordinal| list(observed).iter().find(|member| self::ordinal(desired, member) == Some(ordinal));
    let wanted = usize::from(desired.stack.members);
    let highest = list(observed).iter().filter_map(|member| self::ordinal(desired, member)).max();
    // Whoever is not there yet joins without being asked to.
    let Some(ordinal) = known.filter(|ordinal| Some(*ordinal) <= highest) else {
        let all: Vec<String> = (0..wanted).map(|ordinal| names.member(ordinal)).collect();
        return Err(Blocked::new(
            "plan::no_such_member",
            format!("there is no member `{name}` to replace"),
            format!("the members are {}", all.join(", ")),
        ));
    };
    let member = listed(ordinal);
    let recorded = observed.live.journal.found().and_then(|journal| journal.members.get(name));
    let recorded = recorded.filter(|recorded| member.is_some_and(|member| member.id == recorded.id));
    let live = observed.live.claim(&names.claim(ordinal).name);
    Ok(Replaced {
        id: member.map(|member| member.id),
        started: member.is_none_or(|member| !member.name.is_empty()),
        claim_uid: recorded
            .map(|recorded| recorded.claim_uid.clone())
            .or_else(|| live.map(|claim| claim.uid.clone())),
    })
}

fn stranger(desired: &Desired, observed: &Observed, id: Id) -> Result<(), Blocked> {
    let refuse = |reason: String, help: &str| Err(Blocked::new("plan::no_such_member", reason, help));
    match list(observed).iter().find(|member| member.id == id) {
        Some(member) if member.peer_urls.iter().all(|url| desired.names.ordinal_of(url).is_none()) => Ok(()),
        Some(member) => refuse(
            format!("member {id} is {}, one of this stack's own", member.name),
            "lower `members` to remove the last one, or use `--replace` with its name",
        ),
        None => refuse(format!("etcd lists no member {id}"), "`etcdctl member list` shows their ids"),
    }
}
