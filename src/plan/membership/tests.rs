//! Every size to every other size, with members to replace and to restart: what
//! must hold of each move, whatever it is for.

use super::*;
use crate::member::can_lose;

/// A founded cluster of so many healthy voters, as an apply leaves it.
fn settled(members: usize, wanted: usize) -> State {
    State {
        wanted,
        recorded: true,
        quorum: true,
        window: Some(Window::Sealed),
        replicas: members,
        members: (0..members).map(|ordinal| (ordinal, Listed::Voter)).collect(),
        leader: Some(members / 2),
        claims: (0..members).map(|ordinal| (ordinal, Volume::Held)).collect(),
        ..State::default()
    }
}

fn all(state: State) -> Vec<Move> {
    moves(state).into_iter().map(|(_, one, _)| one).collect()
}

/// Every set of the first so many ordinals.
fn sets(members: usize) -> impl Iterator<Item = BTreeSet<usize>> {
    (0..1_usize << members).map(move |bits| (0..members).filter(|one| bits & (1 << one) != 0).collect())
}

/// Sizes, members to replace of which some are dead, and members to restart.
fn worlds() -> Vec<State> {
    let mut worlds = Vec::new();
    for (members, wanted) in (1..=5).flat_map(|members| (1..=5).map(move |wanted| (members, wanted))) {
        let kept = members.min(wanted);
        for replaced in sets(kept).filter(|set| members > 1 && set.len() < members) {
            for dead in sets(kept).filter(|dead| dead.is_subset(&replaced) && dead.len() <= can_lose(members))
            {
                for outdated in [BTreeSet::new(), (0..members).collect()] {
                    for delete_claims in [false, true] {
                        let replace = replaced.iter().map(|ordinal| (*ordinal, Replacing::Listed)).collect();
                        let (sick, silent) = (dead.clone(), dead.clone());
                        let state = settled(members, wanted);
                        worlds.push(State {
                            replace,
                            sick,
                            silent,
                            outdated: outdated.clone(),
                            delete_claims,
                            ..state
                        });
                    }
                }
            }
        }
    }
    worlds
}

#[test]
fn three_members_are_founded_by_one_and_joined_by_two() {
    use Move::*;
    let fresh = State { wanted: 3, ..State::default() };
    let founding = [OpenFounding, StartFounder, RecordCluster, Seal, RecordMember(0)];
    let joining = [Invite(1), Start(1), Seal, Promote(1), Invite(2), Start(2), Seal, Promote(2)];
    assert_eq!(all(fresh), [&founding[..], &joining[..]].concat());
}

#[test]
fn five_shrink_to_three_from_the_highest_down_after_one_snapshot() {
    use Move::*;
    assert_eq!(all(settled(5, 3)), [Save, Retire(4), Retire(3)]);
    let state = State { delete_claims: true, ..settled(5, 3) };
    assert_eq!(all(state), [Save, Retire(4), DeleteClaim(4), Retire(3), DeleteClaim(3)]);
}

#[test]
fn a_claim_that_was_left_is_deleted_before_its_ordinal_joins_again() {
    use Move::*;
    let mut state = settled(3, 4);
    state.claims.insert(3, Volume::Old);
    assert_eq!(all(state), [Save, DeleteClaim(3), Invite(3), Start(3), Seal, Promote(3)]);
}

#[test]
fn dead_members_are_all_removed_before_the_first_one_joins_again() {
    use Move::*;
    let dead = BTreeSet::from([1, 3]);
    let replace = BTreeMap::from([(1, Replacing::Listed), (3, Replacing::Listed)]);
    let state = State { sick: dead.clone(), silent: dead, replace, ..settled(5, 5) };
    let again = |ordinal| [Empty(ordinal), Invite(ordinal), Start(ordinal), Seal, Promote(ordinal)];
    assert_eq!(all(state), [&[Save, Remove(1), Remove(3)][..], &again(1), &again(3)].concat());
}

#[test]
fn live_members_are_replaced_one_after_the_other() {
    use Move::*;
    let replace = BTreeMap::from([(0, Replacing::Listed), (2, Replacing::Listed)]);
    let again =
        |ordinal| [Remove(ordinal), Empty(ordinal), Invite(ordinal), Start(ordinal), Seal, Promote(ordinal)];
    let wanted = [&[Save][..], &again(0), &again(2)].concat();
    assert_eq!(all(State { replace, ..settled(3, 3) }), wanted);
}

#[test]
fn the_leader_restarts_last_and_what_serves_nothing_first() {
    use Move::*;
    let outdated: BTreeSet<usize> = (0..3).collect();
    let state = State { outdated: outdated.clone(), leader: Some(2), ..settled(3, 3) };
    assert_eq!(all(state), [Restart(1), Restart(0), Restart(2)]);
    let (sick, silent) = (BTreeSet::from([0]), BTreeSet::from([0]));
    let state = State { outdated, sick, silent, leader: Some(2), ..settled(3, 3) };
    assert_eq!(all(state), [Revive(BTreeSet::from([0])), Restart(1), Restart(2)]);
}

