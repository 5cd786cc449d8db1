//! Saved plans: the same bytes for the same plan, read again as they were, and
//! nothing else is taken for one.

use etcdctl_stack::{
    canonical::sha256,
    observed::{Lookup, journal::Run},
    plan::Intent,
    saved::{Content, Made, Saved, Unreadable},
};
use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::worlds::{NOW, World, stack};

/// A file that version 0.1.0 wrote: kept as it was, and read for ever.
const FIRST: &str = include_str!("../saved/1.0.json");

fn made(world: &World) -> Made {
    Made {
        stack: "[stack]\nname = \"orders\"\nnamespace = \"etcd-orders\"\n".into(),
        intent: world.intent.clone(),
        plan: world.plan(),
        unfinished: None,
        last_run: None,
    }
}

fn saved(world: &World) -> Saved {
    let content = Content::Plan(Box::new(made(world)));
    Saved { tool_version: "0.1.0".into(), made_at: NOW, file: "orders.toml".into(), content }
}

/// Plans with every kind of thing in them.
fn worlds() -> Vec<World> {
    let mut replaced = World::of(3, "");
    replaced.intent = Intent { replace: ["orders-1".to_owned()].into(), ..Intent::default() };
    let mut destroyed = World::founded();
    destroyed.intent.end = Some(etcdctl_stack::plan::Ending::Destroy);
    let mut unread = World::founded();
    unread.live.claims = Lookup::Failed("forbidden".into());
    let mut edited = World::founded();
    let names = edited.desired.names.clone();
    edited.body(&names.stateful_set())["spec"]["template"]["spec"]["containers"][0]["image"] = json!("other");
    vec![
        World::founded(),
        World::with_namespace(),
        World::wanting("[cluster]\nmembers = 5\n"),
        World::of(5, "[storage]\non_scale_down = \"delete\"\n"),
        replaced,
        destroyed,
        unread,
        edited,
    ]
}

#[test]
fn a_plan_is_written_and_read_again_and_its_bytes_depend_on_nothing_else() {
    for world in worlds() {
        let one = saved(&world);
        let text = one.text();
        let read = Saved::read(&text).expect("it is whole");
        assert_eq!((&read, &read.text()), (&one, &text));
        let keys: Vec<String> = serde_json::from_str::<Value>(&text)
            .expect("JSON")
            .as_object()
            .expect("a table")
            .keys()
            .cloned()
            .collect();
        assert!(keys.is_sorted() && keys.contains(&"sha256".to_owned()), "{keys:?}");
    }
}

#[test]
fn a_file_that_the_first_version_wrote_is_read() {
    let saved = Saved::read(FIRST).expect("formats stay readable");
    let made = saved.made().expect("a plan");
    assert_eq!((saved.tool_version.as_str(), saved.file.as_str()), ("0.1.0", "orders.toml"));
    assert_eq!((made.plan.voters.after, made.plan.steps.is_empty()), (5, false));
    assert!(made.plan.digest.is_some());
}

/// The text with one key changed, and its hash made right again.
fn edited(change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(&saved(&World::founded()).text()).expect("JSON");
    value.as_object_mut().expect("a table").remove("sha256");
    change(&mut value);
    value["sha256"] = json!(sha256(&value));
    value.to_string()
}

#[test]
fn what_is_no_whole_plan_of_a_known_format_is_refused_by_what_it_is() {
    let good = saved(&World::founded()).text();
    let error = |text: &str| Saved::read(text).expect_err("refused");
    let newer = edited(|value| value["format_version"] = json!("2.0"));
    let odd = edited(|value| value["format_version"] = json!("one"));
    let minor = edited(|value| {
        value["format_version"] = json!("1.7");
        value["approved_by"] = json!("somebody");
    });
    let unlike = edited(|value| {
        value["format_version"] = json!("1.7");
        value["content"] = json!({ "another": 1 });
    });
    assert_eq!(error(&newer), Unreadable::Newer("2.0".into()));
    assert_eq!(error(&odd), Unreadable::Newer("one".into()));
    assert!(Saved::read(&minor).is_ok(), "a new minor adds keys");
    assert_eq!(error(&unlike), Unreadable::Newer("1.7".into()));
    assert!(matches!(error(&good.replace("\"etcd-orders\"", "\"etcd-other\"")), Unreadable::Damaged(_)));
    // Whoever edits one may make its hash right, and its digest approves the plan.
    for digest in ["", "7", &"7f3a91c2".repeat(8)] {
        let forged = edited(|value| value["content"]["plan"]["plan"]["digest"] = json!(digest));
        assert_eq!(error(&forged), Unreadable::Damaged("its digest is not that of its plan".into()));
    }
    assert!(matches!(error(&good[..good.len() / 2]), Unreadable::Damaged(_)));
    assert!(matches!(error(&edited(|value| value["content"] = json!({}))), Unreadable::Damaged(_)));
    let json = etcdctl_stack::render::json_without_plan("orders.toml", &[]).to_string();
    for other in ["", "[stack]\nname = \"orders\"\n", "{}", "[1]", json.as_str()] {
        assert!(matches!(error(other), Unreadable::NotAPlan(_)), "{other}");
    }
}

