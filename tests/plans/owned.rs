//! Fields that somebody else set: shown with both values and who set them,
//! taken when they are named, left where the stack file says so.

use etcdctl_stack::{
    object::Object,
    observed::{Conflict, Proposal},
    plan::{Action, Plan, settle},
};
use serde_json::json;

use crate::worlds::{World, codes, reasons, stack, stops};

/// Somebody edited how many members a drain may leave, and the API server says
/// so when it is asked.
fn edited(world: &mut World) {
    let key = world.desired.names.budget();
    let wanted = world.desired.budget.clone().expect("a budget");
    let body = world.body(&key);
    body["spec"]["minAvailable"] = json!(1);
    body["metadata"]["managedFields"] = json!([
        { "manager": "kubectl-edit", "operation": "Update", "time": "2026-11-20T18:25:21Z",
          "fieldsV1": { "f:spec": { "f:minAvailable": {} } } },
    ]);
    let mut forced = body.clone();
    forced["spec"] = wanted.body["spec"].clone();
    let conflicts = vec![Conflict { field: "spec.minAvailable".into(), manager: "kubectl-edit".into() }];
    let object = Object { key: key.clone(), body: forced };
    let forced = Box::new(Proposal::Accepted { object, warnings: Vec::new() });
    world.answers.insert(key, Proposal::Conflict { conflicts, forced });
}

const FIELD: &str = "PodDisruptionBudget/orders:spec.minAvailable@kubectl-edit";

