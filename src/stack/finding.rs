//! Mistakes in a stack file: what is wrong, where, and what to do.
//!
//! A finding is a miette diagnostic, which `cli` renders, and a JSON object.

use std::{collections::BTreeSet, fmt::Display, ops::Range, sync::Arc};

use miette::{Diagnostic, LabeledSpan, SourceCode};
use serde::{Serialize, Serializer};
use serde_json::json;
use thiserror::Error;

use super::{places::Places, source::Source};

/// Whether a finding stops everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, and somebody should know.
    Warning,
}

/// One mistake or doubt.
#[derive(Clone, Debug, Error)]
#[error("{message}")]
pub struct Finding {
    /// Which kind, such as `stack::unknown_key`; stable.
    pub code: &'static str,
    /// Whether it stops everything.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// What to say at the place itself.
    pub label: String,
    /// The path of the key, such as `cluster.members`; empty for a syntax error.
    pub key: String,
    /// The bytes of the file that it is about.
    pub span: Range<usize>,
    /// The bytes of what it repeats.
    pub(super) first: Option<Range<usize>>,
    file: Arc<Source>,
}

impl Finding {
    /// Sets what is said at the place.
    pub(super) fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// Sets what to do.
    pub(super) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }
}

impl Diagnostic for Finding {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.file)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = Some(self.label.clone()).filter(|label| !label.is_empty());
        let span = LabeledSpan::new_primary_with_span(label, self.span.clone());
        let first = self.first.clone();
        let first = first.map(|first| LabeledSpan::new_with_span(Some("the first one".to_owned()), first));
        Some(Box::new(std::iter::once(span).chain(first)))
    }
}

/// As an object `{code, severity, summary, detail, file, range, snippet}`.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let detail: Vec<&str> =
            [Some(self.label.as_str()).filter(|label| !label.is_empty()), self.help.as_deref()]
                .into_iter()
                .flatten()
                .collect();
        let object = json!({
            "code": self.code,
            "severity": self.severity,
            "summary": self.message,
            "detail": detail.join("; "),
            "file": self.file.name,
            "range": {
                "start": self.file.position(self.span.start),
                "end": self.file.position(self.span.end),
            },
            "snippet": self.file.line_of(self.span.start),
        });
        object.serialize(serializer)
    }
}

/// Everything found in a file with at least one error, in the file's order.
#[derive(Clone, Debug, Error, Serialize)]
#[error("{}", self.count())]
#[serde(transparent)]
pub struct Findings {
    /// Errors and warnings.
    pub all: Vec<Finding>,
}

impl Findings {
    /// Returns `2 errors, 1 warning`.
    pub fn count(&self) -> String {
        let count = |severity| self.all.iter().filter(|finding| finding.severity == severity).count();
        let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let errors = plural(count(Severity::Error), "error");
        match count(Severity::Warning) {
            0 => errors,
            warnings => format!("{errors}, {}", plural(warnings, "warning")),
        }
    }
}

/// Collects findings, and says where each one is.
pub(super) struct Finder {
    /// Where the keys stand.
    pub places: Places,
    /// Lines that were read as something else than they are: nothing is said of
    /// their keys.
    pub misread: Vec<Range<usize>>,
    found: Vec<Finding>,
    file: Arc<Source>,
}

impl Finder {
    /// Starts with nothing found.
    pub fn new(places: Places, file: Source) -> Self {
        Self { places, misread: Vec::new(), found: Vec::new(), file: Arc::new(file) }
    }

    /// Adds an error about the value of a key.
    pub fn error(&mut self, code: &'static str, key: &str, message: impl Into<String>) -> &mut Finding {
        let span = self.places.nearest(key).map_or(0..0, |place| place.value.clone());
        self.add(Severity::Error, code, key, span, message.into())
    }

    /// Adds an error about a key itself.
    pub fn key_error(&mut self, code: &'static str, key: &str, message: impl Into<String>) -> &mut Finding {
        let span = self.places.nearest(key).map_or(0..0, |place| place.key.clone());
        self.add(Severity::Error, code, key, span, message.into())
    }

    /// Adds a warning about the value of a key.
    pub fn warning(&mut self, code: &'static str, key: &str, message: impl Into<String>) -> &mut Finding {
        let span = self.places.nearest(key).map_or(0..0, |place| place.value.clone());
        self.add(Severity::Warning, code, key, span, message.into())
    }

    /// Adds an error of syntax, which belongs to no key.
    pub fn syntax(&mut self, span: Range<usize>, message: &str) -> &mut Finding {
        self.add(Severity::Error, "stack::syntax", "", span, message.to_owned())
    }

    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        key: &str,
        span: Range<usize>,
        message: String,
    ) -> &mut Finding {
        let (key, label, file) = (key.to_owned(), String::new(), self.file.clone());
        self.found.push(Finding { code, severity, message, help: None, label, key, span, first: None, file });
        self.found.last_mut().expect("one was pushed")
    }

    /// Says whether no error is about these keys, what is inside them or what
    /// they are inside of: a rule over several keys is silent when one of them
    /// is wrong already.
    pub fn right(&self, keys: &[&str]) -> bool {
        let errors = || self.found.iter().filter(|finding| finding.severity == Severity::Error);
        !keys.iter().any(|key| errors().any(|error| holds(&error.key, key) || holds(key, &error.key)))
    }

    /// Says whether a key is in the file.
    pub fn given(&self, key: &str) -> bool {
        self.places.keys.contains_key(key)
    }

    /// Returns everything found, in the file's order. A mistake on a line whose
    /// syntax is wrong is left out: it may be one of reading on.
    pub fn finish(self) -> (Vec<Finding>, Places) {
        let line = |finding: &Finding| self.file.position(finding.span.start).line;
        let broken: BTreeSet<usize> =
            self.found.iter().filter(|finding| finding.key.is_empty()).map(line).collect();
        let misread = |line: usize| self.misread.iter().any(|lines| lines.contains(&(line - 1)));
        let trusted = |finding: &&Finding| {
            let line = line(finding);
            finding.key.is_empty() || !broken.contains(&line) && !misread(line)
        };
        let mut found: Vec<Finding> = self.found.iter().filter(trusted).cloned().collect();
        found.sort_by_key(|finding| (finding.span.start, finding.severity, finding.span.end));
        (found, self.places)
    }
}

/// Says whether a key is another one or inside it.
fn holds(outer: &str, inner: &str) -> bool {
    let rest = inner.strip_prefix(outer).filter(|_| !outer.is_empty());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
