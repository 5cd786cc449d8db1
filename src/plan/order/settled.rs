//! The body of an object between moves: what a live cluster holds on to, and
//! everything else as wanted.

use serde_json::{Value, json};

use super::Inputs;
use crate::{
    desired::{self, CLUSTER_ID, Desired, Window, with_replicas},
    object::Object,
    observed::{Live, Lookup},
    plan::immutable,
};

/// The body of an object between moves: replicas, window, token and cluster id
/// as they are live, everything else as wanted.
pub(super) fn as_it_is(inputs: &Inputs<'_>, object: &Object) -> Object {
    settled(inputs.desired, inputs.live, inputs.cluster_id.as_deref(), object)
}

/// See [`as_it_is`].
pub fn settled(desired: &Desired, live: &Live, cluster_id: Option<&str>, object: &Object) -> Object {
    let Desired { names, stack, .. } = desired;
    let found = live.objects.get(&object.key).and_then(Lookup::found);
    if object.key == names.stateful_set() {
        let object = &found.map_or_else(|| object.clone(), |found| immutable::with_kept(object, found));
        let replicas = found.and_then(Object::replicas);
        let sized = replicas.map_or_else(|| object.clone(), |replicas| with_replicas(object, replicas));
        return with_cluster_id(sized, cluster_id);
    }
    if object.key == names.bootstrap() {
        let open = found.and_then(|found| Window::read(names, found)).unwrap_or(Window::Sealed);
        return with_token(desired::window(stack, names, &open), found);
    }
    object.clone()
}

pub(super) fn with_cluster_id(mut object: Object, cluster_id: Option<&str>) -> Object {
    if let Some(id) = cluster_id {
        let metadata = &mut object.body["metadata"];
        if !metadata["annotations"].is_object() {
            metadata["annotations"] = json!({});
        }
        metadata["annotations"][CLUSTER_ID] = json!(id);
    }
    object
}

pub(super) fn with_token(mut object: Object, live: Option<&Object>) -> Object {
    let token = live.and_then(|live| live.body.pointer("/data/initial-cluster-token")).cloned();
    if let Some(token @ Value::String(_)) = token {
        object.body["data"]["initial-cluster-token"] = token;
    }
    object
}
