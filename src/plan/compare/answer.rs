//! What the API server says of each object, and what follows from it.

use serde_json::Value;

use super::{Comparison, Given};
use crate::{
    object::Object,
    observed::{Conflict, Lookup, Proposal},
    plan::{Confidence, ownership},
};

impl Comparison {
    /// The object as it would be stored, and how sure that is; `None` once a
    /// refusal is noted.
    pub(super) fn proposal(&mut self, given: Given<'_>, object: &Object) -> Option<(Confidence, Value)> {
        match given.observed.proposals.get(&object.key) {
            None => Some((Confidence::Predicted, object.body.clone())),
            Some(proposal) => self.proposed(given, object, proposal),
        }
    }

    fn proposed(
        &mut self,
        given: Given<'_>,
        object: &Object,
        proposal: &Proposal,
    ) -> Option<(Confidence, Value)> {
        let Given { observed, intended, .. } = given;
        let key = &object.key;
        match proposal {
            Proposal::Accepted { object, warnings } => {
                self.warnings.extend(warnings.iter().map(|warning| format!("`{key}`: {warning}")));
                return Some((Confidence::Verified, object.body.clone()));
            }
            Proposal::NamespaceMissing => return Some((Confidence::Predicted, object.body.clone())),
            Proposal::Conflict { conflicts, forced } => {
                let open: Vec<&Conflict> =
                    conflicts.iter().filter(|one| !ownership::is_taken(&intended.take, key, one)).collect();
                if open.is_empty() {
                    return self.proposed(given, object, forced);
                }
                let live = observed.live.objects.get(key).and_then(Lookup::found);
                let cards = open.iter().map(|one| ownership::card(key, Some(object), live, one));
                self.blocked.extend(cards);
            }
            Proposal::Exists => {}
            Proposal::Rejected { message, fields } => self.rejected(object, message, fields),
            Proposal::Failed(reason) => self.unread.push(format!("`{key}` cannot be checked: {reason}")),
        }
        None
    }

    fn rejected(&mut self, object: &Object, message: &str, fields: &[String]) {
        let key = &object.key;
        let help = "change the stack file so that the server accepts it, or undo with kubectl what somebody else set";
        let fields = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
        self.stop("plan::refused", format!("the API server refuses `{key}`{fields}: {message}"), help);
    }
}
