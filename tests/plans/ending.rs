//! Stacks that are destroyed or handed over: what goes, in which order, what
//! stays, and what stands in the way.

use etcdctl_stack::{
    desired::STACK_LABEL,
    object::{Kind, Named, ObjectKey},
    observed::{
        Inventory, Lookup, Members, Neighbours,
        journal::{Ending, Intended, Run, Snapshot, StepCount},
    },
    plan::{Action, Cost, Intent, Plan, Verb, Wait, action_hashes},
};
use serde_json::json;

use crate::worlds::{NOW, World, codes, days, reasons, titles, uid};

const CLAIMS: [&str; 3] = ["data-orders-0", "data-orders-1", "data-orders-2"];
pub const DELETES_DATA: &str = "[storage]\non_destroy = \"delete\"\n";

pub fn destroyed(mut world: World, delete: &[&str]) -> World {
    let delete = delete.iter().map(|named| named.parse().expect("an object")).collect();
    world.intent = Intent { end: Some(Ending::Destroy), delete, ..world.intent };
    world
}

fn with_claims(more: &[&str]) -> Vec<String> {
    let claims = CLAIMS.iter().map(|claim| format!("PersistentVolumeClaim/{claim}"));
    claims.chain(more.iter().map(|named| (*named).to_owned())).collect()
}

