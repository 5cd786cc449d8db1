//! What the identities of `deploy/` can do, and what they cannot.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::{
    identities::{Identity, Permission, Role},
    kubernetes::{Place, kubectl, says, wait_until},
};

const POLICY: &str = "may plan and not write: only dry-runs are let through";

/// Another stack in the same namespace.
fn beside(place: &Place, name: &str, rest: &str) -> Place {
    let mut other = Place::new(name, rest);
    other.namespace.clone_from(&place.namespace);
    other.write(rest);
    other
}

/// What is in the namespace, and which version of it.
fn versions(place: &Place) -> BTreeMap<String, Value> {
    let kinds =
        "statefulsets,services,secrets,configmaps,poddisruptionbudgets,persistentvolumeclaims,pods,leases";
    let all = place.kubectl(&["get", kinds, "-o", "json"]).expect(0).json();
    let items = all["items"].as_array().expect("a list").iter();
    let named = |item: &Value| format!("{}/{}", item["kind"], item["metadata"]["name"]);
    items.map(|item| (named(item), item["metadata"]["resourceVersion"].clone())).collect()
}

/// Waits until the policy is obeyed: it takes a moment.
fn policy_holds(planner: &Identity<'_>, place: &Place) {
    wait_until("the policy is obeyed", 60, || {
        let refused = planner.kubectl(&["create", "configmap", "probe"]).stderr.contains(POLICY);
        place.kubectl(&["delete", "configmap", "probe", "--ignore-not-found"]);
        refused
    });
}

fn may(identity: &Identity<'_>, what: &[&str]) -> bool {
    identity.kubectl(&[&["auth", "can-i"], what].concat()).code == 0
}

#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn who_only_plans_gets_the_plans_of_an_administrator_and_writes_nothing() {
    let one = "[cluster]\nmembers = 1\n";
    let place = Place::new("planned", one);
    let mut planner = Identity::new(&place, "planner", &["plan-only.yaml"]);
    place.tool("apply", &["--auto-approve"]).expect(0);
    place.kubectl(&["wait", "pod/planned-0", "--for=condition=Ready", "--timeout=60s"]).expect(0);
    policy_holds(&planner, &place);
    wait_until("the rights are there", 60, || may(&planner, &["delete", "leases"]));
    no_secret_is_read(&planner);

    planner.add("plan-only-members.yaml");
    wait_until("the rights are there", 60, || {
        may(&planner, &["create", "pods", "--subresource=portforward"])
    });
    let before = versions(&place);
    let other = beside(&place, "another", one);
    place.write("[cluster]\nmembers = 1\n[service]\nannotations = { note = \"new\" }\n");
    for stack in [&place, &other] {
        let mine = planner.tool_on(stack, "plan", &["--json"]).expect(0).json();
        let theirs = stack.tool("plan", &["--json"]).expect(0).json();
        assert!(mine["digest"].is_string() && mine["digest"] == theirs["digest"], "{mine:#}");
        assert_eq!(mine["steps"], theirs["steps"]);
    }
    assert_eq!(planner.tool("status", &["--json"]).expect(0).json()["healthy"], true);
    says(&planner.tool("plan", &["--drift"]).expect(0), &["No drift"]);
    for (stack, command) in [(&place, "apply"), (&other, "apply"), (&place, "destroy"), (&place, "forget")] {
        says(&planner.tool_on(stack, command, &["--auto-approve"]).expect(1), &[POLICY]);
    }
    every_write_is_refused(&planner, &place);
    other_rights_do_not_help(&planner, &place);
    assert_eq!(versions(&place), before);

    // Nobody else is meant.
    place.kubectl(&["create", "configmap", "somebodys"]).expect(0);
    place.tool("apply", &["--auto-approve"]).expect(0);
}

