//! The API server goes away half way: in the middle of a plan, and between two
//! steps of an apply.
//!
//! The server itself is real and stays up for the other tests; what dies is
//! the way to it, a passage on loopback that ends every connection and accepts
//! no more.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use crate::kubernetes::{Ended, Place, kubeconfig, run, says};

/// A way to the API server that can end.
struct Passage {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    dead: AtomicBool,
    /// Bytes from the server that still pass.
    left: AtomicUsize,
    streams: Mutex<Vec<TcpStream>>,
}

impl Shared {
    fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        for stream in self.streams.lock().expect("no panic while held").drain(..) {
            // It may have ended by itself.
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    fn answers(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let left =
                self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(read));
            if left.is_err() {
                self.die();
            }
            if self.dead.load(Ordering::SeqCst) || to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
    }
}

impl Passage {
    /// Opens one that dies after this many bytes from the server.
    fn to(server: SocketAddr, bytes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            dead: AtomicBool::new(false),
            left: AtomicUsize::new(bytes),
            streams: Mutex::default(),
        });
        let passage = Passage { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.dead.load(Ordering::SeqCst) {
                    return; // with the listener: from here on the port refuses
                }
                let (Ok(client), Ok(upstream)) = (client, TcpStream::connect(server)) else { continue };
                let copy = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
                shared.streams.lock().expect("no panic while held").extend([copy(&client), copy(&upstream)]);
                let (mut requests, mut to_server) = (copy(&client), copy(&upstream));
                thread::spawn(move || {
                    // Ends when either side does.
                    drop(std::io::copy(&mut requests, &mut to_server));
                    drop(to_server.shutdown(Shutdown::Both));
                });
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.answers(upstream, client));
            }
        });
        passage
    }

    fn die(&self) {
        self.shared.die();
        // Wakes the listener, so that it goes too.
        drop(TcpStream::connect(self.address));
    }
}

/// A kubeconfig whose server is reached through a passage.
fn through_passage(place: &Place, bytes: usize) -> (Passage, String) {
    let mut passage = None;
    let path = kubeconfig(place, |config| {
        let cluster = &mut config["clusters"][0]["cluster"];
        let server = cluster["server"].as_str().expect("a server").trim_start_matches("https://");
        let server = if server.contains(':') { server.to_owned() } else { format!("{server}:443") };
        let (host, _) = server.rsplit_once(':').expect("a port");
        cluster["tls-server-name"] = host.into();
        let address = std::net::ToSocketAddrs::to_socket_addrs(&server).ok().and_then(|mut all| all.next());
        let opened = Passage::to(address.expect("an address"), bytes);
        cluster["server"] = format!("https://{}", opened.address).into();
        passage = Some(opened);
    });
    (passage.expect("opened"), path)
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_server_that_dies_during_a_plan_is_one_error_and_no_plan() {
    let place = Place::new("dying", "[cluster]\nmembers = 1\n");
    place.tool("apply", &["--auto-approve"]).expect(0);
    let mut ends = Vec::new();
    // From within the handshake to within the last answers.
    for bytes in [500, 3_000, 6_000, 12_000, 20_000, 30_000, 45_000] {
        let (passage, path) = through_passage(&place, bytes);
        let ended = run(place.command("plan", &[]).env("KUBECONFIG", &path));
        if passage.shared.dead.load(Ordering::SeqCst) {
            ends.push(bytes);
            assert_eq!(ended.code, 1, "after {bytes} bytes: {ended:?}");
            let errors = ended.stderr.lines().filter(|line| line.starts_with("error:")).count();
            assert_eq!(errors, 1, "after {bytes} bytes: {}", ended.stderr);
            assert!(!ended.stdout.contains("No changes"), "{}", ended.stdout);
        } else {
            ended.expect(0);
        }
    }
    assert!(ends.len() >= 3, "the server died during {} plans only: {ends:?}", ends.len());
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn a_server_that_dies_during_an_apply_stops_it_and_the_next_goes_on() {
    let place = Place::new("dies", "[cluster]\nmembers = 1\n");
    let (passage, path) = through_passage(&place, usize::MAX);
    let mut command = place.apply_command();
    let mut child = command.env("KUBECONFIG", &path).spawn().expect("the tool starts");
    let mut progress = BufReader::new(child.stderr.take().expect("piped"));
    let mut stderr = String::new();
    // The step after it makes the StatefulSet and waits for its pod to lead.
    while !stderr.contains("found a cluster") {
        assert_ne!(progress.read_line(&mut stderr).expect("text"), 0, "it ended: {stderr}");
    }
    passage.die();
    progress.read_to_string(&mut stderr).expect("text");
    let ended = Ended::of(child.wait_with_output().expect("our own child"));
    let stopped = Ended { stderr, ..ended }.expect(5);
    says(&stopped, &["127.0.0.1", "Stopped:", "Next: etcdctl-stack"]);
    place.tool("apply", &["--auto-approve", "--lock-timeout", "60s"]).expect(0);
    place.tool("plan", &["--detailed-exitcode"]).expect(0);
}
