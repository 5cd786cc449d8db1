//! Signals for other processes. `rustix` is used here alone.

use std::io;

use rustix::process::{Pid, Signal, getpgrp, kill_process};

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
