//! A StatefulSet that is made anew around its pods, volumes that grow, and a
//! StatefulSet that somebody deleted: every call with every fault, and nobody
//! restarts.

use etcdctl_stack::{
    desired::{Window, window, with_replicas},
    member::Role,
    object::{Object, ObjectKey},
    plan::{Action, Ending, Intent, Plan},
    report::{Outcome, Report},
};
use serde_json::json;

use crate::{
    drive::{Goal, founded, titles},
    operations::{all, replacing, wanting, worlds},
    simulator::{Ended, Fault, Simulator},
};

/// A larger volume. Left out, the quota would follow it, and members would
/// restart for that.
const LARGER: &str = "[storage]\nsize = \"16Gi\"\n[etcd]\nquota = \"3686Mi\"\n";
const LARGER_AND_QUOTA: &str = "[storage]\nsize = \"16Gi\"\n";

/// A goal at whose end every pod is the one that was there, never restarted.
fn same_pods(world: &Simulator, members: usize) -> Goal {
    Goal { members, pods: Some(world.pods()), ..Goal::default() }
}

#[test]
fn a_larger_size_grows_each_volume_and_touches_no_pod() {
    let worlds = worlds();
    all(
        "a larger size",
        (1..=5).map(|members| {
            let world = wanting(&worlds[members - 1], members, LARGER);
            (format!("{members}"), world.clone(), same_pods(&world, members))
        }),
    );
    let world = wanting(&worlds[2], 3, LARGER);
    same_pods(&world, 3).reached_from(&world).expect("grows");
    assert_eq!(world.sizes(), ["16Gi"; 3]);
}

#[test]
fn another_class_is_a_matter_of_the_template_alone() {
    let worlds = worlds();
    all(
        "another class",
        [1, 3].map(|members| {
            let world = wanting(&worlds[members - 1], members, "[storage]\nclass = \"fast\"\n");
            world.let_lead(members - 1);
            (format!("{members}"), world.clone(), same_pods(&world, members))
        }),
    );
}

#[test]
fn a_larger_size_with_another_template_and_another_number_of_members() {
    let worlds = worlds();
    let pairs = [(3, 3), (3, 5), (5, 3), (1, 3)];
    all(
        "a larger size, another quota and another size",
        pairs.map(|(from, to)| {
            let world = wanting(&worlds[from - 1], to, LARGER_AND_QUOTA);
            let goal = Goal { members: to, downtime: from.min(to) < 3, ..Goal::default() };
            (format!("{from} -> {to}"), world, goal)
        }),
    );
}

#[test]
fn a_larger_size_while_a_member_is_replaced() {
    let world = wanting(&founded(3), 3, LARGER);
    let goal = Goal { members: 3, intent: replacing(1), data_loss: true, ..Goal::default() };
    all("a larger size and --replace", [("1 of 3".to_owned(), world, goal)]);
}

#[test]
fn a_stateful_set_that_was_deleted_without_its_pods_is_created_around_them() {
    let worlds = worlds();
    all(
        "kubectl delete --cascade=orphan",
        (1..=5).map(|members| {
            let world = worlds[members - 1].clone();
            world.delete_stateful_set(false);
            world.let_time_pass(5);
            (format!("{members}"), world.clone(), same_pods(&world, members))
        }),
    );
}

#[test]
fn a_stateful_set_that_was_deleted_with_its_pods_brings_them_back() {
    let worlds = worlds();
    all(
        "kubectl delete statefulset",
        (1..=5).map(|members| {
            let world = worlds[members - 1].clone();
            world.delete_stateful_set(true);
            world.let_time_pass(20);
            (format!("{members}"), world, Goal { members, ..Goal::default() })
        }),
    );
}

#[test]
fn a_stateful_set_that_is_gone_is_made_for_all_before_any_leave() {
    let worlds = worlds();
    let pairs = [(5, 3), (3, 1), (3, 5)];
    let gone = |(from, to): (usize, usize), cascade| {
        let world = wanting(&worlds[from - 1], to, "");
        world.delete_stateful_set(cascade);
        world.let_time_pass(20);
        world
    };
    let goal = |to| Goal { members: to, ..Goal::default() };
    all(
        "deleted, and another size",
        pairs.map(|pair| (format!("{pair:?}"), gone(pair, false), goal(pair.1))),
    );
    // Without a quorum nothing is decided but to bring the pods back; what
    // follows is another plan.
    for pair in pairs {
        goal(pair.1).reached_from(&gone(pair, true)).expect("comes back");
    }
}

#[test]
fn a_stateful_set_that_is_gone_amid_a_join_comes_back_with_the_joiner() {
    let world = wanting(&founded(3), 4, "");
    world.add_member(&world.desired.names.peer_url(3), Role::Learner);
    world.delete_stateful_set(false);
    world.let_time_pass(5);
    let goal = Goal { members: 4, ..Goal::default() };
    all("deleted amid a join", [("3 -> 4".to_owned(), world, goal)]);
}

#[test]
fn services_that_are_headless_or_not_by_hand_are_made_anew() {
    let world = founded(3);
    let names = &world.desired.names;
    let address = |value: &str| {
        let value = value.to_owned();
        move |body: &mut serde_json::Value| body["spec"]["clusterIP"] = json!(value)
    };
    world.edit(&names.client_service(), address("None"));
    world.edit(&names.peer_service(), address("10.0.0.7"));
    let goal = same_pods(&world, 3);
    all("services made by hand", [("both".to_owned(), world, goal)]);
}

