//! Why a member is not there, for a person on call: one line while waiting,
//! and all that they would look up next when the wait is over.

use super::{Halt, Run, World};
use crate::observed::{Claim, Lookup, Node, Pod, Trouble};

impl<W: World> Run<'_, W> {
    /// A pod's state as the end of a line.
    pub(super) async fn pod_in_words(&mut self, ordinal: usize) -> String {
        format!(" ({})", self.pod_in_short(ordinal).await)
    }

    async fn pod_in_short(&self, ordinal: usize) -> String {
        let pod = match self.world.pod(ordinal).await {
            Lookup::Found(pod) => pod,
            Lookup::Absent => {
                let mut events = self.world.events(ordinal).await.into_iter();
                let why = events.find(|event| event.starts_with("FailedCreate"));
                return why.map_or("no pod yet".to_owned(), |why| format!("no pod yet: {why}"));
            }
            Lookup::Failed(reason) => return format!("the pod cannot be read: {reason}"),
        };
        if let Some(lost) = self.lost_node(&pod).await {
            return lost;
        }
        match &pod.trouble {
            Some(trouble) if is_unbound(trouble) => {
                let mut events = self.world.events(ordinal).await.into_iter();
                events.find(|event| event.starts_with("claim ")).unwrap_or_else(|| trouble.in_words())
            }
            Some(trouble) => trouble.in_words(),
            None if pod.phase == "Pending" => {
                let events = self.world.events(ordinal).await;
                let why = events.into_iter().find(|event| adds(event, &pod));
                why.map_or(pod.phase, |why| format!("Pending: {why}"))
            }
            None => state(&pod),
        }
    }

    /// Where a pod is that nobody hears of.
    async fn lost_node(&self, pod: &Pod) -> Option<String> {
        let name = pod.node.as_deref().filter(|_| pod.terminating || !pod.ready)?;
        self.world.node(name).await.found().and_then(|node| lost(pod, node))
    }

    /// The end of a wait, with all that a person on call would look up next.
    pub(super) async fn gave_up(&mut self, ordinal: usize, reason: String) -> Halt {
        let name = self.names.member(ordinal);
        let mut events = self.world.events(ordinal).await;
        let mut details = Vec::new();
        match self.world.pod(ordinal).await {
            Lookup::Found(pod) => {
                details.extend(described(&pod));
                details.extend(self.lost_node(&pod).await.map(|lost| format!("pod {name} is {lost}")));
                if pod.trouble.is_none()
                    && let Err(failure) = self.world.status(ordinal).await
                {
                    details.push(format!("etcd on {name}: {failure}"));
                }
                events.retain(|event| adds(event, &pod));
            }
            Lookup::Absent => details.push(format!("pod {name}: not there")),
            Lookup::Failed(reason) => details.push(format!("pod {name} cannot be read: {reason}")),
        }
        if let Lookup::Found(claim) = self.world.claim(ordinal).await {
            details.extend(claim_in_words(&claim));
        }
        details.extend(events.into_iter().take(3).map(|event| format!("event: {event}")));
        details.extend(self.members_in_words().await);
        Halt::Stopped { reason, details }
    }

    /// How the cluster stands.
    async fn members_in_words(&mut self) -> Option<String> {
        let mut membership = None;
        for ordinal in 0..self.journal.members.len().max(1) {
            if membership.is_none() {
                membership = self.world.members(ordinal).await.ok();
            }
        }
        let voters = self.voters(&membership?);
        let mut up = 0;
        for ordinal in &voters {
            up += usize::from(self.world.status(*ordinal).await.is_ok());
        }
        let quorum = crate::member::quorum(voters.len());
        let how = match up {
            up if up < quorum => "not serving",
            up if up == quorum => "serving, cannot lose another",
            _ => "serving",
        };
        Some(format!("cluster: {up} of {} voters up, quorum {quorum}: {how}", voters.len()))
    }
}

/// A node that its pod goes with.
fn lost(pod: &Pod, node: &Node) -> Option<String> {
    let end = if pod.terminating { ": it goes when the node is back or removed" } else { "" };
    (!node.ready).then(|| format!("on {}, which is not Ready{end}", node.name))
}

/// A pod that nothing is known to be wrong with.
fn state(pod: &Pod) -> String {
    let state = if pod.terminating { "Terminating" } else { &pod.phase };
    match pod.restarts {
        0 => state.to_owned(),
        count => format!("{state}, {}", times(count)),
    }
}

fn times(restarts: i32) -> String {
    match restarts {
        1 => "restarted once".to_owned(),
        count => format!("restarted {count} times"),
    }
}

/// A pod in a line, and what its process said and meant in one each.
fn described(pod: &Pod) -> Vec<String> {
    let node = pod.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
    let subject = format!("pod {}{node}", pod.name);
    let Some(trouble) = &pod.trouble else {
        let ready = if pod.ready { "Ready" } else { "not Ready" };
        return vec![format!("{subject}: {}, {ready}", state(pod))];
    };
    let mut lines = Vec::new();
    lines.push(match trouble.exit_code {
        Some(code) => format!("{subject}: {}, exit code {code}, {}", trouble.reason, times(pod.restarts)),
        None => format!("{subject}: {}: {}", trouble.reason, trouble.essence()),
    });
    lines.extend(trouble.said().map(|said| format!("last words: {said}")));
    lines.extend(trouble.meaning().map(|meaning| format!("meaning: {meaning}")));
    lines
}

