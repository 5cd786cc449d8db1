//! Ring 3: the tool on a real Kubernetes with real etcd, as a user runs it.
//!
//! Each test has a namespace of its own, so that they run side by side.

use crate::kubernetes::{Place, kubectl, says, wait_until};
use serde_json::json;

/// Plan, apply, look, plan and apply again, and read through the Service.
#[track_caller]
fn comes_up(place: &Place, members: usize, version: &str, client_port: u16) {
    place.tool("plan", &["--detailed-exitcode"]).expect(2);
    place.tool("apply", &["--auto-approve"]).expect(0);

    let status = place.tool("status", &["--json"]).expect(0).json();
    assert_eq!(status["healthy"], json!(true), "{status:#}");
    let listed = status["members"].as_array().cloned().unwrap_or_default();
    let seen: Vec<_> =
        listed.iter().map(|member| json!([member["name"], member["role"], member["version"]])).collect();
    let wanted: Vec<_> =
        (0..members).map(|i| json!([format!("{}-{i}", place.name), "voter", version])).collect();
    assert_eq!(seen, wanted);

    let again = place.tool("plan", &["--detailed-exitcode"]).expect(0);
    assert!(again.stdout.contains("No changes"), "{}", again.stdout);
    let before = place.pods();
    place.tool("apply", &["--auto-approve"]).expect(0);
    assert_eq!(place.pods(), before, "a second apply touched the pods");

    place.start_client();
    let service = format!("--endpoints=https://{}.{}.svc:{client_port}", place.name, place.namespace);
    let tls = ["--cacert=/tls/ca.crt", "--cert=/tls/tls.crt", "--key=/tls/tls.key"];
    let ask = |rest: &[&str]| place.client(&[&[service.as_str()], &tls[..], rest].concat());
    ask(&["put", "greeting", "hello"]).expect(0);
    let read = ask(&["get", "greeting", "--print-value-only"]).expect(0);
    assert_eq!(read.stdout.trim(), "hello");
    let connected =
        place.tool("connect", &["--", "etcdctl", "get", "greeting", "--print-value-only"]).expect(0);
    assert_eq!(connected.stdout.trim(), "hello");
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn one_member_on_etcd_3_5_in_a_namespace_that_exists() {
    let place = Place::new("one", "[cluster]\nmembers = 1\nversion = \"3.5.35\"\n");
    kubectl(&["create", "namespace", &place.namespace]).expect(0);
    comes_up(&place, 1, "3.5.35", 2379);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn three_members_on_etcd_3_6_in_a_new_namespace() {
    let place = Place::new("three", "[cluster]\nmembers = 3\n");
    comes_up(&place, 3, "3.6.16", 2379);
    refuses_strangers(&place);
    an_edit_without_restart_is_applied(&place);
    the_rest_is_not_supported_yet(&place);
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn five_members_on_etcd_3_7_with_other_ports_and_another_domain() {
    let rest = "[cluster]\nmembers = 5\nversion = \"3.7.3\"\ndomain = \"example.internal\"\n\
                [ports]\nclient = 32379\npeer = 32380\nmetrics = 9963\n[placement]\nnodes = \"preferred\"\n";
    let place = Place::new("five", rest);
    comes_up(&place, 5, "3.7.3", 32379);
    let certificate = certificate(&place, "five-server");
    assert!(certificate.contains("example.internal"), "{certificate}");
    assert!(!certificate.contains("cluster.local"), "{certificate}");
}

/// A certificate of a Secret as openssl prints it.
fn certificate(place: &Place, secret: &str) -> String {
    let encoded = place.get("secret", secret)["data"]["tls.crt"].as_str().unwrap_or_default().to_owned();
    let script = format!("echo {encoded} | base64 -d | openssl x509 -noout -text");
    shell(&script)
}

fn shell(script: &str) -> String {
    let output = std::process::Command::new("sh").args(["-c", script]).output().expect("sh is there");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Plain text, no certificate, and a certificate of the wrong authority.
fn refuses_strangers(place: &Place) {
    let host = format!("three-1.three-peer.{}.svc", place.namespace);
    let to = |scheme: &str, port: u16| format!("--endpoints={scheme}://{host}:{port}");
    let (plain, client, peer) = (to("http", 2379), to("https", 2379), to("https", 2380));
    let tls = ["--cacert=/tls/ca.crt", "--cert=/tls/tls.crt", "--key=/tls/tls.key"];
    let health = ["endpoint", "health"];

    let known = place.client(&[&[client.as_str()], &tls[..], &health].concat());
    assert_eq!(known.code, 0, "a client with certificate was refused: {known:?}");
    let anonymous = place.client(&[&[client.as_str(), tls[0]], &health[..]].concat());
    assert_ne!(anonymous.code, 0, "a client without certificate was served: {anonymous:?}");
    let unencrypted = place.client(&[&[plain.as_str()], &health[..]].concat());
    assert_ne!(unencrypted.code, 0, "plain text was served: {unencrypted:?}");

    // To a peer, a certificate of the client authority is a stranger's.
    let insecure = ["--insecure-skip-tls-verify", "--insecure-transport=false"];
    let asked = place.client(&[&[peer.as_str()], &insecure[..], &tls[1..], &health].concat());
    assert_ne!(asked.code, 0);
    wait_until("the member logs each refusal", 20, || {
        let logs = place.kubectl(&["logs", "three-1", "--tail=400"]).expect(0).stdout;
        let rejected =
            |words: [&str; 2]| logs.lines().any(|line| words.iter().all(|word| line.contains(word)));
        rejected(["rejected connection on client endpoint", "client didn't provide a certificate"])
            && rejected(["rejected connection on client endpoint", "does not look like a TLS handshake"])
            && rejected(["rejected connection on peer endpoint", "certificate signed by unknown authority"])
    });
}

/// Labels, the Service and the budget change; no pod does.
fn an_edit_without_restart_is_applied(place: &Place) {
    let before = place.pods();
    place.write("labels = { team = \"db\" }\n[cluster]\nmembers = 3\n[service]\ntype = \"NodePort\"\n");
    let plan = place.tool("plan", &["--detailed-exitcode"]).expect(2);
    assert!(plan.stdout.contains("metadata.labels.team"), "{}", plan.stdout);
    place.tool("apply", &["--auto-approve"]).expect(0);
    place.tool("plan", &["--detailed-exitcode"]).expect(0);
    assert_eq!(place.get("service", "three")["spec"]["type"], json!("NodePort"));
    assert_eq!(place.get("poddisruptionbudget", "three")["metadata"]["labels"]["team"], json!("db"));
    assert_eq!(place.pods(), before, "the edit touched the pods");
}

/// Another minor version and another peer port are refused and change nothing.
fn the_rest_is_not_supported_yet(place: &Place) {
    for rest in
        ["[cluster]\nmembers = 3\nversion = \"3.7.3\"\n", "[cluster]\nmembers = 3\n[ports]\npeer = 12380\n"]
    {
        place.write(rest);
        let before = place.get("statefulset", "three")["metadata"]["generation"].clone();
        for command in ["plan", "apply"] {
            let extra: &[&str] = if command == "apply" { &["--auto-approve"] } else { &[] };
            let refused = place.tool(command, extra).expect(3);
            says(&refused, &["not supported yet"]);
        }
        assert_eq!(place.get("statefulset", "three")["metadata"]["generation"], before);
    }
}

/// The certificate that a member shows in a handshake, as openssl prints its
/// end.
fn end_in_handshake(place: &Place, pod: &str) -> String {
    let script = format!(
        "kubectl -n {} port-forward pod/{pod} 0:2379 > \"$1\" & forward=$!
         for i in 1 2 3 4 5 6 7 8 9 10; do grep -q Forwarding \"$1\" && break; sleep 0.3; done
         port=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\).*/\\1/p' \"$1\" | head -1)
         openssl s_client -connect 127.0.0.1:$port < /dev/null 2> /dev/null | openssl x509 -noout -enddate
         kill $forward",
        place.namespace
    );
    let log = tempfile::NamedTempFile::new().expect("a temporary file");
    let path = log.path().to_string_lossy().into_owned();
    let output = std::process::Command::new("bash")
        .args(["-c", &script, "bash", &path])
        .output()
        .expect("bash is there");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn leaves_near_their_end_are_renewed_without_a_restart_and_seen_in_a_handshake() {
    let short = "[cluster]\nmembers = 1\n[tls.validity]\nleaf_days = 10\nrenew_before_days = 5\n";
    let place = Place::new("renew", short);
    place.tool("apply", &["--auto-approve"]).expect(0);
    let (pods, end) = (place.pods(), end_in_handshake(&place, "renew-0"));
    assert!(end.starts_with("notAfter="), "{end}");
    let authority = certificate(&place, "renew-client-ca");

    place.write("[cluster]\nmembers = 1\n[tls.validity]\nleaf_days = 200\nrenew_before_days = 100\n");
    let plan = place.tool("plan", &["--detailed-exitcode"]).expect(2);
    assert!(plan.stdout.contains("renew 3 certificates"), "{}", plan.stdout);
    place.tool("apply", &["--auto-approve"]).expect(0);
    // The kubelet brings a changed Secret into a running pod within two minutes.
    wait_until("the member shows the new certificate", 150, || {
        let now = end_in_handshake(&place, "renew-0");
        now.starts_with("notAfter=") && now != end
    });
    assert_eq!(place.pods(), pods, "the renewal touched the pod");
    assert_eq!(certificate(&place, "renew-client-ca"), authority, "the renewal touched the authority");
    place.tool("plan", &["--detailed-exitcode"]).expect(0);
    place.etcdctl(&["endpoint", "health"]).expect(0);
}
