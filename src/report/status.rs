//! A cluster as it is: what `status` shows.

use jiff::Timestamp;
use serde::Serialize;

use crate::member::{Alarm, Id, Role};

/// One cluster, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClusterStatus {
    /// The stack's name.
    pub stack: String,
    /// Its namespace.
    pub namespace: String,
    /// The cluster's id; `None` while nobody can be asked.
    pub cluster_id: Option<Id>,
    /// Whether as many voters as wanted answer, agree on a leader, and no
    /// alarm is raised.
    pub healthy: bool,
    /// Voters that must agree.
    pub quorum: usize,
    /// Voters that answer.
    pub voters_up: usize,
    /// Each member, by ordinal.
    pub members: Vec<MemberStatus>,
    /// Alarms that are raised.
    pub alarms: Vec<Alarm>,
    /// Certificates, by Secret.
    pub certificates: Vec<CertificateStatus>,
    /// What `plan` would say.
    pub drift: Drift,
    /// What could not be read.
    pub unread: Vec<String>,
}

/// How what runs differs from the stack file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Whether it does.
    pub state: DriftState,
    /// In one line.
    pub summary: String,
}

/// Whether what runs differs from the stack file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftState {
    /// It does not.
    None,
    /// It does, and `apply` would change that.
    Changes,
    /// It does, and something stands in the way.
    Blocked,
    /// Not everything could be read.
    Unknown,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberStatus {
    /// Its name, which is its pod's.
    pub name: String,
    /// Its id, once it is listed.
    pub id: Option<Id>,
    /// Voter or learner, once it is listed.
    pub role: Option<Role>,
    /// Whether it leads.
    pub leader: bool,
    /// Whether it answers, knows a leader and reports no error.
    pub healthy: bool,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The node of its pod.
    pub node: Option<String>,
    /// The zone of that node.
    pub zone: Option<String>,
    /// Bytes that its database takes.
    pub db_size: Option<i64>,
    /// Bytes of them in use.
    pub db_size_in_use: Option<i64>,
    /// The quota in bytes.
    pub quota: u64,
    /// How often its container was started again.
    pub restarts: Option<i32>,
}

/// One certificate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CertificateStatus {
    /// The Secret that holds it.
    pub secret: String,
    /// Its subject.
    pub subject: String,
    /// When it ends.
    pub not_after: Timestamp,
    /// Whole days until then.
    pub days_left: i64,
}
