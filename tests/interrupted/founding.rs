//! From nothing to a cluster, whatever goes wrong with one call or two.

use crate::{
    drive::{Goal, interrupted, nothing_wrong, stack, stride},
    simulator::{Ended, Fault, Simulator},
};

fn goal(members: usize) -> Goal {
    Goal { members, ..Goal::default() }
}

fn simulator(members: usize) -> Simulator {
    Simulator::new(stack(members, ""))
}

/// How many calls that change something a whole founding makes.
fn calls(members: usize) -> usize {
    let world = simulator(members);
    goal(members).reached_from(&world).expect("without faults");
    world.calls()
}

#[test]
fn every_call_may_lose_its_effect_or_its_answer_or_be_the_last() {
    let (mut count, mut wrong) = (0, Vec::new());
    for members in [1, 3] {
        let name = format!("founding {members}");
        let (more, went_wrong) = interrupted(&name, &simulator(members), &goal(members), stride("FAULTS", 3));
        count += more;
        wrong.extend(went_wrong);
    }
    println!("{count} interleavings of a founding with one fault");
    nothing_wrong(&wrong);
}

/// Every pair is too many for one minute: each run of this test takes some,
/// and `PAIRS=1` takes all.
#[test]
fn two_calls_of_a_founding_and_a_join_may_fail_in_every_way() {
    let stride = stride("PAIRS", 211);
    let members = 2;
    // Faults count the calls of all runs, so the second meets the resumption.
    let calls = calls(members);
    let kinds = || Fault::ALL.into_iter().flat_map(|one| Fault::ALL.map(|other| (one, other)));
    let pairs = (0..calls).flat_map(|first| (first + 1..calls + 12).map(move |second| (first, second)));
    let all = pairs.flat_map(|(first, second)| kinds().map(move |(one, other)| (first, one, second, other)));
    let (mut count, mut wrong) = (0, Vec::new());
    for (first, one, second, other) in all.step_by(stride) {
        let world = simulator(members);
        world.fault(first, one);
        world.fault(second, other);
        if let Err(why) = goal(members).reached_from(&world) {
            wrong.push(format!("{one:?} at call {first}, {other:?} at call {second}: {why}"));
        }
        count += 1;
    }
    println!("{count} interleavings of a founding with two faults (every {stride}th)");
    nothing_wrong(&wrong);
    assert!(count > 50);
}

#[test]
fn a_voter_that_loses_its_volume_stays_out_wherever_the_run_was_stopped() {
    let mut stayed_out = 0;
    for call in 0..calls(3) {
        let world = simulator(3);
        world.fault(call, Fault::CrashAfter);
        world.let_time_pass(1);
        let plan = world.plan();
        assert_eq!(world.run(&plan), Ended::Crashed);
        let voters = world.voters();
        // Two voters and a window for the third is where the danger is.
        if voters < 2 {
            continue;
        }
        world.wipe(voters - 1);
        world.let_time_pass(60);
        assert_eq!(world.violations(), Vec::<String>::new(), "call {call}");
        assert!(!world.runs(voters - 1), "call {call}: it came back without its data");
        stayed_out += 1;
    }
    println!("{stayed_out} moments at which a wiped voter stayed out");
    assert!(stayed_out > 5);
}

#[test]
fn a_founder_whose_claim_was_made_anew_is_not_founded_again_unseen() {
    let whole = simulator(1);
    whole.run(&whole.plan());
    // Up to the call that records the cluster: the founder runs by then.
    let record = whole.history().iter().position(|call| call == "journal with cluster");
    let world = simulator(1);
    world.fault(record.expect("it is recorded"), Fault::CrashBefore);
    assert_eq!(world.run(&world.plan()), Ended::Crashed);
    world.replace_claim(0);
    let plan = world.plan();
    let codes: Vec<&str> = plan.blocked.iter().map(|blocked| blocked.code.as_str()).collect();
    assert_eq!(codes, ["plan::founding_claim"]);
}
