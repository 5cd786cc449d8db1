//! Writes: each says what the object must be, and none takes anything from
//! anybody.

use std::collections::BTreeMap;

use etcdctl_stack::{
    cluster::{Error, Expect},
    object::Kind,
    observed::{Conflict, Lookup},
};
use serde_json::json;

use crate::space::{Space, cluster, refused, same, says, stale, unchanged};

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn an_apply_makes_changes_and_prunes_its_own_fields_only() {
    let space = Space::new("apply");
    let writer = cluster().await.writer();
    let made = writer.apply(&space.config("red"), &Expect::Absent).await.unwrap();
    space.kubectl(&["label", "configmap", "settings", "from=kubectl"]);

    let wider =
        space.object(Kind::ConfigMap, "settings", json!({ "data": { "colour": "blue", "size": "1" } }));
    let wider = writer.apply(&wider, &same(&made)).await.unwrap();
    assert_eq!((wider.uid(), wider.label("from")), (made.uid(), Some("kubectl")));
    assert_eq!(wider.body["data"], json!({ "colour": "blue", "size": "1" }));

    let narrow = writer.apply(&space.config("blue"), &unchanged(&wider)).await.unwrap();
    assert_eq!(narrow.body["data"], json!({ "colour": "blue" }));
    assert_eq!(narrow.label("from"), Some("kubectl"));
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_write_is_refused_when_the_object_is_not_the_expected_one() {
    let space = Space::new("expect");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let made = writer.apply(&space.config("red"), &Expect::Absent).await.unwrap();
    stale(writer.apply(&space.config("blue"), &Expect::Absent).await);
    let error = refused(writer.create(&space.config("blue")).await);
    assert!(matches!(error, Error::AlreadyExists(_)), "{error:?}");

    space.kubectl(&["label", "configmap", "settings", "from=kubectl"]);
    stale(writer.apply(&space.config("blue"), &unchanged(&made)).await);
    assert_eq!(space.get(&made.key)["data"]["colour"], "red");

    // Made anew by somebody: another uid. Then gone: not made anew by us.
    space.kubectl(&["delete", "configmap", "settings"]);
    space.kubectl(&["create", "configmap", "settings"]);
    stale(writer.apply(&space.config("blue"), &same(&made)).await);
    space.kubectl(&["delete", "configmap", "settings"]);
    for expect in [same(&made), unchanged(&made)] {
        stale(writer.apply(&space.config("blue"), &expect).await);
    }
    assert!(reader.object(&made.key).await.is_absent());
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_field_of_another_manager_is_a_conflict_with_its_name() {
    let space = Space::new("conflict");
    let writer = cluster().await.writer();
    let made = writer.apply(&space.config("red"), &Expect::Absent).await.unwrap();
    let other = ["apply", "--server-side", "--force-conflicts", "--field-manager=painter"];
    space.kubectl_with(&space.config("green").body, &other);
    let error = refused(writer.apply(&space.config("red"), &same(&made)).await);
    let conflict = Conflict { field: "data.colour".into(), manager: "painter".into() };
    assert_eq!(error, Error::Conflict(vec![conflict]));
    assert_eq!(space.get(&made.key)["data"]["colour"], "green");
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_secret_keeps_its_values_when_only_its_labels_are_applied() {
    let space = Space::new("secret");
    let (reader, writer) = (cluster().await.reader(), cluster().await.writer());
    let labelled = |colour: &str| {
        space.object(Kind::Secret, "keys", json!({ "type": "Opaque", "labels": { "colour": colour } }))
    };
    let values = BTreeMap::from([("tls.key".to_owned(), b"private\0key".to_vec())]);
    let claimed = writer.claim_secret(&labelled("red"), None).await.unwrap();
    assert!(!claimed.holds_a_certificate);
    let made = writer.put_secret(&labelled("red"), values, &claimed).await.unwrap();
    assert_eq!(made.body.get("data"), None);

    let changed = writer.apply(&labelled("blue"), &same(&made)).await.unwrap();
    assert_eq!((changed.label("colour"), changed.body.get("data")), (Some("blue"), None));
    assert_eq!(space.get(&made.key)["data"], json!({ "tls.key": "cHJpdmF0ZQBrZXk=" }));
    // What the claim set is no obstacle: a label goes with the file's.
    let bare = space.object(Kind::Secret, "keys", json!({ "type": "Opaque" }));
    assert_eq!(writer.apply(&bare, &same(&made)).await.unwrap().label("colour"), None);
    let Lookup::Found(read) = reader.object(&made.key).await else { panic!("it is there") };
    assert_eq!(read.body.get("data"), None);
    assert!(!format!("{read:?}{changed:?}").contains("cHJpdmF0ZQ"));
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_secret_that_changed_since_it_was_read_is_not_applied() {
    let space = Space::new("secret-stale");
    let writer = cluster().await.writer();
    let secret = space.object(Kind::Secret, "keys", json!({ "type": "Opaque" }));
    let values = |text: &str| BTreeMap::from([("tls.key".to_owned(), text.as_bytes().to_vec())]);
    let claimed = writer.claim_secret(&secret, None).await.unwrap();
    let made = writer.put_secret(&secret, values("old"), &claimed).await.unwrap();
    space.kubectl(&["label", "secret", "keys", "from=kubectl"]);
    stale(writer.apply(&secret, &unchanged(&made)).await);
    // Filled since it was claimed, it is not filled again; nor claimed as new.
    stale(writer.put_secret(&secret, values("new"), &claimed).await);
    stale(writer.claim_secret(&secret, None).await);
    stale(writer.claim_secret(&secret, Some("another")).await);
    assert_eq!(space.get(&made.key)["data"], json!({ "tls.key": "b2xk" }));

    space.kubectl(&["delete", "secret", "keys"]);
    stale(writer.apply(&secret, &same(&made)).await);
}

/// Values are sent as `data`: what is sent as `stringData` is stored there and
/// belongs to nobody, so nothing that is left out later would go.
#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_value_of_a_secret_that_is_left_out_goes() {
    let space = Space::new("secret-less");
    let writer = cluster().await.writer();
    let secret = space.object(Kind::Secret, "keys", json!({ "type": "Opaque" }));
    let values = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), b"x".to_vec())).collect();
    let claimed = writer.claim_secret(&secret, None).await.unwrap();
    let made = writer.put_secret(&secret, values(&["tls.crt", "tls.key"]), &claimed).await.unwrap();
    let claimed = writer.claim_secret(&secret, made.uid()).await.unwrap();
    writer.put_secret(&secret, values(&["tls.crt"]), &claimed).await.unwrap();
    assert_eq!(space.get(&made.key)["data"], json!({ "tls.crt": "eA==" }));
}

