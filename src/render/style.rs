//! Colour and width. Every colour is doubled by a symbol or a word, so that
//! text without colour loses nothing.

use std::path::Path;

use anstyle::{AnsiColor, Style as Ansi};
use jiff::Timestamp;

/// How text may look where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colours may be used.
    pub color: bool,
    /// How many columns there are.
    pub width: usize,
}

impl Style {
    /// What comes into being, and what is well.
    pub fn good(&self, text: &str) -> String {
        self.paint(text, AnsiColor::Green.on_default())
    }

    /// What changes, and what to mind.
    pub fn mind(&self, text: &str) -> String {
        self.paint(text, AnsiColor::Yellow.on_default())
    }

    /// What stands in the way.
    pub fn bad(&self, text: &str) -> String {
        self.paint(text, AnsiColor::Red.on_default().bold())
    }

    /// Headings.
    pub fn bold(&self, text: &str) -> String {
        self.paint(text, Ansi::new().bold())
    }

    /// What matters less.
    pub fn dim(&self, text: &str) -> String {
        self.paint(text, Ansi::new().dimmed())
    }

    fn paint(&self, text: &str, style: Ansi) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Breaks text at spaces to fit behind `first`, with later lines behind as
    /// many spaces as `indent` says. A word is never broken: names are copied.
    ///
    /// `words` may come from a server: its line breaks stay, and what would
    /// steer a terminal is shown instead of obeyed. `first` is ours.
    pub fn wrap(&self, first: &str, indent: usize, words: &str) -> String {
        let mut text = first.to_owned();
        let mut column = visible(first);
        for (number, line) in words.trim_end().lines().enumerate() {
            let mut begins = true;
            if number > 0 {
                column = new_line(&mut text, indent);
            }
            for word in line.split(' ').map(plain) {
                let length = word.chars().count();
                let space = usize::from(!begins);
                let would_fit_below = column > indent && indent + length <= self.width;
                if column + space + length > self.width && (!begins || would_fit_below) {
                    column = new_line(&mut text, indent);
                } else if !begins {
                    text.push(' ');
                    column += 1;
                }
                text.push_str(&word);
                column += length;
                begins = false;
            }
        }
        text
    }

    /// Sets parts side by side, and those that do not fit below, behind as many
    /// spaces as `indent` says. The parts are ours and may hold colours.
    pub fn join(&self, indent: usize, parts: &[String]) -> String {
        const BETWEEN: &str = "  ·  ";
        let mut text = String::new();
        let mut column = 0;
        for part in parts {
            let length = visible(part);
            if column > 0 && column + visible(BETWEEN) + length > self.width {
                column = new_line(&mut text, indent);
            } else if column > 0 {
                text.push_str(BETWEEN);
                column += visible(BETWEEN);
            }
            text.push_str(part);
            column += length;
        }
        text
    }
}

fn new_line(text: &mut String, indent: usize) -> usize {
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
    text.push_str(&" ".repeat(indent));
    indent
}

/// Text whose control characters are written out: `\u{1b}`.
pub fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// A file's name as a shell takes it, in a command to copy.
pub fn quoted(name: &str) -> String {
    let bare = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        format!("'{}'", plain(name).replace('\'', r"'\''"))
    }
}

/// A stack as it is named in a command to copy: its file and, where they were
/// named, the kubeconfig and its context.
pub fn target(file: &str, context: Option<&str>, kubeconfig: Option<&Path>) -> String {
    let flag = |name: &str, value: Option<String>| {
        value.map(|value| format!(" --{name} {}", quoted(&value))).unwrap_or_default()
    };
    let context = flag("context", context.map(str::to_owned));
    let kubeconfig = flag("kubeconfig", kubeconfig.map(|path| path.display().to_string()));
    format!("{}{context}{kubeconfig}", quoted(file))
}

/// The columns that text takes: without what only changes its colour.
pub fn visible(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().chars().count()
}

/// Text with spaces behind it, up to a number of columns.
pub fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(visible(text))))
}

/// Bytes as people say them: `20 KiB`, `1.2 GiB`.
pub fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (count as f64, 0);
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 10.0 && unit > 0 && value.fract() >= 0.05 {
        format!("{value:.1} {}", units[unit])
    } else {
        format!("{value:.0} {}", units[unit])
    }
}

/// A time as people say it, to the minute.
pub fn when(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `1 member`, `3 members`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_between_words_and_a_word_is_not() {
        let style = Style { color: false, width: 20 };
        assert_eq!(
            style.wrap("  1 ", 4, "create Namespace/etcd-orders now"),
            "  1 create\n    Namespace/etcd-orders\n    now"
        );
    }

    #[test]
    fn what_would_steer_a_terminal_is_shown_instead() {
        let style = Style { color: false, width: 40 };
        assert_eq!(
            style.wrap("  ", 4, "red \u{1b}[31m and a bell \u{7}\nnext line\n"),
            "  red \\u{1b}[31m and a bell \\u{7}\n    next line"
        );
    }

    #[test]
    fn parts_go_below_where_they_do_not_fit() {
        let style = Style { color: true, width: 20 };
        let parts = [style.bold("orders"), "plan 7f3a".to_owned(), "namespace etcd".to_owned()];
        assert_eq!(
            anstream::adapter::strip_str(&style.join(2, &parts)).to_string(),
            "orders  ·  plan 7f3a\n  namespace etcd"
        );
    }

    #[test]
    fn a_file_name_in_a_command_is_quoted_where_a_shell_would_split_it() {
        assert_eq!(["a/b.toml", "my file", "it's"].map(quoted), ["a/b.toml", "'my file'", r"'it'\''s'"]);
    }

    #[test]
    fn bytes_are_said_with_a_unit_that_fits() {
        assert_eq!([0, 1023, 20480, 1_288_490_189].map(bytes), ["0 B", "1023 B", "20 KiB", "1.2 GiB"]);
    }
}