fn named(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

/// A run that began to end the stack and broke off.
pub fn begun(end: Ending, plan: &Plan, snapshot: Option<Snapshot>) -> Run {
    Run {
        digest: "d".into(),
        actions: action_hashes(&plan.steps),
        removed: Default::default(),
        not_ours: Default::default(),
        who: "ann@laptop".into(),
        tool_version: "1".into(),
        started_at: NOW,
        finished_at: None,
        intended: Intended { end: Some(end), ..Intended::default() },
        summary: String::new(),
        steps: StepCount { all: 5, done: 2 },
        snapshot,
        stack: String::new(),
    }
}

pub fn saved() -> Option<Snapshot> {
    Some(Snapshot { path: "/s/orders.db".into(), revision: 7, saved_at: days(-40) })
}

#[test]
fn clients_are_cut_off_members_stop_and_then_goes_what_they_used() {
    let plan = destroyed(World::founded(), &[]).plan();
    assert!(plan.is_applicable() && plan.complete, "{:?}", plan.blocked);
    assert_eq!(
        titles(&plan),
        [
            "save a snapshot and check it",
            "delete Service/etcd-orders/orders: clients are cut off",
            "delete StatefulSet/etcd-orders/orders: orders-0, orders-1, orders-2 stop together and the quorum ends; \
             wait until they are gone",
            "delete ConfigMap/etcd-orders/orders-bootstrap, Service/etcd-orders/orders-peer, \
             PodDisruptionBudget/etcd-orders/orders",
            "delete Secret/etcd-orders/orders-operator, Secret/etcd-orders/orders-peer-tls, \
             Secret/etcd-orders/orders-server: `apply` issues their certificates anew",
        ]
    );
    let stop = &plan.steps[2];
    let set = World::founded().desired.names.stateful_set();
    assert_eq!(
        stop.actions,
        [Action::Delete { uid: uid(&set), key: set }, Action::EndPods { ordinals: vec![0, 1, 2] }]
    );
    assert_eq!(stop.after, [0, 1, 2].map(|ordinal| Wait::Gone { ordinal }));
    let needs = plan.needs();
    assert!(needs.data_loss.is_empty() && needs.delete.is_empty() && needs.downtime.is_empty());
    assert!(plan.changes.iter().all(|change| change.verb == Verb::Delete) && plan.changes.len() == 8);
    assert_eq!((plan.voters.before, plan.voters.after), (3, 0));
    assert_eq!(
        plan.warnings,
        ["kept: PersistentVolumeClaim/data-orders-0, PersistentVolumeClaim/data-orders-1, \
             PersistentVolumeClaim/data-orders-2, Secret/orders-client-ca, Secret/orders-peer-ca. `apply` of the same \
             file goes on with them; `--delete` with any of these names takes it away too"]
    );
}

#[test]
fn what_holds_data_or_trust_goes_by_name_and_needs_its_permission() {
    let all = with_claims(&["Secret/orders-client-ca", "Secret/orders-peer-ca"]);
    let plan = destroyed(World::founded(), &named(&all)).plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    let last: Vec<&str> = titles(&plan).into_iter().skip(5).collect();
    assert_eq!(
        last,
        [
            "delete Secret/etcd-orders/orders-client-ca: what it signed is trusted by nobody new",
            "delete Secret/etcd-orders/orders-peer-ca: what it signed is trusted by nobody new",
            "delete PersistentVolumeClaim/etcd-orders/data-orders-0: `--delete` names it",
            "delete PersistentVolumeClaim/etcd-orders/data-orders-1: `--delete` names it",
            "delete PersistentVolumeClaim/etcd-orders/data-orders-2: `--delete` names it",
            "delete the journal and the lock: nothing tells of the stack any more",
        ]
    );
    assert_eq!(plan.needs().data_loss, CLAIMS.map(str::to_owned).into());
    let secrets = ["Secret/orders-client-ca", "Secret/orders-peer-ca"];
    assert_eq!(plan.needs().delete, secrets.map(|named| named.parse::<Named>().unwrap()).into());
    assert_eq!(plan.warnings, Vec::<String>::new());
}

#[test]
fn the_file_may_say_that_claims_go_and_then_only_those_with_this_clusters_data() {
    let mut world = destroyed(World::wanting(DELETES_DATA), &[]);
    let other = etcdctl_stack::observed::Claim { cluster_id: None, ..world.claims()[0].clone() };
    world.claims().push(etcdctl_stack::observed::Claim {
        name: "data-orders-7".into(),
        uid: "other".into(),
        ..other
    });
    let plan = world.plan();
    assert_eq!(plan.needs().data_loss, CLAIMS.map(str::to_owned).into());
    let delete = |title: &&str| title.contains("`storage.on_destroy` is `delete`");
    assert_eq!(titles(&plan).into_iter().filter(delete).count(), 3);
    assert!(plan.warnings[0].starts_with("kept: PersistentVolumeClaim/data-orders-7, Secret/"));
    assert!(!titles(&plan).iter().any(|title| title.contains("journal")), "a claim is left");
}

#[test]
fn nothing_that_does_not_exist_can_be_named() {
    let plan = destroyed(World::founded(), &["Secret/payments-ca"]).plan();
    assert_eq!(reasons(&plan), [("plan::no_such_object", "there is no `Secret/payments-ca` to delete")]);
    let plan = destroyed(World::founded(), &["PersistentVolumeClaim/data-orders-1"]).plan();
    assert!(plan.warnings[0].contains("Without the claims that go, `apply` does not bring the cluster back"));
    let plan = destroyed(World::founded(), &["PersistentVolumeClaim/data-orders-5"]).plan();
    assert!(plan.is_applicable(), "the stack may have had it");
}

#[test]
fn what_is_not_surely_the_stacks_is_left_alone() {
    let mut world = destroyed(World::founded(), &[]);
    let names = world.desired.names.clone();
    world.body(&names.budget())["metadata"]["labels"][STACK_LABEL] = json!("payments");
    world.body(&names.bootstrap())["metadata"]["uid"] = json!("another");
    let plan = world.plan();
    assert_eq!(
        plan.warnings[..2],
        [
            "`ConfigMap/etcd-orders/orders-bootstrap` is left alone, because somebody made it anew",
            "`PodDisruptionBudget/etcd-orders/orders` is left alone, because it belongs to stack `payments`",
        ]
    );
    assert!(titles(&plan).contains(&"delete Service/etcd-orders/orders-peer"));
    world.body(&names.stateful_set())["metadata"]["labels"][STACK_LABEL] = json!("payments");
    assert_eq!(codes(&world.plan()), ["plan::foreign_object"]);
}

#[test]
fn fields_that_others_set_keep_nothing_alive() {
    let mut world = destroyed(World::founded(), &[]);
    let set = world.desired.names.stateful_set();
    world.body(&set)["metadata"]["managedFields"] =
        json!([{ "manager": "kubectl-rollout", "operation": "Update", "fieldsV1": { "f:spec": {} } }]);
    assert!(world.plan().is_applicable());
}

#[test]
fn without_a_journal_the_labels_of_named_objects_do() {
    let mut world = destroyed(World::founded(), &[]);
    world.live.journal = Lookup::Absent;
    let plan = world.plan();
    assert!(plan.is_applicable() && plan.steps.len() == 5, "{:?}", plan.blocked);
    assert!(plan.warnings[1].starts_with("the journal does not know orders-0, orders-1, orders-2: "));
}

/// Nobody answers, and what is there is still there.
fn silent(more: &str, delete: &[&str]) -> World {
    let mut world = destroyed(World::wanting(more), delete);
    world.members = Members::Failed("connection refused".into());
    world
}

#[test]
fn data_goes_without_a_snapshot_only_when_somebody_says_so() {
    let plan = silent("", &[]).plan();
    assert!(plan.is_applicable() && !titles(&plan)[0].contains("snapshot"));
    assert_eq!(
        plan.warnings[0],
        "no snapshot is saved, because the members cannot be asked: connection refused; the volumes keep what they hold"
    );
    let mut world = silent(DELETES_DATA, &[]);
    assert_eq!(codes(&world.plan()), ["plan::no_snapshot"]);
    world.intent.skip_snapshot = true;
    assert!(world.plan().is_applicable());
    assert!(
        !titles(&destroyed(World { intent: world.intent, ..World::founded() }, &[]).plan())[0]
            .contains("snapshot")
    );
}

#[test]
fn the_snapshot_of_the_run_that_stopped_the_members_holds_what_they_had() {
    let mut world = destroyed(World::wanting(DELETES_DATA), &[]);
    let plan = world.plan();
    let mut run = begun(Ending::Destroy, &plan, saved());
    run.finished_at = Some(days(-40));
    world.journal().run = Some(run);
    stop(&mut world);
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    assert_eq!(plan.warnings[0], "the data that goes was saved to `/s/orders.db` when the members stopped");
    world.journal().run = None;
    assert_eq!(codes(&world.plan()), ["plan::no_snapshot"]);
}

/// The members have stopped and their StatefulSet is gone.
pub fn stop(world: &mut World) {
    let names = world.desired.names.clone();
    world.delete(&names.stateful_set());
    world.delete(&names.client_service());
    world.pods().clear();
    world.members = Members::NotRunning;
}

#[test]
fn a_run_that_broke_off_goes_on_without_its_flags() {
    let all = with_claims(&[]);
    let mut world = destroyed(World::founded(), &named(&all));
    let whole = world.plan();
    let mut run = begun(Ending::Destroy, &whole, saved().map(|saved| Snapshot { saved_at: NOW, ..saved }));
    run.intended = whole.intended.clone();
    world.journal().run = Some(run);
    stop(&mut world);
    world.intent.delete.clear();
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    assert_eq!(titles(&plan), titles(&whole)[3..]);
    assert!(etcdctl_stack::plan::goes_on(&action_hashes(&whole.steps), &action_hashes(&plan.steps)));
    // A claim that was made anew since is another.
    world.claims()[1].uid = "new".into();
    assert!(!world.plan().needs().data_loss.contains("data-orders-1"));
}

#[test]
fn pods_that_lost_their_stateful_set_are_deleted() {
    let mut world = destroyed(World::founded(), &[]);
    let set = world.desired.names.stateful_set();
    world.delete(&set);
    let plan = world.plan();
    assert_eq!(
        titles(&plan)[2],
        "delete orders-0, orders-1, orders-2, whose StatefulSet is gone; wait until they are gone too"
    );
    assert_eq!(plan.steps[2].actions, [Action::EndPods { ordinals: vec![0, 1, 2] }]);
}

#[test]
fn a_plan_of_the_file_stops_at_a_destroy_that_broke_off() {
    let mut world = World::founded();
    let plan = destroyed(World::founded(), &[]).plan();
    world.journal().run = Some(begun(Ending::Destroy, &plan, None));
    let plan = world.plan();
    assert_eq!(
        reasons(&plan),
        [(
            "plan::unfinished_destroy",
            "stack `orders` is being destroyed: a run that ann@laptop began stopped after 2 of 5 steps"
        )]
    );
    assert!(plan.steps.is_empty() && plan.digest.is_some());
    world.intent.end = Some(Ending::Forget);
    assert_eq!(codes(&world.plan()), ["plan::unfinished_destroy"]);
    world.intent = Intent { abandon: true, ..Intent::default() };
    assert!(world.plan().is_empty());
}

/// One file brings the cluster back: certificates first, under the authorities
/// that were kept, and nothing but the StatefulSet in the way.
#[test]
fn after_a_destroy_only_the_stateful_set_is_to_be_made_around_the_claims() {
    let mut world = World::founded();
    let goes = destroyed(World::founded(), &[]).plan();
    for change in &goes.changes {
        world.delete(&change.key);
    }
    world.journal().run = Some(Run { finished_at: Some(NOW), ..begun(Ending::Destroy, &goes, saved()) });
    stop(&mut world);
    let plan = world.plan();
    let issues = plan.steps.iter().flat_map(|step| &step.actions);
    let issued = issues.filter(|action| matches!(action, Action::Issue { authority: Some(_), .. })).count();
    assert_eq!((issued, plan.blocked.as_slice(), plan.unread.as_slice()), (3, &[][..], &[][..]));
    assert!(plan.needs().data_loss.is_empty());
}

fn with_namespace(neighbours: Neighbours) -> World {
    let all = with_claims(&["Secret/orders-client-ca", "Secret/orders-peer-ca", "Namespace/etcd-orders"]);
    let mut world = destroyed(World::founded(), &named(&all));
    world.live.neighbours = neighbours;
    world
}

#[test]
fn the_namespace_goes_last_and_only_empty_and_only_if_it_was_made() {
    let plan = with_namespace(Neighbours::default()).plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    let last = plan.steps.last().expect("steps");
    assert_eq!(last.title, "delete Namespace/etcd-orders, and with it the journal and the lock");
    assert_eq!(last.costs, [Cost::Deletion { object: "Namespace/etcd-orders".parse().unwrap() }]);

    let others = [("ConfigMap".to_owned(), ["app".to_owned()].into())].into();
    let plan =
        with_namespace(Neighbours { objects: others, unread: ["Widget.example.com".to_owned()].into() })
            .plan();
    assert_eq!(
        reasons(&plan),
        [
            (
                "plan::namespace_not_empty",
                "`Namespace/etcd-orders` holds what is not this stack's: 1 ConfigMap"
            ),
            (
                "plan::namespace_not_read",
                "nobody knows what else is in `Namespace/etcd-orders`: Widget.example.com cannot be listed"
            ),
        ]
    );
    let mut world = with_namespace(Neighbours::default());
    world.intent.delete.retain(|named| named.kind != Kind::Secret);
    assert_eq!(
        reasons(&world.plan()),
        [(
            "plan::namespace_not_empty",
            "Secret/orders-client-ca, Secret/orders-peer-ca would go with `Namespace/etcd-orders`"
        )]
    );
    let mut world = with_namespace(Neighbours::default());
    let peers = world.desired.names.peer_service();
    world.body(&peers)["metadata"]["uid"] = json!("another");
    let told = "Service/orders-peer would go with `Namespace/etcd-orders`";
    assert_eq!(reasons(&world.plan()), [("plan::namespace_not_empty", told)]);
    let mut world = with_namespace(Neighbours::default());
    let key = world.desired.namespace.key.clone();
    world.body(&key)["metadata"]["labels"] = json!({});
    assert_eq!(codes(&world.plan()), ["plan::namespace_not_made"]);
}

#[test]
fn neighbours_are_counted_and_do_not_stand_in_the_way() {
    let mut world = destroyed(World::founded(), &[]);
    let names = ["a".to_owned(), "b".to_owned()];
    world.live.neighbours.objects = [("Deployment.apps".to_owned(), names.into())].into();
    let plan = world.plan();
    assert!(plan.is_applicable());
    let told = "left alone in `Namespace/etcd-orders`, for they are not this stack's: 2 Deployment.apps";
    assert!(plan.warnings.iter().any(|warning| warning == told), "{:?}", plan.warnings);
    let digest = plan.digest;
    world.live.neighbours = Neighbours::default();
    assert_eq!(world.plan().digest, digest, "they come and go");
}

#[test]
fn a_stack_that_is_not_there_is_destroyed_already() {
    let mut world = destroyed(World::with_namespace(), &[]);
    assert!(world.plan().is_empty());
    world.intent.end = Some(Ending::Forget);
    assert!(world.plan().is_empty());
}

#[test]
fn what_is_asked_for_is_approved() {
    let digest = |delete: &[&str]| destroyed(World::founded(), delete).plan().digest;
    let apply = World::founded().plan().digest;
    let (destroy, claim) = (digest(&[]), digest(&["PersistentVolumeClaim/data-orders-0"]));
    assert!(apply != destroy && destroy != claim && apply != claim);
}

#[test]
fn a_stack_is_handed_over_object_by_object() {
    let mut world = World::founded();
    world.intent.end = Some(Ending::Forget);
    let budget = world.desired.names.budget();
    world.body(&budget)["metadata"]["labels"][STACK_LABEL] = json!("payments");
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    assert_eq!(
        titles(&plan),
        [
            "hand 12 objects over: their fields keep their values and are nobody's",
            "delete the journal and the lock: nothing tells of the stack any more",
        ]
    );
    let released: Vec<&ObjectKey> = plan.changes.iter().map(|change| &change.key).collect();
    assert_eq!(released.iter().filter(|key| key.kind == Kind::PersistentVolumeClaim).count(), 3);
    assert!(plan.changes.iter().all(|change| change.verb == Verb::Release));
    assert_eq!(
        plan.warnings,
        ["`PodDisruptionBudget/etcd-orders/orders` is left alone, because it belongs to stack `payments`"]
    );
    assert_eq!((plan.needs(), plan.voters.after), (Default::default(), 3));
    assert_eq!(plan.intended.delete, Inventory::default());
}
