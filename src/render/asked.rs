//! What was asked for beside the stack file, as the flags that ask for it
//! again.

use super::style::quoted;
use crate::plan::Intent;

/// The flags, to be copied. What becomes of the stack as a whole is not among
/// them: it is another command.
pub fn asked(intent: &Intent) -> Vec<String> {
    let Intent { replace, restart, remove, take, adopt, end: _, delete, skip_snapshot, abandon } = intent;
    let flag = |name: &str, given: bool| given.then(|| name.to_owned());
    let mut flags: Vec<String> = replace.iter().map(|name| format!("--replace {}", quoted(name))).collect();
    flags.extend(flag("--restart", *restart));
    flags.extend(remove.iter().map(|id| format!("--remove {id}")));
    flags.extend(take.iter().map(|taken| format!("--take {}", quoted(&taken.to_string()))));
    flags.extend(adopt.iter().map(|named| format!("--adopt {}", quoted(&named.to_string()))));
    let delete: Vec<String> = delete.iter().map(ToString::to_string).collect();
    flags.extend((!delete.is_empty()).then(|| format!("--delete {}", quoted(&delete.join(",")))));
    flags.extend(flag("--skip-snapshot", *skip_snapshot));
    flags.extend(flag("--abandon", *abandon));
    flags
}
