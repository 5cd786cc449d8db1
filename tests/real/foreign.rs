//! What somebody edits into a running stack by hand: seen, in the way where it
//! is dangerous, and gone once it is asked for by name.

use serde_json::json;

use crate::{changing::founded, kubernetes::says};

const FIELD: &str = "spec.template.spec.containers[name=\"etcd\"].env[name=\"ETCD_FORCE_NEW_CLUSTER\"]";

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn what_would_break_the_cluster_at_its_next_restart_is_removed_by_name() {
    let place = founded("foreign", 1);
    let variable = json!({ "name": "ETCD_FORCE_NEW_CLUSTER", "value": "true" });
    let patch = json!([{ "op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": variable }]);
    let patch = patch.to_string();
    let edit =
        ["patch", "statefulset", &place.name, "--type=json", "--field-manager=kubectl-edit", "-p", &patch];
    place.kubectl(&edit).expect(0);
    place.kubectl(&["annotate", "service", &place.name, "note=x"]).expect(0);
    let before = place.pods();

    let take = format!("StatefulSet/{}:{FIELD}@kubectl-edit", place.name);
    let plan = place.tool("plan", &[]).expect(3);
    says(&plan, &["plan::dangerous_field", &format!("--take '{take}'"), "throws the others out"]);
    place.tool("apply", &["--auto-approve"]).expect(3);
    assert_eq!(place.pods(), before);

    // It was started before the edit, from the template as it is to be again.
    let flags = ["--take", &take];
    let plan = place.tool("plan", &flags).expect(0);
    says(&plan, &["(not shown)", "No restart.", "Not managed by this stack", "metadata.annotations.note"]);
    place.apply(&flags);
    place.is_settled(1);
    let env = &place.get("statefulset", &place.name)["spec"]["template"]["spec"]["containers"][0]["env"];
    assert!(!env.to_string().contains("FORCE_NEW_CLUSTER") && env.to_string().contains("POD_NAME"), "{env}");
    assert_eq!(place.pods(), before);
    let plan = place.tool("plan", &[]).expect(0);
    says(&plan, &["1 field set by others is kept (-v lists it)"]);
    says(&place.tool("plan", &["-v"]).expect(0), &["set by kubectl-annotate"]);
}