#[test]
fn a_plan_is_used_by_a_run_of_it_that_ended_since_it_was_made() {
    let world = World::wanting("[cluster]\nmembers = 5\n");
    let mut one = made(&world);
    let digest = one.plan.digest.clone().expect("all was read").0;
    let mut journal = World::founded().journal().clone();
    let hour = SignedDuration::from_hours(1);
    let run = |digest: &str, finished: bool| {
        let run = json!({ "digest": digest, "actions": [], "who": "ci@run", "tool_version": "0.1.0",
            "started_at": NOW, "finished_at": finished.then_some(NOW + hour) });
        serde_json::from_value::<Run>(run).expect("a run")
    };
    assert_eq!(one.used(&journal), None);
    journal.run = Some(run(&digest, false));
    assert_eq!(one.used(&journal), None, "it goes on");
    journal.run = Some(run("another", true));
    assert_eq!(one.used(&journal), None);
    journal.run = Some(run(&digest, true));
    assert_eq!(one.used(&journal), Some(("ci@run", NOW)));
    one.last_run = Some(NOW);
    assert_eq!(one.used(&journal), None, "that was an earlier plan of the same digest");
}

#[test]
fn one_approval_is_for_one_restart() {
    let mut world = World::founded();
    world.intent.restart = true;
    let before = world.plan().digest;
    let run = json!({ "digest": "d", "actions": [], "who": "ci@run", "tool_version": "0.1.0",
        "started_at": NOW, "finished_at": NOW });
    world.journal().run = serde_json::from_value(run).expect("a run");
    assert_ne!(world.plan().digest, before);
    // Nothing else that is asked for can be asked for twice.
    let mut world = World::wanting("[cluster]\nmembers = 5\n");
    let before = world.plan().digest;
    world.journal().run = serde_json::from_value(json!({ "digest": "d", "actions": [], "who": "ci@run",
        "tool_version": "0.1.0", "started_at": NOW, "finished_at": NOW }))
    .expect("a run");
    assert_eq!(world.plan().digest, before);
}

#[test]
fn the_digest_is_of_what_the_file_says_and_not_of_how() {
    let digest = |text: &str| {
        let mut world = World::founded();
        world.desired = etcdctl_stack::plan::settle(&stack(text), &world.live);
        world.plan().digest
    };
    let one = "[cluster]\nmembers = 5\n[pod]\nlabels = { a = \"1\", b = \"2\" }\n[storage]\nsize = \"8Gi\"\n";
    let other = "# five\r\n[storage]\r\nsize = \"8192Mi\"\r\n[pod.labels]\r\nb = \"2\"\r\na = \"1\"\r\n[cluster]\r\nmembers = 5\r\n";
    assert_eq!(digest(one), digest(other));
    assert_ne!(digest(one), digest(&one.replace('5', "4")));
}

/// The same JSON with the keys of each table in another order.
fn shuffled(value: &Value, seed: u64) -> Value {
    match value {
        Value::Object(fields) => {
            let mut entries: Vec<(&String, &Value)> = fields.iter().collect();
            entries.sort_by_key(|(key, _)| sha256(&json!([seed, key])));
            entries.into_iter().map(|(key, value)| (key.clone(), shuffled(value, seed))).collect()
        }
        Value::Array(items) => items.iter().map(|item| shuffled(item, seed)).collect(),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_keys_in_what_the_server_says_keeps_the_digest(seed in any::<u64>()) {
        let world = World::wanting("[cluster]\nmembers = 5\n");
        let mut other = World::wanting("[cluster]\nmembers = 5\n");
        for lookup in other.live.objects.values_mut() {
            if let Lookup::Found(object) = lookup {
                object.body = shuffled(&object.body, seed);
            }
        }
        prop_assert_eq!(world.plan().digest, other.plan().digest);
    }

    #[test]
    fn no_part_of_a_saved_plan_is_taken_for_a_whole_one(cut in 0.0..1.0f64, letter in any::<char>()) {
        let text = saved(&World::founded()).text();
        let at = (text.len() as f64 * cut) as usize;
        let Some((before, after)) = text.split_at_checked(at) else { return Ok(()) };
        prop_assert!(Saved::read(before).is_err());
        let Some(old) = after.chars().next() else { return Ok(()) };
        let edited = format!("{before}{letter}{}", &after[old.len_utf8()..]);
        // White space between tokens means nothing.
        let same = serde_json::from_str::<Value>(&edited).ok() == serde_json::from_str::<Value>(&text).ok();
        prop_assert!(same || Saved::read(&edited).is_err());
    }
}
