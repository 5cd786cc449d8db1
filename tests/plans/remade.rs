//! Fields that never change: what is made anew and how, what is refused, and a
//! StatefulSet that is gone.

use etcdctl_stack::{
    desired::CLUSTER_ID,
    object::Kind,
    observed::{Lookup, Members},
    plan::{Action, Change, Expects, Guard, Plan, Verb, deletes},
};
use serde_json::{Value, json};

use crate::worlds::{CLUSTER, World, codes, reasons, stops, titles};

/// A larger volume and the quota that the members have.
const LARGER: &str = "[storage]\nsize = \"16Gi\"\n[etcd]\nquota = \"3686Mi\"\n";
/// The same template, and another class.
const CLASS: &str = "[storage]\nclass = \"local\"\n";

fn expandable(rest: &str) -> World {
    let mut world = World::wanting(rest);
    world.classes()[0].expandable = true;
    world
}

fn of(plan: &Plan, kind: Kind) -> &Change {
    plan.changes.iter().find(|change| change.key.kind == kind).expect("a change of that kind")
}

fn is_made_anew(plan: &Plan, fields: &[&str]) {
    let change = of(plan, Kind::StatefulSet);
    let paths: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!((change.verb, paths.as_slice()), (Verb::Recreate, fields));
}

const STORAGE: &str = "spec.volumeClaimTemplates[data].spec.resources.requests.storage";
const CLASS_NAME: &str = "spec.volumeClaimTemplates[data].spec.storageClassName";

#[test]
fn a_larger_size_grows_the_claims_and_then_makes_the_stateful_set_anew() {
    let plan = expandable(LARGER).plan();
    assert_eq!(reasons(&plan), []);
    is_made_anew(&plan, &[STORAGE]);
    let grow = |i| {
        format!(
            "grow PersistentVolumeClaim/etcd-orders/data-orders-{i} 8Gi -> 16Gi, wait until its volume and file \
             system are that large"
        )
    };
    let anew =
        "make StatefulSet/etcd-orders/orders anew around its pods: storage size 8Gi -> 16Gi".to_owned();
    assert_eq!(titles(&plan), [grow(0), grow(1), grow(2), anew]);
    assert_eq!((plan.restarts(), plan.needs().data_loss.len(), plan.complete), (vec![], 0, true));
}

#[test]
fn the_new_stateful_set_has_the_live_replicas_and_the_cluster_and_is_absent_before() {
    let plan = expandable(LARGER).plan();
    let step = plan.steps.last().expect("a step");
    let [Action::Orphan { uid, replicas, .. }, Action::Apply { object, expects, .. }] =
        step.actions.as_slice()
    else {
        panic!("{:?}", step.actions)
    };
    assert_eq!((uid.as_str(), *replicas), ("uid of StatefulSet/etcd-orders/orders", 3));
    assert_eq!((expects, object.body["spec"]["replicas"].as_u64()), (&Expects::Absent, Some(3)));
    assert_eq!(object.annotation(CLUSTER_ID), Some(CLUSTER.to_string().as_str()));
}

#[test]
fn what_else_differs_is_applied_before_and_restarts_come_after() {
    let plan = expandable("[storage]\nsize = \"16Gi\"\n").plan();
    let titles = titles(&plan);
    assert_eq!(titles[0], "apply StatefulSet/etcd-orders/orders");
    assert!(titles[4].starts_with("make StatefulSet"), "{titles:?}");
    assert_eq!(plan.restarts(), ["orders-2", "orders-1", "orders-0"]);
    let Action::Apply { object, .. } = &plan.steps[0].actions[0] else { panic!("no apply") };
    assert_eq!(
        object.body.pointer("/spec/volumeClaimTemplates/0/spec/resources/requests/storage"),
        Some(&json!("8Gi"))
    );
}

