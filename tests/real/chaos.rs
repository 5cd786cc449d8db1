//! Ring 3: what goes wrong from outside before or while `apply` changes the
//! members, under load. Each run finishes, or stops and names the cause; later
//! ones bring the cluster to what the file says, and nothing that was
//! acknowledged is lost.
//!
//! Tests whose names begin with `alone_` break a node or the API server: no
//! other test may run beside them.

pub mod amid;
mod hands;
mod nodes;
mod volumes;

use crate::{
    changing::members,
    kubernetes::{Place, may_break, try_fault, wait_until},
    load::Load,
};

/// One change of a running stack of three or five.
struct Operation {
    name: &'static str,
    members: usize,
    flags: &'static [&'static str],
    /// After how many steps something goes wrong.
    steps: usize,
}

const OPERATIONS: [Operation; 4] = [
    Operation { name: "3 -> 5", members: 5, flags: &[], steps: 1 },
    Operation { name: "5 -> 4", members: 4, flags: &[], steps: 2 },
    Operation { name: "4 -> 3", members: 3, flags: &[], steps: 1 },
    Operation { name: "restart", members: 3, flags: &["--restart"], steps: 1 },
];

/// Does the same harm in the middle of each operation. What it does names the
/// member that it hit.
fn amid_operations(place: &Place, harm: impl Fn() -> String) {
    place.apply(&[]);
    let load = Load::start(place);
    for Operation { name, members: count, flags, steps } in OPERATIONS {
        place.write(&members(count));
        let mut hit = String::new();
        let what = format!("{name}, harm after {steps} steps");
        let ended = load.during(&what, || place.apply_while(flags, steps, || hit = harm()));
        place.recovers(&ended, &[&hit, "leader", "healthy"], count);
        load.lap("and until it is as the file says");
    }
    load.finish("harm amid four operations");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_follower_is_deleted_amid_each_operation() {
    let place = Place::new("deleted", &members(3));
    amid_operations(&place, || {
        // The lowest one never leaves; a restart may be deleting it just now.
        let leader = place.leader();
        let follower = if leader == place.member(0) { place.member(1) } else { place.member(0) };
        let delete = ["delete", "pod", &follower, "--wait=false"];
        wait_until("a follower is deleted", 60, || place.kubectl(&delete).code == 0);
        follower
    });
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn the_leader_is_killed_amid_each_operation() {
    if !may_break("a killed process") {
        return;
    }
    let place = Place::new("killed", &members(3));
    amid_operations(&place, || {
        // One that is leaving may be gone before it is killed.
        let mut leader = String::new();
        wait_until("a leader is killed", 60, || {
            leader = place.leader();
            try_fault(&["kill", &place.namespace, &leader, "KILL"]).code == 0
        });
        leader
    });
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn the_leader_is_deleted_before_each_operation() {
    let place = Place::new("before", &members(3));
    place.apply(&[]);
    let load = Load::start(&place);
    for Operation { name, members: count, flags, .. } in OPERATIONS {
        place.write(&members(count));
        let leader = place.leader();
        place.kubectl(&["delete", "pod", &leader, "--wait=false"]).expect(0);
        let arguments = [&["--auto-approve", "--lock-timeout", "60s"], flags].concat();
        let ended = load.during(name, || place.tool("apply", &arguments));
        // A run that was refused took no intent along.
        let ended = if ended.code == 3 && !flags.is_empty() {
            wait_until("the old leader is back", 120, || place.is_ready(&leader));
            place.apply(flags)
        } else {
            ended
        };
        place.recovers(&ended, &[&leader, "leader", "healthy"], count);
    }
    load.finish("a leader deleted before four operations");
}
