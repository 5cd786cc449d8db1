//! What a change of the pod template costs, and in which order it is taken up.

use etcdctl_stack::{
    member::Alarm,
    observed::{Lookup, Members},
    plan::{Action, Cost, Guard, RestartReason, Tally, Wait},
};
use serde_json::json;

use crate::worlds::{World, codes, reasons, titles};

const QUOTA: &str = "[etcd]\nquota = \"1Gi\"\n";

#[test]
fn a_new_template_restarts_one_member_after_the_other_the_leader_last() {
    let plan = World::wanting(QUOTA).plan();
    assert_eq!(
        titles(&plan),
        [
            "apply StatefulSet/etcd-orders/orders",
            "restart orders-2",
            "restart orders-1",
            "restart orders-0, which hands over leadership first",
        ]
    );
    assert!(plan.is_applicable() && plan.needs().downtime.is_empty());
    assert_eq!(plan.restarts(), ["orders-2", "orders-1", "orders-0"]);
    assert_eq!(plan.steps[1].tally, Some(Tally { voters: 3, quorum: 2, can_lose: 0 }));
}

#[test]
fn each_restart_names_the_pod_that_it_is_about_and_waits_for_another() {
    let world = World::wanting(QUOTA);
    let step = &world.plan().steps[1];
    assert_eq!(
        step.actions,
        [Action::Restart {
            ordinal: 2,
            name: "orders-2".into(),
            pod_uid: "pod 2".into(),
            why: RestartReason::Outdated,
            hand_over: vec![0, 1],
        }]
    );
    assert_eq!(step.before, [Guard::MayRestart { ordinal: 2 }]);
    let peer_url = world.desired.names.peer_url(2);
    assert_eq!(step.after, [Wait::Restarted { ordinal: 2, peer_url, pod_uid: "pod 2".into() }]);
    assert_eq!(step.costs, [Cost::Restart { member: "orders-2".into() }]);
}

#[test]
fn a_roll_that_was_stopped_goes_on_with_the_pods_that_are_older() {
    let mut world = World::founded();
    world.pods()[0].revision = Some("orders-5b".into());
    world.pods()[2].revision = Some("orders-5b".into());
    let plan = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(plan.restarts(), ["orders-2", "orders-0"]);
}

#[test]
fn while_the_controller_has_not_seen_the_template_every_pod_may_be_older() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    world.body(&key)["metadata"]["generation"] = json!(2);
    world.revisions().clear();
    assert_eq!(world.plan().restarts().len(), 3);
}

#[test]
fn a_restart_that_was_asked_for_is_of_the_pods_that_were_there() {
    let mut world = World::founded();
    world.intent.restart = true;
    let plan = world.plan();
    assert_eq!(plan.restarts(), ["orders-2", "orders-1", "orders-0"]);
    assert!(matches!(&plan.steps[0].actions[0], Action::Restart { why: RestartReason::Asked, .. }));
    assert_eq!(plan.intended.restart["orders-1"], "pod 1");
    assert_ne!(plan.digest, World::founded().plan().digest);
    // A pod that was made anew since is restarted all the same.
    world.pods()[1].uid = "another".into();
    assert_eq!(world.plan().digest, plan.digest);
}

#[test]
fn who_leads_decides_the_order_of_restarts_and_nothing_that_is_approved() {
    let world = World::wanting(QUOTA);
    let mut other = World::wanting(QUOTA);
    for member in ["orders-0", "orders-1", "orders-2"] {
        other.status(member).leader = etcdctl_stack::member::Id(0xa2);
    }
    assert_eq!(other.plan().restarts(), ["orders-1", "orders-0", "orders-2"]);
    assert_eq!(other.plan().digest, world.plan().digest);
}

#[test]
fn one_and_two_members_are_down_while_one_restarts() {
    for members in [1, 2] {
        let file = format!("[cluster]\nmembers = {members}\n{QUOTA}");
        let plan = World::of(members, &file).plan();
        assert_eq!(plan.needs().downtime.len(), members, "{:?}", plan.steps);
        assert!(plan.blocked.is_empty());
    }
}

#[test]
fn what_serves_nothing_restarts_first_and_without_a_quorum() {
    let mut world = World::wanting(QUOTA);
    world.reading().statuses.insert("orders-0".into(), Err("connection refused".into()));
    world.pods()[0].ready = false;
    let plan = world.plan();
    assert_eq!(titles(&plan)[1], "restart orders-0, which serves nothing");
    assert!(plan.is_applicable(), "{:?}", plan.blocked);

    let mut world = World::wanting(QUOTA);
    world.reading().linearizable = false;
    for (ordinal, name) in [(1, "orders-1"), (2, "orders-2")] {
        world.reading().statuses.insert(name.into(), Err("connection refused".into()));
        world.pods()[ordinal].ready = false;
    }
    world.status("orders-0").leader = etcdctl_stack::member::Id(0);
    let plan = world.plan();
    assert_eq!(
        titles(&plan),
        ["apply StatefulSet/etcd-orders/orders", "restart orders-1, orders-2, which serve nothing"]
    );
    assert!(plan.is_applicable() && !plan.complete, "{:?}", plan.blocked);
}

