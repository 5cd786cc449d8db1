//! What clients were promised, and which promises were broken.
//!
//! Knows nothing of connections. An ambiguous write may still happen at any
//! later time, after newer ones too, so an older value alone proves nothing
//! about it; revisions do: they never go back.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use etcdctl_stack::etcd::Entry;

use super::Verdict;

/// A write that was acknowledged, under a key that is written once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub key: String,
    pub value: String,
    pub revision: i64,
}

/// The newest that is known of a key whose values grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hot {
    value: u64,
    revision: i64,
    /// Values that may still come.
    unknown: BTreeSet<u64>,
}

/// Everything that clients saw.
pub struct Record {
    pub written: Vec<Written>,
    pub hot: Vec<Hot>,
    /// The highest revision that was acknowledged.
    pub revision: i64,
    pub faults: Vec<String>,
    total: Verdict,
    lap: Verdict,
    lap_began: Instant,
    last_write: Instant,
}

const NOTHING: Verdict = Verdict {
    acknowledged: 0,
    ambiguous: 0,
    longest_gap: Duration::ZERO,
    slowest_write: Duration::ZERO,
    reads: 0,
};

impl Hot {
    /// Why an answer to a question that was asked when this was known must not
    /// be.
    pub fn stale(&self, value: u64, revision: i64) -> Option<String> {
        let Hot { value: newest, revision: at, unknown } = self;
        let older = revision < *at || (value < *newest && !unknown.contains(&value));
        older.then(|| {
            format!(
                "read {value} of revision {revision} after {newest} of revision {at} was seen or acknowledged"
            )
        })
    }

    fn learn(&mut self, value: u64, revision: i64) {
        if revision > self.revision {
            (self.value, self.revision) = (value, revision);
        }
    }
}

impl Record {
    pub fn new(writers: usize) -> Record {
        let now = Instant::now();
        Record {
            written: Vec::new(),
            hot: vec![Hot::default(); writers],
            revision: 0,
            faults: Vec::new(),
            total: NOTHING,
            lap: NOTHING,
            lap_began: now,
            last_write: now,
        }
    }

    /// A write was acknowledged that began when `known` was the highest
    /// revision; `hot` is the writer and the value of a key that is written
    /// again.
    pub fn acknowledged(&mut self, known: i64, written: Written, hot: Option<(usize, u64)>) {
        if written.revision <= known {
            self.faults.push(format!(
                "{} was acknowledged at revision {}, after one at revision {known}",
                written.key, written.revision
            ));
        }
        self.revision = self.revision.max(written.revision);
        self.count(|verdict| verdict.acknowledged += 1);
        self.gap();
        self.last_write = Instant::now();
        match hot {
            Some((writer, value)) => self.hot[writer].learn(value, written.revision),
            None => self.written.push(written),
        }
    }

    /// A write may have happened or not.
    pub fn unknown(&mut self, hot: Option<(usize, u64)>) {
        self.count(|verdict| verdict.ambiguous += 1);
        if let Some((writer, value)) = hot {
            self.hot[writer].unknown.insert(value);
        }
    }

    /// A write was done after so long, under whatever key.
    pub fn wrote(&mut self, took: Duration) {
        self.count(|verdict| verdict.slowest_write = verdict.slowest_write.max(took));
    }

    /// A hot key was read, by a question that was asked when `known` was known.
    pub fn read(&mut self, writer: usize, known: &Hot, entry: Option<Entry>, member: &str) {
        self.count(|verdict| verdict.reads += 1);
        let (value, revision) = match entry {
            Some(entry) => {
                let text = String::from_utf8_lossy(&entry.value).into_owned();
                (text.parse().unwrap_or(0), entry.mod_revision)
            }
            None => (0, 0),
        };
        if let Some(fault) = known.stale(value, revision) {
            self.faults.push(format!("hot key {writer}, at {member}: {fault}"));
        }
        self.hot[writer].learn(value, revision);
    }

    /// Forgets figures, and no promise: clients that look for their first
    /// member say nothing about the cluster.
    pub fn count_from_here(&mut self) {
        self.lap();
        self.total = NOTHING;
    }

    /// What was counted since the last lap, and how long that was.
    pub fn lap(&mut self) -> (Verdict, Duration) {
        self.gap();
        let took = self.lap_began.elapsed();
        self.lap_began = Instant::now();
        (std::mem::replace(&mut self.lap, NOTHING), took)
    }

    /// What was counted in all.
    pub fn total(&self) -> Verdict {
        self.total
    }

    /// A gap counts in every lap that it reaches into, and there as a whole.
    fn gap(&mut self) {
        let gap = self.last_write.elapsed();
        self.count(|verdict| verdict.longest_gap = verdict.longest_gap.max(gap));
    }

    fn count(&mut self, add: impl Fn(&mut Verdict)) {
        add(&mut self.total);
        add(&mut self.lap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Hot {
        let mut hot = Hot::default();
        hot.learn(7, 100);
        hot.unknown.insert(5);
        hot
    }

    #[test]
    fn a_value_that_is_older_than_what_was_known_is_stale() {
        assert_eq!(known().stale(7, 100), None);
        assert_eq!(known().stale(8, 110), None);
        for (value, revision) in [(6, 90), (0, 0), (6, 110), (7, 99), (5, 90)] {
            assert!(known().stale(value, revision).is_some(), "{value} of revision {revision}");
        }
    }

    #[test]
    fn an_ambiguous_write_may_happen_after_newer_ones() {
        assert_eq!(known().stale(5, 101), None);
        let mut after = known();
        after.learn(5, 101);
        assert_eq!(after.stale(5, 101), None);
        assert!(after.stale(7, 100).is_some());
    }

    #[test]
    fn a_revision_that_goes_back_is_a_fault() {
        let mut record = Record::new(1);
        let written = |revision| Written { key: "key".to_owned(), value: "1".to_owned(), revision };
        record.acknowledged(0, written(10), None);
        record.acknowledged(10, written(11), None);
        assert_eq!(record.faults.len(), 0);
        record.acknowledged(record.revision, written(11), None);
        assert_eq!(record.faults, ["key was acknowledged at revision 11, after one at revision 11"]);
    }
}
