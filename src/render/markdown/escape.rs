//! Text of others in Markdown. Nothing in a stack file, a cluster or a
//! server's error becomes a link, an image, HTML, a mention, a reference, a
//! command or a heading: it is code, or words that mean nothing else.
//!
//! ```text
//! words   prose: plain words stay, every other one becomes code
//! code    a name in a line
//! html    a name where Markdown is not read: within HTML
//! fence   lines as they are
//! link    our own, to an address that a CI system gave
//! ```
//!
//! Why code, and not backslashes: GitHub and GitLab look for mentions and
//! references in the finished HTML, where a backslash is gone; in code they do
//! not look. <https://github.com/github/cmark-gfm/issues/181>
//!
//! What they look for:
//! - `@name`, `@org/team`, `#123`, `GH-123`, `owner/name#123`, `name@commit`,
//!   addresses, and prefixes of a repository's own such as `TICKET-123`:
//!   <https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls>
//! - `!123`, `$123`, `&123`, `~label`, `%milestone`, `[vulnerability:123]`:
//!   <https://docs.gitlab.com/user/markdown/#gitlab-specific-references>
//! - `/close` at the beginning of a line, also within a fence of `~`: no line
//!   begins with a slash, nor with what else may begin something. <https://docs.gitlab.com/user/project/quick_actions/>
//! - addresses without brackets: <https://github.github.com/gfm/#autolinks-extension->

use std::fmt::Write as _;

/// The most characters of a name or a sentence in a line.
const LINE: usize = 600;

