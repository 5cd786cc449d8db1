//! `check`, `schema`, `init`: what needs no cluster.

use std::{fs, io::Write, path::Path};

use serde_json::json;

use super::{
    arguments::{Check, Document, Init},
    exit::Exit,
    output::Output,
    stacks::{self, Wanted},
};
use crate::{
    render,
    stack::{self, Finding, parse_and_check},
};

/// Reports every mistake of every file.
pub fn check(arguments: &Check, output: &Output) -> Exit {
    let files = match stacks::files(&arguments.files, output) {
        Ok(files) => files,
        Err(exit) => return exit,
    };
    let mut exit = Exit::Success;
    let (mut all, mut text) = (Vec::new(), String::new());
    for path in files {
        let name = path.display().to_string();
        let content = match stacks::read(&path, Wanted::Stack, output) {
            Ok(content) => content,
            Err(finding) => {
                exit = Exit::Error;
                all.push(finding);
                continue;
            }
        };
        let (findings, verdict) = match parse_and_check(&name, &content) {
            Ok(checked) => (checked.warnings, "ok".to_owned()),
            Err(findings) => {
                exit = Exit::Error;
                let verdict = findings.to_string();
                (findings.all, verdict)
            }
        };
        text.push_str(&stacks::diagnostics(&findings, output.answer));
        text.push_str(&format!("{name}: {verdict}\n"));
        all.extend(findings.iter().map(|finding| json!(finding)));
    }
    let printed =
        if arguments.json { output.answer(&format!("{:#}\n", json!(all))) } else { output.answer(&text) };
    exit.worse(printed)
}

/// Prints a JSON Schema.
pub fn schema(of: Document, output: &Output) -> Exit {
    let schema = match of {
        Document::Stack => stack::schema(),
        Document::Plan => render::schema(),
        Document::Events => render::events_schema(),
    };
    output.answer(&format!("{schema:#}\n"))
}

/// Writes a starter file; never over one that is there.
pub fn init(arguments: &Init, output: &Output) -> Exit {
    let path = &arguments.file;
    let text = match starter(arguments) {
        Ok(text) => text,
        Err(reason) => {
            let help = "pass other names with --name and --namespace";
            return output.error(&format!("cannot make a stack file: {reason}"), Some(help));
        }
    };
    if to_stdout(path) {
        return output.answer(&text);
    }
    let written = fs::OpenOptions::new().write(true).create_new(true).open(path);
    match written.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => {
            let file = path.display();
            output.answer(&format!("Wrote `{file}`. Look at it, then: etcdctl-stack plan {file}\n"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => output.error(
            &format!("`{}` exists already", path.display()),
            Some("name another file; this one was not touched"),
        ),
        Err(error) => output.error(&format!("cannot write `{}`: {error}", path.display()), None),
    }
}

fn to_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// What is wrong with the names. A namespace that nobody gave is made from the
/// name, and wrong with it.
fn why(findings: &[Finding], name: &str, namespace_given: bool) -> String {
    let meant = |finding: &&Finding| namespace_given || finding.key != "stack.namespace";
    let one = |finding: &Finding| match finding.key.as_str() {
        "stack.name" => format!("{name:?} is not the name of a stack: {}", finding.label),
        _ => format!("{finding}: {}", finding.label),
    };
    let about_names: Vec<String> = findings.iter().filter(meant).map(one).collect();
    about_names.join("; ")
}

/// A stack file with the names that were asked for, or why they are no names.
fn starter(arguments: &Init) -> Result<String, String> {
    let Init { file, name, namespace } = arguments;
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = name.clone().or_else(|| stem.filter(|_| !to_stdout(file))).unwrap_or_else(|| "orders".into());
    let mut text = stack::starter(&name);
    if let Some(namespace) = namespace {
        let default = format!("namespace = \"etcd-{name}\"");
        text = text.replacen(&default, &format!("namespace = {namespace:?}"), 1);
    }
    match parse_and_check("the new file", &text) {
        Ok(_) => Ok(text),
        Err(findings) => Err(why(&findings.all, &name, namespace.is_some())),
    }
}
