//! What the members said, without what changes with every write.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    member::{Alarm, Id, Member, Membership, Role, Status},
    observed::{EtcdReading, Members},
};

/// The member list, and what each member said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Etcd {
    cluster_id: Id,
    members: Vec<Member>,
    linearizable: bool,
    /// By pod name; or why it gave no answer.
    answers: BTreeMap<String, Result<Answer, String>>,
    alarms: Vec<Alarm>,
}

/// A member's own status. Its leader is kept, for the order of restarts
/// depends on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    cluster_id: Id,
    member_id: Id,
    leader: Id,
    role: Role,
    version: String,
    quota: i64,
    errors: Vec<String>,
}

impl Etcd {
    /// What was read; `None` where no pod runs.
    pub fn of(members: &Members) -> Option<Etcd> {
        let Members::Read(reading) = members else { return None };
        let EtcdReading { membership, linearizable, statuses, alarms } = reading;
        let answer = |status: &Result<Status, String>| status.as_ref().map(answer).map_err(Clone::clone);
        Some(Etcd {
            cluster_id: membership.cluster_id,
            members: membership.members.clone(),
            linearizable: *linearizable,
            answers: statuses.iter().map(|(name, status)| (name.clone(), answer(status))).collect(),
            alarms: alarms.clone(),
        })
    }

    /// As it was read, with sizes and counts of zero.
    pub fn members(&self) -> Members {
        let Etcd { cluster_id, members, linearizable, answers, alarms } = self.clone();
        let statuses = answers.into_iter().map(|(name, answer)| (name, answer.map(status)));
        Members::Read(EtcdReading {
            membership: Membership { cluster_id, members },
            linearizable,
            statuses: statuses.collect(),
            alarms,
        })
    }
}

fn answer(status: &Status) -> Answer {
    let Status { cluster_id, member_id, leader, role, version, db_size_quota, errors, .. } = status.clone();
    Answer { cluster_id, member_id, leader, role, version, quota: db_size_quota, errors }
}

fn status(answer: Answer) -> Status {
    let Answer { cluster_id, member_id, leader, role, version, quota, errors } = answer;
    Status {
        cluster_id,
        member_id,
        leader,
        role,
        version,
        db_size: 0,
        db_size_in_use: 0,
        db_size_quota: quota,
        raft_index: 0,
        raft_applied_index: 0,
        raft_term: 0,
        revision: 0,
        errors,
    }
}
