//! The table of defaults: what a server without policies fills in, no more and
//! no less. `UPDATE=1` writes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use etcdctl_stack::{
    desired::{Desired, desired},
    field,
    observed::{Proposal, Question},
    stack::parse_and_check,
};
use serde_json::{Value, json};

use crate::space::{Space, cluster, kubectl, live};

const STACKS: [(&str, &str); 4] = [
    ("production", include_str!("../../stacks/production.toml")),
    ("quickstart", include_str!("../../stacks/quickstart.toml")),
    ("single", include_str!("../../stacks/single.toml")),
    ("full", include_str!("full.toml")),
];

/// Fields that differ with each object, or that the server chooses.
const VOLATILE: [&str; 12] = [
    "metadata.creationTimestamp",
    "metadata.generation",
    "metadata.managedFields",
    "metadata.resourceVersion",
    "metadata.uid",
    "spec.clusterIP",
    "spec.clusterIPs",
    "spec.healthCheckNodePort",
    "spec.ipFamilies",
    "spec.ports[].nodePort",
    "status",
    "metadata.selfLink",
];

/// By kind and path, every value that the server filled in.
type Kinds = BTreeMap<String, BTreeMap<String, Vec<Value>>>;

fn stack(text: &str, namespace: &str) -> Desired {
    let mut text = text.replace("context = \"production\"\n", "");
    let line = text.lines().find(|line| line.starts_with("namespace = ")).expect("a namespace").to_owned();
    text = text.replace(&line, &format!("namespace = \"{namespace}\""));
    desired(&parse_and_check("stack.toml", &text).expect("a good file").stack)
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn the_table_of_defaults_is_what_the_server_fills_in() {
    let space = Space::new("defaults");
    let reader = cluster().await.reader();
    let mut found = Kinds::new();
    for (name, text) in STACKS {
        let desired = stack(text, &space.namespace);
        let objects = desired.objects().into_iter().filter(|object| object.key != desired.namespace.key);
        let questions: Vec<Question> = objects.map(|object| Question { object: object.clone() }).collect();
        for (key, answer) in reader.ask(&questions).await {
            let Proposal::Accepted { object, .. } = answer else { panic!("{name}, {key}: {answer:?}") };
            collect(&object.body, found.entry(key.kind.to_string()).or_default());
        }
    }
    found.retain(|_, table| !table.is_empty());
    let minor = live(&reader, &space.stack()).await.unwrap().kubernetes.expect("a version");
    says_the_same(&minor, &found);
}

/// Compares with the file, or writes it.
fn says_the_same(minor: &str, found: &Kinds) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan/defaults.json");
    let text = fs::read_to_string(&file).expect("the table");
    let mut table: BTreeMap<String, Kinds> = serde_json::from_str(&text).expect("a table");
    if std::env::var("UPDATE").is_ok() {
        table.insert(minor.to_owned(), found.clone());
        let text = serde_json::to_string_pretty(&table).expect("JSON");
        fs::write(&file, format!("{text}\n")).expect("a writable folder");
        return;
    }
    // A cluster of one's own may be of a version that nobody has asked yet.
    let Some(known) = table.get(minor) else { return };
    assert_eq!(known, found, "UPDATE=1 writes {}", file.display());
}

#[test]
fn what_is_volatile_is_known_to_be() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan/defaults.rs")).unwrap();
    let chosen = VOLATILE.iter().filter(|path| path.starts_with("spec"));
    assert!(chosen.clone().all(|path| text.contains(&format!("\"{path}\""))), "{VOLATILE:?}");
}

/// Every field that nobody owns, by its path with all list items alike.
fn collect(body: &Value, table: &mut BTreeMap<String, Vec<Value>>) {
    let owners = field::owners(body);
    let owned: BTreeSet<String> =
        owners.iter().flat_map(|owner| owner.leaves()).filter_map(|path| path.pointer(body)).collect();
    let mut todo = vec![(String::new(), String::new(), body)];
    while let Some((pointer, path, value)) = todo.pop() {
        if VOLATILE.contains(&path.as_str()) || covers(&owned, &pointer) {
            continue;
        }
        match value {
            Value::Object(fields) if !fields.is_empty() => todo.extend(fields.iter().map(|(name, value)| {
                let dot = if path.is_empty() { "" } else { "." };
                let token = name.replace('~', "~0").replace('/', "~1");
                (format!("{pointer}/{token}"), format!("{path}{dot}{name}"), value)
            })),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let item = |(index, item)| (format!("{pointer}/{index}"), format!("{path}[]"), item);
                todo.extend(items.iter().enumerate().map(item));
            }
            _ if is_identity(&path) => {}
            leaf => {
                let values = table.entry(path).or_default();
                if !values.contains(leaf) {
                    values.push(leaf.clone());
                    values.sort_by_key(Value::to_string);
                }
            }
        }
    }
}

/// Whether somebody owns this place, or what it is a part of.
fn covers(owned: &BTreeSet<String>, pointer: &str) -> bool {
    owned.iter().any(|one| {
        pointer.strip_prefix(one.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Managers are not noted for what names an object.
fn is_identity(path: &str) -> bool {
    ["apiVersion", "kind", "metadata.name", "metadata.namespace"].contains(&path)
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn the_server_says_its_version() {
    let space = Space::new("version");
    let version: Value = serde_json::from_str(&kubectl(&["get", "--raw", "/version"])).expect("JSON");
    let minor = live(&cluster().await.reader(), &space.stack()).await.unwrap().kubernetes;
    assert_eq!(json!(minor), json!(format!("1.{}", version["minor"].as_str().expect("a number"))));
}
