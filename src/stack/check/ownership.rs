//! `[ownership]`: fields to take from other managers, or to leave to them.

use std::collections::BTreeSet;

use crate::{
    field::Owned,
    stack::{
        Ownership,
        file::{FieldSection, OwnershipSection},
        finding::Finder,
    },
};

pub(super) fn ownership(section: OwnershipSection, f: &mut Finder) -> Ownership {
    let OwnershipSection { take, tolerate } = section;
    let take = fields("ownership.take", take.unwrap_or_default(), f);
    let tolerate = fields("ownership.tolerate", tolerate.unwrap_or_default(), f);
    for (index, one) in &tolerate {
        let key = format!("ownership.tolerate[{index}].field");
        if take.iter().any(|(_, other)| other == one) {
            f.error("stack::contradiction", &key, format!("`{}` cannot be both taken and left", one.field))
                .label("also under `ownership.take`");
        }
        if let Some(why) = one.needed() {
            f.error("stack::reserved", &key, format!("`{}` cannot be left to {}", one.field, one.manager))
                .label(why)
                .help("put their value into the stack file, or take the field back");
        }
    }
    let only = |all: Vec<(usize, Owned)>| all.into_iter().map(|(_, one)| one).collect::<BTreeSet<_>>();
    Ownership { take: only(take), tolerate: only(tolerate) }
}

/// The fields that are right, each with its place in the list.
fn fields(table: &str, all: Vec<FieldSection>, f: &mut Finder) -> Vec<(usize, Owned)> {
    let mut found = Vec::new();
    for (index, FieldSection { object, field, manager }) in all.into_iter().enumerate() {
        let (Some(object), Some(field), Some(manager)) = (object, field, manager) else { continue };
        match Owned::of(&object, &field, &manager) {
            Ok(one) => found.push((index, one)),
            Err(reason) => {
                f.error(
                    "stack::bad_text",
                    &format!("{table}[{index}].object"),
                    format!("`{object}` is no object"),
                )
                .label(reason)
                .help("kind and name, as the plan shows them: \"StatefulSet/orders\"");
            }
        }
    }
    found
}
