//! Fields that others set, removed because somebody asked for it by name.

use etcdctl_stack::plan::{Action, Plan, Source};
use serde_json::json;

use crate::{
    foreign::{adds_env, edits_etcd, sets},
    worlds::{World, codes, reasons, stack, titles},
};

const ENV: &str = "spec.template.spec.containers[name=\"etcd\"].env[name=\"ETCD_LOG_LEVEL\"]";

fn named(field: &str, manager: &str) -> String {
    format!("StatefulSet/orders:{field}@{manager}")
}

fn take(world: &mut World, named: &str) {
    world.intent.take.insert(named.parse().expect("a field"));
}

/// The fields that are removed, each with who set it.
fn removed(plan: &Plan) -> Vec<String> {
    let actions = plan.steps.iter().flat_map(|step| &step.actions);
    let told = |action: &Action| match action {
        Action::RemoveField { key, uid, field, managers } => {
            Some(format!("{key} ({uid}) {field} {managers:?}"))
        }
        _ => None,
    };
    actions.filter_map(told).collect()
}

#[test]
fn a_field_that_is_named_is_removed_first_and_members_restart_without_it() {
    let mut world = World::founded();
    adds_env(&mut world, "ETCD_LOG_LEVEL", "(not shown)");
    world.takes_template_up("orders-7d");
    take(&mut world, &named(ENV, "kubectl-edit"));
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", reasons(&plan));
    assert_eq!(
        titles(&plan),
        [
            &format!("remove {ENV} of StatefulSet/etcd-orders/orders, set by kubectl-edit"),
            "restart orders-2",
            "restart orders-1",
            "restart orders-0, which hands over leadership first",
        ]
    );
    let key = "StatefulSet/etcd-orders/orders";
    assert_eq!(removed(&plan), [format!("{key} (uid of {key}) {ENV} {{\"kubectl-edit\"}}")]);
    let field = &plan.changes[0].fields[0];
    assert_eq!((field.path.as_str(), field.source, &field.after), (ENV, Source::Other, &None));
    assert_eq!(field.before, Some(json!("(not shown)")));
    assert!(plan.foreign.is_empty(), "{:?}", plan.foreign);
}

#[test]
fn it_goes_before_an_apply_of_the_same_object_and_without_a_restart_where_no_pod_is_meant() {
    let mut world = World::wanting("labels = { team = \"db\" }\n");
    let key = world.desired.names.stateful_set();
    world.body(&key)["metadata"]["finalizers"] = json!(["example.com/keep"]);
    let finalizer = json!({ ".": {}, "v:\"example.com/keep\"": {} });
    sets(&mut world, &key, "helm", json!({ "f:metadata": { "f:finalizers": finalizer } }));
    take(&mut world, &named("metadata.finalizers[=\"example.com/keep\"]", "helm"));
    let plan = world.plan();
    assert!(titles(&plan)[0].starts_with("remove metadata.finalizers"), "{:?}", titles(&plan));
    assert!(titles(&plan)[1].starts_with("apply "), "{:?}", titles(&plan));
    assert_eq!((plan.steps.len(), plan.restarts().len()), (2, 0));
}

#[test]
fn the_stack_file_may_ask_for_it_each_time() {
    let table = format!(
        "[[ownership.take]]\nobject = \"StatefulSet/orders\"\nfield = '{ENV}'\nmanager = \"kubectl-edit\"\n"
    );
    let mut world = World::founded();
    world.desired = stack(&table);
    assert!(world.plan().is_empty());
    adds_env(&mut world, "ETCD_LOG_LEVEL", "debug");
    assert_eq!(removed(&world.plan()).len(), 1);
}

#[test]
fn what_two_have_set_goes_when_both_are_named() {
    let mut world = World::founded();
    adds_env(&mut world, "ETCD_LOG_LEVEL", "debug");
    let item =
        json!({ "f:env": { "k:{\"name\":\"ETCD_LOG_LEVEL\"}": { ".": {}, "f:name": {}, "f:value": {} } } });
    edits_etcd(&mut world, item, |_| {});
    let key = world.desired.names.stateful_set();
    world.body(&key)["metadata"]["managedFields"][1]["manager"] = json!("helm");
    take(&mut world, &named(ENV, "kubectl-edit"));
    let plan = world.plan();
    assert_eq!(codes(&plan), ["plan::nothing_to_take", "plan::dangerous_field", "plan::dangerous_field"]);
    assert!(plan.blocked[0].reason.ends_with("is set by helm, too"), "{:?}", reasons(&plan));
    assert_eq!(removed(&plan).len(), 0);
    take(&mut world, &named(ENV, "helm"));
    let plan = world.plan();
    assert!(removed(&plan)[0].ends_with("{\"helm\", \"kubectl-edit\"}"), "{:?}", reasons(&plan));
}

#[test]
fn only_all_of_what_they_added_is_removed() {
    let mut world = World::founded();
    adds_env(&mut world, "ETCD_LOG_LEVEL", "debug");
    take(&mut world, &named(&format!("{ENV}.value"), "kubectl-edit"));
    let plan = world.plan();
    assert_eq!(codes(&plan), ["plan::nothing_to_take", "plan::dangerous_field"]);
    let help = plan.blocked[0].help.clone().unwrap_or_default();
    assert_eq!(help, format!("name all of it: --take '{}'", named(ENV, "kubectl-edit")));
}

#[test]
fn what_cannot_be_removed_is_not_promised() {
    let mut world = World::founded();
    let key = world.desired.names.server_secret();
    // Values of Secrets are not read.
    sets(&mut world, &key, "reflector", json!({ "f:data": { "f:more": {} } }));
    world.body(&key)["immutable"] = json!(true);
    sets(&mut world, &key, "painter", json!({ "f:immutable": {} }));
    take(&mut world, "Secret/orders-server:data.more@reflector");
    take(&mut world, "Secret/orders-server:immutable@painter");
    let plan = world.plan();
    assert_eq!(codes(&plan), ["plan::nothing_to_take", "plan::nothing_to_take", "plan::dangerous_field"]);
    assert!(!plan.blocked[2].facts.iter().any(|fact| fact.label == "remove"));
}
