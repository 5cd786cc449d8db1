//! A member is struck in the middle of a run, before any of its calls: what
//! the plan was made from does not hold any more, and only the guards and
//! waits of the run itself are left.

use std::collections::BTreeSet;

use etcdctl_stack::plan::Intent;

use crate::{
    drive::{Goal, founded, nothing_wrong, stack, stride},
    simulator::{Blow, Simulator},
};

/// Strikes one member before each call. The run may stop and the plan may say
/// why; no harm may come of it. Once a member that was only away is back, the
/// goal is reached.
fn struck(name: &str, world: &Simulator, goal: &Goal, ordinal: usize, blow: Blow) -> (usize, Vec<String>) {
    world.begin();
    let whole = world.clone();
    goal.reached_from(&whole).unwrap_or_else(|why| panic!("{name}: {why}"));
    let (mut count, mut wrong) = (0, Vec::new());
    // Between the proof that the joiner is connected and its promotion there
    // is a moment that nobody can guard.
    let calls = whole.history();
    let proven = |call: usize| calls[call] == "promote" && calls[call - 1] == "write an entry";
    let guarded = (0..calls.len()).filter(|call| !proven(*call));
    for call in guarded.step_by(stride("BLOWS", 3)) {
        let copy = world.clone();
        copy.state.borrow_mut().blow = Some((call, blow, ordinal));
        let asked = Goal { data_loss: true, ..goal.clone() };
        let mut outcome = asked.until_it_ends(&copy).and_then(|_| asked.is_unharmed(&copy));
        if outcome.is_ok() && blow != Blow::Wipe {
            copy.release(ordinal);
            copy.join();
            copy.let_time_pass(400);
            outcome = asked.reached_from(&copy);
        }
        if let Err(why) = outcome {
            wrong.push(format!("{name}: {blow:?} of {ordinal} before call {call} ({}): {why}", calls[call]));
        }
        count += 1;
    }
    (count, wrong)
}

#[track_caller]
fn all(what: &str, cases: impl IntoIterator<Item = (String, Simulator, Goal, usize)>, blows: &[Blow]) {
    let (mut count, mut wrong) = (0, Vec::new());
    for (name, world, goal, ordinal) in cases {
        for blow in blows {
            let (more, went_wrong) = struck(&name, &world, &goal, ordinal, *blow);
            count += more;
            wrong.extend(went_wrong);
        }
    }
    println!("{what}: {count} moments");
    nothing_wrong(&wrong);
}

const ANY: [Blow; 3] = [Blow::Wipe, Blow::Hold, Blow::Cut];

fn wanting(members: usize, wanted: usize, more: &str) -> Simulator {
    Simulator { desired: stack(wanted, more), ..founded(members) }
}

#[test]
fn a_voter_or_the_joiner_is_struck_while_a_member_joins() {
    let case = |ordinal| {
        (format!("2 -> 3, {ordinal}"), wanting(2, 3, ""), Goal { members: 3, ..Goal::default() }, ordinal)
    };
    all("struck while a member joins", [0, 1, 2].map(case), &ANY);
}

#[test]
fn a_voter_is_struck_while_others_leave() {
    let case = |ordinal| {
        (format!("5 -> 3, {ordinal}"), wanting(5, 3, ""), Goal { members: 3, ..Goal::default() }, ordinal)
    };
    all("struck while members leave", [0, 1, 4].map(case), &ANY);
}

#[test]
fn a_voter_is_struck_while_others_restart() {
    let case = |ordinal| {
        let world = wanting(3, 3, "[etcd]\nquota = \"1Gi\"\n");
        (format!("restart, {ordinal}"), world, Goal { members: 3, ..Goal::default() }, ordinal)
    };
    all("struck while members restart", [0, 1, 2].map(case), &ANY);
}

#[test]
fn a_voter_is_struck_while_another_is_replaced() {
    let replace = BTreeSet::from(["orders-1".to_owned()]);
    let intent = Intent { replace, ..Intent::default() };
    let case = |ordinal| {
        let goal = Goal { members: 3, intent: intent.clone(), data_loss: true, ..Goal::default() };
        (format!("replace, {ordinal}"), founded(3), goal, ordinal)
    };
    all("struck while a member is replaced", [0, 1, 2].map(case), &ANY);
}