#[test]
fn what_others_set_is_lost_and_shown() {
    let mut world = expandable(LARGER);
    let key = world.desired.names.stateful_set();
    let body = world.body(&key);
    body["spec"]["template"]["metadata"]["annotations"] =
        json!({ "kubectl.kubernetes.io/restartedAt": "now" });
    let owned = json!({ "f:spec": { "f:template": { "f:metadata": { "f:annotations":
        { ".": {}, "f:kubectl.kubernetes.io/restartedAt": {} } } } } });
    body["metadata"]["managedFields"] =
        json!([{ "manager": "kubectl-rollout", "operation": "Update", "fieldsV1": owned }]);
    let stored = etcdctl_stack::object::Object { key: key.clone(), body: world.body(&key).clone() };
    let accepted = etcdctl_stack::observed::Proposal::Accepted { object: stored, warnings: Vec::new() };
    world.answers.insert(key, accepted);
    let plan = world.plan();
    let gone = "spec.template.metadata.annotations";
    assert!(
        of(&plan, Kind::StatefulSet)
            .fields
            .iter()
            .any(|field| field.path.starts_with(gone) && field.after.is_none())
    );
    assert_eq!(plan.foreign.iter().map(|one| one.lost).collect::<Vec<_>>(), [true]);
    let this = |guard: &Guard| matches!(guard, Guard::SetByThese { these, .. } if these.len() == 1);
    assert!(plan.steps.iter().any(|step| step.before.iter().any(this)));
    // Without it the pods are from another template.
    assert_eq!(plan.restarts().len(), 3);
}

/// An admission policy of the cluster adds to the claims of every template.
fn labelled(rest: &str) -> World {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    let claim = &mut world.body(&key)["spec"]["volumeClaimTemplates"][0];
    claim["metadata"]["labels"]["team"] = json!("storage");
    claim["metadata"]["annotations"] = json!({ "backup": "daily" });
    world.classes()[0].expandable = true;
    world.desired = etcdctl_stack::plan::settle(&crate::worlds::stack(rest), &world.live);
    world
}

#[test]
fn what_admission_adds_to_claims_makes_nothing_anew() {
    let plan = labelled("").plan();
    assert!(plan.is_empty(), "{:?}", titles(&plan));
    is_made_anew(&labelled(LARGER).plan(), &[STORAGE]);
    is_made_anew(&labelled(CLASS).plan(), &[CLASS_NAME]);
}

#[test]
fn another_class_is_for_new_volumes_and_the_plan_says_so() {
    let mut world = World::wanting(CLASS);
    for claim in world.claims() {
        claim.class = Some("slow".into());
    }
    let plan = world.plan();
    is_made_anew(&plan, &[CLASS_NAME]);
    let anew = "make StatefulSet/etcd-orders/orders anew around its pods: storage class none -> local";
    assert_eq!(titles(&plan), [anew]);
    assert_eq!(
        plan.warnings[0],
        "claim `data-orders-0` keeps its StorageClass `slow`, and the stack file says `local`: \
         `--replace orders-0` gives it a new one"
    );
}

#[test]
fn a_class_that_does_not_exist_is_found_out_before() {
    let plan = World::wanting("[storage]\nclass = \"fast\"\n").plan();
    assert_eq!(codes(&plan), ["plan::storage_class"]);
}

#[test]
fn volumes_that_cannot_grow_are_named_with_the_ways_out() {
    let world = World::wanting(LARGER);
    let plan = world.plan();
    let has = |i| format!("claim `data-orders-{i}` has 8Gi");
    let reason = format!(
        "`storage.size` is 16Gi, and {}, {}, {}: StorageClass `local` does not let volumes grow",
        has(0),
        has(1),
        has(2)
    );
    assert_eq!(reasons(&plan), [("plan::volume_cannot_grow", reason.as_str())]);
    assert_eq!(plan.blocked[0].key.as_deref(), Some("storage.size"));
    let help = plan.blocked[0].help.clone().unwrap_or_default();
    assert!(help.contains("`--replace orders-0 --replace orders-1 --replace orders-2`"), "{help}");
}

