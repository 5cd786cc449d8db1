//! `apply`: plan, show, ask, lock, plan again, compare, carry out, look again.

use std::{collections::BTreeSet, time::Duration};

use super::{
    approval::Approval,
    arguments::{Apply as Arguments, Global},
    clock, consent,
    events::Events,
    exit::Exit,
    identity,
    output::Output,
    plan,
    progress::Progress,
    recording, saved,
    signal::Signals,
    snapshots,
    stacks::Loaded,
};
use crate::{
    cluster::{self, Cluster},
    desired::Names,
    execute::{LiveWorld, Options, Stop, execute, finished},
    member::Id,
    observe::Planned,
    observed::{Journal, Proposal},
    plan::{Action, Intent, Plan, action_hashes, goes_on, not_ours, removed},
    render::{self, About, Detail, View},
    report::{Event, Outcome, Permissions, Report, unfinished},
};

const STOPPING: &str = "Stopping after the step that is under way. Once more: stop waiting for it.";
const NOT_WAITING: &str = "Waiting for nothing any more. Once more: break off.";
const BROKEN_OFF: &str = "Broken off. What was begun may be half done; the next apply looks and goes on.";

/// Carries out the plan of one file.
pub async fn apply(arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    match whole(arguments, global, output).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn whole(arguments: &Arguments, global: &Global, output: &Output) -> Result<Exit, Exit> {
    let (loaded, saved) = saved::stack_or_plan(&arguments.file, output)?;
    let approval = Approval { arguments, saved: saved.as_ref() };
    approval.is_possible(output)?;
    let events = Events::of(arguments, output);
    events.line(&render::version_json(clock::now()));
    let mut intent = saved.as_ref().map_or_else(|| arguments.intents.intent(), |made| made.intent.clone());
    let failed = |error: cluster::Error| events.failed(&error);
    let cluster = loaded.connect(global).await.map_err(failed)?;
    let mut planned = loaded.plan(&cluster, &intent).await.map_err(failed)?;
    if let Some(resumed) = approval.resumed(&planned, &intent).filter(|resumed| *resumed != intent) {
        intent = resumed;
        planned = loaded.plan(&cluster, &intent).await.map_err(failed)?;
    }
    let digest = show(&planned, &loaded, approval, global, output)?;
    let begun = planned.observed.live.journal.found().and_then(Journal::unfinished).is_some();
    if planned.plan.is_empty() && intent.end.is_some() && !begun {
        // The lock would make a Lease, and the journal a ConfigMap.
        return Ok(Exit::Success);
    }
    let permissions = approval.permissions(&planned.plan, output)?;
    let cluster = &cluster;
    let applying = Applying { cluster, loaded: &loaded, arguments, global, intent, permissions, output };
    let Ended { report, signal } = applying.run(planned, digest).await?;
    if report.outcome == Outcome::Completed {
        recording::after_apply(&loaded, cluster, arguments.record.as_deref(), output).await;
    }
    Ok(match &report.outcome {
        Outcome::Completed if report.left.is_empty() => Exit::Success,
        Outcome::Interrupted | Outcome::BrokenOff { .. } => Exit::Signal(signal),
        Outcome::Completed | Outcome::Stopped { .. } | Outcome::LockLost(_) => Exit::Stopped,
    })
}

/// Shows the plan, and returns the digest that was approved; an error where it
/// is another, or cannot be applied whoever approves it.
fn show(
    planned: &Planned,
    loaded: &Loaded,
    approval: Approval<'_>,
    global: &Global,
    output: &Output,
) -> Result<String, Exit> {
    let (plan, now, arguments) = (&planned.plan, clock::now(), approval.arguments);
    let given = arguments.intents.permissions();
    let permissions = if approval.asks() { consent::to_be_asked(&given) } else { given.clone() };
    let unfinished = unfinished(plan, &planned.observed.live, now);
    let about = About { file: &loaded.file, permissions: &permissions, unfinished: unfinished.as_ref() };
    let style = if arguments.how.json { output.progress } else { output.answer };
    let mut text = render::plan(plan, view(about, global.verbose), style);
    if arguments.how.json {
        output.say(&text);
        let lines = render::planned_json(plan, about, now).into_iter();
        text = lines.map(|line| format!("{line}\n")).collect();
    }
    if output.answer(&text) == Exit::Error {
        return Err(Exit::Error);
    }
    if !plan.unread.is_empty() {
        return Err(Exit::Error);
    }
    approval.is_of_this_cluster(planned, output)?;
    let digest = approval.digest(planned, output)?;
    if !plan.is_applicable() {
        return Err(plan::exit(plan, &permissions, false));
    }
    let refuse = |what: &str, help: Option<&str>| {
        Events::of(arguments, output).stop("apply::not_in_the_plan", what, help)
    };
    consent::is_of_the_plan(&given, plan, &loaded.names(), unfinished.as_ref(), refuse)?;
    Ok(digest)
}

/// Apply goes on by itself: nothing is said of how.
fn view(about: About<'_>, verbose: u8) -> View<'_> {
    View { about, detail: Detail::asked(verbose), made_namespace: false, hint: None }
}

/// One apply after it was approved.
struct Applying<'a> {
    cluster: &'a Cluster,
    loaded: &'a Loaded,
    arguments: &'a Arguments,
    global: &'a Global,
    intent: Intent,
    permissions: Permissions,
    output: &'a Output,
}

/// How the steps ended.
struct Ended {
    report: Report,
    /// The signal that asked to stop; Ctrl-C's where none did.
    signal: u8,
}

impl Applying<'_> {
    async fn run(&self, approved: Planned, digest: String) -> Result<Ended, Exit> {
        let who = identity::of_this_run();
        let made_namespace = self.make_namespace(&approved.plan).await?;
        let names = approved.desired.names.clone();
        let world = self.lock(names, &who).await?;
        // Before this nothing is under way, and a signal ends the process.
        let mut signals = Signals::listen();
        let options = Options {
            approved: digest,
            steps_before: usize::from(made_namespace),
            who,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            stack: self.loaded.text.clone(),
            step_timeout: self.arguments.how.step_timeout,
        };
        let ended = match self.still_approved(&approved, options.steps_before).await {
            Ok(planned) => self.steps(&planned, &approved.plan, &world, &options, &mut signals).await,
            Err(exit) => Err(exit),
        };
        world.unlock().await;
        ended
    }

    async fn steps(
        &self,
        planned: &Planned,
        approved: &Plan,
        world: &LiveWorld,
        options: &Options,
        signals: &mut Signals,
    ) -> Result<Ended, Exit> {
        let stop = Stop::default();
        let mut progress = Progress::new(self.output, self.arguments.how.json);
        let voice = progress.voice();
        for (index, step) in approved.steps.iter().take(options.steps_before).enumerate() {
            progress.event(&Event::StepComplete {
                number: index + 1,
                title: step.title.clone(),
                milliseconds: 0,
            });
        }
        let mut stopped_by = 2;
        let mut report = {
            let mut show = |event| progress.event(&event);
            let running = execute(&planned.plan, &planned.desired.names, world, options, &stop, &mut show);
            tokio::pin!(running);
            loop {
                tokio::select! {
                    report = &mut running => break report,
                    signal = signals.next() => {
                        stopped_by = signal;
                        match stop.ask() {
                            1 => voice.say(STOPPING),
                            2 => voice.say(NOT_WAITING),
                            _ => {
                                voice.say(BROKEN_OFF);
                                return Err(Exit::Signal(signal));
                            }
                        }
                    }
                }
            }
        };
        if report.outcome == Outcome::Completed {
            self.look_again(&planned.plan, &mut report).await;
            let is_over = report.outcome == Outcome::Completed && report.left.is_empty();
            if !planned.plan.complete
                && is_over
                && let Err(failure) = finished(world).await
            {
                report.outcome = not_done(report.done + 1, failure.to_string());
            }
        }
        progress.end(&report, approved, &self.loaded.target(self.global));
        Ok(Ended { report, signal: stopped_by })
    }

    fn events(&self) -> Events<'_> {
        Events::of(self.arguments, self.output)
    }

    /// Takes the lock, and waits for it as long as was asked for.
    async fn lock(&self, names: Names, who: &str) -> Result<LiveWorld, Exit> {
        let began = clock::now();
        let mut said = false;
        loop {
            let (reader, writer) = (self.cluster.reader(), self.cluster.writer());
            let world = LiveWorld::locked(
                reader,
                writer,
                names.clone(),
                who,
                clock::now,
                identity::is_dead,
                self.arguments.how.snapshot_dir.clone().or_else(snapshots::default_folder),
            )
            .await;
            let waited = Duration::try_from(clock::now().duration_since(began)).unwrap_or_default();
            match world {
                Ok(world) => {
                    self.events().line(&render::lock_json(render::Lock::Held, who, clock::now()));
                    return Ok(world);
                }
                Err(error)
                    if !matches!(error, cluster::Error::Locked { .. })
                        || waited >= self.arguments.how.lock_timeout =>
                {
                    return Err(self.events().failed(&error));
                }
                Err(error) if !said => {
                    self.output.say(&format!("Waiting: {error}"));
                    self.events().line(&render::lock_json(
                        render::Lock::Waiting,
                        &error.to_string(),
                        clock::now(),
                    ));
                }
                Err(_) => {}
            }
            said = true;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// The namespace comes before the lock, which lives in it. Says whether the
    /// plan's first step is done by that.
    async fn make_namespace(&self, plan: &Plan) -> Result<bool, Exit> {
        let first = plan.steps.first().and_then(|step| step.actions.first());
        let Some(Action::CreateNamespace { object }) = first else { return Ok(false) };
        match self.cluster.writer().create(object).await {
            Ok(_) | Err(cluster::Error::AlreadyExists(_)) => Ok(true),
            Err(error) => Err(self.events().failed(&error)),
        }
    }

    /// Plans again under the lock: the same steps after those that are done, or
    /// nothing more happens.
    async fn still_approved(&self, approved: &Planned, steps_before: usize) -> Result<Planned, Exit> {
        let mut attempt = 0;
        let planned = loop {
            let planned = self.loaded.plan(self.cluster, &self.intent).await;
            let planned = planned.map_err(|error| self.events().failed(&error))?;
            // A new namespace has no service account for a moment, and pods
            // are refused without one.
            let unborn =
                |reason: &str| reason.contains("serviceaccount") || reason.contains("service account");
            let waits = planned.plan.blocked.iter().any(|blocked| unborn(&blocked.reason));
            if !waits || attempt == 20 {
                break planned;
            }
            attempt += 1;
            tokio::time::sleep(Duration::from_millis(250)).await;
        };
        if !planned.plan.is_applicable() {
            let about = About { file: &self.loaded.file, permissions: &self.permissions, unfinished: None };
            let view = View { made_namespace: steps_before > 0, ..view(about, 0) };
            self.output.say(&render::plan(&planned.plan, view, self.output.progress));
            let what =
                format!("the plan cannot be applied any more: {}", render::reasons(&planned.plan).join("; "));
            self.events().stopped("apply::plan_changed", &what, None);
            return Err(match steps_before {
                0 => plan::exit(&planned.plan, &self.permissions, false),
                _ => Exit::Stopped,
            });
        }
        if !is_same(approved, &planned, steps_before) && !is_less(approved, &planned) {
            let help = "plan again and look at what changed";
            self.events().stop(
                "apply::plan_changed",
                "the plan changed between the approval and the lock",
                Some(help),
            );
            return Err(Exit::Mismatch);
        }
        if let Some(differs) = broken_prediction(approved, &planned) {
            let help =
                "the namespace was made, and nothing else; plan again: now the API server can be asked";
            self.events().stop("apply::prediction", &differs, Some(help));
            return Err(Exit::Mismatch);
        }
        consent::is_given(&self.permissions, &planned.plan, self.output)?;
        Ok(planned)
    }

    /// What was carried out must be what is wanted. A plan that said that
    /// another one follows may leave steps for it.
    async fn look_again(&self, plan: &Plan, report: &mut Report) {
        match self.left().await {
            Ok(plan) if plan.is_empty() && plan.unread.is_empty() => {}
            Ok(next) if !plan.complete && next.is_applicable() => {
                report.left = next.steps.into_iter().map(|step| step.title).collect();
            }
            Ok(plan) => report.outcome = not_done(report.done + 1, told(&plan)),
            Err(reason) => report.outcome = not_done(report.done + 1, reason),
        }
    }

    /// The plan for what is left, once it has had time to come true. What was
    /// asked for beside the stack file is done, and is not asked for again.
    async fn left(&self) -> Result<Plan, String> {
        let mut attempt = 0;
        loop {
            let intent = Intent { end: self.intent.end, ..Intent::default() };
            let planned = self.loaded.plan(self.cluster, &intent).await;
            let plan = planned.map_err(|error| error.to_string())?.plan;
            if attempt == 5 || (plan.is_empty() && plan.unread.is_empty()) {
                return Ok(plan);
            }
            attempt += 1;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// Whether a plan is the approved one, but for the steps that are done.
fn is_same(approved: &Planned, now: &Planned, steps_before: usize) -> bool {
    // The digest names the members and claims that go; making the namespace
    // changes it, and nothing goes then.
    let digest = steps_before > 0 || now.plan.digest == approved.plan.digest;
    digest && action_hashes(&now.plan.steps) == action_hashes(&approved.plan.steps[steps_before..])
}

/// Whether a plan is part of the approved one, which goes on with a run that
/// broke off: what that run began comes true meanwhile.
fn is_less(approved: &Planned, now: &Planned) -> bool {
    let resumes = unfinished(&approved.plan, &approved.observed.live, clock::now()).is_some();
    let known: BTreeSet<Id> = removed(&approved.plan.steps).collect();
    let shown = not_ours(&approved.plan);
    resumes
        && goes_on(&action_hashes(&approved.plan.steps), &action_hashes(&now.plan.steps))
        && removed(&now.plan.steps).all(|id| known.contains(&id))
        && not_ours(&now.plan).keys().all(|field| shown.contains_key(field))
}

fn not_done(number: usize, reason: String) -> Outcome {
    let title = "look again whether nothing is left".to_owned();
    Outcome::Stopped { number, title, reason, details: Vec::new() }
}

/// What a plan has that should be empty.
fn told(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| step.title.clone());
    let left: Vec<String> = render::reasons(plan).into_iter().chain(steps).collect();
    format!("every step is done, but the plan is not empty: {}", left.join("; "))
}

/// An owned field that the API server would store otherwise than predicted.
fn broken_prediction(approved: &Planned, now: &Planned) -> Option<String> {
    if approved.plan.namespace_exists {
        return None;
    }
    now.observed.proposals.iter().find_map(|(key, proposal)| {
        let Proposal::Accepted { object, .. } = proposal else { return None };
        let predicted = approved.plan.changes.iter().find(|change| change.key == *key)?;
        let path = crate::plan::broken_at(&predicted.after, &object.body)?;
        Some(format!("`{key}` would not be stored as predicted: {path} differs"))
    })
}
