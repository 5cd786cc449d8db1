//! What people did by hand: pods that were scaled away or up, a window that was
//! edited, members that nobody of this stack added.

use etcdctl_stack::{
    member::{Id, Member, Role},
    plan::{Action, Tally},
};
use serde_json::json;

use crate::worlds::{CLUSTER, World, codes, reasons, titles, voter};

/// `kubectl scale` as the API server remembers it.
fn scaled_by_hand(world: &mut World, replicas: usize) {
    let key = world.desired.names.stateful_set();
    let body = world.body(&key);
    body["spec"]["replicas"] = json!(replicas);
    body["metadata"]["managedFields"] = json!([
        { "manager": "etcdctl-stack", "operation": "Apply", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
        { "manager": "kubectl", "operation": "Update", "subresource": "scale", "time": "2026-11-20T18:25:21Z",
          "fieldsV1": { "f:spec": { "f:replicas": {} } } },
    ]);
}

fn take_replicas(world: &mut World) {
    world.intent.take.insert("StatefulSet/orders:spec.replicas@kubectl".parse().expect("a field"));
}

#[test]
fn pods_that_somebody_took_away_are_brought_back_once_the_field_is_taken() {
    for replicas in [0, 1, 2] {
        let mut world = World::founded();
        scaled_by_hand(&mut world, replicas);
        let reason = "`spec.replicas` of `StatefulSet/etcd-orders/orders` is set by kubectl, and the plan would \
                      change it";
        assert_eq!(reasons(&world.plan()), [("plan::conflict", reason)]);
        let facts = &world.plan().blocked[0].facts;
        let texts: Vec<&str> = facts.iter().map(|fact| fact.text.as_str()).collect();
        let set_by = "kubectl (subresource scale), 2026-11-20T18:25:21Z";
        assert_eq!(texts[..3], ["3", replicas.to_string().as_str(), set_by]);
        take_replicas(&mut world);
        let plan = world.plan();
        assert!(plan.is_applicable(), "{:?} {:?}", plan.blocked, plan.unread);
        assert!(
            titles(&plan)[0].starts_with(&format!("replicas {replicas} -> 3: bring orders-")),
            "{:?}",
            titles(&plan)
        );
        let taken = plan.steps[0]
            .actions
            .iter()
            .any(|action| matches!(action, Action::Apply { take, .. } if take.len() == 1));
        assert!(taken, "{:?}", plan.steps[0].actions);
    }
}

#[test]
fn pods_beyond_the_list_are_taken_away_again() {
    let mut world = World::founded();
    scaled_by_hand(&mut world, 4);
    take_replicas(&mut world);
    assert_eq!(titles(&world.plan()), ["replicas 4 -> 3: etcd does not list orders-3"]);
    assert_eq!(CLUSTER, Id(0xc1));
}

#[test]
fn a_window_that_somebody_else_wrote_into_stops_before_the_join() {
    let mut world = World::wanting("[cluster]\nmembers = 5\n");
    let key = world.desired.names.bootstrap();
    world.body(&key)["metadata"]["managedFields"] = json!([
        { "manager": "kubectl-patch", "operation": "Update", "fieldsV1": { "f:data": { "f:initial-cluster": {} } } },
    ]);
    let reason = "`data.initial-cluster` of `ConfigMap/etcd-orders/orders-bootstrap` is set by kubectl-patch, \
                  and the plan would change it";
    assert_eq!(reasons(&world.plan()), [("plan::conflict", reason)]);
    let take = "ConfigMap/orders-bootstrap:data.initial-cluster@kubectl-patch";
    world.intent.take.insert(take.parse().expect("a field"));
    assert!(world.plan().is_applicable(), "{:?}", reasons(&world.plan()));
}

#[test]
fn a_learner_of_somebody_else_is_removed_without_a_quorum_of_others() {
    let mut world = World::of(1, "[cluster]\nmembers = 1\n");
    world.listed().push(Member {
        id: Id(0xbad),
        name: String::new(),
        peer_urls: vec!["https://10.0.0.9:2380".into()],
        client_urls: Vec::new(),
        role: Role::Learner,
    });
    world.intent.remove.insert(Id(0xbad));
    assert!(world.plan().is_applicable(), "{:?}", world.plan().blocked);
}

#[test]
fn a_stranger_is_removed_when_it_is_named() {
    let mut world = World::founded();
    let stranger = Member {
        id: Id(0xbad),
        name: String::new(),
        peer_urls: vec!["https://10.0.0.9:2380".into()],
        client_urls: Vec::new(),
        role: Role::Voter,
    };
    world.listed().push(stranger);
    let plan = world.plan();
    assert_eq!(codes(&plan), ["plan::foreign_member"]);
    assert_eq!(plan.blocked[0].help.as_deref(), Some("`--remove bad` takes it out of the list"));
    world.intent.remove.insert(Id(0xbad));
    let title = "remove member bad at https://10.0.0.9:2380, which is not this stack's";
    assert_eq!(titles(&world.plan()), ["save a snapshot and check it", title]);
    // It votes, and nobody here knows how it is.
    assert_eq!(world.plan().steps[0].tally, Some(Tally { voters: 4, quorum: 3, can_lose: 0 }));
    for name in ["orders-0", "orders-1", "orders-2"] {
        world.status(name).leader = Id(0xbad);
    }
    assert!(codes(&world.plan()).contains(&"plan::stranger_leads"), "{:?}", reasons(&world.plan()));
    world.intent.remove = [Id(0xa1)].into();
    assert_eq!(codes(&world.plan()), ["plan::no_such_member", "plan::foreign_member"]);
}

#[test]
fn a_voter_that_never_started_is_named_and_replaced_when_asked_for() {
    let mut world = World::wanting("[cluster]\nmembers = 4\n");
    let unstarted = Member { name: String::new(), client_urls: Vec::new(), ..voter(&world.desired, 3) };
    world.listed().push(unstarted);
    assert_eq!(codes(&world.plan())[0], "plan::unstarted_voter");
    world.intent.replace.insert("orders-3".into());
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    assert_eq!(titles(&plan)[2], "remove orders-3: another takes its place");
}
