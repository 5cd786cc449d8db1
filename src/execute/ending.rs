//! The end of a stack: its last pods, its name on what stays, its records.

use super::{Halt, Run, World, wait::SECOND};
use crate::{desired::STACK_LABEL, object::ObjectKey, plan::stays_because};

impl<W: World> Run<'_, W> {
    /// Deletes pods that the end of their StatefulSet left behind.
    pub(super) async fn end_pods(&mut self, ordinals: &[usize]) -> Result<(), Halt> {
        if self.look(&self.names.stateful_set()).await?.is_some() {
            return Err(Halt::because(format!("`{}` is there again", self.names.stateful_set())));
        }
        for ordinal in ordinals {
            if let Some(pod) = self.pod(*ordinal).await?.filter(|pod| !pod.terminating) {
                self.delete(&self.names.pod(*ordinal), &pod.uid).await?;
            }
        }
        Ok(())
    }

    /// Takes this tool's name off an object. Another one of its name stays as
    /// it is.
    pub(super) async fn release(&mut self, key: &ObjectKey, uid: &str) -> Result<(), Halt> {
        self.repeated(SECOND, async |run| {
            let Some(found) = run.still_there(key, uid).await? else { return Ok(Ok(())) };
            run.hold().await?;
            Ok(run.world.release(&found).await)
        })
        .await?;
        self.journal.inventory.forget(key);
        Ok(())
    }

    /// Deletes journal and lock. The lock is not given back then: there is
    /// none.
    pub(super) async fn delete_records(&mut self) -> Result<(), Halt> {
        self.hold().await?;
        self.over = true;
        for key in [self.names.journal(), self.names.lease()] {
            self.repeated(SECOND, async |run| {
                let found = run.look(&key).await?;
                match found.filter(|found| found.label(STACK_LABEL) == Some(&run.names.stack)) {
                    Some(found) => Ok(run.world.delete_as_read(&found).await),
                    None => Ok(Ok(())),
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Deletes the namespace, with the lock still held in it: nobody can take
    /// it there any more.
    pub(super) async fn delete_namespace(&mut self, key: &ObjectKey, uid: &str) -> Result<(), Halt> {
        self.repeated(SECOND, async |run| {
            let Some(found) = run.still_there(key, uid).await? else { return Ok(Ok(())) };
            if let Some(why) = stays_because(&found, &run.names.stack) {
                return Err(Halt::because(format!("`{key}` is not deleted, because {why}")));
            }
            run.hold().await?;
            Ok(run.world.delete_as_read(&found).await)
        })
        .await?;
        self.over = true;
        self.gone(key, uid).await
    }

    /// Whoever came into the namespace since the plan keeps it.
    pub(super) async fn nothing_of_others(&mut self) -> Result<(), Halt> {
        let key = self.names.namespace_key();
        let what = format!("what is in `{key}`");
        let found = self.patiently(&what, async |world| world.neighbours().await).await?.unwrap_or_default();
        let unread = found
            .unread_in_words()
            .map(|kinds| format!("nobody knows what else is in it: {kinds} cannot be listed"));
        match found.in_words().map(|others| format!("it holds {others}")).or(unread) {
            None => Ok(()),
            Some(why) => Err(Halt::because(format!("`{key}` is not deleted, because {why}"))),
        }
    }
}
