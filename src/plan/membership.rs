//! One change of membership at a time, from what is there.
//!
//! [`next`] looks at a [`State`] and names the single next [`Move`], or says
//! that nothing is left. A plan is what comes of calling it until then, each
//! time on the state that the move leaves behind. So an interrupted plan
//! resumes by itself: the state says where it was.
//!
//! ```text
//! nothing there      open the founding window, start 0, record the cluster, seal, record 0
//! founded, 1 of 3    invite 1 (learner, window), start 1, seal, promote 1, invite 2 ...
//! 5 of 3             save a snapshot, retire 4, delete its claim, retire 3 ...
//! 1 to be replaced   save a snapshot, remove 1, empty 1, invite 1, start 1, seal, promote 1
//! another template   restart 2, restart 1, restart 0, the leader last
//! a larger volume    grow 0, grow 1, grow 2, make the StatefulSet anew around its pods
//! 1 waits for it     restart 1, grow 0, grow 1 ...
//! no StatefulSet     seal, create it with as many replicas as there were
//! ```
//!
//! What helps a cluster that does not serve comes first, then what is under
//! way, then what is wanted. Members join as learners, one at a time: a voter
//! that is added before it runs can freeze the cluster for good. They leave
//! before their pods do, and a dead one leaves before another is added.
//! <https://etcd.io/docs/v3.6/learning/design-learner/>
//! <https://etcd.io/docs/v3.6/op-guide/runtime-configuration/>

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    desired::Window,
    member::{Id, Role, quorum},
};

use super::Tally;

mod after;

#[cfg(test)]
mod tests;

/// What membership is decided from. Ordinals stand for members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// How many voters there should be.
    pub wanted: usize,
    /// Whether a cluster id is recorded: founding is over for ever.
    pub recorded: bool,
    /// Whether a quorum confirmed the list. Without one nothing can be listed
    /// or removed; only pods can be brought back.
    pub quorum: bool,
    /// Who may start without data; `None` before the ConfigMap exists.
    pub window: Option<Window>,
    /// The StatefulSet's replicas; zero before it exists.
    pub replicas: usize,
    /// The members that etcd lists.
    pub members: BTreeMap<usize, Listed>,
    /// Members in the list that are not this stack's and are to be removed.
    pub strangers: BTreeMap<Id, Role>,
    /// Voters that do not answer, or report that something is wrong.
    pub sick: BTreeSet<usize>,
    /// Those of them that do not answer. One that answers without a quorum is a
    /// survivor: started again, it would not even do that.
    pub silent: BTreeSet<usize>,
    /// Who leads.
    pub leader: Option<usize>,
    /// Voters that are not yet in the journal.
    pub unrecorded: BTreeSet<usize>,
    /// Ordinals in the journal that etcd does not list and that are not being
    /// replaced.
    pub recorded_only: BTreeSet<usize>,
    /// Claims, by the ordinal of their name.
    pub claims: BTreeMap<usize, Volume>,
    /// Members to replace that are not replaced yet.
    pub replace: BTreeMap<usize, Replacing>,
    /// Members whose pods are to be restarted.
    pub outdated: BTreeSet<usize>,
    /// The StatefulSet is gone, though a cluster is recorded.
    pub gone: Option<Gone>,
    /// Whether the StatefulSet must be made anew: what is wanted differs in a
    /// field that it keeps for ever.
    pub outgrown: bool,
    /// Members whose volumes are to grow.
    pub small: BTreeSet<usize>,
    /// Those of them whose file systems grow when their pods restart.
    pub resizing: BTreeSet<usize>,
    /// Ordinals whose member was taken out of the list on the way here.
    pub left: BTreeSet<usize>,
    /// Whether a claim goes with its member when the stack shrinks.
    pub delete_claims: bool,
    /// Whether a snapshot was saved, or is not wanted.
    pub saved: bool,
}

/// A StatefulSet that is not there any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The replicas that it needs so that no member loses its pod.
    pub replicas: usize,
    /// Ordinals whose pods are there, and stay.
    pub pods: BTreeSet<usize>,
}

/// How far a listed member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// A learner whose process has not yet joined: its name is empty.
    Invited,
    /// A learner that runs.
    Learner,
    /// A voter that has never started: somebody added it by hand.
    Unstarted,
    /// A voter.
    Voter,
}

