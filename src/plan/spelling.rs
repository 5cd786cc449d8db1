//! Quantities as they are spelled on the server.
//!
//! The server compares what another manager set as text: `2Gi` conflicts with
//! its `2147483648`, though nothing would change. So what is equal is sent as
//! it stands there.

use serde_json::Value;

use crate::{object::Object, quantity::Quantity};

/// Spells each quantity of an object as it is live, where both are equal.
pub fn as_live(object: &mut Object, live: &Object) {
    respell(&mut object.body, &live.body);
}

fn respell(wanted: &mut Value, live: &Value) {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => {
            for (name, wanted) in wanted {
                match live.get(name) {
                    Some(live) if name == "resources" => amounts(wanted, live),
                    Some(live) if name == "sizeLimit" => amount(wanted, live),
                    Some(live) => respell(wanted, live),
                    None => {}
                }
            }
        }
        (Value::Array(wanted), Value::Array(live)) => {
            for wanted in wanted {
                let name = name(wanted).cloned();
                if let Some(live) =
                    live.iter().find(|live| name.is_some() && self::name(live) == name.as_ref())
                {
                    respell(wanted, live);
                }
            }
        }
        _ => {}
    }
}

/// What names an item of the lists that hold quantities: containers, volumes
/// and claim templates.
fn name(item: &Value) -> Option<&Value> {
    item.get("name").or_else(|| item.pointer("/metadata/name"))
}

/// Requests and limits.
fn amounts(wanted: &mut Value, live: &Value) {
    for kind in ["requests", "limits"] {
        let tables = (wanted.get_mut(kind).and_then(Value::as_object_mut), live.get(kind));
        let (Some(wanted), Some(live)) = tables else { continue };
        for (name, wanted) in wanted {
            if let Some(live) = live.get(name) {
                amount(wanted, live);
            }
        }
    }
}

fn amount(wanted: &mut Value, live: &Value) {
    if Quantity::are_equal(wanted, live) {
        *wanted = live.clone();
    }
}
