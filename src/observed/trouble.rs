//! Why a pod does not run, as Kubernetes tells it and in fewer words.

use serde::{Deserialize, Serialize};

use crate::last_words;

/// Why a pod does not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// One word, as Kubernetes gives it.
    pub reason: String,
    /// The rest, as Kubernetes or the process gives it.
    pub message: String,
    /// The end of the process's own output, when it died.
    pub last_words: Option<String>,
    /// How the process ended, when it died.
    pub exit_code: Option<i64>,
}

impl Trouble {
    /// Whether a process ran out of its memory limit, which it cannot tell.
    fn is_of_memory(&self) -> bool {
        self.reason == "OOMKilled" || self.message.contains("OOM-killed")
    }

    /// Whether the image is the trouble.
    pub fn is_of_image(&self) -> bool {
        matches!(self.reason.as_str(), "ErrImagePull" | "ImagePullBackOff")
    }

    /// What it means, where that is known.
    pub fn meaning(&self) -> Option<&'static str> {
        if self.is_of_memory() {
            return Some("it needs more memory than `resources.limits` gives it");
        }
        last_words::meaning(self.last_words.as_deref()?)
    }

    /// What the process said last; nothing when it had no time to.
    pub fn said(&self) -> Option<String> {
        let words = self.last_words.as_deref().filter(|_| !self.is_of_memory())?;
        Some(last_words::said(words)).filter(|said| !said.is_empty())
    }

    /// In one line. Of a process that died it is the same between two starts
    /// and after each.
    pub fn in_words(&self) -> String {
        let told = self.meaning().map(str::to_owned).or_else(|| self.said());
        match (self.exit_code, told) {
            (Some(code), Some(told)) => format!("exit code {code}: {told}"),
            (None, Some(told)) => format!("{}: {told}", self.reason),
            (Some(code), None) => format!("{}, exit code {code}", self.reason),
            (None, None) if self.is_of_image() => self.image(),
            (None, None) => format!("{}: {}", self.reason, self.essence()),
        }
    }

    /// The message without what repeats or comforts.
    pub fn essence(&self) -> &str {
        let message = self.message.trim();
        if self.is_of_image() {
            // The second round of trying quotes the first.
            return message.split_once("ErrImagePull: ").map_or(message, |(_, cause)| cause);
        }
        // The scheduler goes on about preemption.
        match message.split_once(". ").filter(|_| self.reason == "Unschedulable") {
            Some((cause, _)) => cause,
            None => message,
        }
    }

    fn image(&self) -> String {
        let image = self.message.split('"').nth(1).unwrap_or("its image");
        let reason = self.essence().rsplit_once(": ").map(|(_, reason)| format!(": {reason}"));
        format!("{image} cannot be pulled{}", reason.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(reason: &str, message: &str) -> Trouble {
        Trouble { reason: reason.to_owned(), message: message.to_owned(), last_words: None, exit_code: None }
    }

    #[test]
    fn a_line_holds_what_helps_and_no_more() {
        let unbound = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
        let nowhere = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";
        let pull = r#"failed to pull and unpack image "registry.k8s.io/etcd:v3.6.99": failed to resolve reference "registry.k8s.io/etcd:v3.6.99": registry.k8s.io/etcd:v3.6.99: not found"#;
        let again = format!(r#"Back-off pulling image "registry.k8s.io/etcd:v3.6.99": ErrImagePull: {pull}"#);
        for (trouble, wanted) in [
            (
                trouble("Unschedulable", unbound),
                "Unschedulable: 0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims",
            ),
            (
                trouble("Unschedulable", nowhere),
                "Unschedulable: 0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector",
            ),
            (trouble("ErrImagePull", pull), "registry.k8s.io/etcd:v3.6.99 cannot be pulled: not found"),
            (trouble("ImagePullBackOff", &again), "registry.k8s.io/etcd:v3.6.99 cannot be pulled: not found"),
            (trouble("ImagePullBackOff", "Back-off pulling image \"etcd:1\""), "etcd:1 cannot be pulled"),
        ] {
            assert_eq!(trouble.in_words(), wanted);
        }
    }

    #[test]
    fn a_process_that_died_says_the_same_between_two_starts_and_after_each() {
        let died = |reason: &str, message: &str| Trouble {
            last_words: Some("first\npanic: tocommit(9) is out of range".to_owned()),
            exit_code: Some(2),
            ..trouble(reason, message)
        };
        let between = died("CrashLoopBackOff", "back-off 10s restarting failed container=etcd");
        assert_eq!(between.in_words(), died("Error", "exit code 2").in_words());
        assert_eq!(between.in_words(), "exit code 2: its volume lost entries that the cluster counts on");
        let killed = Trouble { exit_code: Some(137), ..trouble("OOMKilled", "back-off 10s") };
        assert_eq!(killed.in_words(), "exit code 137: it needs more memory than `resources.limits` gives it");
        let silent = Trouble { exit_code: Some(137), ..trouble("Error", "exit code 137") };
        assert_eq!(silent.in_words(), "Error, exit code 137");
    }
}
