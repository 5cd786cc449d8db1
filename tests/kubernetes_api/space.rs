//! What these tests share: a namespace of their own, kubectl, and a small
//! object to write.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use etcdctl_stack::{
    cluster::{Cluster, Connect, Error, Expect, Reader},
    desired::{Desired, desired},
    object::{Kind, Object, ObjectKey},
    observed::{Live, Members, Observed},
    plan::{Intent, Plan, plan, questions, settle},
    stack::parse_and_check,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A namespace of its own, and a folder. Dropped, also by a failed test, both
/// are removed.
pub struct Space {
    pub namespace: String,
    folder: tempfile::TempDir,
}

impl Space {
    /// A new namespace.
    pub fn new(name: &str) -> Self {
        let space = Space::unmade(name);
        kubectl(&["create", "namespace", &space.namespace]);
        space
    }

    /// The name of a namespace that nobody has made.
    pub fn unmade(name: &str) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("api-{name}-{}-{number}", std::process::id());
        Space { namespace, folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn key(&self, kind: Kind, name: &str) -> ObjectKey {
        ObjectKey::new(kind, &self.namespace, name)
    }

    /// An object of this namespace with these further fields.
    pub fn object(&self, kind: Kind, name: &str, rest: Value) -> Object {
        let mut body = json!({
            "apiVersion": kind.api_version(),
            "kind": kind.to_string(),
            "metadata": { "name": name, "namespace": self.namespace },
        });
        for (key, value) in rest.as_object().expect("fields") {
            match key.as_str() {
                "labels" => body["metadata"]["labels"] = value.clone(),
                _ => body[key] = value.clone(),
            }
        }
        Object { key: self.key(kind, name), body }
    }

    /// A ConfigMap with one value.
    pub fn config(&self, value: &str) -> Object {
        self.object(Kind::ConfigMap, "settings", json!({ "data": { "colour": value } }))
    }

    /// A pod that passes every check.
    pub fn pod(&self, name: &str) -> Object {
        let container = json!({
            "name": "pause",
            "image": "localhost/pause:1",
            "imagePullPolicy": "IfNotPresent",
            "resources": { "requests": { "cpu": "10m" } },
        });
        self.object(Kind::Pod, name, json!({ "spec": { "containers": [container] } }))
    }

    /// A stack of one member in this namespace.
    pub fn stack(&self) -> Desired {
        self.stack_with("")
    }

    /// The same, with these further tables.
    pub fn stack_with(&self, rest: &str) -> Desired {
        let head = format!("[stack]\nname = \"orders\"\nnamespace = \"{}\"\n", self.namespace);
        let text = format!("{head}[cluster]\nmembers = 1\n{rest}");
        desired(&parse_and_check("orders.toml", &text).expect("a good file").stack)
    }

    /// Runs kubectl in the namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        kubectl(&[&["-n", &self.namespace], arguments].concat())
    }

    /// Runs kubectl in the namespace with this object in a file.
    pub fn kubectl_with(&self, object: &Value, arguments: &[&str]) -> String {
        let file = self.file("object.json", &object.to_string());
        self.kubectl(&[arguments, &["-f", &file.to_string_lossy()]].concat())
    }

    /// Merges this into the spec of StatefulSet `orders`, as manager `me`.
    pub fn edits_set(&self, spec: &Value) {
        let patch = json!({ "spec": spec }).to_string();
        let how = ["--type=merge", "--field-manager=me", "-p", &patch];
        self.kubectl(&[&["patch", "statefulset", "orders"], how.as_slice()].concat());
    }

    /// The object as kubectl reads it.
    pub fn get(&self, key: &ObjectKey) -> Value {
        serde_json::from_str(&self.kubectl(&["get", key.kind.plural(), &key.name, "-o", "json"]))
            .expect("JSON")
    }

    /// A file of this test.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a writable folder");
        path
    }

    /// The kubeconfig in use, changed.
    pub fn kubeconfig(&self, change: impl Fn(&mut Value)) -> Connect {
        let mut config: Value =
            serde_json::from_str(&kubectl(&["config", "view", "--raw", "--flatten", "-o", "json"]))
                .expect("JSON");
        change(&mut config);
        Connect { context: None, kubeconfig: Some(self.file("kubeconfig.json", &config.to_string())) }
    }

    /// An identity without any right.
    pub async fn nobody(&self) -> Cluster {
        self.kubectl(&["create", "serviceaccount", "nobody"]);
        let token = self.kubectl(&["create", "token", "nobody"]);
        let options = self.kubeconfig(|config| config["users"][0]["user"] = json!({ "token": token.trim() }));
        Cluster::connect(&options).await.expect("a good kubeconfig")
    }

    /// Lets the namespace hang in its deletion, until it is let go.
    pub fn hang(&self) {
        self.kubectl(&["create", "configmap", "keeper"]);
        self.keep(json!(["example.test/keep"]));
        kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]);
    }

    fn keep(&self, finalizers: Value) {
        // The usual kind of patch adds to the list.
        let patch = json!({ "metadata": { "finalizers": finalizers } }).to_string();
        self.kubectl(&["patch", "configmap", "keeper", "--type=merge", "-p", &patch]);
    }

    /// Ends what [`Space::hang`] began.
    pub fn let_go(&self) {
        self.keep(json!([]));
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        run(&["delete", "namespace", &self.namespace, "--ignore-not-found", "--wait=false"]);
    }
}

