//! Comments over plans that somebody made to break them: whatever a name, a
//! value or an error holds, the text is harmless, and as long as it may be.

use std::{cell::Cell, env};

use etcdctl_stack::{
    comment::{self, Marker, Part, State},
    object::{Kind, ObjectKey},
    observed::Lookup,
    plan::{Blocked, Change, Check, Cost, Digest, Fact, FieldChange, Foreign, Outcome, Plan, Source, Step},
    render::{self, About, Detail, Limit, Links, Told, Unit, View},
    report::Unfinished,
    saved::{Content, Saved},
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use crate::{
    NARROW, WIDE,
    judge::judge,
    markdowns::{PLANS_URL, RUN_URL, foreign, run, saved, with},
    plans::{ABOUT, VIEW},
    worlds,
};

/// Text that means more than itself to somebody.
const BAD: [&str; 48] = [
    "@octocat",
    "@org/team",
    "#1",
    "GH-1",
    "own/er#1",
    "a@8c5d1f0",
    "https://github.com/a/b/issues/1",
    "http://x",
    "www.example.com",
    "me@example.com",
    "mailto:me@example.com",
    "[a](b)",
    "![a](b)",
    "[a]: b",
    "[^1]",
    "<b>",
    "</details>",
    "</summary>",
    "<details open>",
    "<!--",
    "-->",
    "<img src=x onerror=y>",
    "<!-- etcdctl-stack:comment v1 {\"name\":\"x\"} -->",
    "~~~",
    "```",
    "~~~~~~\n# x",
    "``",
    "`",
    "# x",
    "---",
    "===",
    "|",
    "\\|",
    "\\",
    "| a |\n|---|",
    "/close",
    "\n/close\n",
    "/approve\n/merge",
    "!1",
    "~bug",
    "%1",
    "$1",
    "&1",
    "[ ] x",
    "1. x",
    "- x",
    "\u{202e}x",
    "\u{200b}@a \u{0}\u{1b}[31m\r\n",
];

fn hostile() -> impl Strategy<Value = String> {
    let bad = || (0..BAD.len()).prop_map(|at| BAD[at].to_owned());
    let word = || prop_oneof![3 => bad(), 1 => any::<String>(), 1 => Just("orders".to_owned())];
    let between = || (0..6usize).prop_map(|at| ["", " ", "\n", "x", ", ", "` `"][at]);
    let joined = vec((word(), between()), 1..5);
    let joined =
        joined.prop_map(|parts| parts.into_iter().map(|(word, between)| word + between).collect::<String>());
    let long = (bad(), 1..120usize).prop_map(|(one, times)| one.repeat(times));
    prop_oneof![6 => joined, 1 => long, 1 => bad()]
}

/// Texts, one after the other, again and again.
struct Texts {
    all: Vec<String>,
    at: Cell<usize>,
}

impl Texts {
    fn next(&self) -> String {
        self.at.set(self.at.get() + 1);
        self.all[self.at.get() % self.all.len()].clone()
    }

    fn value(&self) -> Value {
        match self.at.get() % 4 {
            0 => json!({ self.next(): [self.next(), { self.next(): self.next() }], "x": self.next() }),
            1 => json!([self.next(), self.next()]),
            _ => json!(self.next()),
        }
    }

    fn field(&self) -> FieldChange {
        let sources = [Source::Stack, Source::Default, Source::Admission, Source::Other];
        let source = sources[self.at.get() % sources.len()];
        let (before, after) = match self.at.get() % 3 {
            0 => (None, Some(self.value())),
            1 => (Some(self.value()), None),
            _ => (Some(self.value()), Some(self.value())),
        };
        FieldChange { path: self.next(), before, after, source }
    }

    fn key(&self, key: &mut ObjectKey) {
        key.name = self.next();
        key.namespace = key.namespace.as_ref().map(|_| self.next());
    }

    fn change(&self, change: &mut Change, fields: usize) {
        self.key(&mut change.key);
        change.notes.push(self.next());
        change.fields.extend((0..fields).map(|_| self.field()));
        if change.after.is_object() {
            change.after["spec"]["template"]["spec"]["containers"] =
                json!([{ "image": self.next(), "args": [self.next()] }]);
        }
    }

    fn step(&self, step: &mut Step) {
        step.title = self.next();
        step.costs.push(match self.at.get() % 4 {
            0 => Cost::DataLoss { claim: self.next() },
            1 => Cost::Downtime { member: self.next() },
            2 => Cost::Restart { member: self.next() },
            _ => {
                let mut object: etcdctl_stack::object::Named = "Secret/x".parse().expect("an object");
                object.name = self.next();
                Cost::Deletion { object }
            }
        });
    }

    fn blocked(&self) -> Blocked {
        let facts = (0..3).map(|_| Fact { label: self.next(), text: self.next() }).collect();
        Blocked { facts, ..Blocked::new(&self.next(), self.next(), self.next()) }
    }

    fn foreign(&self) -> Foreign {
        let mut one =
            Foreign { field: self.next(), manager: self.next(), time: Some(self.next()), ..foreign() };
        self.key(&mut one.key);
        one
    }
}

/// What a plan is like besides its texts.
#[derive(Clone, Debug)]
struct Shape {
    world: usize,
    objects: usize,
    fields: usize,
    stops: usize,
    state: usize,
}

fn shape() -> impl Strategy<Value = Shape> {
    let parts = (0..8usize, 0..12usize, 0..10usize, 0..4usize, 0..8usize);
    parts.prop_map(|(world, objects, fields, stops, state)| Shape { world, objects, fields, stops, state })
}

fn plan(shape: &Shape, texts: &Texts) -> Plan {
    let mut plan = match shape.world {
        0 => worlds::create(),
        1 => worlds::grow(),
        2 => worlds::shrink(),
        3 => worlds::restart_alone(),
        4 => worlds::replace(),
        5 => worlds::larger(),
        6 => worlds::unchanged(),
        _ => worlds::blocked(),
    };
    (plan.stack, plan.namespace, plan.target.context) = (texts.next(), texts.next(), texts.next());
    plan.target.cluster_uid = Lookup::Failed(texts.next());
    let more =
        worlds::create().changes.into_iter().cycle().take(if plan.is_empty() { 0 } else { shape.objects });
    plan.changes.extend(more);
    plan.changes.iter_mut().for_each(|change| texts.change(change, shape.fields));
    plan.steps.iter_mut().for_each(|step| texts.step(step));
    let stops = shape.stops.saturating_sub(2);
    plan.blocked.extend((0..stops).map(|_| texts.blocked()));
    plan.unread.extend((0..stops / 2).map(|_| texts.next()));
    plan.warnings.extend((0..shape.fields).map(|_| texts.next()));
    plan.foreign.extend((0..shape.objects).map(|_| texts.foreign()));
    let outcomes = [Outcome::Pass, Outcome::Fail, Outcome::Unchecked];
    plan.checks.extend(outcomes.map(|outcome| Check { name: texts.next(), outcome, detail: texts.next() }));
    if let Some(etcd) = &mut plan.etcd {
        etcd.leader = Some(texts.next());
        etcd.healthy.push(etcd.leader.clone().unwrap_or_default());
    }
    if shape.fields == 3 {
        plan.digest = Some(Digest(texts.next()));
    }
    plan
}

fn stack(shape: &Shape, texts: &Texts) -> (Saved, State) {
    let mut saved = saved(&texts.next(), plan(shape, texts));
    if let Content::Plan(made) = &mut saved.content {
        made.intent.replace.insert(texts.next());
        made.unfinished = (shape.fields == 4).then(|| Unfinished {
            who: texts.next(),
            started_at: "2026-11-20T17:00:00Z".parse().expect("a time"),
            digest: texts.next(),
            steps: Default::default(),
            asked_for: vec![texts.next()],
            holds_lock: false,
        });
    }
    let state = match shape.state {
        0 => State::Applying { step: 1, of: 2, title: texts.next() },
        1 => State::Applied { steps: 2 },
        2 => State::Failed { step: None, lines: (0..60).map(|_| texts.next()).collect() },
        3 => State::Outdated(texts.next()),
        4 => {
            let range = json!({ "start": { "line": 1, "column": 2 } });
            let (summary, detail) = (texts.next(), texts.next());
            let one = json!({ "code": texts.next(), "summary": summary, "detail": detail, "file": texts.next(), "range": range });
            return (with(&texts.next(), Content::NoPlan(vec![one; shape.objects])), State::Planned);
        }
        _ => State::Planned,
    };
    (saved, state)
}

fn holds(shapes: &[Shape], texts: Vec<String>, limit: Limit) -> Result<(), TestCaseError> {
    let texts = Texts { all: texts, at: Cell::new(0) };
    let stacks: Vec<(Saved, State)> = shapes.iter().map(|shape| stack(shape, &texts)).collect();
    let parts: Vec<Part<'_>> = stacks.iter().map(|(saved, state)| Part { saved, state }).collect();
    let body = comment::body(&parts, &run(), "orders", limit);
    prop_assert!(limit.holds(&body.text), "{} of {limit:?}", limit.length(&body.text));
    prop_assert!(body.text.ends_with('\n'));
    let wrong = judge(&body.text, &[RUN_URL, PLANS_URL]);
    prop_assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), body.text);
    let marker = Marker::read(&body.text).ok_or(TestCaseError::fail("no marker"))?;
    prop_assert_eq!((marker.name.as_str(), marker.truncated), ("orders", body.truncated));
    prop_assert_eq!(comment::body(&parts, &run(), "orders", limit), body, "the same parts, other bytes");
    Ok(())
}

