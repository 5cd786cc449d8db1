//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};

/// The signals that ask to stop, by number.
pub struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
    hang_up: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    /// Begins to listen; from here on none of them ends the process by itself.
    pub fn listen() -> Self {
        let listen = |kind| signal(kind).ok();
        Signals {
            interrupt: listen(SignalKind::interrupt()),
            terminate: listen(SignalKind::terminate()),
            hang_up: listen(SignalKind::hangup()),
        }
    }

    /// The number of the next one.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            () = arrives(&mut self.interrupt) => 2,
            () = arrives(&mut self.terminate) => 15,
            () = arrives(&mut self.hang_up) => 1,
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
