//! `comment`: saved plans as comments on a pull request.

use std::io::{self, BufRead};

use jiff::Timestamp;

use super::{
    arguments::{Comment as Arguments, When},
    exit::Exit,
    output::Output,
    place::{Place, failed, variable},
    saved,
};
use crate::{
    comment::{Body, Followed, Marker, Missing, Part, Run, State, body},
    forge::{Error, Forge},
    render::Limit,
    saved::Saved,
};

mod follow;
mod outputs;
mod write;

use write::Wanted;

/// Writes plans into comments.
pub async fn comment(arguments: &Arguments, output: &Output) -> Exit {
    match whole(arguments, output).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn whole(arguments: &Arguments, output: &Output) -> Result<Exit, Exit> {
    let plans = saved::plans(&arguments.plans, output)?;
    let place = Place::find(&arguments.place, output)?;
    let task = Task { arguments, plans, run: run(arguments, &place), output };
    task.check()?;
    let follows = arguments.events.as_ref().is_some_and(|file| file.as_os_str() == "-");
    let state = match &arguments.outdated {
        Some(reason) => State::Outdated(reason.clone()),
        None if follows || arguments.events.is_none() => State::Planned,
        None => task.read_events()?,
    };
    let mut forge = place.connect(&arguments.place).map_err(|error| failed(&error, output))?;
    if arguments.dry_run {
        return task.print(&place, &forge, &state);
    }
    if !place.has_token() {
        return if place.is_read_only {
            task.without_comment(&state)
        } else {
            Err(place.without_token(output))
        };
    }
    place.resolve(&mut forge, output).await?;
    let written = match follows {
        true => follow::follow(&task, &forge).await,
        false => task.write(&forge, &state).await.map(|url| (url, state.clone())),
    };
    match written {
        Ok((url, state)) => {
            if arguments.summary {
                task.summary(&state);
            }
            task.outputs(url.as_deref());
            Ok(Exit::Success)
        }
        Err(error) if is_read_only(&error, &place, &forge).await => task.without_comment(&state),
        Err(error) => Err(failed(&error, output)),
    }
}

/// How long a comment may be.
fn limit(forge: &Forge) -> Limit {
    match forge {
        Forge::GitHub(_) => Limit::GITHUB,
        Forge::GitLab(_) => Limit::GITLAB,
    }
}

/// Whether a refusal is by design: the token of a fork's run may only read.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request>
async fn is_read_only(error: &Error, place: &Place, forge: &Forge) -> bool {
    let is_refused = matches!(error, Error::Forbidden { .. });
    is_refused && (place.is_read_only || forge.request().await.is_ok_and(|request| request.is_fork))
}

/// The run that writes, by flags and by what the job knows.
fn run(arguments: &Arguments, place: &Place) -> Run {
    Run {
        head: arguments.head.clone().or_else(|| place.head.clone()),
        base: arguments.base.clone().or_else(|| place.base.clone()),
        url: arguments.run_url.clone().or_else(|| place.run_url.clone()),
        artifact: arguments.artifact_url.clone(),
        started_at: Timestamp::UNIX_EPOCH,
        attempt: place.attempt,
    }
}

/// What is to be written, whatever becomes of the plans meanwhile.
struct Task<'a> {
    arguments: &'a Arguments,
    plans: Vec<Saved>,
    run: Run,
    output: &'a Output,
}

