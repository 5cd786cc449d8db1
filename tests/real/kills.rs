//! Ring 3: `apply` killed at random moments while a running stack grows,
//! shrinks, restarts and gets new members, under load, and run again each time
//! with nothing but the permissions that it needs.
//!
//! `KILLS` says how often to kill (the soak sets 60); the number done is
//! printed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use crate::{
    changing::members,
    chaos::amid::names_one_of,
    interrupted::{Chance, When, apply_killed, kills_wanted},
    kubernetes::{Place, wait_until},
    load::Load,
};

/// A claim that an earlier member left is deleted when the next one joins.
const PERMISSIONS: &[&str] = &["--allow-data-loss", "all"];

/// What is asked for, once.
enum Wish {
    /// What the file says now.
    File,
    /// Every pod made anew.
    Restart,
    /// One member made anew.
    Replace(String),
}

/// One operation: what the file says, and what else is wanted.
struct Operation {
    what: String,
    members: usize,
    wish: Wish,
}

impl Operation {
    fn sized(from: usize, to: usize) -> Operation {
        Operation { what: format!("members {from} -> {to}"), members: to, wish: Wish::File }
    }

    fn flags(&self) -> Vec<&str> {
        match &self.wish {
            Wish::File => vec![],
            Wish::Restart => vec!["--restart"],
            Wish::Replace(member) => vec!["--replace", member],
        }
    }
}

/// The uid of each pod.
fn uids(place: &Place) -> BTreeMap<String, String> {
    place.pods().into_iter().map(|pod| (pod.0, pod.1)).collect()
}

/// Applies, and is killed so many times before it gets through. Says how often
/// it really was.
fn through_kills(place: &Place, operation: &Operation, chance: &mut Chance, kills: usize) -> usize {
    place.write(&members(operation.members));
    let before = uids(place);
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut look = || {
        for (name, uid) in uids(place) {
            seen.entry(name).or_default().insert(uid);
        }
    };
    look();
    let wish = operation.flags();
    let mut flags = [&wish, PERMISSIONS].concat();
    let mut done = 0;
    while done < kills {
        // A wish is known to later runs once a step is done; the file always is.
        let early = done == 0 && !wish.is_empty();
        let when = if early { When::AfterSteps(1) } else { When::After(300 + chance.below(9_000)) };
        let running = apply_killed(place, when, &flags);
        flags = PERMISSIONS.to_vec();
        look();
        if !running {
            break;
        }
        done += 1;
    }
    // The pod that was just deleted may not be back yet.
    wait_until("the next apply is not refused", 120, || {
        let ended = place.tool("apply", &[&["--auto-approve", "--lock-timeout", "60s"], &flags[..]].concat());
        if ended.code != 0 {
            assert!([3, 5].contains(&ended.code), "{ended:?}");
            names_one_of(&ended, &["healthy", "to answer"]);
        }
        ended.code == 0
    });
    look();
    place.is_settled(operation.members);
    only_what_was_wished(operation, &before, &uids(place), &seen);
    done
}

/// Pods that stay were made anew only if that was asked for, and by a restart
/// once. One that is replaced may be made twice: while its claim goes.
fn only_what_was_wished(
    operation: &Operation,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    seen: &BTreeMap<String, BTreeSet<String>>,
) {
    for name in before.keys().filter(|name| after.contains_key(*name)) {
        let wanted = match &operation.wish {
            Wish::Restart => 2..=2,
            Wish::Replace(member) if member == name => 2..=3,
            Wish::File | Wish::Replace(_) => 1..=1,
        };
        let uids = &seen[name];
        assert!(wanted.contains(&uids.len()), "{}: the pods that were {name}: {uids:?}", operation.what);
    }
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn apply_killed_while_members_come_and_go_and_restart_goes_on_from_there() {
    let wanted = kills_wanted(8);
    let place = Place::new("kills", &members(1));
    place.apply(&[]);
    let load = Load::start(&place);
    let (mut chance, mut kills, mut rounds) = (Chance(0xdead), 0, 0);
    let began = Instant::now();
    while kills < wanted {
        rounds += 1;
        for operation in round(rounds) {
            // Members are known only when it is their turn.
            let operation = operation(&place);
            let times = 1 + usize::try_from(chance.below(3)).expect("it is small");
            let what = format!("{}, killed up to {times} times", operation.what);
            kills += load.during(&what, || through_kills(&place, &operation, &mut chance, times));
        }
    }
    load.finish("operations that were killed");
    println!("{kills} kills with SIGKILL in {rounds} rounds, {} s", began.elapsed().as_secs());
}

/// Makes an operation for the stack as it is by then.
type Making = fn(&Place) -> Operation;

/// From one member to three and back to one, and every second time by way of
/// five.
fn round(number: usize) -> Vec<Making> {
    let restart: Making = |_| Operation { what: "restart".to_owned(), members: 3, wish: Wish::Restart };
    let follower: Making = |place| replaces("a follower", place.follower());
    let leader: Making = |place| replaces("the leader", place.leader());
    let mut all: Vec<Making> = vec![|_| Operation::sized(1, 3), restart, follower, leader];
    if number.is_multiple_of(2) {
        all.extend([(|_| Operation::sized(3, 5)) as Making, |_| Operation::sized(5, 3)]);
    }
    all.push(|_| Operation::sized(3, 1));
    all
}

fn replaces(which: &str, member: String) -> Operation {
    Operation { what: format!("replace {which}, {member}"), members: 3, wish: Wish::Replace(member) }
}
