//! Showing it: values in, text out. Nothing here prints, and nothing here
//! reaches the network.
//!
//! ```text
//! plan     a plan for a person: diff (objects), field (of an object), steps
//! summary  several plans, a line each
//! json     a plan for a program
//! foreign  fields that others set, and keep
//! mismatch why a plan is not the one that was approved
//! danger   how dangerous a plan is, for the order of several
//! cost     what a plan costs, in words
//! drift    what others changed since the last apply
//! history  past runs, and who holds the lock
//! event    a run, line by line, and its end
//! stream   a run for a program
//! status   a cluster as it is
//! markdown plans for a comment or a summary, within a limit
//! asked    what was asked for, as flags
//! style    colour, width, numbers
//! ```

mod asked;
mod cost;
mod danger;
mod diff;
mod drift;
mod event;
mod field;
mod foreign;
mod history;
mod json;
mod markdown;
mod mismatch;
mod plan;
mod status;
mod steps;
mod stream;
mod style;
mod summary;

pub use asked::asked;
pub use drift::{drift, drift_json, json_without_drift};
pub use event::{event, report};
pub use history::history;
pub use json::{json, json_without_plan, schema};
pub use markdown::{Limit, Links, Markdown, News, Told, Unit, by_danger, markdown};
pub use mismatch::mismatch;
pub use plan::{About, Detail, Hint, View, plan, reasons};
pub use status::status;
pub use stream::{
    Lock, event_json, events_schema, lock_json, planned_json, report_json, stopped_json, version_json,
};
pub use style::{Style, count, plain, quoted, target, when};
pub use summary::summary;