/// An apply makes or changes, and no precondition asks for absence: only the
/// code of the answer tells.
#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn of_many_that_make_an_object_at_once_one_has_made_it_and_the_rest_hear_so() {
    let space = Space::new("at-once");
    let cluster = cluster().await;
    for round in 0..5 {
        let object = space.object(Kind::ConfigMap, &format!("settings-{round}"), json!({ "data": {} }));
        let runs = (0..12).map(|_| {
            let (writer, object) = (cluster.writer(), object.clone());
            async move { writer.apply(&object, &Expect::Absent).await }
        });
        let (made, late): (Vec<_>, Vec<_>) =
            futures::future::join_all(runs).await.into_iter().partition(Result::is_ok);
        assert_eq!((made.len(), late.len()), (1, 11), "{late:?}");
        late.into_iter().for_each(stale);
    }
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn an_empty_secret_takes_labels_too() {
    let space = Space::new("secret-empty");
    let writer = cluster().await.writer();
    let secret = space.object(Kind::Secret, "keys", json!({ "type": "Opaque" }));
    let made = writer.create(&secret).await.unwrap();
    writer.apply(&secret, &same(&made)).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_the_server_finds_wrong_names_the_field() {
    let space = Space::new("invalid");
    let writer = cluster().await.writer();
    let wrong_port =
        space.object(Kind::Service, "orders", json!({ "spec": { "ports": [{ "port": 70000 }] } }));
    let unknown = space.object(Kind::ConfigMap, "settings", json!({ "dta": {} }));
    let wrong_type = space.object(Kind::ConfigMap, "settings", json!({ "data": { "colour": 1 } }));
    let mut answers = Vec::new();
    for object in [wrong_port, unknown, wrong_type] {
        answers.push(refused(writer.apply(&object, &Expect::Absent).await));
    }
    let text = answers.iter().map(|error| format!("{error:?}\n")).collect::<String>();
    assert!(answers.iter().all(|error| matches!(error, Error::Invalid { .. })), "{text}");
    says(&text, &["spec.ports[0].port", "dta", "colour"]);
}
