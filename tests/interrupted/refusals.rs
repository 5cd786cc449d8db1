//! The simulator itself: that it refuses what etcd refuses, allows what etcd
//! allows, and shows what would be lost. A simulator that is too kind proves
//! nothing.

use etcdctl_stack::{
    desired::{Window, window},
    execute::Failure,
    member::Role,
    object::Object,
};
use serde_json::json;

use crate::{drive::founded, simulator::Simulator};

fn store(world: &Simulator, object: &Object) {
    let mut state = world.state.borrow_mut();
    let uid = state.objects.get(&object.key).and_then(Object::uid).map(str::to_owned);
    state.store(object, uid.as_deref(), None).expect("stored");
}

fn open(world: &Simulator, ordinal: usize, members: &[usize]) {
    let members = members.to_vec();
    let open = Window::Joining { ordinal, members };
    store(world, &window(&world.desired.stack, &world.desired.names, &open));
}

/// The list as other tools write it: everybody under the real name.
fn open_with_real_names(world: &Simulator, members: usize) {
    let names = &world.desired.names;
    let mut object = window(&world.desired.stack, names, &Window::Sealed);
    let list: Vec<String> =
        (0..members).map(|i| format!("{}={}", names.member(i), names.peer_url(i))).collect();
    object.body["data"]["initial-cluster"] = json!(list.join(","));
    store(world, &object);
}

fn remove(world: &Simulator, via: usize, ordinal: usize) -> Result<(), Failure> {
    let id = world.id_at(ordinal).expect("listed");
    let done = world.state.borrow_mut().remove(via, id);
    world.turn();
    done
}

fn not_now(text: &str) -> Result<(), Failure> {
    Err(Failure::NotNow(text.to_owned()))
}

#[test]
fn a_voter_that_forgot_its_log_costs_acknowledged_writes() {
    let world = founded(3);
    world.hold(2);
    world.let_time_pass(10);
    world.write_a_key();
    open_with_real_names(&world, 3);
    assert!(world.lost_keys().is_empty());
    world.hold(0);
    world.wipe(1);
    world.release(2);
    world.let_time_pass(60);
    let back = format!("{} came back without its data", world.desired.names.member(1));
    assert!(world.violations().contains(&back));
    assert_eq!(world.leader(), Some(2));
    assert!(!world.lost_keys().is_empty());
}

#[test]
fn a_wiped_voter_stays_out_of_a_sealed_cluster_and_of_anothers_window() {
    let world = founded(3);
    world.wipe(1);
    world.let_time_pass(30);
    assert!(!world.runs(1));
    open(&world, 2, &[0, 1, 2]);
    world.let_time_pass(300);
    assert!(!world.runs(1));
    let words = world.pod_of(1).and_then(|pod| pod.trouble?.last_words);
    assert_eq!(
        words.as_deref(),
        Some("couldn't find local name \"orders-1\" in the initial cluster configuration")
    );
}

#[test]
fn membership_waits_for_five_seconds_of_connection() {
    let world = founded(3);
    let url = world.desired.names.peer_url(3);
    let add = |world: &Simulator| world.state.borrow_mut().add(0, &url, Role::Learner);
    let uid = world.pod_of(2).expect("a pod").uid;
    world.state.borrow_mut().delete(&world.desired.names.pod(2), &uid).expect("deleted");
    assert_eq!(add(&world), not_now("unhealthy cluster"));
    world.let_time_pass(7);
    assert!(world.runs(2));
    assert_eq!(add(&world), not_now("unhealthy cluster"));
    world.let_time_pass(5);
    assert_eq!(add(&world), Ok(()));
    assert_eq!(
        world.state.borrow_mut().add(0, &world.desired.names.peer_url(4), Role::Learner),
        Err(Failure::Refused("too many learner members in cluster".into()))
    );
}

#[test]
fn a_dead_voter_may_go_and_a_live_one_only_while_the_rest_is_a_quorum() {
    let world = founded(3);
    world.hold(2);
    world.let_time_pass(10);
    let leader = world.leader().expect("one");
    assert_eq!(remove(&world, leader, 1 - leader), not_now("unhealthy cluster"));
    assert_eq!(remove(&world, leader, 2), Ok(()));
    assert_eq!(remove(&world, leader, 1 - leader), Ok(()));
    assert_eq!(remove(&world, leader, leader), Err(Failure::Refused("not enough started members".into())));
}

#[test]
fn without_a_quorum_nobody_changes_anything() {
    let world = founded(3);
    world.hold(1);
    world.hold(2);
    world.let_time_pass(10);
    assert_eq!(remove(&world, 0, 1), not_now("no leader"));
    assert!(matches!(world.status_of(0), Some(status) if status.errors == ["etcdserver: no leader"]));
    // Started again without a quorum it answers nothing.
    world.hold(0);
    world.release(0);
    world.let_time_pass(20);
    assert!(world.runs(0));
    assert_eq!(world.status_of(0), None);
}

