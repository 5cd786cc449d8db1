//! Finds kubeconfigs as kubectl does, reads them, and chooses a context.
//!
//! A kubeconfig holds tokens and keys. Errors name the file, the place and the
//! reason, and quote nothing of what stands there.

use std::{ffi::OsStr, io::ErrorKind, path::Path};

use kube::config::{Context, Kubeconfig, KubeconfigError};

use super::{Connect, Error};

/// The kubeconfig; `None` when there is no file and this is a pod.
pub fn read(options: &Connect) -> Result<Option<Kubeconfig>, Error> {
    if let Some(path) = &options.kubeconfig {
        return Kubeconfig::read_from(path).map(Some).map_err(|error| broken(path, &error));
    }
    if let Some(paths) = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) {
        return merged(&paths).map(Some);
    }
    let home = std::env::home_dir().map(|home| home.join(".kube/config")).filter(|path| path.exists());
    match home {
        Some(path) => Kubeconfig::read_from(&path).map(Some).map_err(|error| broken(&path, &error)),
        None if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() => Ok(None),
        None => Err(nothing_found()),
    }
}

/// That there is nothing to read.
pub fn nothing_found() -> Error {
    Error::Kubeconfig(
        "no kubeconfig was found: KUBECONFIG is not set, ~/.kube/config does not exist, and this is no pod"
            .to_owned(),
    )
}

/// The files of a list in one. The first that names something decides on it,
/// and those that are not there are skipped.
/// <https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/>
fn merged(list: &OsStr) -> Result<Kubeconfig, Error> {
    let (mut merged, mut found) = (Kubeconfig::default(), false);
    for path in std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()) {
        let next = match Kubeconfig::read_from(&path) {
            Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == ErrorKind::NotFound => continue,
            read => read.map_err(|error| broken(&path, &error))?,
        };
        merged = merged.merge(next).map_err(|error| broken(&path, &error))?;
        found = true;
    }
    if found {
        return Ok(merged);
    }
    let list = list.to_string_lossy();
    Err(Error::Kubeconfig(format!("no file that KUBECONFIG names exists: `{list}`")))
}

/// The context to use: the one that is asked for, or the current one. What it
/// names must be there: without its user every request would be anonymous.
pub fn choose(kubeconfig: &Kubeconfig, wanted: Option<&str>) -> Result<String, Error> {
    let failed = |what: String| Err(Error::Kubeconfig(what));
    let names = kubeconfig.contexts.iter().map(|context| &context.name);
    let chosen = wanted.or(kubeconfig.current_context.as_deref()).filter(|name| !name.is_empty());
    let Some(name) = chosen else {
        return failed(format!("the kubeconfig has no current context; it has {}", listed(names)));
    };
    let Some(context) = kubeconfig.contexts.iter().find(|context| context.name == name) else {
        return failed(format!("the kubeconfig has no context `{name}`; it has {}", listed(names)));
    };
    let (cluster, user) = match &context.context {
        Some(Context { cluster, user, .. }) => (cluster.as_str(), user.as_deref().unwrap_or_default()),
        None => ("", ""),
    };
    if cluster.is_empty() {
        return failed(format!("context `{name}` names no cluster"));
    }
    let clusters = kubeconfig.clusters.iter().map(|cluster| &cluster.name);
    if clusters.clone().all(|known| known != cluster) {
        let known = listed(clusters);
        return failed(format!(
            "context `{name}` is for cluster `{cluster}`, and the kubeconfig has {known}"
        ));
    }
    let users = kubeconfig.auth_infos.iter().map(|user| &user.name);
    if !user.is_empty() && users.clone().all(|known| known != user) {
        let known = listed(users);
        return failed(format!("context `{name}` is for user `{user}`, and the kubeconfig has {known}"));
    }
    Ok(name.to_owned())
}

fn listed<'n>(names: impl Iterator<Item = &'n String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn broken(path: &Path, error: &KubeconfigError) -> Error {
    Error::Kubeconfig(format!("the kubeconfig `{}` cannot be read: {}", path.display(), reason(error)))
}

