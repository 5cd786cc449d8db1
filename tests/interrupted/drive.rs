//! Plans and applies, as a person would, until nothing is left.

use etcdctl_stack::{
    desired::{Desired, desired},
    plan::{Intent, Plan, action_hashes, goes_on},
    report::{Outcome, Report},
    stack::parse_and_check,
};

use crate::simulator::{Ended, Fault, Simulator};

/// The desired state of a stack of so many members, with more lines of TOML.
pub fn stack(members: usize, more: &str) -> Desired {
    let text =
        format!("[stack]\nname = \"orders\"\nnamespace = \"ns\"\n[cluster]\nmembers = {members}\n{more}");
    desired(&parse_and_check("orders.toml", &text).expect("a good file").stack)
}

/// A cluster of so many members, founded and at rest.
#[track_caller]
pub fn founded(members: usize) -> Simulator {
    let world = Simulator::new(stack(members, ""));
    let goal = Goal { members, ..Goal::default() };
    goal.reached_from(&world).unwrap_or_else(|why| panic!("founding {members}: {why}"));
    world
}

/// How plans and runs ended.
#[derive(Debug)]
pub enum End {
    /// Nothing is left.
    Empty,
    /// The plan says why it goes no further.
    Blocked,
    /// Runs stop, and the next one does as well.
    Stopped(String),
}

/// What is asked for, and what is to come of it.
#[derive(Clone, Debug, Default)]
pub struct Goal {
    /// Voters at the end.
    pub members: usize,
    /// What is asked for beside the file.
    pub intent: Intent,
    /// Whether data may be deleted.
    pub data_loss: bool,
    /// Whether what cannot be made again may be deleted.
    pub deletes: bool,
    /// Whether nobody may be served for a while.
    pub downtime: bool,
    /// The code of the reason with which it ends; `None` where any may stand
    /// in the way.
    pub ends_blocked: Option<&'static str>,
    /// The pods that are to be there at the end: uids, and how often they
    /// started.
    pub pods: Option<Vec<(String, i32)>>,
    /// Whether nothing but the runs changes the world, so that what was approved
    /// of a run that broke off holds for those that finish it.
    pub undisturbed: bool,
}

impl Goal {
    /// Plans and applies until nothing is left.
    pub fn reached_from(&self, world: &Simulator) -> Result<(), String> {
        let what = |text: String| format!("{text}; calls: {:?}", world.history());
        match self.until_it_ends(world).map_err(what)? {
            End::Stopped(why) => Err(what(why)),
            End::Empty | End::Blocked => self.is_sound(world).map_err(what),
        }
    }

    /// Plans and applies until nothing is left, or nothing helps.
    pub fn until_it_ends(&self, world: &Simulator) -> Result<End, String> {
        world.state.borrow_mut().rules.downtime = self.downtime;
        let end = self.go(world);
        world.state.borrow_mut().rules.downtime = false;
        end
    }

    fn go(&self, world: &Simulator) -> Result<End, String> {
        let mut asked = Intent::default() == self.intent;
        let mut stopped = Vec::new();
        for _ in 0..12 {
            world.let_time_pass(10);
            world.write_a_key();
            let intent = if asked { Intent::default() } else { self.intent.clone() };
            let plan = world.plan_with(&intent);
            if !plan.is_applicable() {
                return self.blocked(&plan).map(|()| End::Blocked);
            }
            if plan.is_empty() {
                return Ok(End::Empty);
            }
            self.is_allowed(&plan)?;
            self.is_approved(&plan, world)?;
            match world.run(&plan) {
                Ended::Report(Report { outcome: Outcome::Stopped { reason, .. }, .. }) => {
                    stopped.push(reason)
                }
                Ended::Report(Report { outcome: Outcome::Completed, .. }) | Ended::Crashed => {}
                Ended::Report(report) => return Err(format!("ended with {report:?}")),
            }
            // Once it is written down, nobody has to ask for it again.
            asked = asked
                || world.read().journal.as_ref().is_some_and(|journal| {
                    journal.run.as_ref().is_some_and(|run| run.intended == plan.intended)
                });
        }
        stopped.dedup();
        let left = titles(&world.plan()).join(", ");
        Ok(End::Stopped(format!(
            "not at an end after twelve runs, which stopped with {stopped:?}; left: {left}"
        )))
    }

