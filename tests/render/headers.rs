//! The cluster as it is, in the second line of a plan.

use etcdctl_stack::{
    member::Role,
    plan::{Etcd, Plan},
    render::{self, Style},
};

use crate::{WIDE, plans::VIEW, worlds};

/// The second line: the cluster as it is.
fn running(world: &Plan) -> String {
    let text = render::plan(world, VIEW, Style { width: 120, ..WIDE });
    text.lines().nth(1).unwrap_or_default().to_owned()
}

#[test]
fn the_cluster_is_told_by_the_voters_that_answer() {
    let etcd = worlds::etcd;
    let running = |etcd: Etcd| running(&Plan { etcd: Some(etcd), ..worlds::unchanged() });
    let healthy = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    // The leader's pod was deleted, and the rest still name it.
    let gone = Etcd { healthy: healthy(&["orders-0", "orders-1"]), ..etcd() };
    assert_eq!(
        running(gone),
        "cluster 9f1e  ·  2 of 3 voters healthy  ·  no leader  ·  database 1.2 GiB of 6 GiB"
    );
    let alone = Etcd { healthy: healthy(&["orders-2"]), ..etcd() };
    assert_eq!(
        running(alone),
        "cluster 9f1e  ·  1 of 3 voters healthy  ·  no quorum  ·  database 1.2 GiB of 6 GiB"
    );
    let mut learning = etcd();
    learning.members[0].role = Role::Learner;
    assert_eq!(
        running(learning),
        "cluster 9f1e  ·  2 of 2 voters healthy  ·  1 learner  ·  leader orders-2  ·  database 1.2 GiB of 6 GiB"
    );
}

#[test]
fn the_quota_is_the_one_that_the_members_run_with() {
    let database = |world: &Plan| {
        let line = running(world);
        line.rsplit("  ·  ").next().unwrap_or_default().to_owned()
    };
    let mut edited = worlds::grow();
    let path = "spec.template.spec.containers[etcd].args[--quota-backend-bytes]";
    edited.changes[0].fields =
        vec![worlds::field(path, Some("4294967296".into()), Some("6442450944".into()))];
    assert_eq!(database(&edited), "database 1.2 GiB of 4 GiB");
    // The StatefulSet could not be read.
    let unread = Plan { unchanged: Vec::new(), unread: vec!["it failed".into()], ..worlds::unchanged() };
    assert_eq!(database(&unread), "database 1.2 GiB (quota 6 GiB in the stack file)");
}