impl Listed {
    /// Whether its process has joined, once.
    pub fn has_started(self) -> bool {
        matches!(self, Listed::Voter | Listed::Learner)
    }
}

/// What a claim holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volume {
    /// The data of the listed member.
    Held,
    /// The data of a member that is not listed any more.
    Old,
    /// Nobody knows what: nobody may start on it either.
    Unknown,
    /// Nothing yet: it was made anew for a member that is being replaced.
    Fresh,
}

/// How far a replacement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacing {
    /// The old member is still in the list.
    Listed,
    /// It is not, and the new one is not yet.
    Removed,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Let ordinal 0 found a cluster.
    OpenFounding,
    /// Start ordinal 0 and wait for it to lead itself.
    StartFounder,
    /// Write down the cluster's id.
    RecordCluster,
    /// Let nobody start without data.
    Seal,
    /// List an ordinal as a learner and let it, and only it, join.
    Invite(usize),
    /// Start an invited ordinal and wait for it to join.
    Start(usize),
    /// Make a learner a voter.
    Promote(usize),
    /// Write a voter down.
    RecordMember(usize),
    /// Raise replicas to so many: somebody took pods of members away.
    BringBack(usize),
    /// Restart members that serve nothing, all at once.
    Revive(BTreeSet<usize>),
    /// Save a snapshot, before members or data go.
    Save,
    /// Take a member out of the list, because another is to take its place.
    Remove(usize),
    /// Take a member out of the list that is not this stack's.
    RemoveStranger(Id),
    /// Delete claim and pod of an ordinal that is not listed, so that both are
    /// made anew.
    Empty(usize),
    /// Take the highest ordinal out of the list, and its pod away.
    Retire(usize),
    /// Delete the claim of an ordinal that has no pod.
    DeleteClaim(usize),
    /// Restart a member that serves.
    Restart(usize),
    /// Let the volume of a member grow.
    Grow(usize),
    /// Make the StatefulSet anew around its pods.
    Recreate,
    /// Create the StatefulSet again with so many replicas, around the pods
    /// that are there.
    MakeAgain(usize),
}

/// The single next move; `None` when nothing is left.
pub fn next(state: &State) -> Option<Move> {
    if !state.recorded {
        return Some(found(state));
    }
    if let Some(gone) = &state.gone {
        return Some(make_again(state, gone));
    }
    let first = || bring_back(state).or_else(|| revive(state));
    let seal = || (state.window != Some(Window::Sealed)).then_some(Move::Seal);
    if !state.quorum {
        return first().or_else(|| rescue(state)).or_else(seal);
    }
    first()
        .or_else(|| remove_the_dead(state))
        .or_else(|| join(state))
        .or_else(seal)
        .or_else(|| {
            state.unrecorded.difference(&state.sick).next().map(|ordinal| Move::RecordMember(*ordinal))
        })
        .or_else(|| rejoin(state))
        .or_else(|| state.resizing.first().map(|ordinal| Move::Restart(*ordinal)))
        .or_else(|| state.small.first().map(|ordinal| Move::Grow(*ordinal)))
        .or_else(|| recreate(state))
        .or_else(|| replace(state))
        .or_else(|| shrink(state))
        .or_else(|| grow(state))
        .or_else(|| restart(state))
}

fn found(state: &State) -> Move {
    match (&state.window, state.replicas) {
        (Some(Window::Founding), 0) => Move::StartFounder,
        (Some(Window::Founding), _) => Move::RecordCluster,
        _ => Move::OpenFounding,
    }
}

/// What needs no StatefulSet comes first: a member that is not written down
/// could not be told from another later.
fn make_again(state: &State, gone: &Gone) -> Move {
    let unrecorded = || state.unrecorded.difference(&state.sick).next();
    match unrecorded() {
        _ if state.window != Some(Window::Sealed) => Move::Seal,
        Some(ordinal) if state.quorum => Move::RecordMember(*ordinal),
        _ => Move::MakeAgain(gone.replicas),
    }
}

/// Only while its replicas are those that etcd lists; otherwise they are
/// brought together first, with the StatefulSet as it is.
fn recreate(state: &State) -> Option<Move> {
    let listed = state.members.keys().copied();
    (state.outgrown && listed.eq(0..state.replicas)).then_some(Move::Recreate)
}

