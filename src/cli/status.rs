//! `status`: the members as they are.

use std::time::Duration;

use serde_json::json;

use super::{
    arguments::{Global, Status as Arguments},
    clock,
    exit::Exit,
    output::Output,
    recording,
    signal::Signals,
    stacks,
};
use crate::{
    observe::Planned,
    plan::Intent,
    render,
    report::status::{self, State},
};

/// Shows the cluster of one file, once or until interrupted.
pub async fn status(arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    let loaded = match stacks::load(&arguments.file, output) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    if let Some(path) = &arguments.against.against {
        let target = loaded.target(global);
        let planned = recording::plan(&loaded, path, &Intent::default(), output);
        let shown = planned.map_err(|_| Exit::Error).and_then(|one| show(&one, arguments, &target, output));
        return shown.unwrap_or_else(|exit| exit);
    }
    let cluster = match loaded.connect(global).await {
        Ok(cluster) => cluster,
        Err(error) => return output.cluster_error(&error),
    };
    let mut signals = Signals::listen();
    loop {
        let look = async { loaded.plan(&cluster, &Intent::default()).await };
        let planned = tokio::select! {
            planned = look => planned,
            signal = signals.next() => return Exit::Signal(signal),
        };
        let shown = match planned {
            Ok(planned) => show(&planned, arguments, &loaded.target(global), output),
            // One look that fails is no reason to stop watching.
            Err(error) if arguments.watch => Ok(output.cluster_error(&error)),
            Err(error) => Err(output.cluster_error(&error)),
        };
        match shown {
            Err(exit) => return exit,
            Ok(exit) if !arguments.watch => return exit,
            Ok(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            signal = signals.next() => return Exit::Signal(signal),
        }
    }
}

/// Prints one look; an error when it has found out nothing of the members.
fn show(planned: &Planned, arguments: &Arguments, target: &str, output: &Output) -> Result<Exit, Exit> {
    let status = status::of(&planned.plan, &planned.desired, &planned.observed, clock::now());
    let exit = if status.state == State::Unknown { Exit::Error } else { Exit::Success };
    let text = if arguments.json {
        let value = json!(status);
        if arguments.watch { format!("{value}\n") } else { format!("{value:#}\n") }
    } else {
        // A terminal that is watched shows one picture; a file keeps them all.
        let (clear, end) = match (arguments.watch, output.redraws) {
            (false, _) => ("", ""),
            (true, true) => ("\u{1b}[H\u{1b}[2J", ""),
            (true, false) => ("", "\n"),
        };
        format!("{clear}{}{end}", render::status(&status, target, output.answer))
    };
    output.answer_on(&text).map(|()| exit)
}
