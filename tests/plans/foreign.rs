//! Fields that others set and the stack does not: found, told apart, and
//! stopping the plan where they are dangerous.

use etcdctl_stack::{
    desired::CLUSTER_ID,
    object::ObjectKey,
    plan::{Foreign, Plan, not_ours, settle},
};
use serde_json::{Value, json};

use crate::worlds::{CLUSTER, Change, World, codes, stack};

/// Somebody sets these fields of an object, and the server notes it.
pub fn sets(world: &mut World, key: &ObjectKey, manager: &str, fields: Value) {
    let entry = json!({ "manager": manager, "operation": "Update", "time": "2026-11-17T09:12:44Z", "fieldsV1": fields });
    let metadata = &mut world.body(key)["metadata"];
    if !metadata["managedFields"].is_array() {
        metadata["managedFields"] = json!([]);
    }
    metadata["managedFields"].as_array_mut().expect("a list").push(entry);
}

/// Somebody edits the pod template, and the server notes these fields of it.
pub fn edits_pod(world: &mut World, fields: Value, edit: impl Fn(&mut Value)) {
    let key = world.desired.names.stateful_set();
    edit(&mut world.body(&key)["spec"]["template"]["spec"]);
    sets(world, &key, "kubectl-edit", json!({ "f:spec": { "f:template": { "f:spec": fields } } }));
}

/// The same of the etcd container.
pub fn edits_etcd(world: &mut World, fields: Value, edit: impl Fn(&mut Value)) {
    let fields = json!({ "f:containers": { "k:{\"name\":\"etcd\"}": fields } });
    edits_pod(world, fields, |pod| edit(&mut pod["containers"][0]));
}

/// Somebody adds an environment variable to etcd.
pub fn adds_env(world: &mut World, name: &str, value: &str) {
    let item = format!("k:{{\"name\":\"{name}\"}}");
    let fields = json!({ "f:env": { item: { ".": {}, "f:name": {}, "f:value": {} } } });
    edits_etcd(world, fields, |etcd| {
        etcd["env"].as_array_mut().expect("a list").push(json!({ "name": name, "value": value }));
    });
}

fn told(plan: &Plan) -> Vec<String> {
    let told = |one: &Foreign| format!("{} {} {:?}", one.owned(), one.danger.is_some(), one.value);
    plan.foreign.iter().map(told).collect()
}

#[test]
fn what_somebody_added_is_one_field_and_harmless_ones_are_kept() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    let annotations =
        json!({ "f:annotations": { ".": {}, "f:kubectl.kubernetes.io/restartedAt": {}, "f:note": {} } });
    world.body(&key)["spec"]["template"]["metadata"]["annotations"] =
        json!({ "kubectl.kubernetes.io/restartedAt": "now", "note": "x" });
    sets(
        &mut world,
        &key,
        "kubectl-rollout",
        json!({ "f:spec": { "f:template": { "f:metadata": annotations } } }),
    );
    edits_pod(
        &mut world,
        json!({ "f:volumes": { "k:{\"name\":\"scratch\"}": { ".": {}, "f:emptyDir": {}, "f:name": {} } } }),
        |pod| {
            pod["volumes"].as_array_mut().expect("a list").push(json!({ "name": "scratch", "emptyDir": {} }));
        },
    );
    adds_env(&mut world, "GODEBUG", "secret");
    let plan = world.plan();
    assert_eq!(
        told(&plan),
        [
            "StatefulSet/orders:spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt@kubectl-rollout false Some(String(\"now\"))",
            "StatefulSet/orders:spec.template.metadata.annotations.note@kubectl-rollout false Some(String(\"x\"))",
            "StatefulSet/orders:spec.template.spec.containers[name=\"etcd\"].env[name=\"GODEBUG\"]@kubectl-edit false None",
            "StatefulSet/orders:spec.template.spec.volumes[name=\"scratch\"]@kubectl-edit false Some(Object {\"name\": String(\"scratch\"), \"emptyDir\": Object {}})",
        ]
    );
    assert!(plan.is_empty() && !format!("{plan:?}").contains("\"secret\""), "{plan:?}");
}

#[test]
fn what_others_set_since_an_approval_is_told_from_what_it_showed() {
    let mut world = World::founded();
    let key = world.desired.names.client_service();
    let note = |world: &mut World, name: &str, value: &str| {
        world.body(&key)["metadata"]["annotations"][name] = json!(value);
        let field = format!("f:{name}");
        sets(world, &key, "painter", json!({ "f:metadata": { "f:annotations": { field: {} } } }));
    };
    note(&mut world, "seen", "1");
    let shown = not_ours(&world.plan());
    let since = |world: &World| -> Vec<String> {
        let now = not_ours(&world.plan()).into_iter();
        now.filter(|(hash, _)| !shown.contains_key(hash)).map(|(_, words)| words).collect()
    };
    assert_eq!((shown.len(), since(&world)), (1, Vec::new()));
    note(&mut world, "new", "2");
    assert_eq!(since(&world), ["Service/orders metadata.annotations.new, set by painter"]);
    note(&mut world, "seen", "another");
    assert_eq!(since(&world).len(), 2);
}

