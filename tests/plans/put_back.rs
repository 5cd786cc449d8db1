//! A pod template that is put back as it was: who restarts for it, and who has
//! it already.

use etcdctl_stack::observed::{Lookup, Revision};
use serde_json::json;

use crate::{
    foreign::{adds_env, sets},
    worlds::{Change, TEMPLATE, World, stack, titles, uid},
};

/// The revision of the template that is to go.
const EDITED: &str = "orders-7d";

const APPLY: &str = "apply StatefulSet/etcd-orders/orders";

impl World {
    /// The controller has seen the pod template as it is, and keeps it as this.
    pub fn keeps_template(&mut self, name: &str) {
        let key = self.desired.names.stateful_set();
        let owner = Some(uid(&key));
        let template = self.body(&key)["spec"]["template"].clone();
        let generation = self.body(&key)["metadata"]["generation"].clone();
        self.body(&key)["status"] = json!({ "observedGeneration": generation, "updateRevision": name });
        let number = self.revisions().len() as i64 + 1;
        self.revisions().push(Revision { name: name.into(), number, owner, template });
    }

    /// The same, and every pod was made anew from it.
    pub fn takes_template_up(&mut self, name: &str) {
        self.keeps_template(name);
        self.pods().iter_mut().for_each(|pod| pod.revision = Some(name.into()));
    }

    pub fn revisions(&mut self) -> &mut Vec<Revision> {
        match &mut self.live.revisions {
            Lookup::Found(revisions) => revisions,
            other => panic!("{other:?}"),
        }
    }
}

/// The template is another one by now, and nobody was restarted since.
fn edited() -> World {
    let mut world = World::founded();
    edit(&mut world, 7);
    world.keeps_template(EDITED);
    world
}

fn edit(world: &mut World, seconds: u32) {
    let key = world.desired.names.stateful_set();
    world.body(&key)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(seconds);
}

fn take(world: &mut World, field: &str) {
    let field = format!("StatefulSet/orders:spec.template.{field}@kubectl-edit");
    world.intent.take.insert(field.parse().expect("a field"));
}

#[test]
fn who_was_not_restarted_since_an_edit_is_not_restarted_when_it_is_taken_back() {
    let mut world = edited();
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    assert_eq!((titles(&plan), plan.voters.after), (vec![APPLY], 3));
    world.pods()[2].revision = Some(EDITED.into());
    assert_eq!(titles(&world.plan()), [APPLY, "restart orders-2"]);
}

#[test]
fn a_single_member_that_does_not_restart_needs_no_downtime() {
    let mut world = World::of(1, "[cluster]\nmembers = 1\n");
    edit(&mut world, 7);
    world.keeps_template(EDITED);
    assert!(world.plan().needs().downtime.is_empty());
    world.pods()[0].revision = Some(EDITED.into());
    assert_eq!(world.plan().needs().downtime.len(), 1);
}

