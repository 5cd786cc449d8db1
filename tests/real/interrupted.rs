//! Ring 3: `apply` killed at every step boundary and at random moments, then
//! run again; and volumes that lose their data while a window is open.
//!
//! `KILLS` says how often to kill at random moments (the soak sets 60); the
//! number done is printed.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    iter,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use crate::kubernetes::{Place, fault, may_break, wait_until};
use serde_json::{Value, json};

/// A generator whose runs can be repeated.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// As soon as this many steps are reported done.
    AfterSteps(usize),
    /// This many milliseconds after the start.
    After(u64),
}

pub fn kills_wanted(default: usize) -> usize {
    std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn kill(child: &mut Child) {
    // SIGKILL: the process has no chance to clean up.
    child.kill().expect("our own child");
    child.wait().expect("our own child");
}

/// Starts `apply` with these further flags and kills it; says whether it was still running by then.
pub fn apply_killed(place: &Place, when: When, flags: &[&str]) -> bool {
    let mut child = place.apply_command().args(flags).spawn().expect("the tool starts");
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

/// One cluster, brought up through kills until a run gets through.
fn campaign(place: &Place, moments: impl Iterator<Item = When>) -> usize {
    let mut kills = 0;
    let mut acknowledged: BTreeMap<String, String> = BTreeMap::new();
    let mut last: Option<(String, u64)> = None;
    for when in moments {
        if !apply_killed(place, when, &[]) {
            break;
        }
        kills += 1;
        if let Some((claim, index)) = founder(place) {
            if let Some((old_claim, old_index)) = &last {
                assert_eq!(&claim, old_claim, "founded again, on another volume");
                assert!(index >= *old_index, "the log of ordinal 0 shrank from {old_index} to {index}");
            }
            last = Some((claim, index));
        }
        let (key, value) = (format!("key-{kills}"), format!("{when:?}"));
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

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn apply_killed_after_each_step_goes_on_from_there_and_founds_once() {
    let place = Place::new("steps", "[cluster]\nmembers = 3\n");
    let kills = campaign(&place, iter::repeat_n(When::AfterSteps(1), 40));
    println!("{kills} kills with SIGKILL, one after each step of a founding");
    assert!((12..40).contains(&kills), "a founding of three members has about 15 steps");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn apply_killed_at_any_moment_goes_on_from_there_and_founds_once() {
    let wanted = kills_wanted(8);
    let mut chance = Chance(0x5eed);
    let (mut kills, mut foundings) = (0, 0);
    while kills < wanted {
        let place = Place::new("kill", "[cluster]\nmembers = 3\n");
        kills += campaign(&place, iter::repeat_with(|| When::After(200 + chance.below(6_000))).take(8));
        foundings += 1;
    }
    println!("{kills} kills with SIGKILL at random moments of {foundings} foundings");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn an_approval_holds_for_the_run_that_finishes_it_and_for_no_other() {
    let place = Place::new("approved", "[cluster]\nmembers = 1\n");
    let digest = place.tool("plan", &["--json"]).expect(0).json()["digest"].clone();
    let digest = digest.as_str().expect("a digest").to_owned();
    let mut command = place.command("apply", &["--expect", &digest]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the tool starts");
    let progress = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let shown: Vec<String> = progress.filter(|line| line.contains('\u{2713}')).take(3).collect();
    kill(&mut child);
    // Numbers are those of the plan, whose first step makes the namespace.
    for (number, line) in (1..).zip(&shown) {
        assert!(line.contains(&format!("{number} ")), "{shown:?}");
    }
    place.tool("apply", &["--expect", &digest, "--lock-timeout", "60s"]).expect(0);
    place.tool("apply", &["--expect", &digest]).expect(0);
    // A finished run's last action is not approved for ever.
    place.kubectl(&["delete", "service", "approved"]).expect(0);
    place.tool("apply", &["--expect", &digest]).expect(4);
    place.tool("apply", &["--auto-approve"]).expect(0);

    place.write("[cluster]\nmembers = 1\n[service.annotations]\nowner = \"payments\"\n");
    place.tool("apply", &["--expect", &digest]).expect(4);
    let plan = place.tool("plan", &["--detailed-exitcode"]).expect(2);
    assert!(plan.stdout.contains("owner"), "{}", plan.stdout);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_volume_wiped_while_a_window_is_open_stays_out() {
    if !may_break("a wiped volume") {
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