#[test]
fn members_that_are_all_replaced_get_new_volumes_of_the_new_size() {
    for rest in ["[storage]\nsize = \"4Gi\"\n", LARGER] {
        let mut world = World::wanting(rest);
        world.intent.replace = ["orders-0", "orders-1", "orders-2"].map(str::to_owned).into();
        // A node of its own for each, while one is replaced.
        let plan = world.plan();
        assert_eq!(codes(&plan), Vec::<&str>::new());
        let anew = titles(&plan).iter().position(|title| title.starts_with("make StatefulSet"));
        let first_removed = titles(&plan).iter().position(|title| title.starts_with("remove "));
        assert!(anew.is_some() && anew < first_removed, "{:?}", titles(&plan));
        assert_eq!(plan.needs().data_loss.len(), 3);
    }
}

#[test]
fn a_volume_never_becomes_smaller() {
    let mut world = World::wanting("[storage]\nsize = \"4Gi\"\n");
    world.claims().truncate(3);
    world.claims()[2].requested = "4Gi".parse().ok();
    stops(
        &world,
        "plan::volume_cannot_shrink",
        "`storage.size` is 4Gi, and claim `data-orders-0` has 8Gi, claim `data-orders-1` has 8Gi: \
         a volume never becomes smaller",
    );
}

#[test]
fn a_volume_that_is_larger_than_was_asked_for_need_not_grow() {
    let mut world = World::wanting(LARGER);
    for claim in world.claims() {
        claim.capacity = "20Gi".parse().ok();
    }
    let plan = world.plan();
    assert_eq!((reasons(&plan), titles(&plan).len()), (Vec::new(), 1));
}

#[test]
fn a_claim_that_has_no_volume_yet_is_not_asked_to_grow() {
    let mut world = expandable(LARGER);
    world.claims()[1].phase = "Pending".to_owned();
    let plan = world.plan();
    let actions = plan.steps.iter().flat_map(|step| &step.actions);
    let grown = actions.filter_map(|action| match action {
        Action::Grow { ordinal, .. } => Some(*ordinal),
        _ => None,
    });
    assert_eq!((reasons(&plan), grown.collect::<Vec<_>>()), (Vec::new(), vec![0, 2]));
}

#[test]
fn what_cannot_be_made_anew_either_is_refused_with_the_reason() {
    let refused = |field: &str, value: Value| {
        let mut world = World::founded();
        let key = world.desired.names.stateful_set();
        world.body(&key)["spec"][field] = value;
        world.plan()
    };
    let plan = refused("serviceName", json!("other"));
    assert_eq!(codes(&plan), ["plan::immutable"]);
    assert!(reasons(&plan)[0].1.contains("the addresses by which etcd knows them"), "{:?}", reasons(&plan));
    let plan = refused("selector", json!({ "matchLabels": { "app": "etcd" } }));
    assert!(reasons(&plan)[0].1.contains("would belong to nobody"), "{:?}", reasons(&plan));
    let plan = refused("podManagementPolicy", json!("OrderedReady"));
    is_made_anew(&plan, &["spec.podManagementPolicy"]);
}

#[test]
fn a_service_that_was_made_headless_by_hand_is_deleted_and_created() {
    let mut world = World::founded();
    let (client, peer) = (world.desired.names.client_service(), world.desired.names.peer_service());
    world.body(&client)["spec"]["clusterIP"] = json!("None");
    world.body(&peer)["spec"]["clusterIP"] = json!("10.0.0.7");
    let plan = world.plan();
    assert_eq!(
        titles(&plan),
        [
            "delete Service/etcd-orders/orders-peer and create it again: clusterIP 10.0.0.7 -> None",
            "delete Service/etcd-orders/orders and create it again: clusterIP None -> none",
        ]
    );
    assert!(plan.changes.iter().all(|change| change.verb == Verb::Recreate && change.notes.len() == 1));
}

#[test]
fn a_secret_of_another_type_is_issued_anew_unless_it_is_an_authority() {
    let mut world = World::founded();
    let key = world.desired.names.server_secret();
    world.body(&key)["type"] = json!("kubernetes.io/tls");
    let plan = world.plan();
    let Some([Action::Delete { .. }, Action::Issue { expects: Expects::Absent, .. }]) =
        plan.steps.first().map(|step| step.actions.as_slice())
    else {
        panic!("{:?}", plan.steps)
    };
    let mut world = World::founded();
    let key = world.desired.secrets[0].object.key.clone();
    world.body(&key)["type"] = json!("kubernetes.io/tls");
    assert_eq!(codes(&world.plan()), ["plan::immutable"]);
}

