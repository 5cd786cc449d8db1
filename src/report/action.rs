//! What an action does, in words: shorter than its step's title.

use crate::plan::Action;

/// What it does, imperative.
pub fn in_words(action: &Action) -> String {
    match action {
        Action::CreateNamespace { object } => format!("create {}", object.key),
        Action::Issue { object, .. } => format!("issue the certificate in {}", object.key),
        Action::Apply { object, .. } => format!("apply {}", object.key),
        Action::Adopt { object, .. } => format!("adopt {}", object.key),
        Action::RemoveField { key, field, .. } => format!("remove {field} of {key}"),
        Action::BeginFounding => "write down that founding begins".to_owned(),
        Action::RecordCluster => "write down the cluster's id".to_owned(),
        Action::AddLearner { name, .. } => format!("add {name} as a learner"),
        Action::Promote { name, .. } => format!("promote {name}"),
        Action::Snapshot => "save a snapshot".to_owned(),
        Action::RemoveMember { name, .. } => format!("remove {name} from etcd's list"),
        Action::ForgetMember { name } => format!("take {name} out of the journal"),
        Action::DeleteClaim { claim, .. } => format!("delete claim {claim}"),
        Action::Delete { key, .. } => format!("delete {key}"),
        Action::DeleteNamespace { key, .. } => format!("delete {key} and all that is in it"),
        Action::EndPods { ordinals } => format!("delete {} pods", ordinals.len()),
        Action::Release { key, .. } => format!("hand over {key}"),
        Action::DeleteRecords => "delete the journal and the lock".to_owned(),
        Action::Empty { name, .. } => format!("delete the claim and the pod of {name}"),
        Action::Restart { name, .. } => format!("restart {name}"),
        Action::Orphan { key, .. } => format!("delete {key}, not its pods"),
        Action::Grow { claim, size, .. } => format!("ask for {size} for claim {claim}"),
        Action::StartAgain { name, .. } => format!("let {name} start again"),
        Action::RecordMember { name, .. } => format!("write down {name}"),
    }
}
