//! The signals that ask to stop: Ctrl-C, Ctrl-\, SIGTERM, and a terminal that
//! closes. None may end the process before it has cleaned up.

use tokio::signal::unix::{SignalKind, signal};

/// The signals that ask to stop, by number.
pub struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
    hang_up: Option<tokio::signal::unix::Signal>,
    quit: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    /// Begins to listen; from here on none of them ends the process by itself.
    pub fn listen() -> Self {
        let listen = |kind| signal(kind).ok();
        Signals {
            interrupt: listen(SignalKind::interrupt()),
            terminate: listen(SignalKind::terminate()),
            hang_up: listen(SignalKind::hangup()),
            quit: listen(SignalKind::quit()),
        }
    }

    /// The number of the next one.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            () = arrives(&mut self.interrupt) => 2,
            () = arrives(&mut self.terminate) => 15,
            () = arrives(&mut self.hang_up) => 1,
            () = arrives(&mut self.quit) => 3,
        }
    }
}

async fn arrives(signal: &mut Option<tokio::signal::unix::Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::process;

    #[tokio::test]
    async fn each_is_told_by_its_number_and_ends_nothing() {
        let mut signals = Signals::listen();
        for number in [1, 2, 3, 15] {
            process::send(std::process::id(), number);
            assert_eq!(signals.next().await, number);
        }
    }
}
