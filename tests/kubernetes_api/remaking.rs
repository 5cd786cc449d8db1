//! What never changes, on a real API server: what it says of it, and what is
//! done instead.

use etcdctl_stack::{
    cluster::{Error, Expect, Reader},
    desired::{CLUSTER_ID, Desired, with_replicas},
    member::Id,
    object::{Kind, Object},
    observed::{Journal, Members, Observed, Proposal},
    plan::{Intent, Plan, Verb, plan, questions, settle},
};
use jiff::Timestamp;
use serde_json::json;

use crate::space::{ClusterWide, Space, cluster, eventually, live, refused, same, stale};

/// Stores the StatefulSet of a stack with no pods, and a journal that says that
/// it was founded.
async fn founded(space: &Space, wanted: &Desired) -> Object {
    let writer = cluster().await.writer();
    let mut set = with_replicas(&wanted.stateful_set, 0);
    set.body["metadata"]["annotations"] = json!({ CLUSTER_ID: "c1" });
    let made = writer.apply(&set, &Expect::Absent).await.expect("a StatefulSet");
    let journal = Journal { cluster_id: Some(Id(0xc1)), ..Journal::default() };
    writer.write_journal(&wanted.names, &journal, None).await.expect("a journal");
    assert_eq!(space.get(&made.key)["spec"]["replicas"], 0);
    made
}

