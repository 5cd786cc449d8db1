//! Bad input on a real Kubernetes: each is refused with what, where and what
//! to do, the right exit code, and nothing written.

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use crate::kubernetes::{Place, as_service_account, kubeconfig, kubectl, run, says, wait_until};

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn no_kubeconfig_a_wrong_context_and_a_dead_server_are_told_apart() {
    let place = Place::new("config", "[cluster]\nmembers = 1\n");
    let empty = place.file.with_file_name("home");
    fs::create_dir(&empty).expect("a writable folder");
    let none = run(place.command("plan", &[]).env_remove("KUBECONFIG").env("HOME", &empty)).expect(1);
    says(&none, &["kubeconfig", "KUBECONFIG"]);

    let wrong = place.tool("plan", &["--context", "nowhere"]).expect(1);
    says(&wrong, &["`nowhere`"]);

    let dead = kubeconfig(&place, |config| {
        config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1".into()
    });
    let dead = run(place.command("plan", &[]).env("KUBECONFIG", dead)).expect(1);
    says(&dead, &["127.0.0.1:1", "refused"]);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_token_that_is_not_accepted_is_one_clear_error() {
    let place = Place::new("token", "[cluster]\nmembers = 1\n");
    let path = kubeconfig(&place, |config| {
        for user in config["users"].as_array_mut().into_iter().flatten() {
            user["user"] = serde_json::json!({ "token": "expired" });
        }
    });
    let refused = run(place.command("plan", &[]).env("KUBECONFIG", path)).expect(1);
    says(&refused, &["credentials"]);
    let errors = refused.stderr.lines().filter(|line| line.starts_with("error:")).count();
    assert_eq!(errors, 1, "one error, not one for each request:\n{}", refused.stderr);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn missing_rights_are_all_listed() {
    let place = Place::new("rights", "[cluster]\nmembers = 1\n");
    let path = as_service_account(&place);
    let refused = run(place.command("plan", &[]).env("KUBECONFIG", path)).expect(1);
    says(
        &refused,
        &[
            "patch statefulsets.apps",
            "create pods/portforward",
            "patch secrets",
            "update leases.coordination.k8s.io",
        ],
    );
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_namespace_that_is_being_deleted_is_waited_for_by_a_person() {
    let place = Place::new("going", "[cluster]\nmembers = 1\n");
    kubectl(&["create", "namespace", &place.namespace]).expect(0);
    // A finalizer keeps something in it, and so the namespace itself.
    place.kubectl(&["create", "configmap", "keeper"]).expect(0);
    place
        .kubectl(&[
            "patch",
            "configmap",
            "keeper",
            "-p",
            r#"{"metadata":{"finalizers":["example.test/keep"]}}"#,
        ])
        .expect(0);
    kubectl(&["delete", "namespace", &place.namespace, "--wait=false"]).expect(0);
    let refused = place.tool("plan", &[]).expect(3);
    place
        .kubectl(&["patch", "configmap", "keeper", "--type=merge", "-p", r#"{"metadata":{"finalizers":[]}}"#])
        .expect(0);
    says(&refused, &["is being deleted", &place.namespace]);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_missing_storage_class_and_a_foreign_object_block_the_plan() {
    let place = Place::new("blocked", "[cluster]\nmembers = 1\n[storage]\nclass = \"no-such-class\"\n");
    kubectl(&["create", "namespace", &place.namespace]).expect(0);
    says(&place.tool("plan", &[]).expect(3), &["`no-such-class` does not exist", "storage.class"]);
    let told = place.tool("apply", &["--auto-approve", "--json"]).expect(3).stdout;
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<&Value> = lines.iter().map(|line| &line["type"]).collect();
    let [first, changes @ .., stop, last] = kinds.as_slice() else { panic!("{told}") };
    assert_eq!([*first, *stop, *last], ["version", "diagnostic", "change_summary"]);
    assert!(changes.iter().all(|kind| *kind == "planned_change"), "{told}");
    assert_eq!(lines[lines.len() - 2]["diagnostic"]["code"], "plan::storage_class");
    assert_eq!(place.kubectl(&["get", "statefulset,secret,lease", "-o", "name"]).expect(0).stdout, "");

    place.write("[cluster]\nmembers = 1\n");
    let foreign = r#"{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"blocked"},"spec":{"serviceName":"x","replicas":0,
        "selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"localhost/pause:1"}]}}}}"#;
    let file = place.file.with_file_name("foreign.json");
    fs::write(&file, foreign).expect("a writable folder");
    place.kubectl(&["create", "-f", &file.to_string_lossy()]).expect(0);
    let refused = place.tool("apply", &["--auto-approve"]).expect(3);
    says(&refused, &["StatefulSet", "not this stack's"]);
    assert_eq!(place.get("statefulset", "blocked")["spec"]["serviceName"], "x");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn an_image_that_cannot_be_pulled_stops_the_apply_with_the_kubelets_words() {
    let rest = "[cluster]\nmembers = 1\n[image]\nrepository = \"localhost/no-such-etcd\"\n";
    let place = Place::new("image", rest);
    let stopped = place.tool("apply", &["--auto-approve", "--step-timeout", "25s"]).expect(5);
    says(&stopped, &["image-0", "localhost/no-such-etcd"]);
    assert!(
        ["ImagePullBackOff", "ErrImagePull"].iter().any(|word| stopped.stderr.contains(word)),
        "{}",
        stopped.stderr
    );
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_pod_that_cannot_be_scheduled_stops_the_apply_with_the_schedulers_words() {
    let place = Place::new("full", "[cluster]\nmembers = 5\n");
    let plan = place.tool("plan", &[]).expect(0);
    says(&plan, &["5 members need one each"]);
    let stopped = place.tool("apply", &["--auto-approve", "--step-timeout", "60s"]).expect(5);
    says(&stopped, &["full-3", "nodes are available"]);
    // Three members serve, and the fourth waits: nothing is lost.
    let status = place.tool("status", &["--json"]).json();
    let voters =
        status["members"].as_array().map_or(0, |all| all.iter().filter(|one| one["role"] == "voter").count());
    assert_eq!(voters, 3, "{status:#}");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn an_interrupt_stops_cleanly_and_the_next_apply_goes_on() {
    let place = Place::new("signal", "[cluster]\nmembers = 1\n");
    let mut child = place.spawn_apply();
    wait_until("the StatefulSet exists", 60, || place.kubectl(&["get", "statefulset", "signal"]).code == 0);
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    let mut ended = None;
    wait_until("apply ends after Ctrl-C", 40, || {
        ended = child.try_wait().expect("our own child");
        ended.is_some()
    });
    assert_eq!(ended.and_then(|status| status.code()), Some(130));
    let text = std::io::read_to_string(child.stderr.take().expect("piped")).expect("text");
    assert!(text.contains("etcdctl-stack apply"), "says how to go on: {text}");
    place.tool("apply", &["--auto-approve"]).expect(0);
    place.tool("plan", &["--detailed-exitcode"]).expect(0);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn two_interrupts_end_at_once_and_standard_output_may_close_early() {
    let place =
        Place::new("twice", "[cluster]\nmembers = 1\n[image]\nrepository = \"localhost/no-such-etcd\"\n");
    let mut child = place.spawn_apply();
    wait_until("the StatefulSet exists", 60, || place.kubectl(&["get", "statefulset", "twice"]).code == 0);
    for _ in 0..2 {
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut ended = None;
    wait_until("apply ends after two Ctrl-C", 5, || {
        ended = child.try_wait().expect("our own child");
        ended.is_some()
    });
    assert_eq!(ended.and_then(|status| status.code()), Some(130));
    let text = std::io::read_to_string(child.stderr.take().expect("piped")).expect("text");
    for part in ["done: apply StatefulSet/", "was waiting for twice-0 to answer", "in the middle of a step"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let mut plan =
        place.command("plan", &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    drop(plan.stdout.take());
    let errors: Vec<String> =
        BufReader::new(plan.stderr.take().expect("piped")).lines().map_while(Result::ok).collect();
    let status = plan.wait().expect("our own child");
    assert!(!errors.iter().any(|line| line.contains("panicked")), "{errors:?}");
    assert!(status.code().is_some(), "killed by a signal: {status}");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn two_applies_at_once_are_not_possible() {
    let place = Place::new("lock", "[cluster]\nmembers = 3\n");
    let mut first = place.spawn_apply();
    wait_until("the first holds the lease", 60, || place.kubectl(&["get", "lease", "lock-lock"]).code == 0);
    let second = place.tool("apply", &["--auto-approve"]).expect(6);
    says(&second, &["lock"]);
    assert!(first.wait().expect("our own child").success());
}
