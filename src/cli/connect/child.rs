//! A command that runs in the foreground, and the signals that are passed on
//! to it.

use std::{ffi::OsString, io, os::unix::process::ExitStatusExt, process::ExitStatus};

use tokio::process::{Child, Command};

use crate::cli::process;

/// The signals that a terminal sends when keys are pressed, Ctrl-C and Ctrl-\.
const BY_KEYS: [u8; 2] = [2, 3];

/// Runs a command with more in its environment, and returns a shell's code for
/// how it ended. `signals` are those that reach us.
pub async fn run(
    command: &[OsString],
    environment: Vec<(&'static str, OsString)>,
    mut signals: impl AsyncFnMut() -> u8,
) -> io::Result<u8> {
    let [program, arguments @ ..] = command else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    let inherited = std::env::vars_os().map(|(name, _)| name);
    let mut child = self::command(program, inherited, environment).args(arguments).spawn()?;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(code(status?)),
            number = signals() => pass_on(&child, number),
        }
    }
}

/// The command, without what our own environment says to etcdctl: that is about
/// another cluster, and some of it would turn verification off.
fn command(
    program: &OsString,
    inherited: impl Iterator<Item = OsString>,
    environment: Vec<(&'static str, OsString)>,
) -> Command {
    let mut command = Command::new(program);
    let foreign = |name: &OsString| name.as_encoded_bytes().starts_with(b"ETCDCTL_");
    for name in inherited.filter(foreign) {
        command.env_remove(name);
    }
    command.envs(environment);
    command
}

/// Passes a signal on, unless the command has got it already or has ended.
fn pass_on(child: &Child, number: u8) {
    if let Some(id) = child.id()
        && !(BY_KEYS.contains(&number) && process::in_foreground())
    {
        process::send(id, number);
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<OsString> {
        ["sh", "-c", script].map(OsString::from).to_vec()
    }

    async fn never() -> u8 {
        std::future::pending().await
    }

    #[tokio::test]
    async fn it_ends_as_the_command_ends() {
        assert_eq!(run(&shell("exit 7"), Vec::new(), never).await.unwrap(), 7);
        assert_eq!(run(&shell("kill -TERM $$"), Vec::new(), never).await.unwrap(), 143);
        let environment = vec![("ETCDCTL_KEY", OsString::from("here"))];
        assert_eq!(run(&shell("test $ETCDCTL_KEY = here"), environment, never).await.unwrap(), 0);
        let missing = run(&["no-such-command-here".into()], Vec::new(), never).await;
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_the_callers_shell_says_to_etcdctl_does_not_reach_it() {
        let inherited = ["ETCDCTL_USER", "PATH", "ETCDCTL_KEY", "ETCD_NAME"].map(OsString::from);
        let environment = vec![("ETCDCTL_KEY", OsString::from("here"))];
        let command = command(&"etcdctl".into(), inherited.into_iter(), environment);
        let changed: Vec<_> = command.as_std().get_envs().collect();
        assert_eq!(
            changed,
            [("ETCDCTL_KEY".as_ref(), Some("here".as_ref())), ("ETCDCTL_USER".as_ref(), None)]
        );
    }

    #[tokio::test]
    async fn a_signal_is_passed_on_and_the_command_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        let script = format!("trap 'exit 9' TERM; : > {}; while :; do sleep 0.02; done", ready.display());
        let mut sent = false;
        let signals = async || {
            while sent || !ready.exists() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            sent = true;
            15
        };
        assert_eq!(run(&shell(&script), Vec::new(), signals).await.unwrap(), 9);
    }
}
