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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::object::{Kind, ObjectKey};

    fn object(managers: Value) -> Object {
        let key = ObjectKey::new(Kind::Service, "ns", "orders");
        Object {
            key,
            body: json!({ "metadata": { "managedFields": managers }, "spec": { "type": "ClusterIP" } }),
        }
    }

    #[test]
    fn whoever_was_not_in_the_plan_does_not_give_way() {
        let set_by = |manager: &str, fields: Value| json!({ "manager": manager, "operation": "Update", "fieldsV1": { "f:spec": fields } });
        let helm = || set_by("helm", json!({ "f:type": {} }));
        let planned = object(json!([helm()]));
        let from = takeover::predecessors(&planned.body, &planned.body);
        let holds = |managers: Value| as_planned(&planned, &object(managers), &from).is_ok();
        assert!(holds(json!([helm()])));
        assert!(holds(json!([helm(), set_by("ann", json!({ "f:note": {} }))])));
        assert!(!holds(json!([helm(), set_by("kubectl-edit", json!({ "f:type": {} }))])));
        assert!(!holds(json!([set_by("helm", json!({ "f:type": {}, "f:ports": {} }))])));
        // Given to us already.
        assert!(holds(
            json!([{ "manager": "etcdctl-stack", "operation": "Apply", "fieldsV1": { "f:spec": { "f:type": {} } } }])
        ));
    }
}
