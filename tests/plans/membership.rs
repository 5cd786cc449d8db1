//! Three healthy members with one thing changed, and the one reason why
//! membership is left alone.

use etcdctl_stack::{
    desired::CLUSTER_ID,
    member::{Alarm, Id, Member, Role},
    observed::{Lookup, Members, Trouble},
};
use serde_json::json;

use crate::worlds::{CLUSTER, Change, World, claim, reasons, stops, titles, voter};

const FIVE: &str = "[cluster]\nmembers = 5\n";

#[test]
fn three_healthy_members_leave_nothing_to_do() {
    let world = World::founded();
    let plan = world.plan();
    assert!(plan.is_empty() && plan.is_applicable(), "{plan:#?}");
    assert_eq!((plan.voters.before, plan.voters.after, plan.warnings), (3, 3, Vec::new()));
    assert_eq!(plan.unchanged.len(), world.desired.objects().len());
}

#[test]
fn two_that_do_not_answer_of_three_are_no_quorum() {
    let mut world = World::founded();
    world.reading().linearizable = false;
    for silent in ["orders-1", "orders-2"] {
        world.reading().statuses.insert(silent.into(), Err("connection refused".into()));
    }
    let trouble = |reason: &str, message: &str, last_words: Option<&str>| {
        let [reason, message] = [reason, message].map(str::to_owned);
        Some(Trouble { reason, message, last_words: last_words.map(str::to_owned), exit_code: None })
    };
    world.pods()[1].trouble = trouble("CrashLoopBackOff", "back-off 10s", Some("starting\nno space left"));
    world.pods()[2].trouble = trouble("Unschedulable", "0/3 nodes", None);
    stops(
        &world,
        "plan::no_quorum",
        "the cluster has no quorum: 1 of 3 members answer, 2 are needed; silent: \
         orders-1 (CrashLoopBackOff: no space left), orders-2 (Unschedulable: 0/3 nodes)",
    );
}

#[test]
fn a_founded_cluster_without_pods_does_not_run() {
    let mut world = World::founded();
    world.members = Members::NotRunning;
    stops(&world, "plan::not_running", "cluster c1 is founded, but none of the pods of `orders` exists");
}

#[test]
fn pods_of_another_cluster_are_not_this_one() {
    let mut world = World::founded();
    world.reading().membership.cluster_id = Id(0xd2);
    stops(&world, "plan::other_cluster", "the pods serve cluster d2, but cluster c1 was recorded");
}

#[test]
fn the_list_of_another_cluster_says_nothing_of_this_ones_claims_and_pods() {
    let mut world = World::founded();
    world.reading().membership.cluster_id = Id(0xd2);
    world.listed().truncate(1);
    stops(&world, "plan::other_cluster", "the pods serve cluster d2, but cluster c1 was recorded");
}

#[test]
fn two_recorded_clusters_are_for_a_person_to_sort_out() {
    let two = "two clusters are recorded for `orders`: c1 and d2";
    let other = Some(Id(0xd2));
    let mut world = World::founded();
    world.journal().cluster_id = other;
    stops(&world, "plan::two_clusters", two);
    let mut world = World::founded();
    world.claims()[2].cluster_id = other;
    stops(&world, "plan::two_clusters", two);
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    world.body(&key)["metadata"]["annotations"][CLUSTER_ID] = json!("d2");
    stops(&world, "plan::two_clusters", two);
}

#[test]
fn an_annotation_that_is_no_id_is_not_overwritten() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    world.body(&key)["metadata"]["annotations"][CLUSTER_ID] = json!("orders");
    stops(
        &world,
        "plan::unreadable_cluster",
        "annotation `etcdctl-stack/cluster-id` of `StatefulSet/etcd-orders/orders` is no id",
    );
}

#[test]
fn a_member_removed_from_the_middle_is_a_gap_and_nothing_else() {
    let mut world = World::founded();
    world.listed().remove(1);
    stops(&world, "plan::gap", "etcd does not list orders-1, but it lists orders-2: somebody removed it");
}

#[test]
fn a_member_at_another_address_is_foreign() {
    let mut world = World::founded();
    let stranger = Member {
        id: Id(0xbad),
        name: "backup".into(),
        peer_urls: vec!["https://10.0.0.9:2380".into()],
        client_urls: Vec::new(),
        role: Role::Learner,
    };
    world.listed().push(stranger);
    stops(
        &world,
        "plan::foreign_member",
        "etcd lists member bad `backup` at https://10.0.0.9:2380, which is not one of this stack's",
    );
}

#[test]
fn a_member_with_a_second_address_is_foreign_and_nothing_else() {
    let mut world = World::founded();
    world.listed()[2].peer_urls.push("https://10.0.0.9:2380".into());
    stops(
        &world,
        "plan::foreign_member",
        "etcd lists member a2 `orders-2` at https://orders-2.orders-peer.etcd-orders.svc:2380, \
         https://10.0.0.9:2380, which is not one of this stack's",
    );
}

#[test]
fn a_claim_of_nobody_who_is_to_join_is_left_alone() {
    let mut world = World::founded();
    let old = claim(&world.desired, 4);
    world.claims().push(old);
    assert!(world.plan().is_empty());
}

