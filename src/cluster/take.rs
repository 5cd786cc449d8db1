//! Which fields may be taken from other managers: those that somebody asked for
//! by name, as a person writes them.
//!
//! ```text
//! the server    .spec.replicas   "kubectl" with subresource "scale" using apps/v1 at 2026-11-21T10:00:00Z
//! a person      spec.replicas    kubectl
//! ```

use crate::observed::Conflict;

/// Whether there are conflicts and every one of them is to be taken.
pub fn all_in(conflicts: &[Conflict], take: &[Conflict]) -> bool {
    !conflicts.is_empty() && conflicts.iter().all(|conflict| take.contains(&as_typed(conflict)))
}

fn as_typed(conflict: &Conflict) -> Conflict {
    let Conflict { field, manager } = conflict;
    let field = field.strip_prefix('.').unwrap_or(field);
    Conflict { field: field.to_owned(), manager: name(manager) }
}

/// The manager's name: it comes first, quoted as Go quotes. One that needs
/// escapes is left as it is, and matches nobody.
/// (`managedfields/internal/conflict.go` of `k8s.io/apimachinery`)
fn name(manager: &str) -> String {
    let quoted = manager.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    match quoted {
        Some((name, _)) if !name.contains('\\') => name.to_owned(),
        _ => manager.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict(field: &str, manager: &str) -> Conflict {
        Conflict { field: field.to_owned(), manager: manager.to_owned() }
    }

    #[test]
    fn the_servers_words_are_known_by_those_of_a_person() {
        let take = [conflict("spec.replicas", "kubectl")];
        for manager in [
            "\"kubectl\"",
            "\"kubectl\" using apps/v1",
            "\"kubectl\" with subresource \"scale\" using apps/v1",
            "\"kubectl\" with subresource \"scale\" using apps/v1 at 2026-11-21T10:00:00Z",
        ] {
            assert!(all_in(&[conflict(".spec.replicas", manager)], &take), "{manager}");
        }
    }

    #[test]
    fn another_field_or_manager_is_not_taken() {
        let take = [conflict("spec.replicas", "kubectl")];
        let replicas = conflict(".spec.replicas", "\"kubectl\"");
        for other in [
            conflict(".spec.replicas", "\"kubectl-edit\""),
            conflict(".spec.replicas", "\"kubectl\\\"\""),
            conflict(".spec.minReadySeconds", "\"kubectl\""),
            conflict("", "\"kubectl\""),
        ] {
            assert!(!all_in(&[replicas.clone(), other.clone()], &take), "{other:?}");
        }
        assert!(!all_in(&[], &take));
        assert!(!all_in(&[replicas], &[]));
    }
}
