//! Exit codes. The README and `--help` have the same table.

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is done.
    Success,
    /// Usage, the stack file, the connection, or what nobody expected.
    Error,
    /// `plan --detailed-exitcode`: there are changes. `plan --drift`: there is
    /// drift.
    Changes,
    /// The plan was made but cannot be applied.
    Blocked,
    /// The approved plan is no longer what would happen.
    Mismatch,
    /// Apply began and stopped part way.
    Stopped,
    /// Another run holds the lock.
    Locked,
    /// A signal of this number, after a clean stop.
    Signal(u8),
    /// What the command of `connect` ended with.
    Command(u8),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Error => 1,
            Exit::Changes => 2,
            Exit::Blocked => 3,
            Exit::Mismatch => 4,
            Exit::Stopped => 5,
            Exit::Locked => 6,
            Exit::Signal(number) => 128 + number,
            Exit::Command(code) => code,
        }
    }

    /// The worse of two files' ends: error, then blocked, then changes.
    pub fn worse(self, other: Exit) -> Exit {
        let rank = |exit: Exit| match exit {
            Exit::Success => 0,
            Exit::Changes => 1,
            Exit::Blocked => 2,
            _ => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}
