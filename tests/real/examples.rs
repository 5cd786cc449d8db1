//! What the README and `stacks/` show is what happens. `make demo`, which is a
//! ring of tests of its own, applies `stacks/quickstart.toml`.

use std::fs;

use crate::{
    kubernetes::{Place, kubectl, run, says},
    valid,
};

const README: &str = include_str!("../../README.md");

/// The first block of the README that begins with this line.
fn block(first: &str) -> &'static str {
    let blocks = README.split("\n```").skip(1).step_by(2);
    let inner = |block: &'static str| block.split_once('\n').map(|(_, inner)| inner);
    let found = blocks.filter_map(inner).find(|inner| inner.starts_with(first));
    found.unwrap_or_else(|| panic!("no block begins with `{first}`"))
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn the_plan_in_the_readme_is_what_the_tool_prints() {
    let place = Place::new("readme", "");
    fs::write(&place.file, block("[stack]")).expect("a writable folder");
    let printed = place.tool("plan", &[]).expect(0).stdout;
    // The digest and the context are each cluster's own, and so are the checks.
    let shown = block("$ etcdctl-stack plan orders.toml").split_once('\n').expect("an answer").1;
    let common = |text: &str| {
        let lines = text.lines().skip(1).take_while(|line| !line.starts_with("Checked"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(common(shown), common(&printed));
    assert!(common(shown).len() > 40, "{shown}");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn the_largest_example_is_taken_by_the_api_server() {
    let place = Place::new("production", "");
    kubectl(&["create", "namespace", &place.namespace]).expect(0);
    place.kubectl(&["create", "serviceaccount", "etcd"]).expect(0);
    let here = include_str!("../../stacks/production.toml")
        .replace("etcd-orders", &place.namespace)
        .replace("context = \"production\"\n", "")
        .replace("class = \"fast-ssd\"\n", "");
    fs::write(&place.file, here).expect("a writable folder");
    let plan = place.tool("plan", &["--json"]).expect(0).json();
    valid::plan(&plan);
    assert_eq!(plan["applyable"], true, "{plan:#}");
    // Every object was shown to the server, and nothing was left to a guess.
    assert_eq!(plan["summary"]["predicted"], 0, "{:#}", plan["resource_changes"]);
    assert!(plan["summary"]["create"].as_u64() >= Some(12), "{:#}", plan["summary"]);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_folder_gives_a_plan_for_each_file_and_a_summary() {
    let place = Place::new("many", "[cluster]\nmembers = 1\n");
    fs::write(place.file.with_file_name("broken.toml"), "[stack]\nname = 7\n").expect("a writable folder");
    let elsewhere = "[stack]\nname = \"elsewhere\"\nnamespace = \"elsewhere\"\ncontext = \"nowhere\"\n";
    fs::write(place.file.with_file_name("elsewhere.toml"), elsewhere).expect("a writable folder");
    let folder = place.file.parent().expect("a folder").to_string_lossy().into_owned();
    // A file that is named twice is planned once.
    let mut command = place.command("plan", &["--detailed-exitcode", &folder]);
    let ended = run(&mut command).expect(1);
    says(&ended, &["3 stacks: 2 with errors, 1 to create", "broken.toml", "elsewhere.toml", "`nowhere`"]);
}
