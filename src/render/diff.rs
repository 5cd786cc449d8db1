//! The objects of a plan: what is made, what changes, field by field.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    cost::{Deleted, badge, deleted},
    field::{fields, whole},
    plan::Detail,
    style::{Style, count, padded, visible},
};
use crate::{
    object::Kind,
    plan::{Change, Confidence, Plan, Verb, makers},
};

/// Every object that is not as wanted, and how many are.
pub fn objects(plan: &Plan, detail: Detail, style: Style) -> String {
    let deleted = deleted(plan);
    let nothing = plan.changes.is_empty() && deleted.is_empty();
    if nothing && (plan.unchanged.is_empty() || detail == Detail::Counted) {
        return String::new();
    }
    let mut text = format!("{}\n", style.bold("Objects"));
    let keys = plan.changes.iter().map(|change| &change.key).chain(deleted.iter().map(|claim| &claim.key));
    let longest = keys.map(|key| key.to_string().chars().count()).max().unwrap_or(0);
    // Beside the names where all of them leave room, or else below each.
    let column = Some(longest).filter(|longest| longest + 15 <= style.width);
    for change in &plan.changes {
        let badge = badge(plan, change);
        text.push_str(&object(change, &badge, column, detail, style));
    }
    for claim in &deleted {
        text.push_str(&gone(claim, column, style));
    }
    text.push_str(&summed_up(plan, detail, style));
    if !plan.unchanged.is_empty() {
        let names: Vec<String> = plan.unchanged.iter().map(ToString::to_string).collect();
        let line = if detail >= Detail::Listed { names.join(", ") } else { "-v lists them".to_owned() };
        let line = format!("{} unchanged: {line}", count(plan.unchanged.len(), "object"));
        let _infallible = writeln!(text, "{}", style.wrap("    ", 6, &line));
    }
    text.push('\n');
    text
}

/// How many new objects are told by a few facts alone.
fn summed_up(plan: &Plan, detail: Detail, style: Style) -> String {
    let made = plan.with(Verb::Create);
    if made == 0 || detail == Detail::Whole {
        return String::new();
    }
    let line = format!("{} summed up: -vv shows them whole", count(made, "new object"));
    format!("{}\n", style.wrap("    ", 6, &line))
}

/// A claim whose data goes.
fn gone(claim: &Deleted, column: Option<usize>, style: Style) -> String {
    let Deleted { key, made_anew } = claim;
    let (symbol, after) = if *made_anew { ("±", ", made anew, empty") } else { ("-", "") };
    let (symbol, fate) = (style.bad(symbol), style.bad("DATA DELETED"));
    match column {
        Some(column) => {
            let first = format!("  {symbol} {}  {fate}", padded(&key.to_string(), column));
            format!("{}\n", style.wrap(&first, 6, after))
        }
        None => format!("  {symbol} {key}\n{}\n", style.wrap(&format!("      {fate}"), 6, after)),
    }
}

fn object(change: &Change, badge: &str, column: Option<usize>, detail: Detail, style: Style) -> String {
    let Change { key, verb, confidence, before: _, after, wanted, fields: _, notes, adopting } = change;
    let symbol = match verb {
        Verb::Create => style.good("+"),
        Verb::Update => style.mind("~"),
        Verb::Adopt => style.mind("^"),
        Verb::Delete => style.bad("-"),
        Verb::Recreate => style.mind("±"),
        Verb::Release => style.mind("~"),
    };
    let sure = match (verb, confidence) {
        (Verb::Delete, _) => style.bad("deleted"),
        (Verb::Release, _) => style.mind("handed over"),
        (_, Confidence::Verified) => style.dim("verified"),
        (_, Confidence::Predicted) => style.dim("predicted"),
    };
    let sure = match verb {
        Verb::Adopt => format!("adopted from {}, {sure}", makers(adopting)),
        Verb::Create | Verb::Update | Verb::Recreate | Verb::Delete | Verb::Release => sure,
    };
    let mut text = match column {
        Some(column) => format!("  {symbol} {}  {sure}", padded(&key.to_string(), column)),
        None => format!("  {symbol} {key}\n      {sure}"),
    };
    text.push_str(&beside(&text, badge, style));
    text.push('\n');
    let described = match verb {
        // With a note it is made again, for members that there are.
        Verb::Create if key.kind == Kind::StatefulSet && !notes.is_empty() => {
            stateful_set(after, detail).into_iter().filter(|fact| fact.name != "replicas").collect()
        }
        Verb::Create => describe(key.kind, after, detail),
        Verb::Update | Verb::Recreate | Verb::Adopt | Verb::Delete | Verb::Release => Vec::new(),
    };
    for Fact { name, value } in described {
        let name = if name.is_empty() { String::new() } else { format!("{name:<11}") };
        let indent = if style.width < 60 { 8 } else { 6 + name.len().max(2) };
        let _infallible = writeln!(text, "{}", style.wrap(&format!("      {name}"), indent, &value));
    }
    for note in notes {
        let _infallible = writeln!(text, "{}", style.wrap("      ", 8, note));
    }
    text.push_str(&fields(change, detail, style));
    if detail == Detail::Whole {
        text.push_str(&format!("      whole:\n{}", whole(wanted, 8, style)));
    }
    text
}

