//! What others set in the stack's objects, and keep, or lose where an object is
//! made anew.

use std::fmt::Write as _;

use super::{
    json::{ForeignField, Severity},
    style::{Style, count},
};
use crate::plan::{Foreign, Plan};

/// Every field that is somebody else's, two lines each. Those for which the
/// plan stops are told among the reasons.
pub fn kept(plan: &Plan, style: Style) -> String {
    let lines: String = stays(plan).map(|one| lines(one, style)).collect();
    match lines.is_empty() {
        true => lines,
        false => format!("{}\n{lines}\n", style.bold("Not managed by this stack")),
    }
}

fn lines(one: &Foreign, style: Style) -> String {
    let Foreign { key, field, manager, time, tolerated, lost, .. } = one;
    let first = format!("  {} {key}  ", style.mind("!"));
    let who = crate::field::who(manager, None, time.as_deref());
    let kept = match (lost, tolerated) {
        (true, _) => "lost: the object is made anew without it",
        (_, true) => "left to them by the stack file",
        (_, false) => "kept",
    };
    let mut text = style.wrap(&first, 6, field);
    let _infallible = write!(text, "\n{}\n", style.wrap("      ", 8, &format!("set by {who}; {kept}")));
    text
}

/// The same as a number; `None` where there are none.
pub fn counted(plan: &Plan) -> Option<String> {
    let verb = |number| if number == 1 { "is" } else { "are" };
    let number = stays(plan).count();
    let fields = count(number, "field");
    (number > 0).then(|| format!("{fields} set by others {} kept (-v lists {}).", verb(number), them(number)))
}

fn them(number: usize) -> &'static str {
    if number == 1 { "it" } else { "them" }
}

/// Those for which the plan does not stop.
pub fn stays(plan: &Plan) -> impl Iterator<Item = &Foreign> {
    plan.foreign.iter().filter(|one| !one.blocks())
}

/// One for a program, among them those for which the plan stops.
pub fn json(one: &Foreign) -> ForeignField {
    let Foreign { key, field, path, manager, operation, time, value, tolerated, lost, danger, .. } =
        one.clone();
    let severity = match (&danger, tolerated) {
        (Some(_), false) => Severity::Error,
        (Some(_), true) => Severity::Warning,
        (None, _) => Severity::Info,
    };
    let (address, take) = (key.to_string(), one.owned().to_string());
    ForeignField {
        address,
        field,
        path,
        manager,
        operation,
        time,
        value,
        tolerated,
        lost,
        severity,
        meaning: danger,
        take,
    }
}
