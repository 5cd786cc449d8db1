//! Hides values that may be secret: a report shows the lines around a mistake
//! too, and the mistake may be in another value.
//!
//! Byte for byte, so that places stay right.

use std::ops::Range;

use super::places::Places;

/// Keys whose values, with all that is inside them, are not for everybody.
const SECRET: [&str; 2] = ["cluster.token", "etcd.extra_env"];

/// Says whether a key's value is not for everybody to read.
pub(super) fn secret(path: &str) -> bool {
    let inside = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
    SECRET.iter().any(|outer| path.strip_prefix(outer).is_some_and(inside))
}

/// Hides what is secret. Where the syntax is wrong, values are missing from
/// the places, and the text itself is searched as well.
pub(super) fn masked(text: &str, places: &Places, whole: bool) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for (path, place) in &places.keys {
        // Of a table the keys are shown; the place of one is its header.
        let inside = format!("{path}.");
        let next = places.keys.range(inside.clone()..).next();
        let table = next.is_some_and(|(key, _)| key.starts_with(&inside));
        if secret(path) && !table {
            hide(&mut bytes, place.value.clone());
        }
    }
    if !whole {
        lines_with_secrets(text).into_iter().for_each(|range| hide(&mut bytes, range));
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn hide(bytes: &mut [u8], value: Range<usize>) {
    let quote = |at: usize| usize::from(matches!(bytes.get(at), Some(b'"' | b'\'')));
    let value = value.start + quote(value.start)..value.end - quote(value.end.saturating_sub(1));
    let hidden = bytes.get_mut(value).unwrap_or_default();
    hidden.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
}

/// Where values of secret keys stand, as far as lines tell. Rather too much is
/// found than too little.
fn lines_with_secrets(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut section, mut hiding, mut start) = (Vec::new(), String::new(), false, 0);
    // The end of a text over several lines that is open.
    let mut open: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let (at, content) = (start, line.trim_end());
        start += line.len();
        let from = match (open, header(content), content.split_once('=')) {
            (Some(_), ..) => Some(0),
            (None, Some(name), _) => {
                (section, hiding) = (name, false);
                None
            }
            (None, None, Some((key, _))) if is_key(key) => {
                hiding = secret(&format!("{section}.{}", bare(key)));
                if hiding { Some(key.len() + 1) } else { inline(content) }
            }
            _ if hiding => Some(0),
            _ => inline(content),
        };
        let Some(from) = from else { continue };
        let value = &content[from..];
        open = match open {
            Some(end) => Some(end).filter(|end| !value.contains(end)),
            None => ["\"\"\"", "'''"].into_iter().find(|quotes| value.matches(quotes).count() == 1),
        };
        let from = from + (value.len() - value.trim_start().len());
        found.push(at + from..at + content.len());
    }
    found
}

/// The name of a table, when a line is its header.
pub(super) fn header(line: &str) -> Option<String> {
    let name = line.trim_start().strip_prefix('[')?.trim_start_matches('[');
    let name = name.split([']', '#']).next().unwrap_or_default();
    is_key(name).then(|| bare(name))
}

fn is_key(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || "-_.\"' \t".contains(c))
}

fn bare(key: &str) -> String {
    key.chars().filter(|c| !"\"' \t".contains(*c)).collect()
}

/// Where the value of a secret key begins that stands inside another value.
fn inline(line: &str) -> Option<usize> {
    let names = SECRET.iter().filter_map(|path| path.rsplit('.').next());
    let after = names.filter_map(|name| Some(line.find(name)? + name.len())).min()?;
    Some(after + line[after..].find('=')? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with what lines tell of secrets hidden.
    fn shown(text: &str) -> String {
        masked(text, &Places::default(), false)
    }

    #[test]
    fn what_a_broken_file_says_of_secrets_is_hidden() {
        let table = [
            ("[cluster]\ntoken = \"a\"\nmembers = 3 x\n", "[cluster]\ntoken = \"*\"\nmembers = 3 x\n"),
            (
                "[etcd.extra_env]\nA = b=c\nd e\n[stack]\nname = x\n",
                "[etcd.extra_env]\nA = ***\n***\n[stack]\nname = x\n",
            ),
            ("[ etcd . \"extra_env\" ]\nA = 'b\n", "[ etcd . \"extra_env\" ]\nA = '*\n"),
            ("[etcd]\nextra_env.A = b\nquota = 1 1\n", "[etcd]\nextra_env.A = *\nquota = 1 1\n"),
            ("etcd = { extra_env = { A = b } }\n", "etcd = { extra_env = ***********\n"),
            (
                "[cluster]\ntoken = \"\"\"\na = b\n\"\"\"\nx = y\n",
                "[cluster]\ntoken = \"*\"\n*****\n\"*\"\nx = y\n",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
