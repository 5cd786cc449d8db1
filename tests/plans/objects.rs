//! Objects that differ, and answers of the API server, in a founded cluster.

use etcdctl_stack::{
    desired::{MANAGED_BY, STACK_LABEL},
    object::{Kind, ObjectKey},
    observed::{Lookup, Proposal, Right},
};
use serde_json::{Value, json};

use crate::worlds::{Change, World, days, stack, stops, titles};

#[test]
fn a_label_is_changed_on_every_object_and_restarts_nothing() {
    let mut world = World::founded();
    world.desired = stack("labels = { team = \"db\" }\n");
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:#?}", plan.blocked);
    let fields: Vec<Vec<&str>> = plan
        .changes
        .iter()
        .map(|change| change.fields.iter().map(|field| field.path.as_str()).collect())
        .collect();
    // The namespace is left as it is.
    assert_eq!(fields, vec![vec!["metadata.labels.team"]; world.desired.objects().len() - 1]);
    assert_eq!((plan.steps.len(), plan.voters.after), (1, 3));
}

#[test]
fn a_version_that_the_file_does_not_name_stays_what_it_is() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    let image = &mut world.body(&key)["spec"]["template"]["spec"]["containers"][0]["image"];
    *image = json!("registry.k8s.io/etcd:v3.6.2");
    world.takes_template_up("orders-7d");
    assert_eq!(world.plan().restarts(), ["orders-2", "orders-1", "orders-0"]);
    world.desired = etcdctl_stack::plan::settle(&world.desired, &world.live);
    assert!(world.plan().is_empty(), "{:#?}", world.plan().changes);
}

fn rejected(message: &str, fields: &[&str]) -> Proposal {
    Proposal::Rejected {
        message: message.into(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
    }
}

#[test]
fn what_the_server_refuses_is_said_in_its_words() {
    let mut world = World::founded();
    let (service, stateful_set) = (world.desired.names.client_service(), world.desired.names.stateful_set());
    world
        .answers
        .insert(service, rejected("provided port is already allocated", &["spec.ports[0].nodePort"]));
    stops(
        &world,
        "plan::refused",
        "the API server refuses `Service/etcd-orders/orders` (spec.ports[0].nodePort): \
         provided port is already allocated",
    );
    let mut world = World::founded();
    world.answers.insert(stateful_set, rejected("denied by policy", &[]));
    stops(
        &world,
        "plan::refused",
        "the API server refuses `StatefulSet/etcd-orders/orders`: denied by policy",
    );
}

#[test]
fn an_object_that_is_not_the_stacks_is_not_touched() {
    let foreign = |labels: Value, owner: &str| {
        let mut world = World::founded();
        let key = world.desired.names.peer_service();
        world.body(&key)["metadata"]["labels"] = labels;
        let reason = format!("`{key}` exists and is not this stack's: {owner}");
        stops(&world, "plan::foreign_object", &reason);
    };
    foreign(json!({ MANAGED_BY: "Helm" }), "it is managed by `Helm`");
    foreign(json!({ STACK_LABEL: "orders", MANAGED_BY: "Helm" }), "it is managed by `Helm`");
    foreign(json!({ STACK_LABEL: "payments" }), "it belongs to stack `payments`");
    foreign(json!({}), "it has no label `etcdctl-stack/stack`");
}

#[test]
fn a_certificate_is_not_issued_into_a_secret_that_is_not_the_stacks() {
    let mut world = World::founded();
    let key = world.desired.names.server_secret();
    world.body(&key)["metadata"]["labels"] = json!({ MANAGED_BY: "cert-manager" });
    world.certificate(&key).not_after = days(-3);
    let reason = format!("`{key}` exists and is not this stack's: it is managed by `cert-manager`");
    stops(&world, "plan::foreign_object", &reason);
    assert_eq!(world.plan().steps, Vec::new());
}

#[test]
fn a_right_that_is_missing_stops_a_founded_cluster_too() {
    let mut world = World::founded();
    world.live.rights.push(Right {
        verb: "get".into(),
        group: String::new(),
        resource: "nodes".into(),
        namespace: None,
        allowed: false,
    });
    stops(&world, "plan::missing_rights", "1 of 2 rights are missing: get nodes");
}

#[test]
fn what_could_not_be_read_leaves_no_plan_to_approve() {
    let names = World::founded().desired.names;
    let failed = "forbidden";
    let pod = names.pod(3);
    let unread: [(&str, Change<'_>); 7] = [
        ("the journal cannot be read", &|world| world.live.journal = Lookup::Failed(failed.into())),
        ("claims cannot be read", &|world| world.live.claims = Lookup::Failed(failed.into())),
        ("pods cannot be read", &|world| world.live.pods = Lookup::Failed(failed.into())),
        ("`Namespace/etcd-orders` cannot be read", &|world| fail(world, &names.namespace_key())),
        ("`Secret/etcd-orders/orders-server` cannot be read", &|world| fail(world, &names.server_secret())),
        ("`Service/etcd-orders/orders` cannot be checked", &|world| {
            world.answers.insert(names.client_service(), Proposal::Failed(failed.into()));
        }),
        ("`Pod/etcd-orders/orders-3` cannot be checked", &|world| {
            world.answers.insert(pod.clone(), Proposal::Failed(failed.into()));
        }),
    ];
    for (words, change) in unread {
        let mut world = World::wanting("[cluster]\nmembers = 5\n");
        change(&mut world);
        let plan = world.plan();
        assert_eq!(plan.unread, [format!("{words}: forbidden")]);
        assert_eq!((plan.digest, plan.voters.after), (None, 3));
    }
}

fn fail(world: &mut World, key: &ObjectKey) {
    world.live.objects.insert(key.clone(), Lookup::Failed("forbidden".into()));
}

#[test]
fn a_change_of_the_client_service_is_one_step() {
    let world = World::wanting("[service]\ntype = \"NodePort\"\nnode_port = 30079\n");
    let plan = world.plan();
    assert_eq!(titles(&plan), ["apply Service/etcd-orders/orders"]);
    let changed: Vec<&str> = plan.changes[0].fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(plan.changes[0].key.kind, Kind::Service);
    assert_eq!(changed, ["spec.ports[client].nodePort", "spec.type"]);
}
