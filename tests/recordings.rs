//! The recording that is checked in: a plan against it needs nothing but the
//! binary, and it tells of no machine.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The binary in an empty environment: no kubeconfig, no home.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_etcdctl-stack"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    command.output().expect("the tool starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The example and its recording, whose certificates do not end while this test
/// is about, in a folder of their own.
fn folder(change: impl Fn(String) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["stacks", "state"] {
        fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    let read = |file: &str| fs::read_to_string(Path::new(ROOT).join(file)).expect("it is checked in");
    let mut recording: Value = serde_json::from_str(&read("state/quickstart.json")).expect("JSON");
    for secret in recording["secrets"].as_object_mut().expect("Secrets").values_mut() {
        secret["certificate"]["Ok"]["not_after"] = "2999-01-01T00:00:00Z".into();
    }
    let write = |file: &str, text: String| fs::write(folder.path().join(file), text).expect("written");
    write("state/quickstart.json", recording.to_string());
    write("stacks/quickstart.toml", change(read("stacks/quickstart.toml")));
    folder
}

const PLAN: [&str; 4] = ["plan", "stacks/quickstart.toml", "--against", "state/quickstart.json"];

#[test]
fn the_example_is_as_it_was_recorded() {
    let folder = folder(|stack| stack);
    let plan = run(folder.path(), &PLAN);
    assert_eq!((plan.status.code(), err(&plan)), (Some(0), String::new()));
    let expected = include_str!("recordings/unchanged.txt");
    assert_eq!(out(&plan), expected);
    let shown = expected.split("Offline: ").next().expect("a plan").trim_end();
    assert!(include_str!("../README.md").contains(shown), "not in the README:\n{shown}");
    let status = run(folder.path(), &["status", "stacks/quickstart.toml", "--against", "state"]);
    let text = out(&status);
    assert!(text.contains("offline, against state/quickstart.json") && text.contains("quorum 2"), "{text}");
}

#[test]
fn an_edit_of_the_example_is_planned_without_a_cluster() {
    let folder = folder(|stack| stack.replace("members = 3", "members = 5"));
    let plan = run(folder.path(), &PLAN);
    assert_eq!((plan.status.code(), err(&plan)), (Some(0), String::new()));
    assert_eq!(out(&plan), include_str!("recordings/larger.txt"));
    // As JSON nothing looks as if it had been verified or could be expected.
    let json = run(folder.path(), &[&PLAN[..], &["--json"]].concat());
    let json: Value = serde_json::from_str(&out(&json)).expect("JSON");
    assert_eq!((&json["digest"], &json["etcd"]["db_size"]), (&Value::Null, &Value::Null));
    assert_eq!(json["summary"]["verified"], 0);
    assert_eq!(json["against"]["file"], "state/quickstart.json");
    // Folders on both sides.
    let all = run(folder.path(), &["plan", "stacks", "--against", "state"]);
    assert!(out(&all).contains("add quickstart-4"), "{}{}", out(&all), err(&all));
}

#[test]
fn what_is_no_recording_of_the_stack_is_refused_with_what_to_do() {
    let folder = folder(|stack| stack.replace("etcd-quickstart", "elsewhere"));
    let other = run(folder.path(), &PLAN);
    assert_eq!((other.status.code(), out(&other)), (Some(1), String::new()));
    let text = err(&other).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("in namespace `etcd-quickstart`"), "{text}");
    for (file, words) in [
        ("state/none.json", ["there is no recording `state/none.json`", "`etcdctl-stack record"]),
        ("stacks/quickstart.toml", ["it is not a recording", "writes one"]),
    ] {
        let refused = run(folder.path(), &["plan", "stacks/quickstart.toml", "--against", file]);
        assert_eq!(refused.status.code(), Some(1));
        let text = err(&refused).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
    let text = fs::read_to_string(folder.path().join("state/quickstart.json")).expect("written");
    let newer = text.replace("\"format_version\":\"1.0\"", "\"format_version\":\"2.0\"");
    fs::write(folder.path().join("state/quickstart.json"), newer).expect("written");
    assert!(err(&run(folder.path(), &PLAN)).contains("format 2.0"));
}

#[test]
fn nothing_is_applied_from_a_recording() {
    let folder = folder(|stack| stack);
    let refused = run(folder.path(), &["apply", "stacks/quickstart.toml", "--against", "state"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("planned from the cluster itself"), "{}", err(&refused));
    for rest in
        [&["plan", "stacks/quickstart.toml", "--drift"][..], &["status", "stacks/quickstart.toml", "--watch"]]
    {
        let refused = run(folder.path(), &[rest, &["--against", "state"]].concat());
        assert_eq!(refused.status.code(), Some(1));
        assert!(err(&refused).contains("cannot be used with"), "{}", err(&refused));
    }
}

#[test]
fn the_recording_that_is_checked_in_tells_of_no_machine_and_no_person() {
    let text = fs::read_to_string(Path::new(ROOT).join("state/quickstart.json")).expect("it is checked in");
    let mut own = vec!["/root".to_owned(), "/home".to_owned(), "/tmp".to_owned(), "@".to_owned()];
    own.extend(["HOSTNAME", "USER", "HOME"].iter().filter_map(|name| std::env::var(name).ok()));
    own.extend(fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned()));
    // Names as short as `r` are in every text.
    own.retain(|one| one.len() > 3 || one == "@");
    let found: Vec<&String> = own.iter().filter(|one| text.contains(one.as_str())).collect();
    assert_eq!(found, Vec::<&String>::new());
    assert!(!text.contains("PRIVATE KEY") && !text.contains("BEGIN CERTIFICATE"));
    assert!(text.len() < 60_000, "{}", text.len());
}
