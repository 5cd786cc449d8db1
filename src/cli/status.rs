//! `status`: the members as they are.

use std::time::Duration;

use serde_json::json;

use super::{
    arguments::{Global, Status as Arguments},
    exit::Exit,
    observe::{self, Planned},
    output::Output,
    signal::Signals,
    stacks,
};
use crate::{
    member::{Member, Role, Status, quorum},
    observed::{Live, Members},
    plan::{Plan, days_left},
    render,
    report::status::{CertificateStatus, ClusterStatus, Drift, DriftState, MemberStatus},
};

/// Shows the cluster of one file, once or until interrupted.
pub async fn status(arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    let loaded = match stacks::load(&arguments.file, output) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let cluster = match observe::connect(global, &loaded.checked.stack).await {
        Ok(cluster) => cluster,
        Err(error) => return output.cluster_error(&error),
    };
    let mut signals = Signals::listen();
    loop {
        let look = async { observe::observe(&cluster.reader(), &loaded.checked.stack).await };
        let planned = tokio::select! {
            planned = look => planned,
            signal = signals.next() => return Exit::Signal(signal),
        };
        let shown = match planned {
            Ok(planned) => show(&planned, arguments, output),
            // One look that fails is no reason to stop watching.
            Err(error) if arguments.watch => {
                let _printed = output.cluster_error(&error);
                Ok(())
            }
            Err(error) => Err(output.cluster_error(&error)),
        };
        match shown {
            Err(exit) => return exit,
            Ok(()) if !arguments.watch => return Exit::Success,
            Ok(()) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            signal = signals.next() => return Exit::Signal(signal),
        }
    }
}

fn show(planned: &Planned, arguments: &Arguments, output: &Output) -> Result<(), Exit> {
    let status = of(planned);
    if arguments.json {
        let value = json!(status);
        return output.answer_on(&if arguments.watch {
            format!("{value}\n")
        } else {
            format!("{value:#}\n")
        });
    }
    // A terminal that is watched shows one picture; a file keeps them all.
    let (clear, end) = match (arguments.watch, output.redraws) {
        (false, _) => ("", ""),
        (true, true) => ("\u{1b}[H\u{1b}[2J", ""),
        (true, false) => ("", "\n"),
    };
    output.answer_on(&format!("{clear}{}{end}", render::status(&status, output.answer)))
}

/// The status in a plan's reading.
fn of(planned: &Planned) -> ClusterStatus {
    let Planned { plan, desired, observed } = planned;
    let live = &observed.live;
    let reading = match &observed.members {
        Members::Read(reading) => Some(reading),
        Members::NotRunning | Members::Failed(_) => None,
    };
    let listed = reading.map(|reading| reading.membership.members.as_slice()).unwrap_or_default();
    let voters = listed.iter().filter(|member| member.role == Role::Voter).count();
    let members: Vec<MemberStatus> =
        names(planned, listed).into_iter().map(|name| member(planned, listed, name)).collect();
    let voters_up =
        members.iter().filter(|member| member.healthy && member.role == Some(Role::Voter)).count();
    let alarms = reading.map(|reading| reading.alarms.clone()).unwrap_or_default();
    let linearizable = reading.is_some_and(|reading| reading.linearizable);
    let wanted = usize::from(desired.stack.members);
    let mut unread = plan.unread.clone();
    if let Members::Failed(reason) = &observed.members
        && unread.is_empty()
    {
        unread.push(format!("the members cannot be asked: {reason}"));
    }
    ClusterStatus {
        stack: plan.stack.clone(),
        namespace: plan.namespace.clone(),
        cluster_id: reading.map(|reading| reading.membership.cluster_id),
        healthy: linearizable && voters_up == voters && voters >= wanted && alarms.is_empty(),
        quorum: quorum(voters),
        voters_up,
        members,
        alarms,
        certificates: certificates(live),
        drift: drift(plan),
        unread,
    }
}

