//! Clusters as they are.

use etcdctl_stack::{
    member::{Alarm, Id, Role},
    render::{self, Style},
    report::status::{CertificateStatus, ClusterStatus, MemberStatus, Pending, PendingState, State},
};
use jiff::Timestamp;

use crate::{NARROW, WIDE, fits, shows};

fn member(ordinal: u64) -> MemberStatus {
    MemberStatus {
        name: format!("orders-{ordinal}"),
        id: Some(Id(0xb31c + ordinal)),
        role: Some(Role::Voter),
        leader: Some(ordinal == 1),
        listed: Some(true),
        healthy: Some(true),
        problem: None,
        version: Some("3.6.16".into()),
        node: Some(format!("worker-{ordinal}")),
        zone: Some("eu-1a".into()),
        db_size: Some(1_288_490_189),
        db_size_in_use: Some(20_480),
        quota: Some(6 << 30),
        restarts: Some(0),
    }
}

fn healthy() -> ClusterStatus {
    let certificate = |secret: &str, days_left| CertificateStatus {
        secret: secret.into(),
        subject: secret.into(),
        not_after: Timestamp::constant(1_800_000_000, 0),
        days_left,
    };
    ClusterStatus {
        stack: "orders".into(),
        namespace: "etcd-orders".into(),
        cluster_id: Some(Id(0x9f1e)),
        state: State::Healthy,
        healthy: Some(true),
        quorum: Some(2),
        voters_up: Some(3),
        members: (0..3).map(member).collect(),
        problems: Vec::new(),
        notes: Vec::new(),
        alarms: Vec::new(),
        certificates: vec![certificate("orders-peer-ca", 3650), certificate("orders-server", 365)],
        pending: Pending { state: PendingState::None, summary: "what runs is what it says".into() },
        changed_by_others: Some(0),
        unread: Vec::new(),
        next: None,
        against: None,
    }
}

fn ill() -> ClusterStatus {
    let mut status = healthy();
    status.members[2] = MemberStatus {
        healthy: Some(false),
        problem: Some("does not run: CrashLoopBackOff: exit code 1".into()),
        version: None,
        db_size: None,
        zone: None,
        ..member(2)
    };
    status.certificates[1].days_left = -1;
    status.alarms = vec![Alarm { member_id: Id(0xb31c), name: "NOSPACE".into() }];
    let summary = "only 2 of 3 voters are healthy (plan shows all)".into();
    let pending = Pending { state: PendingState::Blocked, summary };
    ClusterStatus {
        state: State::Unhealthy,
        healthy: Some(false),
        voters_up: Some(2),
        pending,
        changed_by_others: Some(2),
        ..status
    }
}

#[test]
fn a_healthy_cluster_is_a_table() {
    shows(
        &render::status(&healthy(), "orders.toml", WIDE),
        r#"orders  ·  namespace etcd-orders  ·  cluster 9f1e  ·  healthy  ·  quorum 2, can lose 1

MEMBER    ROLE    HEALTH  VERSION  DATABASE          NODE      ZONE   ID
orders-0  voter   ok      3.6.16   1.2 GiB of 6 GiB  worker-0  eu-1a  b31c
orders-1  leader  ok      3.6.16   1.2 GiB of 6 GiB  worker-1  eu-1a  b31d
orders-2  voter   ok      3.6.16   1.2 GiB of 6 GiB  worker-2  eu-1a  b31e

certificates  2, the first to end is orders-server in 365 days
stack file    applied: what runs is what it says
drift         none
"#,
    );
}

#[test]
fn what_is_wrong_is_said_below() {
    shows(
        &render::status(&ill(), "orders.toml", WIDE),
        r#"orders  ·  namespace etcd-orders  ·  cluster 9f1e  ·  NOT HEALTHY  ·  quorum 2, can lose no more

MEMBER    ROLE    HEALTH  VERSION  DATABASE          NODE      ZONE   ID
orders-0  voter   ok      3.6.16   1.2 GiB of 6 GiB  worker-0  eu-1a  b31c
orders-1  leader  ok      3.6.16   1.2 GiB of 6 GiB  worker-1  eu-1a  b31d
orders-2  voter   NOT OK  -        -                 worker-2  -      b31e
✗ orders-2 does not run: CrashLoopBackOff: exit code 1
✗ alarm NOSPACE on member b31c

certificates  ✗ 2, orders-server ENDED 1 day ago
stack file    ✗ only 2 of 3 voters are healthy (plan shows all)
drift         ! others changed 2 things: plan --drift
"#,
    );
}

#[test]
fn where_a_table_does_not_fit_nothing_is_left_out() {
    let text = render::status(&ill(), "orders.toml", NARROW);
    fits(&text, 40);
    shows(
        &text,
        r#"orders  ·  namespace etcd-orders
  cluster 9f1e  ·  NOT HEALTHY
  quorum 2, can lose no more

orders-0  voter, ok
    version 3.6.16
    database 1.2 GiB of 6 GiB
    node worker-0  ·  zone eu-1a
    id b31c
orders-1  leader, ok
    version 3.6.16
    database 1.2 GiB of 6 GiB
    node worker-1  ·  zone eu-1a
    id b31d
orders-2  voter, NOT OK
    node worker-2  ·  id b31e
✗ orders-2 does not run:
    CrashLoopBackOff: exit code 1
✗ alarm NOSPACE on member b31c

certificates  ✗ 2, orders-server ENDED 1
              day ago
stack file    ✗ only 2 of 3 voters are
              healthy (plan shows all)
drift         ! others changed 2 things:
              plan --drift
"#,
    );
}

#[test]
fn colour_adds_nothing_and_takes_nothing_away() {
    for width in [40, 100] {
        let colored = render::status(&ill(), "orders.toml", Style { color: true, width });
        shows(
            &anstream::adapter::strip_str(&colored).to_string(),
            &render::status(&ill(), "orders.toml", Style { color: false, width }),
        );
    }
}

#[test]
fn the_json_names_what_programs_ask_for() {
    let json = serde_json::to_value(healthy()).expect("JSON");
    assert_eq!(json["members"][1]["role"], "voter");
    assert_eq!(json["members"][1]["leader"], true);
    assert_eq!(json["pending"]["state"], "none");
    assert_eq!(json["certificates"][0]["secret"], "orders-peer-ca");
}