#[test]
fn who_may_serve_where_it_cannot_be_asked_is_not_restarted_unasked() {
    // The pod is Ready: only the way to it is broken.
    let mut world = World::wanting(QUOTA);
    world.reading().statuses.insert("orders-0".into(), Err("forbidden".into()));
    assert_eq!(codes(&world.plan()), ["plan::unhealthy"]);
    // Its node is not heard of: its peers may hear it.
    world.pods()[0].ready = false;
    let Lookup::Found(nodes) = &mut world.live.nodes else { panic!("nodes were read") };
    nodes[0].ready = false;
    assert_eq!(codes(&world.plan()), ["plan::unhealthy"]);
    // Nobody may look at it, and there is no quorum to say who serves.
    let mut world = World::wanting(QUOTA);
    world.live.nodes = Lookup::Failed("forbidden".into());
    world.pods()[0].ready = false;
    world.reading().statuses.insert("orders-0".into(), Err("connection refused".into()));
    world.reading().linearizable = false;
    let plan = world.plan();
    let warned = plan.warnings.iter().any(|warning| warning.contains("no quorum"));
    assert!(warned && plan.restarts().is_empty(), "{plan:?}");
    // Nobody can be asked at all.
    let mut world = World::wanting(QUOTA);
    world.members = Members::Failed("the operator's Secret may not be read".into());
    let plan = world.plan();
    assert_eq!((plan.unread.len(), plan.restarts().len(), plan.digest), (1, 0, None));
}

#[test]
fn a_template_that_kept_a_pod_from_being_made_can_be_put_right() {
    let mut world = World::wanting(QUOTA);
    world.pods().pop();
    world.reading().statuses.remove("orders-2");
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    assert_eq!(titles(&plan)[1], "restart orders-2, which serves nothing");
}

#[test]
fn without_a_quorum_objects_are_put_right_all_the_same() {
    let mut world = World::founded();
    let key = world.desired.names.peer_service();
    world.delete(&key);
    world.reading().linearizable = false;
    for name in ["orders-1", "orders-2"] {
        world.reading().statuses.insert(name.into(), Err("connection refused".into()));
    }
    let plan = world.plan();
    assert!(plan.is_applicable() && !plan.complete, "{:?}", plan.blocked);
    assert_eq!(titles(&plan), ["apply Service/etcd-orders/orders-peer"]);
    assert!(plan.warnings[0].starts_with("the cluster has no quorum"), "{:?}", plan.warnings);
}

#[test]
fn a_member_that_is_sick_for_another_reason_forbids_a_restart() {
    let mut world = World::founded();
    world.intent.restart = true;
    world.status("orders-2").errors = vec!["etcdserver: corrupt".into()];
    let reason = "only 2 of 3 voters of `orders` are healthy: orders-2 reports etcdserver: corrupt";
    assert_eq!(reasons(&world.plan()), [("plan::unhealthy", reason)]);
}

#[test]
fn a_full_database_forbids_no_restart_for_that_is_how_a_larger_quota_comes() {
    let alarm = |name: &str| Alarm { member_id: etcdctl_stack::member::Id(0xa1), name: name.into() };
    let mut world = World::wanting(QUOTA);
    world.reading().alarms = vec![alarm("NOSPACE")];
    for member in ["orders-0", "orders-1", "orders-2"] {
        world.status(member).errors = vec!["memberID:161 alarm:NOSPACE ".into()];
    }
    assert!(world.plan().is_applicable(), "{:?}", world.plan().blocked);
    world.reading().alarms = vec![alarm("CORRUPT")];
    assert_eq!(codes(&world.plan()), ["plan::alarm"]);
}

#[test]
fn patch_versions_roll_and_minor_versions_do_not() {
    let plan = World::wanting("[cluster]\nversion = \"3.6.15\"\n").plan();
    assert_eq!(
        (plan.restarts().len(), plan.warnings),
        (3, vec!["etcd goes back from 3.6.16 to 3.6.15".to_owned()])
    );
    let plan = World::wanting("[cluster]\nversion = \"3.7.3\"\n").plan();
    let reason = "the members run etcd 3.6.16, and the stack wants 3.7.3: changing the minor version is not supported yet";
    assert_eq!(reasons(&plan), [("plan::not_supported_yet", reason)]);
}

#[test]
fn shrinking_comes_before_restarts_and_growing_too() {
    let plan = World::of(5, &format!("[cluster]\nmembers = 3\n{QUOTA}")).plan();
    assert_eq!(plan.restarts(), ["orders-2", "orders-1", "orders-0"]);
    let plan = World::of(1, &format!("[cluster]\nmembers = 3\n{QUOTA}")).plan();
    assert_eq!((plan.restarts(), plan.needs().downtime.len()), (vec!["orders-0"], 0));
}

#[test]
fn the_port_by_which_members_are_known_does_not_change() {
    let plan = World::wanting("[ports]\npeer = 12380\n").plan();
    // Nor is anybody called a stranger for it.
    assert_eq!(codes(&plan), ["plan::not_supported_yet"]);
}