/// Listed members and pods, by ordinal.
fn names(planned: &Planned, listed: &[Member]) -> Vec<String> {
    let names = &planned.desired.names;
    let ours =
        |member: &Member| names.ordinal_of(member.peer_urls.first()?).map(|ordinal| names.member(ordinal));
    let pods = planned.observed.live.pods.found().into_iter().flatten().map(|pod| pod.name.clone());
    let strangers = listed.iter().filter(|member| ours(member).is_none()).map(|member| member.name.clone());
    let mut all: Vec<String> = listed.iter().filter_map(ours).chain(pods).chain(strangers).collect();
    all.sort();
    all.dedup();
    all
}

fn member(planned: &Planned, listed: &[Member], name: String) -> MemberStatus {
    let Planned { desired, observed, .. } = planned;
    let live = &observed.live;
    let pod = live.pods.found().into_iter().flatten().find(|pod| pod.name == name);
    let node = pod.and_then(|pod| pod.node.clone());
    let zone = live.nodes.found().into_iter().flatten().find(|other| Some(&other.name) == node.as_ref());
    let ordinal = (0..crate::desired::ORDINALS).find(|ordinal| desired.names.member(*ordinal) == name);
    let at = ordinal.map(|ordinal| desired.names.peer_url(ordinal));
    let member = listed
        .iter()
        .find(|member| at.as_ref().is_some_and(|url| member.peer_urls.contains(url)) || member.name == name);
    let answer = match &observed.members {
        Members::Read(reading) => reading.statuses.get(&name).cloned(),
        Members::NotRunning => None,
        Members::Failed(reason) => Some(Err(reason.clone())),
    };
    let problem = problem(
        member,
        answer.as_ref(),
        pod.and_then(|pod| pod.trouble.as_ref())
            .map(|trouble| format!("{}: {}", trouble.reason, trouble.message)),
    );
    let status: Option<Status> = answer.and_then(Result::ok);
    MemberStatus {
        id: member.map(|member| member.id),
        role: member.map(|member| member.role),
        leader: status
            .as_ref()
            .is_some_and(|status| status.leader == status.member_id && status.leader.0 != 0),
        healthy: problem.is_none(),
        problem,
        version: status.as_ref().map(|status| status.version.clone()),
        node,
        zone: zone.and_then(|node| node.zone.clone()),
        db_size: status.as_ref().map(|status| status.db_size),
        db_size_in_use: status.as_ref().map(|status| status.db_size_in_use),
        quota: desired.stack.etcd.quota,
        restarts: pod.map(|pod| pod.restarts),
        name,
    }
}

fn problem(
    member: Option<&Member>,
    answer: Option<&Result<Status, String>>,
    trouble: Option<String>,
) -> Option<String> {
    let Some(member) = member else {
        return Some(trouble.unwrap_or_else(|| "etcd does not list it".to_owned()));
    };
    match answer {
        None => Some("it has no pod".to_owned()),
        Some(Err(reason)) => Some(trouble.unwrap_or_else(|| reason.clone())),
        Some(Ok(status)) if !status.errors.is_empty() => Some(status.errors.join(", ")),
        Some(Ok(status)) if status.leader.0 == 0 => Some("it knows no leader".to_owned()),
        Some(Ok(status)) if status.member_id != member.id => {
            Some(format!("it calls itself {}", status.member_id))
        }
        Some(Ok(_)) => None,
    }
}

fn certificates(live: &Live) -> Vec<CertificateStatus> {
    let now = observe::now();
    let held = live
        .secrets
        .iter()
        .filter_map(|(key, facts)| Some((key, facts.certificate.as_ref()?.as_ref().ok()?)));
    held.map(|(key, facts)| CertificateStatus {
        secret: key.name.clone(),
        subject: facts.subject.clone(),
        not_after: facts.not_after,
        days_left: days_left(facts, now),
    })
    .collect()
}

fn drift(plan: &Plan) -> Drift {
    let (state, summary) = if !plan.unread.is_empty() {
        (DriftState::Unknown, "not everything could be read".to_owned())
    } else if let Some(blocked) = plan.blocked.first() {
        (DriftState::Blocked, format!("{} (plan shows all)", blocked.reason))
    } else if plan.is_empty() {
        (DriftState::None, "what runs is what the stack file says".to_owned())
    } else {
        (DriftState::Changes, render::counting_line(plan).trim_start_matches("Plan: ").to_owned())
    };
    Drift { state, summary }
}
