//! What a single text may look like: names, labels, addresses, durations.
//!
//! Each function answers with the reason why a text is not what it should be.

use std::net::IpAddr;

/// A DNS label, RFC 1123: most names of Kubernetes.
pub(super) fn dns_label(text: &str, longest: usize) -> Result<(), String> {
    within(text, longest)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    only(text, "a-z, 0-9 and `-`", allowed)?;
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    edges(text, edge, "a lower-case letter or a digit")
}

/// DNS labels with dots between them: the other names of Kubernetes.
pub(super) fn dns_subdomain(text: &str) -> Result<(), String> {
    within(text, 253)?;
    text.split('.').try_for_each(|label| match label {
        "" => Err("two dots in a row, or one at an end".to_owned()),
        label => dns_label(label, 63),
    })
}

/// A name in a certificate; its first label may be `*`.
pub(super) fn certificate_dns_name(text: &str) -> Result<(), String> {
    if text.parse::<IpAddr>().is_ok() {
        return Err("an address, which belongs into `extra_ip_addresses`".to_owned());
    }
    dns_subdomain(text.strip_prefix("*.").unwrap_or(text))
}

/// The key of a label or annotation: `[prefix/]name`.
pub(super) fn label_key(text: &str) -> Result<(), String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if let Some(prefix) = prefix {
        dns_subdomain(prefix).map_err(|reason| format!("before the slash: {reason}"))?;
    }
    if name.contains('/') {
        return Err("only one `/` is allowed".to_owned());
    }
    label_text(name)
}

/// The value of a label: as a name in its key, or empty.
pub(super) fn label_value(text: &str) -> Result<(), String> {
    if text.is_empty() { Ok(()) } else { label_text(text) }
}

fn label_text(text: &str) -> Result<(), String> {
    within(text, 63)?;
    only(text, "letters, digits, `-`, `_` and `.`", |c| c.is_ascii_alphanumeric() || "-_.".contains(c))?;
    edges(text, |c| c.is_ascii_alphanumeric(), "a letter or a digit")
}

/// An image name without tag and digest.
pub(super) fn image_repository(text: &str) -> Result<(), String> {
    within(text, 255)?;
    if text.contains("://") {
        return Err("without a scheme such as `https://`".to_owned());
    }
    if text.contains('@') {
        return Err("a digest belongs into `image.digest`".to_owned());
    }
    let path = text.split_once('/').map_or(text, |(_, path)| path);
    if path.contains(':') {
        return Err("a tag belongs into `image.tag`".to_owned());
    }
    only(text, "a-z, 0-9, `-`, `_`, `.` and `/`", |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || "-_./:".contains(c)
    })?;
    if text.split('/').any(str::is_empty) {
        return Err("two slashes in a row, or one at an end".to_owned());
    }
    Ok(())
}

/// An image tag.
pub(super) fn image_tag(text: &str) -> Result<(), String> {
    within(text, 128)?;
    only(text, "letters, digits, `-`, `_` and `.`", |c| c.is_ascii_alphanumeric() || "-_.".contains(c))?;
    if text.starts_with(['-', '.']) { Err("must not start with `-` or `.`".to_owned()) } else { Ok(()) }
}

/// `sha256:` and 64 digits.
pub(super) fn image_digest(text: &str) -> Result<(), String> {
    let digits = text.strip_prefix("sha256:").ok_or("does not start with `sha256:`")?;
    only(digits, "0-9 and a-f", |c| c.is_ascii_digit() || ('a'..='f').contains(&c))?;
    if digits.len() == 64 {
        Ok(())
    } else {
        Err(format!("has {} digits after `sha256:`, not 64", digits.len()))
    }
}

/// The name of an environment variable.
pub(super) fn variable(text: &str) -> Result<(), String> {
    within(text, 255)?;
    only(text, "letters, digits, `-`, `_` and `.`", |c| c.is_ascii_alphanumeric() || "-_.".contains(c))?;
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        Err("starts with a digit".to_owned())
    } else {
        Ok(())
    }
}

/// A block of addresses, such as `10.0.0.0/8`.
pub(super) fn cidr(text: &str) -> Result<(), String> {
    let (address, bits) = text.split_once('/').ok_or("no `/` and length of the prefix")?;
    let longest = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return Err(format!("`{address}` is not an address")),
    };
    match bits.parse::<u8>() {
        Ok(bits) if bits <= longest => Ok(()),
        _ => Err(format!("`/{bits}` is not 0 to {longest}")),
    }
}

