//! `[stack]` and `[cluster]`: names, sizes.

use std::collections::BTreeMap;

use crate::stack::{
    file::{ClusterSection, StackSection},
    finding::Finder,
    syntax,
};

use super::{annotations, labels, text};

type Texts = BTreeMap<String, String>;

/// What names of objects end in; a stack that ends so could take another's names.
const OURS: [&str; 9] = [
    "-peer",
    "-bootstrap",
    "-client-ca",
    "-peer-ca",
    "-server",
    "-peer-tls",
    "-operator",
    "-journal",
    "-lock",
];

pub(super) struct Names {
    pub name: String,
    pub namespace: String,
    pub create_namespace: bool,
    pub context: Option<String>,
    pub labels: Texts,
    pub annotations: Texts,
}

pub(super) fn stack(section: StackSection, f: &mut Finder) -> Names {
    let StackSection { name, namespace, create_namespace, context, labels: given, annotations: notes } =
        section;
    if let Some(name) = &name {
        stack_name(f, name);
    }
    if let Some(namespace) = &namespace {
        text(f, "stack.namespace", namespace, "the name of a namespace", |it| syntax::dns_label(it, 63));
    }
    if context.as_deref().is_some_and(str::is_empty) {
        f.error("stack::bad_text", "stack.context", "`stack.context` is empty")
            .label("no context has this name")
            .help("leave it out to use whichever context is current");
    }
    let names = Names {
        name: name.unwrap_or_default(),
        namespace: namespace.unwrap_or_default(),
        create_namespace: create_namespace.unwrap_or(true),
        context,
        labels: given.unwrap_or_default(),
        annotations: notes.unwrap_or_default(),
    };
    labels(f, "stack.labels", &names.labels, syntax::label_value);
    annotations(f, "stack.annotations", &names.annotations);
    names
}

fn stack_name(f: &mut Finder, name: &str) {
    let key = "stack.name";
    text(f, key, name, "the name of a stack", |it| syntax::dns_label(it, 40));
    if !f.right(&[key]) {
        return;
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        f.error("stack::bad_text", key, format!("`{key}` is not the name of a stack"))
            .label("must start with a letter, as names of Services do");
    }
    if let Some(suffix) = OURS.iter().find(|suffix| name.ends_with(*suffix)) {
        f.error("stack::reserved", key, format!("`{key}` must not end in `{suffix}`"))
            .label(format!("objects of a stack `{}` are called so", name.trim_end_matches(suffix)))
            .help("choose another name");
    }
}

pub(super) struct Size {
    pub members: u8,
    pub domain: String,
    pub token: Option<String>,
}

pub(super) fn cluster(section: ClusterSection, f: &mut Finder) -> Size {
    let ClusterSection { members, version: _, domain, token } = section;
    let members = members.unwrap_or(3);
    survives(f, members);
    if let Some(domain) = &domain {
        text(f, "cluster.domain", domain, "a DNS domain", syntax::dns_subdomain);
    }
    if let Some(token) = &token {
        text(f, "cluster.token", token, "a cluster token", printable);
    }
    Size { members, domain: domain.unwrap_or_else(|| "cluster.local".to_owned()), token }
}

/// Even numbers and 1 are legal, and rarely meant.
fn survives(f: &mut Finder, members: u8) {
    let key = "cluster.members";
    match members {
        1 => f
            .warning("stack::single_member", key, format!("`{key}` is 1, which survives no failure"))
            .label("every restart is an outage")
            .help("use 3 to survive 1 failure, 5 to survive 2"),
        2 => f
            .warning(
                "stack::even_members",
                key,
                format!("`{key}` is 2, which survives no failure, as 1 does"),
            )
            .label("either one's failure stops both")
            .help("use 3 to survive 1 failure"),
        even if even % 2 == 0 => {
            let failures = (even - 1) / 2;
            let plural = if failures == 1 { "" } else { "s" };
            let message =
                format!("`{key}` is {even}, which survives {failures} failure{plural}, as {} does", even - 1);
            f.warning("stack::even_members", key, message)
                .label("one more that can fail, and none more that may")
                .help(format!("use {} or {}", even - 1, even + 1))
        }
        _ => return,
    };
}

fn printable(text: &str) -> Result<(), String> {
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(c) => Err(syntax::not_allowed(c)),
        None if text.is_empty() || text.len() > 128 => {
            Err(format!("{} characters, not 1 to 128", text.len()))
        }
        None => Ok(()),
    }
}
