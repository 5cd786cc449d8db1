//! etcd: logs, elections and what it refuses.
//!
//! Every member has its own log. A write is acknowledged once it is in those
//! of a quorum, and the others get it later: so a vote that forgot its log is
//! a write that is lost.
//! <https://etcd.io/docs/v3.6/op-guide/runtime-configuration/>

use std::{collections::BTreeMap, rc::Rc};

use etcdctl_stack::{
    execute::Failure,
    member::{Id, Role, quorum},
};
use jiff::SignedDuration;

use crate::simulator::{Data, Leader, Listed, Log, Phase, State};

/// Before etcd changes membership: of unbroken connection to every voter.
const HEALTH_INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// From the end of a leader to the next one.
const ELECTION: SignedDuration = SignedDuration::from_secs(1);

/// An id from what it is made of: the same for the same.
pub fn id_of(parts: &[&str]) -> Id {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    Id(parts.iter().flat_map(|part| part.bytes()).fold(0xcbf2_9ce4_8422_2325, fold))
}

impl Log {
    pub fn member(&self, id: Id) -> Option<&Listed> {
        self.members.iter().find(|member| member.id == id)
    }

    pub fn at(&self, url: &str) -> Option<&Listed> {
        self.members.iter().find(|member| member.url == url)
    }

    pub fn voters(&self) -> impl Iterator<Item = &Listed> {
        self.members.iter().filter(|member| member.role == Role::Voter)
    }

    pub fn quorum(&self) -> usize {
        quorum(self.voters().count())
    }
}

impl State {
    pub fn runs(&self, ordinal: usize) -> bool {
        self.pods.get(&ordinal).is_some_and(|pod| matches!(pod.phase, Phase::Running))
    }

    pub fn data(&self, ordinal: usize) -> Option<&Data> {
        self.claims.get(&ordinal)?.data.as_ref()
    }

    fn data_mut(&mut self, ordinal: usize) -> Option<&mut Data> {
        self.claims.get_mut(&ordinal)?.data.as_mut()
    }

    fn connected(&self, one: usize, other: usize) -> bool {
        one == other || !(self.cut.contains(&one) || self.cut.contains(&other))
    }

    /// Whether this listed member runs, with this identity.
    pub fn is_up(&self, member: &Listed) -> bool {
        let Some(ordinal) = member.ordinal else { return false };
        self.runs(ordinal) && self.data(ordinal).is_some_and(|data| data.id == member.id)
    }

    /// The voters of a log that run and are connected to one of them.
    fn reached(&self, log: &Log, from: usize) -> usize {
        let up = |member: &&Listed| {
            self.is_up(member) && member.ordinal.is_some_and(|other| self.connected(from, other))
        };
        log.voters().filter(up).count()
    }

    /// The log that is the furthest, of whoever is in it: what was committed.
    pub fn furthest(&self) -> Option<Rc<Log>> {
        if let Some(leader) = &self.leader {
            return self.data(leader.ordinal).map(|data| data.log.clone());
        }
        let listed = self.claims.values().filter_map(|claim| {
            let data = claim.data.as_ref()?;
            data.log.member(data.id).map(|_| data.log.clone())
        });
        listed.max_by_key(|log| (log.term, log.index))
    }

    /// Whether the voters that run could agree.
    pub fn has_quorum(&self) -> bool {
        let Some(log) = self.furthest() else { return false };
        let ordinals = || log.voters().filter_map(|member| member.ordinal);
        ordinals().any(|ordinal| self.runs(ordinal) && self.reached(&log, ordinal) >= log.quorum())
    }

    /// Keeps a leader that still has a quorum, or finds another one.
    pub fn elect(&mut self) {
        if let Some(leader) = &self.leader {
            let stays = self.runs(leader.ordinal)
                && self.data(leader.ordinal).is_some_and(|data| {
                    let votes = data.log.member(leader.id).is_some_and(|member| member.role == Role::Voter);
                    data.id == leader.id
                        && votes
                        && self.reached(&data.log, leader.ordinal) >= data.log.quorum()
                });
            if stays {
                return;
            }
            (self.leader, self.leaderless) = (None, self.now);
        }
        if self.now.duration_since(self.leaderless) < ELECTION {
            return;
        }
        let candidates = (0..self.urls.len()).filter(|ordinal| self.may_lead(*ordinal));
        let furthest = |ordinal: &usize| {
            let log = &self.data(*ordinal).expect("a candidate").log;
            (log.term, log.index, usize::MAX - ordinal)
        };
        if let Some(ordinal) = candidates.max_by_key(furthest) {
            self.lead(ordinal);
        }
    }

