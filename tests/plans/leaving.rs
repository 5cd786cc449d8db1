//! Members that leave: in which order, what must be allowed, and what stops it.

use etcdctl_stack::{
    member::{Alarm, Id, Member},
    observed::{
        Lookup, Node,
        journal::{Intended, Replaced, Run, Snapshot, StepCount},
    },
    plan::{Action, Cost, Guard, Plan, Tally, Wait, action_hashes, goes_on, is_left_of, removed},
};
use serde_json::json;

use crate::worlds::{NOW, World, claim, codes, reasons, titles, voter};

const THREE: &str = "[cluster]\nmembers = 3\n";

#[test]
fn five_shrink_to_three_from_the_highest_down() {
    let plan = World::of(5, THREE).plan();
    assert_eq!(
        titles(&plan),
        [
            "save a snapshot and check it",
            "remove orders-4, replicas 5 -> 4, wait until its pod is gone",
            "remove orders-3, replicas 4 -> 3, wait until its pod is gone",
            "apply PodDisruptionBudget/etcd-orders/orders: 2 of 3 stay up",
        ]
    );
    assert!(plan.is_applicable() && plan.complete, "{:?}", plan.blocked);
    assert_eq!((plan.needs().data_loss.len(), plan.restarts().len(), plan.voters.after), (0, 0, 3));
    assert!(
        plan.warnings[0].starts_with("the volumes of members that leave stay (data-orders-4, data-orders-3)")
    );
    assert_eq!(plan.lowest(), Some((2, Tally { voters: 4, quorum: 3, can_lose: 1 })));
}

#[test]
fn a_member_leaves_the_list_before_its_pod_goes() {
    let world = World::of(5, THREE);
    let plan = world.plan();
    let step = &plan.steps[1];
    let names = &world.desired.names;
    let removed = Action::RemoveMember {
        name: "orders-4".into(),
        peer_url: names.peer_url(4),
        id: Some(Id(0xa4)),
        hand_over: vec![0, 1, 2, 3],
    };
    assert_eq!(step.actions[0], removed);
    assert!(matches!(&step.actions[1], Action::Apply { object, take, .. }
        if object.body["spec"]["replicas"] == json!(4) && take.is_empty()));
    assert_eq!(step.actions[2], Action::ForgetMember { name: "orders-4".into() });
    assert_eq!(step.before, [Guard::Removable { peer_url: names.peer_url(4) }]);
    assert_eq!(step.after, [Wait::Gone { ordinal: 4 }]);
}

#[test]
fn claims_go_with_their_members_only_when_the_file_says_so_and_somebody_allows_it() {
    let plan = World::of(5, "[cluster]\nmembers = 3\n[storage]\non_scale_down = \"delete\"\n").plan();
    let deleted = |title: &&&str| title.starts_with("delete");
    assert_eq!(
        titles(&plan).iter().filter(deleted).collect::<Vec<_>>(),
        [
            &"delete PersistentVolumeClaim/etcd-orders/data-orders-4: `storage.on_scale_down` is `delete`",
            &"delete PersistentVolumeClaim/etcd-orders/data-orders-3: `storage.on_scale_down` is `delete`",
        ]
    );
    let needs: Vec<String> = plan.needs().data_loss.into_iter().collect();
    assert_eq!(needs, ["data-orders-3", "data-orders-4"]);
    let costs: Vec<&Cost> = plan.steps.iter().flat_map(|step| &step.costs).collect();
    assert_eq!(costs[0], &Cost::DataLoss { claim: "data-orders-4".into() });
}

#[test]
fn a_claim_left_by_an_earlier_member_is_never_used_again() {
    let mut world = World::wanting("[cluster]\nmembers = 4\n");
    let old = claim(&world.desired, 3);
    world.claims().push(old.clone());
    let plan = world.plan();
    assert_eq!(
        titles(&plan)[1..4],
        [
            "save a snapshot and check it",
            "delete PersistentVolumeClaim/etcd-orders/data-orders-3: a member that joins starts on an empty volume",
            "add orders-3 as a learner and let it, and only it, join",
        ]
    );
    assert!(plan.needs().data_loss.contains("data-orders-3"));
    assert_eq!(
        plan.steps[2].actions,
        [Action::DeleteClaim { ordinal: 3, claim: "data-orders-3".into(), uid: old.uid }]
    );
}

