//! The volumes that members have, beside those that the stack file asks for.
//!
//! A StatefulSet's claim template makes new claims and leaves those that are
//! there. So claims are made larger one by one, before the template is: where
//! their StorageClass lets them grow. Nothing makes a volume smaller, or moves
//! it to another class, but a member that joins anew on a new one.
//! <https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims>

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    Blocked, Change, Confidence, FieldChange, Source, Verb, immutable,
    membership::{Move, State},
};
use crate::{
    desired::Desired,
    observed::{Claim, Live, Lookup},
    quantity::Quantity,
};

/// Members that stay, each with its claim.
fn claims<'a>(desired: &Desired, live: &'a Live, state: &State) -> Vec<(usize, &'a Claim)> {
    let stays = |ordinal: &usize| *ordinal < state.wanted && !state.replace.contains_key(ordinal);
    let members = state.members.keys().copied().filter(stays);
    members.filter_map(|ordinal| Some((ordinal, live.claim(&desired.names.claim(ordinal).name)?))).collect()
}

/// Whether a volume is smaller than the stack file says. One that is larger
/// than was asked for is large enough.
fn is_small(claim: &Claim, size: Quantity) -> bool {
    let has = claim.capacity.or(claim.requested);
    claim.phase == "Bound" && !claim.terminating && has.is_some_and(|has| has < size)
}

/// Whether the class lets a volume grow, as far as that can be known: without
/// the right to list classes the API server says so itself.
fn may_grow(live: &Live, claim: &Claim) -> bool {
    let Lookup::Found(classes) = &live.storage_classes else { return true };
    classes.iter().any(|class| claim.class.as_ref() == Some(&class.name) && class.expandable)
}

/// Members whose volumes are to grow, and can.
pub fn small(desired: &Desired, live: &Live, state: &State) -> BTreeSet<usize> {
    let size = desired.stack.storage.size;
    let all = claims(desired, live, state).into_iter();
    all.filter(|(_, claim)| is_small(claim, size) && may_grow(live, claim))
        .map(|(ordinal, _)| ordinal)
        .collect()
}

/// Those of them that are larger already, but for their file system, and wait
/// for a restart: with some drivers that comes only when the pod starts. With
/// the others it is over soon, and by then no restart is needed any more.
/// <https://kubernetes.io/docs/concepts/storage/persistent-volumes/#resizing-an-in-use-persistentvolumeclaim>
pub fn resizing(desired: &Desired, live: &Live, small: &BTreeSet<usize>) -> BTreeSet<usize> {
    let waits = |ordinal: &usize| {
        let claim = live.claim(&desired.names.claim(*ordinal).name);
        claim.is_some_and(|claim| claim.growing.as_deref() == Some("FileSystemResizePending"))
    };
    small.iter().copied().filter(waits).collect()
}

/// Whether the stack file asks for another size than the StatefulSet has.
fn is_resized(desired: &Desired, live: &Live) -> bool {
    let wanted = &desired.stateful_set;
    let live = live.objects.get(&wanted.key).and_then(Lookup::found);
    let kept = live.map(|live| immutable::kept(wanted, live)).unwrap_or_default();
    kept.iter().any(|one| one.path.ends_with("requests.storage"))
}

/// Volumes that would have to grow and cannot, or to become smaller. Only what
/// the file asks for now is refused: a stack that has lived with it goes on.
pub fn refused(desired: &Desired, live: &Live, state: &State) -> Vec<Blocked> {
    if !is_resized(desired, live) {
        return Vec::new();
    }
    let size = desired.stack.storage.size;
    let all = claims(desired, live, state);
    let of = |keep: &dyn Fn(&Claim) -> bool| -> Vec<&(usize, &Claim)> {
        all.iter().filter(|(_, claim)| keep(claim)).collect()
    };
    let stuck = of(&|claim| is_small(claim, size) && !may_grow(live, claim));
    let large = of(&|claim| claim.requested.is_some_and(|has| has > size));
    let grow = (!stuck.is_empty()).then(|| cannot_grow(desired, size, &stuck));
    let shrink = (!large.is_empty()).then(|| cannot_shrink(desired, size, &large));
    grow.into_iter().chain(shrink).collect()
}

fn cannot_grow(desired: &Desired, size: Quantity, stuck: &[&(usize, &Claim)]) -> Blocked {
    let classes: BTreeSet<String> = stuck
        .iter()
        .map(|(_, claim)| match &claim.class {
            Some(class) if !class.is_empty() => format!("StorageClass `{class}` does not let volumes grow"),
            _ => "claims without a StorageClass do not grow".to_owned(),
        })
        .collect();
    let classes: Vec<String> = classes.into_iter().collect();
    let reason = format!(
        "`storage.size` is {size}, and {}: {}",
        listed(stuck, |claim| claim.capacity.or(claim.requested)),
        classes.join("; ")
    );
    let help = "set `allowVolumeExpansion` on the class, if its driver can; or put the old size back";
    sized(Blocked::new("plan::volume_cannot_grow", reason, with_replace(desired, help, stuck)))
}