#[test]
fn what_others_keep_in_a_secret_does_not_go_with_its_certificate() {
    let mut world = World::founded();
    let key = world.desired.names.server_secret();
    world.body(&key)["type"] = json!("kubernetes.io/tls");
    world.live.secrets.get_mut(&key).expect("its facts").keys.insert("password".to_owned());
    let reason = format!("`{key}` would have to be made anew, and also holds `password`");
    assert_eq!(reasons(&world.plan()), [("plan::immutable", reason.as_str())]);
}

#[test]
fn a_stateful_set_that_is_gone_is_created_around_its_pods() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    world.delete(&key);
    let plan = world.plan();
    assert_eq!(reasons(&plan), []);
    assert_eq!(titles(&plan), ["create StatefulSet/etcd-orders/orders with 3 replicas around its pods"]);
    // Which template its pods are from is known once it is there.
    assert_eq!((plan.restarts(), plan.complete), (vec![], false));
}

#[test]
fn pods_that_are_on_their_way_out_come_back_too() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    world.delete(&key);
    world.pods()[1].terminating = true;
    let back = "create StatefulSet/etcd-orders/orders with 3 replicas: bring orders-1 back with its data";
    assert_eq!(titles(&world.plan()), [back]);
}

#[test]
fn one_that_is_gone_with_its_pods_comes_back_for_all_that_are_recorded() {
    let mut world = World::of(5, "[cluster]\nmembers = 3\n");
    let key = world.desired.names.stateful_set();
    world.delete(&key);
    world.live.pods = Lookup::Found(Vec::new());
    world.members = Members::NotRunning;
    let plan = world.plan();
    assert_eq!(reasons(&plan), []);
    let all = "create StatefulSet/etcd-orders/orders with 5 replicas: bring orders-0, orders-1, orders-2, orders-3, \
               orders-4 back with their data";
    assert_eq!(titles(&plan).last(), Some(&all));
    // Who is to leave is decided once a quorum gives a list.
    assert!(!plan.complete);
}

#[test]
fn where_record_and_claims_disagree_nothing_is_made() {
    let gone = |change: &dyn Fn(&mut World)| {
        let mut world = World::founded();
        let key = world.desired.names.stateful_set();
        world.delete(&key);
        world.live.pods = Lookup::Found(Vec::new());
        world.members = Members::NotRunning;
        change(&mut world);
        world.plan()
    };
    let plan = gone(&|world| world.journal().members.clear());
    assert_eq!(
        reasons(&plan),
        [(
            "plan::stateful_set_gone",
            "`StatefulSet/etcd-orders/orders` is gone, none of its pods is there, and the journal records no members \
             of cluster c1; 3 of 3 claims are marked as holding its data: data-orders-0, data-orders-1, data-orders-2"
        )]
    );
    let plan = gone(&|world| drop(world.claims().remove(1)));
    assert_eq!(codes(&plan), ["plan::claim_lost"]);
    assert!(plan.steps.is_empty(), "{:?}", titles(&plan));
}

#[test]
fn the_version_of_a_stateful_set_that_is_gone_is_that_of_its_members() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    world.delete(&key);
    world.journal().version = Some("3.6.2".into());
    world.pods().iter_mut().for_each(|pod| pod.image = None);
    let version =
        |world: &World| etcdctl_stack::plan::settle(&world.desired, &world.live).stack.version.to_string();
    assert_eq!(version(&world), "3.6.2");
    world.pods()[0].image = Some("registry.k8s.io/etcd:v3.6.4".into());
    assert_eq!(version(&world), "3.6.4");
}

#[test]
fn the_right_to_delete_is_needed_only_for_what_is_made_anew() {
    assert_eq!(deletes(&expandable(LARGER).plan()), [Kind::StatefulSet].into());
    assert!(deletes(&World::founded().plan()).is_empty());
}
