//! A run's events as they come: one living line on a terminal, plain lines
//! elsewhere, JSON where that was asked for.

use std::{
    io::{self, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle, TermLike};
use jiff::Timestamp;

use super::{clock::now, output::Output};
use crate::{
    plan::Plan,
    render,
    report::{Event, Report},
};

/// Shows events.
pub enum Progress {
    /// One line that lives, below the lines of what is done.
    Living(Output, ProgressBar),
    /// A line for each change.
    Lines(Output),
    /// A JSON object a line, on standard output; and when the step began.
    Json(Output, Timestamp),
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
            Progress::Json(*output, now())
        } else if output.live {
            let bar = ProgressBar::with_draw_target(
                None,
                ProgressDrawTarget::term_like_with_hz(Box::new(Narrower), 20),
            );
            if let Ok(style) = ProgressStyle::with_template(" {spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            // Also when the run is broken off and nobody ends it.
            let bar = bar.with_finish(ProgressFinish::AndClear);
            bar.enable_steady_tick(Duration::from_millis(120));
            Progress::Living(*output, bar)
        } else {
            Progress::Lines(*output)
        }
    }

    /// Shows one event.
    pub fn event(&mut self, event: &Event) {
        match self {
            Progress::Json(output, began) => {
                if matches!(event, Event::StepStart { .. }) {
                    *began = now();
                }
                let elapsed = Duration::try_from(now().duration_since(*began)).unwrap_or_default();
                let _printed = output.answer(&format!("{}\n", render::event_json(event, elapsed, now())));
            }
            Progress::Lines(output) => {
                if let Some(line) = render::event(event, output.progress) {
                    output.say(&line);
                }
            }
            Progress::Living(output, bar) => match event {
                Event::StepStart { number, of, title } => {
                    bar.reset_elapsed();
                    bar.set_message(living(&format!("{number}/{of} {title}")));
                }
                Event::StepProgress { number, waiting_for } => {
                    bar.set_message(living(&format!("{number} waiting for {waiting_for}")));
                }
                Event::StepSaved { .. } | Event::StepComplete { .. } => {
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
            Progress::Lines(output) | Progress::Json(output, _) => Voice(*output, None),
        }
    }

    /// Shows the end.
    pub fn end(self, report: &Report, plan: &Plan, target: &str) {
        let end = plan.intended.end;
        match self {
            Progress::Json(output, _) => {
                let lines = render::report_json(report, plan, now()).into_iter();
                let _printed = output.answer(&lines.map(|line| format!("{line}\n")).collect::<String>());
            }
            Progress::Lines(output) => output.say(&render::report(report, end, target, output.progress)),
            Progress::Living(output, bar) => {
                bar.finish_and_clear();
                output.say(&render::report(report, end, target, output.progress));
            }
        }
    }
}

/// Text for the living line: one line, cut where it would not fit beside the
/// spinner and the time.
fn living(text: &str) -> String {
    const BESIDE: usize = 9;
    cut(&render::plain(text), usize::from(Narrower.width()).saturating_sub(BESIDE))
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Standard error, a little narrower than it is. The living line is filled up
/// with spaces, and a terminal writes `^C` behind them: at the very end it
/// would begin another line, and this one would stay behind.
#[derive(Debug)]
struct Narrower;

impl Narrower {
    fn write(text: &str) -> io::Result<()> {
        io::stderr().write_all(text.as_bytes())
    }

    /// A cursor is moved by at least one, also when it is asked for none.
    fn go(columns: usize, direction: char) -> io::Result<()> {
        if columns == 0 { Ok(()) } else { Self::write(&format!("\u{1b}[{columns}{direction}")) }
    }
}

impl TermLike for Narrower {
    fn width(&self) -> u16 {
        let measured = terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| width.0);
        measured.unwrap_or(80).saturating_sub(4).max(20)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        Self::go(lines, 'A')
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        Self::go(lines, 'B')
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        Self::go(columns, 'C')
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        Self::go(columns, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        Self::write(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        Self::write(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        Self::write("\r\u{1b}[2K")
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_cut_says_so() {
        assert_eq!(cut("3/16 create it", 14), "3/16 create it");
        assert_eq!(cut("3/16 create it", 13), "3/16 create…");
        assert_eq!(cut("3/16 create it", 0), "…");
    }
}
