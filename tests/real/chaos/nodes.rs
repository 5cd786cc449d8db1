//! Nodes that are cut off, and an API server that starts again. None of these
//! runs beside another test.

use std::{thread, time::Duration};

use serde_json::Value;

use super::amid::names_one_of;
use crate::{
    changing::{members, only_these_changed},
    kubernetes::{Place, fault, kubectl, may_break, wait_until},
    load::Load,
};

/// A node whose link is down until this is dropped.
struct Cut(String);

impl Cut {
    /// Cuts the node on which a pod runs; one that restarts is bound in a moment.
    fn node_of(place: &Place, pod: &str) -> Cut {
        let mut node = String::new();
        wait_until("the pod is bound", 30, || {
            node = place.kubectl(&["get", "pod", pod, "-o", "jsonpath={.spec.nodeName}"]).stdout;
            !node.is_empty()
        });
        fault(&["cut", &node]);
        Cut(node)
    }

    /// Brings the link up, and waits for the node and the pod.
    fn heal(self, place: &Place, pod: &str) {
        let node = self.0.clone();
        drop(self);
        wait_until("the node is Ready", 120, || is_ready(&node));
        wait_until("the pod is Ready", 180, || place.is_ready(pod));
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        fault(&["heal", &self.0]);
    }
}

fn is_ready(node: &str) -> bool {
    let node = kubectl(&["get", "node", node, "-o", "json"]);
    let Ok(node) = serde_json::from_str::<Value>(&node.stdout) else { return false };
    let conditions = node["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn alone_a_node_is_cut_for_half_a_minute_amid_a_restart_and_a_growth() {
    if !may_break("a node that is cut off") {
        return;
    }
    let place = Place::new("cut", &members(3));
    place.apply(&[]);
    let load = Load::start(&place);
    for (what, count, flags) in [("restart", 3, &["--restart"][..]), ("growth", 5, &[])] {
        place.write(&members(count));
        let mut pod = String::new();
        let run = || {
            thread::scope(|scope| {
                let mut healing = None;
                let ended = place.apply_while(flags, 1, || {
                    pod = place.follower();
                    let cut = Cut::node_of(&place, &pod);
                    healing = Some(scope.spawn(move || {
                        thread::sleep(Duration::from_secs(30));
                        drop(cut);
                    }));
                });
                healing.expect("it was cut").join().expect("the link is up again");
                ended
            })
        };
        let ended = load.during(&format!("a node is cut for 30 s amid a {what}"), run);
        wait_until("the member is back", 180, || place.is_ready(&pod));
        place.recovers(&ended, &[&pod, "healthy", "leader"], count);
    }
    load.finish("a node that was cut for 30 s");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn alone_a_node_is_cut_for_longer_than_the_eviction() {
    if !may_break("a node that is cut off") {
        return;
    }
    // With one member a node, nothing could take the place of one.
    let place = Place::new("evicted", "[cluster]\nmembers = 3\n");
    place.apply(&[]);
    let (load, before) = (Load::start(&place), place.pods());
    let pod = place.follower();
    let cut = Cut::node_of(&place, &pod);
    wait_until("the node is not Ready", 90, || !is_ready(&cut.0));
    wait_until("the pod is to go", 120, || {
        !place.get("pod", &pod)["metadata"]["deletionTimestamp"].is_null()
    });
    load.lap("a node is cut and its pod is evicted");
    let listed = || place.etcdctl_in(other(&place, &pod), &["member", "list"]).expect(0).stdout;
    let list = listed();
    for flags in [&["--restart"][..], &["--replace", &pod]] {
        let refused = place.tool("apply", &[&["--auto-approve"], flags].concat()).expect(3);
        names_one_of(&refused, &[&pod, &cut.0]);
        assert_eq!(listed(), list, "{flags:?} removed a member that nothing can replace");
    }
    cut.heal(&place, &pod);
    load.lap("the node is back");
    place.apply(&[]);
    place.is_settled(3);
    only_these_changed(&before, &place.pods(), &[&pod]);
    load.finish("a node that was cut for longer than the eviction");
}

/// The ordinal of a member that is not this one.
fn other(place: &Place, pod: &str) -> usize {
    (0..3).find(|ordinal| place.member(*ordinal) != pod).expect("three members")
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn alone_the_api_server_starts_again_amid_a_growth_and_a_restart() {
    if !may_break("an API server that starts again") {
        return;
    }
    let place = Place::new("server", &members(1));
    place.apply(&[]);
    let load = Load::start(&place);
    for (what, flags) in [("growth", &[][..]), ("restart", &["--restart"])] {
        place.write(&members(3));
        let restart = || fault(&["restart", "apiserver"]);
        let what = format!("the API server starts again amid a {what}");
        let ended = load.during(&what, || place.apply_while(flags, 2, restart));
        wait_until("the API server answers", 60, || kubectl(&["get", "--raw", "/readyz"]).code == 0);
        place.recovers(&ended, &["172.30.0.1", "API server", "lease", "lock"], 3);
    }
    load.finish("an API server that started again");
}
