//! Ring 3: `status` and `connect` while members restart.

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::kubernetes::{Ended, Place, wait_until};

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(status.expect("kill is there").success());
}

fn started(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the tool starts")
}

/// Standard output, line by line.
fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok)
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn status_and_connect_go_on_while_members_restart_and_end_cleanly() {
    let place = Place::new("looking", "[cluster]\nmembers = 3\n");
    place.tool("apply", &["--auto-approve"]).expect(0);
    watched(&place);
    connected(&place);
    signalled(&place);
}

/// `status --watch` tells that a member is gone, and that it is back.
fn watched(place: &Place) {
    let mut watch = started(place.command("status", &["--watch", "--json"]));
    let mut looks = lines(&mut watch).filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let mut until = |what: &str, holds: fn(&Value) -> bool| {
        assert!(looks.by_ref().take(60).any(|look| holds(&look)), "never seen: {what}");
    };
    until("healthy", |look| look["healthy"] == true);
    place.kubectl(&["delete", "pod", "looking-2", "--wait=false"]).expect(0);
    until("a member is down", |look| look["members"][2]["healthy"] == false);
    until("healthy again", |look| look["healthy"] == true);
    signal(&watch, "-INT");
    assert_eq!(watch.wait().expect("our own child").code(), Some(130));
}

/// A command writes through each restart, and its end is ours.
fn connected(place: &Place) {
    let script = "for i in $(seq 12); do until etcdctl put key-$i $i > /dev/null 2>&1; do sleep 0.2; done; sleep 0.5; done
        echo $ETCDCTL_KEY; exit 7";
    let mut connect = started(place.command("connect", &["--", "sh", "-c", script]));
    for ordinal in [0, 1] {
        let pod = format!("looking-{ordinal}");
        place.kubectl(&["delete", "pod", &pod]).expect(0);
        wait_until("the pod is back", 60, || {
            place.kubectl(&["wait", "pod", &pod, "--for=condition=Ready", "--timeout=1s"]).code == 0
        });
    }
    let key = lines(&mut connect).last().expect("the script's word");
    assert_eq!(Ended::of(connect.wait_with_output().expect("our own child")).code, 7);
    assert!(!Path::new(&key).parent().expect("a folder").exists(), "{key} is still there");
    let count = place.etcdctl(&["get", "key-", "--prefix", "--count-only", "--write-out=fields"]).expect(0);
    assert!(count.stdout.contains("\"Count\" : 12"), "{}", count.stdout);
}

/// A signal reaches the command, and the credentials are gone after it.
fn signalled(place: &Place) {
    let script = "echo $ETCDCTL_KEY; exec sleep 60";
    let mut connect = started(place.command("connect", &["--", "sh", "-c", script]));
    let key = lines(&mut connect).next().expect("the script's word");
    let folder = Path::new(&key).parent().expect("a folder");
    let mode = folder.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "others can look into {}", folder.display());
    signal(&connect, "-TERM");
    assert_eq!(connect.wait().expect("our own child").code(), Some(143));
    assert!(!folder.exists(), "{} is still there", folder.display());
}
