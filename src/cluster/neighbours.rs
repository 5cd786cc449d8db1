//! What else lives in a stack's namespace: every kind that the server has, by
//! name alone.

use std::collections::BTreeSet;

use futures::future::join_all;
use http::Method;
use serde_json::Value;

use super::{Error, Reader, request::Content};
use crate::{
    desired::{Names, ORDINALS, STACK_LABEL},
    observed::Neighbours,
};

/// The kinds that a stack is made of, and those that controllers derive with its
/// labels.
const OURS: [&str; 11] = [
    "ConfigMap",
    "Secret",
    "Service",
    "Endpoints",
    "Pod",
    "PersistentVolumeClaim",
    "StatefulSet.apps",
    "ControllerRevision.apps",
    "EndpointSlice.discovery.k8s.io",
    "PodDisruptionBudget.policy",
    "Lease.coordination.k8s.io",
];

/// A kind of object that a namespace may hold.
struct Resource {
    kind: String,
    path: String,
}

impl Reader {
    /// Everything in the namespace that is not this stack's. What cannot be
    /// listed is named.
    ///
    /// # Errors
    ///
    /// When the kinds that the server has cannot be asked for.
    pub async fn neighbours(&self, names: &Names) -> Result<Neighbours, Error> {
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
            let others = items.iter().filter(|item| is_of_others(&resource.kind, item, names));
            let others: BTreeSet<String> = others.map(|item| text(item, "name").to_owned()).collect();
            if !others.is_empty() {
                neighbours.objects.insert(resource.kind.clone(), others);
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
        let versions = groups.iter().filter_map(|group| group["preferredVersion"]["groupVersion"].as_str());
        let roots: Vec<String> = ["/api/v1".to_owned()]
            .into_iter()
            .chain(versions.map(|version| format!("/apis/{version}")))
            .collect();
        let lists = join_all(roots.iter().map(async |root| (root, self.http.get(root).await))).await;
        let (mut resources, mut unread) = (Vec::new(), BTreeSet::new());
        for (root, list) in lists {
            match list {
                Ok(list) => resources.extend(listed(root, &list.body, namespace)),
                Err(error) if error.is_fatal() => return Err(error),
                Err(_) => drop(unread.insert(root.clone())),
            }
        }
        Ok((resources, unread))
    }
}

/// The kinds of one group that can be listed in a namespace.
fn listed(root: &str, list: &Value, namespace: &str) -> Vec<Resource> {
    // Nothing of these is stored for anybody.
    const DERIVED: [&str; 2] = ["/apis/metrics.k8s.io", "/apis/events.k8s.io"];
    if DERIVED.iter().any(|derived| root.starts_with(derived)) {
        return Vec::new();
    }
    let group = root.strip_prefix("/apis/").and_then(|rest| rest.split('/').next());
    let all = list["resources"].as_array().map_or(&[][..], Vec::as_slice);
    let lists = |one: &&Value| {
        let verbs = one["verbs"].as_array().map_or(&[][..], Vec::as_slice);
        one["namespaced"] == true && verbs.iter().any(|verb| verb == "list") && one["kind"] != "Event"
    };
    let resource = |one: &Value| {
        let kind = one["kind"].as_str()?;
        let kind = group.map_or_else(|| kind.to_owned(), |group| format!("{kind}.{group}"));
        Some(Resource { kind, path: format!("{root}/namespaces/{namespace}/{}", one["name"].as_str()?) })
    };
    all.iter().filter(lists).filter_map(resource).collect()
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item["metadata"][field].as_str().unwrap_or_default()
}

fn is_of_others(kind: &str, item: &Value, names: &Names) -> bool {
    let name = text(item, "name");
    let labelled = item["metadata"]["labels"][STACK_LABEL] == *names.stack;
    let ours = (labelled && OURS.contains(&kind))
        || (kind == "PersistentVolumeClaim"
            && (0..ORDINALS).any(|ordinal| names.claim(ordinal).name == name));
    // Kubernetes puts these into every namespace, and makes them again.
    let everywhere =
        [("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")].contains(&(kind, name));
    let owners = item["metadata"]["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
    let derived = owners.iter().any(|owner| owner["controller"] == true);
    !(ours || everywhere || derived)
}
