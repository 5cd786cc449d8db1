//! What else lives in a stack's namespace: every kind that the server has, by
//! name alone.

use std::collections::BTreeSet;

use futures::future::join_all;
use http::Method;
use serde_json::Value;

use super::{Error, Reader, request::Content};
use crate::{
    desired::{Names, STACK_LABEL},
    object::ObjectKey,
    observed::Neighbours,
};

/// Kinds that controllers derive from a stack's objects, with its labels.
/// Whatever else carries them was copied: the rest is known by its name.
const DERIVED: [&str; 4] = ["Endpoints", "Pod", "ControllerRevision.apps", "EndpointSlice.discovery.k8s.io"];

/// A kind of object that a namespace may hold.
struct Resource {
    kind: String,
    /// Its name and group, whichever the version.
    name: String,
    path: String,
}

/// Kinds and names of what is the stack's, besides what is derived.
struct Ours<'a> {
    stack: &'a str,
    objects: BTreeSet<(String, &'a str)>,
}

impl Reader {
    /// Everything in the namespace that is none of these objects, of the
    /// stack's records and of what is derived from them. What cannot be listed
    /// is named.
    ///
    /// # Errors
    ///
    /// When the kinds that the server has cannot be asked for.
    pub async fn neighbours(&self, names: &Names, ours: &[ObjectKey]) -> Result<Neighbours, Error> {
        let records = [names.journal(), names.lease()];
        let ours = Ours::of(names, ours.iter().chain(&records));
        let (resources, mut unread) = self.resources(&names.namespace).await?;
        let lists = join_all(resources.iter().map(async |resource| {
            (resource, self.http.ask(Method::GET, &resource.path, Content::Metadata).await)
        }));
        let mut neighbours = Neighbours::default();
        for (resource, answer) in lists.await {
            let items = match answer {
                Ok(answer) => answer.body["items"].as_array().cloned().unwrap_or_default(),
                Err(Error::NotFound(_)) => Vec::new(),
                Err(error) if error.is_fatal() => return Err(error),
                Err(_) => {
                    unread.insert(resource.kind.clone());
                    continue;
                }
            };
            let others = items.iter().filter(|item| is_of_others(&resource.kind, item, &ours));
            let others: BTreeSet<String> = others.map(|item| text(item, "name").to_owned()).collect();
            if !others.is_empty() {
                neighbours.objects.entry(resource.kind.clone()).or_default().extend(others);
            }
        }
        // Each has the name of its Service.
        let services = neighbours.objects.get("Service").cloned().unwrap_or_default();
        if let Some(endpoints) = neighbours.objects.get_mut("Endpoints") {
            endpoints.retain(|name| !services.contains(name));
        }
        neighbours.objects.retain(|_, names| !names.is_empty());
        neighbours.unread = unread;
        Ok(neighbours)
    }

    /// The kinds that a namespace may hold, each once; and groups of which the
    /// server does not say what they have.
    async fn resources(&self, namespace: &str) -> Result<(Vec<Resource>, BTreeSet<String>), Error> {
        let groups = self.http.get("/apis").await?.body;
        let groups = groups["groups"].as_array().cloned().unwrap_or_default();
        let versions = groups.iter().flat_map(versions);
        let roots: Vec<String> = ["/api/v1".to_owned()]
            .into_iter()
            .chain(versions.map(|version| format!("/apis/{version}")))
            .collect();
        let lists = join_all(roots.iter().map(async |root| (root, self.http.get(root).await))).await;
        let (mut resources, mut unread) = (Vec::new(), BTreeSet::new());
        let mut seen = BTreeSet::new();
        for (root, list) in lists {
            match list {
                // Each object is in every version of its kind.
                Ok(list) => {
                    let listed = listed(root, &list.body, namespace);
                    resources.extend(listed.into_iter().filter(|one| seen.insert(one.name.clone())));
                }
                Err(error) if error.is_fatal() => return Err(error),
                Err(_) => drop(unread.insert(root.clone())),
            }
        }
        Ok((resources, unread))
    }
}

/// The versions of a group, the preferred one first. A kind may be in any one
/// of them alone.
fn versions(group: &Value) -> Vec<&str> {
    let preferred = group["preferredVersion"]["groupVersion"].as_str();
    let all = group["versions"].as_array().map_or(&[][..], Vec::as_slice);
    let others = all.iter().filter_map(|version| version["groupVersion"].as_str());
    preferred.into_iter().chain(others.filter(|version| Some(*version) != preferred)).collect()
}

