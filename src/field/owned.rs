//! A field and its manager in one line, as a person types them and a plan
//! shows them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::object::{Kind, ObjectKey};

/// A field of one object and a manager that owns it, as a person names them:
/// `StatefulSet/orders:spec.replicas@kubectl`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owned {
    /// The object's kind.
    pub kind: Kind,
    /// Its name, in the stack's namespace.
    pub name: String,
    /// The field, as the plan shows it.
    pub field: String,
    /// The manager.
    pub manager: String,
}

/// Fields that a StatefulSet has as it was made with them.
const KEPT: [&str; 3] = ["spec.volumeClaimTemplates", "spec.podManagementPolicy", "spec.serviceName"];

impl Owned {
    /// A field of an object that is written as `KIND/NAME`, with or without the
    /// namespace before the name.
    ///
    /// # Errors
    /// What is wrong with the object, in words.
    pub fn of(object: &str, field: &str, manager: &str) -> Result<Self, String> {
        let (kind, name) =
            object.split_once('/').ok_or("write it as `KIND/NAME`, such as `StatefulSet/orders`")?;
        let kind = kind.parse().map_err(|()| format!("`{kind}` is not a kind of object that a stack has"))?;
        // The plan shows objects with their namespace.
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name).to_owned();
        let field = field.trim_start_matches('.').to_owned();
        Ok(Owned { kind, name, field, manager: manager.to_owned() })
    }

    /// Why the tool cannot leave it to anybody, where it cannot.
    pub fn needed(&self) -> Option<&'static str> {
        let within = |field: &str| {
            let rest = self.field.strip_prefix(field);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        match self.kind {
            Kind::StatefulSet if within("spec.replicas") => Some("it must follow etcd's member list"),
            Kind::StatefulSet if within("spec.updateStrategy") => Some("restarts go one by one"),
            Kind::StatefulSet if within("spec.persistentVolumeClaimRetentionPolicy") => {
                Some("volumes stay when members go")
            }
            Kind::StatefulSet if within("spec.selector") => Some("it says which pods are members"),
            Kind::StatefulSet if KEPT.into_iter().any(within) => {
                Some("it is kept for ever: without it the StatefulSet would be made anew")
            }
            // No stack's own Service is called so.
            Kind::Service if self.name.ends_with("-peer") && within("spec.clusterIP") => {
                Some("it is kept for ever: without it members would not find each other")
            }
            Kind::Secret if within("type") => Some("it is kept for ever, and certificates need it"),
            Kind::ConfigMap if within("data") => Some("it says who may start without data"),
            Kind::Secret if within("data") => Some("members and clients know each other by it"),
            _ if within("metadata.labels.etcdctl-stack/stack") => Some("it says whose the object is"),
            _ => None,
        }
    }

    /// Whether it is about this object.
    pub fn is_of(&self, key: &ObjectKey) -> bool {
        self.kind == key.kind && self.name == key.name
    }
}

impl FromStr for Owned {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let parts = typed.split_once(':').and_then(|(object, rest)| {
            // Managers have no `@`; keys of annotations may.
            let (field, manager) = rest.rsplit_once('@')?;
            Some([object, field, manager])
        });
        match parts {
            Some(parts @ [object, field, manager])
                if parts.iter().all(|part| !part.is_empty()) && object.contains('/') =>
            {
                Owned::of(object, field, manager)
            }
            _ => Err("write it as `KIND/NAME:FIELD@MANAGER`; the plan says which".to_owned()),
        }
    }
}

impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Owned { kind, name, field, manager } = self;
        write!(f, "{kind}/{name}:{field}@{manager}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_and_its_manager_are_read_as_the_plan_shows_them() {
        let read = |typed: &str| typed.parse::<Owned>().map(|one| one.to_string());
        let shown = "StatefulSet/orders:spec.template.spec.containers[name=\"etcd\"].image@kubectl-edit";
        assert_eq!(read(shown), Ok(shown.to_owned()));
        let replicas = Ok("StatefulSet/orders:spec.replicas@kubectl".to_owned());
        assert_eq!(read("statefulset/etcd-orders/orders:.spec.replicas@kubectl"), replicas);
        let mail = "Service/orders:metadata.annotations.me@example.com@helm";
        assert_eq!(mail.parse::<Owned>().unwrap().manager, "helm");
        for no_field in ["spec.replicas", "StatefulSet/orders", "StatefulSet/orders:spec.replicas@", ""] {
            let refused = no_field.parse::<Owned>().unwrap_err();
            assert!(refused.contains("KIND/NAME:FIELD@MANAGER"), "{refused}");
        }
        assert!("Deployment/orders:spec@a".parse::<Owned>().unwrap_err().contains("Deployment"));
    }

    #[test]
    fn what_never_changes_cannot_be_left_to_anybody() {
        let needed = |text: &str| text.parse::<Owned>().unwrap().needed().is_some();
        for text in [
            "StatefulSet/orders:spec.volumeClaimTemplates@x",
            "StatefulSet/orders:spec.podManagementPolicy@x",
            "StatefulSet/orders:spec.serviceName@x",
            "Service/orders-peer:spec.clusterIP@x",
            "Secret/orders-server:type@x",
        ] {
            assert!(needed(text), "{text}");
        }
        assert!(!needed("Service/orders:spec.clusterIP@x"));
    }
}
