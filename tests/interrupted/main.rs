//! Ring 1: every call of a run loses its effect or its answer, or is the last
//! that the run makes; then the next run goes on.
//!
//! The simulator is an object store that knows objects as opaque values, and an
//! etcd membership with etcd's own refusals. It knows nothing of merging,
//! defaulting or ownership: what depends on those is tested on a real API
//! server.

#![expect(clippy::print_stdout, reason = "the number of interleavings is for whoever reads the log")]

mod physics;
mod simulator;
mod view;

use etcdctl_stack::{desired::desired, plan::Plan, report::Outcome, stack::parse_and_check};
use simulator::{Ended, Fault, Simulator};

fn simulator(members: usize) -> Simulator {
    let text = format!("[stack]\nname = \"orders\"\nnamespace = \"ns\"\n[cluster]\nmembers = {members}\n");
    Simulator::new(desired(&parse_and_check("orders.toml", &text).expect("a good file").stack))
}

/// Plans and applies until nothing is left, as a person would.
#[track_caller]
fn to_the_end(world: &Simulator, what: &str) -> Plan {
    for _ in 0..12 {
        world.let_time_pass(10);
        world.write_a_key();
        let plan = world.plan();
        assert!(plan.is_applicable(), "{what}: {:?} {:?}", plan.blocked, plan.unread);
        if plan.is_empty() {
            return plan;
        }
        match world.run(&plan) {
            Ended::Crashed => {}
            Ended::Report(report) => {
                assert!(!matches!(report.outcome, Outcome::Interrupted), "{what}: {report:?}");
            }
        }
    }
    panic!("{what}: not at an end after twelve runs");
}

/// What must be true of every history.
#[track_caller]
fn is_sound(world: &Simulator, members: usize, what: &str) {
    assert_eq!(world.violations(), Vec::<String>::new(), "{what}");
    assert_eq!(world.foundings(), 1, "{what}: foundings");
    assert_eq!(world.voters(), members, "{what}: voters");
    assert_eq!(world.lost_keys(), Vec::<String>::new(), "{what}: acknowledged keys");
    assert!(world.is_sealed(), "{what}: the window is still open");
}

/// How many calls that change something a whole run makes.
fn calls(members: usize) -> usize {
    let world = simulator(members);
    to_the_end(&world, "without faults");
    is_sound(&world, members, "without faults");
    world.calls()
}

#[test]
fn every_call_may_lose_its_effect_or_its_answer_or_be_the_last() {
    let mut interleavings = 0;
    for members in [1, 3] {
        for call in 0..calls(members) {
            for fault in Fault::ALL {
                let what = format!("{members} members, {fault:?} at call {call}");
                let world = simulator(members);
                world.fault(call, fault);
                to_the_end(&world, &what);
                is_sound(&world, members, &what);
                interleavings += 1;
            }
        }
    }
    println!("{interleavings} interleavings with one fault");
    assert!(interleavings > 200);
}

/// Every pair is too many for one minute: each run of this test takes every
/// hundredth, and `PAIRS=1` takes all.
#[test]
fn two_calls_of_a_founding_and_a_join_may_fail_in_every_way() {
    let stride: usize = std::env::var("PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(101);
    let members = 2;
    // Faults count the calls of all runs, so the second meets the resumption.
    let calls = calls(members);
    let kinds = || Fault::ALL.into_iter().flat_map(|one| Fault::ALL.map(|other| (one, other)));
    let pairs = (0..calls).flat_map(|first| (first + 1..calls + 12).map(move |second| (first, second)));
    let all = pairs.flat_map(|(first, second)| kinds().map(move |(one, other)| (first, one, second, other)));
    let mut interleavings = 0;
    for (first, one, second, other) in all.step_by(stride) {
        let what = format!("{one:?} at call {first}, {other:?} at call {second}");
        let world = simulator(members);
        world.fault(first, one);
        world.fault(second, other);
        to_the_end(&world, &what);
        is_sound(&world, members, &what);
        interleavings += 1;
    }
    println!("{interleavings} interleavings with two faults (every {stride}th)");
    assert!(interleavings > 100);
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
        let plan = world.plan();
        let complete = world.calls() + 1 >= calls(3) && plan.steps.is_empty();
        assert!(!plan.is_applicable() || complete || plan.steps.is_empty(), "call {call}: {:?}", plan.steps);
        stayed_out += 1;
    }
    println!("{stayed_out} moments at which a wiped voter stayed out");
    assert!(stayed_out > 5);
}

#[test]
fn a_founder_whose_claim_was_made_anew_is_not_founded_again_unseen() {
    let world = simulator(1);
    let plan = world.plan();
    // Up to the call that records the cluster: the founder runs by then.
    let record = world.call_of(&plan, "journal with cluster");
    world.fault(record, Fault::CrashBefore);
    assert_eq!(world.run(&plan), Ended::Crashed);
    world.replace_claim(0);
    let plan = world.plan();
    let codes: Vec<&str> = plan.blocked.iter().map(|blocked| blocked.code.as_str()).collect();
    assert_eq!(codes, ["plan::founding_claim"]);
}
