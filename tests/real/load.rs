//! Clients that write and read all the time while a test changes the cluster
//! below them, and whether the cluster kept what it promised them.
//!
//! ```text
//! let load = Load::start(&place);
//! ...
//! load.lap("scale 1 -> 3");   figures since the last lap
//! load.finish();              every acknowledged key is read back
//! ```
//!
//! Losing a leader drops the proposals in flight, whose writers would wait for
//! seven seconds. So each write has half a second and is tried again under a
//! new key; one without an answer may have happened or not, and is counted as
//! ambiguous. Clients speak to pods directly, as clients in the cluster do.

mod check;
mod members;
mod record;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use etcdctl_stack::etcd::Error;
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::kubernetes::Place;
use members::{Caller, Members};
use record::{Record, Written};

const WRITERS: usize = 4;
const READERS: usize = 2;
const DEADLINE: Duration = Duration::from_millis(500);
/// Between two writes of one writer: leaves some of the machine to the rest.
const PAUSE: Duration = Duration::from_millis(8);
/// After so many calls a client turns to the next member, so that all are
/// used, also those that came later.
const CALLS_PER_MEMBER: usize = 64;
/// How long a key may stay unreadable at the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A load that runs until it is finished or dropped.
pub struct Load {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

/// What was counted since the last lap, or since the start.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub acknowledged: usize,
    /// Writes that may have happened or not.
    pub ambiguous: usize,
    /// The longest time without an acknowledged write of anybody.
    pub longest_gap: Duration,
    /// From the first try of a write to its acknowledgement, under whatever
    /// key it was.
    pub slowest_write: Duration,
    pub reads: usize,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { acknowledged, ambiguous, longest_gap, slowest_write, reads } = self;
        let (gap, slowest) = (longest_gap.as_secs_f64(), slowest_write.as_secs_f64());
        write!(
            f,
            "{acknowledged} writes acknowledged, {ambiguous} ambiguous, longest gap {gap:.2} s, \
             slowest write {slowest:.2} s, {reads} reads"
        )
    }
}

struct Shared {
    /// Of every key: no load reads what another one wrote.
    prefix: String,
    record: Mutex<Record>,
    members: Members,
    ended: AtomicBool,
}

impl Shared {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("no panic while held")
    }

    /// The key that one writer writes again and again, with growing values.
    fn hot_key(&self, writer: usize) -> String {
        format!("{}/hot/{writer}", self.prefix)
    }

    fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }
}

impl Load {
    /// Starts against a stack that serves, and waits for the first writes.
    pub fn start(place: &Place) -> Load {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads for the load");
        let members = runtime.block_on(Members::of(place));
        let record = Mutex::new(Record::new(WRITERS));
        let shared = Arc::new(Shared { prefix: prefix(), record, members, ended: AtomicBool::new(false) });
        let mut tasks = vec![runtime.spawn(look_for_members(Arc::clone(&shared)))];
        tasks.extend((0..WRITERS).map(|writer| runtime.spawn(write(Arc::clone(&shared), writer))));
        tasks.extend((0..READERS).map(|reader| runtime.spawn(read(Arc::clone(&shared), reader))));
        let load = Load { shared, tasks, runtime: Some(runtime) };
        crate::kubernetes::wait_until("the load writes", 30, || {
            load.shared.record().total().acknowledged >= WRITERS
        });
        load.shared.record().count_from_here();
        load
    }

    /// Does something, and prints what clients saw meanwhile.
    #[track_caller]
    pub fn during<T>(&self, what: &str, change: impl FnOnce() -> T) -> T {
        self.shared.record().lap();
        let done = change();
        self.lap(what);
        done
    }

    /// What happened since the last lap, in one line; fails when a promise was
    /// broken.
    #[track_caller]
    pub fn lap(&self, what: &str) -> Verdict {
        let (verdict, took) = self.shared.record().lap();
        println!("load: {what}: {:.1} s, {verdict}", took.as_secs_f64());
        self.kept();
        verdict
    }

    /// What readers and writers saw that must not be.
    pub fn faults(&self) -> Vec<String> {
        self.shared.record().faults.clone()
    }

    #[track_caller]
    fn kept(&self) {
        let faults = self.faults();
        assert!(faults.is_empty(), "{} broken promises, the first are\n{}", faults.len(), first(&faults));
    }

    /// Ends the load; fails when something that was acknowledged is gone, or
    /// something old was read. Gives the figures of the whole run.
    #[track_caller]
    pub fn finish(mut self, what: &str) -> Verdict {
        self.stop();
        let verdict = self.shared.record().total();
        println!("load: {what}, in all: {verdict}");
        self.kept();
        let lost = self.verify();
        assert!(
            lost.is_empty(),
            "{} of {} acknowledged keys are lost, the first are\n{}",
            lost.len(),
            verdict.acknowledged,
            first(&lost)
        );
        verdict
    }

