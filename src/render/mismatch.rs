//! Why a plan is not the one that was approved.

use std::fmt::Write as _;

use super::style::Style;
use crate::{
    plan::Plan,
    report::{Approved, Differing},
};

/// What differs, planned beside now; where only the digest is known, in which
/// parts.
pub fn mismatch(approved: Approved<'_>, now: &Plan, style: Style) -> String {
    let mut text = String::new();
    let differing = approved.differing(now);
    for Differing { about, approved, now } in &differing {
        let _infallible = writeln!(text, "{}", style.wrap(&format!("  {} ", style.mind("~")), 4, about));
        for (label, words) in [("approved", approved), ("now", now)] {
            let label = style.dim(&format!("{label:<9}"));
            let _infallible = writeln!(text, "{}", style.wrap(&format!("      {label} "), 16, words));
        }
    }
    let parts: Vec<String> = approved.parts(now).iter().map(ToString::to_string).collect();
    if differing.is_empty() && !parts.is_empty() {
        let _infallible = writeln!(text, "{}", style.wrap("  differs: ", 11, &parts.join("; ")));
    }
    text
}
