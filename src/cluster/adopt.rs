//! Making an object ours that others made, and asking what would come of it.
//!
//! Two writes: the managers' fields are given to us, which changes no value;
//! then an apply like any other, without force, takes away what we leave out.
//! A dry-run of the first tells nothing of the second. So the question is
//! another one: the object as it would be then is computed, and sent as an
//! update in a dry-run, which fills in defaults and asks validation and
//! admission.
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership>

use std::collections::BTreeMap;

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::{
    Error, Reader, Writer,
    ask::{proposal, refused},
    path,
    request::{Content, Http},
    secret,
};
use crate::{
    desired::FIELD_MANAGER,
    field::takeover::{self, NOBODY, Predecessor},
    object::{Kind, Object, ObjectKey},
    observed::{Conflict, Proposal},
};

/// How often a question is asked again about an object that was written
/// between the look and the question.
const ATTEMPTS: u32 = 5;

impl Reader {
    /// Asks what would come of adopting these objects, side by side.
    pub async fn ask_adopting(&self, wanted: &[Object]) -> BTreeMap<ObjectKey, Proposal> {
        let answers = wanted.iter().map(async |object| {
            let mut attempt = 0;
            loop {
                match self.adopted(object).await {
                    Err(error) if error.is_stale() && attempt < ATTEMPTS => attempt += 1,
                    Err(error) => return (object.key.clone(), refused(error)),
                    Ok(proposal) => return (object.key.clone(), proposal),
                }
            }
        });
        let mut answers = join_all(answers).await.into_iter().collect();
        self.name_webhooks(&mut answers).await;
        answers
    }

    async fn adopted(&self, wanted: &Object) -> Result<Proposal, Error> {
        let key = &wanted.key;
        let live = self.get(key).await?.ok_or_else(|| Error::Stale(format!("`{key}` is gone")))?;
        let predecessors = takeover::predecessors(&live, &wanted.body);
        let open = self.left_conflicts(wanted, &live, &predecessors).await?;
        let forced = forced(&self.http, wanted, &live).await?;
        let mut after = takeover::succeeded(&forced, &predecessors);
        if let Some(metadata) = after["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        let path = format!("{}?{DRY_RUN}", path::object(key));
        let answer = self.http.ask(Method::PATCH, &path, Content::JsonPatch(&update(&live, &after))).await?;
        let adopted = proposal(wanted, Ok(answer));
        Ok(match open.is_empty() {
            true => adopted,
            false => Proposal::Conflict { conflicts: open, forced: Box::new(adopted) },
        })
    }

    /// What still belongs to others once the predecessors have given way.
    async fn left_conflicts(
        &self,
        wanted: &Object,
        live: &Value,
        predecessors: &[Predecessor],
    ) -> Result<Vec<Conflict>, Error> {
        let body = apply_body(wanted, live);
        let path = format!("{}?{DRY_RUN}", path::object(&wanted.key));
        let conflicts = match self.http.ask(Method::PATCH, &path, Content::Apply(&body)).await {
            Ok(_) => Vec::new(),
            Err(Error::Conflict(conflicts)) => conflicts,
            Err(error) => return Err(error),
        };
        let given = |one: &Conflict| predecessors.iter().any(|other| other.sets(&one.field, &one.manager));
        Ok(conflicts.into_iter().filter(|one| !given(one)).collect())
    }
}

impl Writer {
    /// Gives the fields of whoever made this object to us, if it has this uid
    /// and version. Nothing is left to do once they are ours. No value changes
    /// but the annotations by which kubectl and Helm know what they made.
    ///
    /// # Errors
    ///
    /// [`Error::Stale`] when the object is not as expected.
    pub async fn adopt(&self, wanted: &Object, uid: &str, version: Option<&str>) -> Result<(), Error> {
        let key = &wanted.key;
        let live = self.http.get(&path::object(key)).await.map_err(Error::or_gone)?.body;
        let text = |field: &str| live["metadata"][field].as_str().unwrap_or_default();
        if text("uid") != uid || version.is_some_and(|version| text("resourceVersion") != version) {
            return Err(Error::Stale(format!("`{key}` is not the one that was read")));
        }
        let predecessors = takeover::predecessors(&live, &wanted.body);
        let annotations = takeover::release_annotations(&live);
        if predecessors.is_empty() && annotations.is_empty() {
            return Ok(());
        }
        let nobody = predecessors.iter().any(|one| one.manager == NOBODY);
        let managed = if nobody { forced(&self.http, wanted, &live).await? } else { live.clone() };
        let patch = patch(&live, &takeover::handed_over(&managed, &predecessors), &annotations);
        let path = format!("{}?fieldManager={FIELD_MANAGER}", path::object(key));
        self.http.send(Method::PATCH, &path, Content::JsonPatch(&patch)).await.map(drop)
    }
}

const DRY_RUN: &str = "dryRun=All&fieldManager=etcdctl-stack&fieldValidation=Strict";

/// What a forced apply would leave, which is asked for and never sent.
async fn forced(http: &Http, wanted: &Object, live: &Value) -> Result<Value, Error> {
    let path = format!("{}?{DRY_RUN}&force=true", path::object(&wanted.key));
    Ok(http.ask(Method::PATCH, &path, Content::Apply(&apply_body(wanted, live))).await?.body)
}

/// Our fields, with the values of a Secret as they are, for this version alone.
fn apply_body(wanted: &Object, live: &Value) -> Value {
    let mut body = wanted.body.clone();
    if wanted.key.kind == Kind::Secret {
        secret::put_back(&mut body, live);
    }
    for field in ["uid", "resourceVersion"] {
        body["metadata"][field] = live["metadata"][field].clone();
    }
    body
}

/// A patch that leaves an object as `after` and nothing else. It needs no right
/// that an apply does not need.
fn update(live: &Value, after: &Value) -> Value {
    let fields = |body: &Value| body.as_object().cloned().unwrap_or_default();
    let put =
        |(name, value): (String, Value)| json!({ "op": "add", "path": format!("/{name}"), "value": value });
    let gone = fields(live).into_iter().filter(|(name, _)| after.get(name).is_none());
    let remove = gone.map(|(name, _)| json!({ "op": "remove", "path": format!("/{name}") }));
    fields(after).into_iter().map(put).chain(remove).collect()
}

/// The uid and the version are put where they are already: the server refuses
/// the whole patch when the object has others by then.
fn patch(live: &Value, managers: &Value, annotations: &[String]) -> Value {
    let put = |field: &str, value: &Value| json!({ "op": "add", "path": format!("/metadata/{field}"), "value": value });
    let fixed = ["uid", "resourceVersion"].map(|field| put(field, &live["metadata"][field]));
    let go = annotations.iter().map(|name| {
        let name = name.replace('~', "~0").replace('/', "~1");
        json!({ "op": "remove", "path": format!("/metadata/annotations/{name}") })
    });
    fixed.into_iter().chain([put("managedFields", managers)]).chain(go).collect()
}
