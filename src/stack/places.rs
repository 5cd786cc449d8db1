//! Where each key of a stack file stands.

use std::{collections::BTreeMap, ops::Range};

use serde::Serialize;

/// A spot in a text. Columns count characters, and both numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
    /// Bytes before it in the file.
    pub byte: usize,
}

/// Where the lines of a text begin: looked up once, for all of its positions.
#[derive(Clone, Debug)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    /// Returns the lines of a text.
    pub fn of(text: &str) -> Self {
        let next = text.match_indices('\n').map(|(end, _)| end + 1);
        Self(std::iter::once(0).chain(next).collect())
    }

    /// Returns which line a byte is in, counted from 0.
    pub fn line(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    /// Returns where a line begins; behind the last one, `None`.
    pub fn start(&self, line: usize) -> Option<usize> {
        self.0.get(line).copied()
    }

    /// Returns the position of a byte of the text.
    pub fn position(&self, text: &str, byte: usize) -> Position {
        let before = text.get(..byte).unwrap_or(text);
        let line = self.line(before.len());
        let in_line = self.start(line).and_then(|start| before.get(start..)).unwrap_or_default();
        Position { line: line + 1, column: in_line.chars().count() + 1, byte: before.len() }
    }
}

/// Where a key and its value stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The bytes of the key.
    pub key: Range<usize>,
    /// The bytes of the value; of a table, those of its header.
    pub value: Range<usize>,
    /// Where the value starts.
    pub position: Position,
}

/// Every key of a stack file by its path, such as `cluster.members`,
/// `tls.users[0].name` or `pod.labels."example.com/team"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Places {
    /// The file's name, as it was given.
    pub file: String,
    /// Keys and where they stand.
    pub keys: BTreeMap<String, Place>,
}

impl Places {
    /// Returns where a key's value stands, as `orders.toml:10:12`; `None` for a
    /// key that is not in the file.
    pub fn of(&self, key: &str) -> Option<String> {
        let Position { line, column, .. } = self.keys.get(key)?.position;
        Some(format!("{}:{line}:{column}", self.file))
    }

    /// Returns the place of a key or of the nearest table around it.
    pub(super) fn nearest(&self, key: &str) -> Option<&Place> {
        let mut path = key;
        loop {
            match self.keys.get(path) {
                Some(place) => return Some(place),
                None => path = &path[..path.rfind(['.', '['])?],
            }
        }
    }
}

/// Returns the path of a key in a table.
pub(super) fn join(table: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    match (table.is_empty(), bare) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{key:?}"),
        (false, true) => format!("{table}.{key}"),
        (false, false) => format!("{table}.{key:?}"),
    }
}
