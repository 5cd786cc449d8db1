//! Judges Markdown by a parser of GitHub's dialect: nothing of others may be
//! more than text or code.

use std::sync::LazyLock;

use comrak::{
    Arena, Options,
    nodes::{Node, NodeValue},
    parse_document,
};
use etcdctl_stack::comment::Marker;

/// The dialect, with all that GitHub or GitLab may read more than plain text
/// into, so that the judge is the stricter one.
pub fn dialect() -> Options<'static> {
    let mut options = Options::default();
    let extension = &mut options.extension;
    extension.strikethrough = true;
    extension.table = true;
    extension.autolink = true;
    extension.tasklist = true;
    extension.footnotes = true;
    extension.inline_footnotes = true;
    extension.alerts = true;
    extension.math_dollars = true;
    extension.math_code = true;
    extension.multiline_block_quotes = true;
    extension.description_lists = true;
    extension.wikilinks_title_after_pipe = true;
    options.parse.relaxed_autolinks = true;
    options.render.r#unsafe = true;
    options
}

static DIALECT: LazyLock<Options<'static>> = LazyLock::new(dialect);

/// What must not be in text: it may be a mention, a reference, an address, or
/// was meant to be Markdown.
const IN_TEXT: [char; 15] = ['@', '#', '!', '$', '&', '~', '%', '<', '>', '[', ']', '|', '*', '_', '`'];

/// Why a text is not harmless; empty when it is.
pub fn judge(text: &str, links: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    // Behind an open fence, quote, table or HTML this were no paragraph.
    let sentinel = format!("{text}\nsentinel\n");
    let arena = Arena::new();
    let root = parse_document(&arena, &sentinel, &DIALECT);
    let last = root.last_child().map(|node| (matches!(node.data().value, NodeValue::Paragraph), words(node)));
    if last != Some((true, "sentinel".to_owned())) {
        wrong.push(format!("it ends within something: {last:?}"));
    }
    let mut open = 0usize;
    for node in root.descendants() {
        let value = &node.data().value;
        if let Err(why) = allowed(node, value, links, &mut open) {
            wrong.push(format!("{why}: {value:?}"));
        }
    }
    if open > 0 {
        wrong.push(format!("{open} details are open"));
    }
    wrong.extend(headings(root));
    wrong.extend(lines(text));
    wrong
}

fn words(node: Node<'_>) -> String {
    let text = |node: Node<'_>| match &node.data().value {
        NodeValue::Text(text) => text.to_string(),
        _ => String::new(),
    };
    node.descendants().map(text).collect()
}

fn allowed(node: Node<'_>, value: &NodeValue, links: &[&str], open: &mut usize) -> Result<(), &'static str> {
    match value {
        NodeValue::Document
        | NodeValue::Paragraph
        | NodeValue::List(_)
        | NodeValue::Item(_)
        | NodeValue::Heading(_)
        | NodeValue::Table(_)
        | NodeValue::TableRow(_)
        | NodeValue::TableCell
        | NodeValue::Strong
        | NodeValue::Emph
        | NodeValue::SoftBreak
        | NodeValue::Code(_) => Ok(()),
        NodeValue::Alert(_) if *open > 0 => Err("GitHub draws no box within details"),
        NodeValue::Alert(_) => Ok(()),
        NodeValue::Text(text) => harmless(text),
        NodeValue::CodeBlock(code) => {
            let ours = ["diff", "text", "sh"].contains(&code.info.as_str());
            let commands = code.literal.lines().any(|line| line.starts_with('/'));
            if code.fenced && code.closed && ours && !commands {
                Ok(())
            } else {
                Err("a fence that is not ours")
            }
        }
        NodeValue::HtmlBlock(html) => {
            let first = node.previous_sibling().is_none()
                && node.parent().is_some_and(|parent| parent.parent().is_none());
            ours(&html.literal, first, open)
        }
        NodeValue::Link(link) if links.contains(&link.url.as_str()) => Ok(()),
        NodeValue::Link(_) => Err("a link"),
        NodeValue::Image(_) => Err("an image"),
        _ => Err("something that no plan has"),
    }
}

fn harmless(text: &str) -> Result<(), &'static str> {
    if let Some(at) = text.find(|c| IN_TEXT.contains(&c)) {
        let _where = at;
        return Err("text that may be more than text");
    }
    if text.contains("://") || text.contains("www.") {
        return Err("an address");
    }
    let ticket = |word: &str| {
        let parts = word.split_once('-');
        parts.is_some_and(|(name, number)| {
            name.ends_with(|c: char| c.is_ascii_alphabetic())
                && number.starts_with(|c: char| c.is_ascii_digit())
        })
    };
    if text.split(' ').any(ticket) { Err("a reference to a ticket") } else { Ok(()) }
}