/// What is wrong with a claim; one that waits has events that say so.
fn claim_in_words(claim: &Claim) -> Option<String> {
    if claim.terminating {
        return Some(format!("claim {} is being deleted", claim.name));
    }
    (claim.phase == "Lost").then(|| format!("claim {} is Lost: its volume is gone", claim.name))
}

fn is_unbound(trouble: &Trouble) -> bool {
    trouble.reason == "Unschedulable" && trouble.message.contains("unbound")
}

/// Whether an event tells more than the pod's own state does.
fn adds(event: &str, pod: &Pod) -> bool {
    let is = |reason: &str| event.starts_with(&format!("{reason}: "));
    // The pod's own condition says it while it holds.
    if is("FailedScheduling") {
        return false;
    }
    let Some(trouble) = &pod.trouble else { return true };
    if trouble.is_of_image() && is("Failed")
        || trouble.exit_code.is_some() && (is("BackOff") || is("Unhealthy"))
    {
        return false;
    }
    !event.ends_with(&trouble.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Pod {
        Pod {
            name: "orders-0".to_owned(),
            uid: "1".to_owned(),
            node: Some("node-1".to_owned()),
            phase: "Running".to_owned(),
            ready: false,
            terminating: false,
            image: None,
            client_port: None,
            restarts: 3,
            revision: None,
            owner: None,
            trouble: None,
        }
    }

    fn died(reason: &str, exit_code: Option<i64>, last_words: Option<&str>) -> Pod {
        let (reason, message) = (reason.to_owned(), "back-off 40s restarting failed container".to_owned());
        let last_words = last_words.map(str::to_owned);
        Pod { trouble: Some(Trouble { reason, message, last_words, exit_code }), ..pod() }
    }

    #[test]
    fn a_process_that_died_is_told_by_its_code_its_words_and_their_meaning() {
        let words = "invalid value \"many\" for flag -max-txn-ops: parse error\nUsage:\n\n  etcd [flags]";
        assert_eq!(
            described(&died("CrashLoopBackOff", Some(2), Some(words))),
            [
                "pod orders-0 on node-1: CrashLoopBackOff, exit code 2, restarted 3 times",
                "last words: invalid value \"many\" for flag -max-txn-ops: parse error",
                "meaning: etcd does not take its flags: see `[etcd]`",
            ]
        );
        assert_eq!(
            described(&died("OOMKilled", Some(137), None)),
            [
                "pod orders-0 on node-1: OOMKilled, exit code 137, restarted 3 times",
                "meaning: it needs more memory than `resources.limits` gives it",
            ]
        );
    }

    #[test]
    fn a_pod_without_trouble_is_described_too() {
        assert_eq!(described(&pod()), ["pod orders-0 on node-1: Running, restarted 3 times, not Ready"]);
        let going = Pod { terminating: true, restarts: 0, ..pod() };
        assert_eq!(state(&going), "Terminating");
    }

    #[test]
    fn a_pod_on_a_node_that_is_not_ready_says_when_it_goes() {
        let node = |ready| Node { name: "node-2".to_owned(), zone: None, ready, schedulable: ready };
        let going = Pod { terminating: true, ..pod() };
        let end = "on node-2, which is not Ready: it goes when the node is back or removed";
        assert_eq!(lost(&going, &node(false)).as_deref(), Some(end));
        assert_eq!(lost(&pod(), &node(false)).as_deref(), Some("on node-2, which is not Ready"));
        assert_eq!(lost(&going, &node(true)), None);
    }

    #[test]
    fn an_event_that_repeats_the_pods_state_is_left_out() {
        let crashed = died("CrashLoopBackOff", Some(2), None);
        for (event, pod, wanted) in [
            ("BackOff: Back-off restarting failed container etcd", &crashed, false),
            ("Unhealthy: Startup probe failed: connection refused", &crashed, false),
            ("FailedScheduling: 0/3 nodes are available", &crashed, false),
            ("FailedMount: secret \"orders-server\" not found", &crashed, true),
            ("Unhealthy: Liveness probe failed: timeout", &pod(), true),
        ] {
            assert_eq!(adds(event, pod), wanted, "{event}");
        }
    }

    #[test]
    fn a_claim_is_told_of_when_its_volume_is_gone_or_it_goes_itself() {
        let claim = |phase: &str, terminating| Claim {
            name: "data-orders-0".to_owned(),
            uid: "1".to_owned(),
            version: "1".into(),
            phase: phase.to_owned(),
            cluster_id: None,
            terminating,
            owners: Vec::new(),
            class: None,
            requested: None,
            capacity: None,
            growing: None,
        };
        assert_eq!(claim_in_words(&claim("Bound", false)), None);
        assert_eq!(
            claim_in_words(&claim("Lost", false)).as_deref(),
            Some("claim data-orders-0 is Lost: its volume is gone")
        );
        assert_eq!(
            claim_in_words(&claim("Bound", true)).as_deref(),
            Some("claim data-orders-0 is being deleted")
        );
    }
}
