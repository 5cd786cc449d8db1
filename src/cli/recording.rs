//! Recordings on disk: `record`, what an apply refreshes, and what `--against`
//! reads.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{
    arguments::{Global, Record},
    disk::{self, Readers},
    exit::Exit,
    output::Output,
    stacks::{self, Loaded},
};
use crate::{
    cluster::Cluster,
    observe::{Planned, look},
    plan::{Against, Intent},
    recording::Recording,
};

/// Writes down what is live of one file's stack.
pub async fn record(arguments: &Record, global: &Global, output: &Output) -> Exit {
    let loaded = match stacks::load(&arguments.file, output) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let cluster = match loaded.connect(global).await {
        Ok(cluster) => cluster,
        Err(error) => return output.cluster_error(&error),
    };
    let recording = match taken(&loaded, &cluster).await {
        Ok(recording) => recording,
        Err(reason) => return output.error(&format!("nothing was recorded: {reason}"), None),
    };
    let file = arguments.out.clone().unwrap_or_else(|| usual(&loaded));
    if file == Path::new("-") {
        return output.answer(&recording.text());
    }
    match written(&recording, &file) {
        Ok(what) => {
            output.say(&what);
            Exit::Success
        }
        Err((reason, help)) => output.error(&reason, Some(&help)),
    }
}

/// Writes down what an apply left: where that was asked for, or where it was
/// before. It is never what fails an apply.
pub async fn after_apply(loaded: &Loaded, cluster: &Cluster, asked: Option<&Path>, output: &Output) {
    let usual = usual(loaded);
    let file = match asked {
        Some(file) => file,
        None if usual.exists() => &usual,
        None => return,
    };
    let what = match taken(loaded, cluster).await {
        // A repository's own example, or the same stack on another cluster.
        Ok(recording) if asked.is_none() && is_of_another(file, &recording) => {
            Ok(format!("Not recorded: {} is of another cluster or namespace.", file.display()))
        }
        Ok(recording) => written(&recording, file).map_err(|(reason, help)| format!("{reason}; {help}")),
        Err(reason) => Err(format!("`{}` is as it was: {reason}", file.display())),
    };
    match what {
        Ok(what) => output.say(&what),
        Err(reason) => output.say(&output.progress.wrap("warning: ", 2, &reason)),
    }
}

/// Where a stack is recorded, seen from where one works.
fn usual(loaded: &Loaded) -> PathBuf {
    Path::new("state").join(file_name(loaded))
}

fn file_name(loaded: &Loaded) -> String {
    format!("{}.json", loaded.checked.stack.name)
}

/// What is live, or what of it could not be read.
async fn taken(loaded: &Loaded, cluster: &Cluster) -> Result<Recording, String> {
    let stack = &loaded.checked.stack;
    let found = look(&cluster.reader(), stack).await;
    let (live, members) = found.map_err(|error| error.to_string())?;
    Recording::of(&stack.name, &stack.namespace, &live, &members).map_err(|unread| unread.join("; "))
}

/// Writes a recording over an older one of the same stack and cluster, and over
/// nothing else. Says what it did, or why it did not and what to do.
fn written(recording: &Recording, file: &Path) -> Result<String, (String, String)> {
    let shown = file.display();
    let text = recording.text();
    let kept = |why: &str, help: &str| Err((format!("`{shown}` was not written: {why}"), help.to_owned()));
    match fs::read_to_string(file) {
        Ok(before) if before == text => return Ok(format!("Recorded: {shown} is as it was.")),
        Ok(before) => match Recording::read(&before) {
            Ok(before) if is_of_the_same(&before, recording) => {}
            Ok(before) => {
                let why = format!("it is of stack `{}` in another namespace or cluster", before.stack);
                return kept(&why, "name another file, or remove this one");
            }
            Err(_) if before.trim().is_empty() => {}
            Err(why) => return kept(&why.to_string(), "name another file, or remove this one"),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return kept(&error.to_string(), "name another file"),
    }
    match disk::make_folder(file).and_then(|()| disk::write(file, &text, Readers::All)) {
        Ok(()) => Ok(format!("Recorded: {shown}.")),
        Err(error) => kept(&error.to_string(), "name another file"),
    }
}

fn is_of_another(file: &Path, recording: &Recording) -> bool {
    let before = fs::read_to_string(file).ok().and_then(|text| Recording::read(&text).ok());
    before.is_some_and(|before| !is_of_the_same(&before, recording))
}

fn is_of_the_same(one: &Recording, other: &Recording) -> bool {
    let same = |one: &Recording| (one.stack.clone(), one.namespace.clone(), one.cluster_uid.clone());
    same(one) == same(other)
}

/// The plan of a stack against a recording, which is a file or in a folder
/// under the stack's name. Why there is none is printed, and returned.
pub fn plan(loaded: &Loaded, path: &Path, intent: &Intent, output: &Output) -> Result<Planned, String> {
    let file = if path.is_dir() { path.join(file_name(loaded)) } else { path.to_owned() };
    let recording = read(loaded, &file).map_err(|(reason, help)| {
        output.error(&reason, Some(&help));
        reason
    })?;
    let against = Against { file: file.display().to_string(), applied_at: recording.applied_at() };
    Ok(loaded.plan_offline(recording.observed(), intent, against))
}

fn read(loaded: &Loaded, file: &Path) -> Result<Recording, (String, String)> {
    let shown = file.display();
    let write_it = || format!("`etcdctl-stack record {}` writes one, from the cluster", loaded.file);
    let text = fs::read_to_string(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => (format!("there is no recording `{shown}`"), write_it()),
        _ => (format!("cannot read `{shown}`: {error}"), write_it()),
    })?;
    let unusable =
        |why: String, help: &str| (format!("cannot plan against `{shown}`: {why}"), help.to_owned());
    let recording = Recording::read(&text).map_err(|why| unusable(why.to_string(), why.help()))?;
    let stack = &loaded.checked.stack;
    if (&recording.stack, &recording.namespace) != (&stack.name, &stack.namespace) {
        let why = format!(
            "it is of stack `{}` in namespace `{}`, and `{}` is stack `{}` in namespace `{}`",
            recording.stack, recording.namespace, loaded.file, stack.name, stack.namespace
        );
        return Err(unusable(why, "name the recording of this stack, or record it"));
    }
    Ok(recording)
}
