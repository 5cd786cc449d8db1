//! `history`: past applies, from the journal.

use serde_json::json;

use super::{
    arguments::{Global, History as Arguments},
    clock,
    exit::Exit,
    output::Output,
    stacks,
};
use crate::{
    cluster,
    observed::{Journal, Lookup},
    render, report,
};

/// Shows the runs that the journal of one file's stack tells of.
pub async fn history(arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    match whole(arguments, global, output).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn whole(arguments: &Arguments, global: &Global, output: &Output) -> Result<Exit, Exit> {
    let loaded = stacks::load(&arguments.file, output)?;
    let failed = |error: cluster::Error| output.cluster_error(&error);
    let reader = loaded.connect(global).await.map_err(failed)?.reader();
    let names = loaded.names();
    let (journal, lease) = futures::join!(reader.journal(&names), reader.lease(&names));
    let journal = match journal.map_err(failed)? {
        Lookup::Found((journal, _)) => journal,
        Lookup::Absent => Journal::default(),
        Lookup::Failed(reason) => return Err(output.error(&reason, None)),
    };
    // A lock that ran out is held by nobody, and one that cannot be read may be.
    let holder = lease.found().filter(|holder| holder.until > clock::now());
    let history = report::history(&names.stack, &names.namespace, &journal, holder);
    let text = match arguments.json {
        true => format!("{:#}\n", json!(history)),
        false => render::history(&history, output.answer),
    };
    Ok(output.answer(&text))
}
