//! `plan`: one file, or many side by side with a summary.

use std::path::{Path, PathBuf};

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{
    arguments::{Global, Plan as Arguments},
    exit::Exit,
    observe::{self, Planned},
    output::Output,
    stacks::{self, Loaded},
};
use crate::{
    cluster,
    plan::Plan,
    render::{self, View},
};

/// Makes a plan for each file.
pub async fn plan(arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    let files = match stacks::files(&arguments.files, output) {
        Ok(files) => files,
        Err(exit) => return exit,
    };
    match (files.as_slice(), arguments.files.as_slice()) {
        // A folder gives many plans even while it holds one file: what reads
        // the JSON must not depend on how many there are.
        ([file], [named]) if file == named => single(file, arguments, global, output).await,
        _ => many(files, arguments, global, output).await,
    }
}

async fn single(file: &Path, arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    let (loaded, planned) = match one(file, global, output).await {
        Ok(made) => made,
        Err(Failed::File(exit)) => return exit,
        Err(Failed::Cluster(error)) => return output.cluster_error(&error),
    };
    let plan = &planned.plan;
    let text = if arguments.json {
        format!("{:#}\n", render::json(plan, &loaded.file))
    } else {
        render::plan(plan, view(&loaded.file, global), output.answer)
    };
    output.answer(&text).worse(exit(plan, arguments.detailed_exitcode))
}

fn view<'a>(file: &'a str, global: &Global) -> View<'a> {
    View { file, verbose: global.verbose, hint: !super::automated() }
}

/// A file and its plan, or how it failed.
type Made = Result<(Loaded, Planned), Failed>;

/// Why a file has no plan.
enum Failed {
    /// It cannot be used; why was said.
    File(Exit),
    /// The API server could not be asked.
    Cluster(cluster::Error),
}

impl Failed {
    fn reason(&self) -> String {
        match self {
            Failed::File(_) => "the file cannot be used, see above".to_owned(),
            Failed::Cluster(error) => error.to_string(),
        }
    }
}

async fn one(file: &Path, global: &Global, output: &Output) -> Made {
    let loaded = stacks::load(file, output).map_err(Failed::File)?;
    let cluster = observe::connect(global, &loaded.checked.stack).await.map_err(Failed::Cluster)?;
    let planned = observe::observe(&cluster.reader(), &loaded.checked.stack).await;
    planned.map(|planned| (loaded, planned)).map_err(Failed::Cluster)
}

async fn many(files: Vec<PathBuf>, arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    let side_by_side = usize::from(arguments.parallelism);
    let mut made: Vec<(String, Made)> = stream::iter(files)
        .map(|file| async move {
            let made = one(&file, global, output).await;
            let file = file.display().to_string();
            if let Err(Failed::Cluster(error)) = &made {
                output.error(&format!("{file}: {error}"), error.help());
            }
            (file, made)
        })
        .buffer_unordered(side_by_side)
        .collect()
        .await;
    made.sort_by(|a, b| a.0.cmp(&b.0));
    let ends = made.iter().map(|(_, made)| match made {
        Ok((_, planned)) => exit(&planned.plan, arguments.detailed_exitcode),
        Err(Failed::File(exit)) => *exit,
        Err(Failed::Cluster(_)) => Exit::Error,
    });
    let ended = ends.fold(Exit::Success, Exit::worse);
    let text = if arguments.json { programs(&made) } else { people(&made, global, output) };
    ended.worse(output.answer(&text))
}

fn programs(made: &[(String, Made)]) -> String {
    let one = |(file, made): &(String, Made)| match made {
        Ok((_, planned)) => render::json(&planned.plan, file),
        Err(failed) => render::json_without_plan(file, &failed.reason()),
    };
    format!("{:#}\n", json!(made.iter().map(one).collect::<Vec<Value>>()))
}

fn people(made: &[(String, Made)], global: &Global, output: &Output) -> String {
    let plans = made.iter().filter_map(|(file, made)| Some((file, &made.as_ref().ok()?.1.plan)));
    let mut text: String = plans
        .map(|(file, plan)| format!("{}\n", render::plan(plan, view(file, global), output.answer)))
        .collect();
    let rows: Vec<(&str, Result<&Plan, String>)> = made
        .iter()
        .map(|(file, made)| {
            (file.as_str(), made.as_ref().map(|(_, planned)| &planned.plan).map_err(Failed::reason))
        })
        .collect();
    text.push_str(&render::summary(&rows, output.answer));
    text
}

/// What a plan ends with.
pub fn exit(plan: &Plan, detailed: bool) -> Exit {
    if !plan.unread.is_empty() {
        Exit::Error
    } else if !plan.blocked.is_empty() {
        Exit::Blocked
    } else if detailed && !plan.is_empty() {
        Exit::Changes
    } else {
        Exit::Success
    }
}
