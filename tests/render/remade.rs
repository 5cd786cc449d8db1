//! Objects that are made anew.

use etcdctl_stack::render;
use serde_json::json;

use crate::{
    WIDE,
    plans::{ABOUT, VIEW},
    shows, worlds,
};

#[test]
fn a_stateful_set_that_is_made_anew_says_that_its_pods_stay() {
    shows(
        &render::plan(&worlds::larger(), VIEW, WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders  ·  plan 7f3a-91c2
cluster 9f1e  ·  3 of 3 voters healthy  ·  leader orders-2  ·  database 1.2 GiB of 6 GiB

Objects
  ± StatefulSet/etcd-orders/orders                   predicted  RECREATE, pods stay
      the API server was asked about all of it but the fields that never change
      ~ spec.volumeClaimTemplates[data].spec.resources.requests.storage: "8Gi" -> "16Gi"
  ~ PersistentVolumeClaim/etcd-orders/data-orders-0  predicted
      ~ spec.resources.requests.storage: "8Gi" -> "16Gi"
    3 objects unchanged: -v lists them

Steps                                                                     voters  quorum  can lose
  1 > grow PersistentVolumeClaim/etcd-orders/data-orders-0 8Gi -> 16Gi         3       2         1
  2 > make StatefulSet/etcd-orders/orders anew around its pods: storage
      size 8Gi -> 16Gi                                                         3       2         1

Plan: 0 to create, 1 to change, 1 to recreate, 0 to delete, 2 steps, voters 3 -> 3
No restart. No data is deleted.

Apply it:  etcdctl-stack apply orders.toml --expect 7f3a-91c2
"#,
    );
}

#[test]
fn programs_see_a_deletion_and_a_creation_and_why() {
    let shown = crate::json(&worlds::larger(), ABOUT);
    let change = &shown["resource_changes"][0];
    assert_eq!(change["change"]["actions"], json!(["delete", "create"]));
    assert_eq!(change["action_reason"], json!("replace_because_cannot_update"));
    assert_eq!((&shown["summary"]["recreate"], &shown["summary"]["update"]), (&json!(1), &json!(1)));
}
