//! The client against a real etcd, over mutual TLS with certificates of `pki`.
//!
//! Each test starts its own members on free ports of the loopback and kills
//! them at its end. They need an etcd server program:
//!
//! ```console
//! ETCD_BIN=/path/to/etcd cargo test --test etcd_client -- --ignored
//! ```

use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use etcdctl_stack::{
    certificate::{Request, Usage},
    etcd::{Client, Credentials, Dial, Entry, Error, Stream},
    member::{Alarm, Id, Member, Membership, Role},
    pki::{self, Pair},
};
use futures::FutureExt;
use tokio::net::TcpStream;

#[path = "etcd_client/snapshot.rs"]
mod snapshot;

const SERVER_NAME: &str = "orders-0.orders-peer.shop.svc";

#[tokio::test]
#[ignore = "needs a real etcd: ETCD_BIN"]
async fn a_member_tells_its_status_and_the_members_and_keeps_what_is_put() {
    let world = World::new();
    let etcd = world.found();
    let client = world.client(&etcd);
    let status = eventually(async || client.status().await).await;
    assert_eq!((status.role, status.leader, status.errors.len()), (Role::Voter, status.member_id, 0));
    assert!(status.db_size > 0 && status.db_size_in_use > 0 && status.raft_term > 0);
    assert_eq!(status.db_size_quota > 0, !status.version.starts_with("3.5."));

    for linearizable in [true, false] {
        let member = Member {
            id: status.member_id,
            name: "m0".to_owned(),
            peer_urls: vec![etcd.peer_url()],
            client_urls: vec![etcd.client_url()],
            role: Role::Voter,
        };
        let wanted = Membership { cluster_id: status.cluster_id, members: vec![member] };
        assert_eq!(client.members(linearizable).await, Ok(wanted));
    }
    assert_eq!(client.alarms().await, Ok(vec![]));
    let not_raised = Alarm { member_id: Id(5), name: "CORRUPT".to_owned() };
    assert_eq!(client.disarm(&not_raised).await, Ok(()));

    assert_eq!(client.get("colour", true).await, Ok(None));
    let revision = client.put("colour", "green").await.unwrap();
    let wanted = Entry { value: b"green".to_vec(), mod_revision: revision };
    assert_eq!(client.get("colour", true).await, Ok(Some(wanted.clone())));
    assert_eq!(client.get("colour", false).await, Ok(Some(wanted)));
    assert_eq!(client.status().await.unwrap().revision, revision);
}

#[tokio::test]
#[ignore = "needs a real etcd: ETCD_BIN"]
async fn a_learner_that_never_started_is_refused_in_each_way_by_its_own_name() {
    let world = World::new();
    let etcd = world.found();
    let client = world.client(&etcd);
    let voter = eventually(async || client.status().await).await.member_id;
    let (first, second) = ("http://127.0.0.1:1", "http://127.0.0.1:2");

    let learner = eventually(async || client.add_learner(first).await).await;
    assert_eq!(client.members(true).await.unwrap().at(first).unwrap().role, Role::Learner);
    assert_eq!(client.promote(learner).await, Err(Error::NotInSync));
    assert_eq!(client.promote(voter).await, Err(Error::NotLearner));
    // Ids are made of URL and second: within the same one it is `MemberExists`.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(client.add_learner(first).await, Err(Error::PeerUrlExists));
    assert_eq!(client.add_learner(second).await, Err(Error::TooManyLearners));
    assert_eq!(client.move_leader(learner).await, Err(Error::BadTransferee));
    assert_eq!(client.remove(learner).await, Ok(()));
    assert_eq!(client.remove(learner).await, Err(Error::MemberNotFound));
    assert_eq!(client.promote(Id(5)).await, Err(Error::MemberNotFound));
    assert_eq!(client.remove(voter).await, Err(Error::NotEnoughStarted));
}

