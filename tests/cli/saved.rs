//! Saved plans, as far as they go without a cluster.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::{err, folder, out, run};

/// The saved plan that `tests/plans` reads, too.
const SAVED: &str = include_str!("../saved/1.0.json");

#[test]
fn a_saved_plan_is_shown_without_asking_anybody() {
    let folder = folder();
    fs::write(folder.path().join("plan.json"), SAVED).expect("written");
    let shown = run(folder.path(), &["show", "plan.json"]);
    assert_eq!((shown.status.code(), err(&shown)), (Some(0), String::new()));
    let text = out(&shown);
    assert!(
        text.starts_with("Planned from orders.toml at 2027-01-15 08:00 UTC by etcdctl-stack 0.1.0.\n"),
        "{text}"
    );
    assert!(text.contains("voters 3 -> 5") && text.contains("etcdctl-stack apply plan.json"), "{text}");
    let json: Value =
        serde_json::from_slice(&run(folder.path(), &["show", "plan.json", "--json"]).stdout).expect("JSON");
    assert_eq!(
        (&json["summary"]["members"]["after"], &json["stack"]["file"]),
        (&5.into(), &"orders.toml".into())
    );
}

#[test]
fn what_is_no_saved_plan_is_told_by_what_it_is() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write("cut.json", &SAVED[..SAVED.len() / 2]);
    write("edited.json", &SAVED.replace("etcd-orders", "etcd-others"));
    write("newer.json", "{ \"format_version\": \"2.0\" }");
    write("other.json", "{ \"a\": 1 }");
    write("plan.json", SAVED);
    let table = [
        (&["show", "cut.json"][..], "it is damaged: it ends early"),
        (&["apply", "edited.json"], "it is damaged: it is not as it was written"),
        (&["show", "newer.json"], "it is a saved plan of format 2.0"),
        (&["apply", "other.json"], "it is not a saved plan: it has no `format_version`"),
        (&["show", "good.toml"], "it is not a saved plan: it is no JSON"),
        (
            &["show", "nowhere.json"],
            "it does not exist help: `etcdctl-stack plan FILE --out PLAN` writes one",
        ),
        (&["plan", "plan.json"], "is no stack file: it is JSON"),
        (&["destroy", "plan.json"], "destroy takes a stack file"),
        (&["apply", "plan.json", "--restart"], "takes no --restart"),
    ];
    for (arguments, words) in table {
        let output = run(folder.path(), arguments);
        let text = err(&output).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
}

#[test]
fn two_plans_are_never_saved_into_one_file() {
    let folder = folder();
    let good = fs::read_to_string(folder.path().join("good.toml")).expect("written");
    fs::create_dir(folder.path().join("more")).expect("a folder");
    fs::write(folder.path().join("more/good.toml"), good.replace("orders", "users")).expect("written");
    let output = run(folder.path(), &["plan", "good.toml", "more/good.toml", "--out", "plans"]);
    let text = err(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("are both `good.json`") && !folder.path().join("plans").exists(), "{text}");
}

#[test]
fn why_a_file_has_no_plan_is_saved_as_well_and_only_for_us_to_read() {
    let folder = folder();
    let output = run(folder.path(), &["plan", "broken.toml", "--out", "plan.json"]);
    assert_eq!(output.status.code(), Some(1));
    let mode = fs::metadata(folder.path().join("plan.json")).expect("saved").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let shown = run(folder.path(), &["show", "plan.json"]);
    assert!(out(&shown).starts_with("broken.toml could not be planned at"), "{}", out(&shown));
    let applied = run(folder.path(), &["apply", "plan.json"]);
    assert!(err(&applied).contains("`broken.toml` could not be planned"), "{}", err(&applied));
    let nowhere = run(folder.path(), &["plan", "broken.toml", "--out", "no/such/folder/plan.json"]);
    assert!(
        err(&nowhere).contains("cannot save the plan to `no/such/folder/plan.json`"),
        "{}",
        err(&nowhere)
    );
}

#[test]
fn a_short_digest_binds_nothing_without_a_terminal_also_beside_a_saved_plan() {
    let folder = folder();
    fs::write(folder.path().join("plan.json"), SAVED).expect("written");
    for file in ["plan.json", "good.toml"] {
        let refused = run(folder.path(), &["apply", file, "--expect", "7f3a-91c2"]);
        assert_eq!(refused.status.code(), Some(1), "{file}");
        assert!(err(&refused).contains("too short to bind an approval"), "{file}: {}", err(&refused));
    }
}
