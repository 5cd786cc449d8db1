//! A run's events as they come: one living line on a terminal, plain lines
//! elsewhere, JSON where that was asked for.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{observe::now, output::Output};
use crate::{
    render,
    report::{Event, Report},
};

/// Shows events.
pub enum Progress {
    /// One line that lives, below the lines of what is done.
    Living(Output, ProgressBar),
    /// A line for each change.
    Lines(Output),
    /// A JSON object a line, on standard output.
    Json(Output),
}

/// Says something on standard error without tearing the line that lives there.
pub struct Voice(Output, Option<ProgressBar>);

impl Voice {
    /// Says it.
    pub fn say(&self, text: &str) {
        match &self.1 {
            Some(bar) => bar.suspend(|| self.0.say(text)),
            None => self.0.say(text),
        }
    }
}

impl Progress {
    /// Chooses by flag and terminal.
    pub fn new(output: &Output, json: bool) -> Self {
        if json {
            let _printed = output.answer(&format!("{}\n", render::version_json(now())));
            Progress::Json(*output)
        } else if output.live {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template(" {spinner} {wide_msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            Progress::Living(*output, bar)
        } else {
            Progress::Lines(*output)
        }
    }

    /// Shows one event.
    pub fn event(&mut self, event: &Event) {
        match self {
            Progress::Json(output) => {
                let _printed = output.answer(&format!("{}\n", render::event_json(event, now())));
            }
            Progress::Lines(output) => {
                if let Some(line) = render::event(event, output.progress) {
                    output.say(&line);
                }
            }
            Progress::Living(output, bar) => match event {
                Event::StepStart { number, of, title } => {
                    bar.reset_elapsed();
                    bar.set_message(render::plain(&format!("{number}/{of} {title}")));
                }
                Event::StepProgress { number, waiting_for } => {
                    bar.set_message(render::plain(&format!("{number} waiting for {waiting_for}")));
                }
                Event::StepComplete { .. } => {
                    if let Some(line) = render::event(event, output.progress) {
                        bar.suspend(|| output.say(&line));
                    }
                }
            },
        }
    }

    /// Speaks beside the events while they come.
    pub fn voice(&self) -> Voice {
        match self {
            Progress::Living(output, bar) => Voice(*output, Some(bar.clone())),
            Progress::Lines(output) | Progress::Json(output) => Voice(*output, None),
        }
    }

    /// Shows the end.
    pub fn end(self, report: &Report, file: &str) {
        match self {
            Progress::Json(output) => {
                let _printed = output.answer(&format!("{}\n", render::report_json(report, now())));
            }
            Progress::Lines(output) => output.say(&render::report(report, file, output.progress)),
            Progress::Living(output, bar) => {
                bar.finish_and_clear();
                output.say(&render::report(report, file, output.progress));
            }
        }
    }
}
