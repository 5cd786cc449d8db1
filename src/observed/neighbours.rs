//! What else lives in a stack's namespace.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Objects that are not the stack's. What Kubernetes puts into every namespace,
/// and what controllers derive from other objects, is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbours {
    /// Their names, by kind: `ConfigMap`, `Deployment.apps`.
    pub objects: BTreeMap<String, BTreeSet<String>>,
    /// Kinds that could not be listed.
    pub unread: BTreeSet<String>,
}

impl Neighbours {
    /// How many there are of each kind, in words; `None` where there is nothing.
    pub fn in_words(&self) -> Option<String> {
        let counts = self.objects.iter().map(|(kind, names)| format!("{} {kind}", names.len()));
        let counts: Vec<String> = counts.collect();
        (!counts.is_empty()).then(|| counts.join(", "))
    }

    /// What could not be listed, in words.
    pub fn unread_in_words(&self) -> Option<String> {
        let kinds: Vec<&str> = self.unread.iter().map(String::as_str).collect();
        (!kinds.is_empty()).then(|| kinds.join(", "))
    }
}
