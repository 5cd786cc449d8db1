//! `plan --drift`: what others changed since the last apply.

use std::path::{Path, PathBuf};

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{
    arguments::{Format, Global, Plan as Arguments},
    clock,
    exit::Exit,
    output::Output,
    stacks::{self, Loaded},
};
use crate::{
    cluster,
    observe::observe,
    plan::{self, Drift, Intent},
    render,
    report::{LastApply, last_apply},
    stack::parse_and_check,
};

/// Tells the drift of each file's stack. `as_list` says whether JSON is a list
/// even of one.
pub async fn drift(
    files: Vec<PathBuf>,
    as_list: bool,
    arguments: &Arguments,
    global: &Global,
    output: &Output,
) -> Exit {
    let one = async |file: PathBuf| {
        let name = file.display().to_string();
        let found = of(&file, global, output).await;
        (name, found)
    };
    let parallel = usize::from(arguments.parallelism);
    let mut all: Vec<(String, Result<Found, Value>)> =
        stream::iter(files).map(one).buffer_unordered(parallel).collect().await;
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let exit = all.iter().map(|(_, found)| ended(found)).fold(Exit::Success, Exit::worse);
    let text = if arguments.printed.format() == Format::Json {
        let mut values: Vec<Value> = all.iter().map(for_programs).collect();
        let value = if as_list { json!(values) } else { values.pop().unwrap_or_default() };
        format!("{value:#}\n")
    } else {
        let shown = all.iter().filter_map(|(_, found)| found.as_ref().ok());
        shown.map(|found| render::drift(&found.stack, &found.since, &found.drift, output.answer)).collect()
    };
    exit.worse(output.answer(&text))
}

/// The drift of one stack.
struct Found {
    stack: String,
    since: LastApply,
    drift: Drift,
}

/// The drift of one file's stack. Why there is none to tell is printed, and
/// returned in the shape of a finding.
async fn of(file: &Path, global: &Global, output: &Output) -> Result<Found, Value> {
    let loaded = stacks::open(file, output).map_err(|findings| json!(findings))?;
    let stopped = |reason: &str, help: Option<&str>| {
        output.error(&format!("{}: {reason}", loaded.file), help);
        json!([{ "severity": "error", "code": "plan::no_drift", "summary": reason, "detail": help }])
    };
    let failed = |error: cluster::Error| stopped(&error.to_string(), error.help());
    let reader = loaded.connect(global).await.map_err(failed)?.reader();
    let journal = reader.journal(&loaded.names()).await.map_err(failed)?;
    let since = last_apply(&journal).map_err(|(reason, help)| stopped(&reason, Some(help)))?;
    if since.destroyed {
        return Ok(Found { stack: loaded.names().stack, since, drift: Drift::default() });
    }
    let applied = applied(&loaded, &since)
        .map_err(|reason| stopped(&reason, Some("`plan` compares with the stack file alone")))?;
    // What an unfinished run was asked for is no matter here.
    let intent = Intent { abandon: true, ..Intent::default() };
    let planned = observe(&reader, &applied.checked.stack, &intent, clock::now()).await.map_err(failed)?;
    let drift = plan::drift(&planned.desired, &planned.observed, since.finished_at);
    Ok(Found { stack: loaded.names().stack, since, drift })
}

/// The stack as it was applied.
fn applied(loaded: &Loaded, since: &LastApply) -> Result<Loaded, String> {
    let text = since.stack.clone();
    match parse_and_check(&loaded.file, &text) {
        Ok(checked) => Ok(Loaded { file: loaded.file.clone(), text, checked }),
        Err(findings) => Err(format!("the stack file of the last apply is none to this version: {findings}")),
    }
}

fn ended(found: &Result<Found, Value>) -> Exit {
    match found {
        Ok(Found { drift, .. }) if !drift.unread.is_empty() => Exit::Error,
        Ok(Found { drift, .. }) if drift.is_none() => Exit::Success,
        Ok(_) => Exit::Changes,
        Err(_) => Exit::Error,
    }
}

fn for_programs((file, found): &(String, Result<Found, Value>)) -> Value {
    match found {
        Ok(Found { stack, since, drift }) => render::drift_json(file, stack, since, drift),
        Err(findings) => render::json_without_drift(file, findings.as_array().map_or(&[], Vec::as_slice)),
    }
}