#[test]
fn what_kubernetes_writes_by_itself_and_what_is_ours_is_no_ones() {
    let mut world = World::founded();
    let key = world.desired.names.client_service();
    world.body(&key)["metadata"]["finalizers"] = json!(["service.kubernetes.io/load-balancer-cleanup"]);
    world.body(&key)["metadata"]["annotations"] = json!({ "ours": "1" });
    let finalizer = json!({ ".": {}, "v:\"service.kubernetes.io/load-balancer-cleanup\"": {} });
    let before = told(&world.plan());
    sets(
        &mut world,
        &key,
        "cloud-controller-manager",
        json!({ "f:metadata": { "f:finalizers": finalizer } }),
    );
    sets(
        &mut world,
        &key,
        "kube-controller-manager",
        json!({ "f:status": { "f:loadBalancer": { "f:ingress": {} } } }),
    );
    // A creation of ours is noted as an update.
    sets(
        &mut world,
        &key,
        "etcdctl-stack",
        json!({ "f:metadata": { "f:annotations": { ".": {}, "f:ours": {} } } }),
    );
    // It once had annotations there, and owns the empty table.
    sets(&mut world, &key, "kubectl-edit", json!({ "f:metadata": { "f:annotations": {}, "f:labels": {} } }));
    // What the stack sets is a conflict, or the same value.
    sets(&mut world, &key, "kubectl-patch", json!({ "f:spec": { "f:type": {} } }));
    assert_eq!((told(&world.plan()), before), (Vec::new(), Vec::new()));
}

/// What was done, and the field that stops the plan for it.
fn dangers() -> Vec<(Change<'static>, &'static str)> {
    vec![
        (
            &|world| adds_env(world, "ETCD_FORCE_NEW_CLUSTER", "true"),
            "containers[name=\"etcd\"].env[name=\"ETCD_FORCE_NEW_CLUSTER\"]",
        ),
        (
            &|world| adds_env(world, "ETCD_LOG_LEVEL", "debug"),
            "containers[name=\"etcd\"].env[name=\"ETCD_LOG_LEVEL\"]",
        ),
        (
            &|world| {
                edits_etcd(world, json!({ "f:envFrom": {} }), |etcd| {
                    etcd["envFrom"] = json!([{ "configMapRef": { "name": "a" } }]);
                })
            },
            "containers[name=\"etcd\"].envFrom",
        ),
        (
            &|world| {
                let probe = json!({ ".": {}, "f:httpGet": { ".": {}, "f:path": {} }, "f:periodSeconds": {} });
                edits_etcd(world, json!({ "f:livenessProbe": probe }), |etcd| {
                    etcd["livenessProbe"] = json!({ "httpGet": { "path": "/" }, "periodSeconds": 1 });
                });
            },
            "containers[name=\"etcd\"].livenessProbe",
        ),
        (
            &|world| {
                edits_etcd(world, json!({ "f:readinessProbe": { "f:initialDelaySeconds": {} } }), |etcd| {
                    etcd["readinessProbe"]["initialDelaySeconds"] = json!(3);
                })
            },
            "containers[name=\"etcd\"].readinessProbe.initialDelaySeconds",
        ),
        (
            &|world| {
                edits_etcd(
                    world,
                    json!({ "f:lifecycle": { ".": {}, "f:preStop": { ".": {}, "f:sleep": {} } } }),
                    |etcd| {
                        etcd["lifecycle"] = json!({ "preStop": { "sleep": 5 } });
                    },
                )
            },
            "containers[name=\"etcd\"].lifecycle",
        ),
        (
            &|world| {
                let mount = json!({ "k:{\"mountPath\":\"/var/lib/etcd/member\"}": { ".": {}, "f:mountPath": {}, "f:name": {} } });
                edits_etcd(world, json!({ "f:volumeMounts": mount }), |etcd| {
                    etcd["volumeMounts"]
                        .as_array_mut()
                        .expect("a list")
                        .push(json!({ "mountPath": "/var/lib/etcd/member", "name": "a" }));
                });
            },
            "containers[name=\"etcd\"].volumeMounts[mountPath=\"/var/lib/etcd/member\"]",
        ),
        (&|world| adds_container(world, "containers"), "containers[name=\"proxy\"]"),
        (&|world| adds_container(world, "initContainers"), "initContainers[name=\"proxy\"]"),
    ]
}

fn adds_container(world: &mut World, list: &str) {
    let item = json!({ ".": {}, "f:env": { ".": {}, "k:{\"name\":\"PASSWORD\"}": { ".": {}, "f:name": {}, "f:value": {} } }, "f:name": {} });
    edits_pod(world, json!({ format!("f:{list}"): { ".": {}, "k:{\"name\":\"proxy\"}": item } }), |pod| {
        let proxy = json!({ "name": "proxy", "env": [{ "name": "PASSWORD", "value": "(not shown)" }] });
        if !pod[list].is_array() {
            pod[list] = json!([]);
        }
        pod[list].as_array_mut().expect("a list").push(proxy);
    });
}

