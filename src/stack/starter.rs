//! The file that `init` writes: short, explained, right as it stands.

/// Returns a stack file for a name, with the options that are changed most.
pub fn starter(name: &str) -> String {
    STARTER.replace("NAME", name)
}

const STARTER: &str = r#"#:schema ./stack.schema.json

[stack]
name = "NAME"
namespace = "etcd-NAME"
# context = "production"      # refuse any other kubeconfig context

[cluster]
members = 3                   # 3 survive 1 failure, 5 survive 2
# version = "3.6.16"          # pin it before you rely on this cluster

# [storage]
# size = "8Gi"                # cannot be changed later yet
# class = "fast-ssd"          # the cluster's default unless given
# on_scale_down = "retain"    # or "delete": the claim of a member that goes
# on_destroy = "retain"       # or "delete": all claims, when the stack is destroyed

# [resources]
# requests = { cpu = "250m", memory = "512Mi" }
# limits = { memory = "2Gi" }

# [etcd]
# quota = "3Gi"               # at most 45 % of storage.size
# auto_compaction = "1h"      # or "1000 revisions", or "off"

# [[tls.users]]               # a client certificate in Secret NAME-user-app
# name = "app"
"#;