#[test]
fn a_member_whose_claim_is_another_one_lost_its_data() {
    let lost = |what: &str| {
        format!("claim `data-orders-1` {what}, and with it the volume that holds the data of orders-1")
    };
    let mut world = World::founded();
    world.claims()[1].terminating = true;
    stops(&world, "plan::claim_lost", &lost("is being deleted"));
    let mut world = World::founded();
    world.claims()[1].uid = "another".into();
    stops(&world, "plan::claim_lost", &lost("was made anew"));
    let mut world = World::founded();
    world.claims().remove(1);
    stops(&world, "plan::claim_lost", &lost("is gone"));
}

#[test]
fn an_invited_member_may_still_be_without_a_pod() {
    let mut world = World::wanting("[cluster]\nmembers = 4\n");
    let invited = voter(&world.desired, 3);
    world.listed().push(Member { name: String::new(), role: Role::Learner, ..invited });
    let plan = world.plan();
    assert_eq!((reasons(&plan), plan.voters.after), (Vec::new(), 4));
    assert_eq!(
        titles(&plan),
        [
            "apply PodDisruptionBudget/etcd-orders/orders",
            "add orders-3 as a learner and let it, and only it, join",
            "replicas 3 -> 4, wait until orders-3 has joined",
            "seal: from here on no member starts without its data",
            "promote orders-3 once it is connected and has caught up",
        ]
    );
}

#[test]
fn membership_does_not_change_while_a_voter_is_unhealthy() {
    let sick: [(&str, Change<'_>); 7] = [
        ("has no pod", &|world| {
            world.reading().statuses.remove("orders-2");
        }),
        ("does not answer: timed out", &|world| {
            world.reading().statuses.insert("orders-2".into(), Err("timed out".into()));
        }),
        ("reports etcdserver: corrupt", &|world| {
            world.status("orders-2").errors = vec!["etcdserver: corrupt".into()];
        }),
        ("belongs to cluster d2", &|world| world.status("orders-2").cluster_id = Id(0xd2)),
        ("calls itself b2, but is listed as a2", &|world| world.status("orders-2").member_id = Id(0xb2)),
        ("knows no leader", &|world| world.status("orders-2").leader = Id(0)),
        ("does not agree on a leader", &|world| world.status("orders-2").leader = Id(0xa1)),
    ];
    for (words, change) in sick {
        let mut world = World::wanting(FIVE);
        change(&mut world);
        let reason = format!("only 2 of 3 voters of `orders` are healthy: orders-2 {words}");
        assert_eq!(reasons(&world.plan()), [("plan::unhealthy", reason.as_str())]);
        // What changes no membership needs no healthy voters.
        let mut world = World::founded();
        change(&mut world);
        let plan = world.plan();
        let warning = format!(
            "orders-2 {words}; if it is lost, `--replace orders-2` makes it anew from what the others hold"
        );
        assert!(plan.is_empty(), "{words}");
        assert_eq!(plan.warnings, [warning]);
    }
}

#[test]
fn membership_does_not_change_while_an_alarm_is_raised() {
    let alarm = Alarm { member_id: Id(0xa1), name: "NOSPACE".into() };
    let mut world = World::wanting(FIVE);
    world.reading().alarms = vec![alarm.clone()];
    assert_eq!(reasons(&world.plan()), [("plan::alarm", "alarms are raised: NOSPACE on orders-1")]);
    let mut world = World::founded();
    world.reading().alarms = vec![alarm];
    assert!(world.plan().is_empty());
}

#[test]
fn three_grow_to_five_one_after_the_other_and_need_a_node_each() {
    let plan = World::wanting(FIVE).plan();
    assert_eq!(
        titles(&plan),
        [
            "apply PodDisruptionBudget/etcd-orders/orders",
            "add orders-3 as a learner and let it, and only it, join",
            "replicas 3 -> 4, wait until orders-3 has joined",
            "seal: from here on no member starts without its data",
            "promote orders-3 once it is connected and has caught up",
            "add orders-4 as a learner and let it, and only it, join",
            "replicas 4 -> 5, wait until orders-4 has joined",
            "seal: from here on no member starts without its data",
            "promote orders-4 once it is connected and has caught up",
        ]
    );
    assert!(plan.is_applicable());
    assert_eq!(plan.warnings, ["3 of 3 nodes take pods, but 5 members need one each"]);
}

#[test]
fn without_a_journal_the_members_are_written_down_again() {
    let mut world = World::founded();
    world.live.journal = Lookup::Absent;
    let plan = world.plan();
    assert_eq!(titles(&plan), ["write down orders-0", "write down orders-1", "write down orders-2"]);
    assert!(plan.is_applicable() && plan.changes.is_empty());
    assert_eq!((plan.recorded, plan.voters.after), (Some(CLUSTER), 3));
}

#[test]
fn what_members_say_is_needed_once_a_cluster_is_founded() {
    let mut world = World::founded();
    world.members = Members::Failed("connection refused".into());
    let plan = world.plan();
    assert_eq!(plan.unread, ["the members cannot be asked: connection refused"]);
    assert_eq!((plan.digest, plan.steps.len()), (None, 0));
}
