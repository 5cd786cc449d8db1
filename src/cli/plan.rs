//! `plan`: one file, or many side by side with a summary.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{
    arguments::{Format, Global, Intents, Plan as Arguments},
    clock, consent, document,
    exit::Exit,
    output::Output,
    recording,
    saved::{self, Out},
    stacks::{self, Loaded},
};
use crate::{
    cluster,
    observe::Planned,
    plan::{Intent, Plan},
    render::{self, About, Detail, Hint, View},
    report::{Permissions, Unfinished, unfinished},
    saved::{self as saved_plan, Content, Saved},
    stack::Stack,
};

/// Makes a plan for each file.
pub async fn plan(arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    let files = match stacks::files(&arguments.files, output) {
        Ok(files) => files,
        Err(exit) => return exit,
    };
    // A folder gives many plans even while it holds one file: what reads the
    // JSON must not depend on how many there are.
    let is_one = files == arguments.files && files.len() == 1;
    if arguments.drift && arguments.printed.format() == Format::Markdown {
        return output.error("`--drift` is told as text or as JSON", Some("leave out `--format markdown`"));
    }
    if arguments.drift {
        return super::drift::drift(files, !is_one, arguments, global, output).await;
    }
    match files.as_slice() {
        [file] if is_one => single(file, arguments, global, output).await,
        _ => match intents(arguments).of_one_stack() {
            Some(flag) => {
                let what = format!("{flag} is about one stack, and this plans several files or a folder");
                output.error(&what, Some("name the stack's file, and no other"))
            }
            None => many(files, arguments, global, output).await,
        },
    }
}

async fn single(file: &Path, arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    let loaded = stacks::open(file, output).map_err(Failed::File);
    let made = one(loaded, arguments, global, output).await;
    if let Err(Failed::Cluster(error)) = &made {
        output.cluster_error(error);
    }
    let file = file.display().to_string();
    let asked = Asked::of(arguments, global, arguments.out.clone().map(Out::File));
    if let Err(exit) = asked.save(&file, &made, output) {
        return exit;
    }
    let text = match (arguments.printed.format(), &made) {
        (Format::Json, _) => format!("{:#}\n", for_programs(&file, &made, &asked)),
        (Format::Markdown, _) => document::markdown(&[asked.saved(&file, &made)]),
        (Format::Text, Ok(made)) => asked.shown(&file, made, output),
        (Format::Text, Err(_)) => String::new(),
    };
    let printed = output.answer(&text);
    let Ok(made) = &made else { return Exit::Error.worse(printed) };
    let Made { loaded, planned, unfinished } = made;
    let names = loaded.names();
    let refuse = |what: &str, help: Option<&str>| output.error(what, help);
    match consent::is_of_the_plan(&asked.permissions, &planned.plan, &names, unfinished.as_ref(), refuse) {
        Ok(()) => ended(&Ok(made), &asked).worse(printed),
        Err(exit) => exit,
    }
}

/// What is asked for beside the files.
fn intents(arguments: &Arguments) -> Intents {
    arguments.end.of(&arguments.intents)
}

/// What was typed besides files.
struct Asked<'a> {
    global: &'a Global,
    detailed: bool,
    intent: Intent,
    permissions: Permissions,
    flags: Vec<String>,
    /// Where plans are saved.
    out: Option<Out>,
}

impl<'a> Asked<'a> {
    fn of(arguments: &Arguments, global: &'a Global, out: Option<Out>) -> Self {
        let (intents, detailed) = (intents(arguments), arguments.detailed_exitcode);
        let (intent, permissions, flags) = (intents.intent(), intents.permissions(), intents.flags());
        Asked { global, detailed, intent, permissions, flags, out }
    }

    /// The plan of a file, or why there is none, as it is saved.
    fn saved(&self, file: &str, made: &Result<Made, Failed>) -> Saved {
        let content = match made {
            Ok(made) => Content::Plan(Box::new(made.to_save(&self.intent))),
            Err(failed) => Content::NoPlan(failed.diagnostics()),
        };
        let (tool_version, made_at) = (env!("CARGO_PKG_VERSION").to_owned(), clock::now());
        Saved { tool_version, made_at, file: file.to_owned(), content }
    }

