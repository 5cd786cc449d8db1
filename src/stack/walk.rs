//! Walks a TOML tree along the schema: unknown keys, types, choices, ranges.
//!
//! Gives the file as far as it is right. A wrong value is reported and left
//! out, so that what follows can still look at the others.

use std::{collections::BTreeMap, ops::Range};

use serde_json::{Map, Value, json};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    broken::{Broken, Mistake},
    check::newest,
    file::StackFile,
    finding::Finder,
    later::not_supported_yet,
    mask::{masked, secret},
    places::{Lines, Place, Places, join},
    schema::SCHEMA,
    source::Source,
};

/// Reads a text as far as it is right.
pub(super) fn walk(name: &str, text: &str) -> (StackFile, Finder) {
    let (tree, syntax_errors) = DeTable::parse_recoverable(text);
    let mut recorder = Recorder { text, lines: Lines::of(text), keys: BTreeMap::new() };
    recorder.table("", tree.get_ref());
    let Recorder { lines, keys, .. } = recorder;
    let places = Places { file: name.to_owned(), keys };
    let whole = syntax_errors.is_empty();
    let masked = masked(text, &places, whole);
    let mut finder = Finder::new(places.clone(), Source::new(name, masked.clone(), lines.clone()));
    let mistakes: Vec<Mistake> = syntax_errors
        .iter()
        .map(|error| (within(text, error.span().unwrap_or(0..0)), error.message().to_owned()))
        .collect();
    Broken { text, masked: &masked, lines: &lines, places: &places }.report(&mistakes, &mut finder);
    let mut walk = Walk { schema: &SCHEMA, text, finder, whole };
    let tree = walk.table("", &SCHEMA, tree.get_ref());
    let file = serde_json::from_value(tree).expect("the walk left out what the schema refuses");
    (file, walk.finder)
}

/// A span that has at least one character to point at, where there is one.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let start = span.start.min(text.len());
    if span.end > start || start == text.len() {
        return start..span.end.clamp(start, text.len());
    }
    start..start + text[start..].chars().next().map_or(0, char::len_utf8)
}

/// Writes down where each key stands.
struct Recorder<'t> {
    text: &'t str,
    lines: Lines,
    keys: BTreeMap<String, Place>,
}

impl Recorder<'_> {
    fn table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            self.value(join(path, key.get_ref()), key.span(), value);
        }
    }

    fn value(&mut self, path: String, key: Range<usize>, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(&path, table),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(format!("{path}[{index}]"), item.span(), item);
                }
            }
            _ => {}
        }
        let position = self.lines.position(self.text, value.span().start);
        self.keys.insert(path, Place { key, value: value.span(), position });
    }
}

struct Walk<'a> {
    schema: &'a Value,
    text: &'a str,
    finder: Finder,
    /// Whether the syntax is right: else a key may be missing for that alone.
    whole: bool,
}

impl<'a> Walk<'a> {
    /// Follows `$ref` and an `allOf` of one.
    fn resolve(&self, mut schema: &'a Value) -> &'a Value {
        loop {
            let target = match (&schema["$ref"], &schema["allOf"]) {
                (Value::String(name), _) => self.schema.pointer(name.trim_start_matches('#')),
                (_, Value::Array(all)) => all.first(),
                _ => None,
            };
            match target {
                Some(target) => schema = target,
                None => return schema,
            }
        }
    }

    /// Returns a value as JSON; `None` when it is wrong, which is reported.
    fn value(&mut self, path: &str, schema: &'a Value, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let schema = self.resolve(schema);
        let got = value.get_ref();
        let wanted = schema["type"].as_str().unwrap_or("string");
        if !has_type(got, wanted) {
            self.wrong_type(path, schema, got);
            return None;
        }
        match got {
            DeValue::Table(table) => {
                self.newer_syntax(path, table, value.span());
                Some(self.table(path, schema, table))
            }
            DeValue::Array(items) => self.items(path, &schema["items"], items.iter()),
            DeValue::Integer(_) => self.integer(path, schema, got),
            DeValue::String(text) => self.text(path, schema, text),
            DeValue::Boolean(value) => Some(json!(value)),
            DeValue::Float(_) | DeValue::Datetime(_) => None,
        }
    }

    /// Warns of an inline table over several lines, which TOML 1.0 does not
    /// have: it is read here, and marked as a mistake in most editors.
    fn newer_syntax(&mut self, path: &str, table: &DeTable<'_>, span: Range<usize>) {
        let inline = self.text.get(span.clone()).is_some_and(|text| text.starts_with('{'));
        if !inline || !self.whole {
            return;
        }
        let mut starts: Vec<usize> = table.iter().map(|(key, _)| key.span().start).collect();
        let mut ends: Vec<usize> = table.iter().map(|(_, value)| value.span().end).collect();
        starts.push(span.end);
        ends.insert(0, span.start);
        let between = |(end, start): (&usize, &usize)| self.text.get(*end..*start).unwrap_or_default();
        let mut gaps = ends.iter().zip(&starts).map(between);
        if gaps.any(|gap| gap.contains('\n') || gap.replace(' ', "") == ",}") {
            self.finder
                .warning("stack::newer_toml", path, format!("`{path}` is written as only TOML 1.1 allows"))
                .label("a line break or a last comma in an inline table")
                .help("write it on one line, or as a table of its own with a header in brackets");
        }
    }

    fn items<'v>(
        &mut self,
        path: &str,
        schema: &'a Value,
        items: impl Iterator<Item = &'v Spanned<DeValue<'v>>>,
    ) -> Option<Value> {
        let each: Vec<Option<Value>> = items
            .enumerate()
            .map(|(index, item)| self.value(&format!("{path}[{index}]"), schema, item))
            .collect();
        // With one item left out, the others would move to other places.
        each.into_iter().collect::<Option<Vec<Value>>>().map(Value::Array)
    }

