//! What the dry-run of a StatefulSet does not tell, and is asked for besides;
//! and what it makes up.

use std::collections::BTreeSet;

use etcdctl_stack::{
    desired::Desired,
    object::Kind,
    observed::{Observed, Proposal},
    plan::{Intent, Plan},
};
use serde_json::json;

use crate::space::{Space, cluster, eventually, kubectl, observed, planned, says};

/// The plan once it stops for this, and that the StatefulSet alone would pass.
async fn stopped(desired: &Desired, code: &str) -> (Observed, Plan) {
    let stops = async || {
        let (observed, plan) = observed(desired, &Intent::default()).await;
        plan.blocked.iter().any(|blocked| blocked.code == code).then_some((observed, plan))
    };
    let (observed, plan) = eventually(code, stops).await;
    let set = &observed.proposals[&desired.names.stateful_set()];
    assert!(matches!(set, Proposal::Accepted { .. }), "{code}: {set:?}");
    (observed, plan)
}

async fn reason(desired: &Desired, code: &str) -> String {
    let blocked = stopped(desired, code).await.1.blocked;
    blocked.into_iter().find(|blocked| blocked.code == code).expect("it stops for that").reason
}

/// Waits for what every namespace gets, without which no pod is asked about.
async fn with_account(space: &Space) {
    let account = async || space.kubectl(&["get", "serviceaccounts", "-o", "name"]).contains("default");
    eventually("the service account", async || account().await.then_some(())).await;
}

const HOST: &str = "[[pod.extra_volumes]]\nname = \"host\"\nhostPath = { path = \"/tmp\" }\n";

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_a_stateful_set_passes_with_and_its_pods_and_claims_do_not_stops_the_plan() {
    let space = Space::new("pods");
    with_account(&space).await;
    assert_eq!(planned(&space.stack(), &Intent::default()).await.blocked, []);
    let class = space.stack_with("[placement]\npriority_class = \"nobody-made-this\"\n");
    says(&reason(&class, "plan::pod_refused").await, &["no PriorityClass with name nobody-made-this"]);

    kubectl(&["label", "namespace", &space.namespace, "pod-security.kubernetes.io/enforce=baseline"]);
    let host = space.stack_with(HOST);
    says(&reason(&host, "plan::pod_refused").await, &["violates PodSecurity \"baseline:latest\"", "host"]);

    let limits = json!([{ "type": "PersistentVolumeClaim", "max": { "storage": "1Gi" } }]);
    let range = json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "small" }, "spec": { "limits": limits } });
    space.kubectl_with(&range, &["create"]);
    let claim = reason(&space.stack(), "plan::claim_refused").await;
    says(&claim, &["maximum storage usage per PersistentVolumeClaim is 1Gi"]);
}

/// Nobody can be asked what would come of an object in a namespace that is not
/// there.
#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn without_its_namespace_a_plan_only_predicts() {
    let space = Space::unmade("predicting");
    let confidences = async || {
        let plan = planned(&space.stack(), &Intent::default()).await;
        let all: BTreeSet<_> = plan.changes.iter().map(|change| format!("{:?}", change.confidence)).collect();
        (plan.changes.len(), all)
    };
    let (count, all) = confidences().await;
    assert_eq!(all, ["Predicted".to_owned()].into());
    kubectl(&["create", "namespace", &space.namespace]);
    assert_eq!(confidences().await, (count - 1, ["Verified".to_owned()].into()));
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn nobody_objects_to_a_storage_class_that_is_not_there_but_the_plan() {
    let space = Space::new("no-class");
    with_account(&space).await;
    let desired = space.stack_with("[storage]\nclass = \"nobody-made-this\"\n");
    let (observed, plan) = stopped(&desired, "plan::storage_class").await;
    let accepted = |proposal: &Proposal| matches!(proposal, Proposal::Accepted { .. });
    assert!(observed.proposals.contains_key(&desired.claim.key) && observed.proposals.values().all(accepted));
    assert_eq!(plan.blocked.len(), 1, "{:?}", plan.blocked);
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_admission_warns_of_a_stateful_set_is_in_the_plan() {
    let space = Space::new("warned");
    kubectl(&["label", "namespace", &space.namespace, "pod-security.kubernetes.io/warn=baseline"]);
    let desired = space.stack_with(HOST);
    let key = desired.names.stateful_set().to_string();
    let warned = async || {
        let plan = planned(&desired, &Intent::default()).await;
        plan.warnings.into_iter().find(|warning| warning.contains(&key))
    };
    says(&eventually("a warning", warned).await, &["would violate PodSecurity", "hostPath"]);
}

/// Uids, times, addresses and ports of what is not there yet.
#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_a_dry_run_makes_up_is_no_part_of_what_is_approved() {
    let space = Space::new("made-up");
    with_account(&space).await;
    let desired = space.stack_with("[service]\ntype = \"NodePort\"\n");
    let (first, plan) = observed(&desired, &Intent::default()).await;
    let (second, again) = observed(&desired, &Intent::default()).await;
    let stored = |observed: &Observed| {
        observed.proposals[&desired.names.client_service()].stored().expect("an answer").clone()
    };
    assert_ne!(stored(&first).uid(), stored(&second).uid());
    assert!(plan.digest.is_some() && plan.digest == again.digest, "{:?}, {:?}", plan.digest, again.digest);

    // What is stored has others than were shown.
    let service = &desired.client_service;
    let made = cluster().await.writer().create(service).await.expect("a new Service");
    assert_ne!(made.uid(), stored(&first).uid());
    assert_ne!(made.body["spec"]["clusterIP"], stored(&first).body["spec"]["clusterIP"]);
    let shown = plan.changes.iter().filter(|change| change.key.kind == Kind::Service);
    let fields: Vec<_> = shown.flat_map(|change| &change.fields).collect();
    assert!(fields.is_empty(), "{fields:?}");
}
