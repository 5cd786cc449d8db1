//! What others changed since the last apply.

use etcdctl_stack::{
    member::{Id, Member, Role},
    object::Kind,
    plan::{Drift, Drifted, SetBy},
    render::{self, Style},
    report::LastApply,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{NARROW, WIDE, fits, shows, worlds::key};

fn since() -> LastApply {
    LastApply {
        digest: "c04d5e77".repeat(8),
        who: "ci@runner/4711".into(),
        finished_at: Timestamp::constant(1_800_000_000, 0),
        destroyed: false,
        stack: String::new(),
    }
}

fn drifted() -> Drift {
    let set_by = SetBy {
        manager: "kubectl-edit".into(),
        subresource: None,
        time: Some("2026-11-20T18:25:21Z".into()),
    };
    let scaled = SetBy { manager: "kubectl".into(), subresource: Some("scale".into()), time: None };
    let field = |kind, name: &str, path: &str, applied, now, by| Drifted {
        object: key(kind, name),
        path: path.into(),
        applied,
        now,
        by,
    };
    Drift {
        fields: vec![
            field(Kind::Service, "orders", "metadata.labels.team", Some(json!("db")), None, None),
            field(
                Kind::PodDisruptionBudget,
                "orders",
                "spec.minAvailable",
                Some(json!(2)),
                Some(json!(1)),
                Some(set_by),
            ),
            field(Kind::StatefulSet, "orders", "spec.replicas", Some(json!(3)), Some(json!(5)), Some(scaled)),
        ],
        gone: vec![key(Kind::Service, "orders-peer")],
        added: vec![Member {
            id: Id(0xbad),
            name: String::new(),
            peer_urls: vec!["https://10.0.0.9:2380".into()],
            client_urls: Vec::new(),
            role: Role::Learner,
        }],
        removed: vec!["orders-1".into()],
        unread: Vec::new(),
    }
}

fn shown(drift: &Drift, style: Style) -> String {
    render::drift("orders", &since(), drift, style)
}

#[test]
fn each_field_is_shown_with_who_set_it() {
    shows(
        &shown(&drifted(), WIDE),
        r#"orders  ·  applied 2027-01-15 08:00 UTC  ·  by ci@runner/4711  ·  plan c04d-5e77

  ~ Service/etcd-orders/orders
      - metadata.labels.team: "db"
          by somebody who left no name
  ~ PodDisruptionBudget/etcd-orders/orders
      ~ spec.minAvailable: 2 -> 1
          by kubectl-edit, 2026-11-20T18:25:21Z
  ~ StatefulSet/etcd-orders/orders
      ~ spec.replicas: 3 -> 5
          by kubectl (subresource scale)
  - Service/etcd-orders/orders-peer  GONE
  + member bad at https://10.0.0.9:2380: added by somebody
  - member orders-1: etcd does not list it any more

Drift: 3 fields changed, 1 object gone, 2 members added or removed. `plan` shows what an apply would
do about it.
"#,
    );
    fits(&shown(&drifted(), NARROW), 40);
}

#[test]
fn no_drift_is_said_in_a_line() {
    let text = "orders  ·  applied 2027-01-15 08:00 UTC  ·  by ci@runner/4711  ·  plan c04d-5e77\n\
                No drift: all is as it was applied.\n";
    shows(&shown(&Drift::default(), WIDE), text);
}

#[test]
fn programs_get_both_values_and_who() {
    let json = render::drift_json("orders.toml", "orders", &since(), &drifted());
    assert_eq!(json["drifted"], true);
    assert_eq!(
        json["resource_drift"][1],
        json!({
            "address": "PodDisruptionBudget/etcd-orders/orders", "kind": "PodDisruptionBudget",
            "namespace": "etcd-orders", "name": "orders", "path": "spec.minAvailable", "before": 2, "after": 1,
            "by": { "manager": "kubectl-edit", "subresource": null, "time": "2026-11-20T18:25:21Z" },
        })
    );
    assert_eq!(json["gone"], json!(["Service/etcd-orders/orders-peer"]));
}
