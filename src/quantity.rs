//! Kubernetes quantities: parse, compare, canonical form.

use serde::{Serialize, Serializer};

/// A quantity such as `250m`, `8Gi` or `1.5`, held exactly, in thousandths... of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity;

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }
}
