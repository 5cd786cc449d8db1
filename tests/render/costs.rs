//! Plans that delete data, restart members or go on with an earlier run.

use std::collections::{BTreeMap, BTreeSet};

use etcdctl_stack::{
    observed::{
        Intended, Journal, LeaseHolder, Live, Lookup,
        journal::{Replaced, Run, StepCount},
    },
    plan::{Cost, Plan, action_hashes},
    render::{self, About, Style, View},
    report::{Permissions, Unfinished, Which, unfinished},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    NARROW, WIDE, fits,
    plans::{ABOUT, NOTHING, VIEW},
    shows, worlds,
};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn plan(plan: &Plan, style: Style) -> String {
    render::plan(plan, VIEW, style)
}

fn allowed(claims: &[&str], downtime: bool) -> Permissions {
    let claims: BTreeSet<String> = claims.iter().map(|claim| (*claim).to_owned()).collect();
    Permissions { data_loss: Which::These(claims), downtime, ..Permissions::default() }
}

#[test]
fn a_scale_down_says_whose_data_goes_and_which_flag_allows_it() {
    shows(
        &plan(&worlds::shrink(), WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders  ·  plan 7f3a-91c2
cluster 9f1e  ·  5 of 5 voters healthy  ·  leader orders-4  ·  database 1.2 GiB of 6 GiB

Objects
  ~ StatefulSet/etcd-orders/orders                   verified
      ~ spec.replicas: 5 -> 3
  - PersistentVolumeClaim/etcd-orders/data-orders-4  DATA DELETED
  - PersistentVolumeClaim/etcd-orders/data-orders-3  DATA DELETED
    2 objects unchanged: -v lists them

Steps                                                            voters  quorum  can lose
  1 > save a snapshot and check it                                    5       3         2
  2 > remove orders-4, replicas 5 -> 4, wait until its pod is
      gone                                                            4       3         1 ← lowest
  3 > delete PersistentVolumeClaim/etcd-orders/data-orders-4:
      `storage.on_scale_down` is `delete`                             4       3         1
  4 > remove orders-3, replicas 4 -> 3, wait until its pod is
      gone                                                            3       2         1
  5 > delete PersistentVolumeClaim/etcd-orders/data-orders-3:
      `storage.on_scale_down` is `delete`                             3       2         1

Plan: 0 to create, 1 to change, 2 to delete, 5 steps, voters 5 -> 3
No restart. Deletes the data of 2 members.
Needs: --allow-data-loss data-orders-4,data-orders-3

Apply it:  etcdctl-stack apply orders.toml --allow-data-loss data-orders-4,data-orders-3 --expect 7f3a-91c2
"#,
    );
}

#[test]
fn a_rolling_restart_says_how_many_and_how_it_stands_meanwhile() {
    shows(
        &plan(&worlds::restart(), WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders  ·  plan 7f3a-91c2
cluster 9f1e  ·  3 of 3 voters healthy  ·  leader orders-2  ·  database 1.2 GiB of 6 GiB

Objects
  ~ StatefulSet/etcd-orders/orders  verified  ROLLING RESTART of 3 members
      ~ spec.template.spec.containers[etcd].image: "registry.k8s.io/etcd:v3.6.15" ->
          "registry.k8s.io/etcd:v3.6.16"
    2 objects unchanged: -v lists them

Steps                                         voters  quorum  can lose
  1 > apply StatefulSet/etcd-orders/orders
  2 > restart orders-0                             3       2         0 while one restarts ← lowest
  3 > restart orders-1                             3       2         0 while one restarts
  4 > restart orders-2, which hands over
      leadership first                             3       2         0 while one restarts

Plan: 0 to create, 1 to change, 0 to delete, 4 steps, voters 3 -> 3
Restarts 3 members, one by one. No data is deleted.

Apply it:  etcdctl-stack apply orders.toml --expect 7f3a-91c2
"#,
    );
}

#[test]
fn the_restart_of_the_only_member_needs_to_be_allowed() {
    shows(
        &plan(&worlds::restart_alone(), WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders  ·  plan 7f3a-91c2
cluster 9f1e  ·  1 of 1 voter healthy  ·  leader orders-0  ·  database 1.2 GiB of 6 GiB

Objects
  ~ StatefulSet/etcd-orders/orders  verified  RESTART of 1 member: DOWN while it restarts
      ~ spec.template.spec.containers[etcd].image: "registry.k8s.io/etcd:v3.6.15" ->
          "registry.k8s.io/etcd:v3.6.16"
    2 objects unchanged: -v lists them

Steps                                              voters  quorum  can lose
  1 > apply StatefulSet/etcd-orders/orders
  2 > restart orders-0                                  1       1         0 DOWN while it restarts

Plan: 0 to create, 1 to change, 0 to delete, 2 steps, voters 1 -> 1
Restarts 1 member; nobody is served meanwhile. No data is deleted.
Needs: --allow-downtime

Apply it:  etcdctl-stack apply orders.toml --allow-downtime --expect 7f3a-91c2
"#,
    );
}

#[test]
fn a_member_that_is_replaced_loses_its_data() {
    shows(
        &plan(&worlds::replace(), WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders  ·  plan 7f3a-91c2
cluster 9f1e  ·  3 of 3 voters healthy  ·  leader orders-2  ·  database 1.2 GiB of 6 GiB

Objects
  ± PersistentVolumeClaim/etcd-orders/data-orders-1  DATA DELETED, made anew, empty
    3 objects unchanged: -v lists them

Steps                                                            voters  quorum  can lose
  1 > save a snapshot and check it                                    3       2         1
  2 > remove orders-1: another takes its place                        2       2         0 ← lowest
  3 > delete PersistentVolumeClaim/etcd-orders/data-orders-1
      and the pod of orders-1, wait until both are made anew          2       2         0
  4 > add orders-1 as a learner and let it, and only it, join         2       2         0
  5 > seal: from here on no member starts without its data            2       2         0
  6 > promote orders-1 once it is connected and has caught up         3       2         1

Plan: 0 to create, 0 to change, 1 to delete, 6 steps, voters 3 -> 3
No restart. Deletes the data of 1 member.
Needs: --allow-data-loss data-orders-1

Apply it:  etcdctl-stack apply orders.toml --allow-data-loss data-orders-1 --expect 7f3a-91c2
"#,
    );
}

fn worlds() -> [Plan; 4] {
    [worlds::shrink(), worlds::restart(), worlds::restart_alone(), worlds::replace()]
}

#[test]
fn costs_fit_on_forty_and_on_eighty_columns_and_lose_nothing_without_colour() {
    for world in worlds() {
        for width in [40, 80, 100, 120] {
            let text = plan(&world, Style { color: false, width });
            fits(&text, width);
            let colored = plan(&world, Style { color: true, width });
            shows(&anstream::adapter::strip_str(&colored).to_string(), &text);
            assert_eq!(text.matches("lowest").count(), usize::from(world.voters.before > 1), "{text}");
        }
    }
}

#[test]
fn where_there_is_no_room_beside_the_numbers_remarks_are_below() {
    let text = plan(&worlds::restart(), Style { color: false, width: 80 });
    shows(
        &text[text.find("Steps").expect("steps")..text.find("Plan:").expect("a plan")],
        r#"Steps                                                 voters  quorum  can lose
  1 > apply StatefulSet/etcd-orders/orders
  2 > restart orders-0                                     3       2         0
                                                   while one restarts ← lowest
  3 > restart orders-1                                     3       2         0
                                                            while one restarts
  4 > restart orders-2, which hands over leadership
      first                                                3       2         0
                                                            while one restarts

"#,
    );
    let text = plan(&worlds::restart(), NARROW);
    shows(
        &text[text.find("Objects").expect("objects")..text.find("Plan:").expect("a plan")],
        r#"Objects
  ~ StatefulSet/etcd-orders/orders
      verified
      ROLLING RESTART of 3 members
      ~ spec.template.spec.containers[etcd].image:
          "registry.k8s.io/etcd:v3.6.15"
          ->
          "registry.k8s.io/etcd:v3.6.16"
    2 objects unchanged: -v lists them

Steps
  1 > apply
      StatefulSet/etcd-orders/orders
  2 > restart orders-0
      (3 members voting, quorum 2, can
       lose 0, while one restarts, the
       lowest)
  3 > restart orders-1
      (3 members voting, quorum 2, can
       lose 0, while one restarts)
  4 > restart orders-2, which hands over
      leadership first
      (3 members voting, quorum 2, can
       lose 0, while one restarts)

"#,
    );
}

#[test]
fn what_is_allowed_is_not_needed_any_more() {
    let needs = |world: &Plan, permissions: &Permissions| {
        let view = View { about: About { permissions, ..ABOUT }, ..VIEW };
        let text = render::plan(world, view, WIDE);
        text.lines().filter(|line| line.starts_with("Needs")).map(str::to_owned).collect::<Vec<_>>()
    };
    let shrink = worlds::shrink();
    assert_eq!(
        needs(&shrink, &allowed(&["data-orders-4"], true)),
        ["Needs: --allow-data-loss data-orders-3"]
    );
    let all = Permissions { data_loss: Which::All, ..Permissions::default() };
    assert_eq!(needs(&shrink, &all), [""; 0]);
    assert_eq!(needs(&worlds::restart_alone(), &all), ["Needs: --allow-downtime"]);
    let other = allowed(&["data-orders-4", "data-orders-7"], false);
    assert_eq!(other.beside_the_plan(&shrink), (vec!["data-orders-7".to_owned()], vec![]));
}

#[test]
fn two_members_that_restart_are_both_down_once() {
    let mut world = worlds::restart();
    world.steps.remove(1);
    for step in &mut world.steps[1..] {
        let member = match &step.costs[0] {
            Cost::Restart { member } => member.clone(),
            _ => unreachable!("they restart"),
        };
        step.costs = vec![Cost::Downtime { member }];
    }
    let text = plan(&world, WIDE);
    for line in [
        "ROLLING RESTART of 2 members: DOWN while each restarts",
        "Restarts 2 members, one by one; nobody is served meanwhile. No data is deleted.",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_restart_that_no_object_asks_for_is_in_the_line_that_counts() {
    let mut world = Plan { changes: Vec::new(), ..worlds::restart() };
    world.steps.remove(0);
    let text = plan(&world, WIDE);
    assert!(!text.contains("ROLLING") && text.contains("Restarts 3 members, one by one."), "{text}");
}

#[test]
fn a_plan_that_is_not_the_last_says_so() {
    let world = Plan { complete: false, ..worlds::grow() };
    let text = plan(&world, WIDE);
    shows(
        &text[text.find("Plan:").expect("a plan")..],
        r#"Plan: 0 to create, 1 to change, 0 to delete, 3 steps, voters 3 -> 5
No restart. No data is deleted.
Plan again after that: what else there is to do is decided once these steps are done.

Apply it:  etcdctl-stack apply orders.toml --expect 7f3a-91c2
"#,
    );
    let json = crate::json(&world, ABOUT);
    assert_eq!(
        (&json["complete"], &json["applyable"], &json["errored"]),
        (&false.into(), &true.into(), &false.into())
    );
}

/// What is live after a run for this plan was killed.
fn killed(plan: &Plan, who: &str) -> Live {
    let replaced = Replaced { id: None, started: true, claim_uid: None };
    let run = Run {
        digest: "c04d5e77".repeat(8),
        actions: action_hashes(&plan.steps),
        removed: Default::default(),
        not_ours: Default::default(),
        who: who.to_owned(),
        tool_version: "0.1.0".into(),
        started_at: NOW,
        finished_at: None,
        intended: Intended {
            replace: BTreeMap::from([("orders-1".into(), replaced)]),
            ..Intended::default()
        },
        summary: String::new(),
        steps: StepCount { all: 8, done: 2 },
        snapshot: None,
        stack: String::new(),
    };
    let journal = Journal { run: Some(run), ..Journal::default() };
    Live {
        target: plan.target.clone(),
        kubernetes: None,
        objects: BTreeMap::new(),
        secrets: BTreeMap::new(),
        pods: Lookup::Absent,
        revisions: Lookup::Absent,
        claims: Lookup::Absent,
        storage_classes: Lookup::Absent,
        nodes: Lookup::Absent,
        quotas: Lookup::Absent,
        rights: Vec::new(),
        journal: Lookup::Found(journal),
        lease: Lookup::Absent,
        neighbours: Default::default(),
    }
}

fn header(world: &Plan, unfinished: &Unfinished, style: Style) -> String {
    let about = About { unfinished: Some(unfinished), ..ABOUT };
    let text = render::plan(world, View { about, ..VIEW }, style);
    text.split("\n\n").next().unwrap_or_default().to_owned()
}

#[test]
fn a_plan_that_goes_on_says_with_what() {
    let world = worlds::replace();
    let mut live = killed(&world, "ann@laptop/4711.81523.3f2a-pid40265");
    let left = Plan { steps: world.steps[2..].to_vec(), ..world.clone() };
    let told = unfinished(&left, &live, NOW).expect("it goes on");
    shows(
        &header(&left, &told, WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders  ·  plan 7f3a-91c2
cluster 9f1e  ·  3 of 3 voters healthy  ·  leader orders-2  ·  database 1.2 GiB of 6 GiB
goes on with the apply of ann@laptop/4711 from 2027-01-15 08:00 UTC: 2 of 8 steps done, asked to
  replace orders-1"#,
    );
    fits(&header(&left, &told, NARROW), 40);
    let json = crate::json(&left, About { unfinished: Some(&told), ..ABOUT });
    assert_eq!(json["goes_on_with"]["asked_for"], json!(["replace orders-1"]));
    assert_eq!(crate::json(&left, ABOUT)["goes_on_with"], json!(null));

    let until = NOW + SignedDuration::from_secs(9);
    live.lease = Lookup::Found(LeaseHolder { identity: told.who.clone(), until });
    let told = unfinished(&left, &live, NOW).expect("it is going on");
    assert!(header(&left, &told, WIDE).contains("\ngoing on: the apply of ann@laptop/4711"));
}

#[test]
fn a_plan_for_something_else_does_not_go_on() {
    let world = worlds::replace();
    let live = killed(&world, "ann@laptop/4711");
    assert_eq!(unfinished(&worlds::replace_another(), &live, NOW), None);
    let mut over = live;
    if let Lookup::Found(Journal { run: Some(run), .. }) = &mut over.journal {
        run.finished_at = Some(NOW);
    }
    assert_eq!(unfinished(&world, &over, NOW), None);
}

#[test]
fn programs_are_told_what_it_costs() {
    let json = crate::json(&worlds::shrink(), ABOUT);
    assert_eq!(json["applyable"], false);
    let codes: Vec<_> =
        json["diagnostics"].as_array().into_iter().flatten().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["plan::needs_data_loss"; 2]);
    let summary = &json["summary"];
    assert_eq!(
        summary["needs"],
        json!({ "data_loss": ["data-orders-3", "data-orders-4"], "delete": [], "downtime": [] })
    );
    assert_eq!(
        (&summary["delete"], &summary["data_loss"], &summary["restarts"]),
        (&json!(2), &json!(2), &json!(0))
    );
    let lowest = json!({ "step": 2, "members": 4, "quorum": 3, "can_lose": 1 });
    assert_eq!(summary["members"], json!({ "before": 5, "after": 3, "lowest": lowest }));
    let claim = &json["resource_changes"][1];
    assert_eq!(claim["address"], "PersistentVolumeClaim/etcd-orders/data-orders-4");
    assert_eq!(
        (&claim["change"]["actions"], &claim["kind"]),
        (&json!(["delete"]), &json!("PersistentVolumeClaim"))
    );
    assert_eq!(json["steps"][2]["costs"], json!([{ "cost": "data_loss", "claim": "data-orders-4" }]));

    let permissions = allowed(&["data-orders-4", "data-orders-3"], false);
    let json = crate::json(&worlds::shrink(), About { permissions: &permissions, ..ABOUT });
    assert_eq!((&json["applyable"], &json["diagnostics"]), (&json!(true), &json!([])));
    let json = crate::json(&worlds::restart(), ABOUT);
    assert_eq!(
        (&json["resource_changes"][0]["restart"], &json["summary"]["restarts"]),
        (&json!("rolling"), &json!(3))
    );
    let json = crate::json(&worlds::replace(), ABOUT);
    assert_eq!(json["resource_changes"][0]["change"]["actions"], json!(["delete", "create"]));
}

#[test]
fn of_several_plans_one_that_needs_a_permission_cannot_be_applied() {
    let shrink = worlds::shrink();
    let plans = [("a.toml", Ok(&shrink))];
    shows(
        &render::summary(&plans, &NOTHING, WIDE),
        r#"Summary
  ✗ a.toml  needs --allow-data-loss data-orders-4,data-orders-3: 0 to create, 1 to change, 2 to
      delete, 5 steps, voters 5 -> 3
1 stack: 1 that cannot be applied
"#,
    );
    let all = Permissions { data_loss: Which::All, ..Permissions::default() };
    assert!(render::summary(&plans, &all, WIDE).ends_with("1 stack: 1 with deletions\n"));
}
