//! Plans as Markdown, and the bodies of comments: whole texts, in the folder
//! `markdown` beside this file. `UPDATE=1` writes them, to be read.

use std::{fs, path::Path};

use etcdctl_stack::{
    comment::{self, Body, Marker, Part, Run, State},
    object::Kind,
    observed::journal::{Ending, StepCount},
    plan::{
        Against, Blocked, Change, Check, Confidence, Cost, Fact, FieldChange, Foreign, Outcome, Plan, Source,
        Step, Verb,
    },
    render::{self, Limit, Links, Told},
    report::Unfinished,
    saved::{Content, Made, Saved},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    judge::judge,
    shows,
    worlds::{self, field, key, made, step},
};

pub const RUN_URL: &str = "https://github.com/example/etcd/actions/runs/17";
pub const PLANS_URL: &str = "https://github.com/example/etcd/actions/runs/17/artifacts/4";
pub const LINKS: Links<'_> = Links {
    head: Some("41d9e0a7c2b1f00d"),
    base: Some("9be2f10a55aa0001"),
    run: Some(RUN_URL),
    plans: Some(PLANS_URL),
};

pub fn run() -> Run {
    Run {
        head: LINKS.head.map(str::to_owned),
        base: LINKS.base.map(str::to_owned),
        url: LINKS.run.map(str::to_owned),
        artifact: LINKS.plans.map(str::to_owned),
        started_at: "2026-11-20T18:31:07Z".parse().expect("a time"),
        attempt: 1,
    }
}

pub fn saved(file: &str, plan: Plan) -> Saved {
    let made =
        Made { stack: String::new(), intent: Default::default(), plan, unfinished: None, last_run: None };
    with(file, Content::Plan(Box::new(made)))
}

pub fn with(file: &str, content: Content) -> Saved {
    Saved { tool_version: "0.1.0".into(), made_at: Timestamp::UNIX_EPOCH, file: file.into(), content }
}

/// The text of a comment, of which every one is harmless.
pub fn body(plans: &[(Saved, State)], limit: Limit) -> Body {
    let parts: Vec<Part<'_>> = plans.iter().map(|(saved, state)| Part { saved, state }).collect();
    let name = if plans.len() == 1 { "orders" } else { "all" };
    let body = comment::body(&parts, &run(), name, limit);
    assert_eq!(judge(&body.text, &[RUN_URL, PLANS_URL]), Vec::<String>::new(), "{}", body.text);
    body
}

#[track_caller]
fn is_as_kept(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/render/markdown/{name}.md"));
    if std::env::var("UPDATE").is_ok() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        fs::write(&file, text).expect("written");
    }
    shows(text, &fs::read_to_string(&file).expect("UPDATE=1 writes it"));
}

#[track_caller]
fn comment_is(name: &str, plan: Plan, state: State) {
    let body = body(&[(saved("orders.toml", plan), state)], Limit::GITHUB);
    assert!(!body.truncated);
    is_as_kept(name, &body.text);
}

/// Another version and two members fewer, whose data goes.
fn shrink() -> Plan {
    let mut plan = worlds::shrink();
    let image = worlds::restart().changes.remove(0).fields.remove(0);
    let quota = field(
        "spec.template.spec.containers[etcd].args[--quota-backend-bytes]",
        Some("6442450944".into()),
        Some("8589934592".into()),
    );
    let team =
        FieldChange { source: Source::Admission, ..field("metadata.labels.team", None, Some("db".into())) };
    plan.changes[0].fields.extend([image, quota, team]);
    let restarts = worlds::restart().steps;
    plan.steps.extend(restarts);
    plan.checks = vec![
        Check { name: "rights".into(), outcome: Outcome::Pass, detail: "31 rights".into() },
        Check { name: "pod".into(), outcome: Outcome::Pass, detail: "Pod dry-run".into() },
    ];
    plan.foreign = vec![foreign()];
    plan
}

pub fn foreign() -> Foreign {
    Foreign {
        key: key(Kind::StatefulSet, "orders"),
        uid: "6dc1".into(),
        field: "spec.template.metadata.annotations[kubectl.kubernetes.io/restartedAt]".into(),
        path: vec!["spec".into(), "template".into(), "metadata".into(), "annotations".into()],
        manager: "kubectl-rollout".into(),
        operation: "Update".into(),
        time: Some("2026-11-17T09:12:44Z".into()),
        value: Some("2026-11-17T09:12:44Z".into()),
        fingerprint: "f00d".into(),
        removable: true,
        tolerated: false,
        lost: false,
        danger: None,
    }
}

