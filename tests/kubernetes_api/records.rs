//! The journal, the lock and the streams to pods.

use std::time::Duration;

use etcdctl_stack::{
    cluster::Error,
    object::Kind,
    observed::{Journal, Lookup},
};
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::space::{Space, cluster, eventually, kubectl, refused, says, stale};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// Of no holder is it known whether its run still lives.
fn unknown(_: &str) -> bool {
    false
}

fn later(seconds: i64) -> Timestamp {
    NOW + SignedDuration::from_secs(seconds)
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_journal_is_replaced_only_as_it_was_read() {
    let space = Space::new("journal");
    let (cluster, names) = (cluster().await, space.stack().names);
    let (reader, writer) = (cluster.reader(), cluster.writer());
    assert!(reader.journal(&names).await.unwrap().is_absent());
    let journal = |name: &str| {
        let made = (space.key(Kind::Secret, name), Some("uid".to_owned()));
        Journal { inventory: [made].into_iter().collect(), ..Journal::default() }
    };
    let first = writer.write_journal(&names, &journal("one"), None).await.unwrap();
    stale(writer.write_journal(&names, &journal("two"), None).await);
    let second = writer.write_journal(&names, &journal("two"), Some(&first)).await.unwrap();
    stale(writer.write_journal(&names, &journal("three"), Some(&first)).await);
    let read = reader.journal(&names).await.unwrap();
    assert_eq!(read, Lookup::Found((journal("two"), second.clone())));

    // Gone, it is not made anew by a run that has read it.
    space.kubectl(&["delete", "configmap", &names.journal().name]);
    stale(writer.write_journal(&names, &journal("three"), Some(&second)).await);
    space.kubectl(&["create", "configmap", &names.journal().name, "--from-literal=journal=scribble"]);
    let Lookup::Failed(reason) = reader.journal(&names).await.unwrap() else { panic!("no journal") };
    says(&reason, &["orders-journal", "not a journal"]);
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_lock_is_taken_held_renewed_taken_over_and_given_back() {
    let space = Space::new("lock");
    let (cluster, names) = (cluster().await, space.stack().names);
    let writer = cluster.writer();
    let mut mine = writer.lock(&names, "me", NOW, 30, unknown).await.unwrap();
    let locked = |holder: &str, until| Error::Locked { holder: holder.to_owned(), until };
    assert_eq!(refused(writer.lock(&names, "you", later(29), 30, unknown).await), locked("me", later(30)));
    writer.renew(&mut mine, later(20)).await.unwrap();
    assert_eq!(refused(writer.lock(&names, "you", later(49), 30, unknown).await), locked("me", later(50)));
    let yours = writer.lock(&names, "you", later(51), 30, unknown).await.unwrap();
    stale(writer.renew(&mut mine, later(52)).await);
    stale(writer.unlock(mine).await);
    writer.unlock(yours).await.unwrap();
    writer.lock(&names, "me", later(53), 30, unknown).await.unwrap();

    // A renewal whose answer was lost: the version is another, the holder is not.
    let mut mine = writer.lock(&names, "me", later(200), 30, unknown).await.unwrap();
    let mut twin = mine.clone();
    writer.renew(&mut twin, later(210)).await.unwrap();
    writer.renew(&mut mine, later(220)).await.unwrap();
    writer.unlock(mine).await.unwrap();
    writer.lock(&names, "me", later(53), 30, unknown).await.unwrap();

    // Of a holder that is known to be dead, nobody waits.
    assert_eq!(
        refused(writer.lock(&names, "you", later(54), 30, |held| held == "they").await),
        locked("me", later(83))
    );
    writer.lock(&names, "you", later(54), 30, |held| held == "me").await.unwrap();
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_lock_is_broken_only_while_the_run_that_was_shown_holds_it() {
    let space = Space::new("broken");
    let (cluster, names) = (cluster().await, space.stack().names);
    let (reader, writer) = (cluster.reader(), cluster.writer());
    let held = async || reader.held(&names).await.unwrap();
    assert_eq!(held().await, None);
    let mut mine = writer.lock(&names, "me", NOW, 30, unknown).await.unwrap();
    let shown = held().await.expect("it is held");
    assert_eq!((shown.identity.as_str(), shown.since, shown.until), ("me", Some(NOW), later(30)));

    // A renewal is no change of hands.
    writer.renew(&mut mine, later(10)).await.unwrap();
    let taken = writer.break_lock(&names, &shown, "breaker", later(11), 20).await.unwrap();
    stale(writer.renew(&mut mine, later(12)).await);
    let locked = Error::Locked { holder: "breaker".to_owned(), until: later(31) };
    assert_eq!(refused(writer.lock(&names, "you", later(30), 30, unknown).await), locked);
    stale(writer.break_lock(&names, &shown, "again", later(13), 20).await);
    writer.unlock(taken).await.unwrap();
    assert_eq!(held().await, None);
    stale(writer.break_lock(&names, &shown, "again", later(14), 20).await);

    // The same holder that took it anew is another holding.
    writer.lock(&names, "me", later(40), 30, unknown).await.unwrap();
    stale(writer.break_lock(&names, &shown, "again", later(41), 20).await);
    assert_eq!(held().await.map(|held| held.identity), Some("me".to_owned()));

    space.kubectl(&["label", "lease", &names.lease().name, "etcdctl-stack/stack-"]);
    let refusal = refused(reader.held(&names).await).to_string();
    says(&refusal, &["not this stack's lock"]);
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn of_many_that_take_a_lock_at_once_one_holds_it_and_the_rest_hear_who() {
    let space = Space::new("race");
    let (cluster, names) = (cluster().await, space.stack().names);
    for round in 0..4 {
        let now = later(round * 100);
        let runs = ["a", "b", "c", "d", "e", "f"].map(|name| {
            let (writer, names) = (cluster.writer(), names.clone());
            async move { writer.lock(&names, name, now, 30, unknown).await }
        });
        let ended = futures::future::join_all(runs).await;
        assert_eq!(ended.iter().filter(|taken| taken.is_ok()).count(), 1, "{ended:?}");
        let heard = ended.iter().filter(|taken| matches!(taken, Err(Error::Locked { .. }))).count();
        assert_eq!(heard, 5, "{ended:?}");
    }
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_lease_that_was_given_back_is_free_and_another_programs_is_not_touched() {
    let space = Space::new("released");
    let (cluster, names) = (cluster().await, space.stack().names);
    let given_back = serde_json::json!({ "holderIdentity": "", "renewTime": "2027-01-15T08:00:00.000000Z", "leaseDurationSeconds": 1 });
    let name = names.lease().name;
    let foreign = space.object(Kind::Lease, &name, serde_json::json!({ "spec": given_back }));
    space.kubectl_with(&foreign.body, &["create"]);
    let refusal = refused(cluster.writer().lock(&names, "me", NOW, 30, unknown).await);
    says(&refusal.to_string(), &[&name, "not this stack's lock"]);
    space.kubectl(&["label", "lease", &name, &format!("etcdctl-stack/stack={}", names.stack)]);
    cluster.writer().lock(&names, "me", NOW, 30, unknown).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_closed_port_gives_the_kubelets_words() {
    let space = Space::new("forward");
    let reader = cluster().await.reader();
    let pod = space.key(Kind::Pod, "orders-0");
    let missing = reader.forward(&pod, 2379).await.err().expect("no such pod").to_string();
    says(&missing, &["is not there", "orders-0"]);

    eventually("the service account", async || {
        cluster().await.writer().create(&space.pod("orders-0")).await.ok()
    })
    .await;
    let running = async || {
        let found = reader.pod(&space.stack().names, 0).await;
        found.found().filter(|pod| pod.ready).map(|pod| pod.uid.clone())
    };
    eventually("the pod runs", running).await;
    let mut stream = reader.forward(&pod, 2379).await.unwrap();
    let mut answer = Vec::new();
    let said = async {
        stream.write_all(b"hello").await?;
        stream.read_to_end(&mut answer).await
    };
    let said = tokio::time::timeout(Duration::from_secs(10), said).await.expect("it ends by itself");
    let error = said.expect_err("nobody listens").to_string();
    says(&error, &["2379", "refused", "orders-0"]);
    kubectl(&["-n", &space.namespace, "delete", "pod", "orders-0", "--force", "--grace-period=0"]);
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn the_newest_warnings_about_a_pod_are_told() {
    let space = Space::new("events");
    let reader = cluster().await.reader();
    let mut pod = space.pod("orders-0");
    let container = &mut pod.body["spec"]["containers"][0];
    container["name"] = "etcd".into();
    container["image"] = "localhost/nobody-made-this:1".into();
    eventually("the service account", async || cluster().await.writer().create(&pod).await.ok()).await;
    let told = async || {
        let uid = reader.pod(&space.stack().names, 0).await.found()?.uid.clone();
        let events = reader.events(&pod.key, &uid).await;
        events.iter().any(|event| event.contains("nobody-made-this")).then_some(events)
    };
    let events = eventually("a warning", told).await;
    assert!(events.len() <= 3, "{events:?}");
    let trouble = async || {
        let found = reader.pod(&space.stack().names, 0).await;
        found.found().and_then(|pod| pod.trouble.clone())
    };
    let trouble = eventually("trouble", trouble).await;
    assert!(trouble.reason.contains("Image"), "{trouble:?}");
}
