//! A plan against a recording is the plan from the cluster: its changes, steps
//! and reasons, in every world of these tests.

use etcdctl_stack::{
    field::OURS,
    object::{Kind, Object, ObjectKey},
    observed::{Lookup, Members},
    plan::{Action, Against, Change, Plan, Source, Verb, offline, predict},
    recording::{Recording, Unreadable},
};
use serde_json::{Map, Value, json};

use crate::worlds::{NOW, World, reasons, titles};

/// What was recorded of a world.
fn recorded(world: &World) -> Result<Recording, Vec<String>> {
    let stack = &world.desired.stack;
    let mut live = world.live.clone();
    for object in live.objects.values_mut() {
        if let Lookup::Found(object) = object {
            owned(&mut object.body);
        }
    }
    Recording::of(&stack.name, &stack.namespace, &live, &world.members)
}

/// Says that all of an object is ours, where nothing says whose it is: so the
/// worlds' own API server takes it.
fn owned(body: &mut Value) {
    if body.pointer("/metadata/managedFields").is_none() {
        let set = fields("", body);
        body["metadata"]["managedFields"] =
            json!([{ "manager": OURS, "operation": "Apply", "fieldsV1": set }]);
    }
}

/// What an API server writes down of fields that somebody sets.
fn fields(name: &str, value: &Value) -> Value {
    let keys: &[&str] = match name {
        "containers" | "env" | "volumes" => &["name"],
        "volumeMounts" => &["mountPath"],
        "ports" if value[0].get("port").is_some() => &["port", "protocol"],
        "ports" => &["containerPort", "protocol"],
        _ => &[],
    };
    match value {
        Value::Object(fields_of) if name != "selector" => {
            let set = fields_of.iter().filter(|(field, _)| !["uid", "status"].contains(&field.as_str()));
            set.map(|(name, value)| (format!("f:{name}"), fields(name, value))).collect()
        }
        Value::Array(items) if !keys.is_empty() => {
            let item = |item: &Value| {
                let key: Map<String, Value> =
                    keys.iter().map(|key| ((*key).to_owned(), item[key].clone())).collect();
                let mut set = fields("", item);
                set["."] = json!({});
                (format!("k:{}", json!(key)), set)
            };
            items.iter().map(item).collect()
        }
        _ => json!({}),
    }
}

fn against(world: &World, recording: &Recording) -> Plan {
    let mut observed = recording.observed();
    observed.proposals = predict(&world.desired, &observed.live, &world.intent);
    let against = Against { file: "state/orders.json".into(), applied_at: recording.applied_at() };
    offline(&world.desired, &observed, &world.intent, NOW, against)
}

/// What the stack changes of each object.
fn changes(plan: &Plan) -> Vec<(&ObjectKey, Verb, Vec<Value>)> {
    let of_stack = |change: &Change| {
        let fields = change.fields.iter().filter(|field| field.source == Source::Stack);
        fields.map(|field| json!([field.path, field.before, field.after])).collect()
    };
    plan.changes.iter().map(|change| (&change.key, change.verb, of_stack(change))).collect()
}

fn actions(plan: &Plan) -> Vec<&Action> {
    plan.steps.iter().flat_map(|step| &step.actions).collect()
}

/// Whether a part of a world that a recording needs could not be read.
fn misses_something(world: &World) -> bool {
    let failed = |lookup: &Lookup<Object>| matches!(lookup, Lookup::Failed(_));
    matches!(world.members, Members::Failed(_))
        || matches!(world.live.pods, Lookup::Failed(_))
        || matches!(world.live.claims, Lookup::Failed(_))
        || matches!(world.live.journal, Lookup::Failed(_))
        || world.live.objects.values().any(failed)
}

/// A world's plan, which is the one against its recording as well, unless the
/// world depends on what nobody can predict or record.
#[track_caller]
pub fn agreed(world: &World, plan: Plan) -> Plan {
    let allowed = world.live.rights.iter().all(|right| right.allowed);
    // What else lives in a namespace is not recorded.
    let alone = world.intent.delete.iter().all(|one| one.kind != Kind::Namespace);
    if !(world.answers.is_empty() && allowed && alone) {
        return plan;
    }
    let Ok(recording) = recorded(world) else {
        assert!(misses_something(world), "a recording was refused of a world that was read");
        return plan;
    };
    let offline = against(world, &recording);
    assert_eq!(offline.digest, None);
    assert_eq!(changes(&offline), changes(&plan));
    assert_eq!((titles(&offline), actions(&offline)), (titles(&plan), actions(&plan)));
    assert_eq!(reasons(&offline), reasons(&plan));
    plan
}

#[test]
fn the_same_world_is_the_same_bytes_and_what_changes_by_itself_is_not_in_it() {
    let world = World::founded();
    let text = |world: &World| recorded(world).unwrap().text();
    let mut later = World::founded();
    for member in ["orders-0", "orders-1", "orders-2"] {
        let status = later.status(member);
        (status.raft_index, status.raft_term, status.db_size, status.revision) = (900, 7, 1 << 30, 800);
    }
    let names = later.desired.names.clone();
    for key in [names.stateful_set(), names.client_service()] {
        let body = later.body(&key);
        body["metadata"]["resourceVersion"] = json!("77");
        body["status"]["conditions"] = json!([{ "type": "Seen" }]);
    }
    later.claims()[0].version = "99".into();
    assert_eq!(text(&world), text(&later));
    let size = text(&world).len();
    assert!(size < 60_000, "{size}");
}

#[test]
fn what_is_written_is_read() {
    for world in [World::founded(), World::of(5, ""), World::with_namespace()] {
        let recording = recorded(&world).unwrap();
        assert_eq!(Recording::read(&recording.text()), Ok(recording));
    }
}

#[test]
fn what_could_not_be_read_is_not_recorded() {
    let mut world = World::founded();
    world.members = Members::Failed("no route".into());
    assert_eq!(recorded(&world), Err(vec!["the members cannot be asked: no route".to_owned()]));
}

#[test]
fn other_files_damaged_ones_and_later_formats_are_told_apart() {
    let text = recorded(&World::founded()).unwrap().text();
    let why = |text: &str| match Recording::read(text) {
        Ok(_) => "fine",
        Err(Unreadable::NotARecording(_)) => "another",
        Err(Unreadable::Damaged(_)) => "damaged",
        Err(Unreadable::Newer(_)) => "newer",
    };
    let cut = &text[..text.len() / 2];
    let version = |version: &str| {
        text.replace("\"format_version\": \"1.0\"", &format!("\"format_version\": \"{version}\""))
    };
    let merged = text.replacen("\n  ", "\n<<<<<<< HEAD\n  ", 1);
    let without = text.replace("\"pods\":", "\"pots\":");
    for (text, wanted) in [
        (text.as_str(), "fine"),
        ("[stack]\nname = \"orders\"", "another"),
        ("{}", "another"),
        (&version("1.0").replacen('{', "{ \"resource_changes\": [],", 1), "another"),
        (cut, "damaged"),
        (&merged, "damaged"),
        (&without, "damaged"),
        (&version("2.0"), "newer"),
        (&version("1.7").replace("\"pods\":", "\"pots\":"), "newer"),
        (&version("1.7"), "fine"),
    ] {
        assert_eq!(why(text), wanted);
    }
}
