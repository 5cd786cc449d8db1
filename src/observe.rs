//! From a stack to what is there: objects, dry-runs and members, as far as
//! possible side by side.

use std::collections::BTreeMap;

use futures::{
    FutureExt,
    future::{join, join_all},
};
use jiff::Timestamp;

use crate::{
    cluster::{self, Reader},
    desired::{Desired, ORDINALS, desired},
    dial, etcd,
    member::{Alarm, Membership, Status},
    object::ObjectKey,
    observed::{EtcdReading, Live, Lookup, Members, Observed, Pod, journal::Ending},
    plan::{Against, Intent, Plan, adoptions, deletes, offline, plan, predict, questions, settle},
    stack::Stack,
};

/// A plan, and what it was made from.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What is wanted, with what the live cluster holds on to.
    pub desired: Desired,
    /// What is there.
    pub observed: Observed,
}

/// Reads everything and makes the plan.
///
/// # Errors
///
/// Only when nothing can be asked at all; what else fails is in the plan.
pub async fn observe(
    reader: &Reader,
    stack: &Stack,
    intent: &Intent,
    now: Timestamp,
) -> Result<Planned, cluster::Error> {
    let wanted = desired(stack);
    // Alone, so that all others find the connection that this one opens.
    let target = reader.target().await?;
    let pods = reader.pods(&wanted.names).shared();
    let objects = async {
        let mut live = reader.live(&wanted, target, pods.clone()).await?;
        if intent.end == Some(Ending::Destroy) {
            live.neighbours = reader.neighbours(&wanted.names, &ours(&wanted, &live)).await?;
        }
        let desired = settle(&wanted, &live);
        // What goes is not asked about.
        let (questions, adoptions) = match intent.end {
            Some(_) => (Vec::new(), Vec::new()),
            None => (questions(&desired, &live), adoptions(&desired, &live, intent)),
        };
        let (mut proposals, adopted) = join(reader.ask(&questions), reader.ask_adopting(&adoptions)).await;
        proposals.extend(adopted);
        Ok((desired, live, proposals))
    };
    let (objects, members) = join(objects, members(reader, &wanted, pods.clone())).await;
    let (desired, live, proposals) = objects?;
    let mut observed = Observed { live, proposals, members };
    let mut made = plan(&desired, &observed, intent, now);
    let kinds = deletes(&made);
    if !kinds.is_empty() {
        let rights = reader.rights_to_delete(&desired.names, &kinds).await?;
        observed.live.rights.extend(rights);
        made = plan(&desired, &observed, intent, now);
    }
    Ok(Planned { plan: made, desired, observed })
}

/// Reads everything, and asks about nothing.
///
/// # Errors
///
/// Only when nothing can be asked at all; what else fails is in what was read.
pub async fn look(reader: &Reader, stack: &Stack) -> Result<(Live, Members), cluster::Error> {
    let wanted = desired(stack);
    let target = reader.target().await?;
    let pods = reader.pods(&wanted.names).shared();
    let live = reader.live(&wanted, target, pods.clone());
    let (live, members) = join(live, members(reader, &wanted, pods)).await;
    Ok((live?, members))
}

/// Makes the plan from what was recorded, and asks nobody.
pub fn from_recording(
    stack: &Stack,
    mut observed: Observed,
    intent: &Intent,
    now: Timestamp,
    against: Against,
) -> Planned {
    let desired = settle(&desired(stack), &observed.live);
    observed.proposals = predict(&desired, &observed.live, intent);
    let plan = offline(&desired, &observed, intent, now, against);
    Planned { plan, desired, observed }
}

/// What has a name of the stack's, whoever made it: the plan judges each.
fn ours(wanted: &Desired, live: &Live) -> Vec<ObjectKey> {
    let claims = (0..ORDINALS).map(|ordinal| wanted.names.claim(ordinal));
    live.objects.keys().cloned().chain(claims).collect()
}

