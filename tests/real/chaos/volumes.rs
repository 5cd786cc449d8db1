//! Volumes that lose their data: the member stays out, whatever else happens,
//! and never comes back as a new cluster.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    changing::members,
    kubernetes::{Place, fault, may_break, says, wait_until},
    load::Load,
};

/// What a member holds by itself, whether or not there is a quorum: cluster,
/// member, revision and how many keys.
#[track_caller]
fn holds(place: &Place, ordinal: usize) -> Value {
    let status = place.etcdctl_in(ordinal, &["endpoint", "status", "-w", "json"]).expect(0).json();
    let header = status[0]["Status"]["header"].clone();
    let local = ["get", "", "--prefix", "--keys-only", "--consistency=s"];
    let keys = place.etcdctl_in(ordinal, &local).expect(0).stdout.split_whitespace().count();
    assert!(keys > 10, "the load wrote {keys} keys");
    json!([header["cluster_id"], header["member_id"], header["revision"], keys])
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn two_of_three_volumes_are_wiped_and_the_third_keeps_the_data() {
    if !may_break("a wiped volume") {
        return;
    }
    let place = Place::new("majority", &members(3));
    place.apply(&[]);
    let mut load = Load::start(&place);
    thread::sleep(Duration::from_secs(2));
    load.stop();
    drop(load);
    let before = holds(&place, 2);

    let wiped = ["majority-0", "majority-1"];
    for member in wiped {
        fault(&["wipe", &place.namespace, &place.claim(member)]);
    }
    place.kubectl(&[&["delete", "pod"], &wiped[..]].concat()).expect(0);
    wiped.iter().for_each(|member| place.stays_out(member));

    let pods = |place: &Place| place.pods().into_iter().map(|pod| (pod.0, pod.1)).collect::<Vec<_>>();
    let there = pods(&place);
    let refused = [&[][..], &["--replace", wiped[0], "--replace", wiped[1]], &["--restart"]];
    for flags in refused {
        let plan = place.tool("plan", flags).expect(3);
        says(&plan, &["quorum", "majority-0", "majority-1", "majority-2"]);
        place.tool("apply", &[&["--auto-approve"], flags].concat()).expect(3);
    }
    let status = place.tool("status", &[]).expect(0);
    says(&status, &["NOT HEALTHY", "quorum", "majority-0", "majority-1"]);

    // Long enough for an empty cluster to form, if one could.
    thread::sleep(Duration::from_secs(20));
    wiped.iter().for_each(|member| place.stays_out(member));
    assert!(wiped.iter().all(|member| !place.is_ready(member)), "a wiped member serves");
    assert_eq!(holds(&place, 2), before, "the third member's data changed");
    assert_eq!(pods(&place), there, "a refused run touched the pods");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_voter_is_wiped_while_the_window_of_another_is_open() {
    if !may_break("a wiped volume") {
        return;
    }
    let place = Place::new("window", &members(3));
    place.apply(&[]);
    let load = Load::start(&place);
    let victim = place.follower();
    place.write(&members(5));
    let mut child = place.spawn_apply();
    wait_until("the window of the fourth is open", 120, || place.bootstrap().contains("window-3="));
    child.kill().expect("our own child");
    child.wait().expect("our own child");

    load.during("a voter is wiped while a window is open", || place.wipe(&victim));
    place.proposes_to_replace(&victim);
    thread::sleep(Duration::from_secs(15));
    place.stays_out(&victim);
    load.during("it is replaced, and the others join", || {
        place.apply(&["--replace", &victim, "--allow-data-loss", "all"])
    });
    place.is_settled(5);
    load.finish("a voter wiped while a window is open");
}
