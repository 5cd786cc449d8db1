//! Stack files on disk.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    string::FromUtf8Error,
};

use miette::{GraphicalReportHandler, GraphicalTheme, Report};
use serde_json::{Value, json};

use super::{arguments::Global, clock::now, exit::Exit, output::Output};
use crate::{
    cluster::{self, Cluster, Connect},
    desired::Names,
    observe::{Planned, from_recording, observe},
    observed::Observed,
    plan::{Against, Blocked, Fact, Intent},
    render::{self, Style},
    saved::Saved,
    stack::{Checked, Finding, parse_and_check},
};

/// A stack file that was read and found good.
pub struct Loaded {
    /// As it was named on the command line.
    pub file: String,
    /// Its text.
    pub text: String,
    /// What it says.
    pub checked: Checked,
}

/// The files that were named, and those in the folders that were named, each
/// once.
pub fn files(named: &[PathBuf], output: &Output) -> Result<Vec<PathBuf>, Exit> {
    let mut all = Vec::new();
    for path in named {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let unreadable = |error: std::io::Error| {
            output.error(&format!("cannot read folder `{}`: {error}", path.display()), None)
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "toml") {
                found.push(file);
            }
        }
        if found.is_empty() {
            let help = "a stack file's name ends in `.toml`";
            return Err(output.error(&format!("folder `{}` holds no stack file", path.display()), Some(help)));
        }
        found.sort();
        all.extend(found);
    }
    let mut seen = BTreeSet::new();
    // `one.toml` and `./one.toml` are one file; one that is not there has only
    // its name.
    all.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    Ok(all)
}

/// What a file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A stack file.
    Stack,
    /// A saved plan.
    Plan,
}

/// The text of a file. Why it cannot be read is printed, and returned in the
/// shape of a finding.
pub fn read(path: &Path, wanted: Wanted, output: &Output) -> Result<String, Value> {
    let text = fs::read(path).map(String::from_utf8);
    if let Ok(Ok(text)) = text {
        return Ok(text);
    }
    let (what, help) = unreadable(text, wanted);
    let what = format!("cannot read `{}`: {what}", path.display());
    output.error(&what, help);
    Err(unusable(&path.display().to_string(), what, help.unwrap_or_default()))
}

/// A file without text to point at, in the shape of a finding.
fn unusable(file: &str, what: String, help: &str) -> Value {
    json!({
        "code": "stack::unreadable",
        "severity": "error",
        "summary": what,
        "detail": help,
        "file": file,
        "range": null,
        "snippet": null,
    })
}

/// Why a file has no text, and what to do.
fn unreadable(
    read: io::Result<Result<String, FromUtf8Error>>,
    wanted: Wanted,
) -> (String, Option<&'static str>) {
    let help = |stack: &'static str, plan: &'static str| match wanted {
        Wanted::Stack => Some(stack),
        Wanted::Plan => Some(plan),
    };
    let writes = "`etcdctl-stack plan FILE --out PLAN` writes one";
    match read {
        Ok(Ok(_)) => ("it is empty".to_owned(), None),
        Ok(Err(error)) => {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
            let what = format!("byte {good}, in line {line}, is not UTF-8");
            (what, help("a stack file is UTF-8 text: save it as such", writes))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => (
            "it does not exist".to_owned(),
            help("`etcdctl-stack init FILE` writes one to start from", writes),
        ),
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            let many = "name one stack file; `plan` and `check` take folders";
            ("it is a folder".to_owned(), help(many, "name one saved plan; `comment` takes folders"))
        }
        Err(error) => (error.to_string(), None),
    }
}

/// Reads and checks a file; prints its findings.
pub fn load(path: &Path, output: &Output) -> Result<Loaded, Exit> {
    open(path, output).map_err(|_| Exit::Error)
}

/// The same. Returns the findings of a file that cannot be used, for programs.
pub fn open(path: &Path, output: &Output) -> Result<Loaded, Vec<Value>> {
    let text = read(path, Wanted::Stack, output).map_err(|finding| vec![finding])?;
    checked(path.display().to_string(), text, output)
}

/// Checks the text of a stack file.
pub fn checked(file: String, text: String, output: &Output) -> Result<Loaded, Vec<Value>> {
    if Saved::looks_like_one(&text) {
        let what = format!("`{file}` is no stack file: it is JSON");
        let help = "`etcdctl-stack show` shows a saved plan, and `etcdctl-stack apply` carries it out";
        output.error(&what, Some(help));
        return Err(vec![unusable(&file, what, help)]);
    }
    match parse_and_check(&file, &text) {
        Ok(checked) => {
            if !checked.warnings.is_empty() {
                output.say(&diagnostics(&checked.warnings, output.progress));
            }
            Ok(Loaded { file, text, checked })
        }
        Err(findings) => {
            let shown = diagnostics(&findings.all, output.progress);
            output.say(&format!("{shown}{file}: {findings}. Nothing was changed."));
            Err(findings.all.iter().map(|finding| json!(finding)).collect())
        }
    }
}

/// Findings with the lines that they are about: in one piece, so that those of
/// files that are read side by side do not mix.
pub fn diagnostics(findings: &[Finding], style: Style) -> String {
    findings.iter().map(|finding| diagnostic(finding, style)).collect()
}

fn diagnostic(finding: &Finding, style: Style) -> String {
    let theme = if style.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(style.width).with_links(false);
    let report = Report::new(finding.clone());
    let mut text = String::new();
    match handler.render_report(&mut text, report.as_ref()) {
        Ok(()) => text,
        Err(_) => format!("{finding}\n"),
    }
}

impl Loaded {
    /// The stack as it was named, for a command to copy.
    pub fn target(&self, global: &Global) -> String {
        render::target(&self.file, global.context.as_deref(), global.kubeconfig.as_deref())
    }

    /// Connects to the cluster that flags and stack name.
    pub async fn connect(&self, global: &Global) -> Result<Cluster, cluster::Error> {
        let context = global.context.clone();
        let cluster = Cluster::connect(&Connect { context, kubeconfig: global.kubeconfig.clone() }).await?;
        match &self.checked.stack.context {
            Some(wanted) if wanted != cluster.context() && cluster.context() != "in-cluster" => {
                Err(cluster::Error::Kubeconfig(format!(
                    "the stack file is for context `{wanted}`, and this is `{}`",
                    cluster.context()
                )))
            }
            _ => Ok(cluster),
        }
    }

    /// What the stack's objects are called.
    pub fn names(&self) -> Names {
        Names::of(&self.checked.stack)
    }

    /// Reads everything and makes the plan.
    pub async fn plan(&self, cluster: &Cluster, intent: &Intent) -> Result<Planned, cluster::Error> {
        let mut planned = observe(&cluster.reader(), &self.checked.stack, intent, now()).await?;
        planned.plan.blocked.iter_mut().for_each(|blocked| self.place(blocked));
        Ok(planned)
    }

    /// Makes the plan from what was recorded, without a cluster.
    pub fn plan_offline(&self, recorded: Observed, intent: &Intent, against: Against) -> Planned {
        let mut planned = from_recording(&self.checked.stack, recorded, intent, now(), against);
        planned.plan.blocked.iter_mut().for_each(|blocked| self.place(blocked));
        planned
    }

    /// Says where the key stands that stands in the way.
    fn place(&self, blocked: &mut Blocked) {
        let place = blocked.key.as_ref().and_then(|key| self.checked.places.of(key));
        blocked.facts.extend(place.map(|text| Fact { label: "set at".to_owned(), text }));
    }
}
