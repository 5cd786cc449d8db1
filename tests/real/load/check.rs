//! The load itself: it runs, and it sees what it is there to see.

use std::{thread, time::Duration};

use serde_json::json;

use super::Load;
use crate::kubernetes::{Place, may_break, wait_until};

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn the_load_sees_a_lost_key_and_an_old_value_and_nothing_otherwise() {
    let place = Place::new("load", "[cluster]\nmembers = 3\n");
    place.tool("apply", &["--auto-approve"]).expect(0);

    let load = Load::start(&place);
    thread::sleep(Duration::from_secs(10));
    load.lap("three members at rest");
    place.kubectl(&["delete", "pod", "load-1"]).expect(0);
    wait_until("the member is back", 60, || place.is_ready("load-1"));
    load.lap("a pod is deleted");
    let verdict = load.finish("the load at work");
    assert!(verdict.acknowledged > 200 && verdict.reads > 100, "{verdict}");

    sees_an_old_value(&place);
    sees_a_lost_key(&place);
}

/// Deleted and written again behind its back.
fn sees_a_lost_key(place: &Place) {
    let mut load = Load::start(place);
    thread::sleep(Duration::from_secs(1));
    load.stop();
    assert_eq!(load.verify(), Vec::<String>::new());
    let written = load.shared.record().written.clone();
    let (gone, changed) = (&written[0].key, &written[1].key);
    place.etcdctl(&["del", gone]).expect(0);
    place.etcdctl(&["put", changed, "another"]).expect(0);
    let lost = load.verify();
    println!("{}", lost.join("\n"));
    assert_eq!(lost.len(), 2, "{lost:?}");
    assert!(lost.iter().any(|line| line.starts_with(gone) && line.ends_with("and gone")), "{lost:?}");
    assert!(lost.iter().any(|line| line.starts_with(changed) && line.contains("now of")), "{lost:?}");
}

/// A value that was acknowledged long ago stands there again.
fn sees_an_old_value(place: &Place) {
    let load = Load::start(place);
    wait_until("an old value is seen", 20, || {
        place.etcdctl(&["put", &load.shared.hot_key(0), "1"]).expect(0);
        !load.faults().is_empty()
    });
    println!("{}", load.faults()[0]);
}

/// Two members that lost their volumes found another cluster, as they could if
/// nothing sealed the list: what was acknowledged is gone, and said to be.
#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn the_load_sees_a_cluster_that_was_founded_anew() {
    if !may_break("a wiped volume") {
        return;
    }
    let place = Place::new("forgot", "[cluster]\nmembers = 3\n");
    place.tool("apply", &["--auto-approve"]).expect(0);
    let mut load = Load::start(&place);
    thread::sleep(Duration::from_secs(2));
    let peer = |i| format!("forgot-{i}=https://forgot-{i}.forgot-peer.{}.svc:2380", place.namespace);
    let list = [peer(0), peer(1), peer(2)].join(",");
    let patch = json!({ "data": { "initial-cluster": list, "initial-cluster-state": "new" } }).to_string();
    place.kubectl(&["patch", "configmap", "forgot-bootstrap", "-p", &patch]).expect(0);
    for member in ["forgot-0", "forgot-1"] {
        place.empty(member);
    }
    wait_until("broken promises are seen", 120, || !load.faults().is_empty());
    load.stop();
    let (faults, lost) = (load.faults(), load.verify());
    println!("{} broken promises: {}", faults.len(), faults[0]);
    println!("{} lost keys: {}", lost.len(), lost[0]);
    assert!(lost.len() > 20, "{lost:?}");
}
