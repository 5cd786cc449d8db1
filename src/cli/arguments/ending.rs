//! `destroy` and `forget` are applies of another plan: the same approval, lock,
//! journal and signals.

use super::{Apply, Destroy, Forget, Intents, intents::Allowed};
use crate::observed::journal::Ending;

impl From<Destroy> for Apply {
    fn from(typed: Destroy) -> Self {
        let Destroy { file, how, delete, skip_snapshot, abandon, allowed } = typed;
        let allowed = Allowed { deletion: allowed, ..Allowed::default() };
        let end = Some(Ending::Destroy);
        Apply {
            file,
            how,
            intents: Intents { end, delete, skip_snapshot, abandon, allowed, ..Intents::default() },
        }
    }
}

impl From<Forget> for Apply {
    fn from(Forget { file, how, abandon }: Forget) -> Self {
        let end = Some(Ending::Forget);
        Apply { file, how, intents: Intents { end, abandon, ..Intents::default() } }
    }
}
