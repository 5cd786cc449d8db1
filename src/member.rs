//! etcd members as values, and the arithmetic of quorum.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An id that etcd gave to a member or a cluster; printed as etcdctl prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);

/// Sixteen hexadecimal digits at most, no padding: the form of `etcdctl member list`.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl std::str::FromStr for Id {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Id)
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Id {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An id that etcd gave to a member or a cluster, as `etcdctl member list` prints it.",
            "type": "string",
            "pattern": "^[0-9a-f]{1,16}$",
        })
    }
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Votes and counts for quorum.
    Voter,
    /// Receives the log, does not vote.
    Learner,
}

/// A member as etcd lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The id in the list; another one after a removal and a new add.
    pub id: Id,
    /// Empty until the member has started and published its name.
    pub name: String,
    /// Where its peers reach it: the identity by which the tool finds a member.
    pub peer_urls: Vec<String>,
    /// Where clients reach it; empty until it has started.
    pub client_urls: Vec<String>,
    /// Voter or learner.
    pub role: Role,
}

/// The members of one cluster, as one linearizable read gave them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The cluster's id.
    pub cluster_id: Id,
    /// Every member, sorted by peer URL.
    pub members: Vec<Member>,
}

impl Membership {
    /// The member with exactly this peer URL.
    pub fn at(&self, peer_url: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.peer_urls.iter().any(|url| url == peer_url))
    }

    /// The voter that most of these voters name as their leader, and how many do.
    pub fn most_named<'a>(&self, statuses: impl Iterator<Item = &'a Status> + Clone) -> Option<(Id, usize)> {
        let voices = |id: Id| {
            let voters = statuses.clone().filter(|status| status.role == Role::Voter);
            voters.filter(|status| status.leader == id).count()
        };
        let voters = self.members.iter().filter(|member| member.role == Role::Voter);
        let named = voters.map(|member| (member.id, voices(member.id))).filter(|(_, voices)| *voices > 0);
        named.max_by_key(|(_, voices)| *voices)
    }

    /// How many members vote.
    pub fn voters(&self) -> usize {
        self.members.iter().filter(|member| member.role == Role::Voter).count()
    }
}

/// What one member says of itself (`Maintenance.Status`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The cluster that it belongs to.
    pub cluster_id: Id,
    /// Its own id.
    pub member_id: Id,
    /// The leader that it knows; zero when it knows none.
    pub leader: Id,
    /// Whether it calls itself a learner.
    pub role: Role,
    /// The version of its binary, such as `3.6.16`.
    pub version: String,
    /// Bytes that the database file takes.
    pub db_size: i64,
    /// Bytes of them in use.
    pub db_size_in_use: i64,
    /// Quota in bytes as the member reports it; zero before etcd 3.6.
    pub db_size_quota: i64,
    /// The newest entry in its log.
    pub raft_index: u64,
    /// The newest entry that it has applied.
    pub raft_applied_index: u64,
    /// The election term.
    pub raft_term: u64,
    /// The newest revision of its keys.
    pub revision: i64,
    /// What it complains of, such as `etcdserver: no leader`.
    pub errors: Vec<String>,
}

/// A status without the alarms in it: every member repeats those of all, which
/// are read apart.
pub fn without_alarms(mut status: Status) -> Status {
    status.errors.retain(|error| !error.contains("alarm:"));
    status
}

/// What is wrong with a listed member by its own status, in words that follow
/// its name; `None` when all is well. `leader` is the one that the others know.
pub fn complaint(status: &Status, membership: &Membership, id: Id, leader: Id) -> Option<String> {
    if !status.errors.is_empty() {
        return Some(format!("reports {}", status.errors.join(", ")));
    }
    if status.cluster_id != membership.cluster_id {
        return Some(format!("belongs to cluster {}", status.cluster_id));
    }
    if status.member_id != id {
        return Some(format!("calls itself {}, but is listed as {id}", status.member_id));
    }
    if status.leader.0 == 0 {
        return Some("knows no leader".to_owned());
    }
    (status.leader != leader).then(|| "does not agree on a leader".to_owned())
}

/// An alarm that is raised, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Alarm {
    /// The member that raised it.
    pub member_id: Id,
    /// `NOSPACE`, `CORRUPT`, or the number of one that this tool does not know.
    pub name: String,
}

impl Alarm {
    /// Whether it is that of a database that has reached its quota.
    pub fn is_of_space(&self) -> bool {
        self.name == "NOSPACE"
    }

    /// Whether it is that of a member whose data is not that of the others.
    pub fn is_of_corruption(&self) -> bool {
        self.name == "CORRUPT"
    }
}

/// How many voters must agree: more than half.
pub fn quorum(voters: usize) -> usize {
    voters / 2 + 1
}

/// How many voters may fail while the rest still agree.
pub fn can_lose(voters: usize) -> usize {
    voters.saturating_sub(quorum(voters))
}

/// Whether a voter may be removed: while all are healthy, or while it is not and
/// the healthy ones are a quorum. A quorum of the list is one of what remains as
/// well. Otherwise how many must be healthy; more than there are where it is the
/// last one.
pub fn removal_needs(voters: usize, healthy: usize, target_is_healthy: bool) -> Result<(), usize> {
    let needs = match voters {
        0 | 1 => 2,
        _ if target_is_healthy => voters,
        _ => quorum(voters),
    };
    if healthy >= needs { Ok(()) } else { Err(needs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quorum_is_more_than_half_and_the_rest_can_be_lost() {
        let table: Vec<(usize, usize)> = (1..=7).map(|n| (quorum(n), can_lose(n))).collect();
        assert_eq!(table, [(1, 0), (2, 0), (2, 1), (3, 1), (3, 2), (4, 2), (4, 3)]);
    }

    #[test]
    fn a_sick_voter_goes_while_the_healthy_ones_are_a_quorum() {
        let may = |voters: usize, dead: usize| removal_needs(voters, voters - dead, false).is_ok();
        let table: Vec<(usize, usize)> = (1..=7)
            .flat_map(|voters| (1..=voters).map(move |dead| (voters, dead)))
            .filter(|(voters, dead)| may(*voters, *dead))
            .collect();
        let expected = [(3, 1), (4, 1), (5, 1), (5, 2), (6, 1), (6, 2), (7, 1), (7, 2), (7, 3)];
        assert_eq!(table, expected);
        assert!(table.iter().all(|(voters, dead)| voters - dead >= quorum(voters - 1)));
    }

    #[test]
    fn a_healthy_voter_goes_only_while_all_are_healthy_and_the_last_one_never() {
        for voters in 2..=7 {
            assert_eq!(removal_needs(voters, voters, true), Ok(()));
            assert_eq!(removal_needs(voters, voters - 1, true), Err(voters));
        }
        assert_eq!(removal_needs(1, 1, true), Err(2));
        assert_eq!(removal_needs(1, 0, false), Err(2));
    }

    #[test]
    fn an_id_reads_back_as_it_was_printed() {
        let id = Id(0x00ab_cdef_0123_4567);
        assert_eq!(id.to_string(), "abcdef01234567");
        assert_eq!("abcdef01234567".parse(), Ok(id));
    }
}
