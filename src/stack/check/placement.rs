//! `[placement]`: where pods may run.

use std::collections::BTreeMap;

use crate::stack::{
    Placement, Spread,
    file::PlacementSection,
    finding::Finder,
    kubernetes::{LabelSelector, Toleration, TopologySpread, canonical},
    places::join,
    syntax,
};

use super::{Texts, text};

const ZONE: &str = "topology.kubernetes.io/zone";

pub(super) fn placement(stack: &str, section: PlacementSection, f: &mut Finder) -> Placement {
    let PlacementSection {
        nodes,
        zones,
        node_selector,
        tolerations,
        affinity,
        priority_class,
        topology_spread,
    } = section;
    let (tolerations, spreads) = (tolerations.unwrap_or_default(), topology_spread.unwrap_or_default());
    let zones = zones.unwrap_or(Spread::Preferred);
    let node_selector = node_selector.unwrap_or_default();
    selector(f, "placement.node_selector", &node_selector);
    if let Some(class) = &priority_class {
        text(f, "placement.priority_class", class, "the name of a PriorityClass", syntax::dns_subdomain);
    }
    for (index, toleration) in tolerations.iter().enumerate() {
        self::toleration(f, &format!("placement.tolerations[{index}]"), toleration);
    }
    for (index, spread) in spreads.iter().enumerate() {
        topology(f, &format!("placement.topology_spread[{index}]"), spread, &spreads[..index], zones);
    }
    let by_affinity = affinity.is_some();
    if by_affinity && nodes.is_some_and(|nodes| nodes != Spread::Off) {
        f.error(
            "stack::contradiction",
            "placement.nodes",
            "`placement.affinity` takes the place of `placement.nodes`",
        )
        .label("has no effect")
        .help("leave `nodes` out, and write its rule into `affinity` when it is wanted");
    }
    Placement {
        nodes: nodes.unwrap_or(if by_affinity { Spread::Off } else { Spread::Required }),
        zones,
        node_selector,
        tolerations: tolerations.iter().map(canonical).collect(),
        affinity: affinity.as_ref().map(canonical),
        priority_class,
        topology_spread: spreads.into_iter().map(|spread| canonical(&counted(stack, spread))).collect(),
    }
}

fn selector(f: &mut Finder, table: &str, texts: &Texts) {
    for (name, value) in texts {
        let key = join(table, name);
        if let Err(reason) = syntax::label_key(name) {
            f.key_error("stack::bad_text", &key, format!("`{name}` is not the key of a label")).label(reason);
        }
        if let Err(reason) = syntax::label_value(value) {
            f.error("stack::bad_text", &key, format!("`{key}` is not the value of a label")).label(reason);
        }
    }
}

/// The API server's own rules, so that they are told with a place.
fn toleration(f: &mut Finder, path: &str, toleration: &Toleration) {
    let Toleration { key, operator, value, effect, toleration_seconds } = toleration;
    let exists = operator.as_deref() == Some("Exists");
    if key.as_deref().unwrap_or_default().is_empty() && !exists {
        f.error(
            "stack::contradiction",
            path,
            format!("`{path}` has no `key` and its `operator` is not `Exists`"),
        )
        .label("tolerates nothing")
        .help("add `key`, or `operator = \"Exists\"` to tolerate every taint");
    }
    if exists && value.as_deref().is_some_and(|value| !value.is_empty()) {
        f.error(
            "stack::contradiction",
            &format!("{path}.value"),
            format!("`{path}` has a `value` beside `Exists`"),
        )
        .label("never compared")
        .help("leave `value` out, or use the operator `Equal`");
    }
    if toleration_seconds.is_some() && effect.as_deref() != Some("NoExecute") {
        let key = format!("{path}.tolerationSeconds");
        f.error(
            "stack::contradiction",
            &key,
            format!("`{key}` has a meaning only for the effect `NoExecute`"),
        )
        .label("only `NoExecute` evicts")
        .help("leave it out, or set `effect = \"NoExecute\"`");
    }
}

/// The API server refuses two rules with the same key and the same answer.
fn topology(f: &mut Finder, path: &str, spread: &TopologySpread, earlier: &[TopologySpread], zones: Spread) {
    let same = |other: &TopologySpread| {
        other.topology_key == spread.topology_key && other.when_unsatisfiable == spread.when_unsatisfiable
    };
    if earlier.iter().any(same) {
        f.error(
            "stack::duplicate",
            path,
            format!("`{path}` repeats a `topologyKey` and its `whenUnsatisfiable`"),
        )
        .label("the second one");
    }
    let ours = match zones {
        Spread::Required => "DoNotSchedule",
        Spread::Preferred => "ScheduleAnyway",
        Spread::Off => return,
    };
    let clash =
        spread.topology_key.as_deref() == Some(ZONE) && spread.when_unsatisfiable.as_deref() == Some(ours);
    if clash && f.right(&["placement.zones"]) {
        f.error(
            "stack::contradiction",
            path,
            format!("`{path}` is a rule that `placement.zones` makes already"),
        )
        .label("two rules for zones")
        .help("set `zones = \"off\"` under `[placement]`");
    }
}

/// A rule without a selector would count no pod at all; it means the members.
fn counted(stack: &str, spread: TopologySpread) -> TopologySpread {
    let members = || LabelSelector {
        match_labels: Some(BTreeMap::from([("etcdctl-stack/stack".to_owned(), stack.to_owned())])),
        match_expressions: None,
    };
    TopologySpread { label_selector: Some(spread.label_selector.clone().unwrap_or_else(members)), ..spread }
}
