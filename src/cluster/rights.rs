//! Which rights a plan and its apply need, asked for all at once.

use std::collections::BTreeSet;

use futures::future::join_all;
use http::Method;
use serde_json::json;

use super::{
    Error, Reader,
    request::{Content, Http},
};
use crate::{
    desired::{Desired, Names},
    object::Kind,
    observed::Right,
};

/// Every right, without the answer.
fn needed(desired: &Desired) -> Vec<Right> {
    let namespace = Some(desired.names.namespace.clone());
    let mut all = Vec::new();
    let mut need = |kind: Kind, verbs: &[&str], namespace: &Option<String>| {
        let (group, _) = kind.group_version();
        all.extend(verbs.iter().map(|verb| Right {
            verb: (*verb).to_owned(),
            group: group.to_owned(),
            resource: kind.plural().to_owned(),
            namespace: namespace.clone(),
            allowed: false,
        }));
    };
    for kind in [Kind::Secret, Kind::ConfigMap, Kind::Service, Kind::StatefulSet] {
        need(kind, &["get", "create", "patch"], &namespace);
    }
    need(Kind::ConfigMap, &["update"], &namespace);
    if desired.budget.is_some() {
        need(Kind::PodDisruptionBudget, &["get", "create", "patch"], &namespace);
    }
    need(Kind::PersistentVolumeClaim, &["get", "list", "create", "patch", "delete"], &namespace);
    need(Kind::Pod, &["get", "list", "create", "delete"], &namespace);
    need(Kind::Lease, &["get", "create", "update"], &namespace);
    need(Kind::Namespace, &["get"], &None);
    if desired.stack.create_namespace {
        need(Kind::Namespace, &["create"], &None);
    }
    let forward = |verb: &str| Right {
        verb: verb.to_owned(),
        group: String::new(),
        resource: "pods/portforward".to_owned(),
        namespace: namespace.clone(),
        allowed: false,
    };
    all.extend(["get", "create"].map(forward));
    all
}

impl Reader {
    /// Whether objects of these kinds may be deleted in a stack's namespace,
    /// and the namespace itself.
    ///
    /// # Errors
    ///
    /// Only when nothing can be asked at all.
    pub async fn rights_to_delete(&self, names: &Names, kinds: &BTreeSet<Kind>) -> Result<Vec<Right>, Error> {
        let right = |kind: &Kind| Right {
            verb: "delete".to_owned(),
            group: kind.group_version().0.to_owned(),
            resource: kind.plural().to_owned(),
            namespace: kind.namespaced().then(|| names.namespace.clone()),
            allowed: false,
        };
        join_all(kinds.iter().map(|kind| ask(&self.http, right(kind)))).await.into_iter().collect()
    }
}

/// Asks for every right side by side. Whoever may do everything in the
/// namespace is not asked for each thing in it: the plan of an administrator
/// asks five questions instead of thirty.
pub async fn rights(http: &Http, desired: &Desired) -> Result<Vec<Right>, Error> {
    let everything = Right {
        verb: "*".to_owned(),
        group: "*".to_owned(),
        resource: "*".to_owned(),
        namespace: Some(desired.names.namespace.clone()),
        allowed: false,
    };
    let everything = ask(http, everything).await?.allowed;
    let answers = needed(desired).into_iter().map(async |right| {
        // A subresource is not among all resources.
        let covered = everything && right.namespace.is_some() && !right.resource.contains('/');
        if covered { Ok(Right { allowed: true, ..right }) } else { ask(http, right).await }
    });
    join_all(answers).await.into_iter().collect()
}

/// `*` as a verb, a group or a resource means all of them.
/// <https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/>
/// <https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access>
async fn ask(http: &Http, right: Right) -> Result<Right, Error> {
    let (resource, subresource) = right.resource.split_once('/').unwrap_or((&right.resource, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "verb": right.verb,
            "group": right.group,
            "resource": resource,
            "subresource": subresource,
            "namespace": right.namespace,
        } },
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = http.ask(Method::POST, path, Content::Json(&review)).await?;
    Ok(Right { allowed: answer.body["status"]["allowed"] == true, ..right })
}
