//! One member: what is known of it, and what is wrong with it.

use super::MemberStatus;
use crate::{
    desired::Desired,
    member::{Id, Member, Membership, Status, complaint},
    object::{Object, etcd_container},
    observed::{EtcdReading, Lookup, Members, Observed, Pod},
};

/// Listed members and pods, by ordinal.
pub fn members(desired: &Desired, observed: &Observed) -> Vec<MemberStatus> {
    let listed = reading(observed).map(|reading| reading.membership.members.as_slice()).unwrap_or_default();
    let name = |member: &Member| {
        let ordinal = desired.names.ordinal_of(member.peer_urls.first()?)?;
        Some(desired.names.member(ordinal))
    };
    let pods = observed.live.pods.found().into_iter().flatten().map(|pod| pod.name.clone());
    let listed = listed.iter().map(|member| name(member).unwrap_or_else(|| member.name.clone()));
    let mut names: Vec<String> = listed.chain(pods).collect();
    names.sort();
    names.dedup();
    names.into_iter().map(|name| member(desired, observed, name)).collect()
}

/// What the members answered, if any did.
pub fn reading(observed: &Observed) -> Option<&EtcdReading> {
    match &observed.members {
        Members::Read(reading) => Some(reading),
        Members::NotRunning | Members::Failed(_) => None,
    }
}

fn member(desired: &Desired, observed: &Observed, name: String) -> MemberStatus {
    let live = &observed.live;
    let reading = reading(observed);
    let pod = live.pods.found().into_iter().flatten().find(|pod| pod.name == name);
    let node = pod.and_then(|pod| pod.node.clone());
    let zone = live.nodes.found().into_iter().flatten().find(|other| Some(&other.name) == node.as_ref());
    let ordinal = desired.names.ordinal_named(&name);
    let listed = reading.and_then(|reading| listed(desired, &reading.membership, ordinal, &name));
    let status = reading.and_then(|reading| reading.statuses.get(&name)?.as_ref().ok());
    let stateful_set = live.objects.get(&desired.names.stateful_set()).and_then(Lookup::found);
    let health = Looked { reading, listed, pod, started: started(stateful_set, ordinal) }.health(&name);
    let leads =
        |member: &Member| reading.and_then(EtcdReading::leader) == Some(member.id) && status.is_some();
    MemberStatus {
        id: listed.map(|member| member.id),
        listed: reading.map(|_| listed.is_some()),
        role: listed.map(|member| member.role),
        leader: reading.map(|_| listed.is_some_and(leads)),
        healthy: match &health {
            Health::Well => Some(true),
            Health::Ill(_) => Some(false),
            Health::Unknown => None,
        },
        problem: match health {
            Health::Ill(problem) => Some(problem),
            Health::Well | Health::Unknown => None,
        },
        version: status.map(|status| status.version.clone()),
        node,
        zone: zone.and_then(|node| node.zone.clone()),
        db_size: status.map(|status| status.db_size),
        db_size_in_use: status.map(|status| status.db_size_in_use),
        quota: status.and_then(|status| quota(status, stateful_set)),
        restarts: pod.map(|pod| pod.restarts),
        name,
    }
}

/// By its peer URL, or where that has changed in the file, by its name.
fn listed<'a>(
    desired: &Desired,
    membership: &'a Membership,
    ordinal: Option<usize>,
    name: &str,
) -> Option<&'a Member> {
    let at = ordinal.and_then(|ordinal| membership.at(&desired.names.peer_url(ordinal)));
    at.or_else(|| membership.members.iter().find(|member| member.name == name))
}

/// The quota that the member runs with: its own word, or before etcd 3.6,
/// which does not tell, the argument that it was started with.
fn quota(status: &Status, stateful_set: Option<&Object>) -> Option<u64> {
    let argument = || {
        let arguments = etcd_container(&stateful_set?.body, "/spec/template/spec/containers")?;
        let arguments = arguments.get("args")?.as_array()?;
        let mut texts = arguments.iter().filter_map(|one| one.as_str());
        texts.find_map(|text| text.strip_prefix("--quota-backend-bytes=")?.parse().ok())
    };
    u64::try_from(status.db_size_quota).ok().filter(|quota| *quota > 0).or_else(argument)
}

/// Whether the StatefulSet starts this member's pod again when it is gone.
fn started(stateful_set: Option<&Object>, ordinal: Option<usize>) -> bool {
    let replicas = stateful_set.and_then(Object::replicas);
    ordinal.zip(replicas).is_some_and(|(ordinal, replicas)| ordinal < replicas)
}

/// How a member is.
enum Health {
    /// Nothing is wrong with it.
    Well,
    /// What is wrong, in words that follow its name.
    Ill(String),
    /// It may run: nobody could be asked.
    Unknown,
}

/// What was found out of one member.
struct Looked<'a> {
    reading: Option<&'a EtcdReading>,
    listed: Option<&'a Member>,
    pod: Option<&'a Pod>,
    started: bool,
}

impl Looked<'_> {
    fn health(&self, name: &str) -> Health {
        let stopped = self.pod.and_then(|pod| stopped(pod, self.started));
        let Some(reading) = self.reading else { return stopped.map_or(Health::Unknown, Health::Ill) };
        let Some(member) = self.listed else {
            return Health::Ill(stopped.unwrap_or_else(|| "runs, but etcd does not list it".to_owned()));
        };
        let leader = reading.leader().unwrap_or(Id(0));
        let trouble = match (reading.statuses.get(name), self.started) {
            (None, true) => Some("has no pod at this moment; the StatefulSet starts one".to_owned()),
            (None, false) => Some("has no pod".to_owned()),
            (Some(Err(reason)), _) => stopped.or_else(|| Some(format!("does not answer: {reason}"))),
            (Some(Ok(status)), _) => complaint(status, &reading.membership, member.id, leader),
        };
        trouble.map_or(Health::Well, Health::Ill)
    }
}

/// Why a pod does not serve by its own account; `None` when it may.
fn stopped(pod: &Pod, started: bool) -> Option<String> {
    if pod.terminating {
        let again = if started { "; the StatefulSet starts it again" } else { "" };
        return Some(format!("is being deleted{again}"));
    }
    match &pod.trouble {
        // It ended as it was told to, and the kubelet starts it again.
        Some(trouble) if trouble.reason == "Completed" => {
            Some("has ended and is being started again".to_owned())
        }
        Some(trouble) => Some(format!("does not run: {}", trouble.in_words())),
        None if pod.phase == "Pending" => Some("is starting".to_owned()),
        None => None,
    }
}
