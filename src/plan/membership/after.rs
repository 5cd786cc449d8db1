//! What a move leaves behind.

use super::{Listed, Move, Replacing, State, Volume};
use crate::desired::Window;

impl State {
    /// The state that a move leaves behind.
    pub fn after(&self, done: &Move) -> State {
        let mut state = self.clone();
        match done {
            Move::OpenFounding => state.window = Some(Window::Founding),
            Move::StartFounder => state.replicas = 1,
            Move::RecordCluster => {
                (state.recorded, state.quorum) = (true, true);
                state.members.insert(0, Listed::Voter);
                state.unrecorded.insert(0);
            }
            Move::Seal => state.window = Some(Window::Sealed),
            Move::Invite(ordinal) => {
                state.members.entry(*ordinal).or_insert(Listed::Invited);
                if state.quorum {
                    state.replace.remove(ordinal);
                }
                state.window = Some(Window::Joining { ordinal: *ordinal, members: state.listed() });
            }
            Move::Start(ordinal) => state.started(*ordinal),
            Move::Promote(ordinal) => {
                state.members.insert(*ordinal, Listed::Voter);
            }
            Move::RecordMember(ordinal) => {
                state.unrecorded.remove(ordinal);
            }
            Move::BringBack(replicas) => {
                for ordinal in state.replicas..*replicas {
                    state.restarted(ordinal);
                }
                state.replicas = *replicas;
            }
            Move::Revive(ordinals) => ordinals.iter().for_each(|ordinal| state.restarted(*ordinal)),
            Move::Save => state.saved = true,
            Move::Remove(ordinal) => {
                state.forget(*ordinal);
                state.claims.entry(*ordinal).and_modify(|claim| *claim = Volume::Old);
                if *ordinal < state.wanted {
                    state.replace.insert(*ordinal, Replacing::Removed);
                }
            }
            Move::RemoveStranger(id) => {
                state.strangers.remove(id);
            }
            Move::Empty(ordinal) => {
                state.claims.insert(*ordinal, Volume::Fresh);
                // It is made from the template as it is.
                state.outdated.remove(ordinal);
            }
            Move::Retire(ordinal) => {
                state.forget(*ordinal);
                state.replicas = state.replicas.min(*ordinal);
                state.claims.entry(*ordinal).and_modify(|claim| *claim = Volume::Old);
            }
            Move::DeleteClaim(ordinal) => {
                state.claims.remove(ordinal);
            }
            Move::Restart(ordinal) => {
                state.restarted(*ordinal);
                state.resizing.remove(ordinal);
            }
            Move::Grow(ordinal) => {
                state.small.remove(ordinal);
            }
            Move::Recreate => state.outgrown = false,
            Move::MakeAgain(replicas) => {
                let pods = state.gone.take().map(|gone| gone.pods).unwrap_or_default();
                (0..*replicas)
                    .filter(|ordinal| !pods.contains(ordinal))
                    .for_each(|ordinal| state.restarted(ordinal));
                state.replicas = *replicas;
            }
        }
        state
    }

    fn started(&mut self, ordinal: usize) {
        let joined = match self.members.get(&ordinal) {
            // Its start gives the quorum back.
            Some(Listed::Unstarted) => {
                self.quorum = true;
                // Who answers knows a leader again.
                self.sick = self.silent.clone();
                self.replace.remove(&ordinal);
                self.unrecorded.insert(ordinal);
                Listed::Voter
            }
            _ => Listed::Learner,
        };
        self.members.insert(ordinal, joined);
        self.claims.insert(ordinal, Volume::Held);
        self.answers(ordinal);
        self.replicas = self.replicas.max(ordinal + 1);
    }

    /// A pod that was made from the template as it is, and serves.
    fn answers(&mut self, ordinal: usize) {
        self.outdated.remove(&ordinal);
        self.sick.remove(&ordinal);
        self.silent.remove(&ordinal);
    }

    fn restarted(&mut self, ordinal: usize) {
        self.answers(ordinal);
        if self.leader == Some(ordinal) {
            self.leader = self.heirs(ordinal).first().copied();
        }
    }

    /// Takes a member out of everything that speaks of listed ones.
    fn forget(&mut self, ordinal: usize) {
        self.left.insert(ordinal);
        self.members.remove(&ordinal);
        self.recorded_only.remove(&ordinal);
        self.unrecorded.remove(&ordinal);
        // What takes its place is made from the template as it is.
        self.answers(ordinal);
        if self.leader == Some(ordinal) {
            self.leader = self.heirs(ordinal).first().copied();
        }
    }

    /// To whom a member hands leadership over, the best one first: who is to
    /// stay and need not restart any more.
    pub fn heirs(&self, ordinal: usize) -> Vec<usize> {
        let votes = |(other, listed): (&usize, &Listed)| {
            (*other != ordinal && *listed == Listed::Voter).then_some(*other)
        };
        let mut heirs: Vec<usize> = self.members.iter().filter_map(votes).collect();
        let goes = |heir: &usize| {
            *heir >= self.wanted || self.replace.contains_key(heir) || self.outdated.contains(heir)
        };
        heirs.sort_by_key(|heir| (self.sick.contains(heir), goes(heir), *heir));
        heirs
    }
}
