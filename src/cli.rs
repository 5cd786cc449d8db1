//! Arguments, dispatch, exit codes: one command a file.
//!
//! This is the only module that asks the clock, reads stack files and prints. `clap`
//! and `indicatif` are used here alone, `tempfile` here and in `snapshot`.

use std::{future::Future, io, process::ExitCode};

use clap::{CommandFactory, Parser};

mod advice;
mod apply;
mod approval;
mod approved;
mod arguments;
mod check;
mod clock;
mod comment;
mod connect;
mod consent;
mod disk;
mod document;
mod drift;
mod events;
mod exit;
mod history;
mod identity;
mod output;
mod place;
mod plan;
mod process;
mod progress;
mod recording;
mod saved;
mod show;
mod signal;
mod snapshots;
mod stacks;
mod status;
mod unlock;

use advice::{advise, with_one_dash};
use arguments::{Arguments, Command};
use exit::Exit;
use output::Output;

/// Runs the command line, and returns its exit code.
pub fn main() -> ExitCode {
    if let Some(error) = with_one_dash(std::env::args_os(), &Arguments::command()) {
        return printed(&error);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(error),
    };
    let output = Output::new(&arguments.global);
    ExitCode::from(run(arguments, &output).code())
}

/// Help and version are answers; anything else is an error with code 1, not
/// clap's 2, which would read as "there are changes".
fn usage(mut error: clap::Error) -> ExitCode {
    advise(&mut error);
    printed(&error)
}

fn printed(error: &clap::Error) -> ExitCode {
    match error.print() {
        _ if error.use_stderr() => ExitCode::FAILURE,
        // Nowhere is left to say that this could not be printed.
        Err(failed) if failed.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// Whether a program runs this, so that nobody can be asked and nobody reads
/// what to do next.
fn automated() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("CI") || set("ESTACK_IN_AUTOMATION")
}

fn run(arguments: Arguments, output: &Output) -> Exit {
    let Arguments { global, command } = arguments;
    match command {
        Command::Check(arguments) => check::check(&arguments, output),
        Command::Schema(arguments) => check::schema(arguments.of, output),
        Command::Init(arguments) => check::init(&arguments, output),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "etcdctl-stack", &mut text);
            output.answer(&String::from_utf8_lossy(&text))
        }
        Command::Plan(arguments) => runtime(plan::plan(&arguments, &global, output), output),
        Command::Show(arguments) => show::show(&arguments, &global, output),
        Command::Apply(arguments) => runtime(apply::apply(&arguments, &global, output), output),
        Command::Destroy(arguments) => runtime(apply::apply(&arguments.into(), &global, output), output),
        Command::Forget(arguments) => runtime(apply::apply(&arguments.into(), &global, output), output),
        Command::Comment(arguments) => runtime(comment::comment(&arguments, output), output),
        Command::Approved(arguments) => runtime(approved::approved(&arguments, output), output),
        Command::Status(arguments) => runtime(status::status(&arguments, &global, output), output),
        Command::Record(arguments) => runtime(recording::record(&arguments, &global, output), output),
        Command::History(arguments) => runtime(history::history(&arguments, &global, output), output),
        Command::Unlock(arguments) => runtime(unlock::unlock(&arguments, &global, output), output),
        Command::Connect(arguments) => runtime(connect::connect(&arguments, &global, output), output),
    }
}

/// The commands that talk to a cluster need a runtime; the others start
/// without one.
fn runtime(command: impl Future<Output = Exit>, output: &Output) -> Exit {
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(command);
            // A credential plugin that hangs must not keep us.
            runtime.shutdown_background();
            exit
        }
        Err(error) => output.error(&format!("cannot start: {error}"), None),
    }
}
