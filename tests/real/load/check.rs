//! The load itself: it runs, and it sees what it is there to see.

use std::{thread, time::Duration};

use super::Load;
use crate::kubernetes::{Place, wait_until};

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
