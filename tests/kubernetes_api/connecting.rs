//! From a kubeconfig to an answer: each way of failing is told apart.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use etcdctl_stack::{
    cluster::{Cluster, Connect, Error},
    observed::Lookup,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::space::{Space, cluster, live, refused, says};

/// The error of reading a stack through these options.
async fn error_of(space: &Space, options: &Connect) -> Error {
    match Cluster::connect(options).await {
        Ok(cluster) => refused(live(&cluster.reader(), &space.stack()).await),
        Err(error) => error,
    }
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_kubeconfig_that_cannot_be_used_says_which_and_why() {
    let space = Space::unmade("kubeconfig");
    let error = async |path| {
        let options = Connect { context: None, kubeconfig: Some(path) };
        error_of(&space, &options).await.to_string()
    };
    says(&error("/nobody/made/this".into()).await, &["/nobody/made/this", "No such file"]);
    let broken = error(space.file("broken.yaml", "users: [{user: {token: top-secret")).await;
    says(&broken, &["broken.yaml", "line 1"]);
    assert!(!broken.contains("top-secret"), "{broken}");
    says(&error(space.file("empty.yaml", "{}")).await, &["no current context"]);

    let mut options = space.kubeconfig(|_| ());
    options.context = Some("nowhere".to_owned());
    says(&error_of(&space, &options).await.to_string(), &["`nowhere`", "it has `"]);
    let stranger = space.kubeconfig(|config| config["contexts"][0]["context"]["user"] = json!("stranger"));
    says(&error_of(&space, &stranger).await.to_string(), &["user `stranger`", "has `user`"]);
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_server_that_is_not_there_or_not_trusted_is_one_error() {
    let space = Space::unmade("unreachable");
    let dead =
        space.kubeconfig(|config| config["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:1"));
    let error = error_of(&space, &dead).await;
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    says(&error.to_string(), &["https://127.0.0.1:1", "refused"]);

    let untrusted = space.kubeconfig(|config| {
        let cluster = config["clusters"][0]["cluster"].as_object_mut().unwrap();
        cluster.retain(|key, _| key == "server");
    });
    let error = error_of(&space, &untrusted).await;
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    says(&error.to_string(), &["certificate"]);

    let expired = space.kubeconfig(|config| config["users"][0]["user"] = json!({ "token": "expired" }));
    assert_eq!(error_of(&space, &expired).await, Error::Unauthorized);
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let space = Space::unmade("mute");
    let mute = space.kubeconfig(|config| config["clusters"][0]["cluster"]["server"] = json!(server));
    let _accepting = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    // Not for ever.
    let given_up = tokio::time::timeout(Duration::from_secs(300), error_of(&space, &mute));
    let error = given_up.await.expect("it is given up");
    assert!(matches!(error, Error::Timeout { .. }) && error.is_ambiguous(), "{error:?}");
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn a_plugin_that_fails_is_named_with_its_words_and_never_its_output() {
    let space = Space::unmade("plugin");
    let error = async |command: &str, arguments: &[&str]| {
        let exec = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": arguments, "interactiveMode": "Never" });
        let options = space.kubeconfig(|config| config["users"][0]["user"] = json!({ "exec": exec }));
        error_of(&space, &options).await
    };
    let missing = error("no-such-plugin", &[]).await;
    assert!(matches!(missing, Error::Plugin(_)), "{missing:?}");
    says(&missing.to_string(), &["No such file"]);
    let failing = error("sh", &["-c", "echo top-secret-token; echo log in first >&2; exit 7"]).await;
    assert!(matches!(failing, Error::Plugin(_)), "{failing:?}");
    says(&failing.to_string(), &["`sh`", "log in first", "7"]);
    assert!(!format!("{failing:?}").contains("top-secret-token"), "{failing}");

    // Works at first, with a token that is about to expire, and fails when the
    // token is to be renewed: no request is sent.
    let marker = space.file("marker", "").with_file_name("ran");
    let credential = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t","expirationTimestamp":"2026-01-01T00:00:00Z"}}"#;
    let script = format!(
        "if [ -e {0} ]; then echo session ended >&2; exit 3; fi; touch {0}; echo '{credential}'",
        marker.display()
    );
    let later = error("sh", &["-c", &script]).await;
    assert!(matches!(later, Error::Plugin(_)), "{later:?}");
    says(&later.to_string(), &["session ended"]);
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn the_proxy_of_a_kubeconfig_is_used_for_requests() {
    let space = Space::unmade("proxy");
    let (url, tunnels) = proxy().await;
    let options = space.kubeconfig(|config| config["clusters"][0]["cluster"]["proxy-url"] = json!(url));
    let through = live(&Cluster::connect(&options).await.unwrap().reader(), &space.stack()).await.unwrap();
    assert!(tunnels.load(Ordering::Relaxed) > 0, "no request came through the proxy");
    let direct = live(&cluster().await.reader(), &space.stack()).await.unwrap();
    assert!(matches!(through.target.cluster_uid, Lookup::Found(_)));
    assert_eq!(through.target.cluster_uid, direct.target.cluster_uid);
}

/// A proxy that tunnels, and how often it did.
/// <https://www.rfc-editor.org/rfc/rfc9110#name-connect>
async fn proxy() -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let tunnels = Arc::new(AtomicU32::new(0));
    let count = tunnels.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(tunnel(stream, count.clone()));
        }
    });
    (url, tunnels)
}

async fn tunnel(mut near: TcpStream, count: Arc<AtomicU32>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let address = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let mut far = TcpStream::connect(address).await?;
    count.fetch_add(1, Ordering::Relaxed);
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}
