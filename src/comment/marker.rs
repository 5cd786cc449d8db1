//! The first line of a comment, which nobody sees: by it and by its author a
//! comment is found again, and by its time an older run is known.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What stands before and after the JSON of a marker.
const BEFORE: &str = "<!-- etcdctl-stack:comment v1 ";
const AFTER: &str = " -->";

/// Which comment it is, and what wrote it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Tells it from the other comments of this tool on the same request.
    pub name: String,
    /// The stacks in it.
    pub stacks: Vec<Mentioned>,
    /// The commit that was planned.
    pub head: Option<String>,
    /// The commit that it is to be merged into.
    pub base: Option<String>,
    /// When its plans were made.
    pub run: Timestamp,
    /// Which attempt of that run.
    pub attempt: u32,
    /// Whether something was left out.
    pub truncated: bool,
}

/// A stack in a comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mentioned {
    /// The stack file, as it was named.
    pub file: String,
    /// Its name; `None` where the file says none.
    pub stack: Option<String>,
    /// Context and namespace: `prod-eu/etcd-orders`.
    pub target: Option<String>,
    /// The whole digest; `None` where nothing can be approved.
    pub plan: Option<String>,
}

impl Marker {
    /// As the first line of a comment, without its end. Nothing in it can end
    /// the HTML comment that it is.
    pub fn line(&self) -> String {
        let json = json!(self).to_string();
        // Within JSON these stand only in strings, where an escape means the same.
        let json = json.replace("--", "-\\u002d").replace('<', "\\u003c").replace('>', "\\u003e");
        format!("{BEFORE}{json}{AFTER}")
    }

    /// Reads the first line of a comment; `None` where there is no marker.
    pub fn read(comment: &str) -> Option<Self> {
        let line = comment.lines().next()?.trim_end();
        serde_json::from_str(line.strip_prefix(BEFORE)?.strip_suffix(AFTER)?).ok()
    }

    /// Whether its run is newer than that of another one.
    pub fn is_newer_than(&self, other: &Marker) -> bool {
        (self.run, self.attempt) > (other.run, other.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_marker_ends_it() {
        let marker = Marker {
            name: "--> <b>--- @all\n".into(),
            stacks: vec![Mentioned {
                file: "a--><!--.toml".into(),
                stack: Some("orders".into()),
                target: Some("prod--eu/etcd-orders".into()),
                plan: Some("7f3a".into()),
            }],
            head: Some("41d9e0a".into()),
            base: None,
            run: Timestamp::UNIX_EPOCH,
            attempt: 2,
            truncated: false,
        };
        let line = marker.line();
        let inside = line.strip_prefix("<!--").and_then(|line| line.strip_suffix("-->")).unwrap();
        assert!(!inside.contains("--") && !inside.contains(['<', '>', '\n']), "{line}");
        assert_eq!(Marker::read(&format!("{line}\r\n### text")), Some(marker));
        assert_eq!(Marker::read("### text"), None);
    }
}