/// Our own HTML: the marker at the very beginning, and what folds.
fn ours(html: &str, first: bool, open: &mut usize) -> Result<(), &'static str> {
    let html = html.trim_end();
    if first && Marker::read(html).is_some() {
        return Ok(());
    }
    if html == "</details>" {
        *open = open.checked_sub(1).ok_or("details that were not open")?;
        return Ok(());
    }
    let inner = html.strip_prefix("<details><summary>").and_then(|rest| rest.strip_suffix("</summary>"));
    let Some(inner) = inner else { return Err("HTML that is not ours") };
    *open += 1;
    let bare = inner.replace("<code>", "\u{1}").replace("</code>", "\u{1}");
    // Every other part is within code, where entities stand.
    for (index, part) in bare.split('\u{1}').enumerate() {
        let within = index % 2 == 1;
        if part.contains(['<', '>', '@', '\n']) || !within && part.contains(['&', '#']) {
            return Err("text of others in a summary");
        }
    }
    Ok(())
}

/// One heading at most, and nothing before it but the marker.
fn headings(root: Node<'_>) -> Option<String> {
    let is_heading = |node: &Node<'_>| matches!(node.data().value, NodeValue::Heading(_));
    let all = root.descendants().filter(|node| is_heading(node)).count();
    let marked = root.first_child().is_some_and(|node| matches!(node.data().value, NodeValue::HtmlBlock(_)));
    let early = root.children().nth(usize::from(marked)).is_some_and(|node| is_heading(&node));
    (all > usize::from(early)).then(|| format!("{all} headings"))
}

/// What is seen in the text itself: commands of GitLab, markers, cells.
fn lines(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut columns = None;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('/') {
            wrong.push(format!("a command in line {number}: {line}"));
        }
        if number > 0 && line.starts_with("<!--") {
            wrong.push(format!("a marker in line {number}"));
        }
        let bars = line.starts_with("| ").then(|| line.matches('|').count());
        if let (Some(columns), Some(bars)) = (columns, bars)
            && columns != bars
        {
            wrong.push(format!("{bars} bars and not {columns} in line {number}: {line}"));
        }
        columns = columns.filter(|_| line.starts_with('|')).or(bars);
    }
    wrong
}

#[test]
fn the_judge_sees_what_breaks_out() {
    let harmless = "### 🟡 `a` → b — 1 step\n\n| | a |\n|---|---|\n| x | `@b` |\n\n<details><summary>Steps (1)</summary>\n\n~~~diff\n+ a\n~~~\n\n</details>\n";
    assert_eq!(judge(harmless, &[]), Vec::<String>::new());
    for (bad, why) in [
        ("@octocat", "text that may be more"),
        ("see #12", "text that may be more"),
        ("GH-12", "a ticket"),
        ("https://example.com", "a link"),
        ("www.example.com", "a link"),
        ("a@example.com", "a link"),
        ("[a](b)", "a link"),
        ("![a](b)", "an image"),
        ("<b>x</b>", "something that no plan has"),
        ("<div>", "HTML that is not ours"),
        ("</details>", "details that were not open"),
        ("<details><summary>x</summary>", "details are open"),
        ("# x", "headings"),
        ("x\n===", "headings"),
        ("~~~sh\nx", "a fence that is not ours"),
        ("```\nx\n```", "a fence that is not ours"),
        ("    x", "a fence that is not ours"),
        ("/close", "a command"),
        ("<!-- etcdctl-stack:comment v1 {} -->", "a marker"),
        ("$`x`$", "something that no plan has"),
        ("- [ ] x", "something that no plan has"),
        ("---", "something that no plan has"),
        ("> x", "something that no plan has"),
        ("~~x~~", "something that no plan has"),
        ("| a | b |\n|---|---|\n| c | d | e |", "bars"),
    ] {
        let wrong = judge(&format!("### a\n\n{bad}\n"), &[]).join("; ");
        assert!(wrong.contains(why), "{bad}: {wrong}");
    }
}