#[test]
fn a_removal_that_was_killed_half_way_goes_on_from_either_side() {
    let whole = World::of(5, THREE).plan();
    // Removed, and nothing else.
    let mut world = World::of(5, THREE);
    world.listed().pop();
    world.reading().statuses.insert("orders-4".into(), Err("connection refused".into()));
    saved_a_snapshot(&mut world, &whole);
    let plan = world.plan();
    assert_eq!(titles(&plan)[0], "replicas 5 -> 4: etcd does not list orders-4");
    assert_eq!(titles(&plan)[1..], titles(&whole)[2..]);
    // The pod is gone as well, and only the journal speaks of it.
    world.body(&world.desired.names.stateful_set().clone())["spec"]["replicas"] = json!(4);
    world.pods().pop();
    assert_eq!(titles(&world.plan())[1..], titles(&whole)[2..]);
}

/// A run of this plan that saved a snapshot and did not end.
fn saved_a_snapshot(world: &mut World, plan: &Plan) {
    let snapshot = Snapshot { path: "/s.db".into(), revision: 1, saved_at: NOW };
    let run = Run { actions: action_hashes(&plan.steps), ..run(Intended::default(), Some(snapshot)) };
    world.journal().run = Some(run);
}

#[test]
fn a_snapshot_counts_for_what_is_left_of_the_run_that_saved_it_and_for_no_other() {
    let saves = |wanted: &str| {
        let mut world = World::of(5, wanted);
        saved_a_snapshot(&mut world, &World::of(5, THREE).plan());
        titles(&world.plan()).contains(&"save a snapshot and check it")
    };
    assert!(!saves(THREE) && saves("[cluster]\nmembers = 1\n"));
}

fn run(intended: Intended, snapshot: Option<Snapshot>) -> Run {
    Run {
        digest: "d".into(),
        actions: Vec::new(),
        removed: Default::default(),
        not_ours: Default::default(),
        who: "somebody".into(),
        tool_version: "0".into(),
        started_at: NOW,
        finished_at: None,
        intended,
        summary: String::new(),
        steps: StepCount::default(),
        snapshot,
        stack: String::new(),
    }
}

#[test]
fn a_follower_is_replaced_by_removing_it_first() {
    let mut world = World::founded();
    world.intent.replace.insert("orders-1".into());
    let plan = world.plan();
    assert_eq!(
        titles(&plan),
        [
            "save a snapshot and check it",
            "remove orders-1: another takes its place",
            "delete PersistentVolumeClaim/etcd-orders/data-orders-1 and the pod of orders-1, wait until both are made anew",
            "add orders-1 as a learner and let it, and only it, join",
            "start orders-1, wait until it has joined",
            "seal: from here on no member starts without its data",
            "promote orders-1 once it is connected and has caught up",
        ]
    );
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    let replaced = Replaced { id: Some(Id(0xa1)), started: true, claim_uid: Some("claim 1".into()) };
    assert_eq!(plan.intended.replace["orders-1"], replaced);
    assert!(plan.needs().data_loss.contains("data-orders-1"));
}

#[test]
fn a_replacement_that_was_killed_needs_no_flag_and_replaces_nobody_twice() {
    let old = Replaced { id: Some(Id(0xa1)), started: true, claim_uid: Some("claim 1".into()) };
    let intended = Intended { replace: [("orders-1".to_owned(), old)].into(), ..Intended::default() };
    let mut world = World::founded();
    world.journal().run = Some(run(intended, None));
    world.listed().remove(1);
    assert!(titles(&world.plan()).iter().any(|title| title.contains("data-orders-1 and the pod")));
    // The claim is another by now: it is not deleted again.
    world.claims()[1].uid = "claim 1 anew".into();
    let plan = world.plan();
    assert_eq!(titles(&plan)[0], "add orders-1 as a learner and let it, and only it, join");
    assert!(plan.steps[0].before.contains(&Guard::ClaimIsNot { ordinal: 1, uid: "claim 1".into() }));
    // A new member has its name and votes: that was it.
    let new = Member { id: Id(0xb1), ..voter(&world.desired, 1) };
    world.listed().insert(1, new);
    world.status("orders-1").member_id = Id(0xb1);
    assert_eq!(titles(&world.plan()), ["write down orders-1"]);
}

