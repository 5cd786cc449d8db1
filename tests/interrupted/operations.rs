//! Every operation, and every call of it with every fault.

use std::collections::BTreeSet;

use etcdctl_stack::{field::Owned, member::Role, plan::Intent};

use crate::{
    drive::{Goal, founded, interrupted, nothing_wrong, stack, stride},
    simulator::Simulator,
};

/// Which of all faults a usual run takes: all with `FAULTS=1`.
const USUAL: usize = 7;

/// Runs operations, and says how many interleavings there were.
#[track_caller]
pub fn all(what: &str, operations: impl IntoIterator<Item = (String, Simulator, Goal)>) {
    let (mut count, mut wrong, stride) = (0, Vec::new(), stride("FAULTS", USUAL));
    for (name, world, goal) in operations {
        let (more, went_wrong) = interrupted(&name, &world, &goal, stride);
        count += more;
        wrong.extend(went_wrong);
    }
    println!("{what}: {count} interleavings (every {stride}th)");
    nothing_wrong(&wrong);
}

pub fn worlds() -> Vec<Simulator> {
    (1..=5).map(founded).collect()
}

/// The same world with another stack file.
pub fn wanting(world: &Simulator, members: usize, more: &str) -> Simulator {
    Simulator { desired: stack(members, more), ..world.clone() }
}

pub fn replacing(ordinal: usize) -> Intent {
    Intent { replace: BTreeSet::from([format!("orders-{ordinal}")]), ..Intent::default() }
}

#[test]
fn a_stack_is_resized() {
    let worlds = worlds();
    let pairs = (1..=5).flat_map(|from| (1..=5).map(move |to| (from, to)));
    all(
        "from n to m members",
        pairs.map(|(from, to)| {
            let world = wanting(&worlds[from - 1], to, "");
            // The one that goes first leads.
            world.let_lead(from - 1);
            (format!("{from} -> {to}"), world, Goal { members: to, ..Goal::default() })
        }),
    );
}

#[test]
fn a_stack_is_resized_and_the_claims_go_too() {
    let worlds = worlds();
    let more = "[storage]\non_scale_down = \"delete\"\n";
    let pairs = [(5, 3), (3, 1), (5, 1), (2, 1)];
    all(
        "from n to m members, with their claims",
        pairs.map(|(from, to)| {
            let world = wanting(&worlds[from - 1], to, more);
            (format!("{from} -> {to}"), world, Goal { members: to, data_loss: true, ..Goal::default() })
        }),
    );
}

/// Claims are kept, and a member that joins may not start on an old one.
#[test]
fn a_stack_shrinks_and_grows_again() {
    let worlds = worlds();
    let pairs = [(3, 1), (5, 3), (4, 3)];
    all(
        "from n to m members and back",
        pairs.map(|(from, to)| {
            let smaller = wanting(&worlds[from - 1], to, "");
            Goal { members: to, ..Goal::default() }.reached_from(&smaller).expect("shrinks");
            let world = wanting(&smaller, from, "");
            (
                format!("{from} -> {to} -> {from}"),
                world,
                Goal { members: from, data_loss: true, ..Goal::default() },
            )
        }),
    );
}

#[test]
fn another_template_restarts_members_one_after_the_other() {
    let worlds = worlds();
    let sizes = [(1, true), (2, true), (3, false), (4, false), (5, false)];
    all(
        "another quota",
        sizes.into_iter().flat_map(|(members, downtime)| {
            let leaders = [0, members - 1];
            let worlds = &worlds;
            leaders.into_iter().map(move |leader| {
                let world = wanting(&worlds[members - 1], members, "[etcd]\nquota = \"1Gi\"\n");
                world.let_lead(leader);
                (format!("{members}, led by {leader}"), world, Goal { members, downtime, ..Goal::default() })
            })
        }),
    );
}