#[tokio::test]
#[ignore = "needs a real etcd: ETCD_BIN"]
async fn a_learner_catches_up_is_promoted_and_takes_leadership() {
    let world = World::new();
    let etcd = world.found();
    let leader = world.client(&etcd);
    eventually(async || leader.status().await).await;

    let joiner = world.joiner(&etcd);
    let id = eventually(async || leader.add_learner(&joiner.peer_url()).await).await;
    let joiner = joiner.start();
    let learner = world.client(&joiner);
    assert_eq!(eventually(async || learner.status().await).await.role, Role::Learner);
    assert_eq!(learner.members(true).await, Err(Error::RpcNotSupportedForLearner));
    assert_eq!(learner.put("colour", "red").await, Err(Error::RpcNotSupportedForLearner));

    assert_ne!(leader.grant_lease(5).await, Ok(0));
    let target = leader.status().await.unwrap().raft_index;
    let until = Instant::now() + Duration::from_secs(10);
    while learner.status().await.unwrap().raft_applied_index < target {
        assert!(Instant::now() < until, "the learner did not reach {target}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    eventually(async || leader.promote(id).await).await;
    eventually(async || learner.members(true).await).await;
    assert_eq!(learner.move_leader(id).await, Err(Error::NotLeader));
    assert_eq!(leader.move_leader(id).await, Ok(()));
    assert_eq!(leader.status().await.unwrap().leader, id);
}

#[tokio::test]
#[ignore = "needs a real etcd: ETCD_BIN"]
async fn the_same_client_connects_again_after_a_loss() {
    let world = World::new();
    let mut etcd = world.found();
    let client = world.client(&etcd);
    let before = eventually(async || client.status().await).await;
    etcd.stop();
    let down = client.status().await.unwrap_err();
    assert!(matches!(down, Error::Unreachable(_) | Error::Ambiguous(_)), "{down}");
    let down = client.status().await.unwrap_err();
    assert!(matches!(down, Error::Unreachable(_)), "{down}");
    etcd.run();
    let after = eventually(async || client.status().await).await;
    assert_eq!(after.member_id, before.member_id);
}

#[tokio::test]
#[ignore = "needs a real etcd: ETCD_BIN"]
async fn a_change_without_quorum_is_never_called_failed() {
    let world = World::new();
    let etcd = world.found();
    let client = world.client(&etcd);
    eventually(async || client.status().await).await;
    let joiner = world.joiner(&etcd);
    let id = eventually(async || client.add_learner(&joiner.peer_url()).await).await;
    let mut joiner = joiner.start();
    eventually(async || client.promote(id).await).await;
    joiner.stop();
    let lost = client.put("colour", "blue").await.unwrap_err();
    assert!(lost.is_ambiguous() && !lost.is_transient(), "{lost:?}");
    let lost = client.members(true).await.unwrap_err();
    assert!(lost.is_ambiguous() || lost == Error::NoLeader, "{lost:?}");
}

#[tokio::test]
#[ignore = "needs a real etcd: ETCD_BIN"]
async fn who_is_not_trusted_is_refused_and_the_reason_is_named() {
    let world = World::new();
    let etcd = world.found();
    let ours = world.client(&etcd);
    eventually(async || ours.status().await).await;
    let dial = || etcd.dial(etcd.client_port);
    let stranger = World::new();
    let refusal = |client: Result<Client, Error>| async move {
        match client.unwrap().status().await.unwrap_err() {
            Error::Refused(reason) => reason,
            other => panic!("{other:?}"),
        }
    };

    let wrong_ca = Credentials { ca_pem: stranger.credentials().ca_pem, ..world.credentials() };
    let reason = refusal(Client::new(SERVER_NAME, dial(), &wrong_ca)).await;
    assert!(reason.starts_with("the member's certificate is of another authority"), "{reason}");

    let reason = refusal(Client::new("payments-0.elsewhere", dial(), &world.credentials())).await;
    assert!(reason.starts_with("the member's certificate is for other names"), "{reason}");
    assert!(reason.contains(SERVER_NAME), "{reason}");

    let metrics = etcd.dial(etcd.metrics_port);
    let reason = refusal(Client::new(SERVER_NAME, metrics, &world.credentials())).await;
    assert!(reason.starts_with("the member does not speak TLS on this port"), "{reason}");

    let wrong_client = Credentials { ca_pem: world.credentials().ca_pem, ..stranger.credentials() };
    for client in [
        Client::new(SERVER_NAME, dial(), &wrong_client),
        Client::without_certificate(SERVER_NAME, dial(), &world.credentials().ca_pem),
        Client::plain(SERVER_NAME, dial()),
    ] {
        // TLS 1.3 tells this after the handshake: as an alert, or as a broken stream.
        let error = client.unwrap().status().await.unwrap_err();
        assert!(matches!(error, Error::Refused(_) | Error::Ambiguous(_)), "{error:?}");
    }
    let garbled = Credentials { key_pem: "hello".to_owned(), ..world.credentials() };
    assert!(matches!(Client::new(SERVER_NAME, dial(), &garbled), Err(Error::Unusable(_))));
}

#[tokio::test]
#[ignore = "needs a real etcd: ETCD_BIN"]
async fn members_without_client_certificates_and_without_tls_answer_too() {
    let world = World::new();
    let etcd = Etcd { tls: Tls::ServerOnly, ..world.founder() }.start();
    let ca_pem = world.credentials().ca_pem;
    let client = Client::without_certificate(SERVER_NAME, etcd.dial(etcd.client_port), &ca_pem).unwrap();
    eventually(async || client.status().await).await;
    assert_eq!(client.members(true).await.unwrap().voters(), 1);

    let world = World::new();
    let etcd = Etcd { tls: Tls::Off, ..world.founder() }.start();
    let client = Client::plain(SERVER_NAME, etcd.dial(etcd.client_port)).unwrap();
    eventually(async || client.status().await).await;
    assert_eq!(client.members(true).await.unwrap().voters(), 1);
}

/// Asks until it is answered; fails with the last error after half a minute.
async fn eventually<T>(mut ask: impl AsyncFnMut() -> Result<T, Error>) -> T {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) if Instant::now() > until => panic!("{error:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// A directory, an authority, and certificates of it.
struct World {
    directory: tempfile::TempDir,
    authority: Pair,
    operator: Pair,
}

impl World {
    fn new() -> World {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let now = now();
        let authority = pki::authority(&request("ca", Usage::Authority), now).expect("an authority");
        let issue = |request: &Request| pki::leaf(request, &authority, now).expect("a leaf");
        let server = issue(&Request {
            dns_names: [SERVER_NAME.to_owned(), "localhost".to_owned()].into(),
            ip_addresses: [[127, 0, 0, 1].into()].into(),
            ..request("etcd-server", Usage::ServerAndClient)
        });
        let operator = issue(&request("root", Usage::Client));
        let world = World { directory, authority, operator };
        world.write("ca.crt", &world.authority.certificate_pem);
        world.write("server.crt", &server.certificate_pem);
        world.write("server.key", &server.key_pem);
        world
    }

    fn write(&self, name: &str, text: &str) {
        let mut file = fs::File::create(self.directory.path().join(name)).expect("a file");
        file.write_all(text.as_bytes()).expect("a written file");
    }

    fn credentials(&self) -> Credentials {
        Credentials {
            ca_pem: self.authority.certificate_pem.clone(),
            certificate_pem: self.operator.certificate_pem.clone(),
            key_pem: self.operator.key_pem.clone(),
        }
    }

    fn client(&self, etcd: &Etcd) -> Client {
        Client::new(SERVER_NAME, etcd.dial(etcd.client_port), &self.credentials()).expect("a client")
    }

    /// A running cluster of one.
    fn found(&self) -> Etcd {
        self.founder().start()
    }

    /// The first member, not running yet.
    fn founder(&self) -> Etcd {
        let etcd = Etcd::new("m0", self.directory.path());
        let list = format!("m0={}", etcd.peer_url());
        Etcd { list, state: "new", ..etcd }
    }

    /// A second member that is not running yet.
    fn joiner(&self, first: &Etcd) -> Etcd {
        let etcd = Etcd::new("m1", self.directory.path());
        let list = format!("m0={},m1={}", first.peer_url(), etcd.peer_url());
        Etcd { list, state: "existing", ..etcd }
    }
}

/// One etcd process; killed when dropped.
struct Etcd {
    name: &'static str,
    directory: PathBuf,
    client_port: u16,
    peer_port: u16,
    metrics_port: u16,
    list: String,
    state: &'static str,
    tls: Tls,
    process: Process,
}

/// What a member asks of its clients.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    Mutual,
    ServerOnly,
    Off,
}

/// Kills and reaps what it started, and nothing else.
struct Process(Option<Child>);

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().expect("a process of ours");
            child.wait().expect("a process of ours");
        }
    }
}

