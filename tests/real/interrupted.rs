//! Ring 3: `apply` killed at every step boundary and at random moments, then
//! run again; and volumes that lose their data while a window is open.
//!
//! `KILLS` says how often to kill (the soak sets 40); the number done is
//! printed.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command},
    thread,
    time::Duration,
};

use crate::kubernetes::{Place, wait_until};
use serde_json::{Value, json};

/// A generator whose runs can be repeated: the seed is printed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum When {
    /// As soon as this many steps are reported done.
    AfterSteps(usize),
    /// This many milliseconds after the start.
    After(u64),
}

fn kills_wanted(default: usize) -> usize {
    std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn kill(child: &mut Child) {
    // SIGKILL: the process has no chance to clean up.
    child.kill().expect("our own child");
    child.wait().expect("our own child");
}

/// Starts `apply` and kills it; says whether it was still running by then.
fn apply_killed(place: &Place, when: When) -> bool {
    let mut child = place.spawn_apply();
    let progress = child.stderr.take().expect("piped");
    match when {
        When::After(milliseconds) => thread::sleep(Duration::from_millis(milliseconds)),
        When::AfterSteps(steps) => {
            let done = BufReader::new(progress)
                .lines()
                .map_while(Result::ok)
                .filter(|line| line.contains('\u{2713}'));
            // Ends early when the run does.
            done.take(steps).for_each(drop);
        }
    }
    let running = child.try_wait().expect("our own child").is_none();
    kill(&mut child);
    running
}

/// What founding twice would change: the claim, and an index that only grows.
fn founder(place: &Place) -> Option<(String, u64)> {
    let claim =
        place.kubectl(&["get", "pvc", &format!("data-{}-0", place.name), "-o", "jsonpath={.metadata.uid}"]);
    let status = place.etcdctl(&["endpoint", "status", "-w", "json", "--command-timeout=3s"]);
    let parsed: Value = serde_json::from_str(&status.stdout).ok()?;
    Some((claim.stdout, parsed[0]["Status"]["raftIndex"].as_u64()?))
}

/// One cluster, brought up through kills.
fn campaign(place: &Place, plan: &[When]) -> usize {
    let mut kills = 0;
    let mut acknowledged: BTreeMap<String, String> = BTreeMap::new();
    let mut last: Option<(String, u64)> = None;
    for (number, when) in plan.iter().enumerate() {
        kills += usize::from(apply_killed(place, *when));
        if let Some((claim, index)) = founder(place) {
            if let Some((old_claim, old_index)) = &last {
                assert_eq!(&claim, old_claim, "founded again, on another volume");
                assert!(index >= *old_index, "the log of ordinal 0 shrank from {old_index} to {index}");
            }
            last = Some((claim, index));
        }
        let (key, value) = (format!("key-{number}"), format!("{when:?}"));
        if last.is_some() && place.etcdctl(&["put", &key, &value, "--command-timeout=3s"]).code == 0 {
            acknowledged.insert(key, value);
        }
    }
    place.tool("apply", &["--auto-approve", "--lock-timeout", "60s"]).expect(0);
    let plan = place.tool("plan", &["--detailed-exitcode"]).expect(0);
    assert!(plan.stdout.contains("No changes"), "{}", plan.stdout);
    for (key, value) in &acknowledged {
        let read = place.etcdctl(&["get", key, "--print-value-only"]).expect(0);
        assert_eq!(read.stdout.trim(), value, "{key} was acknowledged and is gone");
    }
    kills
}

/// Steps of a founding of three members in a new namespace.
const STEPS: usize = 16;

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn apply_killed_anywhere_goes_on_from_there_and_founds_once() {
    let wanted = kills_wanted(8);
    let mut chance = Chance(0x5eed);
    let mut kills = 0;
    let mut round = 0;
    while kills < wanted {
        let place = Place::new("kill", "[cluster]\nmembers = 3\n");
        // Boundaries from the front, each in turn, and moments between them.
        let boundaries = (0..4).map(|i| When::AfterSteps((round * 4 + i) % STEPS));
        let moments = (0..4).map(|_| When::After(200 + chance.below(9_000)));
        let moments: Vec<When> = moments.collect();
        let plan: Vec<When> = boundaries.zip(moments).flat_map(|(a, b)| [a, b]).collect();
        kills += campaign(&place, &plan);
        round += 1;
    }
    println!("{kills} kills with SIGKILL in {round} foundings, all resumed");
}

fn fault(arguments: &[&str]) {
    let program = std::env::var("CLUSTER_FAULT").expect("tests/cluster/enter sets CLUSTER_FAULT");
    let status = Command::new(program).args(arguments).status().expect("the fault tool starts");
    assert!(status.success(), "fault {arguments:?}");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_volume_wiped_while_a_window_is_open_stays_out() {
    if std::env::var_os("CLUSTER_FAULT").is_none() {
        println!("left out: volumes cannot be wiped on a cluster that is not the tests' own");
        return;
    }
    let place = Place::new("wiped", "[cluster]\nmembers = 3\n");
    let bootstrap = |key: &str| {
        let path = format!("jsonpath={{.data.{key}}}");
        place.kubectl(&["get", "configmap", "wiped-bootstrap", "-o", &path]).stdout
    };
    let mut child = place.spawn_apply();
    wait_until("the window of the third member is open", 120, || {
        bootstrap("initial-cluster").contains("wiped-2=")
    });
    kill(&mut child);

    fault(&["wipe", &place.namespace, "data-wiped-1"]);
    fault(&["kill", &place.namespace, "wiped-1", "KILL"]);
    wait_until("the wiped member says why it stays out", 90, || {
        let pod = place.kubectl(&["get", "pod", "wiped-1", "-o", "json"]).stdout;
        pod.contains("couldn't find local name")
    });
    let refused = place.tool("plan", &[]).expect(3);
    assert!(refused.stdout.contains("wiped-1"), "{}", refused.stdout);
    assert_eq!(place.get("statefulset", "wiped")["spec"]["serviceName"], json!("wiped-peer"));
    thread::sleep(Duration::from_secs(15));
    let pod = place.kubectl(&["get", "pod", "wiped-1", "-o", "json"]).stdout;
    assert!(pod.contains("couldn't find local name"), "the wiped member came back");
}
