//! Taking one field out of an object, whoever set it: a JSON Patch that does
//! nothing unless the object is the very version that was looked at.
//! <https://www.rfc-editor.org/rfc/rfc6902>

use http::Method;
use serde_json::json;

use super::{Error, Writer, path, request::Content};
use crate::{desired::FIELD_MANAGER, object::ObjectKey};

impl Writer {
    /// Removes the field at this JSON pointer from the object with this uid and
    /// version.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`] when it is another object or version, and what every
    /// request can meet.
    pub async fn remove_at(
        &self,
        key: &ObjectKey,
        uid: &str,
        version: &str,
        pointer: &str,
    ) -> Result<(), Error> {
        let patch = json!([
            { "op": "test", "path": "/metadata/uid", "value": uid },
            { "op": "test", "path": "/metadata/resourceVersion", "value": version },
            { "op": "remove", "path": pointer },
        ]);
        let path = path::object(key);
        let patched = format!("{path}?fieldManager={FIELD_MANAGER}&fieldValidation=Strict");
        match self.http.send(Method::PATCH, &patched, Content::JsonPatch(&patch)).await {
            Ok(_) => Ok(()),
            // A test that fails is answered as any other mistake.
            Err(error @ Error::Invalid { .. }) => {
                let live = self.http.get(&path).await.map_err(Error::or_gone)?.body;
                let metadata = &live["metadata"];
                let same = metadata["uid"] == uid && metadata["resourceVersion"] == version;
                Err(if same { error } else { Error::Stale(format!("`{key}` is another version")) })
            }
            Err(error) => Err(error.or_gone()),
        }
    }
}
