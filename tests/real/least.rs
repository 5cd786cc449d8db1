//! Every single permission of the identities in `deploy/` is needed: each is
//! left out once, and then a run fails for it, or says less.

use std::fs;

use serde_json::json;

use crate::{
    identities::{Identity, Permission, Role},
    kubernetes::{Ended, Place, kubectl, wait_until},
};

/// A stack that runs, one that is still to be made, one whose claim nobody binds,
/// and an identity.
struct Trial<'a> {
    place: &'a Place,
    other: Place,
    unbound: Place,
    who: Identity<'a>,
    roles: Vec<Role>,
}

impl<'a> Trial<'a> {
    fn new(place: &'a Place, account: &str, files: &[&str]) -> Self {
        let who = Identity::new(place, account, files);
        place.tool("apply", &["--auto-approve"]).expect(0);
        let beside = |name: &str, rest: &str| {
            let mut other = Place::new(name, rest);
            other.namespace.clone_from(&place.namespace);
            other.write(rest);
            other
        };
        let other = beside("another", "[cluster]\nmembers = 1\n");
        let unbound = beside("unbound", "[cluster]\nmembers = 1\n[storage]\nclass = \"\"\n");
        let roles = files.iter().flat_map(|file| Role::of(place, file)).collect();
        Trial { place, other, unbound, who, roles }
    }

    /// Leaves out one of these permissions after the other.
    fn each(&self, of: impl Fn(&Permission) -> bool, lost: impl Fn(&Permission) -> bool) {
        let mut tried = 0;
        for role in &self.roles {
            for permission in role.permissions.iter().filter(|one| of(one)) {
                role.put(self.place, Some(permission));
                self.wait(permission, false);
                assert!(lost(permission), "nothing is lost without {permission:?}");
                role.put(self.place, None);
                self.wait(permission, true);
                tried += 1;
            }
        }
        assert!(tried > 0, "no such permission");
    }

    /// Waits until the API server knows.
    fn wait(&self, permission: &Permission, granted: bool) {
        let Permission { verb, group, resource } = permission;
        let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
        let (what, sub) = (format!("{resource}.{group}"), format!("--subresource={sub}"));
        let asked = ["auth", "can-i", verb, what.trim_end_matches('.'), &sub, "--as", &self.who.user];
        wait_until("rights are known", 30, || (self.place.kubectl(&asked).code == 0) == granted);
    }

    /// Whether a run says that it lacks this permission, or what it cannot say
    /// without.
    fn lost(&self, permission: &Permission) -> bool {
        let words = permission.in_words();
        match words.as_str() {
            "list resourcequotas" => self.new_says("quotas may not be listed"),
            "list nodes" => self.new_says("nodes may not be listed"),
            "list storageclasses.storage.k8s.io" => {
                self.new_says("storageclasses.storage.k8s.io is forbidden")
            }
            "list events" => !self.fails_with_an_event(),
            "list controllerrevisions.apps" => says(&self.takes_back(), "RESTART of 1 member"),
            _ if permission.verb == "delete"
                && !["pods", "persistentvolumeclaims"].contains(&&*permission.resource) =>
            {
                self.names(&self.destroys(), &words)
            }
            _ => self.names(&self.who.tool("plan", &[]), &words),
        }
    }

    /// A run that cannot be applied, for want of these rights.
    fn names(&self, ended: &Ended, words: &str) -> bool {
        let here = format!("{words} in {}", self.place.namespace);
        let place = if words.ends_with("namespaces") { words } else { &here };
        [1, 3].contains(&ended.code) && says(ended, place)
    }

    fn new_says(&self, words: &str) -> bool {
        says(&self.who.tool_on(&self.other, "plan", &[]), words)
    }

    /// The plan to take back an edit of somebody else's: no restart, for the
    /// member runs with what was there before.
    fn takes_back(&self) -> Ended {
        let take = "StatefulSet/least:spec.template.spec.terminationGracePeriodSeconds@kubectl-edit";
        self.who.tool("plan", &["--take", take, "--allow-downtime"])
    }

