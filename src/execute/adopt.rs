//! Making an object ours that others made.

use super::{Halt, Run, World, act::SOON};
use crate::{
    field::takeover::{self, Predecessor},
    object::Object,
    plan::Expects,
};

impl<W: World> Run<'_, W> {
    /// Takes the fields of those who were shown in the plan, and of nobody
    /// else. Done twice, it is as if done once.
    pub(super) async fn adopt(
        &mut self,
        object: &Object,
        uid: &str,
        from: &[Predecessor],
    ) -> Result<(), Halt> {
        let expects = Expects::Uid(uid.to_owned());
        self.repeated(SOON, async |run| {
            let Some(live) = run.expected(object, &expects).await? else {
                return Err(Halt::because(format!("`{}` is gone", object.key)));
            };
            as_planned(object, &live, from)?;
            run.world.hold_lock().await?;
            Ok(run.world.adopt(object, uid, live.resource_version()).await)
        })
        .await
    }
}

fn as_planned(object: &Object, live: &Object, from: &[Predecessor]) -> Result<(), Halt> {
    let now = takeover::predecessors(&live.body, &object.body);
    match now.iter().find(|one| !from.iter().any(|planned| planned.covers(one))) {
        None => Ok(()),
        Some(other) => Err(Halt::because(format!(
            "`{}` was changed by {} since it was planned: plan again",
            object.key, other.manager
        ))),
    }
}