    /// Whether a quorum of the voters in its own log would vote for it.
    fn may_lead(&self, ordinal: usize) -> bool {
        let Some(data) = self.data(ordinal).filter(|_| self.runs(ordinal)) else { return false };
        let mine = (data.log.term, data.log.index);
        let votes = data.log.voters().filter(|voter| {
            self.is_up(voter)
                && voter.ordinal.is_some_and(|other| {
                    let theirs = &self.data(other).expect("is up").log;
                    self.connected(ordinal, other) && (theirs.term, theirs.index) <= mine
                })
        });
        data.log.member(data.id).is_some_and(|member| member.role == Role::Voter)
            && votes.count() >= data.log.quorum()
    }

    pub fn lead(&mut self, ordinal: usize) {
        let term = self.claims.values().filter_map(|claim| Some(claim.data.as_ref()?.log.term)).max();
        let data = self.data_mut(ordinal).expect("a member");
        let log = Rc::make_mut(&mut data.log);
        (log.term, log.index) = (term.unwrap_or(0) + 1, log.index + 1);
        let id = data.id;
        self.leader = Some(Leader { ordinal, id, matched: BTreeMap::new() });
    }

    /// Sends what the leader has to everybody who is listed and reached.
    pub fn replicate(&mut self) {
        let Some(Leader { ordinal: leader, .. }) = self.leader else { return };
        self.publish_names(leader);
        let log = self.data(leader).expect("leads").log.clone();
        for ordinal in 0..self.urls.len() {
            if !self.runs(ordinal) || !self.connected(leader, ordinal) {
                continue;
            }
            let Some((id, index)) = self.data(ordinal).map(|data| (data.id, data.log.index)) else {
                continue;
            };
            let matched = self.leader.as_ref().and_then(|leader| leader.matched.get(&id).copied());
            if log.member(id).is_none() {
                self.die(ordinal, "the member has been permanently removed from the cluster");
            } else if matched.is_some_and(|matched| matched > index) {
                let words = format!("tocommit({}) is out of range [lastIndex({index})]", log.index);
                self.die(ordinal, &words);
            } else {
                self.data_mut(ordinal).expect("has data").log = log.clone();
                self.pods.get_mut(&ordinal).expect("runs").served = true;
                let leader = self.leader.as_mut().expect("leads");
                leader.matched.insert(id, log.index);
            }
        }
    }

    fn publish_names(&mut self, leader: usize) {
        let log = self.data(leader).expect("leads").log.clone();
        let nameless = |member: &&Listed| {
            member.name.is_empty()
                && self.is_up(member)
                && member.ordinal.is_some_and(|ordinal| self.connected(leader, ordinal))
        };
        let ids: Vec<Id> = log.members.iter().filter(nameless).map(|member| member.id).collect();
        let names = self.names.clone();
        for id in ids {
            self.propose(|log| {
                let member = log.members.iter_mut().find(|member| member.id == id).expect("listed");
                member.name = names.member(member.ordinal.expect("runs"));
            });
        }
    }

    /// Puts an entry into the leader's log, and into as many others as make a
    /// quorum. The rest gets it at the next turn.
    pub fn propose(&mut self, change: impl FnOnce(&mut Log)) {
        let leader = self.leader.as_ref().expect("somebody leads").ordinal;
        let before = self.data(leader).expect("leads").log.clone();
        let data = self.data_mut(leader).expect("leads");
        let log = Rc::make_mut(&mut data.log);
        change(log);
        log.index += 1;
        let log = data.log.clone();
        let followers: Vec<usize> = before
            .voters()
            .filter(|voter| self.is_up(voter))
            .filter_map(|voter| voter.ordinal)
            .filter(|ordinal| *ordinal != leader && self.connected(leader, *ordinal))
            .take(before.quorum() - 1)
            .collect();
        for follower in followers {
            self.data_mut(follower).expect("is up").log = log.clone();
        }
    }

    /// Writes a key as a client does, if anybody serves clients.
    pub fn write_a_key(&mut self) {
        self.elect();
        self.replicate();
        if self.leader.is_some() && self.objects.contains_key(&self.names.client_service()) {
            let key = self.fresh();
            self.propose(|log| log.keys.push(key));
            self.acknowledged.push(key);
        }
    }

    /// The log by which this member answers for the cluster, or why not.
    pub fn served_by(&self, via: usize) -> Result<Rc<Log>, Failure> {
        let not_now = |text: &str| Err(Failure::NotNow(text.to_owned()));
        let Some(data) = self.data(via).filter(|_| self.runs(via) && self.pods[&via].served) else {
            return not_now("connection refused");
        };
        match &self.leader {
            Some(leader) if self.connected(via, leader.ordinal) => {
                let log = self.data(leader.ordinal).expect("leads").log.clone();
                match log.member(data.id).map(|member| member.role) {
                    Some(Role::Voter) => Ok(log),
                    Some(Role::Learner) => not_now("rpc not supported for learner"),
                    None => not_now("server stopped"),
                }
            }
            _ => not_now("no leader"),
        }
    }

