//! Fields that others set: kept and listed, counted, or in the way.

use etcdctl_stack::{
    object::{Kind, ObjectKey},
    plan::{Foreign, Plan},
    render::{self, Detail, Style, View},
};
use serde_json::json;

use crate::{
    NARROW, WIDE, fits,
    plans::{ABOUT, VIEW},
    shows, worlds,
};

fn foreign(key: ObjectKey, field: &str, manager: &str) -> Foreign {
    Foreign {
        key,
        uid: "u".into(),
        field: field.into(),
        path: vec![json!(field)],
        manager: manager.into(),
        operation: "Update".into(),
        time: Some("2026-11-17T09:12:44Z".into()),
        value: Some(json!("x")),
        fingerprint: "f".into(),
        removable: true,
        tolerated: false,
        lost: false,
        danger: None,
    }
}

fn restarted() -> Foreign {
    let field = "spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt";
    foreign(worlds::key(Kind::StatefulSet, "orders"), field, "kubectl-rollout")
}

/// An agent beside etcd: left to them, or in the way.
fn agent(tolerated: bool) -> Foreign {
    let key = worlds::key(Kind::StatefulSet, "orders");
    let field = "spec.template.spec.containers[name=\"agent\"]";
    Foreign { tolerated, danger: Some("it runs beside each member".into()), ..foreign(key, field, "helm") }
}

fn section(plan: &Plan, detail: Detail, style: Style) -> String {
    let text = render::plan(plan, View { detail, ..VIEW }, style);
    let lines = text.lines().skip_while(|line| *line != "Not managed by this stack");
    lines.take_while(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_others_keep_is_listed_beside_the_changes() {
    let plan = Plan { foreign: vec![restarted(), agent(true), agent(false)], ..worlds::grow() };
    shows(
        &section(&plan, Detail::Counted, WIDE),
        r#"Not managed by this stack
  ! StatefulSet/etcd-orders/orders
      spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt
      set by kubectl-rollout, 2026-11-17T09:12:44Z; kept
  ! StatefulSet/etcd-orders/orders  spec.template.spec.containers[name="agent"]
      set by helm, 2026-11-17T09:12:44Z; left to them by the stack file
"#,
    );
    fits(&section(&plan, Detail::Counted, NARROW), 40);
}

#[test]
fn what_goes_with_an_object_that_is_made_anew_is_not_kept() {
    let plan = Plan { foreign: vec![Foreign { lost: true, ..restarted() }], ..worlds::larger() };
    let text = section(&plan, Detail::Counted, WIDE);
    assert!(
        text.contains(
            "set by kubectl-rollout, 2026-11-17T09:12:44Z; lost: the object is made anew without it"
        ),
        "{text}"
    );
    assert!(!text.contains("kept"), "{text}");
}

#[test]
fn it_is_listed_as_the_readme_shows_it() {
    let plan = Plan { foreign: vec![restarted()], ..worlds::grow() };
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&section(&plan, Detail::Counted, WIDE)));
}

#[test]
fn without_changes_it_is_counted_and_listed_on_request() {
    let mut plan = Plan { foreign: vec![restarted()], ..worlds::unchanged() };
    let text = render::plan(&plan, VIEW, WIDE);
    let line =
        "No changes. 3 objects and 3 voters match orders.toml. 1 field set by others is kept (-v lists it).";
    assert!(text.contains(line), "{text}");
    assert_eq!(section(&plan, Detail::Counted, WIDE), "");
    assert!(section(&plan, Detail::Listed, WIDE).contains("set by kubectl-rollout"));
    plan.foreign.push(agent(true));
    let text = render::plan(&plan, VIEW, WIDE).replace('\n', " ");
    assert!(text.contains("2 fields set by others are kept (-v lists them)."), "{text}");
}

#[test]
fn programs_get_each_with_how_bad_it_is() {
    let plan = Plan { foreign: vec![restarted(), agent(true), agent(false)], ..worlds::grow() };
    let json = crate::json(&plan, ABOUT);
    let fields = json["foreign_fields"].as_array().expect("a list");
    let severities: Vec<&str> = fields.iter().filter_map(|field| field["severity"].as_str()).collect();
    assert_eq!(severities, ["info", "warning", "error"]);
    assert_eq!(
        fields[0],
        json!({
            "address": "StatefulSet/etcd-orders/orders",
            "field": "spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt",
            "path": ["spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt"],
            "manager": "kubectl-rollout",
            "operation": "Update",
            "time": "2026-11-17T09:12:44Z",
            "value": "x",
            "tolerated": false,
            "lost": false,
            "severity": "info",
            "meaning": null,
            "take": "StatefulSet/orders:spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt@kubectl-rollout",
        })
    );
}