    /// Saves it where that was asked for.
    fn save(&self, file: &str, made: &Result<Made, Failed>, output: &Output) -> Result<(), Exit> {
        match &self.out {
            Some(out) => saved::write(&out.of(file), &self.saved(file, made), output),
            None => Ok(()),
        }
    }

    /// A saved plan as it is named to apply it: it does not say how to connect.
    fn saved_target(&self, path: &Path) -> String {
        let Global { context, kubeconfig, .. } = self.global;
        render::target(&path.display().to_string(), context.as_deref(), kubeconfig.as_deref())
    }

    fn about<'b>(&'b self, file: &'b str, made: &'b Made) -> About<'b> {
        About { file, permissions: &self.permissions, unfinished: made.unfinished.as_ref() }
    }

    /// A plan as a person reads it.
    fn shown(&self, file: &str, made: &Made, output: &Output) -> String {
        let target = made.loaded.target(self.global);
        let saved = self.out.as_ref().map(|out| self.saved_target(&out.of(file)));
        let whole_digest = !io::stdout().is_terminal();
        let hint = match &saved {
            Some(saved) => Hint::Saved { target: saved },
            None => Hint::File { whole_digest, target: &target, asked: &self.flags },
        };
        let hint = (!super::automated()).then_some(hint);
        let (about, detail) = (self.about(file, made), Detail::asked(self.global.verbose));
        render::plan(&made.planned.plan, View { about, detail, made_namespace: false, hint }, output.answer)
    }
}

/// A file and its plan.
struct Made {
    loaded: Loaded,
    planned: Planned,
    /// The run that it goes on with.
    unfinished: Option<Unfinished>,
}

impl Made {
    fn to_save(&self, intent: &Intent) -> saved_plan::Made {
        let journal = self.planned.observed.live.journal.found();
        saved_plan::Made {
            stack: self.loaded.text.clone(),
            intent: intent.clone(),
            plan: self.planned.plan.clone(),
            unfinished: self.unfinished.clone(),
            last_run: journal.and_then(|journal| journal.run.as_ref()).map(|run| run.started_at),
        }
    }
}

/// Why a file has no plan.
enum Failed {
    /// It cannot be used; why was said, and is this for programs.
    File(Vec<Value>),
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

    fn diagnostics(&self) -> Vec<Value> {
        match self {
            Failed::File(findings) => findings.clone(),
            Failed::Cluster(error) => vec![no_plan(&error.to_string())],
        }
    }
}

fn no_plan(reason: &str) -> Value {
    json!({ "severity": "error", "code": "plan::no_plan", "summary": reason, "detail": null })
}

async fn one(
    loaded: Result<Loaded, Failed>,
    arguments: &Arguments,
    global: &Global,
    output: &Output,
) -> Result<Made, Failed> {
    let loaded = loaded?;
    let intent = intents(arguments).intent();
    let planned = match &arguments.against.against {
        Some(path) => recording::plan(&loaded, path, &intent, output)
            .map_err(|reason| Failed::File(vec![no_plan(&reason)]))?,
        None => {
            let cluster = loaded.connect(global).await.map_err(Failed::Cluster)?;
            loaded.plan(&cluster, &intent).await.map_err(Failed::Cluster)?
        }
    };
    let unfinished = unfinished(&planned.plan, &planned.observed.live, clock::now());
    Ok(Made { loaded, planned, unfinished })
}

async fn many(files: Vec<PathBuf>, arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    let out = arguments.out.clone().map(Out::Folder);
    if let Some(Err(exit)) = out.as_ref().map(|out| out.is_good(&files, output)) {
        return exit;
    }
    let open = |file: PathBuf| (file.display().to_string(), stacks::open(&file, output));
    let opened: Vec<(String, Result<Loaded, Vec<Value>>)> = files.into_iter().map(open).collect();
    if let Some(what) = same_stack(&opened) {
        return not_asked(&what, &opened, arguments, output);
    }
    let asked = Asked::of(arguments, global, out);
    let mut made: Vec<(String, Result<Made, Failed>)> = stream::iter(opened)
        .map(|(file, loaded)| async move {
            let made = one(loaded.map_err(Failed::File), arguments, global, output).await;
            if let Err(Failed::Cluster(error)) = &made {
                output.error(&format!("{file}: {error}"), error.help());
            }
            (file, made)
        })
        .buffer_unordered(usize::from(arguments.parallelism))
        .collect()
        .await;
    made.sort_by(|a, b| a.0.cmp(&b.0));
    let exit = made.iter().map(|(_, made)| ended(&made.as_ref(), &asked)).fold(Exit::Success, Exit::worse);
    for (file, made) in &made {
        if let Err(exit) = asked.save(file, made, output) {
            return exit;
        }
    }
    let text = match arguments.printed.format() {
        Format::Json => {
            let plans: Vec<Value> =
                made.iter().map(|(file, made)| for_programs(file, made, &asked)).collect();
            format!("{:#}\n", json!(plans))
        }
        Format::Markdown => {
            let plans: Vec<Saved> = made.iter().map(|(file, made)| asked.saved(file, made)).collect();
            document::markdown(&plans)
        }
        Format::Text => people(&made, &asked, output),
    };
    exit.worse(output.answer(&text))
}

