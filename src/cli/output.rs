//! The one place that prints. Standard output carries the answer, standard
//! error the progress and the errors.

use std::io::{self, IsTerminal, Write};

use super::{
    arguments::{Color, Global},
    automated,
    exit::Exit,
};
use crate::{cluster, render::Style};

/// Where text goes, and how it may look there.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Standard output.
    pub answer: Style,
    /// Standard error.
    pub progress: Style,
    /// Whether a person watches standard error.
    pub live: bool,
    /// Whether standard output is a terminal, where a picture may be redrawn.
    pub redraws: bool,
}

impl Output {
    /// Decides by flags, environment and terminal.
    pub fn new(global: &Global) -> Self {
        let color = if global.no_color { Color::Never } else { global.color };
        let environment = |name: &str| std::env::var(name).ok();
        let style = |terminal: bool| Style {
            color: colored(color, terminal, environment),
            width: width(terminal, environment),
        };
        let (stdout, stderr) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Output {
            answer: style(stdout),
            progress: style(stderr),
            live: stderr && !automated(),
            redraws: stdout && environment("TERM").is_none_or(|term| term != "dumb"),
        }
    }

    /// Prints the answer. A reader that has gone, as in `| head`, has seen
    /// enough; a full disk is an error.
    pub fn answer(&self, text: &str) -> Exit {
        match self.answer_on(text) {
            Ok(()) => Exit::Success,
            Err(exit) => exit,
        }
    }

    /// Prints one answer of many. An error ends them: success when the reader
    /// has gone.
    pub fn answer_on(&self, text: &str) -> Result<(), Exit> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Exit::Success),
            Err(error) => Err(self.error(&format!("cannot write to standard output: {error}"), None)),
        }
    }

    /// Prints progress. Nobody can be told that this failed.
    pub fn say(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        if stderr.write_all(text.as_bytes()).is_ok() && !text.ends_with('\n') {
            drop(stderr.write_all(b"\n"));
        }
    }

    /// Prints an error and what to do about it.
    pub fn error(&self, what: &str, help: Option<&str>) -> Exit {
        let style = self.progress;
        let mut text = style.wrap(&style.bad("error: "), 2, what);
        if let Some(help) = help {
            text.push('\n');
            text.push_str(&style.wrap("  help: ", 8, help));
        }
        self.say(&text);
        Exit::Error
    }

    /// Prints an error of the API server.
    pub fn cluster_error(&self, error: &cluster::Error) -> Exit {
        self.error(&error.to_string(), error.help());
        match error {
            cluster::Error::Locked { .. } => Exit::Locked,
            _ => Exit::Error,
        }
    }
}

/// The order of decision: flag, `NO_COLOR`, `CLICOLOR_FORCE` or `FORCE_COLOR`,
/// `TERM`, `CLICOLOR`, terminal, and last the logs of CI systems that show
/// colour. <https://no-color.org>, <https://bixense.com/clicolors/>
fn colored(color: Color, terminal: bool, environment: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| environment(name).is_some_and(|value| !value.is_empty());
    let is = |name: &str, wanted: &str| environment(name).is_some_and(|value| value == wanted);
    let forced = |name: &str| set(name) && !is(name, "0");
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR") => false,
        Color::Auto if forced("CLICOLOR_FORCE") || forced("FORCE_COLOR") => true,
        Color::Auto if is("TERM", "dumb") || is("CLICOLOR", "0") => false,
        Color::Auto => terminal || ["GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE"].into_iter().any(set),
    }
}

/// The terminal's columns; `COLUMNS` where somebody set it; else a hundred.
fn width(terminal: bool, environment: impl Fn(&str) -> Option<String>) -> usize {
    let set = environment("COLUMNS").and_then(|text| text.parse().ok());
    let measured = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    measured.filter(|_| terminal).or(set).unwrap_or(100).max(40)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(color: Color, terminal: bool, environment: &[(&str, &str)]) -> bool {
        let find = |name: &str| environment.iter().find(|one| one.0 == name).map(|one| one.1.to_owned());
        colored(color, terminal, find)
    }

    #[test]
    fn the_first_that_decides_on_colour_wins() {
        let auto = |terminal, environment: &[(&str, &str)]| decide(Color::Auto, terminal, environment);
        let table = [
            (decide(Color::Always, false, &[("NO_COLOR", "1")]), true),
            (decide(Color::Never, true, &[("FORCE_COLOR", "1")]), false),
            (auto(true, &[]), true),
            (auto(false, &[]), false),
            (auto(true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), false),
            (auto(true, &[("NO_COLOR", "")]), true),
            (auto(false, &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")]), true),
            (auto(false, &[("CLICOLOR_FORCE", "0")]), false),
            (auto(false, &[("FORCE_COLOR", "1")]), true),
            (auto(true, &[("TERM", "dumb")]), false),
            (auto(true, &[("CLICOLOR", "0")]), false),
            (auto(false, &[("GITHUB_ACTIONS", "true")]), true),
            (auto(false, &[("GITHUB_ACTIONS", "true"), ("TERM", "dumb")]), false),
        ];
        let wrong: Vec<usize> =
            table.iter().enumerate().filter(|(_, (is, want))| is != want).map(|(row, _)| row).collect();
        assert_eq!(wrong, [0usize; 0]);
    }
}
