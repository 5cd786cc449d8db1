//! Objects that others made: why they stop a plan, and what adopting one is.

use etcdctl_stack::{
    field::takeover::Predecessor,
    object::Kind,
    plan::{Blocked, Change, Confidence, Fact, Plan, Verb},
    render::{self, Style},
};
use serde_json::json;

use crate::{
    NARROW, WIDE, fits,
    plans::{ABOUT, VIEW},
    shows,
    worlds::{self, field, key, step},
};

fn adoption() -> Plan {
    let helm = Predecessor {
        manager: "helm".into(),
        operation: "Update".into(),
        fields: vec!["metadata.labels.chart".into(), "spec.ports".into()],
    };
    let change = Change {
        verb: Verb::Adopt,
        confidence: Confidence::Verified,
        before: Some(json!({})),
        fields: vec![
            field("metadata.labels.chart", Some("etcd-1.2.3".into()), None),
            field("metadata.labels[\"etcdctl-stack/stack\"]", None, Some("orders".into())),
        ],
        adopting: vec![helm],
        ..worlds::made(key(Kind::Service, "orders"), json!({}))
    };
    Plan {
        changes: vec![change],
        steps: vec![
            step("adopt Service/etcd-orders/orders from helm", None),
            step("apply Service/etcd-orders/orders", None),
        ],
        ..worlds::unchanged()
    }
}

#[test]
fn an_adoption_says_from_whom_and_what_goes() {
    let text = |style: Style| {
        let text = render::plan(&adoption(), VIEW, style);
        let (from, to) = (text.find("Objects").expect("objects"), text.find("Plan: ").expect("numbers"));
        text[from..to].to_owned()
    };
    shows(
        &text(WIDE),
        r#"Objects
  ^ Service/etcd-orders/orders  adopted from helm, verified
      - metadata.labels.chart: "etcd-1.2.3"
      + metadata.labels["etcdctl-stack/stack"]: "orders"
    3 objects unchanged: -v lists them

Steps
  1 > adopt Service/etcd-orders/orders from helm
  2 > apply Service/etcd-orders/orders

"#,
    );
    fits(&text(NARROW), 40);
}

#[test]
fn programs_see_an_update_and_from_whom() {
    let value = crate::json(&adoption(), ABOUT);
    let change = &value["resource_changes"][0];
    assert_eq!(change["change"]["actions"], json!(["update"]));
    let adopting = json!([{ "from_manager": "helm", "operation": "Update", "fields": ["metadata.labels.chart", "spec.ports"] }]);
    assert_eq!(change["adopting"], adopting);
    assert_eq!((&value["summary"]["update"], &value["summary"]["adopt"]), (&json!(1), &json!(1)));
}

#[test]
fn an_object_of_others_is_a_card_as_the_readme_shows_it() {
    let fact = |label: &str, text: &str| Fact { label: label.into(), text: text.into() };
    let facts = vec![
        fact("made by", "helm (Update, 2026-11-20T18:25:21Z)"),
        fact("part of", "Helm release `etcd-orders/orders`, which may apply it again"),
        fact("adopt it", "--adopt Service/orders"),
    ];
    let reason = "`Service/etcd-orders/orders` exists and is not this stack's: it is managed by `Helm`";
    let help = "adopt it, or choose another stack name or namespace";
    let blocked = Blocked { facts, ..Blocked::new("plan::foreign_object", reason.into(), help) };
    let text = render::plan(&Plan { blocked: vec![blocked], ..worlds::unchanged() }, VIEW, WIDE);
    let (from, to) = (text.find('✗').expect("a reason"), text.find("  plan::foreign").expect("its code"));
    assert!(include_str!("../../README.md").contains(&text[from..to]), "not in the README:\n{text}");
}
