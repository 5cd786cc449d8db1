//! Snapshots of a real member, judged by `etcdutl` of the same version.

use std::{fs, path::Path, process::Command, sync::Arc};

use etcdctl_stack::{
    etcd::{self, Client, Dial, Stream},
    snapshot::{Error, Place, Saved, save},
};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, copy, duplex, split},
    net::TcpStream,
    sync::Notify,
};

use super::{SERVER_NAME, World, eventually, now};

const KEYS: usize = 3_000;
const VALUE: usize = 8 << 10;

#[tokio::test]
#[ignore = "needs a real etcd: ETCD_BIN"]
async fn a_saved_snapshot_is_what_etcdutl_accepts_and_restores() {
    let world = World::new();
    let etcd = world.found();
    let client = world.client(&etcd);
    let revision = fill(&client).await;
    let folder = world.directory.path().join("snapshots");
    let time = "2026-11-21T11:13:02Z".parse().unwrap();
    let saved = save(&client, place(&folder), time).await.unwrap();

    let status = client.status().await.unwrap();
    let name = format!("shop-orders-{}-{revision}-20261121T111302Z.db", status.cluster_id);
    let file = fs::read(&saved.path).unwrap();
    let trailer: String = file[file.len() - 32..].iter().map(|byte| format!("{byte:02x}")).collect();
    let wanted = Saved { path: folder.join(&name), bytes: file.len() as u64, sha256: trailer, revision };
    assert_eq!(saved, wanted);
    assert_eq!(left(&folder), [name]);
    assert!(file.len() > KEYS * VALUE);

    let told: Value = serde_json::from_str(&etcdutl(&["status", "--write-out=json"], &saved.path)).unwrap();
    assert_eq!(told["revision"], revision);
    // 3.5 counts what it keeps for itself too: members, versions.
    let more = told["totalKey"].as_u64().unwrap() as usize - KEYS;
    assert!(if status.version.starts_with("3.5.") { more < 10 } else { more == 0 }, "{told}");

    let again = save(&client, place(&folder), time).await.unwrap_err();
    assert!(matches!(again, Error::Exists(path) if path == saved.path));
    assert_eq!((left(&folder).len(), fs::read(&saved.path).unwrap() == file), (1, true));
    restores(&saved, revision).await;
}

/// Founds a cluster from it. Unlike `status`, `restore` looks at the hash.
async fn restores(saved: &Saved, revision: i64) {
    let world = World::new();
    let etcd = world.founder();
    let flags = [
        format!("--data-dir={}", etcd.directory.join(etcd.name).display()),
        format!("--name={}", etcd.name),
        format!("--initial-cluster={}", etcd.list),
        format!("--initial-advertise-peer-urls={}", etcd.peer_url()),
    ];
    etcdutl(&["restore", &flags[0], &flags[1], &flags[2], &flags[3]], &saved.path);
    let etcd = etcd.start();
    let client = world.client(&etcd);
    assert_eq!(eventually(async || client.status().await).await.revision, revision);
    for key in [0, KEYS - 1] {
        let entry = eventually(async || client.get(self::key(key), true).await).await;
        assert_eq!(entry.map(|entry| entry.value), Some(vec![b'v'; VALUE]));
    }
}

#[tokio::test]
#[ignore = "needs a real etcd: ETCD_BIN"]
async fn a_member_that_dies_in_the_middle_is_an_error_and_leaves_no_file() {
    let world = World::new();
    let mut etcd = world.found();
    fill(&world.client(&etcd)).await;
    let folder = world.directory.path().join("snapshots");
    let half = Arc::new(Half::default());
    let dial = half.clone().dial(etcd.client_port, KEYS * VALUE / 4);
    let client = Client::new(SERVER_NAME, dial, &world.credentials()).unwrap();
    let kill = async {
        half.reached.notified().await;
        assert_eq!(left(&folder).len(), 1);
        etcd.stop();
        half.go_on.notify_one();
    };
    let (saved, ()) = tokio::join!(save(&client, place(&folder), now()), kill);
    match saved.unwrap_err() {
        Error::Member(etcd::Error::BrokenOff { received, .. }) => assert!(received > 1 << 20, "{received}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(left(&folder), [""; 0]);
    let down = save(&client, place(&folder), now()).await.unwrap_err();
    assert!(matches!(down, Error::Member(etcd::Error::Unreachable(_))), "{down}");
    assert_eq!(left(&folder), [""; 0]);
}

/// Puts so many keys; returns the revision of the last.
async fn fill(client: &Client) -> i64 {
    eventually(async || client.status().await).await;
    let put = |key: usize| {
        let client = client.clone();
        async move { client.put(self::key(key), vec![b'v'; VALUE]).await }
    };
    let revisions = stream::iter(0..KEYS).map(put).buffer_unordered(32).try_collect::<Vec<_>>().await;
    revisions.expect("every put is answered").into_iter().max().expect("some keys")
}

fn key(number: usize) -> String {
    format!("key-{number:05}")
}

fn place(folder: &Path) -> Place<'_> {
    Place { folder, namespace: "shop", stack: "orders" }
}

fn left(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
    names.map(|name| name.into_string().expect("a name of ours")).collect()
}

/// Runs `etcdutl snapshot`, which lies beside the server; returns what it says.
fn etcdutl(arguments: &[&str], file: &Path) -> String {
    let server = std::env::var_os("ETCD_BIN").expect("ETCD_BIN, which started the server");
    let program = Path::new(&server).with_file_name("etcdutl");
    let ran = Command::new(program).arg("snapshot").args(arguments).arg(file).output().expect("it starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("text")
}

/// A connection that waits at a point until it may go on.
#[derive(Default)]
struct Half {
    reached: Notify,
    go_on: Notify,
}

impl Half {
    /// Dials a connection that waits after so many bytes of answers.
    fn dial(self: Arc<Self>, port: u16, bytes: usize) -> Dial {
        Arc::new(move || {
            let half = self.clone();
            async move {
                let mut far = TcpStream::connect(("127.0.0.1", port)).await?;
                let (near, middle) = duplex(64 << 10);
                tokio::spawn(async move {
                    let (mut answers, mut questions) = far.split();
                    let (mut asked, mut answered) = split(middle);
                    let up = copy(&mut asked, &mut questions);
                    let down = async {
                        copy(&mut (&mut answers).take(bytes as u64), &mut answered).await?;
                        half.reached.notify_one();
                        half.go_on.notified().await;
                        copy(&mut answers, &mut answered).await
                    };
                    tokio::select! { _ = up => (), _ = down => () }
                });
                Ok(Box::new(near) as Box<dyn Stream>)
            }
            .boxed()
        })
    }
}