/// The server's answers and the plan for them, whatever etcd says.
async fn planned(reader: &Reader, wanted: &Desired) -> (Observed, Plan) {
    let live = live(reader, wanted).await.expect("an answer");
    let wanted = settle(wanted, &live);
    let proposals = reader.ask(&questions(&wanted, &live)).await;
    let observed = Observed { live, proposals, members: Members::NotRunning };
    let plan = plan(&wanted, &observed, &Intent::default(), Timestamp::constant(1_800_000_000, 0));
    (observed, plan)
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_claim_template_of_another_size_is_planned_as_made_anew_and_the_rest_is_checked() {
    let space = Space::new("template");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    founded(&space, &space.stack()).await;
    let larger = space.stack_with("[storage]\nsize = \"16Gi\"\n[etcd]\nquota = \"3686Mi\"\n");
    let key = larger.names.stateful_set();

    let (observed, plan) = planned(&reader, &larger).await;
    let accepted = &observed.proposals[&key];
    assert!(matches!(accepted, Proposal::Accepted { .. }), "{accepted:?}");
    let change = plan.changes.iter().find(|change| change.key == key).expect("a change");
    let paths: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
    let storage = "spec.volumeClaimTemplates[data].spec.resources.requests.storage";
    assert_eq!((change.verb, paths), (Verb::Recreate, vec![storage]));

    // What is there is what the server refuses otherwise, and names no field.
    let made = reader.object(&key).await.found().cloned().expect("it is there");
    let set = with_replicas(&larger.stateful_set, 0);
    let error = refused(writer.apply(&set, &same(&made)).await);
    assert!(error.to_string().contains("updates to statefulset spec for fields other than"), "{error}");
    // As it is it is not made anew.
    let (_, plan) = planned(&reader, &space.stack()).await;
    assert!(plan.changes.iter().all(|change| change.key != key), "{:?}", plan.changes);
}

/// The server's one sentence for every field, and what the plan makes of each.
#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn the_server_names_no_field_that_never_changes_and_the_plan_names_it() {
    let space = Space::new("never");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let wanted = space.stack();
    let made = founded(&space, &wanted).await;
    let table = [
        ("serviceName", json!("other"), "spec.serviceName", false),
        ("podManagementPolicy", json!("OrderedReady"), "spec.podManagementPolicy", true),
        ("selector", json!({ "matchLabels": { "app.kubernetes.io/name": "etcd" } }), "spec.selector", false),
    ];
    for (field, value, path, is_made_anew) in table {
        let mut other = wanted.clone();
        other.stateful_set.body["spec"][field] = value;
        let error = refused(writer.apply(&with_replicas(&other.stateful_set, 0), &same(&made)).await);
        let Error::Invalid { message, fields } = &error else { panic!("{field}: {error:?}") };
        assert_eq!(*fields, ["spec"], "{message}");
        assert!(!message.contains(&format!("'{field}'")), "{message}");

        let (_, plan) = planned(&reader, &other).await;
        let stops = plan
            .blocked
            .iter()
            .any(|blocked| blocked.code == "plan::immutable" && blocked.reason.contains(&format!("`{path}")));
        let anew = plan.changes.iter().any(|change| {
            change.verb == Verb::Recreate && change.fields.iter().any(|field| field.path.starts_with(path))
        });
        assert_eq!((stops, anew), (!is_made_anew, is_made_anew), "{field}: {:?}", plan.blocked);
    }
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_secret_that_cannot_be_filled_is_refused_by_the_server_and_made_anew_by_the_plan() {
    let space = Space::new("frozen");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let wanted = space.stack();
    let values = || [("tls.crt".to_owned(), Vec::new()), ("tls.key".to_owned(), Vec::new())].into();
    for (key, field) in [(wanted.names.server_secret(), "type"), (wanted.names.peer_secret(), "immutable")] {
        let ours = wanted.secrets.iter().find(|secret| secret.object.key == key).expect("a Secret");
        let mut theirs = ours.object.clone();
        theirs.body["data"] = json!({ "tls.crt": "eA==", "tls.key": "eA==" });
        if field == "type" {
            theirs.body["type"] = json!("kubernetes.io/tls");
        }
        let made = writer.apply(&theirs, &Expect::Absent).await.unwrap();
        if field == "immutable" {
            space.kubectl(&["patch", "secret", &key.name, "--type=merge", "-p", "{\"immutable\":true}"]);
        }
        let claimed = writer.claim_secret(&ours.object, made.uid()).await.unwrap();
        let error = refused(writer.put_secret(&ours.object, values(), &claimed).await);
        assert!(error.to_string().contains("field is immutable"), "{error}");

        let (_, plan) = planned(&reader, &wanted).await;
        let change = plan.changes.iter().find(|change| change.key == key).expect("a change");
        let paths: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
        assert!(change.verb == Verb::Recreate && paths.contains(&field), "{change:?}");
    }
}

/// What decides over the pods and the data is ours, so that another value is
/// seen.
#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn whoever_lets_the_controller_restart_pods_or_delete_claims_is_in_conflict() {
    let space = Space::new("policies");
    let reader = cluster().await.reader();
    let wanted = space.stack();
    founded(&space, &wanted).await;
    let edits = [
        (json!({ "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Delete" } }), "whenScaled"),
        (json!({ "updateStrategy": { "type": "RollingUpdate" } }), "updateStrategy.type"),
    ];
    for (edit, field) in edits {
        space.edits_set(&edit);
        let (_, plan) = planned(&reader, &wanted).await;
        let stops = plan.blocked.iter().any(|one| one.code == "plan::conflict" && one.reason.contains(field));
        assert!(stops, "{field}: {:?}", plan.blocked);
    }
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_stateful_set_goes_without_its_pods_only_as_it_was_seen() {
    let space = Space::new("orphan");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let pause = json!({ "name": "c", "image": "localhost/pause:1", "imagePullPolicy": "IfNotPresent" });
    let template = json!({ "metadata": { "labels": { "a": "b" } }, "spec": { "containers": [pause] } });
    let spec = json!({
        "serviceName": "x", "replicas": 1, "selector": { "matchLabels": { "a": "b" } }, "template": template,
        "updateStrategy": { "type": "OnDelete" },
    });
    let set = space.object(Kind::StatefulSet, "orders", json!({ "spec": spec }));
    let made = writer.apply(&set, &Expect::Absent).await.unwrap();
    let uid = made.uid().unwrap().to_owned();
    let pod = space.key(Kind::Pod, "orders-0");
    let found = eventually("its pod", async || reader.object(&pod).await.found().cloned()).await;
    let owner = |object: &Object| object.body.pointer("/metadata/ownerReferences/0/uid").cloned();
    assert_eq!(owner(&found), Some(json!(uid)));
    space.kubectl(&["label", "statefulset", "orders", "seen=no"]);

    stale(writer.orphan(&made.key, &uid, made.resource_version().unwrap()).await);
    stale(writer.orphan(&made.key, "another", "1").await);
    eventually("the version that is there", async || {
        let live = reader.object(&made.key).await.found().cloned()?;
        writer.orphan(&made.key, &uid, live.resource_version()?).await.ok()
    })
    .await;
    eventually("its end", async || reader.object(&made.key).await.is_absent().then_some(())).await;
    writer.orphan(&made.key, &uid, "1").await.expect("what is gone is deleted");
    let left = reader.object(&pod).await.found().cloned().expect("the pod stays");
    assert_eq!((left.uid(), owner(&left)), (found.uid(), None));

    let again = writer.apply(&set, &Expect::Absent).await.unwrap();
    let uid = eventually("the pod to be taken over", async || {
        let pod = reader.object(&pod).await.found().cloned()?;
        (owner(&pod) == again.uid().map(|uid| json!(uid))).then(|| pod.uid().map(str::to_owned))
    })
    .await;
    assert_eq!(uid.as_deref(), found.uid());
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_claim_is_asked_to_grow_only_as_it_was_seen() {
    let space = Space::new("grow");
    let writer = cluster().await.writer();
    let spec = json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } });
    let claim = space.object(Kind::PersistentVolumeClaim, "data", json!({ "spec": spec }));
    let made = writer.create(&claim).await.unwrap();
    let (uid, version) = (made.uid().unwrap(), made.resource_version().unwrap());
    let size = "2Gi".parse().unwrap();
    stale(writer.grow(&made.key, "another", version, size).await);
    stale(writer.grow(&made.key, uid, "1", size).await);
    // It is not bound, and its class does not let it.
    let error = refused(writer.grow(&made.key, uid, version, size).await);
    assert!(matches!(error, Error::Forbidden { .. } | Error::Invalid { .. }), "{error:?}");
    assert_eq!(space.get(&made.key)["spec"]["resources"]["requests"]["storage"], "1Gi");
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_service_that_became_headless_looks_as_wanted_to_the_server_and_not_to_the_plan() {
    let space = Space::new("headless");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let wanted = space.stack();
    founded(&space, &wanted).await;
    let mut headless = wanted.client_service.clone();
    headless.body["spec"]["clusterIP"] = json!("None");
    let made = writer.create(&headless).await.unwrap();
    let applied = writer.apply(&wanted.client_service, &same(&made)).await;
    assert_eq!(applied.expect("without a word").body["spec"]["clusterIP"], "None");

    let (observed, plan) = planned(&reader, &wanted).await;
    assert!(!observed.proposals.contains_key(&made.key));
    let change = plan.changes.iter().find(|change| change.key == made.key).expect("a change");
    assert_eq!((change.verb, change.fields[0].path.as_str()), (Verb::Recreate, "spec.clusterIP"));
}