#[test]
fn secrets_of_another_type_are_issued_anew() {
    let world = founded(3);
    let key = world.desired.names.server_secret();
    world.edit(&key, |body| body["type"] = json!("kubernetes.io/tls"));
    let goal = same_pods(&world, 3);
    all("a Secret of another type", [("server".to_owned(), world, goal)]);
}

#[test]
fn a_scaled_stack_comes_back_before_its_stateful_set_is_made_anew() {
    let world = wanting(&founded(3), 3, LARGER);
    world.scale(1);
    world.let_time_pass(20);
    let take = "StatefulSet/orders:spec.replicas@kubectl".parse().expect("a field");
    let intent = Intent { take: [take].into(), ..Intent::default() };
    let first = world.plan_with(&intent);
    assert!(titles(&first)[0].starts_with("replicas 1 -> 3"), "{:?}", titles(&first));
    let goal = Goal { members: 3, intent, ..Goal::default() };
    goal.reached_from(&world).expect("comes back, and grows");
    assert_eq!(world.sizes(), ["16Gi"; 3]);
}

/// Whether the StatefulSet is the one that was there, after a run of this plan
/// that stopped.
fn stops(world: &Simulator, plan: &Plan) -> bool {
    let key = world.desired.names.stateful_set();
    let uid = || world.read().objects.get(&key).and_then(|set| set.uid().map(str::to_owned));
    let before = uid();
    let ended = world.run(plan);
    matches!(ended, Ended::Report(Report { outcome: Outcome::Stopped { .. }, .. })) && uid() == before
}

#[test]
fn what_changed_since_the_plan_keeps_the_stateful_set_where_it_is() {
    let world = wanting(&founded(3), 3, "[storage]\nclass = \"fast\"\n");
    let plan = world.plan();
    let changed = |change: &dyn Fn(&Simulator)| {
        let copy = world.clone();
        change(&copy);
        copy.let_time_pass(10);
        stops(&copy, &plan)
    };
    assert!(changed(&|world| world.scale(2)));
    assert!(changed(&|world| world.add_member(&world.desired.names.peer_url(3), Role::Learner)));
    assert!(changed(&|world| {
        let open = Window::Joining { ordinal: 3, members: vec![0, 1, 2, 3] };
        let open = window(&world.desired.stack, &world.desired.names, &open);
        world.edit(&open.key.clone(), |body| body["data"] = open.body["data"].clone());
    }));
    assert!(changed(&|world| world.add_variable("GOMEMLIMIT")));
    assert!(!changed(&|_| {}));
}

#[test]
fn what_others_set_since_the_plan_keeps_a_service_where_it_is() {
    let world = founded(3);
    let key = world.desired.names.peer_service();
    world.edit(&key, |body| body["spec"]["clusterIP"] = json!("10.0.0.7"));
    let plan = world.plan();
    let uid = |world: &Simulator| world.read().objects.get(&key).and_then(Object::uid).map(str::to_owned);
    let before = uid(&world);
    world.edit(&key, |body| {
        let fields = json!({ "f:metadata": { "f:annotations": { "f:note": {} } } });
        body["metadata"]["annotations"] = json!({ "note": "x" });
        body["metadata"]["managedFields"] =
            json!([{ "manager": "kubectl-edit", "operation": "Update", "fieldsV1": fields }]);
    });
    let ended = world.run(&plan);
    assert!(matches!(ended, Ended::Report(Report { outcome: Outcome::Stopped { .. }, .. })));
    assert_eq!(uid(&world), before);
    // Once it was shown it goes.
    same_pods(&world, 3).reached_from(&world).expect("made anew");
    assert_ne!(uid(&world), before);
}

/// Whether the end of the stack is the end of these objects, if they are there.
fn ends_with(world: &Simulator, keys: &[ObjectKey]) {
    for end in [Ending::Destroy, Ending::Forget] {
        let plan = world.plan_with(&Intent { end: Some(end), ..Intent::default() });
        assert_eq!(plan.blocked, []);
        for key in keys.iter().filter(|key| world.read().objects.contains_key(key)) {
            let goes = plan.changes.iter().any(|change| change.key == *key);
            assert!(goes, "{end:?}: {key}; {:?}; {:?}", plan.warnings, world.history());
        }
    }
}

#[test]
fn what_was_made_anew_ends_with_the_stack_wherever_the_run_ended() {
    let world = wanting(&founded(3), 3, "[storage]\nclass = \"fast\"\n");
    let names = &world.desired.names;
    world.edit(&names.peer_service(), |body| body["spec"]["clusterIP"] = json!("10.0.0.7"));
    let keys = [names.stateful_set(), names.peer_service()];
    world.begin();
    let whole = world.clone();
    let plan = whole.plan();
    whole.run(&plan);
    ends_with(&whole, &keys);
    for call in 0..whole.calls() {
        let copy = world.clone();
        copy.fault(call, Fault::CrashAfter);
        copy.run(&plan);
        copy.let_time_pass(10);
        ends_with(&copy, &keys);
    }
}

#[test]
fn one_that_is_gone_is_not_made_with_too_few_replicas() {
    let world = founded(3);
    world.delete_stateful_set(false);
    world.let_time_pass(5);
    let mut plan = world.plan();
    let small = with_replicas(&world.desired.stateful_set, 2);
    for action in plan.steps.iter_mut().flat_map(|step| &mut step.actions) {
        if let Action::Apply { object, .. } = action {
            *object = small.clone();
        }
    }
    assert!(stops(&world, &plan));
    assert_eq!(world.pods().len(), 3);
}
