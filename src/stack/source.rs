//! The text that findings are about, with its lines looked up once: a file may
//! have thousands of mistakes, and miette counts from the start for each.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::places::{Lines, Position};

/// A text, its name and its lines.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub name: String,
    pub text: String,
    lines: Lines,
}

impl Source {
    /// Returns a text as a source; `lines` are its lines.
    pub fn new(name: &str, text: String, lines: Lines) -> Self {
        Self { name: name.to_owned(), text, lines }
    }

    /// Returns the position of a byte.
    pub fn position(&self, byte: usize) -> Position {
        self.lines.position(&self.text, byte)
    }

    /// Returns the line that a byte is in.
    pub fn line_of(&self, byte: usize) -> &str {
        let start = self.lines.start(self.lines.line(byte)).unwrap_or_default();
        self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
    }
}

impl SourceCode for Source {
    /// Lets miette look at the lines around the span alone, and moves what it
    /// finds to where they stand.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let first = self.lines.line(span.offset()).saturating_sub(before);
        let last = self.lines.line(span.offset() + span.len()) + after + 1;
        let start = self.lines.start(first).unwrap_or_default();
        let end = self.lines.start(last + 1).unwrap_or(self.text.len());
        let window = self.text.get(start..end).ok_or(MietteError::OutOfBounds)?;
        let inside = SourceSpan::from((span.offset() - start, span.len()));
        let found = window.read_span(&inside, before, after)?;
        let moved = SourceSpan::from((found.span().offset() + start, found.span().len()));
        let (line, column, count) = (found.line() + first, found.column(), found.line_count());
        let contents =
            MietteSpanContents::new_named(self.name.clone(), found.data(), moved, line, column, count);
        Ok(Box::new(contents.with_language("toml")))
    }
}
