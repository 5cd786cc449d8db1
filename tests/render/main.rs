//! Whole output: plans, runs and clusters made by hand, as a person sees them
//! at a hundred columns and at forty, and as a program reads them.

mod adoptions;
mod clusters;
mod costs;
mod drifts;
mod ending;
mod foreign;
mod headers;
mod histories;
mod hostile;
mod judge;
mod markdowns;
mod mismatches;
mod owners;
mod pictures;
mod plans;
mod policies;
mod reasons;
mod remade;
mod runs;
mod schemas;
mod sources;
mod statuses;
mod summaries;
mod worlds;

#[path = "../schema/valid.rs"]
mod valid;

use std::sync::LazyLock;

use etcdctl_stack::{
    plan::Plan,
    render::{self, About, Style},
};
use serde_json::Value;

const WIDE: Style = Style { color: false, width: 100 };
const NARROW: Style = Style { color: false, width: 40 };

/// A plan for programs, as the published schema says.
#[track_caller]
fn json(plan: &Plan, about: About<'_>) -> Value {
    let json = render::json(plan, about);
    valid::plan(&json);
    json
}

/// A line of a stream is as the published schema says.
#[track_caller]
fn event(line: &Value) {
    static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| valid::strict(render::events_schema()));
    valid::conforms(&SCHEMA, line);
}

/// Compares line by line what is shown, and prints all of it when it differs.
#[track_caller]
fn shows(actual: &str, expected: &str) {
    assert!(actual == expected, "\n--- shown\n{actual}\n--- expected\n{expected}");
}

/// No line is wider than the terminal, but for a name that is nearly as wide
/// and a command to copy.
#[track_caller]
fn fits(text: &str, width: usize) {
    let may_be_wide = |line: &str| {
        line.contains("etcdctl-stack apply ") || line.split(' ').any(|word| word.chars().count() > width - 10)
    };
    let wide: Vec<&str> =
        text.lines().filter(|line| line.chars().count() > width && !may_be_wide(line)).collect();
    assert!(wide.is_empty(), "wider than {width}:\n{}", wide.join("\n"));
}
