//! Secrets that no run makes again as they are.

use super::{Desired, Kind, Live};
use crate::{object::Object, plan::set_by_others};

/// What issuing puts into a Secret.
const ISSUED: [&str; 3] = ["ca.crt", "tls.crt", "tls.key"];

/// What of an object `apply` would not make again; `None` where it would make
/// all of it. What others set in anything but a Secret holds no value that is
/// nowhere else.
pub fn not_again(desired: &Desired, live: &Live, object: &Object) -> Option<String> {
    let key = &object.key;
    if key.kind != Kind::Secret {
        return None;
    }
    if !desired.has(key) {
        return Some("nothing makes it again, for the stack file does not name it".to_owned());
    }
    let keys = live.secrets.get(key).map(|facts| &facts.keys).into_iter().flatten();
    let more: Vec<String> =
        keys.filter(|key| !ISSUED.contains(&key.as_str())).map(|key| format!("`{key}`")).collect();
    if !more.is_empty() {
        return Some(format!("{} in it is not made again", more.join(", ")));
    }
    let others = set_by_others(object);
    (!others.is_empty()).then(|| format!("what {} set in it is not made again", others.join(", ")))
}
