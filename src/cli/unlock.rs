//! `unlock`: show who holds the lock, ask, take it from them, give it back.

use std::time::Duration;

use super::{
    approval,
    arguments::{Global, Unlock as Arguments},
    clock, consent,
    exit::Exit,
    identity::{self, Life},
    output::Output,
    stacks,
};
use crate::{
    cluster::{self, Cluster, Held},
    desired::Names,
    execute::UNRENEWED_SECONDS,
    render::when,
};

/// Seconds until a run that still lives has noticed that its lock was taken.
const NOTICE: u32 = UNRENEWED_SECONDS;

/// Frees the lock of one file's stack.
pub async fn unlock(arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    match whole(arguments, global, output).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn whole(arguments: &Arguments, global: &Global, output: &Output) -> Result<Exit, Exit> {
    let loaded = stacks::load(&arguments.file, output)?;
    let cluster = loaded.connect(global).await.map_err(|error| output.cluster_error(&error))?;
    let names = loaded.names();
    let held = cluster.reader().held(&names).await.map_err(|error| output.cluster_error(&error))?;
    let Some(held) = held else { return Ok(output.answer("Nobody holds the lock.\n")) };
    if held.until <= clock::now() {
        let text = format!("Nobody holds the lock: that of {} ran out by itself.\n", held.identity);
        return Ok(output.answer(&text));
    }
    let life = identity::life(&held.identity);
    output.answer_on(&told(&held, life, output))?;
    confirmed(arguments, &held, &names, output)?;
    free(&cluster, &names, &held, life, output).await
}

/// Who holds it, and what taking it from them means.
fn told(held: &Held, life: Life, output: &Output) -> String {
    let Held { identity, since, until, .. } = held;
    let since = since.map(|since| format!(" since {}", when(since))).unwrap_or_default();
    let ends = until.strftime("%Y-%m-%d %H:%M:%S UTC");
    let known = match life {
        Life::Over => "That run is over: its process on this machine has ended.".to_owned(),
        Life::Alive => "That run is alive: its process is running on this machine.".to_owned(),
        Life::Unknown => format!(
            "Whether that run is alive is not known from here. If it is dead, wait: the lock ends by itself at {ends}."
        ),
    };
    let breaks = match life {
        Life::Over => String::new(),
        Life::Alive | Life::Unknown => format!(
            "A run that is alive goes on until it next renews the lock, within {NOTICE} s, and stops there, perhaps \
             in the middle of a step; the next apply goes on. No other run can begin before that."
        ),
    };
    let style = output.answer;
    let lines =
        [style.wrap("The lock is held by ", 2, &format!("{identity}{since}.")), style.wrap("", 0, &known)];
    let breaks = (!breaks.is_empty()).then(|| style.wrap("", 0, &breaks));
    lines.into_iter().chain(breaks).map(|line| format!("{line}\n")).collect()
}

fn confirmed(arguments: &Arguments, held: &Held, names: &Names, output: &Output) -> Result<(), Exit> {
    let Held { identity, .. } = held;
    match &arguments.force_unlock_of {
        Some(named) if named == identity => Ok(()),
        Some(named) => {
            let what = format!("the lock is held by {identity}, and not by {named}");
            output.error(&what, Some("nothing was changed; name exactly the run that is to lose it"));
            Err(Exit::Locked)
        }
        None if approval::can_ask() => {
            let stack = &names.stack;
            let question = format!("Type the stack's name, `{stack}`, to take the lock from that run:");
            if consent::says(&question, stack, output) {
                return Ok(());
            }
            output.say("Nothing was changed.");
            Err(Exit::Error)
        }
        None => {
            let help = "pass --force-unlock-of with the run that holds it, exactly as it is written above";
            Err(output.error("unlock asks before it begins, and there is no terminal to ask on", Some(help)))
        }
    }
}

/// Takes the lock, keeps it until a run that still lives must have noticed,
/// and gives it back. Killed meanwhile, it runs out.
async fn free(
    cluster: &Cluster,
    names: &Names,
    held: &Held,
    life: Life,
    output: &Output,
) -> Result<Exit, Exit> {
    let failed = |error: cluster::Error| {
        output.error(&error.to_string(), error.help().or(Some("look again: unlock shows who holds it now")))
    };
    let writer = cluster.writer();
    let me = identity::of_this_run();
    let lock = writer.break_lock(names, held, &me, clock::now(), NOTICE + 5).await.map_err(failed)?;
    if life != Life::Over {
        output.say(&format!("Waiting {NOTICE} s, so that a run that is still alive notices."));
        tokio::time::sleep(Duration::from_secs(u64::from(NOTICE))).await;
    }
    writer.unlock(lock).await.map_err(failed)?;
    Ok(output.answer("The lock is free.\n"))
}