#[test]
fn who_is_not_known_to_have_the_template_restarts() {
    let all = ["orders-2", "orders-1", "orders-0"];
    let table: [(&str, Change<'_>, &[&str]); 10] = [
        ("they may not be listed", &|world| world.live.revisions = Lookup::Failed("forbidden".into()), &all),
        ("the history is too short", &|world| drop(world.revisions().remove(0)), &all),
        ("of another StatefulSet", &|world| world.revisions()[0].owner = Some("another".into()), &all),
        ("of nobody", &|world| world.revisions()[0].owner = None, &all),
        (
            "one value differs",
            &|world| world.revisions()[0].template["spec"]["hostNetwork"] = json!(true),
            &all,
        ),
        (
            "another order",
            &|world| {
                let list = world.revisions()[0].template["spec"]["volumes"].as_array_mut().expect("a list");
                list.reverse();
            },
            &all,
        ),
        ("nothing on the pod", &|world| world.pods()[1].revision = None, &["orders-1"]),
        ("made anew just now", &|world| world.pods()[1].terminating = true, &["orders-1"]),
        ("never made", &|world| drop(world.pods().remove(2)), &["orders-2"]),
        ("asked for", &|world| world.intent.restart = true, &all),
    ];
    assert_eq!(edited().plan().restarts(), Vec::<&str>::new());
    for (what, change, restarts) in table {
        let mut world = edited();
        change(&mut world);
        assert_eq!(world.plan().restarts(), restarts, "{what}");
    }
}

#[test]
fn a_template_with_values_that_are_not_shown_is_equal_to_none() {
    let mut world = World::founded();
    adds_env(&mut world, "TOKEN", "(not shown)");
    world.takes_template_up("orders-6c");
    edit(&mut world, 7);
    world.keeps_template(EDITED);
    assert_eq!(world.plan().restarts().len(), 3);
}

#[test]
fn of_two_equal_revisions_the_newest_counts() {
    let mut world = edited();
    let mut newer = world.revisions()[0].clone();
    (newer.name, newer.number) = ("orders-9f".into(), 5);
    world.revisions().insert(0, newer);
    world.pods()[1].revision = Some("orders-9f".into());
    assert_eq!(world.plan().restarts(), ["orders-2", "orders-0"]);
}

#[test]
fn what_others_added_goes_without_a_restart_of_those_who_never_had_it() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    adds_env(&mut world, "GODEBUG", "x");
    world.body(&key)["spec"]["template"]["metadata"]["annotations"] = json!({ "a.b/note": "x" });
    let note = json!({ "f:metadata": { "f:annotations": { ".": {}, "f:a.b/note": {} } } });
    sets(&mut world, &key, "kubectl-edit", json!({ "f:spec": { "f:template": note } }));
    world.keeps_template(EDITED);
    // It is kept, so that they are to take it up.
    assert_eq!(world.plan().restarts().len(), 3);
    take(&mut world, "spec.containers[name=\"etcd\"].env[name=\"GODEBUG\"]");
    assert_eq!(world.plan().restarts().len(), 3);
    take(&mut world, "metadata.annotations.a.b/note");
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", plan.blocked);
    assert!(titles(&plan).iter().all(|title| title.starts_with("remove ")), "{:?}", titles(&plan));
    assert_eq!(plan.steps.len(), 2);
    world.pods()[1].revision = Some(EDITED.into());
    assert_eq!(world.plan().restarts(), ["orders-1"]);
}

#[test]
fn what_stays_of_others_is_part_of_the_template() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    let restarted = json!({ "f:annotations": { ".": {}, "f:kubectl.kubernetes.io/restartedAt": {} } });
    let restarted = json!({ "f:spec": { "f:template": { "f:metadata": restarted } } });
    world.body(&key)["spec"]["template"]["metadata"]["annotations"] =
        json!({ "kubectl.kubernetes.io/restartedAt": "now" });
    sets(&mut world, &key, "kubectl-rollout", restarted);
    world.keeps_template("orders-6d");
    world.pods()[0].revision = Some("orders-6d".into());
    edit(&mut world, 7);
    world.keeps_template(EDITED);
    assert_eq!(world.plan().restarts(), ["orders-2", "orders-1"]);
}

#[test]
fn a_stateful_set_that_is_made_anew_may_lose_more_of_the_template() {
    let mut world = edited();
    world.desired = stack("[storage]\nclass = \"local\"\n");
    let plan = world.plan();
    assert!(plan.blocked.is_empty(), "{:?}", plan.blocked);
    assert!(titles(&plan).iter().any(|title| title.starts_with("make StatefulSet")), "{:?}", titles(&plan));
    assert_eq!(plan.restarts().len(), 3);
}

#[test]
fn a_template_that_the_controller_has_not_seen_is_known_by_its_revision_too() {
    let mut world = edited();
    let key = world.desired.names.stateful_set();
    let wanted = world.desired.stateful_set.body["spec"]["template"].clone();
    world.body(&key)["spec"]["template"] = wanted;
    world.body(&key)["metadata"]["generation"] = json!(3);
    assert!(world.plan().is_empty(), "{:?}", titles(&world.plan()));
    world.pods()[1].revision = Some(EDITED.into());
    assert_eq!(world.plan().restarts(), ["orders-1"]);
    world.revisions().clear();
    assert_eq!(world.plan().restarts().len(), 3);
}

#[test]
fn an_approval_holds_for_these_restarts_and_whatever_else_the_controller_keeps() {
    let digest = |change: Change<'_>| {
        let mut world = edited();
        change(&mut world);
        world.plan().digest
    };
    let approved = digest(&|_| {});
    let other = digest(&|world| {
        let mut other = world.revisions()[1].clone();
        (other.name, other.number) = ("orders-1a".into(), 0);
        world.revisions().push(other);
        world.revisions()[1].number = 40;
    });
    assert_eq!(other, approved);
    assert_ne!(digest(&|world| world.revisions().retain(|one| one.name != TEMPLATE)), approved);
    assert_ne!(digest(&|world| world.pods()[0].revision = Some(EDITED.into())), approved);
}
