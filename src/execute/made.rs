//! What a step made, written down by the uid that the server gave it.

use super::{Halt, Run, World};
use crate::{
    desired::STACK_LABEL,
    object::{Kind, Object, ObjectKey},
    plan::{Action, Step},
};

impl<W: World> Run<'_, W> {
    /// Writes down the objects that a step made, or made anew, before anything
    /// is waited for: the next run may find them no longer named by the stack
    /// file.
    pub(super) async fn write_what_was_made(&mut self, step: &Step) -> Result<(), Halt> {
        let mut news = false;
        for key in step.actions.iter().filter_map(made) {
            let found = self.look(key).await?;
            let is_ours = |found: &Object| match key.kind {
                Kind::Namespace => true,
                _ => found.label(STACK_LABEL) == Some(&self.names.stack),
            };
            if let Some(uid) = found.filter(is_ours).as_ref().and_then(Object::uid) {
                news |= self.journal.inventory.record(key, uid);
            }
        }
        if news { self.write_down().await } else { Ok(()) }
    }

    /// Writes down that an object is about to be made again, which this run
    /// took away: by the old uid nobody would know it.
    pub(super) async fn announce(&mut self, action: &Action) -> Result<(), Halt> {
        match made(action) {
            Some(key) if !self.journal.inventory.has(key) => {
                self.journal.inventory.announce(key);
                self.write_down().await
            }
            _ => Ok(()),
        }
    }
}

/// The object that an action makes where it is not there, or makes ours.
fn made(action: &Action) -> Option<&ObjectKey> {
    match action {
        Action::CreateNamespace { object }
        | Action::Apply { object, .. }
        | Action::Issue { object, .. }
        | Action::Adopt { object, .. } => Some(&object.key),
        _ => None,
    }
}