impl Etcd {
    fn new(name: &'static str, directory: &Path) -> Etcd {
        let [client_port, peer_port, metrics_port] = free_ports();
        let directory = directory.to_owned();
        let (list, state, tls, process) = (String::new(), "", Tls::Mutual, Process(None));
        Etcd { name, directory, client_port, peer_port, metrics_port, list, state, tls, process }
    }

    fn client_url(&self) -> String {
        let scheme = if self.tls == Tls::Off { "http" } else { "https" };
        format!("{scheme}://127.0.0.1:{}", self.client_port)
    }

    fn peer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.peer_port)
    }

    fn start(mut self) -> Etcd {
        self.run();
        self
    }

    fn stop(&mut self) {
        self.process = Process(None);
    }

    fn run(&mut self) {
        let program = std::env::var_os("ETCD_BIN")
            .expect("ETCD_BIN is not set; run `ETCD_BIN=/path/to/etcd cargo test -- --ignored`");
        let file = |name: &str| self.directory.join(name);
        let log = fs::File::options().create(true).append(true).open(file(&format!("{}.log", self.name)));
        let child = Command::new(program)
            .args(["--name", self.name, "--initial-cluster", &self.list])
            .args(["--initial-cluster-state", self.state, "--unsafe-no-fsync"])
            .args(["--listen-client-urls", &self.client_url(), "--advertise-client-urls", &self.client_url()])
            .args(["--listen-peer-urls", &self.peer_url(), "--initial-advertise-peer-urls", &self.peer_url()])
            .args(["--listen-metrics-urls", &format!("http://127.0.0.1:{}", self.metrics_port)])
            .arg(format!("--data-dir={}", file(self.name).display()))
            .args(self.tls_flags())
            .stdout(Stdio::null())
            .stderr(log.expect("a log file"))
            .spawn()
            .expect("ETCD_BIN starts");
        self.process = Process(Some(child));
    }

    fn tls_flags(&self) -> Vec<String> {
        let flag = |flag: &str, file: &str| format!("--{flag}={}", self.directory.join(file).display());
        let serving = [flag("cert-file", "server.crt"), flag("key-file", "server.key")];
        let asking = ["--client-cert-auth".to_owned(), flag("trusted-ca-file", "ca.crt")];
        match self.tls {
            Tls::Mutual => [serving, asking].concat(),
            Tls::ServerOnly => serving.to_vec(),
            Tls::Off => vec![],
        }
    }

    /// Dials as a port-forward would: a stream that knows nothing of names.
    fn dial(&self, port: u16) -> Dial {
        Arc::new(move || {
            async move {
                let stream = TcpStream::connect(("127.0.0.1", port)).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream) as Box<dyn Stream>)
            }
            .boxed()
        })
    }
}

/// Held together, so that they differ, and let go just before etcd takes them.
fn free_ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("a bound port").port())
}

fn request(subject: &str, usage: Usage) -> Request {
    Request {
        subject: subject.to_owned(),
        usage,
        dns_names: Default::default(),
        ip_addresses: Default::default(),
        days: 1,
    }
}

#[expect(clippy::disallowed_methods, reason = "a real etcd looks at the real clock")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
