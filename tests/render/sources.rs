//! Whose doing a difference is, beside it; and objects whole.

use etcdctl_stack::{
    plan::{FieldChange, Plan, Source},
    render::{self, Detail, Style, View},
};
use serde_json::{Value, json};

use crate::{
    NARROW, WIDE, fits,
    plans::{ABOUT, VIEW},
    shows, worlds,
};

/// A growing stack to which the cluster adds a label, a container and defaults.
fn added() -> Plan {
    let mut plan = worlds::grow();
    let field = |path: &str, after: Value, source: Source| FieldChange {
        source,
        ..worlds::field(path, None, Some(after))
    };
    let sidecar = json!({ "name": "proxy", "image": "registry.example.com/mesh/proxy:1.0",
        "resources": { "limits": { "memory": "64Mi" } } });
    plan.changes[0].fields.extend([
        field("metadata.labels.costs", json!("42"), Source::Admission),
        field("spec.revisionHistoryLimit", json!(10), Source::Default),
        field("spec.template.spec.containers[proxy]", sidecar, Source::Admission),
        field("spec.template.spec.dnsPolicy", json!("ClusterFirst"), Source::Default),
    ]);
    plan.unchanged.clear();
    plan
}

fn object(detail: Detail, style: Style) -> String {
    let text = render::plan(&added(), View { detail, ..VIEW }, style);
    let lines = text.lines().skip_while(|line| !line.starts_with("Objects")).skip(1);
    lines.take_while(|line| line.starts_with("  ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_the_cluster_adds_stands_apart_and_its_defaults_are_counted() {
    shows(
        &object(Detail::Counted, WIDE),
        r#"  ~ StatefulSet/etcd-orders/orders  verified
      - metadata.annotations["example.com/runbook"]: "old"
      + metadata.labels.team: "payments"
      ~ spec.replicas: 3 -> 5
      admission: + metadata.labels.costs: "42"  (set by the cluster, not by this stack)
      admission: + spec.template.spec.containers[proxy]:  (set by the cluster, not by this stack)
          name: "proxy"
          image: "registry.example.com/mesh/proxy:1.0"
          resources:
            limits:
              memory: "64Mi"
      2 server defaults hidden, -v lists them
"#,
    );
    fits(&object(Detail::Counted, NARROW), 40);
}

#[test]
fn defaults_are_listed_on_request() {
    let text = object(Detail::Listed, WIDE);
    let listed = r#"      default: + spec.revisionHistoryLimit: 10
      default: + spec.template.spec.dnsPolicy: "ClusterFirst"
"#;
    assert!(text.ends_with(listed), "{text}");
}

#[test]
fn programs_get_the_source_of_each_field() {
    let json = crate::json(&added(), ABOUT);
    let fields = json["resource_changes"][0]["change"]["fields"].as_array().expect("a list");
    let sources: Vec<&str> = fields.iter().filter_map(|field| field["source"].as_str()).collect();
    assert_eq!(sources, ["stack", "stack", "stack", "admission", "default", "admission", "default"]);
}

#[test]
fn objects_are_shown_whole_to_who_asks_twice() {
    let text = render::plan(&worlds::create(), View { detail: Detail::Whole, ..VIEW }, WIDE);
    let budget = r#"  + PodDisruptionBudget/etcd-orders/orders  predicted
      at least 2 members stay up
      whole:
        spec:
          minAvailable: 2
"#;
    assert!(text.contains(budget), "{text}");
    // Nothing is left to be asked for.
    assert!(!text.contains("-v"), "{text}");
    assert_eq!(
        [0, 1, 2, 9].map(Detail::asked),
        [Detail::Counted, Detail::Listed, Detail::Whole, Detail::Whole]
    );
}