/// A policy that adds to the claim template of each StatefulSet.
fn labels_claims(space: &Space) -> ClusterWide {
    let expression = "[JSONPatch{op: \"add\", path: \"/spec/volumeClaimTemplates/0/metadata/labels/team\", value: \"db\"}]";
    let mutation = json!({ "patchType": "JSONPatch", "jsonPatch": { "expression": expression } });
    ClusterWide::policy(space, "apps", "statefulsets", &mutation)
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_a_policy_adds_to_claim_templates_makes_nothing_anew() {
    let space = Space::new("claims");
    let reader = cluster().await.reader();
    let wanted = space.stack();
    let key = wanted.names.stateful_set();
    let _policy = labels_claims(&space);
    let team = |body: &serde_json::Value| {
        body.pointer("/spec/volumeClaimTemplates/0/metadata/labels/team") == Some(&json!("db"))
    };
    let obeyed = async || match &planned(&reader, &wanted).await.0.proposals[&key] {
        Proposal::Accepted { object, .. } => team(&object.body).then_some(()),
        _ => None,
    };
    eventually("the policy is obeyed", obeyed).await;
    let made = founded(&space, &wanted).await;
    assert!(team(&made.body), "{}", made.body);

    let of_the_set = async |wanted: &Desired| {
        let (_, plan) = planned(&reader, wanted).await;
        plan.changes.into_iter().find(|change| change.key == key)
    };
    let change = of_the_set(&wanted).await;
    assert!(change.is_none(), "{change:?}");
    let larger = space.stack_with("[storage]\nsize = \"16Gi\"\n[etcd]\nquota = \"3686Mi\"\n");
    let change = of_the_set(&larger).await.expect("a change");
    let paths: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
    let size = "spec.volumeClaimTemplates[data].spec.resources.requests.storage";
    assert_eq!((change.verb, paths.as_slice()), (Verb::Recreate, [size].as_slice()));
}