#[test]
fn what_an_unfinished_run_was_asked_for_can_be_given_up() {
    let old = Replaced { id: Some(Id(0xa1)), started: true, claim_uid: Some("claim 1".into()) };
    let intended = Intended { replace: [("orders-1".to_owned(), old)].into(), ..Intended::default() };
    let mut world = World::founded();
    world.journal().run = Some(run(intended, None));
    assert!(!world.plan().steps.is_empty());
    world.intent.abandon = true;
    assert!(world.plan().is_empty());
}

#[test]
fn a_member_is_not_removed_while_no_node_could_take_the_next_one() {
    let mut world = World::founded();
    world.intent.replace.insert("orders-1".into());
    let Lookup::Found(nodes) = &mut world.live.nodes else { panic!("nodes were read") };
    nodes[1].ready = false;
    assert_eq!(codes(&world.plan()), ["plan::no_node"]);
}

#[test]
fn a_name_that_no_member_has_and_the_only_member_are_not_replaced() {
    let mut world = World::founded();
    world.intent.replace.insert("orders-3".into());
    assert_eq!(
        reasons(&world.plan()),
        [("plan::no_such_member", "there is no member `orders-3` to replace")]
    );
    let mut world = World::of(1, "[cluster]\nmembers = 1\n");
    world.intent.replace.insert("orders-0".into());
    assert_eq!(codes(&world.plan()), ["plan::only_member"]);
    let mut world = World::of(5, THREE);
    world.intent.replace.insert("orders-4".into());
    assert_eq!(codes(&world.plan()), ["plan::leaves_anyway"]);
}

#[test]
fn a_dead_member_goes_only_while_the_healthy_ones_are_a_quorum() {
    let dead = |members: usize, silent: &[&str]| {
        let mut world = World::of(members, &format!("[cluster]\nmembers = {members}\n"));
        let node = |i: usize| Node { name: format!("node-{i}"), zone: None, ready: true, schedulable: true };
        world.live.nodes = Lookup::Found((1..=9).map(node).collect());
        for name in silent {
            world.reading().statuses.insert((*name).into(), Err("timed out".into()));
            world.intent.replace.insert((*name).into());
        }
        world.plan()
    };
    assert!(dead(3, &["orders-1"]).is_applicable());
    let two = dead(5, &["orders-1", "orders-3"]);
    assert!(two.is_applicable(), "{:?}", two.blocked);
    assert_eq!(
        titles(&two)[1..3],
        ["remove orders-1: another takes its place", "remove orders-3: another takes its place"]
    );
    let reason = "only 1 of 2 voters is healthy, and removing orders-1 needs 2";
    assert_eq!(reasons(&dead(2, &["orders-1"])), [("plan::unhealthy", reason)]);
}

#[test]
fn members_neither_come_nor_go_while_they_run_two_minor_versions() {
    let mut world = World::of(5, THREE);
    world.status("orders-1").version = "3.7.3".into();
    let reason = "the members run different minor versions of etcd: orders-0 3.6.16, orders-1 3.7.3, \
                  orders-2 3.6.16, orders-3 3.6.16, orders-4 3.6.16";
    assert_eq!(reasons(&world.plan()), [("plan::version_skew", reason)]);
}

#[test]
fn a_dead_member_that_is_to_leave_goes_before_the_healthy_ones() {
    let mut world = World::of(5, THREE);
    world.reading().statuses.insert("orders-3".into(), Err("timed out".into()));
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    assert_eq!(
        titles(&plan)[1..],
        [
            "remove orders-3, which does not serve",
            "remove orders-4, replicas 5 -> 4, wait until its pod is gone",
            "replicas 4 -> 3: etcd does not list orders-3",
            "apply PodDisruptionBudget/etcd-orders/orders: 2 of 3 stay up",
        ]
    );
}

