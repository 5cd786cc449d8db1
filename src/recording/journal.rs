//! What runs wrote down, as far as the next plan is decided from it: who ran
//! one that ended, and on which machine, is in the cluster.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    member::Id,
    observed::{
        Intended, Inventory, Journal,
        journal::{Ending, Founding, RecordedMember, Run, Snapshot, StepCount},
    },
};

/// The journal, without its history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// The last run, where it left nothing to do.
    finished: Option<Finished>,
    /// The last run, where it did.
    unfinished: Option<Run>,
    founding: Option<Founding>,
    cluster_id: Option<Id>,
    version: Option<String>,
    members: BTreeMap<String, RecordedMember>,
    inventory: Inventory,
}

/// A run that left nothing to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finished {
    at: Timestamp,
    end: Option<Ending>,
    /// What a destroy saved: it counts as long as nobody writes.
    snapshot: Option<Snapshot>,
}

impl Past {
    /// What stays of a journal.
    pub fn of(journal: &Journal) -> Past {
        let Journal { run, history: _, founding, cluster_id, version, members, inventory } = journal.clone();
        let (finished, unfinished) = match run {
            Some(Run { finished_at: Some(at), intended, snapshot, .. }) => {
                let end = intended.end;
                let snapshot = snapshot.filter(|_| end == Some(Ending::Destroy)).map(without_folder);
                (Some(Finished { at, end, snapshot }), None)
            }
            Some(run) => {
                let snapshot = run.snapshot.map(without_folder);
                (None, Some(Run { snapshot, stack: String::new(), ..run }))
            }
            None => (None, None),
        };
        Past { finished, unfinished, founding, cluster_id, version, members, inventory }
    }

    /// When the last run ended with nothing left to do.
    pub fn finished_at(&self) -> Option<Timestamp> {
        self.finished.as_ref().map(|run| run.at)
    }

    /// The journal, as far as it was kept.
    pub fn journal(&self) -> Journal {
        let Past { finished, unfinished, founding, cluster_id, version, members, inventory } = self.clone();
        let run = unfinished.or_else(|| finished.map(run));
        Journal { run, history: Vec::new(), founding, cluster_id, version, members, inventory }
    }
}

/// A folder is one of the machine that it was saved on.
fn without_folder(snapshot: Snapshot) -> Snapshot {
    let path = snapshot.path.rsplit('/').next().unwrap_or_default().to_owned();
    Snapshot { path, ..snapshot }
}

fn run(Finished { at, end, snapshot }: Finished) -> Run {
    Run {
        digest: String::new(),
        actions: Vec::new(),
        removed: BTreeSet::new(),
        not_ours: BTreeSet::new(),
        who: String::new(),
        tool_version: String::new(),
        started_at: at,
        finished_at: Some(at),
        intended: Intended { end, ..Intended::default() },
        summary: String::new(),
        steps: StepCount::default(),
        snapshot,
        stack: String::new(),
    }
}