/// The kinds of one group that can be listed in a namespace.
fn listed(root: &str, list: &Value, namespace: &str) -> Vec<Resource> {
    // Nothing of these is stored for anybody.
    const FLEETING: [&str; 2] = ["/apis/metrics.k8s.io", "/apis/events.k8s.io"];
    if FLEETING.iter().any(|fleeting| root.starts_with(fleeting)) {
        return Vec::new();
    }
    let group = root.strip_prefix("/apis/").and_then(|rest| rest.split('/').next());
    let all = list["resources"].as_array().map_or(&[][..], Vec::as_slice);
    let lists = |one: &&Value| {
        let verbs = one["verbs"].as_array().map_or(&[][..], Vec::as_slice);
        one["namespaced"] == true && verbs.iter().any(|verb| verb == "list") && one["kind"] != "Event"
    };
    let resource = |one: &Value| {
        let (kind, name) = (one["kind"].as_str()?, one["name"].as_str()?);
        let grouped = |one: &str| group.map_or_else(|| one.to_owned(), |group| format!("{one}.{group}"));
        let path = format!("{root}/namespaces/{namespace}/{name}");
        Some(Resource { kind: grouped(kind), name: grouped(name), path })
    };
    all.iter().filter(lists).filter_map(resource).collect()
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item["metadata"][field].as_str().unwrap_or_default()
}

impl<'a> Ours<'a> {
    fn of(names: &'a Names, objects: impl Iterator<Item = &'a ObjectKey>) -> Self {
        let named = |key: &'a ObjectKey| match key.kind.group_version() {
            ("", _) => (key.kind.to_string(), key.name.as_str()),
            (group, _) => (format!("{}.{group}", key.kind), key.name.as_str()),
        };
        Ours { stack: &names.stack, objects: objects.map(named).collect() }
    }

    fn has(&self, kind: &str, item: &Value) -> bool {
        let labelled = item["metadata"]["labels"][STACK_LABEL] == *self.stack;
        (labelled && DERIVED.contains(&kind)) || self.objects.contains(&(kind.to_owned(), text(item, "name")))
    }
}

fn is_of_others(kind: &str, item: &Value, ours: &Ours<'_>) -> bool {
    // Kubernetes puts these into every namespace, and makes them again.
    let everywhere = [("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")];
    let owners = item["metadata"]["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
    let derived = owners.iter().any(|owner| owner["controller"] == true);
    !(ours.has(kind, item) || everywhere.contains(&(kind, text(item, "name"))) || derived)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_label_that_was_copied_makes_no_object_the_stacks() {
        let names = Names::of_a_test();
        let mine = [names.server_secret(), names.stateful_set(), names.claim(0), names.journal()];
        let ours = Ours::of(&names, mine.iter());
        let others = |kind: &str, name: &str| {
            let metadata = json!({ "name": name, "labels": { STACK_LABEL: "orders" } });
            is_of_others(kind, &json!({ "metadata": metadata }), &ours)
        };
        let theirs = [
            ("Secret", "orders-server-copy"),
            ("PersistentVolumeClaim", "data-orders-0-old"),
            ("ConfigMap", "orders-server"),
            ("StatefulSet.example.com", "orders"),
        ];
        assert!(theirs.iter().all(|(kind, name)| others(kind, name)));
        let stacks = [
            ("Secret", "orders-server"),
            ("StatefulSet.apps", "orders"),
            ("PersistentVolumeClaim", "data-orders-0"),
            ("ConfigMap", "orders-journal"),
            ("Pod", "orders-0"),
            ("EndpointSlice.discovery.k8s.io", "orders-x7k2p"),
            ("ConfigMap", "kube-root-ca.crt"),
        ];
        assert!(!stacks.iter().any(|(kind, name)| others(kind, name)));
    }

    #[test]
    fn every_version_of_a_group_is_asked_the_preferred_one_first() {
        let version = |version: &str| json!({ "groupVersion": version });
        let group = json!({
            "preferredVersion": version("a/v1"),
            "versions": [version("a/v2alpha1"), version("a/v1")],
        });
        assert_eq!(versions(&group), ["a/v1", "a/v2alpha1"]);
    }
}
