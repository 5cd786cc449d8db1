//! etcd versions: which are known, and what their flags are called.

use serde::Serialize;

/// An etcd version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Version {
    /// 3.
    pub major: u16,
    /// 5, 6 or 7.
    pub minor: u16,
    /// The patch release.
    pub patch: u16,
}
