//! etcd versions: which are known, and what their flags are called.
//!
//! `version/flags.txt` is the table of flags. What a flag is for is not known
//! here; that some features changed from a flag to a feature gate is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
    str::FromStr,
};

use serde::{Serialize, Serializer};
use thiserror::Error;

const FLAGS: &str = include_str!("version/flags.txt");

/// An etcd version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 3.
    pub major: u16,
    /// 5, 6 or 7.
    pub minor: u16,
    /// The patch release.
    pub patch: u16,
}

/// Why a text is not a version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VersionError {
    /// A `v`, as image tags have it.
    #[error("`{0}` starts with a `v`; write `{rest}`", rest = .0.trim_start_matches('v'))]
    LeadingV(String),
    /// Something else than three numbers.
    #[error("`{0}` is not a version; write three numbers, such as `{default}`", default = Version::DEFAULT)]
    NotThreeNumbers(String),
}

impl Version {
    /// What a new cluster runs when its stack file does not say.
    pub const DEFAULT: Self = Self::new(3, 6, 16);

    /// The minor versions whose flags are known, oldest first.
    pub const MINORS: [u16; 3] = [5, 6, 7];

    /// Returns a version.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// Says whether the flags of this version are known.
    pub fn supported(self) -> bool {
        self.major == 3 && Self::MINORS.contains(&self.minor)
    }

    fn has_feature_gates(self) -> bool {
        self.minor >= 6
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.starts_with('v') && text.trim_start_matches('v').parse::<Self>().is_ok() {
            return Err(VersionError::LeadingV(text.to_owned()));
        }
        let plain = |part: &str| part == "0" || !part.starts_with(['0', '+']);
        let numbers: Option<Vec<u16>> =
            text.split('.').map(|part| part.parse().ok().filter(|_| plain(part))).collect();
        match numbers.as_deref() {
            Some([major, minor, patch]) => Ok(Self::new(*major, *minor, *patch)),
            _ => Err(VersionError::NotThreeNumbers(text.to_owned())),
        }
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a version knows of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It defines the flag.
    Yes,
    /// It has the flag under this other name.
    Renamed(String),
    /// It has a feature gate of this name instead.
    Gate(&'static str),
    /// Only these other minors define it.
    OnlyIn(Vec<u16>),
    /// No known version defines it.
    No,
}

/// Returns what a version knows of a flag, named without dashes.
pub fn flag_known(version: Version, name: &str) -> Known {
    let minors = minors_with(name);
    if minors.contains(&version.minor) {
        return Known::Yes;
    }
    let other = match name.strip_prefix("experimental-") {
        Some(rest) => rest.to_owned(),
        None => format!("experimental-{name}"),
    };
    if minors_with(&other).contains(&version.minor) {
        return Known::Renamed(other);
    }
    match GATES.iter().find(|gate| gate.flag == Some(name)) {
        Some(gate) if gate.minors.contains(&version.minor) => Known::Gate(gate.name),
        _ if minors.is_empty() => Known::No,
        _ => Known::OnlyIn(minors),
    }
}

/// Returns the flags that a version defines, without dashes, in order.
pub fn flags(version: Version) -> Vec<&'static str> {
    rows().filter(|row| row.1.contains(&version.minor)).map(|row| row.0).collect()
}

/// Returns the flag that etcd reads from an environment variable:
/// `ETCD_LOG_LEVEL` is `log-level`. `None` when etcd does not look at it.
pub fn flag_of_variable(name: &str) -> Option<String> {
    Some(name.strip_prefix("ETCD_")?.to_lowercase().replace('_', "-"))
}

fn minors_with(name: &str) -> Vec<u16> {
    rows().find(|row| row.0 == name).map(|row| row.1).unwrap_or_default()
}

fn rows() -> impl Iterator<Item = (&'static str, Vec<u16>)> {
    FLAGS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).filter_map(|line| {
        let (name, minors) = line.split_once(' ')?;
        let minors = minors.split_whitespace().filter_map(|minor| minor.strip_prefix("3.")?.parse().ok());
        Some((name, minors.collect()))
    })
}

/// A feature that the tool itself turns on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// The leader compares its compaction hashes with the followers'.
    CompactHashCheck,
    /// A member compares its data with its peers before it serves.
    InitialCorruptCheck,
}

impl Feature {
    /// Every feature that the tool turns on.
    pub const ALL: [Self; 2] = [Self::CompactHashCheck, Self::InitialCorruptCheck];

    /// Returns the name of the feature gate.
    pub fn gate(self) -> &'static str {
        match self {
            Self::CompactHashCheck => "CompactHashCheck",
            Self::InitialCorruptCheck => "InitialCorruptCheck",
        }
    }
}

/// A feature gate, the minors that have it, and the flag that it was before.
struct Gate {
    name: &'static str,
    flag: Option<&'static str>,
    minors: &'static [u16],
}

const fn gate(name: &'static str, flag: Option<&'static str>, minors: &'static [u16]) -> Gate {
    Gate { name, flag, minors }
}

