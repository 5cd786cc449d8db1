//! Ring 2: what the API server itself saw. A plan writes nothing; a second
//! apply writes the lease and the journal and nothing else.

use std::fs;

use crate::kubernetes::Place;
use serde_json::Value;

/// Requests of the audit log that change something and name the namespace,
/// from this line on: `verb resource/name`.
fn writes(log: &str, from: usize, namespace: &str) -> Vec<String> {
    let text = fs::read_to_string(log).expect("the audit log");
    let events = text.lines().skip(from).filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found: Vec<String> = events
        .filter(|event| event["userAgent"].as_str().is_some_and(|agent| agent.contains("etcdctl-stack")))
        .filter(|event| {
            matches!(
                event["verb"].as_str(),
                Some("create" | "update" | "patch" | "delete" | "deletecollection")
            )
        })
        .filter(|event| !event["requestURI"].as_str().is_some_and(|uri| uri.contains("dryRun=All")))
        .filter_map(|event| {
            let object = &event["objectRef"];
            let resource = object["resource"].as_str()?.to_owned();
            // A question about rights is a create, and a port-forward is one too.
            let harmless = resource == "selfsubjectaccessreviews" || object["subresource"] == "portforward";
            let ours = object["namespace"] == namespace || object["name"] == namespace;
            (ours && !harmless).then(|| {
                format!(
                    "{} {resource}/{}",
                    event["verb"].as_str().unwrap_or(""),
                    object["name"].as_str().unwrap_or("")
                )
            })
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

pub fn lines(log: &str) -> usize {
    fs::read_to_string(log).expect("the audit log").lines().count()
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_plan_writes_nothing_and_a_second_apply_only_lease_and_journal() {
    let Ok(log) = std::env::var("CLUSTER_AUDIT_LOG") else {
        println!("left out: the audit log of a cluster that is not the tests' own cannot be read");
        return;
    };
    let place = Place::new("audit", "[cluster]\nmembers = 1\n");
    let start = lines(&log);
    place.tool("plan", &[]).expect(0);
    assert_eq!(
        writes(&log, start, &place.namespace),
        Vec::<String>::new(),
        "plan before the namespace exists"
    );

    place.tool("apply", &["--auto-approve"]).expect(0);
    let applied = writes(&log, start, &place.namespace);
    assert!(
        applied.iter().any(|line| line.starts_with("patch statefulsets/audit")),
        "the log sees writes: {applied:?}"
    );

    let start = lines(&log);
    place.tool("plan", &[]).expect(0);
    place.tool("status", &[]).expect(0);
    assert_eq!(
        writes(&log, start, &place.namespace),
        Vec::<String>::new(),
        "plan and status of a running stack"
    );

    let start = lines(&log);
    place.tool("apply", &["--auto-approve"]).expect(0);
    let second = writes(&log, start, &place.namespace);
    let others: Vec<&String> = second
        .iter()
        .filter(|line| !line.ends_with("leases/audit-lock") && !line.ends_with("configmaps/audit-journal"))
        .collect();
    assert!(others.is_empty(), "a second apply wrote {others:?}");
}
