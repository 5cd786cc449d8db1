//! The events of `apply --json`, line by line, as the state of its plan.

use serde_json::Value;

use super::State;
use crate::{
    render::count,
    report::{Event, Outcome, Report},
};

/// What is known so far.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    state: State,
    /// Why the plan is not carried out, where an event says so.
    refused: Option<String>,
    is_over: bool,
}

impl Followed {
    /// Takes a line of the stream; returns whether the state is another one.
    /// What is no event is passed over: a log may stand between.
    pub fn line(&mut self, line: &str) -> bool {
        let Ok(value) = serde_json::from_str::<Value>(line) else { return false };
        let before = self.state.clone();
        match value["type"].as_str() {
            Some("diagnostic") if value["@level"] == "error" => {
                let reason = value["@message"].as_str().map(str::to_owned);
                self.refused = self.refused.take().or(reason);
            }
            Some("apply_summary") => {
                if let Ok(report) = serde_json::from_value::<Report>(value) {
                    self.is_over = true;
                    self.state = ended(report);
                }
            }
            Some(_) => {
                if let Ok(Event::StepStart { number, of, title }) = serde_json::from_value(value) {
                    self.state = State::Applying { step: number, of, title };
                }
            }
            None => {}
        }
        self.state != before
    }

    /// What became of the plan as far as is known.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The same once no more lines come: a run that did not say how it ended
    /// did not end well.
    pub fn end(mut self) -> State {
        if self.is_over {
            return self.state;
        }
        let step = match self.state {
            State::Applying { step, .. } => Some(step),
            _ => None,
        };
        let unknown = || "the run ended without saying how: look at its log".to_owned();
        State::Failed { step, lines: vec![self.refused.take().unwrap_or_else(unknown)] }
    }
}

/// The end of a run.
fn ended(Report { outcome, done, left }: Report) -> State {
    let left = format!("{} done, {} left", count(done, "step"), left.len());
    match outcome {
        Outcome::Completed => State::Applied { steps: done },
        Outcome::Interrupted => {
            State::Failed { step: None, lines: vec!["interrupted between two steps".to_owned(), left] }
        }
        Outcome::BrokenOff { number, title, .. } => {
            let first = format!("interrupted in the middle of a step: {title}");
            State::Failed { step: Some(number), lines: vec![first, left] }
        }
        Outcome::Stopped { number, reason, details, .. } => {
            let lines = std::iter::once(reason).chain(details).chain([left]).collect();
            State::Failed { step: Some(number), lines }
        }
        Outcome::LockLost(reason) => {
            State::Failed { step: None, lines: vec![format!("the lock is lost: {reason}"), left] }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::{render, saved::Saved};

    fn start() -> String {
        let event = Event::StepStart { number: 2, of: 3, title: "restart".into() };
        render::event_json(&event, Duration::ZERO, Timestamp::UNIX_EPOCH).to_string()
    }

    fn summary(outcome: Outcome) -> String {
        let report = Report { outcome, done: 2, left: vec!["restart".into()] };
        let saved = Saved::read(include_str!("../../tests/saved/1.0.json")).unwrap();
        let plan = &saved.made().unwrap().plan;
        let lines = render::report_json(&report, plan, Timestamp::UNIX_EPOCH);
        lines.last().unwrap().to_string()
    }

    fn followed(lines: &[String]) -> State {
        let mut followed = Followed::default();
        for line in lines {
            followed.line(line);
        }
        followed.end()
    }

    #[test]
    fn a_run_is_under_way_and_then_done() {
        let mut followed = Followed::default();
        assert!(!followed.line("Applying ...") && !followed.line("{\"type\":\"version\"}"));
        assert!(followed.line(&start()) && !followed.line(&start()));
        let applying = State::Applying { step: 2, of: 3, title: "restart".into() };
        assert_eq!(followed.state(), &applying);
        assert!(followed.line(&summary(Outcome::Completed)));
        assert_eq!(followed.end(), State::Applied { steps: 2 });
    }

    #[test]
    fn a_run_that_fails_says_where_and_why() {
        let stopped = Outcome::Stopped {
            number: 2,
            title: "restart".into(),
            reason: "no quorum".into(),
            details: vec!["orders-1 is pending".into()],
        };
        let lines = ["no quorum", "orders-1 is pending", "2 steps done, 1 left"].map(str::to_owned).to_vec();
        assert_eq!(followed(&[start(), summary(stopped)]), State::Failed { step: Some(2), lines });
    }

    #[test]
    fn a_run_that_says_nothing_more_has_failed() {
        assert!(matches!(followed(&[start()]), State::Failed { step: Some(2), .. }));
        let refused =
            r#"{"@level":"error","@message":"the plan cannot be applied","type":"diagnostic"}"#.to_owned();
        let lines = vec!["the plan cannot be applied".to_owned()];
        assert_eq!(followed(&[refused]), State::Failed { step: None, lines });
    }
}
