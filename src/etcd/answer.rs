//! Answers of etcd, turned into the words of `member`.

use super::{Entry, Error, proto};
use crate::member::{Alarm, Id, Member, Membership, Role, Status};

pub(super) fn status(answer: proto::StatusResponse) -> Result<Status, Error> {
    let header = header(answer.header)?;
    Ok(Status {
        cluster_id: Id(header.cluster_id),
        member_id: Id(header.member_id),
        leader: Id(answer.leader),
        role: role(answer.is_learner),
        version: answer.version,
        db_size: answer.db_size,
        db_size_in_use: answer.db_size_in_use,
        db_size_quota: answer.db_size_quota,
        raft_index: answer.raft_index,
        raft_applied_index: answer.raft_applied_index,
        raft_term: answer.raft_term,
        revision: header.revision,
        errors: answer.errors,
    })
}

pub(super) fn membership(answer: proto::MemberListResponse) -> Result<Membership, Error> {
    let mut members: Vec<Member> = answer.members.into_iter().map(member).collect();
    members.sort_by(|a, b| a.peer_urls.cmp(&b.peer_urls));
    Ok(Membership { cluster_id: Id(header(answer.header)?.cluster_id), members })
}

fn member(member: proto::Member) -> Member {
    let proto::Member { id, name, mut peer_urls, mut client_urls, is_learner } = member;
    peer_urls.sort();
    client_urls.sort();
    Member { id: Id(id), name, peer_urls, client_urls, role: role(is_learner) }
}

pub(super) fn alarms(answer: proto::AlarmResponse) -> Vec<Alarm> {
    let mut alarms: Vec<Alarm> = answer.alarms.into_iter().map(alarm).collect();
    alarms.sort();
    alarms
}

fn alarm(alarm: proto::AlarmMember) -> Alarm {
    let proto::AlarmMember { member_id, alarm } = alarm;
    let name = match proto::AlarmType::try_from(alarm) {
        Ok(known) => known.as_str_name().to_owned(),
        Err(_) => alarm.to_string(),
    };
    Alarm { member_id: Id(member_id), name }
}

/// The number of an alarm by the name that [`alarms`] gave it.
pub(super) fn alarm_number(name: &str) -> Result<i32, Error> {
    let known = proto::AlarmType::from_str_name(name).map(i32::from);
    let unknown = || Error::Refused(format!("there is no alarm `{name}`"));
    known.or_else(|| name.parse().ok()).ok_or_else(unknown)
}

pub(super) fn added(answer: proto::MemberAddResponse) -> Result<Id, Error> {
    answer
        .member
        .map(|member| Id(member.id))
        .ok_or_else(|| Error::Ambiguous("no member in the answer".to_owned()))
}

pub(super) fn entry(answer: proto::RangeResponse) -> Option<Entry> {
    let proto::KeyValue { key: _, mod_revision, value } = answer.kvs.into_iter().next()?;
    Some(Entry { value, mod_revision })
}

pub(super) fn header(header: Option<proto::ResponseHeader>) -> Result<proto::ResponseHeader, Error> {
    header.ok_or_else(|| Error::Ambiguous("no header in the answer".to_owned()))
}

fn role(is_learner: bool) -> Role {
    if is_learner { Role::Learner } else { Role::Voter }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_sorted_by_peer_url() {
        let member = |id, url: &str, is_learner| proto::Member {
            id,
            peer_urls: vec![url.to_owned()],
            is_learner,
            ..Default::default()
        };
        let header = proto::ResponseHeader { cluster_id: 7, ..Default::default() };
        let members = vec![member(1, "https://b:2380", true), member(2, "https://a:2380", false)];
        let got = membership(proto::MemberListResponse { header: Some(header), members }).unwrap();
        let wanted = |id, url: &str, role| Member {
            id: Id(id),
            name: String::new(),
            peer_urls: vec![url.to_owned()],
            client_urls: vec![],
            role,
        };
        let members =
            vec![wanted(2, "https://a:2380", Role::Voter), wanted(1, "https://b:2380", Role::Learner)];
        assert_eq!(got, Membership { cluster_id: Id(7), members });
    }

    #[test]
    fn an_alarm_that_is_not_known_keeps_its_number() {
        let raised = |alarm| proto::AlarmMember { member_id: 5, alarm };
        let answer = proto::AlarmResponse { header: None, alarms: vec![raised(9), raised(2), raised(1)] };
        let names: Vec<String> = alarms(answer).into_iter().map(|alarm| alarm.name).collect();
        assert_eq!(names, ["9", "CORRUPT", "NOSPACE"]);
        let numbers: Vec<i32> = names.iter().map(|name| alarm_number(name).unwrap()).collect();
        assert_eq!(numbers, [9, 2, 1]);
        assert!(alarm_number("SMOKE").is_err());
    }
}