fn conflict() -> Plan {
    let fact = |label: &str, text: &str| Fact { label: label.into(), text: text.into() };
    let blocked = Blocked {
        contested: None,
        code: "plan::conflict".into(),
        reason:
            "`spec.replicas` of `StatefulSet/etcd-orders/orders` is set by kubectl, and not by this stack"
                .into(),
        facts: vec![
            fact("you want", "5"),
            fact("now", "4"),
            fact("set by", "kubectl (subresource scale), 2026-11-20 18:25:21 UTC"),
            fact("meaning", "the cluster was scaled by hand; etcd has 4 members, all healthy"),
            fact("take it", "--take 'StatefulSet/orders:spec.replicas@kubectl'"),
            fact("set at", "orders.toml:10:12"),
        ],
        help: Some("set `members = 4` in orders.toml, or take it back".into()),
        key: None,
    };
    Plan { blocked: vec![blocked], ..worlds::grow() }
}

fn destroy() -> Plan {
    let mut plan = worlds::unchanged();
    let costs = vec![
        Cost::DataLoss { claim: "data-orders-0".into() },
        Cost::Deletion { object: "Secret/orders-peer-ca".parse().expect("an object") },
    ];
    plan.intended.end = Some(Ending::Destroy);
    plan.voters.after = 0;
    let goes = Change { verb: Verb::Delete, ..made(key(Kind::StatefulSet, "orders"), json!(null)) };
    let steps = vec![
        step("save a snapshot and check it", None),
        Step { costs, ..step("delete StatefulSet/etcd-orders/orders, the claim and the authority", None) },
    ];
    Plan { changes: vec![goes], steps, unchanged: Vec::new(), ..plan }
}

fn forget() -> Plan {
    let mut plan = worlds::unchanged();
    plan.intended.end = Some(Ending::Forget);
    let released = Change { verb: Verb::Release, ..made(key(Kind::StatefulSet, "orders"), json!({})) };
    let steps = vec![step("hand over StatefulSet/etcd-orders/orders", None)];
    Plan { changes: vec![released], steps, unchanged: Vec::new(), ..plan }
}

fn unreadable() -> Plan {
    let unread = vec!["pods cannot be read: the server is shutting down".to_owned()];
    Plan { digest: None, unread, ..worlds::grow() }
}

fn offline() -> Plan {
    let against = Against { file: "state/orders.json".into(), applied_at: Some(Timestamp::UNIX_EPOCH) };
    let mut plan = Plan { digest: None, against: Some(against), ..worlds::grow() };
    plan.changes[0].confidence = Confidence::Predicted;
    plan
}

fn no_plan() -> Saved {
    let finding = json!({
        "severity": "error",
        "code": "stack::unknown_key",
        "summary": "unknown key `repicas` in `[cluster]`",
        "detail": "did you mean `replicas`?",
        "file": "orders.toml",
        "range": { "start": { "line": 10, "column": 1, "byte": 120 }, "end": { "line": 10, "column": 8, "byte": 127 } },
        "snippet": "repicas = 3",
    });
    let other =
        json!({ "severity": "error", "code": "plan::no_plan", "summary": "cannot reach the API server" });
    with("orders.toml", Content::NoPlan(vec![finding, other]))
}

#[test]
fn a_plan_as_markdown_says_what_the_terminal_says() {
    for (name, plan) in [
        ("plain-create", worlds::create()),
        ("plain-shrink", shrink()),
        ("plain-unchanged", worlds::unchanged()),
    ] {
        let saved = saved("orders.toml", plan);
        let told = [Told { saved: &saved, news: None }];
        is_as_kept(name, &render::markdown(&told, &Links::default(), Limit::STEP_SUMMARY).text);
    }
}

#[test]
fn a_comment_tells_of_every_kind_of_plan() {
    comment_is("create", worlds::create(), State::Planned);
    comment_is("shrink", shrink(), State::Planned);
    comment_is("restart", worlds::restart(), State::Planned);
    comment_is("restart-alone", worlds::restart_alone(), State::Planned);
    comment_is("replace", worlds::replace(), State::Planned);
    comment_is("larger", worlds::larger(), State::Planned);
    comment_is("conflict", conflict(), State::Planned);
    comment_is("unreadable", unreadable(), State::Planned);
    comment_is("offline", offline(), State::Planned);
    comment_is("destroy", destroy(), State::Planned);
    comment_is("forget", forget(), State::Planned);
    comment_is("unchanged", worlds::unchanged(), State::Planned);
    let body = body(&[(no_plan(), State::Planned)], Limit::GITHUB);
    is_as_kept("no-plan", &body.text);
}

