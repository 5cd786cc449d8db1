//! Colour and width. Every colour is doubled by a symbol or a word, so that
//! text without colour loses nothing.

use anstyle::{AnsiColor, Style as Ansi};

/// How text may look where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colours may be used.
    pub color: bool,
    /// How many columns there are.
    pub width: usize,
}

impl Style {
    /// No colour, a hundred columns: for files and for what is not a terminal.
    pub const PLAIN: Style = Style { color: false, width: 100 };

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
    pub fn wrap(&self, first: &str, indent: usize, words: &str) -> String {
        let mut text = first.to_owned();
        let mut column = visible(first);
        let mut begins = true;
        for word in words.split(' ') {
            let length = word.chars().count();
            if !begins && column + 1 + length > self.width {
                text.push('\n');
                text.push_str(&" ".repeat(indent));
                column = indent;
            } else if !begins {
                text.push(' ');
                column += 1;
            }
            text.push_str(word);
            column += length;
            begins = false;
        }
        text
    }
}

/// The columns that text takes: without what only changes its colour.
fn visible(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().chars().count()
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
    fn bytes_are_said_with_a_unit_that_fits() {
        assert_eq!([0, 1023, 20480, 1_288_490_189].map(bytes), ["0 B", "1023 B", "20 KiB", "1.2 GiB"]);
    }
}
