//! Objects that the stack file no longer names: which of them go, what must be
//! allowed for it, and which are left alone.

use etcdctl_stack::{
    desired::STACK_LABEL,
    object::{Kind, Object, ObjectKey},
    observed::Lookup,
    plan::{Action, Cost, Guard, Plan, Verb},
};
use serde_json::{Value, json};

use crate::worlds::{World, good, titles, uid};

const WITH_USER: &str = "[[tls.users]]\nname = \"app\"\nsecret = \"orders-user-app\"\n";

/// A world in which an earlier stack file had a user.
pub fn with_former_user() -> (World, ObjectKey) {
    let mut world = World::wanting(WITH_USER);
    let secret = world.desired.secrets.last().expect("the user's").clone();
    let key = secret.object.key.clone();
    world.journal().inventory.record(&key, &uid(&key));
    world.live.secrets.insert(key.clone(), good(&secret));
    world.store(secret.object);
    assert!(world.plan().is_empty(), "the user is still in the file");
    world.desired = World::founded().desired;
    (world, key)
}

fn left_alone(plan: &Plan) -> Vec<&str> {
    assert!(plan.is_empty(), "{:?}", titles(plan));
    plan.warnings.iter().map(String::as_str).collect()
}

#[test]
fn the_secret_of_a_user_that_is_gone_goes_when_somebody_allows_it() {
    let (world, key) = with_former_user();
    let plan = world.plan();
    assert!(plan.is_applicable() && plan.complete);
    let title = "delete Secret/etcd-orders/orders-user-app: the stack file does not name it any more";
    assert_eq!(titles(&plan), [title]);
    let step = &plan.steps[0];
    assert_eq!(step.actions, [Action::Delete { key: key.clone(), uid: uid(&key) }]);
    assert_eq!(step.before, [Guard::SetByNobodyElse { key: key.clone() }]);
    assert_eq!(step.costs, [Cost::Deletion { object: "Secret/orders-user-app".parse().unwrap() }]);
    assert_eq!(plan.needs().delete, [(&key).into()].into());
    let change = &plan.changes[0];
    assert_eq!((&change.key, change.verb, &change.after), (&key, Verb::Delete, &Value::Null));
    assert!(plan.inventory.has(&key), "it is there until it is deleted");
}

#[test]
fn a_budget_that_is_not_wanted_goes_last_and_needs_no_permission() {
    let mut world = World::of(5, "[cluster]\nmembers = 3\n[disruption]\nbudget = \"off\"\n");
    let budget: Object = World::founded().desired.budget.expect("the default");
    let key = budget.key.clone();
    world.store(budget);
    world.journal().inventory.record(&key, &uid(&key));
    let plan = world.plan();
    let last = "delete PodDisruptionBudget/etcd-orders/orders: the stack file does not name it any more";
    assert_eq!(titles(&plan).last(), Some(&last));
    assert!(titles(&plan).len() > 1 && plan.needs().delete.is_empty());
}

#[test]
fn what_is_in_doubt_is_left_alone_and_the_plan_says_why() {
    let is = |change: &dyn Fn(&mut World, &ObjectKey), why: &str| {
        let (mut world, key) = with_former_user();
        change(&mut world, &key);
        let said = format!("`{key}` is not in the stack file any more, and is left alone, because {why}");
        assert_eq!(left_alone(&world.plan()), [said]);
    };
    is(
        &|world, key| world.body(key)["metadata"]["labels"][STACK_LABEL] = json!("payments"),
        "it belongs to stack `payments`",
    );
    is(&|world, key| world.body(key)["metadata"]["uid"] = json!("another"), "somebody made it anew");
    is(
        &|world, key| {
            world.journal().inventory.forget(key);
            world.journal().inventory.announce(key);
        },
        "a run died before it wrote down that it made it",
    );
    let owner = json!([{ "kind": "Deployment", "name": "app", "uid": "u" }]);
    is(
        &|world, key| world.body(key)["metadata"]["ownerReferences"] = owner.clone(),
        "it belongs to Deployment/app",
    );
    let fields = json!({ "f:data": { "f:extra": {} } });
    let others = json!([
        { "manager": "etcdctl-stack", "operation": "Apply", "fieldsV1": fields },
        { "manager": "etcdctl-stack", "operation": "Update", "fieldsV1": fields },
        { "manager": "controller", "operation": "Update", "subresource": "status", "fieldsV1": fields },
        { "manager": "reloader", "operation": "Update", "fieldsV1": fields },
    ]);
    is(
        &|world, key| world.body(key)["metadata"]["managedFields"] = others.clone(),
        "reloader set fields of it",
    );
}

#[test]
fn what_is_gone_is_forgotten() {
    let (mut world, key) = with_former_user();
    world.delete(&key);
    let plan = world.plan();
    assert_eq!((left_alone(&plan), plan.inventory.has(&key)), (vec![], false));
    let (mut world, key) = with_former_user();
    world.body(&key)["metadata"]["uid"] = json!("another");
    assert!(!world.plan().inventory.has(&key), "what was made is gone");
    let (mut world, key) = with_former_user();
    world.live.objects.insert(key.clone(), Lookup::Failed("busy".into()));
    assert_eq!(world.plan().inventory.uid(&key), Some(uid(&key).as_str()), "nobody knows");
}

#[test]
fn another_secret_of_that_name_was_not_approved() {
    let (mut world, key) = with_former_user();
    let first = world.plan().digest;
    world.body(&key)["metadata"]["uid"] = json!("another");
    world.journal().inventory.record(&key, "another");
    let plan = world.plan();
    assert!(plan.digest != first && plan.changes[0].key.kind == Kind::Secret);
}
