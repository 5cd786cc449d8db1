//! Worlds made by chance, and stack files made by chance: plan and apply until
//! nothing is left, or until the plan says why it goes no further.
//!
//! The same worlds each time; `SEEDS=n` takes another set, `CASES=n` more.

use std::collections::BTreeSet;

use etcdctl_stack::{
    member::{Id, Role},
    plan::Intent,
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};

use crate::{
    drive::{Goal, founded, stack, stride},
    simulator::{Fault, Simulator},
};

/// What befalls a cluster before the run.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    Wipe(usize),
    ReplaceClaim(usize),
    LoseClaim(usize),
    Hold(usize),
    Cut(usize),
    Lead(usize),
    Scale(usize),
    AddLearner,
    AddVoter,
    AddStranger(Role),
    /// A run towards another size dies after so many calls.
    Interrupt {
        members: usize,
        call: usize,
    },
    /// A replacement dies after so many calls.
    Replace {
        ordinal: usize,
        call: usize,
    },
    ForgetJournal,
    ForgetMember(usize),
    Wait,
}

/// What the file says, and what is asked for beside it.
#[derive(Clone, Debug)]
struct Wish {
    members: usize,
    quota: bool,
    delete_claims: bool,
    restart: bool,
    replace: Option<usize>,
    remove_strangers: bool,
    skip_snapshot: bool,
    stale: bool,
    fault: Option<(usize, Fault)>,
}

