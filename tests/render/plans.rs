//! Plans, as they are printed.

use std::{collections::BTreeSet, path::Path};

use etcdctl_stack::{
    object::Kind,
    plan::Plan,
    render::{self, About, Detail, Hint, Style, View},
    report::{Permissions, Which},
};

use crate::{NARROW, WIDE, fits, shows, worlds};

const HINT: Hint<'_> = Hint::File { whole_digest: false, target: "orders.toml", asked: &[] };
pub static NOTHING: Permissions = Permissions {
    data_loss: Which::These(BTreeSet::new()),
    delete: Which::These(BTreeSet::new()),
    downtime: false,
};
pub const ABOUT: About<'_> = About { file: "orders.toml", permissions: &NOTHING, unfinished: None };
pub const VIEW: View<'_> =
    View { about: ABOUT, detail: Detail::Counted, made_namespace: false, hint: Some(HINT) };

pub fn plan(plan: &Plan, style: Style) -> String {
    crate::json(plan, ABOUT);
    render::plan(plan, VIEW, style)
}

#[test]
fn a_first_plan_shows_what_is_made_and_in_what_order() {
    shows(
        &plan(&worlds::create(), WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders (new)  ·  plan 7f3a-91c2

Objects
  + Namespace/etcd-orders                   predicted
  + Secret/etcd-orders/orders-server        predicted
      issue certificate `orders server`, 29 names, for 365 days
  + Service/etcd-orders/orders-peer         predicted
      headless, client 2379, peer 2380
  + Service/etcd-orders/orders              predicted
      ClusterIP, client 2379, peer 2380
  + PodDisruptionBudget/etcd-orders/orders  predicted
      at least 2 members stay up
  + StatefulSet/etcd-orders/orders          predicted
      replicas   3, raised one by one as members join
      image      registry.k8s.io/etcd:v3.6.16
      resources  cpu 250m, memory 512Mi (limit memory 2Gi)
      storage    8Gi each, class fast-ssd, kept on deletion
      args       --quota-backend-bytes=3865470566 and 2 more, -v lists them
    6 new objects summed up: -vv shows them whole

Steps                                                                     voters  quorum  can lose
  1 > create Namespace/etcd-orders, then check the predicted objects
      again
  2 > create StatefulSet/etcd-orders/orders with 1 replica, wait until
      orders-0 leads                                                           1       1         0
  3 > promote orders-1 once it is connected and has caught up                  2       2         0
  4 > promote orders-2 once it is connected and has caught up                  3       2         1

Checked      31 rights ok · StorageClass fast-ssd (expandable, WaitForFirstConsumer) ok
Not checked  nodes: nodes may not be listed
Not checked  pod, claim: the namespace does not exist yet; checked again after it is made

Plan: 6 to create, 0 to change, 0 to delete, 4 steps, voters 0 -> 3
No restart. No data is deleted.

Apply it:  etcdctl-stack apply orders.toml --expect 7f3a-91c2
"#,
    );
}

#[test]
fn at_forty_columns_it_says_the_same() {
    let narrow = plan(&worlds::create(), NARROW);
    fits(&narrow, 40);
    shows(
        &narrow,
        r#"orders  ·  context prod-eu
  namespace etcd-orders (new)
  plan 7f3a-91c2

Objects
  + Namespace/etcd-orders
      predicted
  + Secret/etcd-orders/orders-server
      predicted
      issue certificate `orders server`,
        29 names, for 365 days
  + Service/etcd-orders/orders-peer
      predicted
      headless, client 2379, peer 2380
  + Service/etcd-orders/orders
      predicted
      ClusterIP, client 2379, peer 2380
  + PodDisruptionBudget/etcd-orders/orders
      predicted
      at least 2 members stay up
  + StatefulSet/etcd-orders/orders
      predicted
      replicas   3, raised one by one as
        members join
      image
        registry.k8s.io/etcd:v3.6.16
      resources  cpu 250m, memory 512Mi
        (limit memory 2Gi)
      storage    8Gi each, class
        fast-ssd, kept on deletion
      args
        --quota-backend-bytes=3865470566
        and 2 more, -v lists them
    6 new objects summed up: -vv shows
      them whole

Steps
  1 > create Namespace/etcd-orders, then
      check the predicted objects again
  2 > create
      StatefulSet/etcd-orders/orders
      with 1 replica, wait until
      orders-0 leads
      (1 member voting, quorum 1, can
       lose 0)
  3 > promote orders-1 once it is
      connected and has caught up
      (2 members voting, quorum 2, can
       lose 0)
  4 > promote orders-2 once it is
      connected and has caught up
      (3 members voting, quorum 2, can
       lose 1)

Checked      31 rights ok · StorageClass
             fast-ssd (expandable,
             WaitForFirstConsumer) ok
Not checked  nodes: nodes may not be
             listed
Not checked  pod, claim: the namespace
             does not exist yet; checked
             again after it is made

Plan: 6 to create, 0 to change, 0 to
delete, 4 steps, voters 0 -> 3
No restart. No data is deleted.

Apply it:  etcdctl-stack apply orders.toml --expect 7f3a-91c2
"#,
    );
}

#[test]
fn at_eighty_columns_the_numbers_are_beside_the_steps() {
    for world in [worlds::create(), worlds::grow(), worlds::blocked()] {
        fits(&plan(&world, Style { color: false, width: 80 }), 80);
    }
}

#[test]
fn a_change_is_shown_field_by_field() {
    shows(
        &plan(&worlds::grow(), WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders  ·  plan 7f3a-91c2
cluster 9f1e  ·  3 of 3 voters healthy  ·  leader orders-2  ·  database 1.2 GiB of 6 GiB

Objects
  ~ StatefulSet/etcd-orders/orders  verified
      - metadata.annotations["example.com/runbook"]: "old"
      + metadata.labels.team: "payments"
      ~ spec.replicas: 3 -> 5
    2 objects unchanged: -v lists them

Steps                                                                     voters  quorum  can lose
  1 > add orders-3 as a learner and let it, and only it, join                  3       2         1
  2 > promote orders-3 once it is connected and has caught up                  4       3         1
  3 > promote orders-4 once it is connected and has caught up                  5       3         2

! 4 members survive 1 failure, as 3 do

Plan: 0 to create, 1 to change, 0 to delete, 3 steps, voters 3 -> 5
No restart. No data is deleted.

Apply it:  etcdctl-stack apply orders.toml --expect 7f3a-91c2
"#,
    );
}

/// The lines of the first object.
fn object(world: &Plan) -> String {
    let text = plan(world, WIDE);
    let lines = text.lines().skip_while(|line| !line.starts_with("Objects")).skip(1);
    lines.take_while(|line| line.starts_with("  ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_the_server_fills_in_is_not_told_from_a_dry_run() {
    let mut world = worlds::grow();
    world.unchanged.clear();
    world.changes[0].fields = vec![
        worlds::field("spec.clusterIP", None, Some("10.0.0.7".into())),
        worlds::field("spec.ports[client].nodePort", None, Some(32769.into())),
    ];
    shows(
        &object(&world),
        r#"  ~ StatefulSet/etcd-orders/orders  verified
      + spec.clusterIP: (chosen by the API server)
      + spec.ports[client].nodePort: (chosen by the API server)
"#,
    );
    // The stack file names the port, so that it is no guess.
    let fields = serde_json::json!({ "f:spec": { "f:ports": { "k:{}": { "f:nodePort": {} } } } });
    world.changes[0].after["metadata"] =
        serde_json::json!({ "managedFields": [{ "manager": "etcdctl-stack", "fieldsV1": fields }] });
    assert!(object(&world).contains("+ spec.ports[client].nodePort: 32769\n"));
}

#[test]
fn one_member_stays_up_in_the_singular() {
    let mut world = worlds::create();
    world.changes.retain(|change| change.key.kind == Kind::PodDisruptionBudget);
    world.changes[0].after["spec"]["minAvailable"] = 1.into();
    assert!(object(&world).contains("      at least 1 member stays up\n"), "{}", object(&world));
}

#[test]
fn the_step_after_which_the_fewest_may_fail_is_marked() {
    let mut world = worlds::grow();
    world.can_lose = 2;
    let text = plan(&world, WIDE);
    shows(
        &text[text.find("Steps").expect("steps")..text.find('!').expect("a warning")],
        r#"Steps                                                            voters  quorum  can lose
  1 > add orders-3 as a learner and let it, and only it, join         3       2         1 ← lowest
  2 > promote orders-3 once it is connected and has caught up         4       3         1
  3 > promote orders-4 once it is connected and has caught up         5       3         2

"#,
    );
    let text = plan(&world, NARROW);
    assert!(text.contains("lose 1, the lowest)"), "{text}");
}

#[test]
fn no_changes_is_said_with_numbers() {
    shows(
        &plan(&worlds::unchanged(), WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders  ·  plan 7f3a-91c2
cluster 9f1e  ·  3 of 3 voters healthy  ·  leader orders-2  ·  database 1.2 GiB of 6 GiB

No changes. 3 objects and 3 voters match orders.toml.
"#,
    );
}

#[test]
fn verbose_lists_what_is_otherwise_counted() {
    let text = render::plan(&worlds::create(), View { detail: Detail::Listed, ..VIEW }, WIDE);
    assert!(
        text.contains(
            "args       --name=$(NAME) --data-dir=/var/lib/etcd --quota-backend-bytes=3865470566\n"
        )
    );
    let text = render::plan(&worlds::grow(), View { detail: Detail::Listed, ..VIEW }, WIDE);
    assert!(
        text.contains("2 objects unchanged: Service/etcd-orders/orders, Service/etcd-orders/orders-peer\n")
    );
}

#[test]
fn the_next_command_can_be_copied_as_it_stands() {
    let kubeconfig = Some(Path::new("my configs/eu"));
    let asked = &["--replace orders-1".to_owned()];
    let target = render::target("orders.toml", Some("prod-eu"), kubeconfig);
    let hint = Some(Hint::File { whole_digest: true, target: &target, asked });
    let text = render::plan(&worlds::grow(), View { hint, ..VIEW }, WIDE);
    let digest = "7f3a91c2".repeat(8);
    let command = "etcdctl-stack apply orders.toml --context prod-eu --kubeconfig 'my configs/eu' --replace orders-1 --expect";
    assert!(text.ends_with(&format!("\nApply it:  {command} {digest}\n")), "{text}");
}

#[test]
fn in_automation_no_next_command_is_suggested() {
    let text = render::plan(&worlds::grow(), View { hint: None, ..VIEW }, WIDE);
    assert!(text.ends_with("No restart. No data is deleted.\n"), "{text}");
}

#[test]
fn colour_adds_nothing_and_takes_nothing_away() {
    for world in [worlds::create(), worlds::grow(), worlds::blocked(), worlds::unchanged()] {
        for width in [40, 80, 100] {
            let colored = plan(&world, Style { color: true, width });
            assert!(colored.contains('\u{1b}'));
            shows(
                &anstream::adapter::strip_str(&colored).to_string(),
                &plan(&world, Style { color: false, width }),
            );
        }
    }
}

#[test]
fn the_json_has_the_names_that_policies_for_terraform_read() {
    let json = crate::json(&worlds::blocked(), ABOUT);
    assert_eq!(json["format_version"], "1.0");
    assert_eq!(json["resource_changes"][0]["change"]["actions"], serde_json::json!(["update"]));
    assert_eq!(json["resource_changes"][0]["address"], "StatefulSet/etcd-orders/orders");
    assert_eq!(
        (&json["applyable"], &json["complete"], &json["errored"]),
        (&false.into(), &true.into(), &false.into())
    );
    assert_eq!(json["diagnostics"][0]["code"], "plan::unhealthy");
    let lowest = serde_json::json!({ "step": 1, "members": 3, "quorum": 2, "can_lose": 1 });
    let members = serde_json::json!({ "before": 3, "after": 5, "lowest": lowest });
    assert_eq!(json["summary"]["members"], members);
}
