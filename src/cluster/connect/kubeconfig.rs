//! Finds kubeconfigs as kubectl does, reads them, and chooses a context.
//!
//! A kubeconfig holds tokens and keys. Errors name the file, the place and the
//! reason, and quote nothing of what stands there.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use kube::config::{Kubeconfig, KubeconfigError};

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

/// The files of a list in one. The first that names something decides on it.
fn merged(paths: &OsStr) -> Result<Kubeconfig, Error> {
    let paths = std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty());
    paths.collect::<Vec<PathBuf>>().iter().try_fold(Kubeconfig::default(), |merged, path| {
        let next = Kubeconfig::read_from(path).map_err(|error| broken(path, &error))?;
        merged.merge(next).map_err(|error| broken(path, &error))
    })
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
