//! Plans as JSON and as Markdown. What only the reader of a stack file knows is
//! added here: the file's hash, the time, its warnings, and where the keys stand
//! that ask for a field.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    canonical::sha256_of_text,
    desired::keys,
    object::Kind,
    plan::Plan,
    render::{self, About, Limit, Links, Told},
    saved::Saved,
    stack::{Checked, Places, Position},
};

/// The JSON of a plan, with the warnings of its file.
pub fn json(plan: &Plan, about: About<'_>, text: &str, checked: &Checked, made_at: Timestamp) -> Value {
    let mut plan = render::json(plan, about);
    complete(&mut plan, text, &checked.places, made_at);
    if let Some(diagnostics) = plan["diagnostics"].as_array_mut() {
        diagnostics.extend(checked.warnings.iter().map(|warning| json!(warning)));
    }
    plan
}

/// Plans as Markdown that the summary of a step can take.
pub fn markdown(plans: &[Saved]) -> String {
    let told: Vec<Told<'_>> = plans.iter().map(|saved| Told { saved, news: None }).collect();
    render::markdown(&told, &Links::default(), Limit::STEP_SUMMARY).text
}

/// Completes the JSON of a plan.
fn complete(plan: &mut Value, text: &str, places: &Places, made_at: Timestamp) {
    plan["stack"]["sha256"] = json!(sha256_of_text(text));
    plan["timestamp"] = json!(made_at);
    for change in plan["resource_changes"].as_array_mut().into_iter().flatten() {
        let kind: Option<Kind> = change["kind"].as_str().and_then(|kind| kind.parse().ok());
        let fields = change["change"]["fields"].as_array_mut();
        for field in fields.into_iter().flatten().filter(|field| field["source"] == "stack") {
            let asked = kind.and_then(|kind| asked(kind, field["field"].as_str()?, places));
            field["key"] = json!(asked);
            field["span"] = json!(asked.and_then(|key| span(key, places)));
        }
    }
    for one in plan["diagnostics"].as_array_mut().into_iter().flatten() {
        if let Some(span) = one["key"].as_str().and_then(|key| span(key, places)) {
            one["span"] = span;
        }
    }
}

/// The one key in the file that asks for a field; `None` where several might.
fn asked(kind: Kind, field: &str, places: &Places) -> Option<&'static str> {
    let mut typed = keys(kind, field).iter().filter(|key| places.keys.contains_key(**key));
    typed.next().filter(|_| typed.next().is_none()).copied()
}

fn span(key: &str, places: &Places) -> Option<Value> {
    let Position { line, column, .. } = places.keys.get(key)?.position;
    Some(json!({ "file": places.file, "line": line, "column": column }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::parse_and_check;

    #[test]
    fn a_field_is_shown_where_the_file_asks_for_it() {
        let text = "[stack]\nname = \"orders\"\nnamespace = \"etcd\"\n[cluster]\nmembers = 5\n[image]\nrepository = \"example.com/etcd\"\ntag = \"v3.6.16\"\n";
        let places = parse_and_check("orders.toml", text).expect("a good file").places;
        let field = |field: &str, source: &str| json!({ "field": field, "source": source, "key": null, "span": null });
        let fields = [
            field("spec.replicas", "stack"),
            field("spec.template.spec.containers[etcd].image", "stack"),
            field("spec.replicas", "other"),
        ];
        let mut plan = json!({
            "stack": {},
            "resource_changes": [{ "kind": "StatefulSet", "change": { "fields": fields } }],
            "diagnostics": [{ "key": "cluster.members" }, { "key": "storage.size" }, {}],
        });
        complete(&mut plan, text, &places, Timestamp::UNIX_EPOCH);
        let span = json!({ "file": "orders.toml", "line": 5, "column": 11 });
        let fields = &plan["resource_changes"][0]["change"]["fields"];
        assert_eq!((&fields[0]["key"], &fields[0]["span"]), (&json!("cluster.members"), &span));
        // Two keys in the file might have asked for it.
        assert_eq!((&fields[1]["span"], &fields[2]["span"]), (&Value::Null, &Value::Null));
        assert_eq!(
            plan["diagnostics"],
            json!([{ "key": "cluster.members", "span": span }, { "key": "storage.size" }, {}])
        );
        assert_eq!(plan["timestamp"], "1970-01-01T00:00:00Z");
        assert_eq!(plan["stack"]["sha256"].as_str().map(str::len), Some(64));
    }
}