/// From `server/features/etcd_features.go` of 3.6.16 and 3.7.3.
const GATES: &[Gate] = &[
    gate("AllAlpha", None, &[6, 7]),
    gate("AllBeta", None, &[6, 7]),
    gate("CompactHashCheck", Some("experimental-compact-hash-check-enabled"), &[6, 7]),
    gate("FastLeaseKeepAlive", None, &[7]),
    gate("InitialCorruptCheck", Some("experimental-initial-corrupt-check"), &[6, 7]),
    gate("LeaseCheckpoint", Some("experimental-enable-lease-checkpoint"), &[6, 7]),
    gate("LeaseCheckpointPersist", Some("experimental-enable-lease-checkpoint-persist"), &[6, 7]),
    gate("PriorityRequest", None, &[7]),
    gate("SetMemberLocalAddr", None, &[6, 7]),
    gate("StopGRPCServiceOnDefrag", Some("experimental-stop-grpc-service-on-defrag"), &[6, 7]),
    gate("TxnModeWriteWithSharedBuffer", Some("experimental-txn-mode-write-with-shared-buffer"), &[6, 7]),
];

/// Returns the names of the feature gates that a version has, in order.
pub fn gates(version: Version) -> Vec<&'static str> {
    GATES.iter().filter(|gate| gate.minors.contains(&version.minor)).map(|gate| gate.name).collect()
}

/// Returns the feature gate that a flag of older versions became.
pub fn gate_of_flag(flag: &str) -> Option<&'static str> {
    GATES.iter().find(|gate| gate.flag == Some(flag)).map(|gate| gate.name)
}

/// Returns the finished arguments that turn features on.
///
/// 3.5 has a flag for each and no `--feature-gates`. 3.6 exits when a feature
/// is set by both kinds of flag and keeps only the last `--feature-gates`, so
/// there is one, into which `extra_gates` (`Name=true,Other=false`) goes too.
pub fn features(version: Version, on: &BTreeSet<Feature>, extra_gates: Option<&str>) -> Vec<String> {
    if !version.has_feature_gates() {
        let flag_of = |feature: &Feature| GATES.iter().find(|gate| gate.name == feature.gate())?.flag;
        return on.iter().filter_map(flag_of).map(|flag| format!("--{flag}=true")).collect();
    }
    let extra = extra_gates.unwrap_or_default().split(',').filter_map(|pair| pair.trim().split_once('='));
    let mut merged: BTreeMap<&str, &str> = extra.collect();
    merged.extend(on.iter().map(|feature| (feature.gate(), "true")));
    let pairs: Vec<String> = merged.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if pairs.is_empty() { Vec::new() } else { vec![format!("--feature-gates={}", pairs.join(","))] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Version = Version::new(3, 5, 35);
    const NEW: Version = Version::new(3, 7, 3);

    #[test]
    fn a_version_is_three_numbers() {
        assert_eq!("3.6.16".parse(), Ok(Version::DEFAULT));
        for wrong in ["", "3", "3.6", "3.6.16.1", "3.6.x", "3.06.1", "3.6.+1", "3.6.-1", "3.6.16-rc.0", "vx"]
        {
            assert_eq!(wrong.parse::<Version>(), Err(VersionError::NotThreeNumbers(wrong.to_owned())));
        }
        let tag = "v3.6.16".parse::<Version>().unwrap_err();
        assert_eq!(tag.to_string(), "`v3.6.16` starts with a `v`; write `3.6.16`");
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        assert!(Version::new(3, 6, 9) < Version::DEFAULT);
        assert!(OLD < Version::DEFAULT && Version::DEFAULT < NEW);
        assert!(!Version::new(3, 4, 0).supported() && !Version::new(4, 6, 0).supported());
    }

    #[test]
    fn a_flag_is_known_under_the_name_of_its_version() {
        assert_eq!(flag_known(OLD, "log-level"), Known::Yes);
        assert_eq!(flag_known(OLD, "max-learners"), Known::OnlyIn(vec![6, 7]));
        assert_eq!(
            flag_known(OLD, "corrupt-check-time"),
            Known::Renamed("experimental-corrupt-check-time".to_owned())
        );
        assert_eq!(
            flag_known(NEW, "experimental-corrupt-check-time"),
            Known::Renamed("corrupt-check-time".to_owned())
        );
        assert_eq!(flag_known(NEW, "experimental-initial-corrupt-check"), Known::Gate("InitialCorruptCheck"));
        assert_eq!(flag_known(NEW, "enable-v2"), Known::OnlyIn(vec![5]));
        assert_eq!(flag_known(NEW, "colour"), Known::No);
    }

    #[test]
    fn the_newest_minor_has_no_experimental_flag() {
        assert!(flags(NEW).iter().all(|flag| !flag.starts_with("experimental-")));
        assert!(flags(OLD).is_sorted() && flags(OLD).len() > 100);
    }

    #[test]
    fn there_is_never_more_than_one_feature_gates_flag() {
        let both = BTreeSet::from(Feature::ALL);
        assert_eq!(
            features(OLD, &both, None),
            ["--experimental-compact-hash-check-enabled=true", "--experimental-initial-corrupt-check=true"]
        );
        assert_eq!(
            features(NEW, &both, Some("PriorityRequest=true, CompactHashCheck=false")),
            ["--feature-gates=CompactHashCheck=true,InitialCorruptCheck=true,PriorityRequest=true"]
        );
        assert_eq!(features(Version::DEFAULT, &BTreeSet::new(), None), Vec::<String>::new());
    }

    #[test]
    fn a_variable_names_its_flag() {
        assert_eq!(flag_of_variable("ETCD_LOG_LEVEL").as_deref(), Some("log-level"));
        assert_eq!(flag_of_variable("GODEBUG"), None);
    }
}