#[test]
fn each_dangerous_field_stops_the_plan_until_it_is_left_to_who_set_it() {
    const WITHOUT: &str = "[probes]\nliveness = false\n";
    for (change, field) in dangers() {
        let mut world = World::founded();
        world.desired = stack(WITHOUT);
        world.store(world.desired.stateful_set.clone());
        let key = world.desired.names.stateful_set();
        world.body(&key)["metadata"]["annotations"] = json!({ CLUSTER_ID: CLUSTER.to_string() });
        change(&mut world);
        let plan = world.plan();
        let fields: Vec<&str> = plan.foreign.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(
            (codes(&plan), fields),
            (vec!["plan::dangerous_field"], vec![format!("spec.template.spec.{field}").as_str()])
        );
        assert!(plan.changes.is_empty(), "{field}");
        let tolerate = format!(
            "[[ownership.tolerate]]\nobject = \"StatefulSet/orders\"\nfield = 'spec.template.spec.{field}'\nmanager = \"kubectl-edit\"\n"
        );
        world.desired = settle(&stack(&format!("{WITHOUT}{tolerate}")), &world.live);
        let plan = world.plan();
        assert!(plan.is_applicable() && plan.foreign[0].tolerated, "{field}: {:?}", plan.blocked);
    }
}

#[test]
fn objects_besides_the_stateful_set_have_dangerous_fields_too() {
    let names = World::founded().desired.names;
    let table: [(ObjectKey, &str, Value, Value); 4] = [
        (
            names.bootstrap(),
            "data.more",
            json!({ "f:data": { "f:more": {} } }),
            json!({ "data": { "more": "x" } }),
        ),
        (names.bootstrap(), "immutable", json!({ "f:immutable": {} }), json!({ "immutable": true })),
        (names.server_secret(), "immutable", json!({ "f:immutable": {} }), json!({ "immutable": true })),
        (
            names.budget(),
            "metadata.ownerReferences[uid=\"1\"]",
            json!({ "f:metadata": { "f:ownerReferences": { ".": {}, "k:{\"uid\":\"1\"}": {} } } }),
            json!({ "metadata": { "ownerReferences": [{ "uid": "1", "kind": "Deployment" }] } }),
        ),
    ];
    for (key, field, fields, value) in table {
        let mut world = World::founded();
        merge(world.body(&key), &value);
        sets(&mut world, &key, "painter", fields);
        let plan = world.plan();
        assert_eq!(codes(&plan), ["plan::dangerous_field"], "{field}");
        assert_eq!((&plan.foreign[0].key, plan.foreign[0].field.as_str()), (&key, field));
        assert!(!plan.blocked[0].facts.iter().any(|fact| fact.label == "now"
            && key.kind.to_string() == "Secret"
            && fact.text != "(not shown)"));
    }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.iter()
                .for_each(|(name, value)| merge(into.entry(name.clone()).or_insert(Value::Null), value));
        }
        (into, from) => *into = from.clone(),
    }
}

#[test]
fn a_dangerous_field_is_a_card_with_who_set_it_and_what_it_means() {
    let mut world = World::founded();
    adds_env(&mut world, "ETCD_FORCE_NEW_CLUSTER", "true");
    let blocked = world.plan().blocked.remove(0);
    let facts: Vec<(&str, &str)> =
        blocked.facts.iter().map(|fact| (fact.label.as_str(), fact.text.as_str())).collect();
    assert_eq!(
        facts,
        [
            ("now", "(not shown)"),
            ("set by", "kubectl-edit, 2026-11-17T09:12:44Z"),
            ("meaning", "at its next start each member throws the others out and goes on alone, for good"),
            (
                "remove",
                "--take 'StatefulSet/orders:spec.template.spec.containers[name=\"etcd\"].env[name=\"ETCD_FORCE_NEW_CLUSTER\"]@kubectl-edit'"
            ),
        ]
    );
}

#[test]
fn what_others_set_is_part_of_what_is_approved_and_when_they_did_is_not() {
    let digest = |manager: &str, value: &str, time: &str| {
        let mut world = World::wanting("labels = { team = \"db\" }\n");
        let key = world.desired.names.budget();
        world.body(&key)["metadata"]["annotations"] = json!({ "note": value });
        sets(&mut world, &key, manager, json!({ "f:metadata": { "f:annotations": { "f:note": {} } } }));
        world.body(&key)["metadata"]["managedFields"][0]["time"] = json!(time);
        world.plan().digest.expect("all was read")
    };
    let one = digest("helm", "x", "2026-11-17T09:12:44Z");
    assert_eq!(one, digest("helm", "x", "2026-11-18T09:12:44Z"));
    assert_ne!(one, digest("painter", "x", "2026-11-17T09:12:44Z"));
    assert_ne!(one, digest("helm", "y", "2026-11-17T09:12:44Z"));
}

#[test]
fn other_numbers_of_members_end_the_first_and_start_one_without_data() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    world.body(&key)["spec"]["ordinals"] = json!({ "start": 1 });
    sets(&mut world, &key, "kubectl-edit", json!({ "f:spec": { "f:ordinals": { ".": {}, "f:start": {} } } }));
    assert_eq!(codes(&world.plan()), ["plan::dangerous_field"]);
}
