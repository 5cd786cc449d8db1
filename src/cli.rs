//! Arguments, dispatch, exit codes: one command a file.
//!
//! This is the only module that asks the clock, reads files and prints. `clap`,
//! `indicatif` and `tempfile` are used here alone.

use std::{future::Future, process::ExitCode};

use clap::{CommandFactory, Parser};

mod apply;
mod arguments;
mod check;
mod connect;
mod exit;
mod identity;
mod observe;
mod output;
mod plan;
mod progress;
mod signal;
mod stacks;
mod status;

use arguments::{Arguments, Command};
use exit::Exit;
use output::Output;

/// Runs the command line, and returns its exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let output = Output::new(&arguments.global);
    ExitCode::from(run(arguments, &output).code())
}

/// Help and version are answers; anything else is an error with code 1, not
/// clap's 2, which would read as "there are changes".
fn usage(error: &clap::Error) -> ExitCode {
    let failed = error.use_stderr();
    // Nowhere is left to say that this could not be printed.
    if error.print().is_err() {
        return ExitCode::FAILURE;
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run(arguments: Arguments, output: &Output) -> Exit {
    let Arguments { global, command } = arguments;
    match command {
        Command::Check(arguments) => check::check(&arguments, output),
        Command::Schema => check::schema(output),
        Command::Init(arguments) => check::init(&arguments, output),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "etcdctl-stack", &mut text);
            output.answer(&String::from_utf8_lossy(&text))
        }
        Command::Plan(arguments) => runtime(plan::plan(&arguments, &global, output)),
        Command::Apply(arguments) => runtime(apply::apply(&arguments, &global, output)),
        Command::Status(arguments) => runtime(status::status(&arguments, &global, output)),
        Command::Connect(arguments) => runtime(connect::connect(&arguments, &global, output)),
    }
}

/// The commands that talk to a cluster need a runtime; the others start
/// without one.
fn runtime(command: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(_) => Exit::Error,
    }
}