#[test]
fn a_comment_tells_what_became_of_the_plan() {
    let title = "promote orders-3 once it is connected and has caught up".into();
    comment_is("applying", worlds::grow(), State::Applying { step: 2, of: 3, title });
    comment_is("applied", worlds::grow(), State::Applied { steps: 3 });
    let lines = [
        "orders-3 is not Ready after 5m00s",
        "pod orders-3: CrashLoopBackOff, exit 1, 4 restarts",
        "last log: open /etc/etcd/tls/tls.key: permission denied",
        "cluster: 3 of 4 members up, quorum 3: serving, and cannot lose another",
    ];
    let lines = lines.map(str::to_owned).to_vec();
    comment_is("failed", worlds::grow(), State::Failed { step: Some(1), lines });
    comment_is("outdated", shrink(), State::Outdated("the request has a new head, `77aa01c`".into()));
}

#[test]
fn a_plan_that_goes_on_says_with_what() {
    let mut saved = saved("my stack.toml", worlds::grow());
    let Content::Plan(made) = &mut saved.content else { panic!("a plan") };
    made.intent.replace.insert("orders-1".into());
    made.intent.skip_snapshot = true;
    made.unfinished = Some(Unfinished {
        who: "ci@runner/4711".into(),
        started_at: "2026-11-20T17:00:00Z".parse().expect("a time"),
        digest: "c04d".into(),
        steps: StepCount { done: 2, all: 5 },
        asked_for: vec!["replace orders-1".into()],
        holds_lock: false,
    });
    is_as_kept("goes-on", &body(&[(saved, State::Planned)], Limit::GITHUB).text);
}

/// Twenty stacks, of every kind.
fn twenty() -> Vec<(Saved, State)> {
    let plans = [
        shrink(),
        worlds::grow(),
        worlds::unchanged(),
        worlds::create(),
        worlds::unchanged(),
        worlds::restart(),
    ];
    let mut all: Vec<(Saved, State)> = (0..18)
        .map(|number: usize| {
            let mut plan = plans[number % plans.len()].clone();
            plan.stack = format!("{}-{number:02}", ["orders", "billing", "search"][number % 3]);
            plan.namespace = format!("etcd-{}", plan.stack);
            (saved(&format!("stacks/{}.toml", plan.stack), plan), State::Planned)
        })
        .collect();
    let mut blocked = conflict();
    blocked.stack = "audit".into();
    all.push((saved("stacks/audit.toml", blocked), State::Planned));
    let mut broken = no_plan();
    broken.file = "stacks/broken.toml".into();
    all.push((broken, State::Planned));
    all
}

#[test]
fn many_stacks_are_a_table_and_then_each_of_them() {
    let body = body(&twenty(), Limit::GITHUB);
    assert!(!body.truncated);
    is_as_kept("twenty", &body.text);
    let marker = Marker::read(&body.text).expect("a marker");
    assert_eq!((marker.stacks.len(), marker.truncated), (20, false));
}

#[test]
fn where_not_all_fits_what_matters_stays_and_the_text_says_what_is_left_out() {
    let mut plan = shrink();
    for number in 0..60 {
        let mut change = plan.changes[0].clone();
        change.key = key(Kind::ConfigMap, &format!("made-{number:02}"));
        change.fields = (0..40)
            .map(|at| {
                field(&format!("data.key-{at:02}"), Some("a value ".repeat(9).into()), Some("b".into()))
            })
            .collect();
        plan.changes.push(change);
    }
    let stacks = [(saved("orders.toml", plan), State::Planned)];
    for (most, name) in [(60_000, "narrow"), (12_000, "narrower"), (4_000, "narrowest")] {
        let limit = Limit { most, ..Limit::GITHUB };
        let body = body(&stacks, limit);
        assert!(limit.holds(&body.text) && body.truncated, "{most}: {}", limit.length(&body.text));
        assert_eq!(Marker::read(&body.text).map(|marker| marker.truncated), Some(true));
        for line in [
            "**Deletes the data of 2 members**: `data-orders-4`, `data-orders-3`.",
            "✂️ Too long to be told whole. Left out: ",
            "--allow-data-loss data-orders-4,data-orders-3 --expect 7f3a91c27f3a91c2",
        ] {
            assert!(body.text.contains(line), "`{line}` is not in {name}:\n{}", body.text);
        }
        if most < 60_000 {
            is_as_kept(name, &body.text);
        } else {
            assert!(body.text.len() > 40_000, "room is used: {}", body.text.len());
        }
    }
}
