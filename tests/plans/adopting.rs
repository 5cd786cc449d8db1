//! Objects that others made: who made them, which of them can be adopted, and
//! what an adoption is.

use etcdctl_stack::{
    certificate::Usage,
    desired::{CLUSTER_ID, MANAGED_BY, STACK_LABEL},
    member::Id,
    object::{Object, ObjectKey},
    observed::{
        Intended, Lookup,
        journal::{Adopted, Run, StepCount},
    },
    plan::{Action, Plan, Verb, action_hashes, adoptions, goes_on},
};
use serde_json::{Value, json};

use crate::worlds::{CLUSTER, NOW, World, codes, days, reasons, stack, titles};

/// Made by Helm: its labels, its annotations, its fields.
fn helms(world: &mut World, key: &ObjectKey) {
    let body = world.body(key);
    body["metadata"]["labels"] = json!({ MANAGED_BY: "Helm", "chart": "etcd-1" });
    body["metadata"]["annotations"]["meta.helm.sh/release-name"] = json!("orders");
    body["metadata"]["annotations"]["meta.helm.sh/release-namespace"] = json!("etcd-orders");
    let labels = json!({ ".": {}, "f:chart": {}, format!("f:{MANAGED_BY}"): {} });
    body["metadata"]["managedFields"] = json!([
        { "manager": "helm", "operation": "Update", "time": "2026-11-20T18:25:21Z",
          "fieldsV1": { "f:metadata": { "f:labels": labels } } },
        { "manager": "kubectl-annotate", "operation": "Update",
          "fieldsV1": { "f:metadata": { "f:annotations": { "f:note": {} } } } },
    ]);
}

fn by_helm(key: impl Fn(&World) -> ObjectKey) -> (World, ObjectKey) {
    let mut world = World::founded();
    let key = key(&world);
    helms(&mut world, &key);
    (world, key)
}

fn adopt(world: &mut World, named: &str) {
    world.intent.adopt = [named.parse().expect("an object")].into();
}

fn facts(plan: &Plan) -> Vec<(&str, &str)> {
    let facts = plan.blocked.iter().flat_map(|blocked| &blocked.facts);
    facts.map(|fact| (fact.label.as_str(), fact.text.as_str())).collect()
}

#[test]
fn an_object_of_others_is_a_card_that_says_who_made_it_and_the_way_out() {
    let (mut world, key) = by_helm(|world| world.desired.names.client_service());
    let plan = world.plan();
    let reason = format!("`{key}` exists and is not this stack's: it is managed by `Helm`");
    assert_eq!(reasons(&plan), [("plan::foreign_object", reason.as_str())]);
    assert_eq!(
        facts(&plan),
        [
            ("made by", "helm (Update, 2026-11-20T18:25:21Z); kubectl-annotate (Update)"),
            ("part of", "Helm release `etcd-orders/orders`, which may apply it again"),
            ("adopt it", "--adopt Service/orders"),
        ]
    );
    let parts = [
        ("kustomize.toolkit.fluxcd.io/name", "Flux Kustomization `apps`, which may apply it again"),
        ("helm.toolkit.fluxcd.io/name", "Flux HelmRelease `apps`, which may apply it again"),
        ("argocd.argoproj.io/instance", "Argo CD application `apps`, which may apply it again"),
    ];
    for (label, words) in parts {
        world.body(&key)["metadata"]["annotations"] = Value::Null;
        world.body(&key)["metadata"]["labels"] = json!({ label: "apps" });
        assert_eq!(facts(&world.plan())[1], ("part of", words));
    }
}

