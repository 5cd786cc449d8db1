//! The bootstrap ConfigMap: what an etcd process without data is told.
//!
//! In steady state it is **sealed**: a list in which no pod finds itself.
//! A pod with its data never parses the list. A pod that lost its volume exits
//! at once with "couldn't find local name" instead of forming an empty
//! cluster, or coming back under its old id with its vote forgotten.
//!
//! A **window** is the only other state: one founder or one joiner finds its
//! own name in the list; every other member is there under the name
//! `sealed.<ordinal>`, which etcd accepts because it matches members by URL,
//! and which no pod of a StatefulSet has. A voter that loses its volume while
//! the window is open stays out as well.

use serde_json::json;

use super::{Names, labels};
use crate::{object::Object, stack::Stack};

/// The list of a sealed cluster.
const SEALED: &str = "sealed=https://sealed.invalid:2380";

/// Who may start without data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// Nobody.
    Sealed,
    /// Ordinal 0, as the first and only member.
    Founding,
    /// One ordinal, as a learner of a cluster whose members are these.
    Joining {
        /// The joiner.
        ordinal: usize,
        /// Every member that etcd lists, the joiner among them, by ordinal.
        members: Vec<usize>,
    },
}

/// The ConfigMap that opens or seals, without the token.
pub fn window(stack: &Stack, names: &Names, window: &Window) -> Object {
    let (list, state) = match window {
        Window::Sealed => (SEALED.to_owned(), "existing"),
        Window::Founding => (format!("{}={}", names.member(0), names.peer_url(0)), "new"),
        Window::Joining { ordinal, members } => (join_list(names, *ordinal, members), "existing"),
    };
    let mut data = json!({ "initial-cluster": list, "initial-cluster-state": state });
    if let Some(token) = &stack.token {
        data["initial-cluster-token"] = json!(token);
    }
    labels::object(stack, names, names.bootstrap(), json!({ "data": data }))
}

/// The ConfigMap of steady state.
pub fn sealed(stack: &Stack, names: &Names) -> Object {
    window(stack, names, &Window::Sealed)
}

impl Window {
    /// Reads back which window a live ConfigMap holds open; `None` for a list
    /// that no version of this tool writes.
    pub fn read(names: &Names, object: &Object) -> Option<Window> {
        let data = object.body.get("data")?;
        let list = data.get("initial-cluster")?.as_str()?;
        let state = data.get("initial-cluster-state")?.as_str()?;
        if state == "existing" && list == SEALED {
            return Some(Window::Sealed);
        }
        if state == "new" && list == format!("{}={}", names.member(0), names.peer_url(0)) {
            return Some(Window::Founding);
        }
        let entries: Vec<(&str, &str)> =
            list.split(',').map(|entry| entry.split_once('=')).collect::<Option<_>>()?;
        let members: Vec<usize> =
            entries.iter().map(|(_, url)| names.ordinal_of(url)).collect::<Option<_>>()?;
        let joins = |ordinal: &&usize| entries.iter().any(|(name, _)| *name == names.member(**ordinal));
        let ordinal = *members.iter().find(joins)?;
        (state == "existing" && list == join_list(names, ordinal, &members))
            .then_some(Window::Joining { ordinal, members })
    }
}

fn join_list(names: &Names, joiner: usize, members: &[usize]) -> String {
    let entry = |ordinal: &usize| {
        let name = if *ordinal == joiner { names.member(joiner) } else { format!("sealed.{ordinal}") };
        format!("{name}={}", names.peer_url(*ordinal))
    };
    members.iter().map(entry).collect::<Vec<_>>().join(",")
}
