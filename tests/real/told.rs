//! What programs are told of a whole run, as the published schemas say.

use std::collections::BTreeSet;

use etcdctl_stack::render;
use serde_json::{Value, json};

use crate::{kubernetes::Place, valid};

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_run_is_told_line_by_line_and_the_plan_after_it_has_nothing_to_do() {
    let place = Place::new("told", "[cluster]\nmembers = 1\n");
    let plan = place.tool("plan", &["--json"]).expect(0).json();
    valid::plan(&plan);
    let told = place.tool("apply", &["--auto-approve", "--json"]).expect(0).stdout;
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let schema = valid::strict(render::events_schema());
    lines.iter().for_each(|line| valid::conforms(&schema, line));
    let kinds: BTreeSet<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    for kind in ["planned_change", "lock", "step_start", "step_progress", "step_complete"] {
        assert!(kinds.contains(kind), "{kind}: {told}");
    }
    let [.., planned, _] = lines.as_slice() else { panic!("{told}") };
    let summaries: Vec<&Value> = lines.iter().filter(|line| line["type"] == "change_summary").collect();
    assert_eq!(summaries.len(), 2);
    assert_eq!((planned, &planned["changes"]["operation"]), (summaries[1], &json!("apply")));
    assert_eq!(summaries[0]["changes"]["add"], summaries[1]["changes"]["add"]);
    assert_eq!(lines.last().map(|line| &line["outcome"]), Some(&json!("completed")));

    let after = place.tool("plan", &["--json"]).expect(0).json();
    valid::plan(&after);
    let actions = |plan: &Value| -> BTreeSet<String> {
        let changes = plan["resource_changes"].as_array().into_iter().flatten();
        changes.map(|one| one["change"]["actions"].to_string()).collect()
    };
    assert_eq!(actions(&plan), BTreeSet::from([r#"["create"]"#.to_owned()]));
    assert_eq!(actions(&after), BTreeSet::from([r#"["no-op"]"#.to_owned()]));
    let without_uid = |one: &&Value| one["uid"].is_null();
    let changes = after["resource_changes"].as_array().cloned().unwrap_or_default();
    assert_eq!(changes.iter().filter(without_uid).count(), 0, "{after:#}");

    place.write("[cluster]\nmembers = 3\n");
    let larger = place.tool("plan", &["--json"]).expect(0).json();
    valid::plan(&larger);
    let changes = larger["resource_changes"].as_array().cloned().unwrap_or_default();
    let of = |kind: &str| changes.iter().find(|one| one["kind"] == kind).cloned().unwrap_or_default();
    // Its replicas are raised by the steps, one by one.
    let set = of("StatefulSet");
    assert_eq!((&set["change"]["actions"], &set["change"]["fields"]), (&json!(["update"]), &json!([])));
    assert_eq!(set["change"]["after"]["spec"]["replicas"], 3);
    let field = of("PodDisruptionBudget")["change"]["fields"][0].clone();
    assert_eq!(
        (&field["path"], &field["key"]),
        (&json!(["spec", "minAvailable"]), &json!("cluster.members"))
    );
    assert!(field["span"]["line"].is_u64(), "{field:#}");
}