/// An absolute path without `..`.
pub(super) fn absolute_path(text: &str) -> Result<(), String> {
    if !text.starts_with('/') {
        return Err("does not start with `/`".to_owned());
    }
    if text.contains(':') || text.split('/').any(|part| part == "..") {
        return Err("must not contain `:` or `..`".to_owned());
    }
    Ok(())
}

/// A duration such as `100ms`, `60s` or `1h30m`, in milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<u64, String> {
    let wrong = || "write a number and a unit: ms, s, m or h".to_owned();
    let (mut rest, mut sum) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let (unit, factor) = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
            .into_iter()
            .find(|(unit, _)| {
                rest.strip_prefix(unit).is_some_and(|next| !next.starts_with(char::is_alphabetic))
            })
            .ok_or_else(wrong)?;
        rest = &rest[unit.len()..];
        sum = number.checked_mul(factor).and_then(|part| sum.checked_add(part)).ok_or_else(wrong)?;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(sum) }
}

fn within(text: &str, longest: usize) -> Result<(), String> {
    match text.chars().count() {
        0 => Err("is empty".to_owned()),
        length if length > longest => Err(format!("{length} characters, at most {longest}")),
        _ => Ok(()),
    }
}

fn only(text: &str, what: &str, allowed: impl Fn(char) -> bool) -> Result<(), String> {
    match text.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(format!("{}; use {what}", not_allowed(c))),
        None => Ok(()),
    }
}

/// Names a character that does not belong.
pub(super) fn not_allowed(c: char) -> String {
    match c {
        ' ' => "a space is not allowed".to_owned(),
        c => format!("`{}` is not allowed", c.escape_debug()),
    }
}

fn edges(text: &str, allowed: impl Fn(char) -> bool, what: &str) -> Result<(), String> {
    if text.starts_with(&allowed) && text.ends_with(&allowed) {
        Ok(())
    } else {
        Err(format!("must start and end with {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks a rule about texts, and returns those that it refuses.
    fn refused<'t>(rule: impl Fn(&str) -> Result<(), String>, texts: &[&'t str]) -> Vec<&'t str> {
        texts.iter().copied().filter(|text| rule(text).is_err()).collect()
    }

    #[test]
    fn labels_are_what_kubernetes_takes() {
        let long = "a".repeat(64);
        let texts = ["a", "A.b_c-1", "", "-a", "a-", "a b", "a/b", long.as_str()];
        assert_eq!(refused(label_value, &texts), ["-a", "a-", "a b", "a/b", long.as_str()]);
        let texts = ["a", "example.com/a", "/a", "example.com/", "Example.com/a", "a/b/c"];
        assert_eq!(refused(label_key, &texts), ["/a", "example.com/", "Example.com/a", "a/b/c"]);
        assert_eq!(label_key("a/b/c"), Err("only one `/` is allowed".to_owned()));
    }

    #[test]
    fn names_are_dns_labels() {
        let texts = ["a", "a-b", "1a", "a.b", "A", "-a", "a-", "", "ä"];
        assert_eq!(refused(|text| dns_label(text, 63), &texts), ["a.b", "A", "-a", "a-", "", "ä"]);
        let texts = ["a.b", "*.a.b", "*", "a.*.b", "a..b", "10.0.0.1", "::1"];
        assert_eq!(refused(certificate_dns_name, &texts), ["*", "a.*.b", "a..b", "10.0.0.1", "::1"]);
    }

    #[test]
    fn an_image_is_named_without_tag_and_digest() {
        let texts =
            ["etcd", "localhost:5000/etcd", "a.b/c/d", "a/b:tag", "a@sha256:0", "https://a/b", "a//b", "A/b"];
        assert_eq!(
            refused(image_repository, &texts),
            ["a/b:tag", "a@sha256:0", "https://a/b", "a//b", "A/b"]
        );
    }

    #[test]
    fn blocks_of_addresses_have_a_prefix_that_fits() {
        let texts =
            ["10.0.0.0/8", "::/0", "fd00::/128", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/129", "a/8"];
        assert_eq!(refused(cidr, &texts), ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/129", "a/8"]);
    }

    #[test]
    fn durations_are_numbers_with_units() {
        let read = ["0s", "100ms", "60s", "1m", "1h30m", "1h1ms"].map(|text| milliseconds(text).ok());
        assert_eq!(read, [0, 100, 60_000, 60_000, 5_400_000, 3_600_001].map(Some));
        let texts =
            ["", "1", "s", "1 s", "1.5s", "-1s", "1d", "1mss", "99999999999999999999h", "9999999999999999h"];
        assert_eq!(refused(|text| milliseconds(text).map(|_| ()), &texts), texts);
    }
}
