//! Taking away a field that others set, and the stack does not.

use std::collections::BTreeSet;

use super::{Halt, Run, World, act::SOON};
use crate::{
    field::{self, OURS, Owner},
    object::{Object, ObjectKey},
};

/// What became of a field since the plan was made.
enum Found {
    /// It is not there any more, or none of them sets it.
    Gone,
    /// It is there, at this place.
    At(String),
    /// Somebody else sets it, too.
    OfOthers(String),
}

impl<W: World> Run<'_, W> {
    /// Removes a field from these managers. Nothing is left to do once none of
    /// them sets it.
    pub(super) async fn remove_field(
        &mut self,
        key: &ObjectKey,
        uid: &str,
        field: &str,
        managers: &BTreeSet<String>,
    ) -> Result<(), Halt> {
        self.repeated(SOON, async |run| {
            let Some(live) = run.look(key).await? else {
                return Err(Halt::because(format!("`{key}` is gone")));
            };
            if live.uid() != Some(uid) {
                return Err(Halt::because(format!(
                    "`{key}` is not the one that was planned with: it was made anew since"
                )));
            }
            let pointer = match find(&live, field, managers) {
                Found::Gone => return Ok(Ok(())),
                Found::At(pointer) => pointer,
                Found::OfOthers(manager) => {
                    return Err(Halt::because(format!(
                        "`{field}` of `{key}` is set by {manager} by now, too"
                    )));
                }
            };
            run.world.hold_lock().await?;
            let version = live.resource_version().unwrap_or_default();
            Ok(run.world.remove_at(key, uid, version, &pointer).await)
        })
        .await
    }
}

fn find(live: &Object, field: &str, managers: &BTreeSet<String>) -> Found {
    let owners = field::owners(&live.body);
    let named = |owner: &&Owner| managers.contains(&owner.manager);
    let paths = owners.iter().filter(named).flat_map(|owner| &owner.fields);
    let Some(path) = paths.into_iter().find(|path| path.is_shown_as(field)) else { return Found::Gone };
    let Some(pointer) = path.pointer(&live.body) else { return Found::Gone };
    let sets = |owner: &&Owner| owner.fields.iter().any(|one| one.is_within(path));
    let other = owners.iter().filter(sets).find(|owner| owner.manager != OURS && !named(owner));
    other.map_or(Found::At(pointer), |other| Found::OfOthers(other.manager.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::object::Kind;

    const FIELD: &str = "metadata.annotations.note";

    fn found(body: Value, managers: &[&str]) -> Result<String, Option<String>> {
        let object = Object { key: ObjectKey::new(Kind::Service, "ns", "orders"), body };
        match find(&object, FIELD, &managers.iter().map(|name| (*name).to_owned()).collect()) {
            Found::At(pointer) => Ok(pointer),
            Found::OfOthers(manager) => Err(Some(manager)),
            Found::Gone => Err(None),
        }
    }

    fn noted_by(managers: &[&str], annotations: Value) -> Value {
        let fields = json!({ "f:metadata": { "f:annotations": { "f:note": {} } } });
        let entry =
            |name: &&str| json!({ "manager": name, "operation": "Update", "fieldsV1": fields.clone() });
        let entries: Vec<Value> = managers.iter().map(entry).collect();
        json!({ "metadata": { "annotations": annotations, "managedFields": entries } })
    }

    #[test]
    fn a_field_is_removed_only_from_those_who_were_named_and_only_while_it_is_there() {
        let note = json!({ "note": "x" });
        let pointer = Ok("/metadata/annotations/note".to_owned());
        assert_eq!(found(noted_by(&["helm"], note.clone()), &["helm"]), pointer);
        assert_eq!(found(noted_by(&["helm", "painter"], note.clone()), &["helm", "painter"]), pointer);
        // It was removed already, or changed hands.
        assert_eq!(found(noted_by(&["helm"], json!({})), &["helm"]), Err(None));
        assert_eq!(found(noted_by(&["painter"], note.clone()), &["helm"]), Err(None));
        // Somebody else has set it, too.
        let other = Err(Some("painter".to_owned()));
        assert_eq!(found(noted_by(&["helm", "painter"], note), &["helm"]), other);
    }
}
