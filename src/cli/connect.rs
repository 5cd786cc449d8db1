//! `connect`: a command with endpoints and credentials of all members set.
//!
//! A local port listens for each ordinal that the stack may have; every
//! connection to it is a new port-forward, so pods may restart and members may
//! come and go while the command runs.

use std::{
    fs,
    io::Write as _,
    os::unix::{fs::OpenOptionsExt, process::ExitStatusExt},
    path::Path,
    process::ExitStatus,
};

use tempfile::TempDir;
use tokio::{net::TcpListener, process::Command};

use super::{
    arguments::{Connect as Arguments, Global},
    exit::Exit,
    observe,
    output::Output,
    signal::Signals,
    stacks,
};
use crate::{
    cluster::{Credentials, Reader},
    desired::{Desired, desired},
    execute::dial,
    object::{Kind, ObjectKey},
    observed::Lookup,
};

/// Runs the command, and ends as it ends.
pub async fn connect(arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    match whole(arguments, global, output).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn whole(arguments: &Arguments, global: &Global, output: &Output) -> Result<Exit, Exit> {
    let loaded = stacks::load(&arguments.file, output)?;
    let desired = desired(&loaded.checked.stack);
    let cluster = observe::connect(global, &loaded.checked.stack)
        .await
        .map_err(|error| output.cluster_error(&error))?;
    let reader = cluster.reader();
    let secret = secret(arguments, &desired, output)?;
    let credentials = match reader.credentials_in(&secret).await {
        Lookup::Found(credentials) => credentials,
        Lookup::Absent => {
            return Err(output.error(
                &format!("`{secret}` does not exist"),
                Some("apply the stack first: it issues the certificate"),
            ));
        }
        Lookup::Failed(reason) => return Err(output.error(&reason, None)),
    };
    // From here on a signal ends the command, and the folder is removed after it.
    let signals = Signals::listen();
    let failed = |error: std::io::Error| output.error(&format!("cannot prepare the command: {error}"), None);
    let folder = folder(&credentials).map_err(failed)?;
    let endpoints = listen(&reader, &desired).await.map_err(failed)?;
    let ended = run(arguments, folder.path(), &endpoints, signals).await;
    let removed = folder.close();
    let exit = match ended {
        Ok(status) => Exit::Command(code(status)),
        Err(error) => {
            let program = arguments.command[0].to_string_lossy();
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let what = if missing { "it is not on PATH".to_owned() } else { error.to_string() };
            output.error(&format!("cannot run `{program}`: {what}"), None);
            Exit::Command(if missing { 127 } else { 126 })
        }
    };
    match removed {
        Ok(()) => Ok(exit),
        Err(error) => Err(output.error(
            &format!("the credentials could not be removed: {error}"),
            Some("remove the folder by hand"),
        )),
    }
}

fn secret(arguments: &Arguments, desired: &Desired, output: &Output) -> Result<ObjectKey, Exit> {
    let Some(name) = &arguments.user else { return Ok(desired.names.operator_secret()) };
    let users = &desired.stack.tls.users;
    match users.iter().find(|user| user.name == *name) {
        Some(user) => Ok(ObjectKey::new(Kind::Secret, &desired.names.namespace, &user.secret)),
        None => {
            let known: Vec<String> = users.iter().map(|user| format!("`{}`", user.name)).collect();
            let known = if known.is_empty() {
                "it has none".to_owned()
            } else {
                format!("it has {}", known.join(", "))
            };
            Err(output.error(
                &format!("the stack file has no user `{name}`; {known}"),
                Some("add it to [[tls.users]] and apply"),
            ))
        }
    }
}

/// A folder that only we can read, with three files that only we can read.
fn folder(credentials: &Credentials) -> std::io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("etcdctl-stack-").tempdir()?;
    let Credentials { ca_pem, certificate_pem, key_pem } = credentials;
    for (name, text) in [("ca.crt", ca_pem), ("client.crt", certificate_pem), ("client.key", key_pem)] {
        let path = folder.path().join(name);
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?
            .write_all(text.as_bytes())?;
    }
    Ok(folder)
}

/// Listens on a port for each member that the stack wants, and returns the
/// endpoints.
async fn listen(reader: &Reader, desired: &Desired) -> std::io::Result<String> {
    let names = &desired.names;
    let mut endpoints = Vec::new();
    for ordinal in 0..usize::from(desired.stack.members) {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        endpoints.push(format!("https://{}", listener.local_addr()?));
        let dial = dial(reader, names.pod(ordinal), names.ports.client);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let dial = dial.clone();
                tokio::spawn(async move {
                    // Both ends are told by the close; a client tries again.
                    if near.set_nodelay(true).is_ok()
                        && let Ok(mut far) = dial().await
                    {
                        drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
                    }
                });
            }
        });
    }
    Ok(endpoints.join(","))
}

async fn run(
    arguments: &Arguments,
    folder: &Path,
    endpoints: &str,
    mut signals: Signals,
) -> std::io::Result<ExitStatus> {
    let mut child = Command::new(&arguments.command[0])
        .args(&arguments.command[1..])
        .env("ETCDCTL_ENDPOINTS", endpoints)
        .env("ETCDCTL_CACERT", folder.join("ca.crt"))
        .env("ETCDCTL_CERT", folder.join("client.crt"))
        .env("ETCDCTL_KEY", folder.join("client.key"))
        .spawn()?;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            signal = signals.next() => {
                // A terminal sends Ctrl-C to the command as well; a signal to
                // us alone is passed on.
                if let Some(id) = child.id() {
                    let kill = Command::new("kill").arg(format!("-{signal}")).arg(id.to_string()).status().await;
                    drop(kill);
                }
            }
        }
    }
}

/// A shell's code for how a process ended.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