/// Characters that would move others, or that nobody sees: shown by number.
const UNSEEN: [(char, char); 14] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Text without what would not be seen, or would steer what shows it.
fn shown(text: &str) -> String {
    let unseen = |c: char| UNSEEN.iter().any(|(first, last)| (*first..=*last).contains(&c));
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => shown.extend(c.escape_default()),
            c if unseen(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// The beginning of a text that is too long, with a mark that it is.
pub fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// As one line.
fn line(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(shown).collect();
    clipped(&lines.join(" "), LINE)
}

/// A name, as code in a line.
///
/// The backticks around it are one more than any run of them in it.
/// <https://github.github.com/gfm/#code-spans>
pub fn code(text: &str) -> String {
    let text = without_long_runs(&line(text), '`');
    let text = text.trim();
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let ticks = "`".repeat(longest_run(text, '`') + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// A name, as code within HTML.
pub fn html(text: &str) -> String {
    let mut escaped = String::new();
    for c in line(text).chars() {
        match c {
            c if c.is_alphanumeric() || " -._/".contains(c) => escaped.push(c),
            c => drop(write!(escaped, "&#{};", u32::from(c))),
        }
    }
    format!("<code>{escaped}</code>")
}

/// Prose of others. What stands between backticks is code already; of the rest
/// a word stays what it is if it can mean nothing but itself, and is code
/// otherwise.
pub fn words(text: &str) -> String {
    let mut text = line(text);
    // A cut may have left one backtick of two.
    if text.ends_with('…') && text.matches('`').count() % 2 == 1 {
        text.push('`');
    }
    tokens(&text).into_iter().map(word).collect::<Vec<_>>().join(" ")
}

/// The words of a line; what stands between backticks is in one.
fn tokens(text: &str) -> Vec<&str> {
    let (mut tokens, mut start, mut quoted) = (Vec::new(), 0, false);
    let last = text.rfind('`');
    for (at, c) in text.char_indices() {
        match c {
            '`' => quoted = !quoted && last > Some(at),
            ' ' if !quoted => {
                tokens.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    tokens.push(&text[start..]);
    tokens.retain(|token| !token.is_empty());
    tokens
}

/// Punctuation that may stand before and behind a word.
const BEFORE: [char; 3] = ['(', '"', '\''];
const BEHIND: [char; 8] = ['.', ',', ':', ';', '?', ')', '"', '\''];

fn word(token: &str) -> String {
    match token {
        "->" => return "→".to_owned(),
        "-" => return "–".to_owned(),
        "·" | "→" | "←" | "–" | "—" | "…" => return token.to_owned(),
        _ => {}
    }
    let inner = token.trim_start_matches(BEFORE);
    let before = &token[..token.len() - inner.len()];
    let core = closed(inner, inner.trim_end_matches(BEHIND));
    let behind = &inner[core.len()..];
    let quoted = core.strip_prefix('`').and_then(|core| core.strip_suffix('`'));
    match quoted.filter(|quoted| !quoted.contains('`')) {
        Some(quoted) if !quoted.trim().is_empty() => format!("{before}{}{behind}", code(quoted)),
        _ if core.is_empty() => code(token),
        _ if !is_plain(core) => format!("{before}{}{behind}", code(core)),
        // `1.` at the beginning of a line is a list.
        _ if core.chars().all(|c| c.is_ascii_digit()) && behind.starts_with(['.', ')']) => {
            format!("{before}{core}\\{behind}")
        }
        _ => token.to_owned(),
    }
}

/// The word with the bracket behind it that closes one in it.
fn closed<'a>(inner: &'a str, core: &'a str) -> &'a str {
    let opens = core.matches('(').count() > core.matches(')').count();
    let end = core.len() + usize::from(opens && inner[core.len()..].starts_with(')'));
    &inner[..end]
}

/// Whether a word can be nothing but a word: letters and digits, hyphens and
/// points between them.
fn is_plain(core: &str) -> bool {
    let number = |core: &str| core.chars().all(|c| c.is_ascii_digit() || c == '.');
    let allowed = core.chars().all(|c| c.is_alphanumeric() || "-'’…".contains(c));
    let inside =
        core.starts_with(char::is_alphanumeric) && core.ends_with(|c: char| c.is_alphanumeric() || c == '…');
    let doubled = core.contains("--") || core.contains("''");
    number(core) || is_time(core) || allowed && inside && !doubled && !is_ticket(core) && !is_hash(core)
}

/// `2026-11-20`, `18:25`, `18:25:21`.
fn is_time(core: &str) -> bool {
    let shaped = |by: char, widths: &[usize]| {
        let parts: Vec<&str> = core.split(by).collect();
        let digits = |part: &&str| part.chars().all(|c| c.is_ascii_digit());
        parts.iter().all(digits) && parts.iter().map(|part| part.len()).eq(widths.iter().copied())
    };
    shaped('-', &[4, 2, 2]) || shaped(':', &[2, 2]) || shaped(':', &[2, 2, 2])
}

/// `GH-123`, `TICKET-123`.
fn is_ticket(core: &str) -> bool {
    core.split('-').skip(1).any(|part| part.starts_with(|c: char| c.is_numeric()))
}

/// What may be taken for a commit.
fn is_hash(core: &str) -> bool {
    core.len() >= 7
        && core.chars().all(|c| c.is_ascii_hexdigit())
        && core.contains(|c: char| c.is_ascii_digit())
}

/// Lines as they are. The fence is longer than any run of tildes in them.
/// <https://github.github.com/gfm/#fenced-code-blocks>
pub fn fence(language: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| without_long_runs(&shown(line), '~')).collect();
    let run = lines.iter().map(|line| longest_run(line, '~')).max().unwrap_or(0);
    let fence = "~".repeat(3.max(run + 1));
    let mut text = format!("{fence}{language}\n");
    for line in lines {
        let bare = line.starts_with(|c: char| c.is_alphanumeric() || " +-!@".contains(c));
        let space = if bare || line.is_empty() { "" } else { " " };
        let _infallible = writeln!(text, "{space}{line}");
    }
    text + &fence + "\n"
}

/// A link; `None` where the address holds what no address of a CI system does.
pub fn link(label: &str, url: &str) -> Option<String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&*+,;=%".contains(c);
    let web = url.starts_with("https://") || url.starts_with("http://");
    (web && url.len() <= 2000 && url.chars().all(fine)).then(|| format!("[{label}](<{url}>)"))
}

/// The text with no more than so many of a character in a row: parsers count
/// those around code up to 80, and tildes of a fence up to 255.
fn without_long_runs(text: &str, of: char) -> String {
    const LONGEST: usize = 16;
    let mut run = 0;
    let mut cut = String::with_capacity(text.len());
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        match run {
            0..=LONGEST => cut.push(c),
            run if run == LONGEST + 1 => cut.push('…'),
            _ => {}
        }
    }
    cut
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(|run| run.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_and_what_may_be_more_becomes_code() {
        let table = [
            ("only 2 of 3 voters are healthy", "only 2 of 3 voters are healthy"),
            ("`orders-2` does not answer.", "`orders-2` does not answer."),
            ("replicas 5 -> 4, (wait)", "replicas 5 → 4, (wait)"),
            ("set by @octocat, see #1", "set by `@octocat`, see `#1`"),
            ("GH-12 and own/er#1!", "`GH-12` and `own/er#1!`"),
            ("!1 $2 &3 ~bug %8.6", "`!1` `$2` `&3` `~bug` `%8.6`"),
            ("www.example.com https://a.b", "`www.example.com` `https://a.b`"),
            ("/close", "`/close`"),
            ("1. one", "1\\. one"),
            ("takes 3.", "takes 3\\."),
            ("<b>x</b> [a](b) ![c](d)", "`<b>x</b>` `[a](b)` `![c](d)`"),
            ("one ` tick", "one `` ` `` tick"),
            ("a `b c` d `e", "a `b c` d `` `e ``"),
            ("two\nlines", "two lines"),
            ("it's well-known (e.g.)", "it's well-known (`e.g`.)"),
            ("at 2026-11-20 18:25:21 UTC", "at 2026-11-20 18:25:21 UTC"),
            ("bell \u{7} \u{202e}", "bell `\\u{7}` `\\u{202e}`"),
            ("# heading", "`#` heading"),
            ("*a* _b_ - +", "`*a*` `_b_` – `+`"),
        ];
        for (text, expected) in table {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_what_is_in_it() {
        let lines = ["~~~~".to_owned(), "/close".to_owned(), "a\nb".to_owned()];
        assert_eq!(fence("text", &lines), "~~~~~text\n ~~~~\n /close\na\\nb\n~~~~~\n");
    }

    #[test]
    fn a_long_run_is_cut_before_a_parser_loses_count() {
        let text = code(&"`".repeat(200));
        assert_eq!((text.matches('`').count(), text.contains("`…")), (16 + 2 * 17, true));
        assert!(fence("text", &["~".repeat(300)]).starts_with(&format!("{}text", "~".repeat(17))));
    }

    #[test]
    fn a_name_within_html_opens_nothing() {
        assert_eq!(html("a</summary>&@b"), "<code>a&#60;/summary&#62;&#38;&#64;b</code>");
    }

    #[test]
    fn a_link_goes_to_a_page_and_nowhere_else() {
        assert_eq!(link("run", "https://a.b/c?d=e").as_deref(), Some("[run](<https://a.b/c?d=e>)"));
        for url in ["javascript:alert(1)", "https://a.b/>x", "https://a b", "https://a\n"] {
            assert_eq!(link("run", url), None, "{url}");
        }
    }
}