/// Without the second file: a dry-run would show a Secret as well as a read.
fn no_secret_is_read(planner: &Identity<'_>) {
    let plan = planner.tool("plan", &["--json"]).expect(1).json();
    assert_eq!((&plan["errored"], &plan["digest"]), (&json!(true), &Value::Null));
    says(&planner.tool("plan", &[]).expect(1), &["get secrets in", "create pods/portforward in"]);
    for how in [&["get"][..], &["patch", "-p", "{}", "--dry-run=server"]] {
        let (verb, rest) = how.split_first().expect("a verb");
        let refused = planner.kubectl(&[&[*verb, "secret", "planned-operator", "-o", "json"], rest].concat());
        assert!(refused.code == 1 && refused.stderr.contains("cannot"), "{refused:?}");
        assert_eq!(refused.stdout, "");
    }
}

/// Each verb that RBAC grants is refused by the policy, and its dry-run is not.
fn every_write_is_refused(planner: &Identity<'_>, place: &Place) {
    let roles = ["plan-only.yaml", "plan-only-members.yaml"].map(|file| Role::of(place, file));
    let all = roles.iter().flatten().flat_map(|role| &role.permissions);
    let writes: Vec<&Permission> = all
        .filter(|one| !["get", "list"].contains(&&*one.verb) && one.resource != "pods/portforward")
        .collect();
    assert!(writes.len() > 20, "{writes:?}");
    for write in writes {
        let mut arguments = written(place, write);
        let refused = planner.kubectl(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(refused.code == 1 && refused.stderr.contains(POLICY), "{write:?}: {refused:?}");
        arguments.push("--dry-run=server".to_owned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        planner.kubectl(&arguments).expect(0);
    }
}

/// The policy holds for subresources as well, whoever grants them.
fn other_rights_do_not_help(planner: &Identity<'_>, place: &Place) {
    let resources = "--resource=pods/exec,pods/eviction,serviceaccounts/token,statefulsets/scale";
    let verbs = "--verb=create,get,patch";
    place.kubectl(&["create", "role", "more", verbs, resources]).expect(0);
    let user = format!("--user={}", planner.user);
    place.kubectl(&["create", "rolebinding", "more", "--role=more", &user]).expect(0);
    wait_until("the rights are there", 60, || may(planner, &["create", "pods", "--subresource=exec"]));
    let eviction =
        json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": "planned-0" } });
    let file = place.file.with_file_name("eviction.json");
    fs::write(&file, eviction.to_string()).expect("a writable folder");
    let path = format!("/api/v1/namespaces/{}/pods/planned-0/eviction", place.namespace);
    let file = file.to_string_lossy();
    for attempt in [
        &["exec", "planned-0", "-c", "etcd", "--", "etcdctl", "version"][..],
        &["create", "token", "default"],
        &["create", "--raw", &path, "-f", &file],
        &["scale", "statefulset", "planned", "--replicas=0"],
    ] {
        says(&planner.kubectl(attempt).expect(1), &[POLICY]);
    }
}

/// What kubectl is told, to write so.
fn written(place: &Place, write: &Permission) -> Vec<String> {
    let name = existing(place, &write.resource);
    let kind = format!("{}.{}", write.resource, write.group);
    let kind = kind.trim_end_matches('.');
    let file = place.file.with_file_name("write.json");
    let mut words = vec![write.verb.clone(), kind.to_owned(), name.clone()];
    match write.verb.as_str() {
        "create" => {
            fs::write(&file, fresh(place, kind, &name).to_string()).expect("a writable folder");
            words = vec!["create".to_owned(), "-f".to_owned(), file.to_string_lossy().into_owned()];
        }
        "update" => {
            let mut body = place.get(kind, &name);
            body["metadata"]["labels"]["probe"] = json!("x");
            fs::write(&file, body.to_string()).expect("a writable folder");
            words = vec!["replace".to_owned(), "-f".to_owned(), file.to_string_lossy().into_owned()];
        }
        "patch" => words.extend(["-p", r#"{"metadata":{"labels":{"probe":"x"}}}"#].map(str::to_owned)),
        "delete" => words.push("--wait=false".to_owned()),
        other => panic!("no such write is known: {other}"),
    }
    words
}

/// An object of the stack that is there.
fn existing(place: &Place, resource: &str) -> String {
    let name = &place.name;
    match resource {
        "secrets" => format!("{name}-server"),
        "configmaps" => format!("{name}-bootstrap"),
        "persistentvolumeclaims" => format!("data-{name}-0"),
        "pods" => format!("{name}-0"),
        "leases" => format!("{name}-lock"),
        _ => name.clone(),
    }
}

/// An object that is not there, like one that is.
fn fresh(place: &Place, kind: &str, like: &str) -> Value {
    let mut body = place.get(kind, like);
    body["metadata"] = json!({ "name": "probe" });
    for field in ["status", "data"] {
        body.as_object_mut().expect("an object").remove(field);
    }
    if let Some(spec) = body.get_mut("spec").and_then(Value::as_object_mut) {
        for field in ["clusterIP", "clusterIPs", "volumeName", "nodeName"] {
            spec.remove(field);
        }
    }
    body
}

/// The life of a stack, from its founding to its end.
#[test]
#[ignore = "needs a real Kubernetes: make test"]
fn who_applies_has_rights_for_the_whole_life_of_a_stack() {
    let place = Place::new("life", "");
    let deployer = Identity::new(&place, "deployer", &["apply.yaml"]);
    wait_until("the rights are there", 60, || may(&deployer, &["list", "events"]));
    let does = |command: &str, rest: &[&str]| {
        deployer.tool(command, &[&["--auto-approve"], rest].concat()).expect(0);
    };
    let two = "[cluster]\nmembers = 2\n[storage]\non_scale_down = \"delete\"\n";
    place.write(&format!("{two}[[tls.users]]\nname = \"app\"\nsecret = \"life-app\"\n"));
    does("apply", &[]);
    says(&deployer.tool("plan", &[]).expect(0), &["No changes."]);
    says(&deployer.tool("connect", &["--", "printenv", "ETCDCTL_ENDPOINTS"]).expect(0), &["https://"]);
    does("apply", &["--replace", "life-1", "--allow-data-loss", "data-life-1"]);
    place.kubectl(&["scale", "statefulset", "life", "--replicas=2"]).expect(0);
    place.write(&two.replace("= 2", "= 1"));
    does("apply", &["--allow-data-loss", "data-life-1", "--allow-delete", "Secret/life-app"]);
    place.write("[cluster]\nmembers = 1\n[tls.validity]\nleaf_days = 200\nrenew_before_days = 199\n");
    does("apply", &["--restart", "--allow-downtime"]);
    deployer.tool("history", &[]).expect(0);
    let status = deployer.tool("status", &["--json"]).expect(0).json();
    assert_eq!(status["healthy"], true, "{status:#}");
    does("destroy", &[]);
    does("apply", &[]);
    does("forget", &[]);
    elsewhere_it_may_do_nothing(&deployer);
}

fn elsewhere_it_may_do_nothing(deployer: &Identity<'_>) {
    let elsewhere = Place::new("elsewhere", "[cluster]\nmembers = 1\n");
    kubectl(&["create", "namespace", &elsewhere.namespace]).expect(0);
    let refused = deployer.tool_on(&elsewhere, "plan", &[]).expect(1);
    says(&refused, &["get secrets in", "patch statefulsets.apps in"]);
    for what in
        [["create", "namespaces"], ["delete", "nodes"], ["create", "clusterroles"], ["escalate", "roles"]]
    {
        assert!(!may(deployer, &what), "{what:?}");
    }
    let all = deployer.kubectl(&["auth", "can-i", "--list"]).expect(0).stdout;
    assert!(!all.contains("[*]"), "{all}");
}