#[test]
fn members_are_restarted_because_somebody_asks() {
    let worlds = worlds();
    all(
        "--restart",
        (1..=5).map(|members| {
            let intent = Intent { restart: true, ..Intent::default() };
            let goal = Goal { members, intent, downtime: members < 3, ..Goal::default() };
            (format!("{members}"), worlds[members - 1].clone(), goal)
        }),
    );
}

#[test]
fn another_template_and_another_size_at_once() {
    let worlds = worlds();
    let pairs = [(3, 5), (5, 3), (3, 1), (1, 3)];
    all(
        "another quota and another size",
        pairs.map(|(from, to)| {
            let world = wanting(&worlds[from - 1], to, "[etcd]\nquota = \"1Gi\"\n");
            let goal = Goal { members: to, downtime: from.min(to) < 3, ..Goal::default() };
            (format!("{from} -> {to}"), world, goal)
        }),
    );
}

/// How a member is when it is replaced.
#[derive(Clone, Copy, Debug)]
enum Is {
    Healthy,
    Wiped,
    WithoutClaim,
}

#[test]
fn a_member_is_replaced() {
    let worlds = worlds();
    let ways = [Is::Healthy, Is::Wiped, Is::WithoutClaim];
    let members = (2..=5).flat_map(|members| (0..members).map(move |ordinal| (members, ordinal)));
    let cases = members.flat_map(|(members, ordinal)| {
        let leaders = if ordinal == 0 { vec![0, 1] } else { vec![0, ordinal] };
        leaders.into_iter().flat_map(move |leader| ways.map(|is| (members, ordinal, leader, is)))
    });
    // Two members of which one has lost its data have no quorum.
    let cases = cases.filter(|(members, _, _, is)| *members > 2 || matches!(is, Is::Healthy));
    all(
        "--replace",
        cases.map(|(members, ordinal, leader, is)| {
            let world = worlds[members - 1].clone();
            world.let_lead(leader);
            match is {
                Is::Healthy => {}
                Is::Wiped => world.wipe(ordinal),
                Is::WithoutClaim => world.replace_claim(ordinal),
            }
            world.let_time_pass(20);
            let goal = Goal { members, intent: replacing(ordinal), data_loss: true, ..Goal::default() };
            (format!("{ordinal} of {members}, led by {leader}, {is:?}"), world, goal)
        }),
    );
}

#[test]
fn two_dead_members_of_five_are_replaced_at_once() {
    let world = founded(5);
    world.wipe(1);
    world.replace_claim(3);
    world.let_time_pass(20);
    let replace = [1, 3].map(|ordinal| format!("orders-{ordinal}")).into();
    let intent = Intent { replace, ..Intent::default() };
    let goal = Goal { members: 5, intent, data_loss: true, ..Goal::default() };
    all("--replace two of five", [("1 and 3".to_owned(), world, goal)]);
}

#[test]
fn pods_that_somebody_scaled_away_come_back() {
    let worlds = worlds();
    let takes: Owned = "StatefulSet/orders:spec.replicas@kubectl".parse().expect("a field");
    let pairs = (1..=5).flat_map(|members| (0..members).map(move |replicas| (members, replicas)));
    all(
        "kubectl scale down",
        pairs.map(|(members, replicas)| {
            let world = worlds[members - 1].clone();
            world.scale(replicas);
            world.let_time_pass(20);
            let intent = Intent { take: BTreeSet::from([takes.clone()]), ..Intent::default() };
            (format!("{members} to {replicas}"), world, Goal { members, intent, ..Goal::default() })
        }),
    );
}

#[test]
fn pods_that_somebody_added_by_scaling_go_again() {
    let worlds = worlds();
    let takes: Owned = "StatefulSet/orders:spec.replicas@kubectl".parse().expect("a field");
    all(
        "kubectl scale up",
        [(1, 2), (3, 4), (3, 5)].map(|(members, replicas)| {
            let world = worlds[members - 1].clone();
            world.scale(replicas);
            world.let_time_pass(20);
            let intent = Intent { take: BTreeSet::from([takes.clone()]), ..Intent::default() };
            (format!("{members} to {replicas}"), world, Goal { members, intent, ..Goal::default() })
        }),
    );
}

