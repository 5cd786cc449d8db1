//! Other processes: whether one is there, and signals for it. `rustix` is used
//! here alone.

use std::io;

use rustix::process::{Pid, Signal, getpgrp, kill_process, test_kill_process};

/// Whether there is a process of this id, also one of somebody else: only that
/// there is none counts as none. (`kill(2)`, signal 0)
pub fn exists(id: u32) -> bool {
    let none = |id| test_kill_process(id) == Err(rustix::io::Errno::SRCH);
    !pid(id).is_some_and(none)
}

/// Sends a signal by its number. It fails only when the process has ended.
pub fn send(id: u32, number: u8) {
    if let (Some(id), Some(signal)) = (pid(id), Signal::from_named_raw(i32::from(number))) {
        let _gone = kill_process(id, signal);
    }
}

/// Whether the keys of the terminal that send signals send them to us, and so
/// to every command that we run as well: all of the foreground gets them.
pub fn in_foreground() -> bool {
    rustix::termios::tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_somebody_else_is_there_and_one_that_ended_is_not() {
        assert!(exists(1) && exists(std::process::id()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(!exists(child.id()));
    }
}