#[test]
fn an_object_that_is_adopted_becomes_ours_before_it_is_applied() {
    let (mut world, key) = by_helm(|world| world.desired.names.peer_service());
    adopt(&mut world, "Service/orders-peer");
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", reasons(&plan));
    assert_eq!(titles(&plan), [format!("adopt {key} from helm"), format!("apply {key}")]);
    let change = &plan.changes[0];
    assert_eq!((change.verb, change.adopting.len()), (Verb::Adopt, 1));
    assert!(change.fields.iter().any(|field| field.path == "metadata.labels.chart" && field.after.is_none()));
    let Action::Adopt { uid, from, object } = &plan.steps[0].actions[0] else {
        panic!("{:?}", plan.steps[0])
    };
    assert_eq!((uid.as_str(), &object.key), (format!("uid of {key}").as_str(), &key));
    assert_eq!(
        from[0].fields,
        ["metadata.labels", "metadata.labels.app.kubernetes.io/managed-by", "metadata.labels.chart"]
    );
    assert_eq!(plan.intended.adopt, [Adopted { object: key, uid: uid.clone() }].into());
    // What is asked of the API server is what is applied.
    assert_eq!(adoptions(&world.desired, &world.live, &world.intent), std::slice::from_ref(object));
}

/// As the journal has it after a run that was killed.
fn remembered(world: &mut World, plan: &Plan) {
    world.journal().run = Some(Run {
        digest: "a".into(),
        actions: action_hashes(&plan.steps),
        removed: Default::default(),
        not_ours: Default::default(),
        who: "you".into(),
        tool_version: "1".into(),
        started_at: NOW,
        finished_at: None,
        intended: plan.intended.clone(),
        summary: String::new(),
        steps: StepCount::default(),
        snapshot: None,
        stack: String::new(),
    });
    world.intent.adopt.clear();
}

#[test]
fn a_run_that_goes_on_adopts_without_a_flag_and_no_other_object_of_that_name() {
    let (mut world, key) = by_helm(|world| world.desired.names.budget());
    adopt(&mut world, "poddisruptionbudget/orders");
    let first = world.plan();
    remembered(&mut world, &first);
    assert_eq!(world.plan().steps, first.steps);
    // Killed between the two writes.
    let all = json!({ "manager": "etcdctl-stack", "operation": "Apply", "fieldsV1": { "f:metadata": { "f:labels": { "f:chart": {} } } } });
    world.body(&key)["metadata"]["managedFields"] = json!([all]);
    let plan = world.plan();
    assert_eq!(titles(&plan), [format!("adopt {key} from nobody else by now"), format!("apply {key}")]);
    assert!(goes_on(&action_hashes(&first.steps), &action_hashes(&plan.steps)));
    // Killed before the end.
    let mut done = world.desired.budget.clone().expect("a budget");
    done.body["metadata"]["managedFields"] = json!([all]);
    world.store(done);
    assert!(world.plan().is_empty(), "{:?}", titles(&world.plan()));
    helms(&mut world, &key);
    world.body(&key)["metadata"]["uid"] = json!("another");
    assert_eq!(codes(&world.plan()), ["plan::foreign_object"]);
    adopt(&mut world, "PodDisruptionBudget/orders");
    let intended = world.plan().intended.adopt;
    assert_eq!(intended, [Adopted { object: key, uid: "another".into() }].into());
}

