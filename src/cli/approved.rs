//! `approved`: the digest that a review of a request approved.

use super::{
    arguments::Approved as Arguments,
    exit::Exit,
    output::Output,
    place::{Place, failed},
    saved,
};
use crate::{
    comment::{self, Unapproved},
    saved::Saved,
};

/// Prints a digest for each file.
pub async fn approved(arguments: &Arguments, output: &Output) -> Exit {
    match all(arguments, output).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn all(arguments: &Arguments, output: &Output) -> Result<Exit, Exit> {
    let files = files(arguments, output)?;
    let place = Place::find(&arguments.place, output)?;
    if !place.has_token() {
        return Err(place.without_token(output));
    }
    let failed = |error| failed(&error, output);
    let mut forge = place.connect(&arguments.place).map_err(failed)?;
    place.resolve(&mut forge, output).await?;
    let me = forge.me().await.map_err(failed)?;
    let (request, notes) = (forge.request().await.map_err(failed)?, forge.notes(&me).await.map_err(failed)?);
    let reviews = forge.reviews().await.map_err(failed)?;
    let (mut digests, mut exit) = (String::new(), Exit::Success);
    for file in &files {
        match comment::approved(file, &request, &notes, &me, &reviews) {
            Ok(approval) => {
                output.say(&format!("{file}: approved by {}", approval.by));
                digests.push_str(&approval.digest);
                digests.push('\n');
            }
            Err(Unapproved { reason, help }) => {
                output.error(&format!("{file} is not approved: {reason}"), Some(help));
                exit = Exit::Blocked;
            }
        }
    }
    // Of several files all are approved, or none is applied.
    if exit == Exit::Success { Ok(output.answer(&digests)) } else { Ok(exit) }
}

/// The stack files, as they were named when they were planned.
fn files(arguments: &Arguments, output: &Output) -> Result<Vec<String>, Exit> {
    let is_plan = |text: &String| Saved::looks_like_one(text);
    let mut files = Vec::new();
    for path in &arguments.files {
        // A stack file need not be there: it may be gone at this commit.
        match std::fs::read_to_string(path).ok().filter(is_plan) {
            Some(_) => {
                let plans = saved::plans(std::slice::from_ref(path), output)?;
                files.extend(plans.into_iter().map(|plan| plan.file));
            }
            None => files.push(path.display().to_string()),
        }
    }
    Ok(files)
}