impl Task<'_> {
    /// Each comment has a name of its own, and events are of one plan.
    fn check(&self) -> Result<(), Exit> {
        let [first, rest @ ..] = self.plans.as_slice() else {
            return Err(self.output.error("there is no plan", None));
        };
        if self.arguments.events.is_some() && !rest.is_empty() {
            let help = "name the plan that is applied, and no other";
            return Err(self.output.error("--events are of one plan, and these are several", Some(help)));
        }
        let files: Vec<&str> = std::iter::once(first).chain(rest).map(|plan| plan.file.as_str()).collect();
        let twice = files.iter().enumerate().find(|(index, file)| files[..*index].contains(file));
        match (twice, &self.arguments.combine) {
            (Some((_, file)), None) => {
                let what = format!("two of these plans are of `{file}`, and a comment is about one");
                Err(self.output.error(&what, Some("pass --combine, or comment on one of them")))
            }
            _ => Ok(()),
        }
    }

    /// All events of a file.
    fn read_events(&self) -> Result<State, Exit> {
        let path = self.arguments.events.clone().unwrap_or_default();
        let failed =
            |error: io::Error| self.output.error(&format!("cannot read `{}`: {error}", path.display()), None);
        let file = std::fs::File::open(&path).map_err(failed)?;
        let mut followed = Followed::default();
        for line in io::BufReader::new(file).split(b'\n') {
            followed.line(&String::from_utf8_lossy(&line.map_err(failed)?));
        }
        Ok(followed.end())
    }

    /// The comments: one for each plan, or one for all.
    fn wanted(&self, state: &State, limit: Limit) -> Vec<Wanted> {
        let parts = self.parts(state);
        match &self.arguments.combine {
            Some(name) => self.one(&parts, name, limit).into_iter().collect(),
            None => {
                let one = |part: &Part<'_>| self.one(std::slice::from_ref(part), &part.saved.file, limit);
                parts.iter().filter_map(one).collect()
            }
        }
    }

    fn parts<'a>(&'a self, state: &'a State) -> Vec<Part<'a>> {
        self.plans.iter().map(|saved| Part { saved, state }).collect()
    }

    fn body(&self, parts: &[Part<'_>], name: &str, limit: Limit) -> Body {
        let started_at = parts.iter().map(|part| part.saved.made_at).min().unwrap_or_default();
        body(parts, &Run { started_at, ..self.run.clone() }, name, limit)
    }

    fn one(&self, parts: &[Part<'_>], name: &str, limit: Limit) -> Option<Wanted> {
        let Body { text, .. } = self.body(parts, name, limit);
        let marker = Marker::read(&text)?;
        let says = parts.iter().any(|part| match part.state {
            State::Planned => part.saved.made().is_none_or(|made| !made.plan.is_empty()),
            State::Outdated(_) => false,
            State::Applying { .. } | State::Applied { .. } | State::Failed { .. } => true,
        });
        let missing = match self.arguments.when {
            When::Changes if !says => Missing::Leave,
            When::Changes | When::Always => Missing::Create,
        };
        Some(Wanted { marker, text, missing })
    }

    /// Writes all; the page of the comment where it is one.
    async fn write(&self, forge: &Forge, state: &State) -> Result<Option<String>, Error> {
        let me = forge.me().await?;
        write::write(forge, &me, &self.wanted(state, limit(forge)), self.output).await
    }

    /// What would be sent, as `METHOD URL` and a line of JSON.
    fn print(&self, place: &Place, forge: &Forge, state: &State) -> Result<Exit, Exit> {
        if place.number.is_none() {
            let help = "name it with --number: --dry-run asks nobody";
            return Err(self.output.error("which pull request this is about is not known", Some(help)));
        }
        let mut text = String::new();
        for wanted in self.wanted(state, limit(forge)) {
            let sent = forge.would_create(&wanted.text);
            let body = sent.body.map(|body| body.to_string()).unwrap_or_default();
            text.push_str(&format!("{} {}\n{body}\n", sent.method, sent.url));
        }
        self.output.say("A comment that is there already would be written anew instead; nobody was asked.");
        Ok(self.output.answer(&text))
    }

    /// For a token that may only read: the text goes where the job may write.
    fn without_comment(&self, state: &State) -> Result<Exit, Exit> {
        let is_written = self.summary(state);
        self.outputs(None);
        let place = if is_written { "the summary of the step" } else { "standard output" };
        let what = "the token of this run may only read, as on a pull request from a fork";
        let notice = format!("{what}: the plan is in {place}, and no comment was written");
        let prefix = if variable("GITHUB_ACTIONS").is_some() { "::notice::" } else { "" };
        self.output.say(&format!("{prefix}{notice}"));
        if is_written { Ok(Exit::Success) } else { Ok(self.output.answer(&self.text(state, Limit::NONE))) }
    }

    /// All plans in one text, without a marker.
    fn text(&self, state: &State, limit: Limit) -> String {
        let Body { text, .. } = self.body(&self.parts(state), "", limit);
        text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default()
    }

    /// Whether the summary was written.
    fn summary(&self, state: &State) -> bool {
        let Some(path) = variable("GITHUB_STEP_SUMMARY") else { return false };
        let written = outputs::summary(path.as_ref(), |limit| self.text(state, limit));
        if let Err(error) = &written {
            self.output.say(&format!("the summary of the step was not written: {error}"));
        }
        written.is_ok()
    }

    fn outputs(&self, url: Option<&str>) {
        let Some(path) = variable("GITHUB_OUTPUT") else { return };
        if let Err(error) = outputs::outputs(path.as_ref(), &self.plans, url) {
            self.output.say(&format!("the outputs of the step were not written: {error}"));
        }
    }
}
