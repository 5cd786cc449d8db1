//! `[tls.*]`: names in certificates, how long they are valid, users.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::stack::{
    ExtraNames, Tls, User,
    file::{NamesSection, TlsSection, UserSection, ValiditySection},
    finding::Finder,
    syntax,
};

use super::text;

pub(super) fn tls(stack: &str, section: TlsSection, f: &mut Finder) -> Tls {
    let TlsSection { server, peer, client, validity, users } = section;
    let ValiditySection { ca_days, leaf_days, renew_before_days } = validity.unwrap_or_default();
    let tls = Tls {
        server: names(f, "tls.server", server.unwrap_or_default()),
        peer: names(f, "tls.peer", peer.unwrap_or_default()),
        client: names(f, "tls.client", client.unwrap_or_default()),
        ca_days: ca_days.unwrap_or(3650),
        leaf_days: leaf_days.unwrap_or(365),
        renew_before_days: renew_before_days.unwrap_or(120),
        users: self::users(f, stack, users.unwrap_or_default()),
    };
    let days = |name: &'static str| -> String { format!("tls.validity.{name}") };
    less(f, (&days("renew_before_days"), tls.renew_before_days), (&days("leaf_days"), tls.leaf_days));
    less(f, (&days("leaf_days"), tls.leaf_days), (&days("ca_days"), tls.ca_days));
    tls
}

fn less(f: &mut Finder, (key, days): (&str, u32), (limit_key, limit): (&str, u32)) {
    if days < limit || !f.right(&[key, limit_key]) {
        return;
    }
    let blamed = if f.given(key) { key } else { limit_key };
    f.error(
        "stack::contradiction",
        blamed,
        format!("`{key}` is {days}, not less than `{limit_key}`, which is {limit}"),
    )
    .label(if blamed == key {
        format!("must be less than {limit}")
    } else {
        format!("must be more than {days}")
    })
    .help(format!("set both so that `{key}` < `{limit_key}`"));
}

fn names(f: &mut Finder, table: &str, section: NamesSection) -> ExtraNames {
    let NamesSection { extra_dns_names, extra_ip_addresses } = section;
    let mut names = ExtraNames::default();
    for (index, name) in extra_dns_names.into_iter().flatten().enumerate() {
        let key = format!("{table}.extra_dns_names[{index}]");
        text(f, &key, &name, "a DNS name", syntax::certificate_dns_name);
        names.dns_names.insert(name);
    }
    for (index, address) in extra_ip_addresses.into_iter().flatten().enumerate() {
        let key = format!("{table}.extra_ip_addresses[{index}]");
        match address.parse::<IpAddr>() {
            Ok(address) => {
                names.ip_addresses.insert(address);
            }
            Err(_) => {
                f.error("stack::bad_text", &key, format!("`{key}` is not an IP address"))
                    .label("neither IPv4 nor IPv6")
                    .help("a DNS name belongs into `extra_dns_names`");
            }
        }
    }
    names
}

fn users(f: &mut Finder, stack: &str, sections: Vec<UserSection>) -> Vec<User> {
    let (mut names, mut secrets) = (BTreeSet::new(), our_secrets(stack));
    let mut users = Vec::new();
    for (index, UserSection { name, secret }) in sections.into_iter().enumerate() {
        let Some(name) = name else { continue };
        let table = format!("tls.users[{index}]");
        user_name(f, &format!("{table}.name"), &name, &mut names);
        let user = User { secret: secret.unwrap_or_else(|| format!("{stack}-user-{name}")), name };
        user_secret(f, &table, &user, &mut secrets);
        users.push(user);
    }
    users
}

/// Names of Secrets, and whose they are.
fn our_secrets(stack: &str) -> BTreeMap<String, String> {
    ["client-ca", "peer-ca", "server", "peer-tls", "operator"]
        .into_iter()
        .map(|part| (format!("{stack}-{part}"), "the tool itself".to_owned()))
        .collect()
}

fn user_name(f: &mut Finder, key: &str, name: &str, names: &mut BTreeSet<String>) {
    if name == "root" {
        f.error("stack::reserved", key, "the user `root` is the operator's")
            .label("issued already")
            .help("leave it out, or choose another name");
    } else if name.chars().any(|c| c.is_control())
        || name.trim() != name
        || name.is_empty()
        || name.len() > 64
    {
        f.error("stack::bad_text", key, format!("`{key}` is not the common name of a certificate"))
            .label("1 to 64 bytes, without spaces at the ends");
    } else if !names.insert(name.to_owned()) {
        f.error("stack::duplicate", key, format!("the user `{name}` is there twice"))
            .label("the second one")
            .help("leave one of them out");
    }
}

fn user_secret(f: &mut Finder, table: &str, user: &User, secrets: &mut BTreeMap<String, String>) {
    let (key, name_key) = (format!("{table}.secret"), format!("{table}.name"));
    if !f.right(&["stack.name", &name_key]) {
        return;
    }
    let User { name, secret } = user;
    if let Err(reason) = syntax::dns_subdomain(secret) {
        let given = f.given(&key);
        let finding =
            f.error("stack::bad_text", &key, format!("{secret:?} is not the name of a Secret")).label(reason);
        if !given {
            finding.help(format!("set `secret` for the user `{name}`: its name does not fit into one"));
        }
    } else if let Some(owner) = secrets.insert(secret.clone(), format!("the user `{name}`")) {
        f.error("stack::duplicate", &key, format!("the Secret `{secret}` is that of {owner}"))
            .label("taken")
            .help("choose another name");
    }
}
