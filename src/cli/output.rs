//! The one place that prints. Standard output carries the answer, standard
//! error the progress and the errors.

use std::io::{self, IsTerminal, Write};

use super::{
    arguments::{Color, Global},
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
}

impl Output {
    /// Decides by flags, environment and terminal.
    pub fn new(global: &Global) -> Self {
        let color = if global.no_color { Color::Never } else { global.color };
        let style = |terminal: bool| Style { color: colored(color, terminal), width: width(terminal) };
        let live = io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        Output {
            answer: style(io::stdout().is_terminal()),
            progress: style(io::stderr().is_terminal()),
            live,
        }
    }

    /// Prints the answer. A reader that has gone, as in `| head`, has seen
    /// enough; a full disk is an error.
    pub fn answer(&self, text: &str) -> Exit {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Exit::Success,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success,
            Err(error) => self.error(&format!("cannot write to standard output: {error}"), None),
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
            text.push_str(&style.wrap("  next: ", 8, help));
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

/// The order of decision: flag, `NO_COLOR`, `CLICOLOR_FORCE`, `TERM`,
/// `CLICOLOR`, terminal, and last the logs of CI systems that show colour.
/// <https://no-color.org>, <https://bixense.com/clicolors/>
fn colored(color: Color, terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR") => false,
        Color::Auto if set("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0") => true,
        Color::Auto if is("TERM", "dumb") || is("CLICOLOR", "0") => false,
        Color::Auto => terminal || ["GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE"].into_iter().any(set),
    }
}

/// The terminal's columns; `COLUMNS` where somebody set it; else a hundred.
fn width(terminal: bool) -> usize {
    let set = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let measured = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    measured.filter(|_| terminal).or(set).unwrap_or(100).max(40)
}
