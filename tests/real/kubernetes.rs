//! What tests on a real Kubernetes share: a namespace of their own, the tool
//! run as a user runs it, and kubectl.
//!
//! The cluster is the one that KUBECONFIG names; `tests/cluster/enter` sets it.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

/// A stack file in a folder of its own, for a namespace of its own. Dropped,
/// both are removed.
pub struct Place {
    pub namespace: String,
    pub name: String,
    pub file: PathBuf,
    folder: tempfile::TempDir,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn of(output: Output) -> Self {
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the exit code is this one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl Place {
    /// A stack named `name` whose file has these further lines.
    pub fn new(name: &str, rest: &str) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("test-{name}-{}-{number}", std::process::id());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("stack.toml");
        let place = Place { namespace, name: name.to_owned(), file, folder };
        place.write(rest);
        place
    }

    /// Writes the stack file anew.
    pub fn write(&self, rest: &str) {
        let head = format!("[stack]\nname = \"{}\"\nnamespace = \"{}\"\n", self.name, self.namespace);
        fs::write(&self.file, format!("{head}{rest}")).expect("a writable folder");
    }

    /// The tool, on this stack file: `command FILE rest...`.
    pub fn command(&self, command: &str, rest: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_etcdctl-stack"));
        program.arg(command).arg(&self.file).args(rest).current_dir(self.folder.path());
        program.stdin(Stdio::null()).env_remove("CI").env("NO_COLOR", "1");
        // Snapshots go with the place.
        program.env("XDG_STATE_HOME", self.folder.path());
        program
    }

    /// Runs the tool to its end.
    pub fn tool(&self, command: &str, rest: &[&str]) -> Ended {
        run(&mut self.command(command, rest))
    }

    /// `apply`, whose output is kept.
    pub fn apply_command(&self) -> Command {
        let mut command = self.command("apply", &["--auto-approve", "--lock-timeout", "60s"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts `apply` and leaves it running.
    pub fn spawn_apply(&self) -> Child {
        self.apply_command().spawn().expect("the tool starts")
    }

    /// Runs kubectl in the namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> Ended {
        kubectl(&[&["-n", &self.namespace], arguments].concat())
    }

    /// An object of the namespace as JSON.
    pub fn get(&self, kind: &str, name: &str) -> Value {
        self.kubectl(&["get", kind, name, "-o", "json"]).expect(0).json()
    }

    /// etcdctl in the pod of ordinal 0, which finds its own certificates.
    pub fn etcdctl(&self, arguments: &[&str]) -> Ended {
        self.etcdctl_in(0, arguments)
    }

    /// etcdctl in the pod of an ordinal.
    pub fn etcdctl_in(&self, ordinal: usize, arguments: &[&str]) -> Ended {
        let pod = format!("{}-{ordinal}", self.name);
        self.kubectl(&[&["exec", &pod, "-c", "etcd", "--", "etcdctl"], arguments].concat())
    }

    /// A pod beside the cluster with etcdctl, the operator's certificate under
    /// `/tls` and no settings: what a client in the namespace is.
    pub fn start_client(&self) {
        let pod = serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "client" },
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": "client", "image": "registry.k8s.io/etcd:v3.6.16",
                    // Nothing in the image sleeps, so an etcd of its own does.
                    "command": ["/usr/local/bin/etcd", "--data-dir=/var/lib/etcd/idle"],
                    "volumeMounts": [{ "name": "tls", "mountPath": "/tls" }],
                }],
                "volumes": [{ "name": "tls", "secret": { "secretName": format!("{}-operator", self.name) } }],
            },
        });
        let file = self.file.with_file_name("client.json");
        fs::write(&file, pod.to_string()).expect("a writable folder");
        self.kubectl(&["create", "-f", &file.to_string_lossy()]).expect(0);
        self.kubectl(&["wait", "pod/client", "--for=condition=Ready", "--timeout=60s"]).expect(0);
    }

    /// etcdctl in the client's pod, with nothing but these arguments.
    pub fn client(&self, arguments: &[&str]) -> Ended {
        let fixed =
            ["exec", "client", "--", "/usr/local/bin/etcdctl", "--command-timeout=4s", "--dial-timeout=3s"];
        self.kubectl(&[&fixed, arguments].concat())
    }

    /// Whether a pod is Ready.
    pub fn is_ready(&self, pod: &str) -> bool {
        self.kubectl(&["wait", &format!("pod/{pod}"), "--for=condition=Ready", "--timeout=1s"]).code == 0
    }

    /// The uid of every pod and how often each was restarted.
    pub fn pods(&self) -> Vec<(String, String, i64)> {
        let list = self.kubectl(&["get", "pods", "-o", "json"]).expect(0).json();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .filter(|pod| pod["metadata"]["name"] != "client")
            .map(|pod| {
                let text = |pointer: &str| {
                    pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
                };
                let restarts = pod.pointer("/status/containerStatuses/0/restartCount");
                (
                    text("/metadata/name"),
                    text("/metadata/uid"),
                    restarts.and_then(Value::as_i64).unwrap_or(-1),
                )
            })
            .collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Volumes are made anew by the cluster once their claims are gone.
        kubectl(&["delete", "namespace", &self.namespace, "--ignore-not-found", "--wait=false"]);
    }
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Ended {
    Ended::of(command.output().expect("the program starts"))
}

