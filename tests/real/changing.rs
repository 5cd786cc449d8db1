//! What tests that change a running stack share: the file is edited and
//! applied, and afterwards the cluster is as the file says, and no more was
//! touched than had to be.

use serde_json::{Value, json};

use crate::kubernetes::{Ended, Place, fault, says, try_fault, wait_until};

/// Words of a member that lost its volume and stays out.
pub const STAYS_OUT: &str = "couldn't find local name";

/// A stack file of so many members, which fit on three nodes.
pub fn members(count: usize) -> String {
    format!("[cluster]\nmembers = {count}\n[placement]\nnodes = \"preferred\"\n")
}

/// A stack of so many members that serves.
pub fn founded(name: &str, count: usize) -> Place {
    let place = Place::new(name, &members(count));
    place.apply(&[]);
    place
}

/// A pod: name, uid, restarts.
type Pod = (String, String, i64);

impl Place {
    /// Applies to the end, with these further flags.
    #[track_caller]
    pub fn apply(&self, flags: &[&str]) -> Ended {
        self.tool("apply", &[&["--auto-approve", "--lock-timeout", "60s"], flags].concat()).expect(0)
    }

    /// The cluster is as the file says: nothing left to change, these voters
    /// and no other member, healthy, sealed.
    #[track_caller]
    pub fn is_settled(&self, members: usize) {
        let plan = self.tool("plan", &["--detailed-exitcode"]).expect(0);
        assert!(plan.stdout.contains("No changes"), "{}", plan.stdout);
        // A process that was killed waits out its back-off.
        wait_until("every voter is healthy", 120, || self.status()["healthy"] == json!(true));
        let status = self.status();
        let wanted: Vec<_> = (0..members).map(|ordinal| json!([self.member(ordinal), "voter"])).collect();
        let listed = status["members"].as_array().into_iter().flatten();
        let listed: Vec<_> = listed.map(|member| json!([member["name"], member["role"]])).collect();
        assert_eq!(listed, wanted);
        let list = self.etcdctl(&["member", "list"]).expect(0).stdout;
        assert_eq!(list.lines().count(), members, "{list}");
        assert_eq!(self.get("statefulset", &self.name)["spec"]["replicas"], json!(members));
        assert!(self.bootstrap().contains("sealed.invalid"), "the window is open: {}", self.bootstrap());
    }

    /// `status` as JSON.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.tool("status", &["--json"]).expect(0).json()
    }

    /// The name of a member, which is its pod's.
    pub fn member(&self, ordinal: usize) -> String {
        format!("{}-{ordinal}", self.name)
    }

    /// The claim of a member.
    pub fn claim(&self, member: &str) -> String {
        format!("data-{member}")
    }

    /// Who leads, once somebody does: an election may be under way.
    #[track_caller]
    pub fn leader(&self) -> String {
        let mut leader = None;
        wait_until("somebody leads", 60, || {
            let status = self.status();
            let mut members = status["members"].as_array().into_iter().flatten();
            let leads = members.find(|member| member["leader"] == true);
            leader = leads.and_then(|member| member["name"].as_str()).map(str::to_owned);
            leader.is_some()
        });
        leader.expect("somebody leads")
    }

    /// The highest ordinal that follows.
    #[track_caller]
    pub fn follower(&self) -> String {
        let leader = self.leader();
        let pods = self.pods();
        pods.iter().rev().find(|pod| pod.0 != leader).expect("more than one member").0.clone()
    }

    /// The list with which a member starts.
    pub fn bootstrap(&self) -> String {
        let (name, path) = (format!("{}-bootstrap", self.name), "jsonpath={.data.initial-cluster}");
        self.kubectl(&["get", "configmap", &name, "-o", path]).stdout
    }

    /// The uid of an object; empty when there is none.
    pub fn uid(&self, kind: &str, name: &str) -> String {
        self.kubectl(&["get", kind, name, "-o", "jsonpath={.metadata.uid}"]).stdout
    }

    /// Empties the volume of a member and ends its process; waits until it says
    /// that it stays out.
    #[track_caller]
    pub fn wipe(&self, member: &str) {
        self.empty(member);
        self.stays_out(member);
    }

    /// Empties the volume of a member and ends its process, so that it notices;
    /// some notice before, and die by themselves.
    #[track_caller]
    pub fn empty(&self, member: &str) {
        fault(&["wipe", &self.namespace, &self.claim(member)]);
        let killed = try_fault(&["kill", &self.namespace, member, "KILL"]);
        assert!(killed.code == 0 || killed.stderr.contains("no running process"), "{killed:?}");
    }

    /// The plan says what helps a member that lost its data.
    #[track_caller]
    pub fn proposes_to_replace(&self, member: &str) {
        let plan = self.tool("plan", &[]);
        assert!([0, 3].contains(&plan.code), "{plan:?}");
        says(&plan, &[&format!("--replace {member}")]);
    }

    /// Waits until a member without its data says so.
    #[track_caller]
    pub fn stays_out(&self, member: &str) {
        wait_until("the wiped member says why it stays out", 120, || {
            self.kubectl(&["get", "pod", member, "-o", "json"]).stdout.contains(STAYS_OUT)
        });
    }
}

/// Pods that are there before and after are the same, never restarted, but for
/// these.
#[track_caller]
pub fn only_these_changed(before: &[Pod], after: &[Pod], changed: &[&str]) {
    for pod in before.iter().filter(|pod| !changed.contains(&pod.0.as_str())) {
        if let Some(now) = after.iter().find(|one| one.0 == pod.0) {
            assert_eq!(now, pod, "the pod was touched");
        }
    }
    for name in changed {
        let uid = |pods: &[Pod]| pods.iter().find(|pod| pod.0 == *name).map(|pod| pod.1.clone());
        assert_ne!(uid(before), uid(after), "{name} was not made anew");
    }
}

/// Names of pods.
pub fn names(pods: &[Pod]) -> Vec<&str> {
    pods.iter().map(|pod| pod.0.as_str()).collect()
}