#[test]
fn pods_that_somebody_took_away_come_back_before_anything_else() {
    let state = State { replicas: 2, ..settled(3, 3) };
    assert_eq!(all(state), [Move::BringBack(3)]);
    let state = State { replicas: 1, quorum: false, ..settled(3, 1) };
    assert_eq!(all(state), [Move::BringBack(3)]);
    let state = State { replicas: 0, quorum: false, ..settled(3, 3) };
    assert_eq!(all(state), [Move::BringBack(3)]);
}

#[test]
fn without_a_quorum_a_survivor_that_answers_is_not_restarted() {
    let outdated: BTreeSet<usize> = (0..3).collect();
    let sick = outdated.clone();
    let silent = BTreeSet::from([1, 2]);
    let state = State { quorum: false, outdated, sick, silent: silent.clone(), ..settled(3, 3) };
    assert_eq!(all(state), [Move::Revive(silent)]);
}

#[test]
fn a_voter_added_by_hand_that_never_started_is_started_when_it_took_the_quorum() {
    use Move::*;
    let mut state = State { quorum: false, ..settled(1, 1) };
    state.members.insert(1, Listed::Unstarted);
    state.sick = BTreeSet::from([0, 1]);
    assert_eq!(all(state.clone()), []);
    state.replace.insert(1, Replacing::Listed);
    assert_eq!(all(state), [Invite(1), Start(1), Seal, RecordMember(1), Save, Retire(1)]);
}

#[test]
fn a_learner_that_is_not_wanted_any_more_leaves_without_a_snapshot() {
    let mut state = State { replicas: 4, ..settled(3, 3) };
    state.members.insert(3, Listed::Learner);
    assert_eq!(all(state), [Move::Retire(3)]);
}

#[test]
fn a_window_left_open_by_an_interrupted_run_is_sealed_first() {
    let window = Some(Window::Joining { ordinal: 2, members: vec![0, 1, 2] });
    assert_eq!(all(State { window, ..settled(3, 3) }), [Move::Seal]);
}

#[test]
fn a_window_with_another_list_is_opened_anew() {
    use Move::*;
    let mut state = settled(2, 3);
    state.members.insert(2, Listed::Invited);
    state.window = Some(Window::Joining { ordinal: 1, members: vec![0, 1] });
    assert_eq!(all(state), [Invite(2), Start(2), Seal, Promote(2)]);
}

#[test]
fn every_plan_ends_with_what_is_wanted_and_nothing_else() {
    for world in worlds() {
        let last = moves(world.clone()).pop().map_or(world.clone(), |last| last.2);
        let voters: BTreeMap<usize, Listed> = (0..world.wanted).map(|one| (one, Listed::Voter)).collect();
        assert_eq!((&last.members, last.replicas), (&voters, world.wanted), "{world:#?}");
        assert_eq!(
            (&last.window, last.outdated.len(), last.replace.len()),
            (&Some(Window::Sealed), 0, 0),
            "{world:#?}"
        );
    }
}

#[test]
fn from_every_state_on_the_way_the_rest_of_the_moves_is_left() {
    for world in worlds() {
        let whole = moves(world);
        for (done, (before, ..)) in whole.iter().enumerate() {
            let rest: Vec<Move> = whole[done..].iter().map(|(_, one, _)| one.clone()).collect();
            assert_eq!(all(before.clone()), rest);
        }
    }
}

#[test]
fn no_move_changes_more_than_one_voter_and_no_state_has_two_learners() {
    for (before, one, after) in worlds().into_iter().flat_map(moves) {
        assert!(before.voters().abs_diff(after.voters()) <= 1, "{one:?}");
        let learners = after.members.keys().filter(|ordinal| after.learns(**ordinal)).count();
        assert!(learners <= 1, "{one:?} of {before:#?}");
    }
}

#[test]
fn every_change_is_committed_by_a_quorum_and_leaves_one() {
    for (before, one, after) in worlds().into_iter().flat_map(moves) {
        if before.members == after.members {
            continue;
        }
        assert!(before.healthy() >= quorum(before.voters()), "{one:?} of {before:#?}");
        assert!(after.healthy() >= quorum(after.voters()), "{one:?} of {before:#?}");
    }
}

#[test]
fn replicas_rise_to_listed_members_and_fall_below_none() {
    for (before, one, after) in worlds().into_iter().flat_map(moves) {
        let raised = before.replicas..after.replicas;
        assert!(
            raised.clone().all(|ordinal| before.members.contains_key(&ordinal)),
            "{one:?} of {before:#?}"
        );
        assert!(
            after
                .members
                .keys()
                .all(|ordinal| { *ordinal < after.replicas || after.members[ordinal] == Listed::Invited }),
            "{one:?} of {before:#?}"
        );
    }
}

#[test]
fn nothing_goes_before_a_snapshot_is_saved_and_no_member_on_a_used_volume_joins() {
    for (before, one, _) in worlds().into_iter().flat_map(moves) {
        let goes = matches!(one, Move::Remove(_) | Move::DeleteClaim(_) | Move::Empty(_));
        assert!(!goes || before.saved, "{one:?} of {before:#?}");
        if let Move::Invite(ordinal) = one {
            assert!(
                matches!(before.claims.get(&ordinal), None | Some(Volume::Fresh)),
                "{one:?} of {before:#?}"
            );
        }
    }
}