fn taken(plan: &Plan) -> Vec<String> {
    let actions = plan.steps.iter().flat_map(|step| &step.actions);
    actions
        .filter_map(|action| match action {
            Action::Apply { object, take, .. } if !take.is_empty() => {
                Some(format!("{}: {take:?}", object.key))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_field_of_another_manager_is_a_card_with_both_values_and_who_set_it() {
    let mut world = World::founded();
    edited(&mut world);
    stops(
        &world,
        "plan::conflict",
        "`spec.minAvailable` of `PodDisruptionBudget/etcd-orders/orders` is set by kubectl-edit, and the plan \
         would change it",
    );
    let blocked = world.plan().blocked.remove(0);
    let facts: Vec<(&str, &str)> =
        blocked.facts.iter().map(|fact| (fact.label.as_str(), fact.text.as_str())).collect();
    assert_eq!(
        facts,
        [
            ("you want", "2"),
            ("now", "1"),
            ("set by", "kubectl-edit, 2026-11-20T18:25:21Z"),
            ("meaning", "it decides how many members a drain may take at once"),
            ("take it", &format!("--take '{FIELD}'")),
        ]
    );
    assert!(blocked.help.is_some_and(|help| help.contains("`[[ownership.tolerate]]`")));
}

#[test]
fn a_field_that_is_named_is_taken_and_no_other_is() {
    let mut world = World::founded();
    edited(&mut world);
    world.intent.take.insert(FIELD.parse().expect("a field"));
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", reasons(&plan));
    let conflict = Conflict { field: "spec.minAvailable".into(), manager: "kubectl-edit".into() };
    assert_eq!(taken(&plan), [format!("PodDisruptionBudget/etcd-orders/orders: {:?}", [conflict])]);
    assert_eq!(plan.changes[0].fields[0].path, "spec.minAvailable");
    for other in [
        "PodDisruptionBudget/orders:spec.minAvailable@helm",
        "PodDisruptionBudget/orders:spec.selector@kubectl-edit",
    ] {
        world.intent.take = [other.parse().expect("a field")].into();
        assert_eq!(codes(&world.plan()), ["plan::conflict", "plan::nothing_to_take"], "{other}");
    }
    world.intent.take = ["Service/other:spec.ports@helm".parse().expect("a field")].into();
    assert!(codes(&world.plan()).contains(&"plan::no_such_object"));
}

#[test]
fn what_the_server_refuses_once_a_field_is_taken_is_said_and_not_left_out() {
    let mut world = World::founded();
    edited(&mut world);
    world.intent.take.insert(FIELD.parse().expect("a field"));
    let key = world.desired.names.budget();
    let mut answer = |forced: Proposal| {
        let conflicts = vec![Conflict { field: "spec.minAvailable".into(), manager: "kubectl-edit".into() }];
        world.answers.insert(key.clone(), Proposal::Conflict { conflicts, forced: Box::new(forced) });
        world.plan()
    };
    let message = "minAvailable and maxUnavailable cannot be both set".to_owned();
    let plan = answer(Proposal::Rejected { message, fields: vec!["spec".into()] });
    let refused = "the API server refuses `PodDisruptionBudget/etcd-orders/orders` (spec): minAvailable and \
                   maxUnavailable cannot be both set";
    assert_eq!(reasons(&plan), [("plan::refused", refused)]);
    let plan = answer(Proposal::Failed("the API server did not answer within 20 s".into()));
    assert_eq!((plan.unread.len(), plan.digest), (1, None));
}

#[test]
fn an_image_that_somebody_else_wrote_is_not_what_the_members_run() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    let runs = world.desired.stateful_set.clone();
    let body = world.body(&key);
    body["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.k8s.io/etcd:v3.6.1");
    let owner = |manager: &str, operation: &str| {
        let image = json!({ "f:containers": { "k:{\"name\":\"etcd\"}": { "f:image": {} } } });
        let fields = json!({ "f:spec": { "f:template": { "f:spec": image } } });
        json!({ "manager": manager, "operation": operation, "fieldsV1": fields })
    };
    body["metadata"]["managedFields"] = json!([owner("kubectl-set", "Update")]);
    let wanted = settle(&stack(""), &world.live).stateful_set;
    assert_eq!(wanted.body["spec"]["template"], runs.body["spec"]["template"]);
    // A version that is ours stays what it is, whatever the default is by now.
    world.body(&key)["metadata"]["managedFields"] =
        json!([owner("kubectl-set", "Update"), owner("etcdctl-stack", "Apply")]);
    assert_eq!(settle(&stack(""), &world.live).stack.version.to_string(), "3.6.1");
}

#[test]
fn the_stack_file_may_take_a_field_each_time_or_leave_it() {
    let table = |what: &str| {
        format!(
            "[[ownership.{what}]]\nobject = \"PodDisruptionBudget/orders\"\nfield = \"spec.minAvailable\"\n\
             manager = \"kubectl-edit\"\n"
        )
    };
    let mut world = World::wanting(&table("take"));
    edited(&mut world);
    assert_eq!(taken(&world.plan()).len(), 1);
    // What is left to others is no part of what is asked for or applied.
    let settled = settle(&stack(&table("tolerate")), &world.live);
    assert_eq!(settled.budget.expect("a budget").body["spec"].get("minAvailable"), None);
    // Once they let go of it, it is ours again.
    world.body(&world.desired.names.budget())["metadata"]["managedFields"] = json!([]);
    let settled = settle(&stack(&table("tolerate")), &world.live);
    assert_eq!(settled.budget.expect("a budget").body["spec"]["minAvailable"], 2);
}

#[test]
fn a_quantity_in_another_spelling_is_sent_as_it_stands_there() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    let live = &mut world.body(&key)["spec"];
    let resources = &mut live["template"]["spec"]["containers"][0]["resources"];
    resources["limits"]["memory"] = json!("2147483648");
    resources["requests"]["cpu"] = json!("300m");
    live["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = json!("8589934592");
    let settled = settle(&stack(""), &world.live).stateful_set.body;
    let resources = &settled["spec"]["template"]["spec"]["containers"][0]["resources"];
    assert_eq!(resources["limits"]["memory"], "2147483648");
    // Another amount is what the stack wants.
    assert_eq!(resources["requests"], json!({ "cpu": "250m", "memory": "512Mi" }));
    let claim = &settled["spec"]["volumeClaimTemplates"][0]["spec"];
    assert_eq!(claim["resources"]["requests"]["storage"], "8589934592");
}
