//! What the namespace and the cluster have against a stack, said at plan time:
//! quotas, bounds, Pod Security, webhooks and policies.

use std::fs;

use serde_json::{Value, json};

use crate::kubernetes::{Place, as_service_account, kubectl, run, says, wait_until};

fn limited(name: &str, rest: &str) -> Place {
    let place = Place::new(name, rest);
    kubectl(&["create", "namespace", &place.namespace]).expect(0);
    wait_until("the service account", 30, || place.kubectl(&["get", "serviceaccount", "default"]).code == 0);
    place
}

impl Place {
    /// Makes a quota, and waits until it is counted.
    fn quota(&self, hard: &str) {
        self.kubectl(&["create", "quota", "team", &format!("--hard={hard}")]).expect(0);
        let counted = || self.get("quota", "team")["status"]["used"].is_object();
        wait_until("the quota is counted", 30, counted);
    }
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn members_that_a_quota_leaves_no_room_for_are_refused_with_the_numbers() {
    let place = limited("quota", "[cluster]\nmembers = 3\n");
    place.quota("requests.cpu=500m,requests.storage=8Gi,pods=10,limits.memory=20Gi");
    let refused = place.tool("plan", &[]).expect(3);
    says(&refused, &["3 members need 750m cpu, quota `team` has 500m left of 500m"]);
    says(&refused, &["3 members need 24Gi storage, quota `team` has 8Gi left of 8Gi", "plan::quota"]);

    place.write("[cluster]\nmembers = 1\n");
    let fits = place.tool("apply", &["--auto-approve"]).expect(0);
    says(&fits, &["quota `team` ok"]);
    place.tool("plan", &["--detailed-exitcode"]).expect(0);
    // One that only grows, into the same quota.
    place.write("[cluster]\nmembers = 3\n");
    let grows = place.tool("apply", &["--auto-approve"]).expect(3);
    says(&grows, &["2 more members need 500m cpu, quota `team` has 250m left of 500m"]);
    assert_eq!(place.pods().len(), 1);

    let nobody = Place::new("quota", "[cluster]\nmembers = 1\n");
    let path = as_service_account(&nobody);
    says(&run(nobody.command("plan", &[]).env("KUBECONFIG", path)), &["quota: quotas may not be listed"]);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn bounds_of_a_limit_range_are_said_with_the_line_that_helps() {
    let place = limited("bounds", "[cluster]\nmembers = 1\n");
    let limits = json!([
        { "type": "Container", "max": { "cpu": "100m" } },
        { "type": "PersistentVolumeClaim", "max": { "storage": "1Gi" } },
    ]);
    let range = json!({ "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "small" }, "spec": { "limits": limits } });
    let file = place.file.with_file_name("range.json");
    fs::write(&file, range.to_string()).expect("a writable folder");
    place.kubectl(&["create", "-f", &file.to_string_lossy()]).expect(0);
    let refused = place.tool("plan", &[]).expect(3);
    says(&refused, &["must be less than or equal to cpu limit of 100m", "set `[resources]` within it"]);
    says(
        &refused,
        &["maximum storage usage per PersistentVolumeClaim is 1Gi", "set `storage.size` within it"],
    );
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn the_pods_pass_the_restricted_standard_and_what_breaks_it_is_refused_by_name() {
    let place = limited("restricted", "[cluster]\nmembers = 1\n");
    for mode in ["enforce", "warn", "audit"] {
        let label = format!("pod-security.kubernetes.io/{mode}=restricted");
        kubectl(&["label", "namespace", &place.namespace, &label]).expect(0);
    }
    let plan = place.tool("plan", &["--json"]).expect(0).json();
    assert_eq!(plan["warnings"], json!([]));
    let details: Vec<&Value> =
        plan["checks"].as_array().into_iter().flatten().map(|check| &check["detail"]).collect();
    assert!(details.contains(&&json!("Pod dry-run")), "{details:?}");

    let volume =
        "[cluster]\nmembers = 1\n[[pod.extra_volumes]]\nname = \"host\"\nhostPath = { path = \"/tmp\" }\n";
    place.write(volume);
    let refused = place.tool("plan", &[]).expect(3);
    says(
        &refused,
        &["violates PodSecurity \"restricted:latest\"", "hostPath", "change what it names in `[pod]`"],
    );
    place.write("[cluster]\nmembers = 1\n[pod]\nrun_as_user = 0\n");
    says(&place.tool("plan", &[]).expect(1), &["`pod.run_as_user` is 0"]);
}

/// Objects outside of the namespace, removed at the end of the test.
pub struct ClusterWide(String);

impl ClusterWide {
    fn new(place: &Place, file: &str, objects: &Value) -> Self {
        let path = place.file.with_file_name(file);
        fs::write(&path, objects.to_string()).expect("a writable folder");
        let path = path.to_string_lossy().into_owned();
        kubectl(&["create", "-f", &path]).expect(0);
        ClusterWide(path)
    }
}

impl Drop for ClusterWide {
    fn drop(&mut self) {
        kubectl(&["delete", "-f", &self.0, "--ignore-not-found"]);
    }
}

/// What a rule is limited to: this kind of object in the test's namespace.
pub fn here(place: &Place) -> Value {
    json!({ "matchLabels": { "kubernetes.io/metadata.name": place.namespace } })
}

pub fn rules(group: &str, resource: &str) -> Value {
    let operations = ["CREATE", "UPDATE"];
    json!([{ "apiGroups": [group], "apiVersions": ["v1"], "operations": operations, "resources": [resource] }])
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_dead_webhook_is_named_with_its_configuration_and_asked_once_for_each_object() {
    let place = limited("webhook", "[cluster]\nmembers = 1\n");
    let name = format!("{}.example.test", place.namespace);
    let webhook = json!({
        "name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail", "timeoutSeconds": 2,
        "namespaceSelector": here(&place), "rules": rules("", "services"),
        "clientConfig": { "url": "https://127.0.0.1:1/nobody" },
    });
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": name }, "webhooks": [webhook],
    });
    let _webhook = ClusterWide::new(&place, "webhook.json", &configuration);
    wait_until("the webhook is asked", 60, || place.tool("plan", &[]).code == 1);
    let refused = place.tool("plan", &["--json"]).expect(1).json();
    assert_eq!((&refused["errored"], &refused["digest"]), (&json!(true), &Value::Null));
    let refused = place.tool("apply", &["--auto-approve"]).expect(1);
    let owner = format!("webhook `{name}` of `ValidatingWebhookConfiguration/{name}` does not answer");
    says(&refused, &[&owner, "Service/", "bring it back"]);
    assert_eq!(place.kubectl(&["get", "services,secrets", "-o", "name"]).expect(0).stdout, "");
    asked_once(&place);
}

/// The dry-run of the client Service was sent once by each run of the tool.
fn asked_once(place: &Place) {
    let Ok(log) = std::env::var("CLUSTER_AUDIT_LOG") else { return };
    let text = fs::read_to_string(log).expect("the audit log");
    let path = format!("/namespaces/{}/services/webhook?", place.namespace);
    let done = "\"stage\":\"ResponseComplete\"";
    let asked = text.lines().filter(|line| line.contains(&path) && line.contains(done));
    let asked = asked.filter(|line| line.contains("\"code\":500")).count();
    assert!((2..=3).contains(&asked), "asked {asked} times by three runs");
}

/// A policy that writes into objects of this kind.
pub fn writing(place: &Place, namespaces: &Value, rules: &Value, writes: &str) -> ClusterWide {
    let name = format!("{}.example.test", place.namespace);
    let group = "admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": group, "kind": "MutatingAdmissionPolicy", "metadata": { "name": name },
        "spec": {
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConstraints": { "namespaceSelector": namespaces, "resourceRules": rules },
            "mutations": [{ "patchType": "ApplyConfiguration", "applyConfiguration": { "expression": writes } }],
        },
    });
    let binding = json!({
        "apiVersion": group, "kind": "MutatingAdmissionPolicyBinding", "metadata": { "name": name },
        "spec": { "policyName": name },
    });
    let both = json!({ "apiVersion": "v1", "kind": "List", "items": [policy, binding] });
    ClusterWide::new(place, "policy.json", &both)
}

/// A policy that writes into every StatefulSet of the namespace.
fn writing_policy(place: &Place) -> ClusterWide {
    let writes = "Object{spec: Object.spec{template: Object.spec.template{metadata: \
                  Object.spec.template.metadata{annotations: {\"example.test/policy\": \"on\"}}}}}";
    writing(place, &here(place), &rules("apps", "statefulsets"), writes)
}

/// Nobody can be asked about a namespace that does not exist, so its policies
/// are met only once it is made.
#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn what_would_not_be_stored_as_predicted_stops_an_apply_that_has_made_the_namespace() {
    let place = Place::new("predicted", "[cluster]\nmembers = 1\n");
    let probe = format!("{}-probe", place.namespace);
    let key = "kubernetes.io/metadata.name";
    let both =
        json!({ "matchExpressions": [{ "key": key, "operator": "In", "values": [place.namespace, probe] }] });
    let writes = "Object{metadata: Object.metadata{labels: {\"app.kubernetes.io/component\": \"theirs\"}}}";
    let _policy = writing(&place, &both, &rules("", "services"), writes);
    kubectl(&["create", "namespace", &probe]).expect(0);
    let create =
        ["-n", &probe, "create", "service", "clusterip", "a", "--tcp=1", "--dry-run=server", "-o", "json"];
    wait_until("the policy is asked", 60, || kubectl(&create).stdout.contains("theirs"));
    kubectl(&["delete", "namespace", &probe, "--wait=false"]).expect(0);

    place.tool("plan", &[]).expect(0);
    let stopped = place.tool("apply", &["--auto-approve"]).expect(4);
    says(&stopped, &["would not be stored as predicted", "app.kubernetes.io/component", "plan again"]);
    assert_eq!(place.kubectl(&["get", "services,secrets,statefulsets", "-o", "name"]).expect(0).stdout, "");
    says(&place.tool("plan", &[]).expect(0), &["admission", "theirs"]);
}

/// The digest of the plan as it is now.
fn digest(place: &Place, more: &[&str]) -> String {
    let plan = place.tool("plan", &[more, &["--json"]].concat()).expect(0).json();
    plan["digest"].as_str().expect("a digest").to_owned()
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn what_changes_between_the_plan_and_the_apply_is_not_applied() {
    let place = limited("meanwhile", "[cluster]\nmembers = 1\n");
    place.tool("apply", &["--auto-approve"]).expect(0);
    place.write("[cluster]\nmembers = 1\n[service]\nannotations = { note = \"new\" }\n");
    let approved = digest(&place, &[]);
    let expect = ["--expect", approved.as_str()];
    let pods = place.pods();

    // A policy that would make the members restart.
    let policy = writing_policy(&place);
    let restarts = || place.tool("plan", &[]).stdout.contains("RESTART");
    wait_until("the policy is asked", 60, restarts);
    let refused = place.tool("apply", &expect).expect(4);
    says(&refused, &["RESTART of 1 member", "example.test/policy", "was approved", "approve it anew"]);
    drop(policy);
    wait_until("the policy is gone", 60, || !restarts());
    assert_eq!(digest(&place, &[]), approved);

    // An object that somebody deleted and made again, with our labels and without.
    let mut service = place.get("service", "meanwhile");
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        service["metadata"].as_object_mut().expect("metadata").remove(field);
    }
    service["spec"]["clusterIP"] = Value::Null;
    service["spec"]["clusterIPs"] = Value::Null;
    let again = |service: &Value| {
        place.kubectl(&["delete", "service", "meanwhile"]).expect(0);
        let file = place.file.with_file_name("service.json");
        fs::write(&file, service.to_string()).expect("a writable folder");
        place.kubectl(&["create", "-f", &file.to_string_lossy()]).expect(0);
        place.get("service", "meanwhile")
    };
    let made = again(&service);
    says(&place.tool("apply", &expect).expect(4), &["was approved"]);
    assert_eq!(place.get("service", "meanwhile"), made);
    service["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "Helm" });
    let made = again(&service);
    says(&place.tool("apply", &expect).expect(4), &["not this stack's", "was approved"]);
    // Another one than was approved to be adopted.
    let adopt = ["--adopt", "Service/meanwhile"];
    let approved = digest(&place, &adopt);
    assert_eq!(place.get("service", "meanwhile"), made);
    let made = again(&service);
    let expect = ["--expect", approved.as_str()];
    says(&place.tool("apply", &[&adopt[..], &expect].concat()).expect(4), &["was approved"]);
    assert_eq!(place.get("service", "meanwhile"), made);
    assert_eq!(place.pods(), pods);
}