fn cannot_shrink(desired: &Desired, size: Quantity, large: &[&(usize, &Claim)]) -> Blocked {
    let reason = format!(
        "`storage.size` is {size}, and {}: a volume never becomes smaller",
        listed(large, |claim| claim.requested)
    );
    sized(Blocked::new(
        "plan::volume_cannot_shrink",
        reason,
        with_replace(desired, "put the old size back", large),
    ))
}

/// Claims with their sizes: `claim data-orders-0 has 8Gi`.
fn listed(claims: &[&(usize, &Claim)], size: impl Fn(&Claim) -> Option<Quantity>) -> String {
    let one = |(_, claim): &&(usize, &Claim)| {
        let size = size(claim).map_or("an unknown size".to_owned(), |size| size.to_string());
        format!("claim `{}` has {size}", claim.name)
    };
    claims.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A member that joins anew gets a volume as the file says; of a single one no
/// copy exists.
fn with_replace(desired: &Desired, help: &str, claims: &[&(usize, &Claim)]) -> String {
    if desired.stack.members < 2 {
        return help.to_owned();
    }
    let flags: Vec<String> =
        claims.iter().map(|(ordinal, _)| format!("--replace {}", desired.names.member(*ordinal))).collect();
    format!("{help}; or let each of these members join anew on a new volume: `{}`", flags.join(" "))
}

fn sized(blocked: Blocked) -> Blocked {
    Blocked { key: Some("storage.size".into()), ..blocked }
}

/// Adds the claims that grow, and says of those that do not.
pub fn tell(
    desired: &Desired,
    live: &Live,
    state: Option<&State>,
    changes: &mut Vec<Change>,
    warnings: &mut Vec<String>,
) {
    let Some(state) = state else { return };
    changes.extend(growing(desired, live, &state.small));
    warnings.extend(unlike_the_file(desired, live, state));
}

/// What stays as it is though the file says otherwise: every plan says so, for
/// as long as it is true.
fn unlike_the_file(desired: &Desired, live: &Live, state: &State) -> Vec<String> {
    let storage = &desired.stack.storage;
    let replace =
        |ordinal: usize| format!("`--replace {}` gives it a new one", desired.names.member(ordinal));
    let mut all = Vec::new();
    for (ordinal, claim) in claims(desired, live, state) {
        if let (Some(wanted), Some(has)) = (&storage.class, &claim.class)
            && wanted != has
        {
            all.push(format!(
                "claim `{}` keeps its StorageClass `{has}`, and the stack file says `{wanted}`: {}",
                claim.name,
                replace(ordinal)
            ));
        }
        if is_small(claim, storage.size) && !may_grow(live, claim) && !is_resized(desired, live) {
            all.push(format!(
                "claim `{}` has {}, less than `storage.size`, and cannot grow: {}",
                claim.name,
                claim.capacity.or(claim.requested).unwrap_or(Quantity::ZERO),
                replace(ordinal)
            ));
        }
    }
    all
}

/// The claims that grow, as changes to look at.
fn growing(desired: &Desired, live: &Live, small: &BTreeSet<usize>) -> Vec<Change> {
    let wanted = desired.stack.storage.size;
    let change = |ordinal: &usize| {
        let key = desired.names.claim(*ordinal);
        let has = live.claim(&key.name)?.requested?;
        let body = |size: Quantity| json!({ "spec": { "resources": { "requests": { "storage": size } } } });
        let field = FieldChange {
            path: "spec.resources.requests.storage".to_owned(),
            before: Some(json!(has)),
            after: Some(json!(wanted)),
            source: Source::Stack,
        };
        Some(Change {
            key,
            verb: Verb::Update,
            confidence: Confidence::Predicted,
            before: Some(body(has)),
            after: body(wanted),
            wanted: body(wanted),
            adopting: Vec::new(),
            fields: Some(field).filter(|_| has < wanted).into_iter().collect(),
            notes: Vec::new(),
        })
    };
    small.iter().filter_map(change).collect()
}

/// What happens to the volumes of members that leave, where they stay.
pub fn left_behind(desired: &Desired, moves: &[(State, Move, State)]) -> Option<String> {
    let kept = moves.iter().filter_map(|(_, one, after)| match one {
        Move::Retire(ordinal) if !after.delete_claims && after.claims.contains_key(ordinal) => {
            Some(desired.names.claim(*ordinal).name)
        }
        _ => None,
    });
    let kept: Vec<String> = kept.collect();
    (!kept.is_empty()).then(|| {
        format!(
            "the volumes of members that leave stay ({}): nobody uses them again, and growing deletes them first; \
             `storage.on_scale_down = \"delete\"` deletes them now",
            kept.join(", ")
        )
    })
}
