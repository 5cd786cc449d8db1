//! Saved plans on disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{
    disk::{self, Readers},
    exit::Exit,
    output::Output,
    stacks::{self, Wanted},
};
use crate::{
    saved::{Made, Saved},
    stack::parse_and_check,
};

/// Where the plan of each file goes.
#[derive(Clone, Debug)]
pub enum Out {
    /// The plan of the only one.
    File(PathBuf),
    /// A file for each, by the stack file's name.
    Folder(PathBuf),
}

impl Out {
    /// Where the plan of this stack file goes.
    pub fn of(&self, stack_file: &str) -> PathBuf {
        match self {
            Out::File(file) => file.clone(),
            Out::Folder(folder) => folder.join(name(Path::new(stack_file))),
        }
    }

    /// Makes the folder, and sees that no two plans go into one file: said
    /// before anything is planned.
    pub fn is_good(&self, stack_files: &[PathBuf], output: &Output) -> Result<(), Exit> {
        let Out::Folder(folder) = self else { return Ok(()) };
        let mut from: BTreeMap<PathBuf, &Path> = BTreeMap::new();
        for file in stack_files {
            if let Some(other) = from.insert(name(file), file) {
                let (other, file, name) = (other.display(), file.display(), name(file));
                let what = format!("the plans of `{other}` and `{file}` are both `{}`", name.display());
                return Err(output.error(&what, Some("plan them into two folders; nothing was planned")));
            }
        }
        fs::create_dir_all(folder).map_err(|error| {
            let what = format!("cannot make folder `{}`: {error}", folder.display());
            output.error(&what, Some("the plans of several files, or of a folder, are saved into a folder"))
        })
    }
}

fn name(stack_file: &Path) -> PathBuf {
    PathBuf::from(stack_file.file_name().unwrap_or_default()).with_extension("json")
}

/// Saves a plan, for nobody else to read.
pub fn write(path: &Path, saved: &Saved, output: &Output) -> Result<(), Exit> {
    disk::write(path, &saved.text(), Readers::Owner).map_err(|error| {
        output.error(&format!("cannot save the plan to `{}`: {error}", path.display()), None)
    })
}

/// Reads a saved plan.
pub fn read(path: &Path, output: &Output) -> Result<Saved, Exit> {
    let text = stacks::read(path, Wanted::Plan, output).map_err(|_| Exit::Error)?;
    parse(path, &text, output)
}

/// Reads the plans that were named, the `*.json` of folders too, each once.
pub fn plans(named: &[PathBuf], output: &Output) -> Result<Vec<Saved>, Exit> {
    let mut files = Vec::new();
    for path in named {
        match path.is_dir() {
            true => files.extend(folder(path, output)?),
            false => files.push(path.clone()),
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    files.iter().map(|file| read(file, output)).collect()
}

fn folder(path: &Path, output: &Output) -> Result<Vec<PathBuf>, Exit> {
    let failed = |error| output.error(&format!("cannot read folder `{}`: {error}", path.display()), None);
    let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed)?;
    let is_plan = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(is_plan).collect();
    files.sort();
    if files.is_empty() {
        let help = "`etcdctl-stack plan FILE --out PLAN` writes one; its name ends in `.json`";
        return Err(output.error(&format!("folder `{}` holds no saved plan", path.display()), Some(help)));
    }
    Ok(files)
}

fn parse(path: &Path, text: &str, output: &Output) -> Result<Saved, Exit> {
    Saved::read(text).map_err(|error| {
        output.error(&format!("cannot use `{}`: {error}", path.display()), Some(error.help()))
    })
}

/// Reads what `apply` is given: a stack file, or a saved plan with the stack
/// file in it.
pub fn stack_or_plan(path: &Path, output: &Output) -> Result<(stacks::Loaded, Option<Made>), Exit> {
    let text = stacks::read(path, Wanted::Stack, output).map_err(|_| Exit::Error)?;
    if !Saved::looks_like_one(&text) {
        let file = path.display().to_string();
        return stacks::checked(file, text, output).map(|loaded| (loaded, None)).map_err(|_| Exit::Error);
    }
    let Saved { file, content, .. } = parse(path, &text, output)?;
    let crate::saved::Content::Plan(made) = content else {
        let what = format!("`{}` holds no plan: `{file}` could not be planned", path.display());
        return Err(output.error(&what, Some("`etcdctl-stack show` tells why")));
    };
    let loaded = stacks::checked(file, made.stack.clone(), output).map_err(|_| Exit::Error)?;
    edited(&loaded, output);
    Ok((loaded, Some(*made)))
}

/// Says that the stack file has been edited since: what was approved is applied.
fn edited(loaded: &stacks::Loaded, output: &Output) {
    let now = fs::read_to_string(&loaded.file).ok();
    let means = |text: &str| parse_and_check(&loaded.file, text).ok().map(|checked| checked.stack);
    if now.is_some_and(|now| now != loaded.text && means(&now).as_ref() != Some(&loaded.checked.stack)) {
        output.say(&format!("`{}` was edited since; what the plan was made of is applied.", loaded.file));
    }
}
