//! Objects that others made, as steps: a step each, before its apply.

use super::{Inputs, as_it_is, plain, sealed};
use crate::{
    field::takeover::Predecessor,
    object::{Object, ObjectKey},
    observed::Lookup,
    plan::{Action, Step, adopt},
};

pub(super) fn adoptions(inputs: &Inputs<'_>) -> Vec<Step> {
    let objects = inputs.desired.objects().into_iter().filter(|object| !waits(inputs, &object.key));
    objects.filter_map(|object| adoption(inputs, object)).collect()
}

/// Whether an object of others stays as it is for now: the Service for clients,
/// until nobody writes to a cluster that could be founded again.
pub(super) fn waits(inputs: &Inputs<'_>, key: &ObjectKey) -> bool {
    let founded = inputs.cluster_id.is_some() && sealed(inputs);
    *key == inputs.desired.names.client_service() && predecessors(inputs, key).is_some() && !founded
}

fn predecessors<'a>(inputs: &'a Inputs<'_>, key: &ObjectKey) -> Option<&'a [Predecessor]> {
    let adopting = inputs.adopting.iter().find(|(other, _)| other == key)?;
    Some(&adopting.1)
}

pub(super) fn adoption(inputs: &Inputs<'_>, object: &Object) -> Option<Step> {
    let key = &object.key;
    let from = predecessors(inputs, key)?;
    let uid = inputs.live.objects.get(key).and_then(Lookup::found)?.uid()?.to_owned();
    let action = Action::Adopt { object: as_it_is(inputs, object), uid, from: from.to_vec() };
    Some(plain(format!("adopt {key} from {}", adopt::makers(from)), vec![action]))
}