#[test]
fn what_cannot_be_adopted_says_why() {
    let names = World::founded().desired.names;
    type Change<'a> = &'a dyn Fn(&mut Value);
    let stays: [(&str, ObjectKey, Change<'_>, &str); 10] = [
        (
            "Service/orders",
            names.client_service(),
            &|body| {
                body["metadata"]["ownerReferences"] =
                    json!([{ "kind": "EtcdCluster", "name": "orders", "controller": true }]);
            },
            "it belongs to EtcdCluster/orders, which makes and deletes it",
        ),
        (
            "Service/orders",
            names.client_service(),
            &|body| {
                body["metadata"]["labels"] = json!({ STACK_LABEL: "payments" });
            },
            "it belongs to stack `payments`",
        ),
        (
            "Service/orders-peer",
            names.peer_service(),
            &|body| body["spec"]["clusterIP"] = json!("10.0.0.1"),
            "it has an address (`spec.clusterIP`), and keeps it",
        ),
        (
            "Service/orders",
            names.client_service(),
            &|body| body["spec"]["clusterIP"] = json!("None"),
            "it is headless (`spec.clusterIP` is None), and stays so",
        ),
        (
            "Secret/orders-server",
            names.server_secret(),
            &|body| body["type"] = json!("kubernetes.io/tls"),
            "its `type` is `kubernetes.io/tls`, not `Opaque`, and never changes",
        ),
        (
            "Secret/orders-server",
            names.server_secret(),
            &|body| body["immutable"] = json!(true),
            "it is `immutable`, and its certificate could not be renewed",
        ),
        (
            "ConfigMap/orders-bootstrap",
            names.bootstrap(),
            &|body| {
                body["data"]["initial-cluster"] = json!("orders-0=https://orders-0:2380");
            },
            "it is not the sealed bootstrap list of this stack",
        ),
        (
            "StatefulSet/orders",
            names.stateful_set(),
            &|body| {
                body["metadata"]["annotations"].as_object_mut().unwrap().remove(CLUSTER_ID);
            },
            "it does not say (`etcdctl-stack/cluster-id`) that it is of cluster c1",
        ),
        (
            "StatefulSet/orders",
            names.stateful_set(),
            &|body| body["spec"]["serviceName"] = json!("etcd"),
            "its `spec.serviceName` differs, and a StatefulSet keeps it for ever",
        ),
        (
            "PodDisruptionBudget/orders",
            names.budget(),
            &|body| {
                body["metadata"]["deletionTimestamp"] = json!("2026-11-20T18:25:21Z");
            },
            "it is being deleted",
        ),
    ];
    for (named, key, change, why) in stays {
        let (mut world, key) = by_helm(|_| key.clone());
        change(world.body(&key));
        cannot_be_adopted(world, named, why);
    }
    // A certificate that is issued into it would leave no other key.
    let (mut world, key) = by_helm(|_| names.server_secret());
    world.live.secrets.get_mut(&key).expect("its facts").keys.insert("DB_PASSWORD".to_owned());
    let why = "it also holds `DB_PASSWORD`, and the next certificate would take that away";
    cannot_be_adopted(world, "Secret/orders-server", why);
}

fn cannot_be_adopted(mut world: World, named: &str, why: &str) {
    for asked in [false, true] {
        if asked {
            adopt(&mut world, named);
        }
        let plan = world.plan();
        assert_eq!(codes(&plan)[0], "plan::foreign_object", "{named}: {why}");
        let way = plan.blocked[0].facts.last().expect("a way out").clone();
        assert_eq!((way.label.as_str(), way.text), ("stays", format!("it cannot be adopted: {why}")));
        assert_eq!(plan.intended, Intended::default());
    }
}

#[test]
fn a_running_cluster_of_another_make_stays_where_it_is() {
    let mut world = World::with_namespace();
    let desired = stack("");
    for object in [desired.stateful_set.clone(), desired.bootstrap.clone()] {
        let key = object.key.clone();
        world.store(object);
        world.body(&key)["metadata"]["annotations"] = json!({});
        helms(&mut world, &key);
    }
    let plan = world.plan();
    let stays: Vec<&str> = facts(&plan).iter().filter(|fact| fact.0 == "stays").map(|fact| fact.1).collect();
    assert_eq!(
        stays,
        [
            "it cannot be adopted: no cluster is recorded here, so it is not of this stack's cluster",
            "it cannot be adopted: no cluster is recorded here, and moving one here that another tool runs is not supported",
        ]
    );
    assert_eq!(CLUSTER, Id(0xc1));
}

#[test]
fn a_stateful_set_that_a_backup_tool_put_back_is_adopted_when_asked_for() {
    let mut world = World::founded();
    let key = world.desired.names.stateful_set();
    world.body(&key)["metadata"]["managedFields"] = json!([
        { "manager": "velero-server", "operation": "Update", "fieldsV1": { "f:spec": { "f:replicas": {} } } },
    ]);
    assert!(world.plan().is_empty(), "its labels are the stack's");
    adopt(&mut world, "StatefulSet/orders");
    let plan = world.plan();
    assert_eq!(titles(&plan), [format!("adopt {key} from velero-server"), format!("apply {key}")]);
    assert_eq!(plan.restarts(), Vec::<&str>::new());
    world.body(&key)["metadata"]["annotations"][CLUSTER_ID] = json!("c2");
    assert!(codes(&world.plan()).contains(&"plan::two_clusters"));
}

#[test]
fn a_broken_leaf_in_an_adopted_secret_is_issued_anew_and_an_authority_never_is() {
    let (mut world, server) = by_helm(|world| world.desired.names.server_secret());
    adopt(&mut world, "Secret/orders-server");
    let kept = world.plan();
    assert_eq!(titles(&kept), [format!("adopt {server} from helm"), format!("apply {server}")]);
    world.certificate(&server).key_matches = false;
    let renewed = world.plan();
    assert_eq!(titles(&renewed)[0], format!("adopt {server} from helm"));
    assert!(titles(&renewed)[1].starts_with("renew 1 certificate"), "{:?}", titles(&renewed));

    let (mut world, authority) = by_helm(|world| {
        let authorities = world.desired.secrets.iter().find(|one| one.request.usage == Usage::Authority);
        authorities.expect("an authority").object.key.clone()
    });
    world.intent.adopt = [format!("Secret/{}", authority.name).parse().expect("an object")].into();
    world.certificate(&authority).key_matches = false;
    world.certificate(&authority).not_after = days(1000);
    assert_eq!(codes(&world.plan()), ["plan::authority_broken"]);
}

#[test]
fn clients_are_served_by_an_adopted_service_only_once_the_cluster_is_sealed() {
    let mut world = World::with_namespace();
    let service: Object = world.desired.client_service.clone();
    world.store(service.clone());
    helms(&mut world, &service.key);
    adopt(&mut world, "Service/orders");
    let plan = world.plan();
    assert!(plan.is_applicable(), "{:?}", reasons(&plan));
    let place = |title: &str| titles(&plan).iter().position(|one| one.starts_with(title));
    let sealed = place("seal").expect("a seal");
    assert_eq!(place(&format!("adopt {}", service.key)), Some(sealed + 1), "{:#?}", titles(&plan));
    assert_eq!(place(&format!("apply {}: clients are served", service.key)), Some(sealed + 2));
}

#[test]
fn nothing_is_adopted_that_is_the_stacks_or_is_not_there() {
    let mut world = World::founded();
    let key = world.desired.names.budget();
    world.body(&key)["metadata"]["managedFields"] = json!([
        { "manager": "etcdctl-stack", "operation": "Apply", "fieldsV1": { "f:spec": {} } },
    ]);
    let mut code = |named: &str| {
        adopt(&mut world, named);
        reasons(&world.plan()).iter().map(|(code, reason)| format!("{code}: {reason}")).collect::<Vec<_>>()
    };
    let expected = [
        (
            "PodDisruptionBudget/orders",
            "nothing_to_adopt: `PodDisruptionBudget/etcd-orders/orders` is this stack's already",
        ),
        (
            "Namespace/etcd-orders",
            "nothing_to_adopt: `Namespace/etcd-orders` is used as it is, whoever made it",
        ),
        ("Service/other", "no_such_object: `Service/other` is not an object of this stack"),
    ];
    for (named, words) in expected {
        assert_eq!(code(named), [format!("plan::{words}")]);
    }
    let key = world.desired.names.client_service();
    world.live.objects.insert(key.clone(), Lookup::Absent);
    adopt(&mut world, "Service/orders");
    assert_eq!(
        reasons(&world.plan()),
        [("plan::nothing_to_adopt", format!("`{key}` does not exist").as_str())]
    );
}

#[test]
fn the_label_that_is_missing_is_named() {
    for label in ["app.kubernetes.io/managed-by", "etcdctl-stack/stack"] {
        let mut world = World::founded();
        let key = world.desired.names.budget();
        world.body(&key)["metadata"]["labels"].as_object_mut().expect("labels").remove(label);
        let plan = world.plan();
        let reason = format!("`{key}` exists and is not this stack's: it has no label `{label}`");
        assert_eq!(reasons(&plan), [("plan::foreign_object", reason.as_str())]);
    }
}
