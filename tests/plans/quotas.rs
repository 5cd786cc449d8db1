//! Quotas of the namespace, and what admission says of one more pod.

use etcdctl_stack::{
    object::Object,
    observed::{Lookup, Proposal, Quota, Scope},
    plan::{Outcome, Plan},
};
use serde_json::json;

use crate::worlds::{World, codes, reasons};

/// A quota with these amounts: name, most, in use.
fn quota(amounts: &[(&str, &str, &str)]) -> Quota {
    let amount = |text: &str| text.parse().expect("an amount");
    Quota {
        name: "team".into(),
        hard: amounts.iter().map(|(name, hard, _)| ((*name).to_owned(), amount(hard))).collect(),
        used: amounts.iter().map(|(name, _, used)| ((*name).to_owned(), amount(used))).collect(),
        scopes: Vec::new(),
    }
}

pub fn with(mut world: World, amounts: &[(&str, &str, &str)]) -> World {
    world.live.quotas = Lookup::Found(vec![quota(amounts)]);
    world
}

fn outcome(plan: &Plan) -> Option<(Outcome, &str)> {
    plan.checks.iter().find(|check| check.name == "quota").map(|check| (check.outcome, check.detail.as_str()))
}

#[test]
fn members_that_do_not_fit_are_refused_with_the_numbers() {
    let too_little = [
        (("requests.cpu", "2", "1500m"), "3 members need 750m cpu, quota `team` has 500m left of 2"),
        (("memory", "4Gi", "3Gi"), "3 members need 1536Mi memory, quota `team` has 1Gi left of 4Gi"),
        (
            ("limits.memory", "5Gi", "0"),
            "3 members need 6Gi of `limits.memory`, quota `team` has 5Gi left of 5Gi",
        ),
        (("pods", "10", "8"), "3 members need 3 pods, quota `team` has 2 left of 10"),
        (("count/persistentvolumeclaims", "2", "3"), "3 members need 3 claims, quota `team` has 0 left of 2"),
        (
            ("requests.storage", "20Gi", "0"),
            "3 members need 24Gi storage, quota `team` has 20Gi left of 20Gi",
        ),
    ];
    for (amounts, reason) in too_little {
        let world = with(World::with_namespace(), &[amounts]);
        let plan = world.plan();
        assert_eq!(reasons(&plan), [("plan::quota", reason)]);
        assert_eq!(outcome(&plan), Some((Outcome::Fail, "quota `team`")));
    }
    let enough = [
        ("requests.cpu", "2", "1250m"),
        ("pods", "3", "0"),
        ("requests.storage", "24Gi", "0"),
        ("limits.cpu", "1", "1"),
        ("secrets", "0", "0"),
    ];
    let plan = with(World::with_namespace(), &enough).plan();
    assert!(plan.is_applicable(), "{:?}", reasons(&plan));
    assert_eq!(outcome(&plan), Some((Outcome::Pass, "quota `team`")));
}

#[test]
fn members_that_are_there_are_counted_already() {
    let full = [("requests.cpu", "750m", "750m"), ("pods", "3", "3"), ("requests.storage", "24Gi", "24Gi")];
    let world = with(World::founded(), &full);
    assert!(world.plan().is_empty());
    assert_eq!(outcome(&world.plan()), None);
    // What restarts makes room for itself.
    let mut world = with(World::wanting("[etcd]\nquota = \"1Gi\"\n"), &full);
    let exceeded = "pods \"orders-3\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=3";
    let pod = world.desired.names.pod(3);
    world.answers.insert(pod, Proposal::Rejected { message: exceeded.into(), fields: Vec::new() });
    assert!(world.plan().is_applicable(), "{:?}", reasons(&world.plan()));

    let world = with(World::wanting("[cluster]\nmembers = 5\n"), &full);
    let two_more = |what: &str| format!("2 more members need {what}");
    assert_eq!(
        reasons(&world.plan()).iter().map(|(_, reason)| *reason).collect::<Vec<_>>(),
        [
            two_more("2 pods, quota `team` has 0 left of 3"),
            two_more("500m cpu, quota `team` has 0 left of 750m"),
            two_more("16Gi storage, quota `team` has 0 left of 24Gi"),
        ]
    );
    let more = World::wanting("[resources]\nrequests = { cpu = \"500m\", memory = \"512Mi\" }\n");
    let reason = "the members need in addition 750m cpu, quota `team` has 0 left of 750m";
    assert_eq!(reasons(&with(more, &full).plan()), [("plan::quota", reason)]);
}

