//! Handing over: this tool's name comes off, every value stays, and what else
//! is in a namespace is found.

use etcdctl_stack::{
    cluster::Expect,
    desired::{FIELD_MANAGER, MANAGED_BY, STACK_LABEL},
    object::{Kind, Object, ObjectKey},
};
use serde_json::{Value, json};

use crate::space::{Space, cluster, eventually, kubectl, same, stale};

fn managers(body: &Value) -> Vec<String> {
    let entries = body["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    entries.iter().filter_map(|entry| Some(entry["manager"].as_str()?.to_owned())).collect()
}

fn whole(space: &Space, object: &Object) -> Value {
    let (kind, name) = (object.key.kind.plural(), &object.key.name);
    let text = space.kubectl(&["get", kind, name, "-o", "json", "--show-managed-fields"]);
    serde_json::from_str(&text).expect("JSON")
}

/// The object without what a release changes.
fn values(mut body: Value) -> Value {
    for field in ["managedFields", "resourceVersion"] {
        body["metadata"].as_object_mut().expect("metadata").remove(field);
    }
    if let Some(labels) = body["metadata"]["labels"].as_object_mut() {
        for label in [STACK_LABEL, MANAGED_BY] {
            labels.remove(label);
        }
    }
    body
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn every_value_stays_and_others_keep_what_they_set() {
    let space = Space::new("release");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let desired = space.stack();
    for wanted in [&desired.stateful_set, &desired.client_service, desired.budget.as_ref().expect("one")] {
        writer.apply(wanted, &Expect::Absent).await.unwrap();
        let (kind, name) = (wanted.key.kind.plural(), &wanted.key.name);
        space.kubectl(&["annotate", kind, name, "example.test/by=somebody"]);
        let read = eventually("a version that stays", async || {
            let read = reader.object(&wanted.key).await.found().cloned()?;
            writer.release(&read).await.ok().map(|()| read)
        })
        .await;
        let after = whole(&space, wanted);
        assert_eq!(values(after.clone())["spec"], values(read.body.clone())["spec"], "{}", wanted.key);
        assert_eq!(after["metadata"]["generation"], read.body["metadata"]["generation"]);
        assert_eq!(after["metadata"]["uid"].as_str(), read.uid());
        assert!(!managers(&after).iter().any(|name| name == FIELD_MANAGER), "{:?}", managers(&after));
        assert!(managers(&after).iter().any(|name| name.starts_with("kubectl")), "{:?}", managers(&after));
        assert_eq!(
            [STACK_LABEL, MANAGED_BY].map(|label| after["metadata"]["labels"][label].clone()),
            [Value::Null, Value::Null]
        );
        assert_eq!(after["metadata"]["labels"]["app.kubernetes.io/instance"], "orders");
        // Anybody may set what is nobody's.
        let again = reader.object(&wanted.key).await.found().cloned().unwrap();
        writer.release(&again).await.expect("done already");
        assert_eq!(whole(&space, wanted)["metadata"]["resourceVersion"].as_str(), again.resource_version());
    }
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_sole_manager_leaves_nobody_behind_and_a_secret_keeps_its_values() {
    let space = Space::new("release-alone");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let secret = space.stack().secrets[0].object.clone();
    let claimed = writer.claim_secret(&secret, None).await.unwrap();
    let value = [("tls.crt".to_owned(), b"certificate".to_vec())].into();
    let stored = writer.put_secret(&secret, value, &claimed).await.unwrap();
    let before = whole(&space, &secret);
    assert_eq!(managers(&before), [FIELD_MANAGER; 2]);
    writer.release(&reader.object(&stored.key).await.found().cloned().unwrap()).await.unwrap();
    let after = whole(&space, &secret);
    assert_eq!(managers(&after), Vec::<String>::new());
    assert_eq!(values(after.clone()), values(before));
    assert_eq!(after["data"]["tls.crt"], "Y2VydGlmaWNhdGU=");

    // What changed since it was read is left alone.
    let config = writer.apply(&space.config("red"), &Expect::Absent).await.unwrap();
    space.kubectl(&["annotate", "configmap", "settings", "by=somebody"]);
    stale(writer.release(&config).await);
    writer.apply(&space.config("blue"), &same(&config)).await.expect("it is ours still");
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_others_have_in_a_namespace_is_found() {
    let space = Space::new("neighbours");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let desired = space.stack();
    writer.apply(&desired.client_service, &Expect::Absent).await.unwrap();
    writer.apply(&desired.stateful_set, &Expect::Absent).await.unwrap();
    eventually("what every namespace has", async || {
        space.kubectl(&["get", "serviceaccounts,configmaps", "-o", "name"]).contains("default").then_some(())
    })
    .await;
    let objects = desired.objects().into_iter().map(|object| object.key.clone());
    let ours: Vec<ObjectKey> = objects.chain([desired.names.claim(0)]).collect();
    let none = reader.neighbours(&desired.names, &ours).await.unwrap();
    assert_eq!((none.in_words(), none.unread_in_words()), (None, None));

    writer.apply(&space.config("red"), &Expect::Absent).await.unwrap();
    space.kubectl(&["create", "deployment", "web", "--image=localhost/pause:1", "--replicas=0"]);
    space.kubectl(&["label", "deployment", "web", &format!("{STACK_LABEL}=orders")]);
    let mut theirs = space.object(Kind::Secret, "payments-server", json!({ "type": "Opaque" }));
    theirs.body["metadata"]["labels"] = json!({ STACK_LABEL: "payments" });
    writer.create(&theirs).await.unwrap();
    let some = reader.neighbours(&desired.names, &ours).await.unwrap();
    assert_eq!(some.in_words().as_deref(), Some("1 ConfigMap, 1 Deployment.apps, 1 Secret"));
    // A label that was copied makes nothing the stack's.
    space.kubectl(&["label", "secret", "payments-server", "--overwrite", &format!("{STACK_LABEL}=orders")]);
    let some = reader.neighbours(&desired.names, &ours).await.unwrap();
    assert_eq!(some.in_words().as_deref(), Some("1 ConfigMap, 1 Deployment.apps, 1 Secret"));

    let nobody = space.nobody().await;
    let blind = nobody.reader().neighbours(&desired.names, &ours).await.unwrap();
    let unread = blind.unread_in_words().unwrap();
    assert!(unread.contains("Secret") && unread.contains("Deployment.apps"), "{unread}");
    assert_eq!(blind.in_words(), None);
}

/// A kind of a test's own, in one version. Dropped, it is gone.
struct Defined {
    name: String,
}

impl Defined {
    fn new(space: &Space, group: &str, kind: &str, version: &str) -> Self {
        let plural = format!("{}s", kind.to_lowercase());
        let name = format!("{plural}.{group}");
        let schema = json!({ "openAPIV3Schema": { "type": "object" } });
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": name },
            "spec": {
                "group": group,
                "names": { "kind": kind, "plural": plural },
                "scope": "Namespaced",
                "versions": [{ "name": version, "served": true, "storage": true, "schema": schema }],
            },
        });
        space.kubectl_with(&definition, &["create"]);
        let defined = Defined { name };
        space.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", &defined.name]);
        defined
    }
}

impl Drop for Defined {
    fn drop(&mut self) {
        let Defined { name } = self;
        let _gone = std::panic::catch_unwind(|| kubectl(&["delete", "crd", name, "--wait=false"]));
    }
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_kind_that_only_an_older_version_of_its_group_has_is_found() {
    let space = Space::new("versions");
    let reader = cluster().await.reader();
    let names = space.stack().names;
    let group = format!("{}.example.test", space.namespace);
    let _preferred = Defined::new(&space, &group, "Gadget", "v1");
    let _other = Defined::new(&space, &group, "Widget", "v1alpha1");
    let version = format!("{group}/v1alpha1");
    let widget = json!({ "apiVersion": version, "kind": "Widget", "metadata": { "name": "one" } });
    space.kubectl_with(&widget, &["create"]);
    let preferred = kubectl(&["get", "--raw", &format!("/apis/{group}")]);
    let preferred: Value = serde_json::from_str(&preferred).expect("JSON");
    assert_eq!(preferred["preferredVersion"]["version"], "v1");
    let found = reader.neighbours(&names, &[]).await.unwrap();
    let widgets = found.objects.get(&format!("Widget.{group}"));
    assert_eq!(widgets, Some(&["one".to_owned()].into()), "{found:?}");
}
