//! Members that have lost their data: the plan says so and what helps, and does
//! nothing of it unasked.

use etcdctl_stack::observed::Trouble;

use crate::worlds::{NOW, World, codes, reasons, stops};

const EMPTY: &str = r#"{"level":"fatal","msg":"discovery failed","error":"couldn't find local name \"orders-1\" in the initial cluster configuration"}"#;

/// A member whose process ends with these words.
fn dies(world: &mut World, ordinal: usize, words: &str) {
    let name = world.desired.names.member(ordinal);
    world.reading().statuses.insert(name, Err("connection refused".into()));
    let pod = &mut world.pods()[ordinal];
    let mut trouble: Trouble = serde_json::from_value(serde_json::json!({
        "reason": "CrashLoopBackOff", "message": "back-off 20s", "last_words": null, "exit_code": 1,
    }))
    .expect("a trouble");
    trouble.last_words = Some(words.to_owned());
    (pod.ready, pod.trouble) = (false, Some(trouble));
}

#[test]
fn a_wiped_volume_is_named_with_the_flag_that_repairs_it() {
    let mut world = World::founded();
    dies(&mut world, 1, EMPTY);
    stops(
        &world,
        "plan::member_lost",
        "orders-1 is lost: its volume is empty, and the cluster is sealed: it may not start without its data",
    );
    let help = world.plan().blocked[0].help.clone().unwrap_or_default();
    assert!(help.starts_with("`--replace orders-1`"), "{help}");
    world.intent.replace.insert("orders-1".into());
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    // Two of three serve: no other can be lost until the new one votes.
    let can_lose: Vec<usize> = plan.steps.iter().filter_map(|step| Some(step.tally?.can_lose)).collect();
    assert_eq!((plan.can_lose, can_lose.first(), can_lose.last()), (0, Some(&0), Some(&1)));
}

#[test]
fn of_a_single_member_no_copy_exists() {
    let mut world = World::of(1, "[cluster]\nmembers = 1\n");
    dies(&mut world, 0, EMPTY);
    world.reading().linearizable = false;
    assert_eq!(codes(&world.plan())[0], "plan::member_lost");
    assert!(world.plan().blocked[0].help.as_deref().is_some_and(|help| help.contains("no copy")));
}

#[test]
fn two_wiped_volumes_of_three_are_no_quorum_and_nothing_is_done() {
    let mut world = World::founded();
    dies(&mut world, 0, EMPTY);
    dies(&mut world, 1, EMPTY);
    world.reading().linearizable = false;
    world.intent.replace = ["orders-0".to_owned(), "orders-1".to_owned()].into();
    let plan = world.plan();
    assert_eq!(codes(&plan), ["plan::no_quorum"]);
    assert!(plan.steps.is_empty());
    let help = plan.blocked[0].help.clone().unwrap_or_default();
    assert!(help.contains("delete no claim and do not restart orders-2"), "{help}");
    let status = etcdctl_stack::report::status::of(&plan, &world.desired, &world.observed(), NOW);
    assert_eq!(status.notes, [help]);
    assert!(
        reasons(&plan)[0].1.contains("orders-0 (exit code 1: its volume is empty"),
        "{:?}",
        reasons(&plan)
    );
}

#[test]
fn a_lost_member_and_a_move_for_another_do_not_hide_the_missing_quorum() {
    let mut world = World::founded();
    dies(&mut world, 1, EMPTY);
    // Between two starts it says nothing.
    world.reading().statuses.insert("orders-0".into(), Err("connection refused".into()));
    world.pods()[0].ready = false;
    world.reading().linearizable = false;
    world.intent.restart = true;
    let plan = world.plan();
    assert_eq!(codes(&plan), ["plan::member_lost", "plan::no_quorum"]);
    let silent = "silent: orders-0, orders-1 (exit code 1: its volume is empty";
    assert!(reasons(&plan)[1].1.contains(silent), "{:?}", reasons(&plan));
    assert!(plan.steps.is_empty());
}

#[test]
fn who_has_lost_the_claim_is_not_restarted_for_a_quorum() {
    let mut world = World::founded();
    world.claims()[0].uid = "claim 0 anew".into();
    for name in ["orders-0", "orders-1"] {
        world.reading().statuses.insert(name.into(), Err("connection refused".into()));
    }
    world.pods().iter_mut().take(2).for_each(|pod| pod.ready = false);
    world.reading().linearizable = false;
    world.intent.restart = true;
    world.intent.replace.insert("orders-0".into());
    assert_eq!(world.plan().restarts(), ["orders-1"]);
}
