//! Who runs this: written into the lock, and read back from it.
//!
//! `user@host/pid.start.machine`: the process by its id and start time, and the
//! machine by its boot and its namespace of process ids. A run that was killed
//! on this very machine is known to be over; its lock need not run out.

use std::fs;

use super::{clock, process};

/// The identity of this process.
pub fn of_this_run() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let user = user.unwrap_or_else(|| "somebody".to_owned());
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let pid = std::process::id();
    match (start_time(pid), machine()) {
        (Some(start), Some(machine)) => format!("{user}@{}/{pid}.{start}.{machine}", host.trim()),
        _ => format!("{user}@{}/{pid}-{}", host.trim(), clock::now().as_millisecond()),
    }
}

/// What is known of a run by its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Its process is running on this machine.
    Alive,
    /// It ran on this machine, and runs no more.
    Over,
    /// It runs elsewhere, or hidden.
    Unknown,
}

/// Whether a holder of the lock is known to run no more.
pub fn is_dead(identity: &str) -> bool {
    life(identity) == Life::Over
}

/// What is known of a holder of the lock.
pub fn life(identity: &str) -> Life {
    life_by(identity, start_time).unwrap_or(Life::Unknown)
}

/// The same, with what tells when a process started. `/proc` may hide those of
/// other users (`hidepid`), so that it says nothing is not enough.
fn life_by(identity: &str, start_time: impl Fn(u32) -> Option<String>) -> Option<Life> {
    let (_, run) = identity.rsplit_once('/')?;
    let parts: Vec<&str> = run.splitn(3, '.').collect();
    let [pid, start, on] = parts.as_slice() else { return None };
    let pid = pid.parse().ok()?;
    if machine()? != *on {
        return None;
    }
    match start_time(pid) {
        Some(found) if found == *start => Some(Life::Alive),
        Some(_) => Some(Life::Over),
        None => (!process::exists(pid)).then_some(Life::Over),
    }
}

/// This boot of this machine, and the namespace in which process ids mean
/// something.
fn machine() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    let digits = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    Some(format!("{}-{}", digits(boot.trim()), digits(&namespace.to_string_lossy())))
}

/// When a process started, in ticks since the boot; `None` when there is none.
/// (`proc(5)`, field 22 of `/proc/PID/stat`)
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_run_is_not_dead_and_another_process_of_the_same_id_is_another() {
        let me = of_this_run();
        assert_eq!(life(&me), Life::Alive);
        let start = start_time(std::process::id()).unwrap();
        assert!(is_dead(&me.replace(&format!(".{start}."), ".1.")));
    }

    #[test]
    fn a_run_that_proc_hides_is_not_dead_and_one_that_ended_is() {
        let machine = machine().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let life = |pid: u32| life_by(&format!("root@host/{pid}.1.{machine}"), |_| None);
        assert_eq!([life(1), life(std::process::id()), life(child.id())], [None, None, Some(Life::Over)]);
    }

    #[test]
    fn of_another_machine_nothing_is_known() {
        for identity in ["ci@runner/1.2.another", "ci@runner/12-1700000000000", "ci@runner"] {
            assert_eq!(life(identity), Life::Unknown);
        }
    }
}
