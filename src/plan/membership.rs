//! One change of membership at a time, from what is there.
//!
//! [`next`] looks at a [`State`] and names the single next [`Move`], or says
//! that nothing is left. A plan is what comes of calling it until then, each
//! time on the state that the move leaves behind. So an interrupted plan
//! resumes by itself: the state says where it was.
//!
//! ```text
//! nothing there      open the founding window, start 0, record the cluster, seal
//! founded, 1 of 3    invite 1 (learner, window), start 1, seal, promote 1, invite 2 ...
//! ```
//!
//! Learners only, one at a time: a voter that is added before it runs can
//! freeze the cluster for good.
//! <https://etcd.io/docs/v3.6/learning/design-learner/>

use std::collections::BTreeMap;

use crate::{
    desired::Window,
    member::{can_lose, quorum},
};

use super::Tally;

/// What membership is decided from. Ordinals stand for members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// How many voters there should be.
    pub wanted: usize,
    /// Whether a cluster id is recorded: founding is over for ever.
    pub recorded: bool,
    /// Who may start without data; `None` before the ConfigMap exists.
    pub window: Option<Window>,
    /// The StatefulSet's replicas; zero before it exists.
    pub replicas: usize,
    /// The members that etcd lists.
    pub members: BTreeMap<usize, Listed>,
    /// Members that vote but are not yet in the journal.
    pub unrecorded: Vec<usize>,
}

/// How far a listed member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// A learner whose process has not yet joined: its name is empty.
    Invited,
    /// A learner that runs.
    Learner,
    /// A voter.
    Voter,
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
}

/// The single next move; `None` when nothing is left.
pub fn next(state: &State) -> Option<Move> {
    if !state.recorded {
        return Some(found(state));
    }
    if let Some((ordinal, listed)) = state.members.iter().find(|(_, listed)| **listed != Listed::Voter) {
        return Some(join(state, *ordinal, *listed));
    }
    if state.window != Some(Window::Sealed) {
        return Some(Move::Seal);
    }
    if let Some(ordinal) = state.unrecorded.first() {
        return Some(Move::RecordMember(*ordinal));
    }
    (state.members.len() < state.wanted).then_some(Move::Invite(state.members.len()))
}

fn found(state: &State) -> Move {
    match (&state.window, state.replicas) {
        (Some(Window::Founding), 0) => Move::StartFounder,
        (Some(Window::Founding), _) => Move::RecordCluster,
        _ => Move::OpenFounding,
    }
}

fn join(state: &State, ordinal: usize, listed: Listed) -> Move {
    match (listed, &state.window) {
        (Listed::Invited, Some(Window::Joining { ordinal: open, members }))
            if *open == ordinal && members.iter().eq(state.members.keys()) =>
        {
            Move::Start(ordinal)
        }
        (Listed::Invited, _) => Move::Invite(ordinal),
        (_, Some(Window::Sealed)) => Move::Promote(ordinal),
        (..) => Move::Seal,
    }
}

impl State {
    /// The state that a move leaves behind.
    pub fn after(&self, done: &Move) -> State {
        let mut state = self.clone();
        match done {
            Move::OpenFounding => state.window = Some(Window::Founding),
            Move::StartFounder => state.replicas = 1,
            Move::RecordCluster => {
                state.recorded = true;
                state.members.insert(0, Listed::Voter);
            }
            Move::Seal => state.window = Some(Window::Sealed),
            Move::Invite(ordinal) => {
                state.members.insert(*ordinal, Listed::Invited);
                state.window = Some(Window::Joining { ordinal: *ordinal, members: state.listed() });
            }
            Move::Start(ordinal) => {
                state.members.insert(*ordinal, Listed::Learner);
                state.replicas = state.replicas.max(ordinal + 1);
            }
            Move::Promote(ordinal) => {
                state.members.insert(*ordinal, Listed::Voter);
            }
            Move::RecordMember(ordinal) => state.unrecorded.retain(|other| other != ordinal),
        }
        state
    }

    /// Every listed ordinal, ascending.
    pub fn listed(&self) -> Vec<usize> {
        self.members.keys().copied().collect()
    }

    /// How many vote.
    pub fn voters(&self) -> usize {
        self.members.values().filter(|listed| **listed == Listed::Voter).count()
    }

    /// Voters, quorum and what can be lost.
    pub fn tally(&self) -> Tally {
        let voters = self.voters();
        Tally { voters, quorum: quorum(voters), can_lose: can_lose(voters) }
    }
}

/// Every move that is left, each with the state before and after it.
pub fn moves(mut state: State) -> Vec<(State, Move, State)> {
    let mut all = Vec::new();
    while let Some(found) = next(&state) {
        let after = state.after(&found);
        all.push((state, found, after.clone()));
        state = after;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(wanted: usize) -> State {
        State {
            wanted,
            recorded: false,
            window: None,
            replicas: 0,
            members: BTreeMap::new(),
            unrecorded: Vec::new(),
        }
    }

    fn all(state: State) -> Vec<Move> {
        moves(state).into_iter().map(|(_, one, _)| one).collect()
    }

    #[test]
    fn three_members_are_founded_by_one_and_joined_by_two() {
        use Move::*;
        let founding = [OpenFounding, StartFounder, RecordCluster, Seal];
        let joining = [Invite(1), Start(1), Seal, Promote(1), Invite(2), Start(2), Seal, Promote(2)];
        assert_eq!(all(fresh(3)), [&founding[..], &joining[..]].concat());
    }

    #[test]
    fn from_every_state_on_the_way_the_rest_of_the_moves_is_left() {
        for wanted in 1..=7 {
            let whole = moves(fresh(wanted));
            for (done, (before, ..)) in whole.iter().enumerate() {
                let rest: Vec<Move> = whole[done..].iter().map(|(_, one, _)| one.clone()).collect();
                assert_eq!(all(before.clone()), rest);
            }
        }
    }

    #[test]
    fn no_move_changes_more_than_one_voter_and_no_state_has_two_learners() {
        for (before, one, after) in moves(fresh(7)) {
            assert!(after.voters() - before.voters() <= 1, "{one:?}");
            let learners = after.members.values().filter(|listed| **listed != Listed::Voter).count();
            assert!(learners <= 1, "{one:?}");
        }
    }

    #[test]
    fn replicas_rise_only_after_the_member_is_listed() {
        for (before, one, after) in moves(fresh(7)) {
            if after.replicas > before.replicas && before.recorded {
                assert!(before.members.contains_key(&before.replicas), "{one:?}");
            }
        }
    }

    #[test]
    fn a_window_left_open_by_an_interrupted_run_is_sealed_first() {
        let mut state = moves(fresh(3)).pop().unwrap().2;
        state.window = Some(Window::Joining { ordinal: 2, members: vec![0, 1, 2] });
        assert_eq!(all(state), [Move::Seal]);
    }

    #[test]
    fn a_window_with_another_list_is_opened_anew() {
        let mut state = moves(fresh(3)).pop().unwrap().2;
        state.members.insert(2, Listed::Invited);
        state.window = Some(Window::Joining { ordinal: 1, members: vec![0, 1] });
        assert_eq!(all(state), [Move::Invite(2), Move::Start(2), Move::Seal, Move::Promote(2)]);
    }
}