    fn table(&mut self, path: &str, schema: &'a Value, table: &DeTable<'_>) -> Value {
        let (mut right, mut meant) = (Map::new(), Vec::new());
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let path = join(path, name);
            let known = schema["properties"].get(name).or(Some(&schema["additionalProperties"]));
            match known.filter(|schema| schema.is_object()) {
                Some(schema) => {
                    right.extend(self.value(&path, schema, value).map(|value| (name.to_owned(), value)))
                }
                None => meant.extend(self.unknown_key(&path, name, schema)),
            }
        }
        if self.whole {
            self.missing_keys(path, schema, table, &meant);
        }
        Value::Object(right)
    }

    /// Returns the key that was probably meant.
    fn unknown_key(&mut self, path: &str, name: &str, schema: &'a Value) -> Option<&'a str> {
        if let Some(help) = not_supported_yet(path, None) {
            self.finder
                .key_error("stack::not_supported_yet", path, format!("`{path}` is not supported yet"))
                .label("not in this release")
                .help(help);
            return None;
        }
        let known: Vec<&str> =
            schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let near = nearest(name, &known);
        let (label, help) = match near {
            Some(near) => (format!("did you mean `{near}`?"), None),
            None => ("not known here".to_owned(), Some(format!("known here: {}", listed(&known)))),
        };
        let finding =
            self.finder.key_error("stack::unknown_key", path, format!("unknown key `{path}`")).label(label);
        finding.help = help;
        near
    }

    /// Reports required keys, but for those that were misspelt.
    fn missing_keys(&mut self, path: &str, schema: &'a Value, table: &DeTable<'_>, meant: &[&str]) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !meant.contains(&name) && table.iter().all(|(key, _)| key.get_ref() != name) {
                let key = join(path, name);
                let table = self.resolve(&schema["properties"][name])["type"] == "object";
                let (message, help) = if table {
                    (format!("`[{key}]` is missing"), format!("add a table `[{key}]`"))
                } else {
                    (format!("`{key}` is missing"), format!("add `{name} = ...`"))
                };
                self.finder
                    .error("stack::missing_key", &key, message)
                    .label(format!("`{name}` is required"))
                    .help(help);
            }
        }
    }

    fn wrong_type(&mut self, path: &str, schema: &Value, got: &DeValue<'_>) {
        let wanted = schema["type"].as_str().unwrap_or("string");
        let choices = choices(schema);
        if let Some(help) = not_supported_yet(path, got.as_str()) {
            self.finder
                .error(
                    "stack::not_supported_yet",
                    path,
                    format!("this form of `{path}` is not supported yet"),
                )
                .label("not in this release")
                .help(help);
            return;
        }
        let (wanted_word, got_word) = (toml_word(wanted), toml_word(got.type_str()));
        let message = format!("`{path}` must be {wanted_word}, not {got_word}");
        let finding =
            self.finder.error("stack::wrong_type", path, message).label(format!("this is {got_word}"));
        finding.help = match got {
            _ if secret(path) => None,
            _ if !choices.is_empty() => {
                let quoted: Vec<String> = choices.iter().map(|choice| format!("{choice:?}")).collect();
                Some(format!("choose one of {}", quoted.join(", ")))
            }
            DeValue::String(text) if wanted == "integer" && text.parse::<i64>().is_ok() => {
                Some(format!("write it without quotes: {text}"))
            }
            DeValue::String(text) if wanted == "boolean" && (text == "true" || text == "false") => {
                Some(format!("write it without quotes: {text}"))
            }
            DeValue::Integer(number) if wanted == "string" => {
                let unit = unit(path, number.as_str());
                Some(format!(
                    "write it in quotes{}: \"{number}{unit}\"",
                    if unit.is_empty() { "" } else { ", with a unit" }
                ))
            }
            DeValue::Float(number) if wanted == "string" => {
                let version = newest(number.as_str()).filter(|_| path == "cluster.version");
                let text = version.map_or(number.to_string(), |version| version.to_string());
                Some(format!("write it in quotes: \"{text}\""))
            }
            DeValue::Boolean(value) if wanted == "string" => Some(format!("write it in quotes: \"{value}\"")),
            DeValue::String(text) if wanted == "array" => Some(format!("write a list: [{text:?}]")),
            _ => None,
        };
    }

    fn integer(&mut self, path: &str, schema: &Value, value: &DeValue<'_>) -> Option<Value> {
        let number = value.as_integer()?;
        let parsed = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok();
        let (low, high) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
        let fits = |n: &i64| low.is_none_or(|low| *n >= low) && high.is_none_or(|high| *n <= high);
        if let Some(number) = parsed.filter(fits) {
            return Some(json!(number));
        }
        let range = match (low, high) {
            (Some(low), Some(high)) => format!("must be {low} to {high}"),
            (Some(low), None) => format!("must be {low} or more"),
            _ => "too large a number".to_owned(),
        };
        let message = format!("`{path}` is {}, which is out of range", number.as_str());
        self.finder.error("stack::out_of_range", path, message).label(range);
        None
    }

    fn text(&mut self, path: &str, schema: &Value, text: &str) -> Option<Value> {
        let choices = choices(schema);
        if choices.is_empty() || choices.contains(&text) {
            return Some(json!(text));
        }
        if let Some(help) = not_supported_yet(path, Some(text)) {
            self.finder
                .error("stack::not_supported_yet", path, format!("`{path} = {text:?}` is not supported yet"))
                .label("not in this release")
                .help(help);
            return None;
        }
        let near = nearest(text, &choices);
        let label = near.map_or("no such choice".to_owned(), |near| format!("did you mean {near:?}?"));
        self.finder
            .error("stack::unknown_choice", path, format!("`{path}` cannot be {text:?}"))
            .label(label)
            .help(format!("choose one of {}", listed(&choices)));
        None
    }
}

