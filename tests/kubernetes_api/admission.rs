//! What a cluster's policies add to objects, and who it then belongs to.

use etcdctl_stack::{
    cluster::Expect,
    object::Kind,
    plan::{Intent, Plan, Source},
};
use serde_json::json;

use crate::space::{ClusterWide, Space, cluster, eventually, planned};

/// The fields of both Services that are not the stack's doing.
fn added(plan: &Plan) -> Vec<(String, Source)> {
    let services = plan.changes.iter().filter(|change| change.key.kind == Kind::Service);
    let fields = services.flat_map(|change| &change.fields).filter(|field| field.source != Source::Stack);
    fields.map(|field| (field.path.clone(), field.source)).collect()
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_a_policy_adds_is_told_from_the_stack_and_from_defaults() {
    let space = Space::new("admission");
    let desired = space.stack();
    cluster().await.writer().apply(&desired.peer_service, &Expect::Absent).await.expect("a new Service");
    let account = async || space.kubectl(&["get", "serviceaccounts", "-o", "name"]).contains("default");
    eventually("the service account", async || account().await.then_some(())).await;
    let before = planned(&desired, &Intent::default()).await;
    assert_eq!(added(&before), []);
    assert_eq!(planned(&desired, &Intent::default()).await.digest, before.digest);

    let expression = "Object{metadata: Object.metadata{labels: {\"team\": \"db\"}}}";
    let mutation =
        json!({ "patchType": "ApplyConfiguration", "applyConfiguration": { "expression": expression } });
    let _policy = ClusterWide::policy(&space, "", "services", &mutation);
    // The Service that is there, and the one that is to be made.
    let team = ("metadata.labels.team".to_owned(), Source::Admission);
    let both = [team.clone(), team];
    let obeyed = async || (added(&planned(&desired, &Intent::default()).await) == both).then_some(());
    eventually("the policy is obeyed", obeyed).await;
    // What was approved before is not what would happen now.
    let after = planned(&desired, &Intent::default()).await;
    assert!(before.digest.is_some() && before.digest != after.digest, "{:?}", before.digest);
}
