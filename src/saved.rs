//! A plan as a file: what `plan --out` writes, and what `apply`, `show` and
//! `comment` read.
//!
//! Canonical JSON: the same plan is the same bytes. It carries the text of the
//! stack file and what was asked for beside it, so that `apply` needs nothing
//! else, and the SHA-256 of itself, so that a damaged file is known. It holds
//! no secret, for neither does a plan. Permissions are not in it: they are
//! given when it is applied.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use crate::{
    canonical::{canonical, minor, sha256},
    observed::Journal,
    plan::{Intent, Plan},
    report::Unfinished,
};

/// The version of the format, `MAJOR.MINOR`: a new minor adds keys, which older
/// tools do not read; a new major is another format.
pub const FORMAT_VERSION: &str = "1.0";

/// A plan of one stack file, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The version of the tool that made it.
    pub tool_version: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The stack file, as it was named.
    pub file: String,
    /// What came of it.
    pub content: Content,
}

/// What came of planning a stack file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A plan.
    Plan(Box<Made>),
    /// None: the findings in the file, or why nobody could be asked, in the
    /// shape of `diagnostics` in the JSON of a plan.
    NoPlan(Vec<Value>),
}

/// A plan with all that it takes to make it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The text of the stack file.
    pub stack: String,
    /// What was asked for beside it.
    pub intent: Intent,
    /// The plan.
    pub plan: Plan,
    /// The run that it goes on with.
    pub unfinished: Option<Unfinished>,
    /// When the last run before it started, by the clock of that run.
    pub last_run: Option<Timestamp>,
}

/// Why a file is not a saved plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// Something else.
    #[error("it is not a saved plan: {0}")]
    NotAPlan(String),
    /// A later format.
    #[error("it is a saved plan of format {0}, and this version reads formats up to {FORMAT_VERSION}")]
    Newer(String),
    /// It was cut off, or edited.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl Unreadable {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Unreadable::NotAPlan(_) => "`etcdctl-stack plan FILE --out PLAN` writes one",
            Unreadable::Newer(_) => "use the version of etcdctl-stack that made it, or plan again",
            Unreadable::Damaged(_) => "plan again: a saved plan is not edited by hand",
        }
    }
}

impl Saved {
    /// The file, with the hash of everything else in it.
    pub fn text(&self) -> String {
        let mut value = json!(self);
        value["format_version"] = json!(FORMAT_VERSION);
        value["sha256"] = json!(sha256(&value));
        format!("{:#}\n", canonical(&value))
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it is anything but a whole saved plan of a format that is known.
    pub fn read(text: &str) -> Result<Saved, Unreadable> {
        let not = |reason: &str| Unreadable::NotAPlan(reason.to_owned());
        let mut value: Value = serde_json::from_str(text).map_err(|error| match text.trim_start() {
            cut if cut.starts_with('{') && error.is_eof() => {
                Unreadable::Damaged(format!("it ends early, in line {}", error.line()))
            }
            _ => not("it is no JSON"),
        })?;
        let version = value.get("format_version").and_then(Value::as_str).map(str::to_owned);
        let version = version.ok_or_else(|| not("it has no `format_version`"))?;
        let hash = value.get("sha256").and_then(Value::as_str).map(str::to_owned);
        let minor = minor(&version).ok_or_else(|| Unreadable::Newer(version.clone()))?;
        let other = match value.get("resource_changes") {
            Some(_) => "`plan --json` is for programs to read",
            None => "it holds no plan",
        };
        let hash = hash.ok_or_else(|| not(other))?;
        value.as_object_mut().map(|fields| fields.remove("sha256"));
        if sha256(&value) != hash {
            return Err(Unreadable::Damaged("it is not as it was written".to_owned()));
        }
        let saved: Saved = serde_json::from_value(value).map_err(|error| match minor > 0 {
            true => Unreadable::Newer(version),
            false => Unreadable::Damaged(error.to_string()),
        })?;
        match saved.made().is_none_or(|made| made.plan.has_its_digest()) {
            true => Ok(saved),
            false => Err(Unreadable::Damaged("its digest is not that of its plan".to_owned())),
        }
    }

    /// Whether a file may be one: a stack file is TOML, and never begins so.
    pub fn looks_like_one(text: &str) -> bool {
        text.trim_start().starts_with('{')
    }

    /// The plan, if there is one.
    pub fn made(&self) -> Option<&Made> {
        match &self.content {
            Content::Plan(made) => Some(made),
            Content::NoPlan(_) => None,
        }
    }
}

impl Made {
    /// When this plan was carried out, and by whom, if it was: it is for one
    /// use. A run that broke off goes on.
    pub fn used<'a>(&self, journal: &'a Journal) -> Option<(&'a str, Timestamp)> {
        let digest = &self.plan.digest.as_ref()?.0;
        let last = journal.run.iter().map(|run| (&run.digest, &run.who, run.started_at, run.finished_at));
        let before =
            journal.history.iter().map(|run| (&run.digest, &run.who, run.started_at, run.finished_at));
        let is_this = |(its, _, started, finished): &(&String, &String, Timestamp, Option<Timestamp>)| {
            *its == digest && finished.is_some() && self.last_run.is_none_or(|last| *started > last)
        };
        last.chain(before).find(is_this).map(|(_, who, started, _)| (who.as_str(), started))
    }
}
