//! Why a plan is not applied.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::ObjectKey;

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
    pub key: Option<Box<str>>,
    /// The field that others own, where it is about one.
    #[serde(default)]
    pub contested: Option<Box<Contested>>,
}

/// A field that others own and that the plan would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contested {
    /// The object.
    pub object: ObjectKey,
    /// The field, as the server shows it.
    pub field: String,
    /// The keys that lead there, one by one; none where nobody is written down
    /// as its owner.
    pub path: Vec<Value>,
    /// What the stack wants; `None` where it may be secret, or nothing.
    pub yours: Option<Value>,
    /// What is there; `None` likewise.
    pub theirs: Option<Value>,
    /// Who owns it.
    pub manager: String,
    /// Through which subresource, such as `scale`.
    pub subresource: Option<String>,
    /// When they last changed something, as the server writes it.
    pub time: Option<String>,
    /// What it means for the members.
    pub meaning: Option<String>,
}

/// One thing that is known of a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// What it is, in a word or two.
    pub label: String,
    /// In words.
    pub text: String,
}

impl Blocked {
    /// A reason with its code and what helps.
    pub fn new(code: &str, reason: String, help: impl Into<String>) -> Self {
        let (code, help) = (code.to_owned(), Some(help.into()));
        Blocked { code, reason, facts: Vec::new(), help, key: None, contested: None }
    }
}