/// Objects outside of the namespace, removed at the end of the test.
pub struct ClusterWide {
    file: String,
}

impl ClusterWide {
    pub fn new(space: &Space, file: &str, objects: &Value) -> Self {
        let file = space.file(file, &objects.to_string()).to_string_lossy().into_owned();
        kubectl(&["create", "-f", &file]);
        ClusterWide { file }
    }

    /// A policy that mutates what is written of one resource in a namespace.
    pub fn policy(space: &Space, api_group: &str, resource: &str, mutation: &Value) -> Self {
        let here = json!({ "matchLabels": { "kubernetes.io/metadata.name": space.namespace } });
        let rules = json!([{ "apiGroups": [api_group], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": [resource] }]);
        let name = format!("{}.example.test", space.namespace);
        let group = "admissionregistration.k8s.io/v1";
        let policy = json!({ "apiVersion": "v1", "kind": "List", "items": [
            { "apiVersion": group, "kind": "MutatingAdmissionPolicy", "metadata": { "name": name },
              "spec": { "failurePolicy": "Fail", "reinvocationPolicy": "Never",
                "matchConstraints": { "namespaceSelector": here, "resourceRules": rules },
                "mutations": [mutation] } },
            { "apiVersion": group, "kind": "MutatingAdmissionPolicyBinding", "metadata": { "name": name },
              "spec": { "policyName": name } },
        ] });
        ClusterWide::new(space, "policy.json", &policy)
    }
}

impl Drop for ClusterWide {
    fn drop(&mut self) {
        kubectl(&["delete", "-f", &self.file]);
    }
}

/// Everything of a stack, read as a plan reads it.
pub async fn live(reader: &Reader, desired: &Desired) -> Result<Live, Error> {
    reader.live(desired, reader.target().await?, reader.pods(&desired.names)).await
}

/// The plan for a stack as it is there, without members.
pub async fn planned(desired: &Desired, intent: &Intent) -> Plan {
    observed(desired, intent).await.1
}

/// What the plan is made from, and the plan.
pub async fn observed(desired: &Desired, intent: &Intent) -> (Observed, Plan) {
    let reader = cluster().await.reader();
    let live = live(&reader, desired).await.expect("a cluster that answers");
    let desired = settle(desired, &live);
    let proposals = reader.ask(&questions(&desired, &live)).await;
    let observed = Observed { live, proposals, members: Members::NotRunning };
    let plan = plan(&desired, &observed, intent, Timestamp::UNIX_EPOCH);
    (observed, plan)
}

/// The cluster that KUBECONFIG names.
pub async fn cluster() -> Cluster {
    Cluster::connect(&Connect::default()).await.expect("a good kubeconfig")
}

/// The object's identity, as an expectation.
pub fn same(object: &Object) -> Expect {
    Expect::Present { uid: object.uid().expect("a stored object").to_owned(), resource_version: None }
}

/// The object's identity and state, as an expectation.
pub fn unchanged(object: &Object) -> Expect {
    let uid = object.uid().expect("a stored object").to_owned();
    Expect::Present { uid, resource_version: object.resource_version().map(str::to_owned) }
}

/// The text says each of these.
#[track_caller]
pub fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}

/// The error of something that must fail.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Error {
    result.expect_err("must be refused")
}

/// Something that must fail because the object is not the expected one.
#[track_caller]
pub fn stale<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = refused(result);
    assert!(error.is_stale(), "{error:?}");
}

/// Runs kubectl; it must succeed.
#[track_caller]
pub fn kubectl(arguments: &[&str]) -> String {
    let (success, stdout, stderr) = run(arguments);
    assert!(success, "kubectl {arguments:?}: {stderr}");
    stdout
}

fn run(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new("kubectl").args(arguments).stdin(Stdio::null()).output();
    let output = output.expect("kubectl is on PATH");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// Asks again until there is an answer; fails with `what` after a minute.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
