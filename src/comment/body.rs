//! What a comment says: the marker, then the plans with what became of them.

use super::{Marker, Mentioned, Part, Run, State};
use crate::{
    render::{Limit, Links, News, Told, by_danger, count, markdown},
    saved::{Content, Saved},
};

/// A comment that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The text, whose first line is the marker.
    pub text: String,
    /// Whether something was left out; the text says what.
    pub truncated: bool,
}

/// The text of a comment: of one stack as it is, of several after a table.
///
/// It is within the limit if that is 4,000 or more and the name is of ordinary
/// length. The same parts are the same bytes.
pub fn body(parts: &[Part<'_>], run: &Run, name: &str, limit: Limit) -> Body {
    let told: Vec<Told<'_>> =
        parts.iter().map(|part| Told { saved: part.saved, news: news(part.state) }).collect();
    let Run { head, base, url, artifact, started_at, attempt } = run;
    let links = Links {
        head: head.as_deref(),
        base: base.as_deref(),
        run: url.as_deref(),
        plans: artifact.as_deref(),
    };
    let mut marker = Marker {
        name: name.to_owned(),
        stacks: mentioned(&told),
        head: head.clone(),
        base: base.clone(),
        run: *started_at,
        attempt: *attempt,
        truncated: false,
    };
    let half = Limit { most: limit.most / 2, ..limit };
    // What is not mentioned is not approved by this comment: the most
    // dangerous stacks come first, and have a text to be approved by.
    while !half.holds(&marker.line()) && marker.stacks.pop().is_some() {
        marker.truncated = true;
    }
    let (first, unmentioned) = (marker.line(), marker.truncated);
    // `true` is shorter than the `false` that room is kept for.
    let rest = markdown(&told, &links, limit.after(&format!("{first}\n ")));
    marker.truncated = unmentioned || rest.truncated;
    Body { text: format!("{}\n{}", marker.line(), rest.text), truncated: marker.truncated }
}

/// The stacks by which the comment is found again, the most dangerous first.
fn mentioned(told: &[Told<'_>]) -> Vec<Mentioned> {
    by_danger(told).iter().map(of_one).collect()
}

fn of_one(told: &Told<'_>) -> Mentioned {
    let Saved { file, content, .. } = told.saved;
    let file = file.clone();
    let Content::Plan(made) = content else {
        return Mentioned { file, stack: None, target: None, plan: None };
    };
    let plan = &made.plan;
    let holds = plan.is_applicable() && told.news.as_ref().is_none_or(|news| news.holds);
    Mentioned {
        file,
        stack: Some(plan.stack.clone()),
        target: plan.against.is_none().then(|| format!("{}/{}", plan.target.context, plan.namespace)),
        plan: plan.digest.as_ref().filter(|_| holds).map(|digest| digest.0.clone()),
    }
}

/// What became of a plan, in words.
fn news(state: &State) -> Option<News> {
    let one = |symbol, words: String| News {
        symbol,
        words,
        detail: None,
        lines: Vec::new(),
        stopped: false,
        holds: true,
    };
    match state {
        State::Planned => None,
        State::Applying { step, of, title } => {
            let detail = Some(format!("Step {step}: {title}"));
            Some(News { detail, ..one("⏳", format!("applying, step {step} of {of}")) })
        }
        State::Applied { steps } => Some(one("✅", format!("applied, {}", count(*steps, "step")))),
        State::Failed { step, lines } => {
            let at = step
                .map_or("failed before the first step".to_owned(), |step| format!("failed at step {step}"));
            Some(News { lines: lines.clone(), stopped: true, ..one("❌", at) })
        }
        State::Outdated(why) => Some(News {
            detail: Some(format!("This plan does not hold any more: {why}")),
            holds: false,
            ..one("🕸️", "outdated".to_owned())
        }),
    }
}
