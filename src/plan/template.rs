//! The pod template as it will be, and which pods are made from it already.
//!
//! The StatefulSet's controller keeps each template that there was under a
//! name, its revision, and each pod carries the name of its own. A template
//! that is put back is its old revision again, as long as it is the same to the
//! letter: pods that were not restarted in between need no restart.
//! (`getStatefulSetRevisions` in `pkg/controller/statefulset` of Kubernetes)
//!
//! ```text
//! orders-6c   the template before an edit, and after it is taken back   orders-0, orders-1
//! orders-7d   the template in between                                   orders-2 restarts
//! ```

use serde_json::{Value, json};

use super::{
    Change, Confidence, FieldChange, Verb,
    foreign::{MAPS, Removal},
};
use crate::{
    field,
    object::{NOT_SHOWN, Object},
    observed::Live,
};

/// What becomes of the pod template.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Template {
    /// Nothing.
    #[default]
    Stays,
    /// It will be this one, as the API server would store it.
    Becomes(Value),
    /// It changes, and nobody was asked what all of it will be.
    Changes,
}

impl Template {
    /// What a change of the StatefulSet makes of it. `stored` is the API
    /// server's answer, which has what others set.
    pub fn after(one: &Change, live: &Object, stored: Value, removals: &[Removal]) -> Template {
        let in_template = |field: &FieldChange| field.path.starts_with("spec.template");
        if !one.fields.iter().any(in_template) {
            return Template::Stays;
        }
        match (one.verb, one.confidence) {
            (Verb::Update, Confidence::Verified) => {
                without(removals, live, stored).map_or(Template::Changes, Template::Becomes)
            }
            _ => Template::Changes,
        }
    }

    /// The revision that it will be.
    pub fn revision<'a>(&self, live: &'a Live, stateful_set: &Object) -> Option<&'a str> {
        match self {
            Template::Becomes(template) => revision(live, stateful_set, template),
            Template::Stays | Template::Changes => None,
        }
    }
}

/// The revision of a template, where it has been there before: the newest that
/// is equal, as the controller chooses it. Nobody can tell of one with values
/// that are not shown.
pub fn revision<'a>(live: &'a Live, stateful_set: &Object, template: &Value) -> Option<&'a str> {
    if template.to_string().contains(&json!(NOT_SHOWN).to_string()) {
        return None;
    }
    let uid = stateful_set.uid()?;
    let of_it = |owner: &Option<String>| owner.as_deref() == Some(uid);
    let all = live.revisions.found()?.iter();
    let equal = all.filter(|one| of_it(&one.owner) && one.template == *template);
    equal.max_by_key(|one| one.number).map(|one| one.name.as_str())
}

/// The template of a StatefulSet once the fields of others that go are gone.
fn without(removals: &[Removal], live: &Object, mut stored: Value) -> Option<Value> {
    let owners = field::owners(&live.body);
    for removal in removals.iter().filter(|removal| removal.key == live.key) {
        let mut paths = owners.iter().flat_map(|owner| &owner.fields);
        let path = paths.find(|path| path.is_shown_as(&removal.field))?;
        let pointer = path.pointer(&stored)?;
        take_out(&mut stored, &pointer)?;
    }
    stored.pointer_mut("/spec/template").map(Value::take)
}

/// Takes out what a JSON patch removes, and the list or table around it that
/// the API server leaves out once it is empty. An object that is empty stays.
fn take_out(body: &mut Value, pointer: &str) -> Option<()> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let around = body.pointer_mut(parent)?;
    match around {
        Value::Object(fields) => drop(fields.remove(&name.replace("~1", "/").replace("~0", "~"))?),
        Value::Array(items) => {
            let place: usize = name.parse().ok()?;
            items.get(place)?;
            items.remove(place);
        }
        _ => return None,
    }
    let is_table = parent.rsplit('/').next().is_some_and(|table| MAPS.contains(&table));
    let is_left_out = match around {
        Value::Object(fields) => is_table && fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    if is_left_out { take_out(body, parent) } else { Some(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(mut body: Value, pointer: &str) -> Value {
        take_out(&mut body, pointer).unwrap();
        body
    }

    #[test]
    fn what_is_empty_goes_only_where_the_api_server_leaves_it_out() {
        let annotated = json!({ "metadata": { "annotations": { "a.b/c": "x" }, "labels": { "l": "1" } } });
        let bare = json!({ "metadata": { "labels": { "l": "1" } } });
        assert_eq!(left(annotated, "/metadata/annotations/a.b~1c"), bare);
        let listed = json!({ "spec": { "tolerations": [{ "key": "k" }] } });
        assert_eq!(left(listed, "/spec/tolerations/0"), json!({ "spec": {} }));
        let context = json!({ "spec": { "securityContext": { "fsGroup": 1 } } });
        let empty = json!({ "spec": { "securityContext": {} } });
        assert_eq!(left(context, "/spec/securityContext/fsGroup"), empty);
        assert_eq!(take_out(&mut json!({ "env": [] }), "/env/0"), None);
    }
}