    fn destroys(&self) -> Ended {
        let delete = "PersistentVolumeClaim/data-least-0,Secret/least-client-ca,Secret/least-peer-ca";
        let allow = "Secret/least-client-ca,Secret/least-peer-ca";
        self.who.tool(
            "plan",
            &["--destroy", "--delete", delete, "--allow-data-loss", "all", "--allow-delete", allow],
        )
    }

    /// Whether a member that does not start is told with what only an event
    /// says: nobody makes a volume for its claim.
    fn fails_with_an_event(&self) -> bool {
        let flags = ["--auto-approve", "--step-timeout", "8s"];
        says(&self.who.tool_on(&self.unbound, "apply", &flags).expect(5), "no persistent volumes available")
    }

    fn edit(&self) {
        let patch = r#"{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":77}}}}"#;
        let edit = ["patch", "statefulset", "least", "--field-manager=kubectl-edit", "-p", patch];
        self.place.kubectl(&edit).expect(0);
    }

    /// Webhooks of both kinds that do not answer in this namespace.
    fn webhooks(&self) -> Webhooks {
        let name = format!("{}.example.test", self.place.namespace);
        let here = json!({ "matchLabels": { "kubernetes.io/metadata.name": self.place.namespace } });
        let configuration = |kind: &str, resource: &str| {
            let name = format!("{}.{name}", kind.to_lowercase());
            let rule = json!({ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": [resource] });
            json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": { "name": name },
                "webhooks": [{
                    "name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
                    "timeoutSeconds": 2, "namespaceSelector": here, "rules": [rule],
                    "clientConfig": { "url": "https://127.0.0.1:1/nobody" },
                }],
            })
        };
        let both = [
            configuration("ValidatingWebhookConfiguration", "services"),
            configuration("MutatingWebhookConfiguration", "configmaps"),
        ];
        let file = self.place.file.with_file_name("webhooks.json");
        fs::write(&file, json!({ "apiVersion": "v1", "kind": "List", "items": both }).to_string())
            .expect("a writable folder");
        let file = file.to_string_lossy().into_owned();
        kubectl(&["create", "-f", &file]).expect(0);
        Webhooks(file)
    }
}

/// Removed at the end, also of a test that fails.
struct Webhooks(String);

impl Drop for Webhooks {
    fn drop(&mut self) {
        kubectl(&["delete", "-f", &self.0, "--ignore-not-found"]);
    }
}

fn says(ended: &Ended, words: &str) -> bool {
    // Long lines are broken, between any two words.
    let text = format!("{}{}", ended.stdout, ended.stderr);
    text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words)
}

fn is_of_webhooks(permission: &Permission) -> bool {
    permission.group == "admissionregistration.k8s.io"
}

/// Webhooks last: nothing can be planned beside them.
fn nothing_too_many(trial: &Trial<'_>) {
    assert!(says(&trial.who.tool("plan", &[]).expect(0), "No changes."));
    assert!(!says(&trial.who.tool_on(&trial.other, "plan", &[]).expect(0), "Not checked"));
    trial.destroys().expect(0);
    trial.edit();
    assert!(says(&trial.takes_back().expect(0), "No restart."));
    trial.each(|one| !is_of_webhooks(one), |permission| trial.lost(permission));

    let _webhooks = trial.webhooks();
    let told = |kind: &str| {
        let plan = trial.who.tool_on(&trial.other, "plan", &["--json"]).expect(1).json();
        plan["diagnostics"].to_string().contains(&format!("of `{kind}/"))
    };
    let kinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];
    wait_until("the webhooks are named", 60, || kinds.iter().all(|kind| told(kind)));
    trial.each(is_of_webhooks, |permission| {
        let kind = kinds.iter().find(|kind| format!("{}s", kind.to_lowercase()) == permission.resource);
        !told(kind.expect("a known kind"))
    });
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn who_only_plans_has_no_right_too_many() {
    let place = Place::new("least", "[cluster]\nmembers = 1\n");
    nothing_too_many(&Trial::new(&place, "planner", &["plan-only.yaml", "plan-only-members.yaml"]));
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn who_applies_has_no_right_too_many() {
    let place = Place::new("least", "[cluster]\nmembers = 1\n");
    let trial = Trial::new(&place, "deployer", &["apply.yaml"]);
    assert!(trial.fails_with_an_event());
    nothing_too_many(&trial);
}