fn mishap() -> impl Strategy<Value = Mishap> {
    let ordinal = 0..5_usize;
    prop_oneof![
        ordinal.clone().prop_map(Mishap::Wipe),
        ordinal.clone().prop_map(Mishap::ReplaceClaim),
        ordinal.clone().prop_map(Mishap::LoseClaim),
        ordinal.clone().prop_map(Mishap::Hold),
        ordinal.clone().prop_map(Mishap::Cut),
        ordinal.clone().prop_map(Mishap::Lead),
        (0..=6_usize).prop_map(Mishap::Scale),
        Just(Mishap::AddLearner),
        Just(Mishap::AddVoter),
        prop_oneof![Just(Role::Voter), Just(Role::Learner)].prop_map(Mishap::AddStranger),
        (1..=5_usize, 0..60_usize).prop_map(|(members, call)| Mishap::Interrupt { members, call }),
        (ordinal.clone(), 0..30_usize).prop_map(|(ordinal, call)| Mishap::Replace { ordinal, call }),
        Just(Mishap::ForgetJournal),
        ordinal.prop_map(Mishap::ForgetMember),
        Just(Mishap::Wait),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let fault = (0..40_usize, 0..4_usize).prop_map(|(call, kind)| (call, Fault::ALL[kind]));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (1..=5_usize, flags, proptest::option::of(0..5_usize), proptest::option::of(fault)).prop_map(
        |(
            members,
            (quota, delete_claims, restart, remove_strangers, skip_snapshot, stale),
            replace,
            fault,
        )| Wish {
            members,
            quota,
            delete_claims,
            restart,
            replace,
            remove_strangers,
            skip_snapshot,
            stale,
            fault,
        },
    )
}

impl Mishap {
    fn befalls(self, world: &Simulator) {
        let has_claim = |ordinal: usize| world.claim_of(ordinal).is_some();
        let url = |ordinal: usize| world.desired.names.peer_url(ordinal);
        match self {
            Mishap::Wipe(ordinal) if has_claim(ordinal) => world.wipe(ordinal),
            Mishap::ReplaceClaim(ordinal) if has_claim(ordinal) => world.replace_claim(ordinal),
            Mishap::LoseClaim(ordinal) if has_claim(ordinal) => world.lose_claim(ordinal),
            Mishap::Hold(ordinal) => world.hold(ordinal),
            Mishap::Cut(ordinal) => world.cut(ordinal),
            Mishap::Lead(ordinal) if votes(world, ordinal) => world.let_lead(ordinal),
            Mishap::Scale(replicas) => world.scale(replicas),
            Mishap::AddLearner => world.try_add(&url(world.members()), Role::Learner),
            Mishap::AddVoter => world.try_add(&url(world.members()), Role::Voter),
            Mishap::AddStranger(role) => world.try_add("https://elsewhere.example:2380", role),
            Mishap::Interrupt { members, call } => {
                let other = Simulator { desired: stack(members, ""), ..world.clone() };
                die_at(&other, &Intent::default(), call);
                world.become_like(&other);
            }
            Mishap::Replace { ordinal, call } => die_at(world, &replacing(ordinal), call),
            Mishap::ForgetJournal => world.state.borrow_mut().journal = None,
            Mishap::ForgetMember(ordinal) => {
                let name = world.desired.names.member(ordinal);
                if let Some(journal) = &mut world.state.borrow_mut().journal {
                    journal.members.remove(&name);
                }
            }
            _ => {}
        }
        world.let_time_pass(15);
    }
}

fn votes(world: &Simulator, ordinal: usize) -> bool {
    let state = world.read();
    let log = state.furthest().unwrap_or_default();
    log.voters()
        .any(|voter| voter.ordinal == Some(ordinal) && state.is_up(voter) && !state.cut.contains(&ordinal))
}

fn replacing(ordinal: usize) -> Intent {
    Intent { replace: BTreeSet::from([format!("orders-{ordinal}")]), ..Intent::default() }
}

fn die_at(world: &Simulator, intent: &Intent, call: usize) {
    world.let_time_pass(10);
    let plan = world.plan_with(intent);
    if plan.is_applicable() {
        world.state.borrow_mut().rules.downtime = true;
        let call = world.calls() + call;
        world.fault(call, Fault::CrashAfter);
        world.run(&plan);
        let mut state = world.state.borrow_mut();
        state.faults.clear();
        state.rules.downtime = false;
    }
}

fn intent(world: &Simulator, wish: &Wish) -> Intent {
    let strangers: BTreeSet<Id> = world
        .read()
        .furthest()
        .into_iter()
        .flat_map(|log| log.members.clone())
        .filter(|member| member.ordinal.is_none())
        .map(|member| member.id)
        .collect();
    Intent {
        replace: wish.replace.map(|ordinal| format!("orders-{ordinal}")).into_iter().collect(),
        restart: wish.restart,
        remove: if wish.remove_strangers { strangers } else { BTreeSet::new() },
        take: BTreeSet::from(["StatefulSet/orders:spec.replicas@kubectl".parse().expect("a field")]),
        adopt: BTreeSet::new(),
        skip_snapshot: wish.skip_snapshot,
        ..Intent::default()
    }
}

/// How it ended.
#[derive(Debug, PartialEq)]
enum End {
    Goal,
    Blocked,
    /// Each run stops at the same place, and changes nothing.
    Waits,
}

fn lives(world: &Simulator, mishaps: &[Mishap], wish: &Wish) -> Result<End, String> {
    let world = world.clone();
    mishaps.iter().for_each(|mishap| mishap.befalls(&world));
    let more = format!(
        "{}{}",
        if wish.quota { "[etcd]\nquota = \"1Gi\"\n" } else { "" },
        if wish.delete_claims { "[storage]\non_scale_down = \"delete\"\n" } else { "" },
    );
    let world = Simulator { desired: stack(wish.members, &more), ..world };
    let begun = world.violations();
    if !begun.is_empty() {
        return Err(format!("before the last run: {begun:?}; calls: {:?}", world.history()));
    }
    world.begin();
    if wish.skip_snapshot {
        world.state.borrow_mut().snapshots = 1;
    }
    if wish.stale {
        world.state.borrow_mut().stale = jiff::SignedDuration::from_secs(20);
    }
    if let Some((call, fault)) = wish.fault {
        world.fault(call, fault);
    }
    let goal = Goal {
        members: wish.members,
        intent: intent(&world, wish),
        data_loss: true,
        downtime: true,
        ..Goal::default()
    };
    let hindered = {
        let state = world.read();
        !state.held.is_empty() || !state.cut.is_empty()
    };
    match goal.until_it_ends(&world)? {
        crate::drive::End::Empty => goal.is_sound(&world).map(|()| End::Goal),
        crate::drive::End::Blocked => goal.is_unharmed(&world).map(|()| End::Blocked),
        crate::drive::End::Stopped(_) if hindered => goal.is_unharmed(&world).map(|()| End::Waits),
        crate::drive::End::Stopped(why) => Err(why),
    }
    .map_err(|why| format!("{why}; calls: {:?}", world.history()))
}

#[test]
fn a_world_made_by_chance_ends_as_wanted_or_says_why_not() {
    let cases = u32::try_from(stride("CASES", 120)).expect("few");
    let seed = u8::try_from(stride("SEEDS", 0)).expect("below 256");
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let worlds: Vec<Simulator> = (1..=5).map(founded).collect();
    let ends = std::cell::RefCell::new([0, 0, 0]);
    let strategy = (1..=5_usize, vec(mishap(), 0..4), wish());
    let result = runner.run(&strategy, |(members, mishaps, wish)| {
        let end = lives(&worlds[members - 1], &mishaps, &wish).map_err(TestCaseError::fail)?;
        let index = [End::Goal, End::Blocked, End::Waits].iter().position(|one| *one == end);
        ends.borrow_mut()[index.expect("one of them")] += 1;
        Ok(())
    });
    println!("{cases} worlds by chance: goal, blocked, waiting: {:?}", ends.borrow());
    if let Err(TestError::Fail(why, case)) = result {
        panic!("{why}\n{case:#?}");
    }
    assert!(result.is_ok());
}
