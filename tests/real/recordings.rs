//! Recordings of a real cluster: the same while nothing happens, and a plan
//! against one is the plan from the cluster.

use std::{fs, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{
    changing::{founded, members},
    kubernetes::{Place, run, says},
};

/// Two members less, which fit on three nodes, and further lines.
fn file(count: usize, rest: &str) -> String {
    format!("{}{rest}", members(count))
}

/// Where nothing tells of a cluster.
fn offline(place: &Place, command: &str, rest: &[&str]) -> Command {
    let mut program = place.command(command, rest);
    program.env_clear().env("HOME", "/nonexistent").env("KUBECONFIG", "/nonexistent/config");
    program
}

/// What a plan against a recording has in common with one from the cluster:
/// what the stack changes, each step with its actions, and each reason.
fn essence(plan: &Value) -> Value {
    let all = |list: &Value, part: &dyn Fn(&Value) -> Value| {
        list.as_array().into_iter().flatten().map(part).collect::<Value>()
    };
    let field = |field: &Value| json!([field["path"], field["before"], field["after"]]);
    let change = |change: &Value| {
        let fields = change["change"]["fields"].as_array().cloned().unwrap_or_default();
        let ours: Vec<Value> = fields.into_iter().filter(|field| field["source"] == "stack").collect();
        json!([change["address"], change["change"]["actions"], all(&json!(ours), &field), change["notes"]])
    };
    json!({
        "changes": all(&plan["resource_changes"], &change),
        "steps": all(&plan["steps"], &|step| json!([step["title"], step["actions"]])),
        "reasons": all(&plan["diagnostics"], &|one| json!([one["code"], one["summary"]])),
        "foreign": plan["foreign_fields"],
        "members": plan["summary"]["members"],
        "needs": plan["summary"]["needs"],
    })
}

/// Plans from the cluster and from a fresh recording of it, and compares. Gives
/// the plan from the recording.
#[track_caller]
fn agree(place: &Place, what: &str, flags: &[&str]) -> Value {
    let state = place.file.with_file_name("now.json");
    let state = state.to_string_lossy();
    place.tool("record", &["--out", &state]).expect(0);
    let online = place.tool("plan", &[&["--json"], flags].concat());
    let recorded = run(&mut offline(place, "plan", &[&["--json", "--against", &state], flags].concat()));
    assert_eq!(recorded.code, online.code, "{what}: {}", recorded.stderr);
    let (online, recorded) = (online.json(), recorded.json());
    assert_eq!(essence(&recorded), essence(&online), "{what}");
    assert_eq!((&recorded["digest"], &recorded["summary"]["verified"]), (&Value::Null, &json!(0)), "{what}");
    recorded
}

fn steps(plan: &Value) -> usize {
    plan["steps"].as_array().map_or(0, Vec::len)
}

fn codes(plan: &Value) -> Vec<&str> {
    plan["diagnostics"].as_array().into_iter().flatten().filter_map(|one| one["code"].as_str()).collect()
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_plan_against_a_recording_is_the_plan_from_the_cluster() {
    let place = founded("offline", 3);
    assert_eq!(steps(&agree(&place, "nothing to do", &[])), 0);

    // What the file asks for.
    let files = [
        ("an image", file(3, "[image]\nrepository = \"localhost/etcd\"\n")),
        ("more members", members(5)),
        ("fewer members", members(1)),
        (
            "labels",
            file(3, "").replace("[cluster]", "labels = { team = \"db\", \"a.b/c\" = \"d\" }\n[cluster]"),
        ),
        ("a larger volume", file(3, "[storage]\nsize = \"9Gi\"\n")),
        (
            "a certificate that ends too soon",
            file(3, "[tls.validity]\nleaf_days = 730\nrenew_before_days = 400\n"),
        ),
        ("arguments", file(3, "[etcd]\nquota = \"1Gi\"\n")),
        ("resources", file(3, "[resources]\nrequests = { cpu = \"50m\", memory = \"300Mi\" }\n")),
        (
            "a load balancer",
            file(3, "[service]\ntype = \"LoadBalancer\"\nsource_ranges = [\"10.0.0.0/8\"]\n"),
        ),
        (
            "a volume and a variable",
            file(
                3,
                "[etcd.extra_env]\nGODEBUG = \"x\"\n[[pod.extra_volumes]]\nname = \"more\"\nconfigMap = { name = \"more\", optional = true }\n[[pod.extra_volume_mounts]]\nname = \"more\"\nmountPath = \"/more\"\n",
            ),
        ),
        ("a user", file(3, "[[tls.users]]\nname = \"app\"\n")),
        ("no budget", file(3, "[disruption]\nbudget = \"off\"\n")),
        ("another minor version", file(3, "").replace("[placement]", "version = \"3.7.3\"\n[placement]")),
    ];
    for (what, text) in &files {
        place.write(text);
        let plan = agree(&place, what, &[]);
        assert!(steps(&plan) > 0 || !codes(&plan).is_empty(), "{what}: {}", plan["diagnostics"]);
    }

    // What is asked for beside it.
    place.write(&members(3));
    for flags in [&["--restart"][..], &["--replace", "offline-1"], &["--destroy"], &["--forget"]] {
        assert!(steps(&agree(&place, &flags.join(" "), flags)) > 0, "{flags:?}");
    }

    // What others do.
    let name = place.name.clone();
    let label = "app.kubernetes.io/component=queue";
    place.kubectl(&["label", "service", &name, label, "--overwrite"]).expect(0);
    assert_eq!(codes(&agree(&place, "a field of others", &[])), ["plan::conflict"]);
    let take = format!("Service/{name}:metadata.labels.app.kubernetes.io/component@kubectl-label");
    assert!(steps(&agree(&place, "a field that is taken", &["--take", &take])) > 0);
    place.apply(&["--take", &take]);
    let variable = json!({ "name": "ETCD_FORCE_NEW_CLUSTER", "value": "true" });
    let patch = json!([{ "op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": variable }]);
    place.kubectl(&["patch", "statefulset", &name, "--type=json", "-p", &patch.to_string()]).expect(0);
    assert_eq!(codes(&agree(&place, "a dangerous field", &[])), ["plan::dangerous_field"]);
    place.kubectl(&["delete", "statefulset", &name, "--cascade=orphan"]).expect(0);
    assert!(steps(&agree(&place, "no StatefulSet", &[])) > 0);
    place.apply(&[]);

    place.kubectl(&["delete", "service", &name]).expect(0);
    place.kubectl(&["create", "service", "clusterip", &name, "--tcp=2379:2379"]).expect(0);
    assert!(!codes(&agree(&place, "a Service of others", &[])).is_empty());
    let adopt = format!("Service/{name}");
    assert!(steps(&agree(&place, "a Service that is adopted", &["--adopt", &adopt])) > 0);
    place.apply(&["--adopt", &adopt]);

    // What was asked for, and no longer is.
    place.write(
        &file(3, "[service]\nannotations = { a = \"b\" }\n")
            .replace("[cluster]", "labels = { team = \"db\" }\n[cluster]"),
    );
    place.apply(&[]);
    place.write(&members(3));
    let plan = agree(&place, "labels that go", &[]);
    assert!(plan.to_string().contains("metadata.labels.team"), "{plan:#}");
    place.kubectl(&["scale", "statefulset", &name, "--replicas=2"]).expect(0);
    agree(&place, "scaled by hand", &[]);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn while_nothing_happens_a_recording_stays_the_same_to_the_byte() {
    let place = founded("recorded", 3);
    let folder = place.file.parent().expect("a folder").to_owned();
    let state = folder.join("state/recorded.json");
    says(&place.tool("record", &[]).expect(0), &["Recorded: state/recorded.json"]);
    let first = fs::read_to_string(&state).expect("a recording");
    println!("a recording of three members has {} bytes", first.len());
    assert!(first.len() < 60_000, "{}", first.len());
    std::thread::sleep(Duration::from_secs(60));
    assert_eq!(place.tool("record", &["--out", "-"]).expect(0).stdout, first);
    assert!(!first.contains("-----BEGIN") && !first.contains("\"tls.key\":"), "{first}");

    // An apply writes it again, where it was before.
    place.write(&file(3, "").replace("[cluster]", "labels = { team = \"db\" }\n[cluster]"));
    says(&place.apply(&[]), &["Recorded: state/recorded.json"]);
    let second = fs::read_to_string(&state).expect("a recording");
    assert!(second.contains("\"team\": \"db\"") && !first.contains("\"team\": \"db\""));
    let status = run(&mut offline(&place, "status", &["--against", "state"])).expect(0);
    says(&status, &["offline, against state/recorded.json", "healthy", "quorum 2"]);

    // What cannot be written is no failure of an apply.
    fs::remove_file(&state).expect("a file");
    fs::create_dir(&state).expect("a folder");
    says(&place.apply(&[]), &["warning:", "`state/recorded.json` was not written"]);
}
