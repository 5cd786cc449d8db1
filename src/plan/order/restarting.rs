//! Pods that are made anew, or again, around volumes that stay, as steps.

use std::collections::BTreeSet;

use super::{Inputs, plain, sized};
use crate::{
    member::can_lose,
    plan::{
        Action, Cost, Guard, RestartReason, Step, Wait,
        membership::{Listed, State},
    },
};

pub(super) fn bring_back(inputs: &Inputs<'_>, before: &State, replicas: usize) -> Step {
    let names = &inputs.desired.names;
    let ordinals: Vec<usize> = (before.replicas..replicas).collect();
    // Who is replaced, or learns, need not have anything to come back with.
    let votes = |ordinal: &usize| {
        before.members.get(ordinal) == Some(&Listed::Voter) && !before.replace.contains_key(ordinal)
    };
    let recorded: Vec<usize> = ordinals.iter().copied().filter(votes).collect();
    let members: Vec<String> = ordinals.iter().map(|ordinal| names.member(*ordinal)).collect();
    Step {
        before: vec![
            Guard::RecordedClaims { ordinals: recorded },
            Guard::Replicas { one_of: vec![before.replicas, replicas] },
        ],
        after: vec![Wait::Back { ordinals: (0..replicas).filter(votes).collect() }],
        ..plain(
            format!("replicas {} -> {replicas}: {}", before.replicas, come_back(&members)),
            vec![sized(inputs, before, replicas)],
        )
    }
}

pub(super) fn revive(inputs: &Inputs<'_>, before: &State, ordinals: &BTreeSet<usize>) -> Step {
    let names = &inputs.desired.names;
    let members: Vec<String> = ordinals.iter().map(|ordinal| names.member(*ordinal)).collect();
    let serve = if members.len() == 1 { "serves" } else { "serve" };
    Step {
        before: ordinals.iter().map(|ordinal| Guard::MayRestart { ordinal: *ordinal }).collect(),
        after: ordinals.iter().map(|ordinal| restarted(inputs, *ordinal)).collect(),
        costs: members.iter().map(|member| Cost::Restart { member: member.clone() }).collect(),
        ..plain(
            format!("restart {}, which {serve} nothing", members.join(", ")),
            ordinals.iter().map(|ordinal| restart_action(inputs, before, *ordinal)).collect(),
        )
    }
}

pub(super) fn restart(inputs: &Inputs<'_>, before: &State, ordinal: usize) -> Step {
    let member = inputs.desired.names.member(ordinal);
    let down = can_lose(before.voters()) == 0;
    let cost = |member: String| if down { Cost::Downtime { member } } else { Cost::Restart { member } };
    let leads =
        if before.leader == Some(ordinal) && !down { ", which hands over leadership first" } else { "" };
    let grows = match before.resizing.contains(&ordinal) {
        true => ": the file system of its volume grows only then",
        false => "",
    };
    Step {
        before: vec![Guard::MayRestart { ordinal }],
        after: vec![restarted(inputs, ordinal)],
        costs: vec![cost(member.clone())],
        ..plain(format!("restart {member}{leads}{grows}"), vec![restart_action(inputs, before, ordinal)])
    }
}

fn restart_action(inputs: &Inputs<'_>, before: &State, ordinal: usize) -> Action {
    let name = inputs.desired.names.member(ordinal);
    let pod_uid = pod_uid(inputs, &name);
    let asked = inputs.intended.restart.get(&name) == Some(&pod_uid);
    let why = match (asked, before.resizing.contains(&ordinal)) {
        (true, _) => RestartReason::Asked,
        (_, true) if !before.outdated.contains(&ordinal) => RestartReason::Volume,
        _ => RestartReason::Outdated,
    };
    Action::Restart { ordinal, name, pod_uid, why, hand_over: before.heirs(ordinal) }
}

fn restarted(inputs: &Inputs<'_>, ordinal: usize) -> Wait {
    let names = &inputs.desired.names;
    Wait::Restarted {
        ordinal,
        peer_url: names.peer_url(ordinal),
        pod_uid: pod_uid(inputs, &names.member(ordinal)),
    }
}

fn pod_uid(inputs: &Inputs<'_>, name: &str) -> String {
    inputs.live.pod(name).map(|pod| pod.uid.clone()).unwrap_or_default()
}

/// Says which members come back.
pub(super) fn come_back(members: &[String]) -> String {
    let whose = if members.len() == 1 { "its" } else { "their" };
    format!("bring {} back with {whose} data", members.join(", "))
}
