//! Showing it: values in, text out. Nothing here prints, and nothing here
//! reaches the network.

mod event;
mod json;
mod plan;
mod status;
mod style;

pub use event::{event, report, report_json};
pub use json::json;
pub use plan::{counting_line, plan};
pub use status::status;
pub use style::Style;
