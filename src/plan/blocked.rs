//! Why a plan is not applied.

use serde::{Deserialize, Serialize};

/// Why the plan is not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// A stable code, such as `plan::foreign_stateful_set`.
    pub code: String,
    /// What stands in the way, with names and numbers.
    pub reason: String,
    /// What else is known of it, each with a label.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// What a person can do.
    pub help: Option<String>,
    /// The key of the stack file that it is about, such as `storage.size`.
    #[serde(default)]
    pub key: Option<String>,
}

/// One thing that is known of a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is, in a word or two.
    pub label: String,
    /// In words.
    pub text: String,
}

impl Blocked {
    /// A reason with its code and what helps.
    pub fn new(code: &str, reason: String, help: impl Into<String>) -> Self {
        Blocked { code: code.to_owned(), reason, facts: Vec::new(), help: Some(help.into()), key: None }
    }
}
