//! Where snapshots go when nobody says.

use std::{ffi::OsString, path::PathBuf};

/// The folder below the user's state: `$XDG_STATE_HOME`, else `~/.local/state`.
/// None where there is no home.
pub fn default_folder() -> Option<PathBuf> {
    below(std::env::var_os("XDG_STATE_HOME"), std::env::home_dir())
}

/// A relative path counts as none, and so does an empty one.
/// <https://specifications.freedesktop.org/basedir-spec/latest/>
fn below(state: Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let state = state.map(PathBuf::from).filter(absolute);
    let state = state.or_else(|| Some(home.filter(absolute)?.join(".local/state")))?;
    Some(state.join("etcdctl-stack/snapshots"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_folder_counts_when_it_is_absolute_else_the_home() {
        let folder = |state: Option<&str>, home: Option<&str>| {
            let folder = below(state.map(OsString::from), home.map(PathBuf::from));
            folder.map(|folder| folder.display().to_string())
        };
        let home = Some("/home/ann/.local/state/etcdctl-stack/snapshots".to_owned());
        let table = [
            (folder(Some("/state"), Some("/home/ann")), Some("/state/etcdctl-stack/snapshots".to_owned())),
            (folder(None, Some("/home/ann")), home.clone()),
            (folder(Some(""), Some("/home/ann")), home.clone()),
            (folder(Some("state"), Some("/home/ann")), home),
            (folder(None, None), None),
            (folder(Some("state"), Some("")), None),
        ];
        for (is, wanted) in table {
            assert_eq!(is, wanted);
        }
    }
}
