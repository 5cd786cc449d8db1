//! What programs read of a run while people read the rest: lines of `--json`,
//! on standard output.

use serde_json::Value;

use super::{arguments::Apply, clock, exit::Exit, output::Output};
use crate::{cluster, render};

/// Where the lines go.
#[derive(Clone, Copy, Debug)]
pub struct Events<'a> {
    output: &'a Output,
    json: bool,
}

impl<'a> Events<'a> {
    /// Those of an apply.
    pub fn of(arguments: &Apply, output: &'a Output) -> Self {
        Events { output, json: arguments.how.json }
    }

    /// A line, where a program reads.
    pub fn line(&self, line: &Value) {
        if self.json {
            self.output.answer(&format!("{line}\n"));
        }
    }

    /// Says why the run ends before its first step, to both.
    pub fn stop(&self, code: &str, what: &str, help: Option<&str>) -> Exit {
        let exit = self.output.error(what, help);
        self.stopped(code, what, help);
        exit
    }

    /// The same to programs alone: people were told in more words.
    pub fn stopped(&self, code: &str, what: &str, help: Option<&str>) {
        self.line(&render::stopped_json(code, what, help, clock::now()));
    }

    /// The same of what the API server, or the way to it, did.
    pub fn failed(&self, error: &cluster::Error) -> Exit {
        let exit = self.output.cluster_error(error);
        self.stopped("apply::cluster", &error.to_string(), error.help());
        exit
    }
}