    /// How many voters this member has been connected to for five seconds.
    fn connected_since(&self, log: &Log, via: usize) -> usize {
        let long = |ordinal: usize| self.now.duration_since(self.pods[&ordinal].linked) >= HEALTH_INTERVAL;
        let voters = log.voters().filter(|voter| {
            let own = voter.ordinal == Some(via);
            own || self.is_up(voter)
                && voter.ordinal.is_some_and(|other| self.connected(via, other) && long(other) && long(via))
        });
        voters.count()
    }

    /// Lists a new member.
    pub fn add(&mut self, via: usize, url: &str, role: Role) -> Result<(), Failure> {
        let log = self.served_by(via)?;
        if log.at(url).is_some() {
            return Err(Failure::Unknown("Peer URLs already exists".into()));
        }
        if role == Role::Learner && log.members.iter().any(|member| member.role == Role::Learner) {
            return Err(Failure::Refused("too many learner members in cluster".into()));
        }
        let unstarted = log.voters().filter(|voter| voter.name.is_empty()).count();
        if role == Role::Voter && unstarted > 0 {
            return Err(Failure::Refused("not enough started members".into()));
        }
        if self.connected_since(&log, via) < log.voters().count() {
            return Err(Failure::NotNow("unhealthy cluster".into()));
        }
        let id = id_of(&[url, &self.now.as_second().to_string()]);
        if log.removed.contains(&id) || log.member(id).is_some() {
            return Err(Failure::NotNow("member ID already exist".into()));
        }
        let ordinal = self.urls.iter().position(|own| own == url);
        let member = Listed { id, url: url.to_owned(), ordinal, name: String::new(), role };
        self.propose(|log| log.members.push(member));
        Ok(())
    }

    /// Takes a member out of the list: strict reconfiguration.
    pub fn remove(&mut self, via: usize, id: Id) -> Result<(), Failure> {
        let log = self.served_by(via)?;
        let Some(member) = log.member(id) else { return Err(Failure::Unknown("member not found".into())) };
        if member.role == Role::Voter {
            let rest: Vec<&Listed> = log.voters().filter(|voter| voter.id != id).collect();
            let started = rest.iter().filter(|voter| !voter.name.is_empty()).count();
            if rest.is_empty() || started < quorum(rest.len()) {
                return Err(Failure::Refused("not enough started members".into()));
            }
            let down = member.ordinal != Some(via)
                && !(self.is_up(member) && member.ordinal.is_some_and(|other| self.connected(via, other)));
            if !down && self.connected_since(&log, via) - 1 < 1 + (log.voters().count() - 1) / 2 {
                return Err(Failure::NotNow("unhealthy cluster".into()));
            }
        }
        self.propose(|log| {
            log.members.retain(|member| member.id != id);
            log.removed.insert(id);
        });
        Ok(())
    }

    /// Makes a learner a voter. etcd looks at what it once sent to the
    /// learner, so that one that is dead or cut off is promoted all the same.
    pub fn promote(&mut self, via: usize, id: Id) -> Result<(), Failure> {
        let log = self.served_by(via)?;
        let Some(member) = log.member(id) else { return Err(Failure::Refused("member not found".into())) };
        if member.role == Role::Voter {
            return Err(Failure::Unknown("can only promote a learner member".into()));
        }
        let matched = self.leader.as_ref().and_then(|leader| leader.matched.get(&id)).copied().unwrap_or(0);
        if matched * 10 < log.index * 9 {
            return Err(Failure::NotNow("the learner is not in sync with leader".into()));
        }
        let leader = self.leader.as_ref().expect("serves").ordinal;
        if !self.is_up(member) || !member.ordinal.is_some_and(|ordinal| self.connected(leader, ordinal)) {
            self.rules.violations.push(format!("{id} was promoted while it was dead or cut off"));
        }
        self.propose(|log| {
            log.members
                .iter_mut()
                .filter(|member| member.id == id)
                .for_each(|member| member.role = Role::Voter);
        });
        Ok(())
    }

    /// Hands leadership on.
    pub fn move_leader(&mut self, from: usize, to: Id) -> Result<(), Failure> {
        let log = self.served_by(from)?;
        if self.leader.as_ref().is_none_or(|leader| leader.ordinal != from) {
            return Err(Failure::Refused("not leader".into()));
        }
        let Some(member) = log.voters().find(|voter| voter.id == to) else {
            return Err(Failure::Refused("bad leader transferee".into()));
        };
        match member.ordinal.filter(|other| self.is_up(member) && self.connected(from, *other)) {
            Some(ordinal) => {
                self.replicate();
                self.lead(ordinal);
                Ok(())
            }
            None => Err(Failure::Unknown("request timed out".into())),
        }
    }
}
