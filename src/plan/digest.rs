//! What an approval is bound to.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Basis;
use crate::canonical::sha256;

/// What a plan is made of, in 64 hexadecimal digits.
///
/// The first 32 are of the SHA-256 of its [`Basis`] as canonical JSON: 128 bits
/// that bind an approval. The others are eight times four digits, of the
/// SHA-256 of each [`Part`] in order: beside another digest they say what
/// differs, where nobody has the plan that was approved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub String);

/// A part of what a plan is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What the tool means by a plan.
    Semantics,
    /// The checked stack.
    Stack,
    /// What was asked for beside the stack file.
    AskedFor,
    /// Which cluster, or which namespace.
    Cluster,
    /// The objects as they are and as they would be, and the members' claims.
    Objects,
    /// What others set.
    Foreign,
    /// The members.
    Members,
    /// What is done.
    Steps,
}

impl Part {
    /// All of them, in the order of a digest.
    pub const ALL: [Part; 8] = [
        Part::Semantics,
        Part::Stack,
        Part::AskedFor,
        Part::Cluster,
        Part::Objects,
        Part::Foreign,
        Part::Members,
        Part::Steps,
    ];

    fn of(self, basis: &Basis) -> Value {
        match self {
            Part::Semantics => json!(basis.semantics),
            Part::Stack => json!(basis.stack),
            Part::AskedFor => json!(basis.asked_for),
            Part::Cluster => json!(basis.cluster),
            Part::Objects => json!([basis.objects, basis.claims]),
            Part::Foreign => json!(basis.foreign),
            Part::Members => json!(basis.members),
            Part::Steps => json!(basis.steps),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Semantics => "what this version of the tool means by a plan",
            Part::Stack => "the stack file",
            Part::AskedFor => "what is asked for besides the stack file",
            Part::Cluster => "the cluster, or its namespace",
            Part::Objects => "the objects",
            Part::Foreign => "fields that others set",
            Part::Members => "the members of etcd",
            Part::Steps => "what is done",
        })
    }
}

/// How many digits bind an approval.
const BINDING: usize = 32;

/// How many digits each part has after them.
const OF_A_PART: usize = 4;

impl Digest {
    /// The digest of a plan that is made of these.
    pub fn of(basis: &Basis) -> Self {
        let parts = Part::ALL.iter().map(|part| first(&sha256(&part.of(basis)), OF_A_PART));
        Digest(first(&sha256(&json!(basis)), BINDING) + &parts.collect::<String>())
    }

    /// The form for people: the first eight digits as `7f3a-91c2`. Too short to
    /// bind an approval in automation.
    pub fn short(&self) -> String {
        let hex = &self.0;
        match (hex.get(..4), hex.get(4..8)) {
            (Some(first), Some(second)) => format!("{first}-{second}"),
            _ => hex.clone(),
        }
    }

    /// The parts in which another digest differs, as far as it has all digits.
    pub fn differs(&self, other: &str) -> Vec<Part> {
        let part = |digest: &str, index: usize| {
            let from = BINDING + index * OF_A_PART;
            digest.get(from..from + OF_A_PART).map(str::to_owned)
        };
        let differs =
            |index: usize| matches!((part(&self.0, index), part(other, index)), (Some(a), Some(b)) if a != b);
        (0..).zip(Part::ALL).filter(|(index, _)| differs(*index)).map(|(_, part)| part).collect()
    }
}

fn first(hex: &str, digits: usize) -> String {
    hex.chars().take(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_says_in_which_part_another_differs() {
        let one = Basis { stack: "a".into(), ..Basis::default() };
        let other = Basis { stack: "b".into(), members: "c".into(), ..Basis::default() };
        let (one, other) = (Digest::of(&one), Digest::of(&other));
        assert_eq!((one.0.len(), one.differs(&one.0)), (64, Vec::new()));
        assert_ne!(one.0[..32], other.0[..32]);
        assert_eq!(one.differs(&other.0), [Part::Stack, Part::Members]);
        assert_eq!(one.differs(&other.0[..40]), [Part::Stack]);
        assert_eq!(one.differs("7f3a91c2"), Vec::new());
    }
}