#[test]
fn a_member_that_is_to_leave_may_have_lost_its_claim_or_its_place_in_the_list() {
    let mut world = World::of(5, THREE);
    world.claims().remove(3);
    assert!(world.plan().is_applicable(), "{:?}", world.plan().blocked);
    world.listed().remove(3);
    assert!(world.plan().is_applicable(), "{:?}", world.plan().blocked);
}

#[test]
fn what_the_journal_alone_remembers_raises_no_replicas() {
    let mut world = World::of(5, THREE);
    world.listed().truncate(3);
    world.pods().truncate(3);
    let key = world.desired.names.stateful_set();
    world.body(&key)["spec"]["replicas"] = json!(3);
    let plan = world.plan();
    let raised = plan.steps.iter().flat_map(|step| &step.actions).any(|action| {
        matches!(action, Action::Apply { object, .. } if object.body["spec"]["replicas"].as_u64() > Some(3))
    });
    assert!(plan.is_applicable() && !raised, "{:?} {:?}", plan.blocked, plan.steps);
}

#[test]
fn a_dead_member_is_replaced_although_its_pod_is_of_an_older_template() {
    let mut world = World::founded();
    world.reading().statuses.insert("orders-1".into(), Err("timed out".into()));
    (world.pods()[1].ready, world.pods()[1].revision) = (false, Some("orders-5b".into()));
    world.intent.replace.insert("orders-1".into());
    assert_eq!(titles(&world.plan())[1], "remove orders-1: another takes its place");
}

#[test]
fn who_has_not_joined_yet_is_not_replaced() {
    let mut world = World::wanting("[cluster]\nmembers = 5\n");
    world.intent.replace.insert("orders-4".into());
    assert_eq!(codes(&world.plan()), ["plan::no_such_member"]);
}

#[test]
fn a_claim_of_the_same_name_is_another_approval() {
    let with = |uid: &str| {
        let mut world = World::wanting("[cluster]\nmembers = 4\n");
        let mut old = claim(&world.desired, 3);
        old.uid = uid.into();
        world.claims().push(old);
        world.plan().digest
    };
    assert_ne!(with("a"), with("b"));
}

#[test]
fn a_claim_of_which_nobody_knows_is_not_deleted_when_the_stack_shrinks() {
    let mut world = World::of(5, "[cluster]\nmembers = 3\n[storage]\non_scale_down = \"delete\"\n");
    let mut foreign = claim(&world.desired, 6);
    foreign.cluster_id = None;
    world.claims().push(foreign);
    assert!(!world.plan().needs().data_loss.contains("data-orders-6"));
}

#[test]
fn a_corrupt_member_may_leave_and_another_alarm_says_what_clears_it() {
    let mut world = World::of(5, THREE);
    let alarm = |id: u64, name: &str| Alarm { member_id: Id(id), name: name.into() };
    world.reading().alarms = vec![alarm(0xa4, "CORRUPT")];
    assert!(world.plan().is_applicable(), "{:?}", reasons(&world.plan()));
    for (alarm, reason, help) in [
        (alarm(0xa1, "CORRUPT"), "CORRUPT on orders-1", "`--replace orders-1`"),
        (alarm(0xa1, "NOSPACE"), "NOSPACE on orders-1", "raise `etcd.quota`"),
    ] {
        world.reading().alarms = vec![alarm];
        let plan = world.plan();
        assert!(plan.blocked[0].reason.ends_with(reason), "{:?}", plan.blocked);
        assert!(plan.blocked[0].help.as_deref().is_some_and(|text| text.starts_with(help)));
    }
}

#[test]
fn an_approval_holds_for_the_members_that_it_named_and_for_no_other() {
    let mut world = World::of(5, THREE);
    world.reading().statuses.insert("orders-4".into(), Err("connection refused".into()));
    let plan = world.plan();
    let approved = Run {
        actions: action_hashes(&plan.steps),
        removed: removed(&plan.steps).collect(),
        ..run(Intended::default(), None)
    };
    assert!(is_left_of(&approved, &plan));
    // Somebody replaced it by hand meanwhile.
    world.listed()[4].id = Id(0xff);
    let again = world.plan();
    assert!(goes_on(&approved.actions, &action_hashes(&again.steps)));
    assert!(!is_left_of(&approved, &again));
}
