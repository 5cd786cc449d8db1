//! Deleting: what was planned with, by its uid, and nothing that has its name.

use std::time::Duration;

use etcdctl_stack::{cluster::Expect, observed::Lookup};
use serde_json::json;

use crate::space::{Space, cluster, eventually, kubectl, stale};

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn only_the_object_with_this_uid_is_deleted() {
    let space = Space::new("delete");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let first = writer.apply(&space.config("red"), &Expect::Absent).await.unwrap();
    let uid = first.uid().unwrap();
    writer.delete(&first.key, uid).await.unwrap();
    assert!(reader.object(&first.key).await.is_absent());
    writer.delete(&first.key, uid).await.expect("what is gone is deleted");

    let second = writer.apply(&space.config("blue"), &Expect::Absent).await.unwrap();
    writer.delete(&first.key, uid).await.expect("what was made anew is another");
    assert_eq!(space.get(&second.key)["metadata"]["uid"].as_str(), second.uid());
    writer.delete(&second.key, second.uid().unwrap()).await.unwrap();
    assert!(reader.object(&second.key).await.is_absent());
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_pod_that_is_being_deleted_stays_so() {
    let space = Space::new("delete-pod");
    let writer = cluster().await.writer();
    let mut pod = space.pod("probe");
    // Without a finalizer it would be gone before the second look.
    pod.body["metadata"]["finalizers"] = json!(["example.test/keep"]);
    let made = eventually("the service account", async || writer.create(&pod).await.ok()).await;
    let ends = || space.get(&made.key)["metadata"]["deletionTimestamp"].clone();
    for _ in 0..2 {
        writer.delete(&made.key, made.uid().unwrap()).await.unwrap();
    }
    let first = ends();
    assert!(first.is_string());
    writer.delete(&made.key, made.uid().unwrap()).await.unwrap();
    assert_eq!(ends(), first);
    space.kubectl(&["patch", "pod", "probe", "--type=merge", "-p", r#"{"metadata":{"finalizers":[]}}"#]);
}

/// <https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection>
#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_claim_that_a_pod_uses_is_only_marked_and_goes_after_it() {
    let space = Space::new("claim");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let names = space.stack().names;
    let mut wanted = space.stack().claim;
    // Nothing gives it a volume.
    wanted.body["spec"]["storageClassName"] = json!("");
    let claim = writer.create(&wanted).await.unwrap();
    let mut pod = space.pod("orders-0");
    let node = kubectl(&["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
    pod.body["spec"]["nodeName"] = json!(node);
    pod.body["spec"]["volumes"] =
        json!([{ "name": "data", "persistentVolumeClaim": { "claimName": claim.key.name } }]);
    let pod = eventually("the service account", async || writer.create(&pod).await.ok()).await;

    writer.delete(&claim.key, claim.uid().unwrap()).await.expect("it is deleted, as far as the server says");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let Lookup::Found(left) = reader.claim(&names, 0).await else { panic!("a pod uses it") };
    assert_eq!((Some(left.uid.as_str()), left.terminating), (claim.uid(), true));
    space.kubectl(&["delete", "pod", &pod.key.name, "--force", "--grace-period=0"]);
    eventually("its end", async || reader.claim(&names, 0).await.is_absent().then_some(())).await;
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn an_object_is_deleted_only_as_it_was_read() {
    let space = Space::new("delete-read");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let first = writer.apply(&space.config("red"), &Expect::Absent).await.unwrap();
    space.kubectl(&["annotate", "configmap", "settings", "by=somebody"]);
    stale(writer.delete_as_read(&first).await);
    let second = reader.object(&first.key).await.found().cloned().unwrap();
    let mut other = second.clone();
    other.body["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000000");
    stale(writer.delete_as_read(&other).await);
    assert_eq!(space.get(&first.key)["metadata"]["uid"].as_str(), first.uid());
    writer.delete_as_read(&second).await.unwrap();
    assert!(reader.object(&first.key).await.is_absent());
    writer.delete_as_read(&second).await.expect("what is gone is deleted");
}