/// An option of etcd that somebody edits into a stack of so many members, to
/// be removed by name.
fn edited(world: &Simulator, to: usize) -> (Simulator, Intent) {
    let world = wanting(world, to, "");
    world.add_variable("ETCD_LOG_LEVEL");
    world.let_time_pass(20);
    let field = "spec.template.spec.containers[name=\"etcd\"].env[name=\"ETCD_LOG_LEVEL\"]";
    let takes: Owned = format!("StatefulSet/orders:{field}@kubectl-edit").parse().expect("a field");
    (world, Intent { take: BTreeSet::from([takes]), ..Intent::default() })
}

#[test]
fn an_option_that_somebody_edited_in_is_removed_and_those_who_have_it_restart() {
    let worlds = worlds();
    let sizes = [(1, 1), (3, 3), (5, 5), (3, 5), (5, 3)];
    all(
        "kubectl edit, and a restart",
        sizes.map(|(members, to)| {
            let (world, intent) = edited(&worlds[members - 1], to);
            world.delete_pod(0);
            world.let_time_pass(20);
            let goal = Goal { members: to, intent, downtime: members == 1, ..Goal::default() };
            (format!("{members} to {to}"), world, goal)
        }),
    );
}

#[test]
fn an_option_that_nobody_has_taken_up_is_removed_without_a_restart() {
    let worlds = worlds();
    all(
        "kubectl edit",
        (1..=5).map(|members| {
            let (world, intent) = edited(&worlds[members - 1], members);
            let goal = Goal { members, intent, pods: Some(world.pods()), ..Goal::default() };
            (format!("{members}"), world, goal)
        }),
    );
}

#[test]
fn a_learner_that_somebody_added_joins_or_goes() {
    let worlds = worlds();
    let learners = [(1, 1), (3, 3), (3, 5)];
    all(
        "a learner added by hand",
        learners.map(|(members, to)| {
            let world = wanting(&worlds[members - 1], to, "");
            world.add_member(&world.desired.names.peer_url(members), Role::Learner);
            (format!("{members}, wanted {to}"), world, Goal { members: to, ..Goal::default() })
        }),
    );
}

#[test]
fn a_voter_that_somebody_added_joins_or_goes() {
    let worlds = worlds();
    let voters = [(3, 3), (3, 5)];
    all(
        "a voter added by hand",
        voters.map(|(members, to)| {
            let world = wanting(&worlds[members - 1], to, "");
            world.add_member(&world.desired.names.peer_url(members), Role::Voter);
            let intent = if to > members { replacing(members) } else { Intent::default() };
            let goal = Goal { members: to, intent, data_loss: true, ..Goal::default() };
            (format!("{members}, wanted {to}"), world, goal)
        }),
    );
}

#[test]
fn a_voter_that_froze_a_single_member_is_let_in() {
    let world = wanting(&founded(1), 2, "");
    world.add_member(&world.desired.names.peer_url(1), Role::Voter);
    world.let_time_pass(10);
    let goal = Goal { members: 2, intent: replacing(1), data_loss: true, ..Goal::default() };
    all("a voter added to one", [("1 and 1".to_owned(), world, goal)]);
}

#[test]
fn a_stranger_is_removed() {
    let world = founded(3);
    world.add_member("https://elsewhere.example:2380", Role::Voter);
    let stranger = world.read().furthest().and_then(|log| Some(log.members.last()?.id));
    let intent = Intent { remove: stranger.into_iter().collect(), ..Intent::default() };
    all("--remove", [("a voter".to_owned(), world, Goal { members: 3, intent, ..Goal::default() })]);
}
