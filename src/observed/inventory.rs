//! The objects that runs made: what a stack may take away again.
//!
//! An object is written down before it is made, and its uid once it is: only
//! then the server has given it one. Whatever has its name later and another
//! uid was made by somebody else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::object::ObjectKey;

/// Objects with the uids that the server gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory(BTreeMap<ObjectKey, Option<String>>);

impl Inventory {
    /// Writes down that an object is about to be made; one that is known
    /// already stays as it is.
    pub fn announce(&mut self, key: &ObjectKey) {
        self.0.entry(key.clone()).or_default();
    }

    /// Writes down which object it is. Says whether that is new.
    pub fn record(&mut self, key: &ObjectKey, uid: &str) -> bool {
        let before = self.0.insert(key.clone(), Some(uid.to_owned()));
        before.flatten().as_deref() != Some(uid)
    }

    /// Takes an object out.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.0.remove(key);
    }

    /// Whether the object is in it, with or without a uid.
    pub fn has(&self, key: &ObjectKey) -> bool {
        self.0.contains_key(key)
    }

    /// The uid with which the object was made, once it is known.
    pub fn uid(&self, key: &ObjectKey) -> Option<&str> {
        self.0.get(key)?.as_deref()
    }

    /// The objects, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.0.keys()
    }
}

impl FromIterator<(ObjectKey, Option<String>)> for Inventory {
    fn from_iter<T: IntoIterator<Item = (ObjectKey, Option<String>)>>(all: T) -> Self {
        Inventory(all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::Kind;

    #[test]
    fn objects_are_written_and_read_again() {
        let secret = ObjectKey::new(Kind::Secret, "etcd", "orders-server");
        let mut inventory = Inventory::default();
        inventory.announce(&secret);
        assert_eq!((inventory.has(&secret), inventory.uid(&secret)), (true, None));
        assert_eq!([inventory.record(&secret, "a"), inventory.record(&secret, "a")], [true, false]);
        inventory.announce(&secret);
        let text = json!(inventory);
        assert_eq!(text, json!({ "Secret/etcd/orders-server": "a" }));
        assert_eq!(serde_json::from_value::<Inventory>(text).unwrap(), inventory);
        inventory.forget(&secret);
        assert_eq!(inventory, Inventory::default());
    }
}
