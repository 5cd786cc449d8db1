//! `connect`: a command with endpoints and credentials of all members set.
//!
//! A local port listens for each member that the stack wants; every
//! connection to it is a new port-forward, so pods may restart and members may
//! come and go while the command runs.

use std::sync::Arc;

mod child;
mod credentials;
mod forward;

use credentials::Folder;
use forward::forward;

use super::{
    arguments::{Connect as Arguments, Global},
    exit::Exit,
    output::Output,
    signal::Signals,
    stacks,
};
use crate::{
    cluster::Reader,
    desired::{Desired, desired},
    dial::dial,
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
    let cluster = loaded.connect(global).await.map_err(|error| output.cluster_error(&error))?;
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
    let mut signals = Signals::listen();
    let failed = |error: std::io::Error| output.error(&format!("cannot prepare the command: {error}"), None);
    let endpoints = endpoints(&reader, &desired, global.verbose > 0, output).await.map_err(failed)?;
    let folder = Folder::new(&credentials).map_err(failed)?;
    let environment = folder.environment(&endpoints);
    let ended = child::run(&arguments.command, environment, async || signals.next().await).await;
    let exit = ended.map_or_else(|error| not_run(arguments, &error, output), Exit::Command);
    folder.close().map_err(|error| {
        let what = format!("the credentials could not be removed: {error}");
        output.error(&what, Some("remove the folder by hand"))
    })?;
    Ok(exit)
}

/// A command that did not start ends as a shell would end.
fn not_run(arguments: &Arguments, error: &std::io::Error, output: &Output) -> Exit {
    let program = arguments.command[0].to_string_lossy();
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    let what = if missing { "it is not on PATH".to_owned() } else { error.to_string() };
    output.error(&format!("cannot run `{program}`: {what}"), None);
    Exit::Command(if missing { 127 } else { 126 })
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

/// Listens on a port for each member that the stack wants, and returns the
/// endpoints.
async fn endpoints(
    reader: &Reader,
    desired: &Desired,
    verbose: bool,
    output: &Output,
) -> std::io::Result<String> {
    let names = &desired.names;
    let mut endpoints = Vec::new();
    for ordinal in 0..usize::from(desired.stack.members) {
        let dial = dial(reader, names.pod(ordinal), names.ports.client);
        let (member, output) = (names.member(ordinal), *output);
        // The command says what it could not do; why is for who asks for it.
        let complain = move |error: &std::io::Error| {
            if verbose {
                output.say(&format!("{member} cannot be reached: {error}"));
            }
        };
        endpoints.push(format!("https://{}", forward(dial, Arc::new(complain)).await?));
    }
    Ok(endpoints.join(","))
}
