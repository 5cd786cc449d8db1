//! What is there to be copied: identities for Kubernetes, workflows for forges.
//!
//! No cluster and no forge is reached; `tests/real/roles.rs` tries the
//! identities on a real API server.

#![expect(clippy::print_stdout, reason = "says what is left out")]

mod deploy;
mod scripts;
mod workflows;

use std::{fs, path::PathBuf};

use serde_json::Value;

/// A file of the repository.
fn read(path: &str) -> String {
    let whole = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&whole).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a YAML file.
fn documents(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A list of text.
fn strings(list: &Value) -> Vec<String> {
    let all = list.as_array().map_or(&[][..], Vec::as_slice);
    all.iter().map(|one| one.as_str().expect("text").to_owned()).collect()
}