fn has_type(value: &DeValue<'_>, wanted: &str) -> bool {
    match wanted {
        "integer" => value.is_integer(),
        "boolean" => value.is_bool(),
        "array" => value.is_array(),
        "object" => value.is_table(),
        _ => value.is_str(),
    }
}

/// The unit that a number without one most likely has. Of bytes a large number
/// may be just that.
fn unit(path: &str, number: &str) -> &'static str {
    let small = number.parse().is_ok_and(|number: u64| number < 1 << 20);
    match path {
        "etcd.heartbeat" | "etcd.election_timeout" => "ms",
        "etcd.auto_compaction" => "h",
        "storage.size" | "etcd.quota" if small => "Gi",
        "etcd.max_request" if small => "Mi",
        _ if small && (path.ends_with(".memory") || path.ends_with(".ephemeral-storage")) => "Gi",
        _ => "",
    }
}

/// Words for JSON's and TOML's names of types alike.
fn toml_word(name: &str) -> &'static str {
    match name {
        "integer" => "an integer",
        "boolean" => "true or false",
        "array" => "a list",
        "object" | "table" => "a table",
        "float" => "a number with a fraction",
        "datetime" => "a date or time",
        _ => "a text in quotes",
    }
}

fn choices(schema: &Value) -> Vec<&str> {
    schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Returns the name that was probably meant.
pub(super) fn nearest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let distance = |name: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &name.to_lowercase());
    let limit = if word.len() <= 4 { 1 } else { 2 };
    let close = names.iter().filter(|name| distance(name) <= limit || strsim::jaro_winkler(word, name) > 0.9);
    close.min_by_key(|name| distance(name)).copied()
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
