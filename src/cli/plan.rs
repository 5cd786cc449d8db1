//! `plan`: one file, or many side by side with a summary.

use std::path::{Path, PathBuf};

use futures::{StreamExt, stream};

use super::{
    arguments::{Global, Plan as Arguments},
    exit::Exit,
    observe::{self, Planned},
    output::Output,
    stacks::{self, Loaded},
};
use crate::{
    plan::Plan,
    render::{self, counting_line},
};

/// Makes a plan for each file.
pub async fn plan(arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    let files = match stacks::files(&arguments.files, output) {
        Ok(files) => files,
        Err(exit) => return exit,
    };
    if let [file] = files.as_slice() {
        return match one(file, global, output).await {
            Ok((loaded, planned)) => {
                let text = text(arguments, &planned.plan, &loaded.file, output, global);
                output.answer(&text).worse(exit(&planned.plan, arguments.detailed_exitcode))
            }
            Err(exit) => exit,
        };
    }
    many(files, arguments, global, output).await
}

/// A file and its plan, or how it failed.
type Made = Result<(Loaded, Planned), Exit>;

async fn one(file: &Path, global: &Global, output: &Output) -> Made {
    let loaded = stacks::load(file, output)?;
    let planned = async {
        let cluster = observe::connect(global, &loaded.checked.stack).await?;
        observe::observe(&cluster.reader(), &loaded.checked.stack).await
    };
    match planned.await {
        Ok(planned) => Ok((loaded, planned)),
        Err(error) => {
            let _printed = output.cluster_error(&error);
            Err(Exit::Error)
        }
    }
}

async fn many(files: Vec<PathBuf>, arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    let side_by_side = usize::from(arguments.parallelism);
    let mut made: Vec<(PathBuf, Made)> = stream::iter(files)
        .map(|file| async move {
            let planned = one(&file, global, output).await;
            (file, planned)
        })
        .buffer_unordered(side_by_side)
        .collect()
        .await;
    made.sort_by(|a, b| a.0.cmp(&b.0));
    let mut ended = Exit::Success;
    let (mut text, mut all, mut summary) = (String::new(), Vec::new(), String::from("Summary\n"));
    for (file, planned) in &made {
        let line = match planned {
            Ok((loaded, planned)) => {
                ended = ended.worse(exit(&planned.plan, arguments.detailed_exitcode));
                if arguments.json {
                    all.push(render::json(&planned.plan));
                } else {
                    text.push_str(&render::plan(&planned.plan, &loaded.file, output.answer, global.verbose));
                    text.push('\n');
                }
                in_one_line(&planned.plan)
            }
            Err(failed) => {
                ended = ended.worse(*failed);
                "error, see above".to_owned()
            }
        };
        summary.push_str(&format!("  {}  {line}\n", file.display()));
    }
    let printed = if arguments.json {
        output.answer(&format!("{:#}\n", serde_json::json!(all)))
    } else {
        output.answer(&format!("{text}{summary}"))
    };
    ended.worse(printed)
}

fn in_one_line(plan: &Plan) -> String {
    if !plan.unread.is_empty() {
        "could not be read".to_owned()
    } else if !plan.blocked.is_empty() {
        format!("cannot be applied: {}", plan.blocked[0].reason)
    } else if plan.is_empty() {
        "no changes".to_owned()
    } else {
        counting_line(plan).trim_start_matches("Plan: ").to_owned()
    }
}

fn text(arguments: &Arguments, plan: &Plan, file: &str, output: &Output, global: &Global) -> String {
    if arguments.json {
        format!("{:#}\n", render::json(plan))
    } else {
        render::plan(plan, file, output.answer, global.verbose)
    }
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
