//! Worlds with one thing changed, and what `status` tells of them.

use std::collections::BTreeMap;

use etcdctl_stack::{
    desired::{CLUSTER_ID, Desired, desired},
    member::{Alarm, Id, Member, Membership, Role, Status},
    observed::{EtcdReading, LeaseHolder, Live, Lookup, Members, Observed, Pod, Right, Target, Trouble},
    plan::{Intent, plan},
    render,
    report::status::{ClusterStatus, Next, State, of},
    stack::parse_and_check,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{WIDE, shows};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const CLUSTER: Id = Id(0x9f1e);

fn stack() -> Desired {
    let text = "[stack]\nname = \"orders\"\nnamespace = \"etcd-orders\"\n[cluster]\nmembers = 3\n";
    desired(&parse_and_check("orders.toml", text).expect("a good file").stack)
}

/// Nothing of the stack is there.
fn empty() -> Observed {
    let keys = stack().objects().into_iter().map(|object| object.key.clone()).collect::<Vec<_>>();
    let target = Target { context: "test".into(), cluster_uid: Lookup::Found("u".into()) };
    let live = Live {
        kubernetes: None,
        target,
        objects: keys.into_iter().map(|key| (key, Lookup::Absent)).collect(),
        secrets: BTreeMap::new(),
        pods: Lookup::Found(Vec::new()),
        revisions: Lookup::Found(Vec::new()),
        claims: Lookup::Found(Vec::new()),
        storage_classes: Lookup::Failed("not asked".into()),
        nodes: Lookup::Failed("not asked".into()),
        quotas: Lookup::Absent,
        rights: Vec::new(),
        journal: Lookup::Absent,
        lease: Lookup::Absent,
        neighbours: Default::default(),
    };
    Observed { live, proposals: BTreeMap::new(), members: Members::NotRunning }
}

/// Three voters that are well; the second leads.
fn running() -> Observed {
    let desired = stack();
    let mut observed = empty();
    for object in desired.objects() {
        let mut object = object.clone();
        if object.key == desired.names.stateful_set() {
            object.body["metadata"]["annotations"][CLUSTER_ID] = json!(CLUSTER);
        }
        observed.live.objects.insert(object.key.clone(), Lookup::Found(object));
    }
    observed.live.pods = Lookup::Found((0..3).map(pod).collect());
    let statuses = (0..3).map(|ordinal| (name(ordinal), Ok(status(ordinal)))).collect();
    observed.members = Members::Read(EtcdReading {
        membership: Membership { cluster_id: CLUSTER, members: (0..3).map(listed).collect() },
        linearizable: true,
        statuses,
        alarms: Vec::new(),
    });
    observed
}

fn name(ordinal: usize) -> String {
    format!("orders-{ordinal}")
}

fn id(ordinal: usize) -> Id {
    Id(0xa0 + ordinal as u64)
}

fn pod(ordinal: usize) -> Pod {
    Pod {
        name: name(ordinal),
        uid: String::new(),
        node: Some(format!("node-{ordinal}")),
        phase: "Running".into(),
        ready: true,
        terminating: false,
        image: None,
        client_port: None,
        restarts: 0,
        revision: None,
        owner: None,
        trouble: None,
    }
}

fn listed(ordinal: usize) -> Member {
    Member {
        id: id(ordinal),
        name: name(ordinal),
        peer_urls: vec![stack().names.peer_url(ordinal)],
        client_urls: Vec::new(),
        role: Role::Voter,
    }
}

fn status(ordinal: usize) -> Status {
    Status {
        cluster_id: CLUSTER,
        member_id: id(ordinal),
        leader: id(1),
        role: Role::Voter,
        version: "3.6.16".into(),
        db_size: 20_480,
        db_size_in_use: 20_480,
        db_size_quota: 4 << 30,
        raft_index: 9,
        raft_applied_index: 9,
        raft_term: 2,
        revision: 1,
        errors: Vec::new(),
    }
}

fn reading(observed: &mut Observed) -> &mut EtcdReading {
    match &mut observed.members {
        Members::Read(reading) => reading,
        Members::NotRunning | Members::Failed(_) => panic!("nobody was asked"),
    }
}

fn pods(observed: &mut Observed) -> &mut Vec<Pod> {
    match &mut observed.live.pods {
        Lookup::Found(pods) => pods,
        Lookup::Absent | Lookup::Failed(_) => panic!("no pods"),
    }
}

/// The third is a learner that has caught up, as an interrupted apply leaves it.
fn with_learner() -> Observed {
    let mut observed = running();
    let reading = reading(&mut observed);
    reading.membership.members[2].role = Role::Learner;
    reading.statuses.insert(name(2), Ok(Status { role: Role::Learner, ..status(2) }));
    observed
}

/// Of what stands in the way only rights count here: these worlds have no
/// certificates.
fn told(observed: &Observed) -> ClusterStatus {
    let desired = stack();
    let mut plan = plan(&desired, observed, &Intent::default(), NOW);
    plan.blocked.retain(|blocked| blocked.code == "plan::missing_rights");
    of(&plan, &desired, observed, NOW)
}

/// What `status` prints without the line on the stack file, which is the plan's.
fn text(observed: &Observed) -> String {
    let text = render::status(&told(observed), "orders.toml", WIDE);
    text.lines().filter(|line| !line.starts_with("stack file")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn three_voters_that_agree_are_healthy() {
    shows(
        &text(&running()),
        r#"orders  ·  namespace etcd-orders  ·  cluster 9f1e  ·  healthy  ·  quorum 2, can lose 1

MEMBER    ROLE    HEALTH  VERSION  DATABASE         NODE    ZONE  ID
orders-0  voter   ok      3.6.16   20 KiB of 4 GiB  node-0  -     a0
orders-1  leader  ok      3.6.16   20 KiB of 4 GiB  node-1  -     a1
orders-2  voter   ok      3.6.16   20 KiB of 4 GiB  node-2  -     a2

"#,
    );
}

#[test]
fn a_stack_that_is_not_there_says_so_and_how_to_make_it() {
    shows(
        &text(&empty()),
        "orders  ·  namespace etcd-orders  ·  not there yet\n\nNext: etcdctl-stack apply orders.toml  makes it.\n",
    );
    let json = json!(told(&empty()));
    assert_eq!(
        [&json["state"], &json["healthy"], &json["quorum"], &json["voters_up"], &json["next"]],
        [&json!("absent"), &json!(false), &Value::Null, &Value::Null, &json!("apply")]
    );
}

#[test]
fn members_that_could_not_be_asked_are_unknown_and_not_unhealthy() {
    let mut observed = running();
    let refused = |i: usize| format!("orders-{i}: cannot be reached: `Pod/etcd-orders/orders-{i}`: refused");
    observed.members = Members::Failed([0, 1, 2].map(refused).join("; "));
    shows(
        &text(&observed),
        r#"orders  ·  namespace etcd-orders  ·  cluster 9f1e  ·  unknown: could not be asked

MEMBER    ROLE     HEALTH   VERSION  DATABASE  NODE    ZONE  ID
orders-0  unknown  unknown  -        -         node-0  -     -
orders-1  unknown  unknown  -        -         node-1  -     -
orders-2  unknown  unknown  -        -         node-2  -     -

✗ the members cannot be asked: orders-0: cannot be reached: `Pod/etcd-orders/orders-0`: refused;
  orders-1, orders-2 likewise
Next: etcdctl-stack plan orders.toml  shows what stands in the way.
"#,
    );
    let json = json!(told(&observed));
    assert_eq!(json["state"], "unknown");
    let member = &json["members"][0];
    let whole = ["healthy", "quorum", "voters_up"].map(|key| &json[key]);
    let one = ["listed", "role", "leader", "healthy"].map(|key| &member[key]);
    assert_eq!((whole, one), ([&Value::Null; 3], [&Value::Null; 4]));
}

#[test]
fn without_rights_there_is_one_reason_and_what_to_ask_for() {
    let mut observed = empty();
    let forbidden = |verb: &str, resource: &str, group: &str| {
        format!(
            r#"{resource} is forbidden: User "x" cannot {verb} resource "{resource}" in API group "{group}" in the namespace "n""#
        )
    };
    for (key, found) in &mut observed.live.objects {
        *found = Lookup::Failed(forbidden("get", &format!("{}s", key.kind).to_lowercase(), ""));
    }
    observed.live.pods = Lookup::Failed(forbidden("list", "pods", ""));
    observed.members = Members::Failed(forbidden("list", "pods", ""));
    observed.live.rights = vec![Right {
        verb: "get".into(),
        group: String::new(),
        resource: "secrets".into(),
        namespace: Some("n".into()),
        allowed: false,
    }];
    shows(
        &text(&observed),
        r#"orders  ·  namespace etcd-orders  ·  unknown: could not be asked

✗ 12 reads are forbidden: user "x" may not get namespaces, get secrets, get services, get
  poddisruptionbudgets, get configmaps, get statefulsets, list pods in namespace "n"
Next: etcdctl-stack plan orders.toml  lists the rights that are missing.
"#,
    );
}

#[test]
fn a_pod_that_does_not_run_is_known_to_be_down_even_when_nobody_answers() {
    let mut observed = running();
    observed.members = Members::Failed("orders-0: cannot be reached: refused".into());
    for pod in pods(&mut observed) {
        pod.trouble = Some(Trouble {
            reason: "CrashLoopBackOff".into(),
            message: "back-off".into(),
            last_words: None,
            exit_code: None,
        });
    }
    let told = told(&observed);
    assert_eq!((told.state, told.problems), (State::Unhealthy, vec!["no member runs".to_owned()]));
    assert_eq!(told.members[2].problem.as_deref(), Some("does not run: CrashLoopBackOff: back-off"));
}

#[test]
fn a_learner_that_is_left_over_leaves_the_cluster_healthy_and_says_what_to_do() {
    let text = text(&with_learner());
    shows(
        &text,
        r#"orders  ·  namespace etcd-orders  ·  cluster 9f1e  ·  healthy  ·  quorum 2, can lose no more

MEMBER    ROLE     HEALTH  VERSION  DATABASE         NODE    ZONE  ID
orders-0  voter    ok      3.6.16   20 KiB of 4 GiB  node-0  -     a0
orders-1  leader   ok      3.6.16   20 KiB of 4 GiB  node-1  -     a1
orders-2  learner  ok      3.6.16   20 KiB of 4 GiB  node-2  -     a2
! a learner is left from an unfinished apply: apply again

Next: etcdctl-stack apply orders.toml  goes on from here.
"#,
    );
}

#[test]
fn a_learner_is_no_left_over_while_somebody_applies() {
    let mut observed = with_learner();
    let until = NOW + SignedDuration::from_secs(9);
    observed.live.lease = Lookup::Found(LeaseHolder { identity: "ci@run".into(), until });
    assert_eq!(told(&observed).notes, ["a learner is joining: ci@run holds the lock"]);
    observed.live.lease = Lookup::Found(LeaseHolder { identity: "ci@run".into(), until: NOW });
    assert_eq!(told(&observed).notes, ["a learner is left from an unfinished apply: apply again"]);
}

#[test]
fn a_cluster_that_is_not_healthy_says_why() {
    let why = |change: fn(&mut EtcdReading)| {
        let mut observed = running();
        change(reading(&mut observed));
        let told = told(&observed);
        assert_eq!(told.state, State::Unhealthy);
        let problems =
            told.members.iter().filter_map(|one| Some(format!("{} {}", one.name, one.problem.as_ref()?)));
        problems.chain(told.problems.clone()).collect::<Vec<_>>()
    };
    let silent = why(|reading| drop(reading.statuses.insert(name(0), Err("refused".into()))));
    assert_eq!(silent, ["orders-0 does not answer: refused"]);
    let corrupt = why(|reading| {
        let errors = vec!["etcdserver: corrupt".to_owned()];
        reading.statuses.insert(name(0), Ok(Status { errors, ..status(0) }));
    });
    assert_eq!(corrupt, ["orders-0 reports etcdserver: corrupt"]);
    let apart =
        why(|reading| drop(reading.statuses.insert(name(0), Ok(Status { leader: id(2), ..status(0) }))));
    assert_eq!(apart, ["orders-0 does not agree on a leader"]);
    let other =
        why(|reading| drop(reading.statuses.insert(name(0), Ok(Status { member_id: Id(7), ..status(0) }))));
    assert_eq!(other, ["orders-0 calls itself 7, but is listed as a0"]);
    let alarm = why(|reading| reading.alarms.push(Alarm { member_id: id(0), name: "NOSPACE".into() }));
    assert_eq!(alarm, [""; 0], "the alarm is told by itself");
}

#[test]
fn a_leader_that_is_gone_leads_no_more() {
    let mut observed = running();
    pods(&mut observed).drain(1..);
    let reading = reading(&mut observed);
    reading.linearizable = false;
    reading.statuses = BTreeMap::from([(name(0), Ok(status(0)))]);
    let text = text(&observed);
    shows(
        &text,
        r#"orders  ·  namespace etcd-orders  ·  cluster 9f1e  ·  NOT HEALTHY  ·  no quorum

MEMBER    ROLE   HEALTH  VERSION  DATABASE         NODE    ZONE  ID
orders-0  voter  NOT OK  3.6.16   20 KiB of 4 GiB  node-0  -     a0
orders-1  voter  NOT OK  -        -                -       -     a1
orders-2  voter  NOT OK  -        -                -       -     a2
✗ orders-0 does not agree on a leader
✗ orders-1 has no pod at this moment; the StatefulSet starts one
✗ orders-2 has no pod at this moment; the StatefulSet starts one
✗ there is no quorum: 0 of 3 voters are healthy, and 2 are needed

"#,
    );
}

#[test]
fn a_pod_that_was_deleted_is_on_its_way_back() {
    let problem = |change: fn(&mut Pod)| {
        let mut observed = running();
        change(&mut pods(&mut observed)[0]);
        reading(&mut observed).statuses.insert(name(0), Err("refused".into()));
        told(&observed).members[0].problem.clone().unwrap_or_default()
    };
    let completed = |pod: &mut Pod| {
        let (reason, message) = ("Completed".into(), "exit code 0".into());
        pod.trouble = Some(Trouble { reason, message, last_words: None, exit_code: None });
    };
    assert_eq!(problem(completed), "has ended and is being started again");
    let deleted = problem(|pod| {
        let (reason, message) = ("Completed".into(), "exit code 0".into());
        pod.trouble = Some(Trouble { reason, message, last_words: None, exit_code: None });
        pod.terminating = true;
    });
    assert_eq!(deleted, "is being deleted; the StatefulSet starts it again");
    assert_eq!(problem(|pod| pod.phase = "Pending".into()), "is starting");
}

#[test]
fn pods_that_are_all_gone_are_a_cluster_that_is_down() {
    let mut observed = running();
    pods(&mut observed).clear();
    observed.members = Members::NotRunning;
    let told = told(&observed);
    assert_eq!(
        (told.state, told.cluster_id, told.problems, told.next),
        (State::Unhealthy, Some(CLUSTER), vec!["none of its pods exists".to_owned()], None)
    );
}

#[test]
fn before_etcd_3_6_the_quota_is_what_the_member_was_started_with() {
    let mut observed = running();
    reading(&mut observed).statuses.insert(name(0), Ok(Status { db_size_quota: 0, ..status(0) }));
    let told = told(&observed);
    assert_eq!(told.members[0].quota, Some(stack().stack.etcd.quota));
    assert_eq!(told.next, None::<Next>);
}
