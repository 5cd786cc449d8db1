//! What the README shows is what happens.

use std::fs;

use crate::kubernetes::{Place, as_service_account, kubectl, run};

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
fn the_role_in_the_readme_is_enough() {
    let place = Place::new("role", "[cluster]\nmembers = 1\n");
    let path = as_service_account(&place);
    let role = block("apiVersion: rbac.authorization.k8s.io/v1").replace("etcd-orders", &place.namespace);
    // Cluster-wide names are for this test alone.
    let role = role.replace("name: etcdctl-stack", &format!("name: {}", place.namespace));
    let file = place.file.with_file_name("role.yaml");
    fs::write(&file, role).expect("a writable folder");
    let file = file.to_string_lossy();
    kubectl(&["apply", "-f", &file]).expect(0);
    let works = || {
        let applied = run(place.command("apply", &["--auto-approve"]).env("KUBECONFIG", &path)).expect(0);
        assert!(!applied.stderr.contains("forbidden"), "{}", applied.stderr);
        run(place.command("status", &[]).env("KUBECONFIG", &path)).expect(0);
        let environment = ["--", "printenv", "ETCDCTL_ENDPOINTS"];
        run(place.command("connect", &environment).env("KUBECONFIG", &path)).expect(0)
    };
    let ended = std::panic::catch_unwind(works);
    kubectl(&["delete", "-f", &file, "--wait=false"]).expect(0);
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}