/// Breaks something on the tests' own cluster: `tests/cluster/fault`.
#[track_caller]
pub fn fault(arguments: &[&str]) {
    try_fault(arguments).expect(0);
}

/// The same, where it may come too late.
pub fn try_fault(arguments: &[&str]) -> Ended {
    let program = std::env::var("CLUSTER_FAULT").expect("tests/cluster/enter sets CLUSTER_FAULT");
    run(Command::new(program).args(arguments))
}

/// Whether nodes and volumes are the tests' own to break; says what is left
/// out otherwise.
pub fn may_break(what: &str) -> bool {
    let own = std::env::var_os("CLUSTER_FAULT").is_some();
    if !own {
        println!("left out: {what} on a cluster that is not the tests' own");
    }
    own
}

/// Runs kubectl to its end.
pub fn kubectl(arguments: &[&str]) -> Ended {
    run(Command::new("kubectl").args(arguments).stdin(Stdio::null()))
}

/// The kubeconfig in use as JSON, changed by a test.
pub fn kubeconfig(place: &Place, change: impl FnOnce(&mut Value)) -> String {
    let mut config = kubectl(&["config", "view", "--raw", "-o", "json"]).expect(0).json();
    change(&mut config);
    let path = place.file.with_file_name("kubeconfig.json");
    fs::write(&path, config.to_string()).expect("a writable folder");
    path.to_string_lossy().into_owned()
}

/// A kubeconfig for the service account `deployer` of the namespace, both new.
pub fn as_service_account(place: &Place) -> String {
    kubectl(&["create", "namespace", &place.namespace]).expect(0);
    place.kubectl(&["create", "serviceaccount", "deployer"]).expect(0);
    let token = place.kubectl(&["create", "token", "deployer"]).expect(0).stdout.trim().to_owned();
    kubeconfig(place, |config| {
        for user in config["users"].as_array_mut().into_iter().flatten() {
            user["user"] = serde_json::json!({ "token": token });
        }
    })
}

/// The text says each of these.
#[track_caller]
pub fn says(ended: &Ended, words: &[&str]) {
    // Long lines are broken, between any two words.
    let text = format!("{}{}", ended.stdout, ended.stderr);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
}

/// Asks again twice a second until the answer is yes; fails with `what` after
/// the time is over.
#[track_caller]
pub fn wait_until(what: &str, seconds: u64, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(seconds), "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(500));
    }
}