#[test]
fn a_removed_member_ends_and_does_not_come_back() {
    let world = founded(3);
    world.let_lead(0);
    world.let_time_pass(10);
    assert_eq!(remove(&world, 0, 2), Ok(()));
    world.let_time_pass(60);
    assert!(!world.runs(2));
    let words = world.pod_of(2).and_then(|pod| pod.trouble?.last_words);
    assert_eq!(words.as_deref(), Some("the member has been permanently removed from the cluster"));
}

/// etcd looks at what it once sent, not at whether anybody is there.
#[test]
fn a_dead_learner_is_promoted_and_that_is_written_down() {
    for kill in [Simulator::hold, Simulator::cut] {
        let world = founded(3);
        world.add_member(&world.desired.names.peer_url(3), Role::Learner);
        open(&world, 3, &[0, 1, 2, 3]);
        world.scale(4);
        world.let_time_pass(10);
        assert!(world.runs(3));
        kill(&world, 3);
        let id = world.id_at(3).expect("listed");
        assert_eq!(world.state.borrow_mut().promote(0, id), Ok(()));
        assert_eq!(world.violations(), [format!("{id} was promoted while it was dead or cut off")]);
        assert_eq!(world.voters(), 4);
    }
}

#[test]
fn a_learner_that_never_started_is_not_promoted() {
    let world = founded(1);
    world.add_member(&world.desired.names.peer_url(1), Role::Learner);
    let id = world.id_at(1).expect("listed");
    assert_eq!(world.state.borrow_mut().promote(0, id), not_now("the learner is not in sync with leader"));
}

#[test]
fn a_voter_added_by_hand_freezes_a_single_member() {
    let world = founded(1);
    world.add_member(&world.desired.names.peer_url(1), Role::Voter);
    world.let_time_pass(5);
    assert_eq!(world.leader(), None);
    assert_eq!(remove(&world, 0, 1), not_now("no leader"));
}

#[test]
fn founding_twice_with_one_token_gives_the_same_ids() {
    let world = founded(1);
    let (id, cluster) = (world.id_at(0), world.status_of(0).map(|status| status.cluster_id));
    let names = &world.desired.names;
    let mut founding = window(&world.desired.stack, names, &Window::Founding);
    founding.body["data"]["initial-cluster-token"] =
        world.read().objects[&names.bootstrap()].body["data"]["initial-cluster-token"].clone();
    store(&world, &founding);
    world.wipe(0);
    world.let_time_pass(30);
    assert_eq!((id, cluster), (world.id_at(0), world.status_of(0).map(|status| status.cluster_id)));
    assert_eq!(world.foundings(), 2);
    assert!(!world.lost_keys().is_empty());
}

#[test]
fn a_claim_goes_when_its_pod_does_and_comes_back_empty() {
    let world = founded(3);
    let names = &world.desired.names;
    let (claim, pod) = (world.claim_of(2).expect("a claim"), world.pod_of(2).expect("a pod"));
    world.state.borrow_mut().delete(&names.claim(2), "another").expect("nothing to do");
    world.state.borrow_mut().delete(&names.claim(2), &claim.uid).expect("deleted");
    world.let_time_pass(10);
    assert!(world.claim_of(2).is_some_and(|claim| claim.terminating) && world.runs(2));
    world.state.borrow_mut().delete(&names.pod(2), &pod.uid).expect("deleted");
    world.let_time_pass(10);
    let (new, pod) = (world.claim_of(2).expect("made anew"), world.pod_of(2).expect("made anew"));
    assert!(new.uid != claim.uid && !new.terminating && new.cluster_id.is_none());
    assert!(!pod.ready && !world.runs(2));
}

#[test]
fn only_the_leader_hands_over_and_only_to_who_runs() {
    let world = founded(3);
    world.let_lead(0);
    world.hold(2);
    let id = |ordinal| world.id_at(ordinal).expect("listed");
    let hand_over = |from, to| {
        let id = id(to);
        world.state.borrow_mut().move_leader(from, id)
    };
    assert_eq!(hand_over(1, 0), Err(Failure::Refused("not leader".into())));
    assert_eq!(hand_over(0, 2), Err(Failure::Unknown("request timed out".into())));
    assert_eq!(hand_over(0, 1), Ok(()));
    assert_eq!(world.leader(), Some(1));
}

#[test]
fn a_quorum_that_a_run_loses_is_seen() {
    let world = founded(3);
    world.let_time_pass(10);
    for ordinal in [1, 2] {
        let uid = world.pod_of(ordinal).expect("a pod").uid;
        world.state.borrow_mut().delete(&world.desired.names.pod(ordinal), &uid).expect("deleted");
    }
    world.turn();
    assert!(world.violations().iter().any(|text| text.starts_with("the quorum was lost")));
}