#[test]
fn what_a_limit_range_adds_is_counted_and_one_refusal_is_said_once() {
    let mut world = with(World::with_namespace(), &[("limits.cpu", "2", "0")]);
    let mut pod: Object = world.desired.pod.clone();
    pod.body["spec"]["containers"][0]["resources"]["limits"]["cpu"] = json!("1");
    world.answers.insert(pod.key.clone(), Proposal::Accepted { object: pod.clone(), warnings: Vec::new() });
    let reason = "3 members need 3 of `limits.cpu`, quota `team` has 2 left of 2";
    assert_eq!(reasons(&world.plan()), [("plan::quota", reason)]);

    let mut world = with(World::with_namespace(), &[("pods", "0", "0")]);
    let message = "pods \"orders-0\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=0, limited: pods=0";
    world.answers.insert(pod.key, Proposal::Rejected { message: message.into(), fields: Vec::new() });
    assert_eq!(codes(&world.plan()), ["plan::quota"]);
}

#[test]
fn a_quota_counts_the_pods_in_its_scope() {
    let scope = |name: &str, operator: &str| Scope {
        name: name.into(),
        operator: operator.into(),
        values: vec!["high".into()],
    };
    let table = [
        (scope("NotTerminating", "Exists"), true),
        (scope("Terminating", "Exists"), false),
        (scope("NotBestEffort", "Exists"), true),
        (scope("BestEffort", "Exists"), false),
        (scope("PriorityClass", "In"), false),
        (scope("PriorityClass", "DoesNotExist"), true),
    ];
    for (scope, counts) in table {
        let mut world = World::with_namespace();
        let what = scope.name.clone();
        world.live.quotas =
            Lookup::Found(vec![Quota { scopes: vec![scope], ..quota(&[("pods", "0", "0")]) }]);
        assert_eq!(world.plan().is_applicable(), !counts, "{what}");
    }
}

#[test]
fn quotas_that_may_not_be_listed_are_not_checked() {
    let mut world = World::with_namespace();
    world.live.quotas = Lookup::Failed("quotas may not be listed".into());
    let plan = world.plan();
    assert!(plan.is_applicable());
    assert_eq!(outcome(&plan), Some((Outcome::Unchecked, "quotas may not be listed")));
}

#[test]
fn a_pod_that_admission_refuses_says_which_line_of_the_file_helps() {
    let table = [
        ("violates PodSecurity \"restricted:latest\": restricted volume types", "`[pod]`"),
        ("250m: must be less than or equal to cpu limit of 100m", "`[resources]`"),
        ("maximum cpu usage per Container is 100m, but request is 250m", "`[resources]`"),
        ("maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 8Gi", "`storage.size`"),
        ("failed quota: team: must specify limits.cpu for: etcd", "`[resources]`"),
    ];
    for (message, words) in table {
        let mut world = World::with_namespace();
        let answer = Proposal::Rejected { message: format!("forbidden: {message}"), fields: Vec::new() };
        world.answers.insert(world.desired.pod.key.clone(), answer);
        let plan = world.plan();
        assert_eq!(codes(&plan), ["plan::pod_refused"]);
        let help = plan.blocked[0].help.as_deref().expect("a help");
        assert!(help.contains(words), "{message}: {help}");
    }
}

#[test]
fn what_volumes_grow_by_must_fit_the_quota() {
    let larger = || {
        let mut world = World::wanting("[storage]\nsize = \"16Gi\"\n");
        world.classes()[0].expandable = true;
        world
    };
    let storage = |hard| [("requests.storage", hard, "24Gi")];
    assert_eq!(reasons(&with(larger(), &storage("48Gi")).plan()), []);
    let reason = "the members need in addition 24Gi storage, quota `team` has 16Gi left of 40Gi";
    let mut world = with(larger(), &storage("40Gi"));
    assert_eq!(reasons(&world.plan()), [("plan::quota", reason)]);
    // What one has asked for already is counted already.
    world.claims()[0].requested = "16Gi".parse().ok();
    assert_eq!(reasons(&world.plan()), []);
    let of_class = |class: &str| format!("{class}.storageclass.storage.k8s.io/requests.storage");
    let world = with(larger(), &[(&of_class("local"), "40Gi", "24Gi")]);
    assert_eq!(world.plan().blocked.len(), 1);
    let world = with(larger(), &[(&of_class("other"), "40Gi", "24Gi")]);
    assert_eq!(reasons(&world.plan()), []);
}