fn limit() -> impl Strategy<Value = Limit> {
    (4_000..64_000usize, any::<bool>()).prop_map(|(most, bytes)| {
        let unit = if bytes { Unit::Bytes } else { Unit::Characters };
        Limit { most, unit }
    })
}

/// How often, of a hundred: `PROPTEST_CASES` says how often that is.
fn cases(of_a_hundred: u32) -> u32 {
    let hundred = env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100);
    (hundred * of_a_hundred / 100).max(1)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(60), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_out_of_a_comment_of_one(shape in shape(), texts in vec(hostile(), 10..60), limit in limit()) {
        holds(&[shape], texts, limit)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(10), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_out_of_a_comment_of_several(
        shapes in vec(shape(), 2..9),
        texts in vec(hostile(), 10..60),
        limit in limit(),
    ) {
        holds(&shapes, texts, limit)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(2), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_hundred_stacks_are_one_comment(
        shapes in vec(shape(), 200),
        texts in vec(hostile(), 100..200),
        gitlab in any::<bool>(),
    ) {
        holds(&shapes, texts, if gitlab { Limit::GITLAB } else { Limit::GITHUB })?;
    }
}

/// What no output may hold.
const SECRET: &str = "hunter2-hunter2";

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(20), failure_persistence: None, ..ProptestConfig::default() })]

    /// A plan holds the text of its stack file, where tokens and variables
    /// stand, and fingerprints of what others set: none of it is shown.
    #[test]
    fn what_is_marked_as_secret_is_in_no_output(shape in shape(), texts in vec(hostile(), 10..40), limit in limit()) {
        let texts = Texts { all: texts, at: Cell::new(0) };
        let (mut saved, state) = stack(&shape, &texts);
        if let Content::Plan(made) = &mut saved.content {
            made.stack = format!("[cluster]\ntoken = \"{SECRET}\"\n[etcd.extra_env]\nA = \"{SECRET}\"\n");
            let mut one = texts.foreign();
            (one.key.kind, one.value, one.fingerprint) = (Kind::Secret, None, SECRET.into());
            made.plan.foreign.push(one);
            let about = About { file: "orders.toml", ..ABOUT };
            for style in [WIDE, NARROW] {
                let text = render::plan(&made.plan, View { about, detail: Detail::Whole, ..VIEW }, style);
                prop_assert!(!text.contains(SECRET), "{text}");
            }
            prop_assert!(!render::json(&made.plan, about).to_string().contains(SECRET));
            // Markdown is for more people than a terminal: values of variables
            // are not in it at all.
            let path = "spec.template.spec.containers[etcd].env[A].value".to_owned();
            let (before, after) = (Some(json!(SECRET)), Some(json!(format!("{SECRET}x"))));
            let field = FieldChange { path, before, after, source: Source::Stack };
            let container = json!({ "name": "x", "env": [{ "name": "A", "value": SECRET }] });
            let whole = FieldChange { path: "spec.template.spec.containers[x]".into(), before: None, after: Some(container), source: Source::Admission };
            made.plan.changes.iter_mut().for_each(|change| change.fields.extend([field.clone(), whole.clone()]));
        }
        let told = [Told { saved: &saved, news: None }];
        prop_assert!(!render::markdown(&told, &Links::default(), limit).text.contains(SECRET));
        let body = comment::body(&[Part { saved: &saved, state: &state }], &run(), "orders", limit);
        prop_assert!(!body.text.contains(SECRET), "{}", body.text);
    }
}
