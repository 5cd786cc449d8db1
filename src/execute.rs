//! Doing it: guard, act, wait, journal.
//!
//! [`execute`] chooses nothing. It takes a plan's steps in order; of each it
//! checks the guards, does the actions, and waits for what must hold after.
//! Every action may be repeated: where an answer was lost, what is there is
//! read again and decides. So a run may end anywhere, and the next plan goes
//! on from what it finds.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use crate::{
    desired::Names,
    observed::Journal,
    plan::{Plan, Step},
    report::{Event, Outcome, Report, in_words},
};

mod act;
mod adopt;
mod ask;
mod data;
mod ending;
mod failure;
#[cfg(test)]
mod fake;
mod field;
mod founding;
mod guard;
mod health;
mod leadership;
mod leave;
mod live;
mod made;
mod member;
mod missing;
mod record;
mod remake;
mod replicas;
mod restart;
mod save;
mod take_away;
mod wait;
mod why;
mod world;

pub use failure::Failure;
pub use live::{LiveWorld, UNRENEWED_SECONDS};
pub use record::finished;
pub use world::World;

/// Who runs this and by what approval, and how long a step may take.
#[derive(Clone, Debug)]
pub struct Options {
    /// The digest of the plan that was approved.
    pub approved: String,
    /// How many of its steps were done before this plan was made again: the
    /// namespace comes before the lock that lives in it.
    pub steps_before: usize,
    /// User, host and process.
    pub who: String,
    /// The tool's version.
    pub tool_version: String,
    /// The text of the stack file.
    pub stack: String,
    /// How long one wait may take.
    pub step_timeout: Duration,
}

/// A wish to stop, set by a signal.
#[derive(Debug, Default)]
pub struct Stop(AtomicU8);

impl Stop {
    /// Asks to stop: once, after the step that is under way; twice, without
    /// waiting for anything any more. Returns how often that was asked.
    pub fn ask(&self) -> u8 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn after_the_step(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    fn at_once(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 1
    }
}

/// Why a run ends before its last step.
#[derive(Debug)]
enum Halt {
    Interrupted,
    /// In the middle of a step.
    BrokenOff,
    LockLost(String),
    Stopped {
        reason: String,
        details: Vec<String>,
    },
}

impl Halt {
    fn because(reason: impl Into<String>) -> Self {
        Halt::Stopped { reason: reason.into(), details: Vec::new() }
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::LockLost(reason) => Halt::LockLost(reason),
            other => Halt::because(other.to_string()),
        }
    }
}

/// One run: the world, and what it writes down.
struct Run<'a, W> {
    world: &'a W,
    names: &'a Names,
    options: &'a Options,
    stop: &'a Stop,
    events: &'a mut dyn FnMut(Event),
    journal: Journal,
    number: usize,
    /// How many actions of the step are done.
    acted: usize,
    /// What the step waits for, as it was last said.
    said: String,
    /// The voter that gave the member list last.
    answered: Option<usize>,
    /// Pods that needed no restart, by uid.
    left_alone: BTreeSet<String>,
    /// Whether journal and lock are gone: nothing is written any more.
    over: bool,
}

/// Carries a plan out.
pub async fn execute<W: World>(
    plan: &Plan,
    names: &Names,
    world: &W,
    options: &Options,
    stop: &Stop,
    events: &mut dyn FnMut(Event),
) -> Report {
    let mut run = Run {
        world,
        names,
        options,
        stop,
        events,
        journal: Journal::default(),
        number: 0,
        acted: 0,
        said: String::new(),
        answered: None,
        left_alone: BTreeSet::new(),
        over: false,
    };
    let before = options.steps_before;
    let mut done = 0;
    let ended = run.whole(plan, &mut done).await;
    let left: Vec<String> = plan.steps[done..].iter().map(|step| step.title.clone()).collect();
    let title = left.first().cloned().unwrap_or_default();
    let outcome = match ended {
        Ok(()) => Outcome::Completed,
        Err(Halt::Interrupted) => Outcome::Interrupted,
        Err(Halt::BrokenOff) => run.broken_off(before + done + 1, plan.steps.get(done)),
        Err(Halt::LockLost(reason)) => Outcome::LockLost(reason),
        Err(Halt::Stopped { reason, details }) => {
            Outcome::Stopped { number: before + done + 1, title, reason, details }
        }
    };
    Report { outcome, done: before + done, left }
}

impl<W: World> Run<'_, W> {
    async fn whole(&mut self, plan: &Plan, done: &mut usize) -> Result<(), Halt> {
        self.begin(plan).await?;
        for (index, step) in plan.steps.iter().enumerate() {
            if self.stop.after_the_step() {
                return Err(Halt::Interrupted);
            }
            let began = self.world.now();
            self.number = self.options.steps_before + index + 1;
            self.acted = 0;
            self.said.clear();
            (self.events)(Event::StepStart {
                number: self.number,
                of: self.options.steps_before + plan.steps.len(),
                title: step.title.clone(),
            });
            self.step(step).await?;
            *done = index + 1;
            let milliseconds = self.world.now().duration_since(began).as_millis();
            (self.events)(Event::StepComplete {
                number: self.number,
                title: step.title.clone(),
                milliseconds: u64::try_from(milliseconds).unwrap_or(0),
            });
        }
        self.finish(plan.complete).await
    }

    async fn step(&mut self, step: &Step) -> Result<(), Halt> {
        for guard in &step.before {
            self.guard(guard).await?;
        }
        for action in &step.actions {
            self.goes_on()?;
            self.world.hold_lock().await?;
            self.announce(action).await?;
            self.act(action).await?;
            self.acted += 1;
        }
        self.write_what_was_made(step).await?;
        for wait in &step.after {
            self.wait(wait).await?;
        }
        self.step_done().await
    }

    /// Says what is waited for, once.
    fn say(&mut self, text: String) {
        if text != self.said {
            self.said.clone_from(&text);
            (self.events)(Event::StepProgress { number: self.number, waiting_for: text });
        }
    }

    /// Sleeps between two looks; ends the run when nothing is to be waited for
    /// any more.
    async fn pause(&mut self, time: Duration) -> Result<(), Halt> {
        self.goes_on()?;
        self.hold().await?;
        self.world.sleep(time).await;
        self.goes_on()
    }

    /// Holds the lock, as long as there is one.
    async fn hold(&self) -> Result<(), Halt> {
        if self.over { Ok(()) } else { Ok(self.world.hold_lock().await?) }
    }

    fn goes_on(&self) -> Result<(), Halt> {
        if self.stop.at_once() { Err(Halt::BrokenOff) } else { Ok(()) }
    }

    /// In what state the step is that was broken off.
    fn broken_off(&self, number: usize, step: Option<&Step>) -> Outcome {
        let words: Vec<String> = step.into_iter().flat_map(|step| &step.actions).map(in_words).collect();
        let (acted, not_acted) = words.split_at(self.acted.min(words.len()));
        Outcome::BrokenOff {
            number,
            title: step.map(|step| step.title.clone()).unwrap_or_default(),
            acted: acted.to_vec(),
            not_acted: not_acted.to_vec(),
            waiting_for: Some(self.said.clone()).filter(|said| !said.is_empty()),
        }
    }
}
