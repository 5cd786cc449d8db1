//! Objects that go: looked at just before, deleted as they were read, and
//! waited for.

use super::{Halt, Run, World, wait::SECOND};
use crate::{
    object::{Kind, Object, ObjectKey},
    plan::{set_by_others, stays_because, takes_claims_along},
};

impl<W: World> Run<'_, W> {
    /// Deletes the object with this uid, if it is still this stack's, and
    /// returns once it is gone. Another one of its name stays.
    pub(super) async fn take_away(&mut self, key: &ObjectKey, uid: &str) -> Result<(), Halt> {
        self.repeated(SECOND, async |run| {
            let Some(found) = run.still_there(key, uid).await? else { return Ok(Ok(())) };
            if let Some(why) = stays_because(&found, &run.names.stack) {
                return Err(Halt::because(format!("`{key}` is not deleted, because {why}")));
            }
            if key.kind == Kind::StatefulSet && takes_claims_along(&found) {
                return Err(Halt::because(format!("`{key}` would take its claims along by now")));
            }
            run.hold().await?;
            Ok(run.world.delete_as_read(&found).await)
        })
        .await?;
        self.gone(key, uid).await?;
        self.journal.inventory.forget(key);
        Ok(())
    }

    /// Finalizers may keep for a while what was deleted.
    pub(super) async fn gone(&mut self, key: &ObjectKey, uid: &str) -> Result<(), Halt> {
        let began = self.world.now();
        while let Some(found) = self.still_there(key, uid).await? {
            let held = finalizers(&found);
            self.say(format!("`{key}` to be gone{held}"));
            if self.is_over(began) {
                let seconds = self.options.step_timeout.as_secs();
                return Err(Halt::because(format!("waited {seconds} s for `{key}` to be gone{held}")));
            }
            self.pause(SECOND).await?;
        }
        Ok(())
    }

    pub(super) async fn still_there(&mut self, key: &ObjectKey, uid: &str) -> Result<Option<Object>, Halt> {
        Ok(self.look(key).await?.filter(|found| found.uid() == Some(uid)))
    }

    /// Somebody who set a field since the plan may count on the object.
    pub(super) async fn set_by_nobody_else(&mut self, key: &ObjectKey) -> Result<(), Halt> {
        let others = self.look(key).await?.map(|found| set_by_others(&found)).unwrap_or_default();
        match others.as_slice() {
            [] => Ok(()),
            others => Err(Halt::because(format!(
                "`{key}` is not deleted, because {} set fields of it",
                others.join(", ")
            ))),
        }
    }
}

fn finalizers(found: &Object) -> String {
    let all = found.body.pointer("/metadata/finalizers").and_then(|all| all.as_array());
    let all: Vec<&str> = all.into_iter().flatten().filter_map(|one| one.as_str()).collect();
    if all.is_empty() { String::new() } else { format!(": finalizers {} keep it", all.join(", ")) }
}