/// Members that have started and have no pod: somebody lowered replicas. Those
/// that are to leave need not come back for it, unless they make the quorum.
fn bring_back(state: &State) -> Option<Move> {
    let started = |(ordinal, listed): &(&usize, &Listed)| {
        let stays = **ordinal < state.wanted || !state.quorum;
        stays && listed.has_started()
    };
    let highest = state.members.iter().rev().find(started)?.0;
    (state.replicas <= *highest).then_some(Move::BringBack(highest + 1))
}

/// A pod that serves nothing and is to be restarted anyway needs no gate. One
/// that is to go is not waited for.
fn revive(state: &State) -> Option<Move> {
    let goes =
        |ordinal: &usize| state.quorum && (*ordinal >= state.wanted || state.replace.contains_key(ordinal));
    let outdated = state.silent.intersection(&state.outdated).copied();
    let silent: BTreeSet<usize> = outdated.filter(|ordinal| !goes(ordinal)).collect();
    (!silent.is_empty()).then_some(Move::Revive(silent))
}

/// A voter that was added by hand to a single member and never started has
/// taken the quorum away; only its start gives it back.
fn rescue(state: &State) -> Option<Move> {
    // Of a list that is old nobody knows who has started since.
    let survivors_answer =
        state.silent.iter().all(|ordinal| state.members.get(ordinal) == Some(&Listed::Unstarted));
    if state.quorum || !survivors_answer {
        return None;
    }
    let asked = |ordinal: &usize| state.replace.contains_key(ordinal);
    let unstarted = |(ordinal, listed): (&usize, &Listed)| {
        (*listed == Listed::Unstarted && asked(ordinal)).then_some(*ordinal)
    };
    let ordinal = state.members.iter().find_map(unstarted)?;
    Some(if is_open_for(state, ordinal) { Move::Start(ordinal) } else { Move::Invite(ordinal) })
}

/// Dead members that are to go, whatever for, and strangers: while they count,
/// others neither come nor go.
fn remove_the_dead(state: &State) -> Option<Move> {
    let useless = |ordinal: &&usize| {
        let asked = state.replace.get(ordinal) == Some(&Replacing::Listed);
        let leaves = **ordinal >= state.wanted && state.voters() > 1;
        (asked && state.learns(**ordinal)) || ((asked || leaves) && state.is_dead(**ordinal))
    };
    let stranger = state.strangers.first_key_value().map(|(id, _)| Move::RemoveStranger(*id));
    let one =
        stranger.or_else(|| state.members.keys().find(useless).map(|ordinal| Move::Remove(*ordinal)))?;
    Some(state.saved_before(one))
}

/// The learner that is there: on with it, or away with it if it is not wanted
/// any more.
fn join(state: &State) -> Option<Move> {
    let (ordinal, listed) = state.members.iter().find(|(ordinal, _)| state.learns(**ordinal))?;
    let last = state.members.keys().next_back() == Some(ordinal);
    let used = state.claims.contains_key(ordinal) && state.replicas <= *ordinal;
    // Without a pod nobody has started on its claim: it is an older one, which
    // can be deleted once the learner is not listed.
    if last && (*ordinal >= state.wanted || (*listed == Listed::Invited && used)) {
        return Some(Move::Retire((*ordinal).max(state.replicas.saturating_sub(1))));
    }
    Some(match (listed, &state.window) {
        (Listed::Invited, _) if is_open_for(state, *ordinal) => Move::Start(*ordinal),
        (Listed::Invited, _) => Move::Invite(*ordinal),
        (_, Some(Window::Sealed)) => Move::Promote(*ordinal),
        (..) => Move::Seal,
    })
}

fn is_open_for(state: &State, ordinal: usize) -> bool {
    matches!(&state.window, Some(Window::Joining { ordinal: open, members })
        if *open == ordinal && members.iter().eq(state.members.keys()))
}

/// A member that was removed to be replaced, or whose removal is done.
fn rejoin(state: &State) -> Option<Move> {
    let removed = |(ordinal, how): (&usize, &Replacing)| (*how == Replacing::Removed).then_some(*ordinal);
    Some(invite(state, state.replace.iter().find_map(removed)?))
}

