//! Who applied, and who holds the lock: `history` and `unlock`.

use crate::kubernetes::{Place, wait_until};
use serde_json::json;

/// Takes the lock in the name of a run that nobody knows.
fn locked_by(place: &Place, holder: &str, seconds: u32) {
    let now = place.kubectl(&["get", "lease", &format!("{}-lock", place.name), "-o", "json"]).json();
    let renewed = now["metadata"]["creationTimestamp"].as_str().expect("a time").replace('Z', ".000000Z");
    let spec = json!({ "spec": {
        "holderIdentity": holder,
        "acquireTime": renewed,
        "renewTime": renewed,
        "leaseDurationSeconds": seconds,
    } });
    let lease = format!("{}-lock", place.name);
    place.kubectl(&["patch", "lease", &lease, "--type=merge", "-p", &spec.to_string()]).expect(0);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn past_applies_are_told_and_a_stuck_lock_is_freed_by_name_alone() {
    let place = Place::new("locks", "[cluster]\nmembers = 1\n");
    let before = place.tool("history", &[]).expect(0);
    assert!(before.stdout.contains("never applied"), "{}", before.stdout);
    assert_eq!(place.tool("unlock", &[]).expect(0).stdout, "Nobody holds the lock.\n");

    place.tool("apply", &["--auto-approve"]).expect(0);
    let runs = place.tool("history", &["--json"]).expect(0).json()["runs"].clone();
    assert_eq!(
        (&runs[0]["ended"], &runs[0]["finished_at"].is_string()),
        (&json!("finished"), &true),
        "{runs:#}"
    );
    let told = place.tool("history", &[]).expect(0).stdout;
    assert!(told.contains("finished") && told.contains("to create"), "{told}");

    locked_by(&place, "ci@gone/7.1.elsewhere", 3600);
    let refused = place.tool("apply", &["--auto-approve"]).expect(6);
    assert!(refused.stderr.contains("ci@gone/7.1.elsewhere"), "{}", refused.stderr);
    let asked = place.tool("unlock", &[]).expect(1);
    assert!(asked.stdout.contains("held by ci@gone/7.1.elsewhere since"), "{}", asked.stdout);
    assert!(asked.stderr.contains("--force-unlock-of"), "{}", asked.stderr);
    let other = place.tool("unlock", &["--force-unlock-of", "ci@gone/8.1.elsewhere"]).expect(6);
    assert!(other.stderr.contains("and not by ci@gone/8.1.elsewhere"), "{}", other.stderr);
    place.tool("apply", &["--auto-approve"]).expect(6);
    let freed = place.tool("unlock", &["--force-unlock-of", "ci@gone/7.1.elsewhere"]).expect(0);
    assert!(freed.stdout.ends_with("The lock is free.\n"), "{}", freed.stdout);
    place.tool("apply", &["--auto-approve"]).expect(0);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_run_whose_lock_was_broken_stops() {
    let place =
        Place::new("broken", "[cluster]\nmembers = 1\n[image]\nrepository = \"localhost/no-such-etcd\"\n");
    let mut child = place.spawn_apply();
    wait_until("the StatefulSet exists", 60, || place.kubectl(&["get", "statefulset", "broken"]).code == 0);
    let holder =
        place.get("lease", "broken-lock")["spec"]["holderIdentity"].as_str().expect("held").to_owned();
    let freed = place.tool("unlock", &["--force-unlock-of", &holder]).expect(0);
    assert!(freed.stdout.contains("That run is alive"), "{}", freed.stdout);
    let mut ended = None;
    wait_until("apply ends without its lock", 5, || {
        ended = child.try_wait().expect("our own child");
        ended.is_some()
    });
    assert_eq!(ended.and_then(|status| status.code()), Some(5));
    let text = std::io::read_to_string(child.stderr.take().expect("piped")).expect("text");
    assert!(text.contains("the lock is lost"), "{text}");
}
