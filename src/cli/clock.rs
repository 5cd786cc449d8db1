//! The clock, for everything that needs it.

use jiff::Timestamp;

/// The time.
#[expect(clippy::disallowed_methods, reason = "this is where the clock is asked")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
