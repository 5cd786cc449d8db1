//! A command that runs in the foreground, and the signals that are passed on
//! to it. `rustix` is used here alone.

use std::{ffi::OsString, io, os::unix::process::ExitStatusExt, process::ExitStatus};

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use tokio::process::{Child, Command};

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
    let mut child = Command::new(program).args(arguments).envs(environment).spawn()?;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(code(status?)),
            number = signals() => pass_on(&child, number),
        }
    }
}

/// Passes a signal on, unless the command has got it already or has ended.
fn pass_on(child: &Child, number: u8) {
    let id = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let signal = Signal::from_named_raw(i32::from(number));
    if let (Some(id), Some(signal)) = (id, signal)
        && !(signal == Signal::INT && in_foreground())
    {
        // It fails only when the command ends at this moment.
        let _gone = kill_process(id, signal);
    }
}

/// Whether Ctrl-C goes to us, and so to the command as well: a terminal sends
/// it to everybody in the foreground.
fn in_foreground() -> bool {
    rustix::termios::tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
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