/// Invites an ordinal, on a volume that nobody has used.
fn invite(state: &State, ordinal: usize) -> Move {
    match state.claims.get(&ordinal) {
        Some(Volume::Fresh) | None => Move::Invite(ordinal),
        Some(_) if state.replicas > ordinal => state.saved_before(Move::Empty(ordinal)),
        Some(_) => state.saved_before(Move::DeleteClaim(ordinal)),
    }
}

fn replace(state: &State) -> Option<Move> {
    let listed = |(ordinal, how): (&usize, &Replacing)| (*how == Replacing::Listed).then_some(*ordinal);
    let ordinal = state.replace.iter().find_map(listed)?;
    Some(state.saved_before(Move::Remove(ordinal)))
}

/// From the highest ordinal down: the StatefulSet takes no other pod away.
fn shrink(state: &State) -> Option<Move> {
    let listed = state.members.keys().next_back().copied();
    let pod = state.replicas.checked_sub(1);
    let written = state.recorded_only.last().copied();
    let highest = listed.into_iter().chain(pod).chain(written).max()?;
    let left = |(ordinal, volume): &(&usize, &Volume)| {
        **ordinal >= state.wanted.max(highest + 1) && **volume == Volume::Old
    };
    if state.delete_claims
        && let Some((ordinal, _)) = state.claims.iter().rev().find(left)
    {
        return Some(state.saved_before(Move::DeleteClaim(*ordinal)));
    }
    if highest < state.wanted {
        return None;
    }
    let retire = Move::Retire(highest);
    Some(if state.members.contains_key(&highest) { state.saved_before(retire) } else { retire })
}

fn grow(state: &State) -> Option<Move> {
    let unlisted = (0..state.wanted).find(|ordinal| !state.members.contains_key(ordinal))?;
    Some(invite(state, unlisted))
}

/// Followers from the highest ordinal down, the leader last.
fn restart(state: &State) -> Option<Move> {
    let follows = |ordinal: &&usize| Some(**ordinal) != state.leader;
    let voters = || state.outdated.iter().filter(|ordinal| state.members.contains_key(ordinal));
    let one = voters().rev().find(follows).or_else(|| voters().next())?;
    Some(Move::Restart(*one))
}

impl State {
    /// The move, or what must come before it.
    fn saved_before(&self, one: Move) -> Move {
        if self.saved { one } else { Move::Save }
    }

    /// Whether a voter serves nothing.
    pub fn is_dead(&self, ordinal: usize) -> bool {
        self.sick.contains(&ordinal) || self.members.get(&ordinal) == Some(&Listed::Unstarted)
    }

    /// Whether a listed member does not vote.
    pub fn learns(&self, ordinal: usize) -> bool {
        matches!(self.members.get(&ordinal), Some(Listed::Invited | Listed::Learner))
    }

    /// Every listed ordinal, ascending.
    pub fn listed(&self) -> Vec<usize> {
        self.members.keys().copied().collect()
    }

    /// How many vote, strangers left out.
    pub fn voters(&self) -> usize {
        let votes = |listed: &&Listed| matches!(listed, Listed::Voter | Listed::Unstarted);
        self.members.values().filter(votes).count()
    }

    /// How many voters are healthy.
    pub fn healthy(&self) -> usize {
        let healthy = |(ordinal, listed): &(&usize, &Listed)| {
            **listed == Listed::Voter && !self.sick.contains(*ordinal)
        };
        self.members.iter().filter(healthy).count()
    }

    /// Voters, quorum and how many of the healthy ones can be lost. A stranger
    /// counts, and nobody knows how it is.
    pub fn tally(&self) -> Tally {
        let strangers = self.strangers.values().filter(|role| **role == Role::Voter).count();
        let voters = self.voters() + strangers;
        let quorum = quorum(voters);
        Tally { voters, quorum, can_lose: self.healthy().saturating_sub(quorum) }
    }
}

/// More moves than any plan has: seven members, each replaced and restarted.
const MOST: usize = 200;

/// Every move that is left, each with the state before and after it.
pub fn moves(mut state: State) -> Vec<(State, Move, State)> {
    let mut all = Vec::new();
    while let Some(found) = next(&state).filter(|_| all.len() < MOST) {
        let after = state.after(&found);
        all.push((state, found, after.clone()));
        state = after;
    }
    all
}
