//! Who may import whom, as a table, and what the pure modules may not name.
//!
//! Reads the source text. A path counts wherever `crate::` stands in front of
//! it, in a `use` or in the middle of a line.

use std::{collections::BTreeSet, fs, path::Path};

const WORDS: &[&str] =
    &["object", "member", "quantity", "certificate", "version", "last_words", "field", "canonical"];

/// Each module and the modules it may name besides the words; in the order of
/// the pipeline.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("stack", &[]),
    ("desired", &["stack"]),
    ("observed", &[]),
    ("plan", &["desired", "observed"]),
    // What `status` tells is decided from the same values as a plan.
    ("report", &["plan", "desired", "observed"]),
    ("cluster", &["observed", "desired", "pki"]),
    ("etcd", &[]),
    ("pki", &[]),
    ("dial", &["cluster", "desired", "etcd"]),
    ("snapshot", &["etcd"]),
    ("observe", &["stack", "desired", "observed", "plan", "cluster", "etcd", "dial"]),
    ("execute", &["plan", "report", "desired", "observed", "cluster", "etcd", "pki", "dial", "snapshot"]),
    ("saved", &["plan", "report", "observed"]),
    ("recording", &["observed"]),
    ("render", &["plan", "report", "saved"]),
    ("comment", &["plan", "report", "saved", "render"]),
    ("forge", &["comment"]),
];

/// Modules that may not name all of the words.
const WORDS_NAMED_BY: &[(&str, &[&str])] = &[
    ("object", &["quantity", "version"]),
    ("member", &["quantity", "version"]),
    ("quantity", &[]),
    ("certificate", &[]),
    ("version", &[]),
    ("last_words", &[]),
    ("canonical", &[]),
    ("field", &["object"]),
    ("stack", &["quantity", "version", "field", "object"]),
    ("etcd", &["member", "version"]),
    ("pki", &["certificate"]),
];

const PURE: &[&str] = &[
    "object",
    "member",
    "quantity",
    "certificate",
    "version",
    "last_words",
    "canonical",
    "field",
    "stack",
    "desired",
    "observed",
    "plan",
    "report",
    "saved",
    "recording",
    "comment",
];

/// What a pure module may not name: clients, files, environment, clock, chance.
const IMPURE: &[&str] = &[
    "kube::",
    "tokio::",
    "tonic::",
    "rcgen::",
    "std::fs",
    "std::env",
    "std::process",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "async fn",
    "rand::",
];

#[test]
fn modules_import_only_what_the_table_allows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for module in WORDS.iter().copied().chain(MAY_IMPORT.iter().map(|row| row.0)) {
        let allowed = allowed(module);
        let files = sources(&src, module);
        assert!(!files.is_empty(), "the table names `{module}`, which does not exist");
        for (file, text) in files {
            for name in crate_paths(&text) {
                if name != module && !allowed.contains(name.as_str()) {
                    wrong.push(format!("{file}: `{module}` must not import `{name}`"));
                }
            }
            if PURE.contains(&module) {
                wrong.extend(
                    IMPURE
                        .iter()
                        .filter(|word| text.contains(**word))
                        .map(|word| format!("{file}: `{module}` is pure but names `{word}`")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_row() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
    let declared: BTreeSet<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let ruled: BTreeSet<&str> =
        WORDS.iter().copied().chain(MAY_IMPORT.iter().map(|row| row.0)).chain(["cli"]).collect();
    assert_eq!(declared, ruled);
}

fn allowed(module: &str) -> BTreeSet<&'static str> {
    let words = WORDS_NAMED_BY.iter().find(|row| row.0 == module).map_or(WORDS, |row| row.1);
    let rest = MAY_IMPORT.iter().find(|row| row.0 == module).map_or(&[][..], |row| row.1);
    words.iter().chain(rest).copied().collect()
}

fn sources(src: &Path, module: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut todo = vec![src.join(format!("{module}.rs")), src.join(module)];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).expect("readable").map(|entry| entry.expect("readable").path()));
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path.strip_prefix(src).expect("below src").display().to_string(), text));
        }
    }
    found
}

/// The first segment of every `crate::x` and of `crate::{a::b, c}`.
fn crate_paths(text: &str) -> BTreeSet<String> {
    let ident = |s: &str| -> String {
        s.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(ident(rest));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(ident(&item));
                    item.clear();
                    continue;
                }
                _ => {}
            }
            item.push(c);
        }
        names.insert(ident(&item));
    }
    // After the comma that ends a list over several lines.
    names.remove("");
    names
}
