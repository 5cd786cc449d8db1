//! What no run may ever do, looked at with each call and after each moment.

use std::collections::BTreeSet;

use etcdctl_stack::{
    desired::Window,
    member::{Id, Role},
    object::Object,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::simulator::State;

/// What was done against the rules, and what the rules must know.
#[derive(Clone, Debug)]
pub struct Rules {
    pub violations: Vec<String>,
    /// Whether there was a quorum at the last look.
    quorum: bool,
    /// Until then a lost quorum is the doing of a hand, not of a run.
    excused: Timestamp,
    /// How many acknowledged keys the test itself has lost.
    pub lost_before: usize,
    /// Whether the plan's reader agreed to downtime.
    pub downtime: bool,
    /// Whether the stack is to go as a whole.
    pub ends: bool,
}

/// The membership before a call.
pub struct Before {
    voters: BTreeSet<Id>,
    learners: usize,
}

impl Rules {
    pub fn at(now: Timestamp) -> Self {
        Rules {
            violations: Vec::new(),
            quorum: false,
            excused: now,
            lost_before: 0,
            downtime: false,
            ends: false,
        }
    }
}

impl State {
    fn against(&mut self, text: String) {
        // One is enough of each.
        if !self.rules.violations.contains(&text) {
            self.rules.violations.push(text);
        }
    }

    fn last_call(&self) -> String {
        self.log.last().map_or_else(|| "nothing".to_owned(), |call| format!("call {} `{call}`", self.calls))
    }

    /// A hand did something: what becomes of the quorum now is not a run's
    /// doing.
    pub fn excuse(&mut self) {
        self.rules.excused = self.now + SignedDuration::from_secs(4);
    }

    /// A quorum that was there stays.
    pub fn judge_quorum(&mut self) {
        let has = self.has_quorum();
        if self.rules.quorum && !has && !self.rules.downtime && self.now >= self.rules.excused {
            self.against(format!("the quorum was lost after {}", self.last_call()));
        }
        self.rules.quorum = has;
    }

    pub fn before(&self) -> Before {
        let log = self.furthest().unwrap_or_default();
        let voters: BTreeSet<Id> = log.voters().map(|member| member.id).collect();
        Before { learners: log.members.len() - voters.len(), voters }
    }

    /// One voter more or less at a time, one learner, and no key lost.
    pub fn judge_call(&mut self, before: &Before) {
        if self.rules.ends {
            return;
        }
        let after = self.before();
        let changed = before.voters.symmetric_difference(&after.voters).count();
        if changed > 1 {
            self.against(format!("{changed} voters changed with {}", self.last_call()));
        }
        if after.learners > before.learners.max(1) {
            self.against(format!("{} learners after {}", after.learners, self.last_call()));
        }
        let lost = self.lost_keys().len();
        if self.leader.is_some() && lost > self.rules.lost_before {
            self.against(format!("{lost} acknowledged keys were lost by {}", self.last_call()));
        }
    }

    /// Acknowledged keys that those who would serve do not have.
    pub fn lost_keys(&self) -> Vec<u64> {
        let log = self.furthest().unwrap_or_default();
        self.acknowledged.iter().filter(|key| !log.keys.contains(key)).copied().collect()
    }

    pub fn judge_apply(&mut self, object: &Object) {
        if object.key == self.names.stateful_set() {
            self.judge_replicas(object);
        }
        if object.key == self.names.bootstrap() {
            self.judge_window(object);
        }
    }

    /// Replicas rise to an ordinal that etcd lists, or to where pods were that
    /// somebody took away; they fall from one that etcd does not list.
    fn judge_replicas(&mut self, object: &Object) {
        let wanted = object.body.pointer("/spec/replicas").and_then(Value::as_u64);
        let wanted = wanted.map_or(0, |replicas| usize::try_from(replicas).expect("few"));
        let has = self.replicas();
        let log = self.furthest().unwrap_or_default();
        let absent = !self.objects.contains_key(&object.key);
        for ordinal in
            self.pods.range(wanted..).map(|(ordinal, _)| *ordinal).filter(|_| absent).collect::<Vec<_>>()
        {
            if log.at(&self.urls[ordinal]).is_some() {
                self.against(format!("it was created with {wanted} replicas while {ordinal} was listed"));
            }
        }
        for ordinal in wanted..has {
            if log.at(&self.urls[ordinal]).is_some() {
                self.against(format!(
                    "replicas were lowered from {has} to {wanted} while {ordinal} was listed"
                ));
            }
        }
        if wanted + 1 < has {
            self.against(format!("replicas were lowered from {has} to {wanted} at once"));
        }
        for ordinal in has..wanted {
            let listed = log.at(&self.urls[ordinal]).is_some();
            let founds = self.foundings == 0 && ordinal == 0;
            let alone = wanted == has + 1 && (listed || founds);
            if !alone && !self.is_recorded(ordinal) {
                self.against(format!(
                    "replicas were raised from {has} to {wanted}, but {ordinal} is not listed, or not recorded with its claim"
                ));
            }
        }
    }

    /// Whether the journal has this member with the claim that is there; where
    /// the journal is gone, whether the claim says that it is of a member.
    fn is_recorded(&self, ordinal: usize) -> bool {
        let Some(claim) = self.claims.get(&ordinal) else { return false };
        let member =
            self.journal.as_ref().and_then(|journal| journal.members.get(&self.names.member(ordinal)));
        member.map_or(claim.recorded.is_some(), |member| member.claim_uid == claim.uid)
    }

    /// A window is for one that has never started, and founds only once.
    fn judge_window(&mut self, object: &Object) {
        let log = self.furthest().unwrap_or_default();
        match Window::read(&self.names, object) {
            None => self.against(format!("a window that nobody can read: {}", object.body["data"])),
            Some(Window::Sealed) => {}
            Some(Window::Founding) if self.foundings == 0 => {}
            Some(Window::Founding) => self.against("a founding window after the founding".to_owned()),
            Some(Window::Joining { ordinal, .. }) => {
                let member = log.at(&self.urls[ordinal]);
                if member.is_none_or(|member| !member.name.is_empty()) {
                    self.against(format!("a window for {ordinal}, which is not listed or has started"));
                }
            }
        }
    }

    /// A leader hands over before it is stopped, if anybody can take over.
    pub fn judge_stop(&mut self, ordinal: usize) {
        let Some(leader) = self.leader.clone().filter(|leader| leader.ordinal == ordinal) else { return };
        let log = self.furthest().unwrap_or_default();
        let heir = log.voters().any(|voter| voter.id != leader.id && self.is_up(voter));
        if heir && !self.rules.downtime {
            self.against(format!("{ordinal} was stopped or removed while it led, with {}", self.last_call()));
        }
    }

    /// Data goes only after its member, and after a snapshot was saved.
    pub fn judge_data_loss(&mut self, ordinal: usize) {
        if self.rules.ends {
            return self.judge_end(ordinal);
        }
        let log = self.furthest().unwrap_or_default();
        let Some(id) = self.data(ordinal).map(|data| data.id) else { return };
        if log.member(id).is_some() {
            self.against(format!("the claim of {ordinal} was deleted while it was listed"));
        }
        self.judge_saved(&format!("the claim of {ordinal} was deleted"));
    }

    /// With the whole stack, data goes after a snapshot, and after everybody has
    /// stopped.
    fn judge_end(&mut self, ordinal: usize) {
        if self.snapshots == 0 && self.data(ordinal).is_some() {
            self.against(format!("the claim of {ordinal} was deleted before a snapshot was saved"));
        }
        if !self.pods.is_empty() {
            self.against(format!("the claim of {ordinal} was deleted while pods were there"));
        }
    }

    pub fn judge_removal(&mut self, id: Id) {
        let log = self.furthest().unwrap_or_default();
        let Some(member) = log.member(id) else { return };
        if member.role == Role::Voter {
            self.judge_saved(&format!("voter {} was removed", member.url));
        }
        if let Some(ordinal) = member.ordinal {
            self.judge_stop(ordinal);
        }
    }

    fn judge_saved(&mut self, what: &str) {
        if self.snapshots == 0 && self.has_quorum() {
            self.against(format!("{what} before a snapshot was saved"));
        }
    }
}