/// The reason without a word of the file.
pub fn reason(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        KubeconfigError::Parse(error) => {
            let words = unquoted(&error.without_snippet().to_string()).to_owned();
            match error.location() {
                Some(place) => format!("line {}, column {}: {words}", place.line(), place.column()),
                None => words,
            }
        }
        other => other.to_string(),
    }
}

/// A parser's words, up to where it may begin to quote.
fn unquoted(words: &str) -> &str {
    let end = words.find([':', '"', '\'', '`', '[']).or_else(|| words.find(" at line "));
    words[..end.unwrap_or(words.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
contexts:
- {name: good, context: {cluster: here, user: me}}
- {name: certificate, context: {cluster: here}}
- {name: stranger, context: {cluster: here, user: you}}
- {name: nowhere, context: {cluster: there, user: me}}
- {name: empty}
clusters: [{name: here, cluster: {server: 'https://here.invalid'}}]
users: [{name: me, user: {}}]
";

    #[test]
    fn what_a_context_names_must_be_there() {
        let kubeconfig = Kubeconfig::from_yaml(CONFIG).unwrap();
        let chosen = |name| choose(&kubeconfig, name).map_err(|error| error.to_string());
        let refused = |text: &str| Err(text.to_owned());
        let known = "`good`, `certificate`, `stranger`, `nowhere`, `empty`";
        let table = [
            (Some("good"), Ok("good".to_owned())),
            (Some("certificate"), Ok("certificate".to_owned())),
            (Some("stranger"), refused("context `stranger` is for user `you`, and the kubeconfig has `me`")),
            (
                Some("nowhere"),
                refused("context `nowhere` is for cluster `there`, and the kubeconfig has `here`"),
            ),
            (Some("empty"), refused("context `empty` names no cluster")),
            (Some("other"), refused(&format!("the kubeconfig has no context `other`; it has {known}"))),
            (None, refused(&format!("the kubeconfig has no current context; it has {known}"))),
        ];
        for (name, expected) in table {
            assert_eq!(chosen(name), expected);
        }
    }

    #[test]
    fn files_of_a_list_that_are_not_there_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("config");
        std::fs::write(&there, CONFIG).unwrap();
        let missing = folder.path().join("missing");
        let list = |paths: &[&Path]| merged(&std::env::join_paths(paths).unwrap());
        assert_eq!(list(&[&missing, &there]).unwrap().contexts.len(), 5);
        let error = list(&[&missing]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("no file that KUBECONFIG names exists: `{}`", missing.display())
        );
        let error = list(&[&there, folder.path()]).unwrap_err().to_string();
        assert!(error.contains("directory"), "{error}");
    }

    #[test]
    fn nothing_of_a_broken_file_is_quoted() {
        let files = [
            ("users: TOPSECRET\n", "line 1, column 8: expected sequence start"),
            ("users:\n- name: me\n  user: {token: TOPSECRET", "line 3, column 9: unclosed bracket"),
            ("users:\n- user: {token: [TOPSECRET]}\n", "line 2, column 17: expected string scalar"),
            ("users:\n- user: {TOPSECRET: 1, TOPSECRET: 2}\n", "line 2, column 24: duplicate mapping key"),
            ("users:\n- user: {token: *TOPSECRET}\n", "line 2, column 17: alias references unknown anchor"),
            (
                "users:\n- user: {token: \"TOP\\qSECRET\"}\n",
                "line 2, column 17: while parsing a quoted scalar, found unknown escape character",
            ),
            ("users:\n- user: {token: @TOPSECRET}\n", "line 2, column 17: unexpected character"),
            (
                "users:\n- user: {exec: {interactiveMode: \"TOP\\\"SECRET\"}}\n",
                "line 2, column 34: unknown variant",
            ),
        ];
        for (text, expected) in files {
            assert_eq!(reason(&Kubeconfig::from_yaml(text).unwrap_err()), expected, "{text}");
        }
    }
}