/// Says that two files are for one stack: their plans would contradict each
/// other, and each would undo what the other did.
fn same_stack(opened: &[(String, Result<Loaded, Vec<Value>>)]) -> Option<String> {
    let stacks: Vec<(&str, &Stack)> = opened
        .iter()
        .filter_map(|(file, loaded)| Some((file.as_str(), &loaded.as_ref().ok()?.checked.stack)))
        .collect();
    stacks.iter().enumerate().find_map(|(index, (file, stack))| {
        let (other, _) = stacks[..index].iter().find(|(_, other)| is_same(stack, other))?;
        let (name, namespace) = (&stack.name, &stack.namespace);
        Some(format!("`{other}` and `{file}` are both stack `{name}` in namespace `{namespace}`"))
    })
}

/// Two that name different contexts are in different clusters.
fn is_same(one: &Stack, other: &Stack) -> bool {
    let apart = matches!((&one.context, &other.context), (Some(one), Some(other)) if one != other);
    one.name == other.name && one.namespace == other.namespace && !apart
}

fn not_asked(
    what: &str,
    opened: &[(String, Result<Loaded, Vec<Value>>)],
    arguments: &Arguments,
    output: &Output,
) -> Exit {
    let exit = output.error(what, Some("keep one of them, or give one another name; nothing was planned"));
    if arguments.printed.format() == Format::Json {
        let without = |(file, _): &(String, _)| render::json_without_plan(file, &[no_plan(what)]);
        output.answer(&format!("{:#}\n", json!(opened.iter().map(without).collect::<Vec<Value>>())));
    }
    exit
}

fn ended(made: &Result<&Made, &Failed>, asked: &Asked<'_>) -> Exit {
    match made {
        Ok(made) => exit(&made.planned.plan, &asked.permissions, asked.detailed),
        Err(_) => Exit::Error,
    }
}

/// The plan as JSON, with the warnings of its file, or why there is none.
fn for_programs(file: &str, made: &Result<Made, Failed>, asked: &Asked<'_>) -> Value {
    let made = match made {
        Ok(made) => made,
        Err(failed) => return render::json_without_plan(file, &failed.diagnostics()),
    };
    let Made { loaded: Loaded { text, checked, .. }, planned, .. } = made;
    document::json(&planned.plan, asked.about(file, made), text, checked, clock::now())
}

fn people(made: &[(String, Result<Made, Failed>)], asked: &Asked<'_>, output: &Output) -> String {
    let plans = made.iter().filter_map(|(file, made)| Some((file, made.as_ref().ok()?)));
    let mut text: String =
        plans.map(|(file, made)| format!("{}\n", asked.shown(file, made, output))).collect();
    let rows: Vec<(&str, Result<&Plan, String>)> = made
        .iter()
        .map(|(file, made)| {
            (file.as_str(), made.as_ref().map(|made| &made.planned.plan).map_err(Failed::reason))
        })
        .collect();
    text.push_str(&render::summary(&rows, &asked.permissions, output.answer));
    text
}

/// What a plan ends with.
pub fn exit(plan: &Plan, permissions: &Permissions, detailed: bool) -> Exit {
    if !plan.unread.is_empty() {
        Exit::Error
    } else if !plan.blocked.is_empty() || !permissions.missing(plan).is_empty() {
        Exit::Blocked
    } else if detailed && !plan.is_empty() {
        Exit::Changes
    } else {
        Exit::Success
    }
}