/// A badge behind the last line, or below it where it does not fit.
fn beside(text: &str, badge: &str, style: Style) -> String {
    let last = text.lines().last().map_or(0, visible);
    match visible(badge) {
        0 => String::new(),
        width if last + 2 + width <= style.width => format!("  {}", style.mind(badge)),
        _ => format!("\n{}", style.wrap("      ", 8, badge)),
    }
}

/// One line of what a reviewer wants to know of an object that is made.
pub struct Fact {
    /// What it is; empty where the value says that.
    pub name: &'static str,
    /// In words.
    pub value: String,
}

fn fact(name: &'static str, value: String) -> Fact {
    Fact { name, value }
}

/// What is told of an object that is made.
pub fn describe(kind: Kind, body: &Value, detail: Detail) -> Vec<Fact> {
    match kind {
        Kind::Service => vec![fact("", service(body))],
        Kind::PodDisruptionBudget => {
            vec![fact("", budget(&body["spec"]["minAvailable"]))]
        }
        Kind::ConfigMap => {
            vec![fact("", "bootstrap list, sealed in the end; token known after apply".into())]
        }
        Kind::StatefulSet => stateful_set(body, detail),
        _ => Vec::new(),
    }
}

fn budget(available: &Value) -> String {
    match available.as_u64() {
        Some(1) => "at least 1 member stays up".to_owned(),
        _ => format!("at least {} members stay up", text(available)),
    }
}

fn service(body: &Value) -> String {
    let spec = &body["spec"];
    let kind = if spec["clusterIP"] == "None" {
        "headless".to_owned()
    } else {
        spec["type"].as_str().unwrap_or("ClusterIP").to_owned()
    };
    let ports = items(&spec["ports"]).map(|port| format!("{} {}", text(&port["name"]), text(&port["port"])));
    std::iter::once(kind).chain(ports).collect::<Vec<_>>().join(", ")
}

fn stateful_set(body: &Value, detail: Detail) -> Vec<Fact> {
    let spec = &body["spec"];
    let container = &spec["template"]["spec"]["containers"][0];
    let resources = &container["resources"];
    vec![
        fact("replicas", replicas(spec)),
        fact("image", text(&container["image"])),
        fact(
            "resources",
            format!("{} (limit {})", amounts(&resources["requests"]), amounts(&resources["limits"])),
        ),
        fact("storage", storage(spec)),
        fact("args", arguments(container, detail)),
    ]
}

fn replicas(spec: &Value) -> String {
    let how = if spec["replicas"] == 1 { "" } else { ", raised one by one as members join" };
    format!("{}{how}", text(&spec["replicas"]))
}

fn storage(spec: &Value) -> String {
    let claim = &spec["volumeClaimTemplates"][0]["spec"];
    let class = match claim["storageClassName"].as_str() {
        None => "default class".to_owned(),
        Some("") => "no class".to_owned(),
        Some(name) => format!("class {name}"),
    };
    let retention = &spec["persistentVolumeClaimRetentionPolicy"];
    let kept = if retention["whenDeleted"] == "Retain" && retention["whenScaled"] == "Retain" {
        ", kept on deletion"
    } else {
        ""
    };
    format!("{} each, {class}{kept}", text(&claim["resources"]["requests"]["storage"]))
}

/// The arguments that a reviewer asks about, and how many there are besides.
fn arguments(container: &Value, detail: Detail) -> String {
    const TELLING: [&str; 4] =
        ["--quota-backend-bytes", "--auto-compaction-retention", "--feature-gates", "--experimental"];
    let all: Vec<&str> = items(&container["args"]).filter_map(Value::as_str).collect();
    if detail >= Detail::Listed {
        return all.join(" ");
    }
    let told: Vec<&str> =
        all.iter().copied().filter(|one| TELLING.iter().any(|flag| one.starts_with(flag))).collect();
    match all.len() - told.len() {
        0 => told.join(" "),
        more if told.is_empty() => format!("{more}, -v lists them"),
        more => format!("{} and {more} more, -v lists them", told.join(" ")),
    }
}

fn amounts(table: &Value) -> String {
    let all = table.as_object().into_iter().flatten();
    let all: Vec<String> = all.map(|(name, amount)| format!("{name} {}", text(amount))).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