    fn blocked(&self, plan: &Plan) -> Result<(), String> {
        let named = |code: &str| self.ends_blocked.is_none() || self.ends_blocked == Some(code);
        match plan.blocked.iter().find(|blocked| !named(&blocked.code)) {
            Some(other) => Err(format!("blocked: {} {}", other.code, other.reason)),
            None if plan.blocked.is_empty() && self.ends_blocked.is_some() => {
                Err(format!("could not read: {:?}", plan.unread))
            }
            None => Ok(()),
        }
    }

    fn is_allowed(&self, plan: &Plan) -> Result<(), String> {
        let needs = plan.needs();
        if !needs.data_loss.is_empty() && !self.data_loss {
            return Err(format!("asks for the loss of {:?}: {:?}", needs.data_loss, titles(plan)));
        }
        if !needs.delete.is_empty() && !self.deletes {
            return Err(format!("asks for the deletion of {:?}", needs.delete));
        }
        if !needs.downtime.is_empty() && !self.downtime {
            return Err(format!("asks for downtime: {:?}", needs.downtime));
        }
        Ok(())
    }

    /// The plan is what is left of the run that broke off, if one did.
    fn is_approved(&self, plan: &Plan, world: &Simulator) -> Result<(), String> {
        let journal = world.read().journal.clone();
        let Some(run) = journal.as_ref().and_then(|journal| journal.unfinished()) else { return Ok(()) };
        if self.undisturbed && !goes_on(&run.actions, &action_hashes(&plan.steps)) {
            return Err(format!("the approval does not hold for the rest: {:?}", titles(plan)));
        }
        Ok(())
    }

    /// What must be true of every history.
    pub fn is_unharmed(&self, world: &Simulator) -> Result<(), String> {
        let mut wrong = world.violations();
        if world.foundings() != 1 {
            wrong.push(format!("{} foundings", world.foundings()));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }

    /// The same, and what was wanted.
    pub fn is_sound(&self, world: &Simulator) -> Result<(), String> {
        self.is_unharmed(world)?;
        let (voters, replicas) = (world.voters(), world.read().replicas());
        if voters != self.members || replicas != self.members {
            return Err(format!("{voters} voters and {replicas} replicas instead of {}", self.members));
        }
        if let Some(pods) = self.pods.as_ref().filter(|pods| **pods != world.pods()) {
            return Err(format!("the pods are {:?} instead of {pods:?}", world.pods()));
        }
        if !world.is_sealed() {
            return Err("the window is still open".to_owned());
        }
        Ok(())
    }
}

pub fn titles(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.title.as_str()).collect()
}

/// Every call of a whole run with every fault: from a fresh copy of the same
/// world each time. Returns how many, and what went wrong.
pub fn interrupted(name: &str, world: &Simulator, goal: &Goal, stride: usize) -> (usize, Vec<String>) {
    world.begin();
    let goal = &Goal { undisturbed: true, ..goal.clone() };
    let whole = world.clone();
    let mut wrong = Vec::new();
    if let Err(why) = goal.reached_from(&whole) {
        return (1, vec![format!("{name}, without faults: {why}")]);
    }
    let all = (0..whole.calls()).flat_map(|call| Fault::ALL.map(|fault| (call, fault)));
    let mut count = 1;
    for (call, fault) in all.skip(stride_start(name, stride)).step_by(stride) {
        let copy = world.clone();
        copy.fault(call, fault);
        if let Err(why) = goal.reached_from(&copy) {
            let called = whole.history().get(call).cloned().unwrap_or_default();
            wrong.push(format!("{name}, {fault:?} at call {call} ({called}): {why}"));
        }
        count += 1;
    }
    (count, wrong)
}

/// Another beginning for each name, so that no call is always left out.
fn stride_start(name: &str, stride: usize) -> usize {
    name.bytes().map(usize::from).sum::<usize>() % stride
}

/// The stride from the environment; the usual one is for `make test`.
pub fn stride(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Panics with the first of what went wrong.
#[track_caller]
pub fn nothing_wrong(wrong: &[String]) {
    let first: Vec<&String> = wrong.iter().take(6).collect();
    assert!(wrong.is_empty(), "{} went wrong, among them: {first:#?}", wrong.len());
}