    /// Ends writers and readers; the record stays.
    pub fn stop(&mut self) {
        self.shared.record().lap();
        self.shared.ended.store(true, Ordering::Relaxed);
        let runtime = self.runtime.as_ref().expect("it is not dropped yet");
        for task in self.tasks.drain(..) {
            runtime.block_on(task).expect("the load does not panic");
        }
    }

    /// Reads every acknowledged key back, linearizably; the keys that are not
    /// as they were acknowledged, and what is there instead.
    pub fn verify(&self) -> Vec<String> {
        let runtime = self.runtime.as_ref().expect("it is not dropped yet");
        let written = self.shared.record().written.clone();
        let share = written.len().div_ceil(8).max(1);
        let checks: Vec<_> = written
            .chunks(share)
            .map(|chunk| runtime.spawn(missing(Arc::clone(&self.shared), chunk.to_vec())))
            .collect();
        let refreshed = Arc::clone(&self.shared);
        let looking = runtime.spawn(async move { refreshed.members.keep_looking(|| true).await });
        let lost = checks
            .into_iter()
            .flat_map(|check| runtime.block_on(check).expect("it does not panic"))
            .collect();
        looking.abort();
        lost
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn prefix() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("load-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

fn first(lines: &[String]) -> String {
    lines.iter().take(10).cloned().collect::<Vec<_>>().join("\n")
}

async fn look_for_members(shared: Arc<Shared>) {
    shared.members.keep_looking(|| shared.goes_on()).await;
}

async fn write(shared: Arc<Shared>, writer: usize) {
    let mut caller = Caller::new(shared.members.clone(), writer);
    let mut number = 0;
    while shared.goes_on() {
        let began = Instant::now();
        let is_hot = number % 4 == 0;
        // Another try has another number: another key, or a newer value.
        loop {
            number += 1;
            let put = put(&shared, &mut caller, writer, number, is_hot).await;
            if put {
                shared.record().wrote(began.elapsed());
                break;
            }
            if !shared.goes_on() {
                break;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One try. Says whether it was acknowledged.
async fn put(shared: &Shared, caller: &mut Caller, writer: usize, number: u64, is_hot: bool) -> bool {
    let Some(client) = caller.client().await else { return false };
    let key = if is_hot { shared.hot_key(writer) } else { format!("{}/{writer}/{number:08}", shared.prefix) };
    let value = number.to_string();
    let known = shared.record().revision;
    let answer = tokio::time::timeout(DEADLINE, client.put(key.as_str(), value.as_str())).await;
    let mut record = shared.record();
    match answer {
        Ok(Ok(revision)) => {
            record.acknowledged(known, Written { key, value, revision }, is_hot.then_some((writer, number)));
            return true;
        }
        Ok(Err(error)) if surely_not_done(&error) => {}
        Ok(Err(_)) | Err(_) => record.unknown(is_hot.then_some((writer, number))),
    }
    caller.turn();
    false
}

/// Everything else may have been done: an error that comes after the proposal
/// says nothing about it.
fn surely_not_done(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable(_) | Error::Refused(_) | Error::RpcNotSupportedForLearner | Error::TooManyRequests
    )
}

async fn read(shared: Arc<Shared>, reader: usize) {
    let mut caller = Caller::new(shared.members.clone(), WRITERS + reader);
    let mut turn = reader;
    while shared.goes_on() {
        turn += 1;
        let writer = turn % WRITERS;
        let Some(client) = caller.client().await else { continue };
        let known = shared.record().hot[writer].clone();
        match tokio::time::timeout(DEADLINE, client.get(shared.hot_key(writer), true)).await {
            Ok(Ok(entry)) => shared.record().read(writer, &known, entry, caller.name()),
            Ok(Err(_)) | Err(_) => caller.turn(),
        }
        tokio::time::sleep(PAUSE / 2).await;
    }
}

/// Those of the keys that are not as they were acknowledged.
async fn missing(shared: Arc<Shared>, written: Vec<Written>) -> Vec<String> {
    let mut caller = Caller::new(shared.members.clone(), 0);
    let mut lost = Vec::new();
    for Written { key, value, revision } in written {
        let until = Instant::now() + PATIENCE;
        let entry = loop {
            if let Some(client) = caller.client().await {
                match tokio::time::timeout(DEADLINE * 10, client.get(key.as_str(), true)).await {
                    Ok(Ok(entry)) => break Some(entry),
                    Ok(Err(_)) | Err(_) => caller.turn(),
                }
            }
            if Instant::now() > until {
                break None;
            }
        };
        let wanted = (value.into_bytes(), revision);
        match entry {
            Some(Some(entry)) if (&entry.value, entry.mod_revision) == (&wanted.0, wanted.1) => {}
            Some(Some(entry)) => lost.push(format!(
                "{key}: acknowledged at revision {revision}, and now of revision {}",
                entry.mod_revision
            )),
            Some(None) => lost.push(format!("{key}: acknowledged at revision {revision}, and gone")),
            None => lost.push(format!("{key}: acknowledged at revision {revision}, and cannot be read")),
        }
    }
    lost
}
