//! What a mistake of syntax means to somebody who writes a stack file: the
//! parser's words name what it expected, and not what to do.

use std::{collections::BTreeSet, ops::Range};

use super::{
    finding::Finder,
    mask::header,
    places::{Lines, Places, join},
};

/// The text of a file that does not parse, and where everything stands in it.
pub(super) struct Broken<'t> {
    pub text: &'t str,
    /// The same, without secrets: what may be repeated.
    pub masked: &'t str,
    pub lines: &'t Lines,
    pub places: &'t Places,
}

/// A mistake: where, and the parser's words.
pub(super) type Mistake = (Range<usize>, String);

impl Broken<'_> {
    /// Reports the mistakes, but for those that follow from others.
    pub fn report(&self, mistakes: &[Mistake], f: &mut Finder) {
        let duplicate = |mistake: &&Mistake| mistake.1 == "duplicate key";
        let unclosed: BTreeSet<usize> = mistakes
            .iter()
            .filter(|(_, message)| message.starts_with("unclosed table"))
            .map(|(span, _)| self.lines.line(span.start))
            .collect();
        // A header that is there twice, in whose section each key may be so too.
        let twice: BTreeSet<usize> = mistakes
            .iter()
            .filter(duplicate)
            .map(|(span, _)| self.lines.line(span.start))
            .filter(|line| header(self.line(*line)).is_some())
            .collect();
        // Without the header, the keys below it seem to be somewhere else.
        f.misread = unclosed.iter().map(|line| *line..self.next_header(*line)).collect();
        for mistake in mistakes {
            let line = self.lines.line(mistake.0.start);
            let follows = duplicate(&mistake)
                && (unclosed.contains(&line)
                    || !twice.contains(&line) && self.section(line).is_some_and(|at| twice.contains(&at)));
            if !follows {
                self.one(mistake, line, f);
            }
        }
    }

    fn one(&self, (span, message): &Mistake, line: usize, f: &mut Finder) {
        let shown = self.line(line).trim();
        match message.as_str() {
            "duplicate key" => self.twice(span, line, f),
            message if message.starts_with("unclosed table") => {
                let name = header(shown).unwrap_or_default();
                f.syntax(span.clone(), &format!("the header `{shown}` has no closing bracket"))
                    .label("`]` is missing")
                    .help(format!("write `[{name}]`"));
            }
            message if message.starts_with("key with no value") => {
                let key = shown.split_whitespace().next().unwrap_or_default();
                f.syntax(span.clone(), message).label("`=` is missing").help(format!("write `{key} = ...`"));
            }
            message => match self.bare_value(line).filter(|_| is_about_values(message)) {
                Some((key, value)) => bare(f, span, key, value),
                None => drop(f.syntax(span.clone(), message).label("here")),
            },
        }
    }

    fn twice(&self, span: &Range<usize>, line: usize, f: &mut Finder) {
        let name = self.text.get(span.clone()).unwrap_or_default().trim_matches(['"', '\'']);
        let table = header(self.line(line));
        let path = match &table {
            Some(table) => table.clone(),
            None => join(&self.section(line).and_then(|at| header(self.line(at))).unwrap_or_default(), name),
        };
        let (message, help) = match table {
            Some(_) => {
                (format!("the table `[{path}]` is there twice"), "write all of its keys under one header")
            }
            None => (format!("`{name}` is given twice"), "keep one of them"),
        };
        let first = self.places.keys.get(&path).map(|place| place.key.clone());
        let finding = f.syntax(span.clone(), &message).label("the second one").help(help);
        finding.first = first.filter(|first| first.start < span.start);
    }

    /// The line of the header above a line.
    fn section(&self, line: usize) -> Option<usize> {
        (0..line).rev().find(|line| header(self.line(*line)).is_some())
    }

    /// The line of the header below a line, or the end.
    fn next_header(&self, line: usize) -> usize {
        let last = self.lines.line(self.text.len());
        (line + 1..=last).find(|line| header(self.line(*line)).is_some()).unwrap_or(last + 1)
    }

    /// A line without its secrets.
    fn line(&self, line: usize) -> &str {
        let start = self.lines.start(line).unwrap_or_default();
        self.masked.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
    }

    /// The key and the value of a line whose value begins without any mark, and
    /// is no secret.
    fn bare_value(&self, line: usize) -> Option<(&str, &str)> {
        let (key, value) = self.line(line).split_once('=')?;
        let value = value.split('#').next().unwrap_or_default().trim();
        let plain = !value.is_empty() && !value.contains(['"', '\'', '[', '{', '*', '\\']);
        plain.then_some((key.trim(), value))
    }
}

fn is_about_values(message: &str) -> bool {
    [
        "string values must be quoted",
        "invalid float",
        "invalid integer",
        "invalid boolean",
        "invalid datetime",
    ]
    .iter()
    .any(|start| message.starts_with(start))
}

/// A value that is neither a number nor anything else that goes without quotes.
fn bare(f: &mut Finder, span: &Range<usize>, key: &str, value: &str) {
    let (first, rest) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    if !rest.is_empty() && (first.parse::<f64>().is_ok() || first == "true" || first == "false") {
        let rest = rest.trim();
        f.syntax(span.clone(), &format!("`{rest}` follows the value of `{key}`"))
            .label("here")
            .help(format!("write `{key} = {first}`, with a comment after `#`"));
    } else {
        f.syntax(span.clone(), "a text must be in quotes")
            .label("no number, and not true or false")
            .help(format!("write `{key} = \"{value}\"`"));
    }
}