/// Asks every pod, side by side.
async fn members(
    reader: &Reader,
    desired: &Desired,
    pods: impl Future<Output = Result<Lookup<Vec<Pod>>, cluster::Error>>,
) -> Members {
    let (pods, credentials) = join(pods, reader.credentials(&desired.names)).await;
    let pods = match pods {
        Ok(Lookup::Found(pods)) if pods.is_empty() => return Members::NotRunning,
        Ok(Lookup::Found(pods)) => pods,
        Ok(Lookup::Absent) => return Members::NotRunning,
        Ok(Lookup::Failed(reason)) => return Members::Failed(reason),
        Err(error) => return Members::Failed(error.to_string()),
    };
    let credentials = match credentials {
        Lookup::Found(credentials) => credentials,
        Lookup::Absent => {
            return Members::Failed(format!("`{}` does not exist", desired.names.operator_secret()));
        }
        Lookup::Failed(reason) => return Members::Failed(reason),
    };
    let known = pods.iter().filter_map(|pod| Some((desired.names.ordinal_named(&pod.name)?, pod)));
    let answers = join_all(known.map(|(ordinal, pod)| {
        // The port that it has, whatever the stack file says by now.
        let port = pod.client_port.unwrap_or(desired.names.ports.client);
        ask(ordinal, dial::client(reader, &desired.names, ordinal, port, &credentials))
    }));
    reading(desired, answers.await)
}

struct Answer {
    ordinal: usize,
    status: Result<Status, String>,
    list: Result<(Membership, bool), String>,
    alarms: Result<Vec<Alarm>, String>,
}

async fn ask(ordinal: usize, client: Result<etcd::Client, etcd::Error>) -> Answer {
    let failed = |reason: String| Answer {
        ordinal,
        status: Err(reason.clone()),
        list: Err(reason.clone()),
        alarms: Err(reason),
    };
    let client = match client {
        Ok(client) => client,
        Err(error) => return failed(error.to_string()),
    };
    // The first question finds out whether anybody is there.
    let status = match client.status().await {
        Ok(status) => status,
        Err(error) => return failed(error.to_string()),
    };
    let list = async {
        match client.members(true).await {
            Ok(membership) => Ok((membership, true)),
            Err(_) => client
                .members(false)
                .await
                .map(|membership| (membership, false))
                .map_err(|error| error.to_string()),
        }
    };
    let (list, alarms) = join(list, client.alarms()).await;
    Answer { ordinal, status: Ok(status), list, alarms: alarms.map_err(|error| error.to_string()) }
}

/// The list that a quorum confirmed, or else any; the statuses of all.
fn reading(desired: &Desired, answers: Vec<Answer>) -> Members {
    let confirmed =
        answers.iter().find_map(|answer| answer.list.as_ref().ok().filter(|(_, linearizable)| *linearizable));
    let any = confirmed.or_else(|| answers.iter().find_map(|answer| answer.list.as_ref().ok()));
    let Some((membership, linearizable)) = any.cloned() else {
        let reasons: Vec<String> = answers
            .iter()
            .filter_map(|answer| {
                Some(format!("{}: {}", desired.names.member(answer.ordinal), answer.list.as_ref().err()?))
            })
            .collect();
        return Members::Failed(reasons.join("; "));
    };
    // Alarms are read through the quorum, as the list is.
    let mut alarms = answers.iter().map(|answer| answer.alarms.clone());
    let alarms = match (alarms.find(Result::is_ok), linearizable) {
        (Some(alarms), _) => alarms.unwrap_or_default(),
        (None, false) => Vec::new(),
        (None, true) => return Members::Failed("alarms cannot be read".to_owned()),
    };
    let statuses: BTreeMap<String, Result<Status, String>> =
        answers.into_iter().map(|answer| (desired.names.member(answer.ordinal), answer.status)).collect();
    Members::Read(EtcdReading { membership, linearizable, statuses, alarms })
}
