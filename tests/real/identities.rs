//! The identities of `deploy/` on a real API server, made for one test: a
//! token, a kubeconfig of its own, and every name that is cluster-wide changed
//! to one of the test's.

use std::fs;

use serde_json::{Value, json};

use crate::kubernetes::{Ended, Place, kubeconfig, kubectl, run};

/// An identity that was made. Dropped, it and its rights are removed.
pub struct Identity<'a> {
    place: &'a Place,
    /// As RBAC and policies know it.
    pub user: String,
    kubeconfig: String,
    files: Vec<String>,
}

impl<'a> Identity<'a> {
    /// The account of these files of `deploy/`, in a namespace that it makes.
    pub fn new(place: &'a Place, account: &str, files: &[&str]) -> Self {
        kubectl(&["create", "namespace", &place.namespace]).expect(0);
        let home = home(place);
        let user = format!("system:serviceaccount:{home}:{account}");
        let mut made = Identity { place, user, kubeconfig: String::new(), files: Vec::new() };
        files.iter().for_each(|file| made.add(file));
        let token = kubectl(&["-n", &home, "create", "token", account]).expect(0).stdout;
        made.kubeconfig = kubeconfig(place, |config| {
            config["users"][0]["user"] = json!({ "token": token.trim() });
        });
        made
    }

    /// Makes what another file has.
    pub fn add(&mut self, file: &str) {
        let path = self.place.file.with_file_name(file);
        fs::write(&path, text(self.place, file)).expect("a writable folder");
        let path = path.to_string_lossy().into_owned();
        self.files.push(path.clone());
        kubectl(&["apply", "-f", &path]).expect(0);
    }

    /// Runs the tool as this identity.
    pub fn tool(&self, command: &str, rest: &[&str]) -> Ended {
        self.tool_on(self.place, command, rest)
    }

    /// The same, on another stack file.
    pub fn tool_on(&self, place: &Place, command: &str, rest: &[&str]) -> Ended {
        run(place.command(command, rest).env("KUBECONFIG", &self.kubeconfig))
    }

    /// Runs kubectl as this identity, in the namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> Ended {
        let own = ["--kubeconfig", &self.kubeconfig, "-n", &self.place.namespace];
        kubectl(&[&own, arguments].concat())
    }
}

impl Drop for Identity<'_> {
    fn drop(&mut self) {
        for file in self.files.iter().rev() {
            kubectl(&["delete", "-f", file, "--ignore-not-found", "--wait=false"]);
        }
    }
}

/// Where the identity lives.
fn home(place: &Place) -> String {
    format!("{}-id", place.namespace)
}

/// A file of `deploy/` with names of the test.
fn text(place: &Place, file: &str) -> String {
    let path = format!("{}/deploy/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).expect("a file of deploy/");
    text.replace("etcdctl-stack", &home(place)).replace("etcd-orders", &place.namespace)
}

/// One permission of a file: the least that can be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    pub verb: String,
    pub group: String,
    /// With its subresource: `pods/portforward`.
    pub resource: String,
}

impl Permission {
    /// As a plan names it: `patch statefulsets.apps`.
    pub fn in_words(&self) -> String {
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        format!("{} {}{group}", self.verb, self.resource)
    }

    fn rule(&self) -> Value {
        json!({ "apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb] })
    }
}

/// A Role or ClusterRole of a file, permission by permission.
pub struct Role {
    body: Value,
    pub permissions: Vec<Permission>,
}

impl Role {
    /// Those of a file, with names of the test.
    pub fn of(place: &Place, file: &str) -> Vec<Role> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text(place, file)).expect("YAML");
        let roles = documents.into_iter().filter(|one| one.get("rules").is_some());
        roles.map(|body| Role { permissions: permissions(&body), body }).collect()
    }

    /// Puts it in place with all but this one of its permissions.
    pub fn put(&self, place: &Place, without: Option<&Permission>) {
        let mut body = self.body.clone();
        let kept = self.permissions.iter().filter(|one| Some(*one) != without);
        body["rules"] = kept.map(Permission::rule).collect();
        let path = place.file.with_file_name("role.json");
        fs::write(&path, body.to_string()).expect("a writable folder");
        kubectl(&["replace", "-f", &path.to_string_lossy()]).expect(0);
    }
}

fn permissions(role: &Value) -> Vec<Permission> {
    let strings = |list: &Value| -> Vec<String> { serde_json::from_value(list.clone()).expect("text") };
    let mut all = Vec::new();
    for rule in role["rules"].as_array().into_iter().flatten() {
        for group in strings(&rule["apiGroups"]) {
            for resource in strings(&rule["resources"]) {
                for verb in strings(&rule["verbs"]) {
                    all.push(Permission { verb, group: group.clone(), resource: resource.clone() });
                }
            }
        }
    }
    all
}
