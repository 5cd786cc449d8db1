//! Questions: a dry-run stores nothing, and each way of being refused is told
//! apart.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use etcdctl_stack::{
    cluster::Expect,
    object::{Kind, Object},
    observed::{Lookup, Proposal, Question},
    plan::settle,
};
use serde_json::{Value, json};

use crate::space::{ClusterWide, Space, cluster, eventually, kubectl, live, same, says};

/// The answer to one question, asked by a reader that has read nothing yet.
async fn ask(object: &Object) -> Proposal {
    let reader = cluster().await.reader();
    let mut answers = reader.ask(&[Question { object: object.clone() }]).await;
    answers.remove(&object.key).expect("one answer for each question")
}

#[track_caller]
fn accepted(proposal: Proposal) -> Object {
    match proposal {
        Proposal::Accepted { object, .. } => object,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn rejected(proposal: Proposal, words: &[&str]) {
    match proposal {
        Proposal::Rejected { message, .. } => says(&message, words),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn failed(proposal: Proposal, words: &[&str]) {
    match proposal {
        Proposal::Failed(message) => says(&message, words),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_question_stores_nothing() {
    let space = Space::new("question");
    let absent = ask(&space.config("red")).await;
    assert!(matches!(absent, Proposal::Accepted { .. }), "{absent:?}");
    assert_eq!(space.kubectl(&["get", "configmap", "settings", "--ignore-not-found"]), "");

    let made = cluster().await.writer().apply(&space.config("red"), &Expect::Absent).await.unwrap();
    let object = accepted(ask(&space.config("blue")).await);
    assert_eq!(object.body["data"]["colour"], "blue");
    let after = space.get(&made.key);
    assert_eq!(after["data"]["colour"], "red");
    assert_eq!(after["metadata"]["resourceVersion"].as_str(), made.resource_version());
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_question_about_a_secret_keeps_its_values_even_when_nothing_was_read_before() {
    let space = Space::new("ask-secret");
    let secret =
        |labels: Value| space.object(Kind::Secret, "keys", json!({ "type": "Opaque", "labels": labels }));
    let other = ["apply", "--server-side", "--field-manager=painter"];
    let mut theirs = space.object(Kind::Secret, "keys", json!({ "type": "Opaque" })).body;
    theirs["data"] = json!({ "tls.key": "cHJpdmF0ZQ==" });
    space.kubectl_with(&theirs, &other);
    // Placeholders instead of the live values would be a conflict here.
    let object = accepted(ask(&secret(json!({ "colour": "red" }))).await);
    assert_eq!((object.label("colour"), object.body.get("data")), (Some("red"), None));
    let absent = space.object(Kind::Secret, "others", json!({ "type": "Opaque" }));
    assert!(matches!(ask(&absent).await, Proposal::Accepted { .. }));
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_question_about_a_secret_that_another_run_fills_meanwhile_is_asked_again() {
    let space = Space::new("ask-filled");
    let secret = space.object(Kind::Secret, "keys", json!({ "type": "Opaque" }));
    let made = cluster().await.writer().apply(&secret, &Expect::Absent).await.unwrap();
    let reader = cluster().await.reader();
    let question = Question { object: secret.clone() };
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let asking = tokio::spawn(async move {
        let mut answers = Vec::new();
        while !over.load(Ordering::Relaxed) {
            answers.extend(reader.ask(std::slice::from_ref(&question)).await.into_values());
        }
        answers
    });
    let writer = cluster().await.writer();
    for write in 0..10 {
        let mut filled = secret.clone();
        filled.body["metadata"]["annotations"] = json!({ "write": write.to_string() });
        let began = std::time::Instant::now();
        writer.apply(&filled, &same(&made)).await.unwrap();
        // Between two of its writes another run does something else, too.
        tokio::time::sleep(began.elapsed() * 3).await;
    }
    is_over.store(true, Ordering::Relaxed);
    let answers = asking.await.unwrap();
    assert!(answers.len() > 3, "{} answers", answers.len());
    for answer in answers {
        accepted(answer);
    }
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn another_spelling_of_a_quantity_is_a_conflict_unless_it_is_sent_as_it_stands() {
    let space = Space::new("quantity");
    let set = |cpu: &str| {
        let container =
            json!({ "name": "c", "image": "localhost/pause:1", "resources": { "requests": { "cpu": cpu } } });
        let template =
            json!({ "metadata": { "labels": { "a": "b" } }, "spec": { "containers": [container] } });
        let spec = json!({ "serviceName": "x", "replicas": 0, "selector": { "matchLabels": { "a": "b" } }, "template": template });
        space.object(Kind::StatefulSet, "orders", json!({ "spec": spec }))
    };
    space.kubectl_with(&set("1000m").body, &["apply", "--server-side", "--field-manager=painter"]);
    // The server keeps the canonical form, and compares what is sent with that.
    match ask(&set("1000m")).await {
        Proposal::Conflict { conflicts, forced } => {
            says(&format!("{conflicts:?}"), &["requests.cpu", "painter"]);
            accepted(*forced);
        }
        other => panic!("{other:?}"),
    }
    let object = accepted(ask(&set("1")).await);
    let cpu = "/spec/template/spec/containers/0/resources/requests/cpu";
    assert_eq!(object.body.pointer(cpu), Some(&json!("1")));
}

/// What another manager wrote in its own way: every byte counted.
#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn quantities_that_another_manager_spelled_are_asked_about_in_its_spelling() {
    let space = Space::new("spelling");
    let desired = space.stack();
    let mut theirs = desired.stateful_set.clone();
    let limit = "/spec/template/spec/containers/0/resources/limits/memory";
    *theirs.body.pointer_mut(limit).expect("a limit") = json!("2147483648");
    space.kubectl_with(&theirs.body, &["apply", "--server-side", "--field-manager=painter"]);
    let conflicts = async |object: &Object| match ask(object).await {
        Proposal::Conflict { conflicts, .. } => format!("{conflicts:?}"),
        other => panic!("{other:?}"),
    };
    says(&conflicts(&desired.stateful_set).await, &["limits.memory", "painter"]);
    let live = live(&cluster().await.reader(), &desired).await.unwrap();
    // What is left is the list in which the server fills in defaults.
    let left = conflicts(&settle(&desired, &live).stateful_set).await;
    says(&left, &["volumeClaimTemplates"]);
    assert!(!left.contains("memory"), "{left}");
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_pod_over_a_quota_or_below_a_standard_is_rejected_with_the_words() {
    let space = Space::new("quota");
    let pod = space.pod("probe");
    let fine = eventually("the service account", async || match ask(&pod).await {
        Proposal::Failed(_) | Proposal::Rejected { .. } => None,
        other => Some(other),
    });
    assert!(matches!(fine.await, Proposal::Accepted { .. }));
    space.kubectl(&["create", "quota", "small", "--hard=pods=0"]);
    let over = async || match ask(&pod).await {
        Proposal::Accepted { .. } => None,
        other => Some(other),
    };
    rejected(eventually("the quota", over).await, &["exceeded quota: small", "pods=1"]);
    space.kubectl(&["delete", "quota", "small"]);

    let label = "pod-security.kubernetes.io/enforce=restricted";
    kubectl(&["label", "namespace", &space.namespace, label]);
    let below = async || match ask(&pod).await {
        Proposal::Rejected { message, .. } if message.contains("quota") => None,
        Proposal::Accepted { .. } => None,
        other => Some(other),
    };
    rejected(eventually("the standard", below).await, &["restricted", "runAsNonRoot"]);
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn warnings_of_admission_come_with_the_answer() {
    let space = Space::new("warning");
    kubectl(&["label", "namespace", &space.namespace, "pod-security.kubernetes.io/warn=restricted"]);
    let pod = space.pod("probe");
    let warned = async || match ask(&pod).await {
        Proposal::Accepted { warnings, .. } if !warnings.is_empty() => Some(warnings.join("\n")),
        _ => None,
    };
    let text = eventually("a warning", warned).await;
    says(&text, &["would violate PodSecurity \"restricted:latest\"", "(container \"pause\" must set"]);
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_namespace_that_is_missing_or_on_its_way_out_is_told_apart() {
    let missing = Space::unmade("missing");
    assert_eq!(ask(&missing.config("red")).await, Proposal::NamespaceMissing);
    assert_eq!(ask(&missing.pod("probe")).await, Proposal::NamespaceMissing);

    let going = Space::new("going");
    going.hang();
    let answer = ask(&going.config("red")).await;
    let Lookup::Found(live) = cluster().await.reader().object(&going.stack().namespace.key).await else {
        panic!("it is still there")
    };
    going.let_go();
    rejected(answer, &["is being deleted", &going.namespace]);
    assert_eq!(live.body["status"]["phase"], "Terminating");
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_policy_rejects_and_a_dead_webhook_is_named() {
    let space = Space::new("policy");
    let here = json!({ "matchLabels": { "kubernetes.io/metadata.name": space.namespace } });
    let rules = json!([{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"] }]);
    let name = format!("{}.example.test", space.namespace);
    let policy = json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": { "name": name },
          "spec": { "failurePolicy": "Fail", "matchConstraints": { "namespaceSelector": here, "resourceRules": rules },
            "validations": [{ "expression": "false", "message": "User \"you\" cannot paint", "reason": "Forbidden" }] } },
        { "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": name },
          "spec": { "policyName": name, "validationActions": ["Deny"] } },
    ] });
    let policy = ClusterWide::new(&space, "policy.json", &policy);
    rejected(until_not_accepted(&space.config("red")).await, &["cannot paint"]);
    drop(policy);

    let webhook = json!({ "name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
        "timeoutSeconds": 2, "namespaceSelector": here, "rules": rules, "clientConfig": { "url": "https://127.0.0.1:1/nobody" } });
    let webhook = json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": name }, "webhooks": [webhook] });
    let _webhook = ClusterWide::new(&space, "webhook.json", &webhook);
    let dead = eventually("the webhook is asked", async || match ask(&space.config("red")).await {
        Proposal::Accepted { .. } | Proposal::Rejected { .. } => None,
        other => Some(other),
    });
    let owner = format!("webhook `{name}` of `ValidatingWebhookConfiguration/{name}` does not answer");
    failed(dead.await, &["failed calling webhook", &owner]);
}

async fn until_not_accepted(object: &Object) -> Proposal {
    eventually("it is refused", async || match ask(object).await {
        Proposal::Accepted { .. } => None,
        other => Some(other),
    })
    .await
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn an_identity_without_rights_sees_each_of_them_denied() {
    let space = Space::new("nobody");
    let reader = space.nobody().await.reader();
    let denied = live(&reader, &space.stack()).await.unwrap();
    assert!(
        denied.rights.len() > 20 && denied.rights.iter().all(|right| !right.allowed),
        "{:?}",
        denied.rights
    );
    let verbs = |resource: &str| {
        let of = denied.rights.iter().filter(|right| right.resource == resource);
        of.map(|right| right.verb.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(verbs("pods/portforward"), ["get", "create"]);
    for (key, found) in &denied.objects {
        let Lookup::Failed(reason) = found else { panic!("{key}: {found:?}") };
        says(reason, &[&format!("cannot get resource \"{}\"", key.kind.plural())]);
    }
    assert!(
        matches!(&denied.pods, Lookup::Failed(reason) if reason.contains("cannot list resource \"pods\""))
    );
    assert!(matches!(&denied.journal, Lookup::Failed(_)));
    assert!(matches!(&denied.revisions, Lookup::Failed(reason) if reason.contains("controllerrevisions")));

    let object = space.config("red");
    let answers = reader.ask(&[Question { object: object.clone() }]).await;
    failed(answers[&object.key].clone(), &["cannot patch resource \"configmaps\""]);
    let secret = space.object(Kind::Secret, "keys", json!({ "type": "Opaque" }));
    let answers = reader.ask(&[Question { object: secret.clone() }]).await;
    failed(answers[&secret.key].clone(), &["secrets"]);

    let admin = live(&cluster().await.reader(), &space.stack()).await.unwrap();
    assert!(admin.rights.iter().all(|right| right.allowed));
    assert!(admin.objects.values().filter(|found| found.is_absent()).count() == admin.objects.len() - 1);
}
