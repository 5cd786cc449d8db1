//! This tool's name comes off an object, and every value stays.
//!
//! An empty apply would take the fields away that nobody else set. So the list
//! of managers itself is written, without our entries, at the version that was
//! read. The server keeps the list that it has when it is sent an empty one; a
//! list of one empty entry clears it.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields>

use http::Method;
use serde_json::{Value, json};

use super::{Error, Writer, path, request::Content};
use crate::{
    desired::{FIELD_MANAGER, MANAGED_BY, STACK_LABEL},
    object::{Kind, Object},
};

impl Writer {
    /// Takes our name off the object as it was read.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`] when it is another, or another version, by now.
    pub async fn release(&self, object: &Object) -> Result<(), Error> {
        let Some(patch) = patch(object) else { return Ok(()) };
        let path = format!("{}?fieldManager={FIELD_MANAGER}", path::object(&object.key));
        self.http.send(Method::PATCH, &path, Content::Merge(&patch)).await.map_err(Error::or_gone)?;
        Ok(())
    }
}

/// What is to be written; `None` where our name is not on it.
fn patch(object: &Object) -> Option<Value> {
    let entries = object.body.pointer("/metadata/managedFields").and_then(Value::as_array);
    let entries: Vec<&Value> = entries.into_iter().flatten().collect();
    let is_ours = |entry: &&&Value| entry["manager"] == FIELD_MANAGER;
    let others: Vec<&Value> = entries.iter().filter(|entry| !is_ours(entry)).copied().collect();
    // A claim's labels are those of the StatefulSet's template.
    let labels = [STACK_LABEL, MANAGED_BY].into_iter();
    let labels = labels
        .filter(|label| object.key.kind != Kind::PersistentVolumeClaim && object.label(label).is_some());
    let labels: serde_json::Map<String, Value> =
        labels.map(|label| (label.to_owned(), Value::Null)).collect();
    if labels.is_empty() && others.len() == entries.len() {
        return None;
    }
    let managed = if others.is_empty() { json!([{}]) } else { json!(others) };
    let mut metadata = json!({
        "uid": object.uid(),
        "resourceVersion": object.resource_version(),
        "managedFields": managed,
    });
    if !labels.is_empty() {
        metadata["labels"] = Value::Object(labels);
    }
    Some(json!({ "metadata": metadata }))
}
