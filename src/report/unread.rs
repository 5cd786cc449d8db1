//! What could not be read, grouped: one cause is told once, however many
//! objects it hits.

/// One cause, and what it hits.
enum Group {
    /// A user who may not: whose rights, where, and which are missing.
    Forbidden { user: String, place: String, rights: Vec<String>, reads: usize, first: String },
    /// Anything else: what it hits, and why as the first of them has it.
    Other { subjects: Vec<String>, verb: String, reason: String, alike: String },
}

/// The same reasons, those that differ only in the object as one.
///
/// ```text
/// `Service/a/b` cannot be read: services "b" is forbidden: User "x" cannot get ...
/// pods cannot be read: pods is forbidden: User "x" cannot list ...
/// -> 2 reads are forbidden: user "x" may not get services, list pods in namespace "a"
/// ```
pub fn grouped(unread: &[String]) -> Vec<String> {
    let mut groups: Vec<Group> = Vec::new();
    for reason in unread {
        let one = Group::of(reason);
        if !groups.iter_mut().any(|group| group.takes(&one)) {
            groups.push(one);
        }
    }
    groups.into_iter().map(Group::told).collect()
}

impl Group {
    fn of(text: &str) -> Group {
        forbidden(text).unwrap_or_else(|| {
            let verbs = [" cannot be read: ", " cannot be checked: ", " cannot be asked: "];
            let found = verbs.iter().find_map(|verb| Some((text.split_once(verb)?, *verb)));
            let ((subject, reason), verb) = found.unwrap_or((("", text), ""));
            let reason = each_once(reason);
            Group::Other {
                subjects: vec![subject.to_owned()],
                verb: verb.to_owned(),
                alike: without_names(&reason),
                reason,
            }
        })
    }

    /// Whether the other has the same cause, and then it is among this one.
    fn takes(&mut self, other: &Group) -> bool {
        match (self, other) {
            (
                Group::Forbidden { user, place, rights, reads, .. },
                Group::Forbidden { user: who, place: at, rights: more, .. },
            ) if user == who && place == at => {
                rights
                    .extend(more.iter().filter(|right| !rights.contains(right)).cloned().collect::<Vec<_>>());
                *reads += 1;
                true
            }
            (
                Group::Other { subjects, verb, alike, .. },
                Group::Other { subjects: more, verb: how, alike: like, .. },
            ) if verb == how && alike == like => {
                subjects.extend(more.iter().cloned());
                true
            }
            _ => false,
        }
    }

    fn told(self) -> String {
        match self {
            Group::Forbidden { reads: 1, first, .. } => first,
            Group::Forbidden { user, place, rights, reads, .. } => {
                format!("{reads} reads are forbidden: user {user} may not {}{place}", rights.join(", "))
            }
            Group::Other { subjects, verb, reason, .. } => format!("{}{verb}{reason}", named(&subjects)),
        }
    }
}

/// Some of many: all of three, two of more.
fn named(subjects: &[String]) -> String {
    match subjects {
        [one] => one.clone(),
        [rest @ .., last] if rest.len() < 3 => format!("{} and {last}", rest.join(", ")),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more", rest.len()),
        [] => String::new(),
    }
}

/// `x is forbidden: User "u" cannot VERB resource "r" in API group "g" PLACE`,
/// the words of the API server's own authorizer.
fn forbidden(text: &str) -> Option<Group> {
    let (_, rest) = text.split_once("forbidden: User ")?;
    let (user, rest) = rest.split_once(" cannot ")?;
    let (verb, rest) = rest.split_once(" resource \"")?;
    let (resource, rest) = rest.split_once("\" in API group \"")?;
    let (group, rest) = rest.split_once('"')?;
    let dot = if group.is_empty() { "" } else { "." };
    Some(Group::Forbidden {
        user: user.to_owned(),
        place: rest.replace("in the namespace", "in namespace"),
        rights: vec![format!("{verb} {resource}{dot}{group}")],
        reads: 1,
        first: text.to_owned(),
    })
}

/// `a-0: why; a-1: why` as `a-0: why; a-1 likewise`.
fn each_once(reason: &str) -> String {
    let mut parts: Vec<(String, String, Vec<String>)> = Vec::new();
    for part in reason.split("; ") {
        match (part.split_once(": ").filter(|(name, _)| is_member(name)), parts.last_mut()) {
            (Some((name, why)), _) => {
                let alike = without_names(why);
                match parts.iter_mut().find(|(_, other, _)| without_names(other) == alike) {
                    Some((.., more)) => more.push(name.to_owned()),
                    None => parts.push((name.to_owned(), why.to_owned(), Vec::new())),
                }
            }
            // Not a list of members, or a reason with a `; ` of its own.
            (None, None) => return reason.to_owned(),
            (None, Some((_, why, _))) => why.push_str(&format!("; {part}")),
        }
    }
    let told = parts.into_iter().map(|(name, why, more)| match more.as_slice() {
        [] => format!("{name}: {why}"),
        more => format!("{name}: {why}; {} likewise", more.join(", ")),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// `orders-0`: the name of a member.
fn is_member(name: &str) -> bool {
    let ordinal = name.rsplit_once('-').map_or("", |(_, ordinal)| ordinal);
    !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit()) && !name.contains(' ')
}

/// A reason without the words that name one object: what is quoted, and ids.
fn without_names(reason: &str) -> String {
    let is_id = |word: &str| {
        let mut parts = word.split(|c: char| !c.is_ascii_alphanumeric());
        parts.any(|part| part.len() >= 8 && part.contains(|c: char| c.is_ascii_digit()))
    };
    let quoted = |word: &str| word.starts_with(['`', '"', '\'']);
    let words = reason.split_whitespace().filter(|word| !quoted(word) && !is_id(word));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(unread: &[&str]) -> Vec<String> {
        grouped(&unread.iter().map(|reason| (*reason).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn rights_that_are_missing_are_one_reason() {
        let told = all(&[
            r#"`Secret/a/b` cannot be read: secrets "b" is forbidden: User "x" cannot get resource "secrets" in API group "" in the namespace "a""#,
            r#"`Secret/a/c` cannot be read: secrets "c" is forbidden: User "x" cannot get resource "secrets" in API group "" in the namespace "a""#,
            r#"`StatefulSet/a/b` cannot be read: statefulsets.apps "b" is forbidden: User "x" cannot get resource "statefulsets" in API group "apps" in the namespace "a""#,
            "the journal cannot be read: the API server failed: 500: no reason given",
        ]);
        assert_eq!(
            told,
            [
                r#"3 reads are forbidden: user "x" may not get secrets, get statefulsets.apps in namespace "a""#,
                "the journal cannot be read: the API server failed: 500: no reason given",
            ]
        );
    }

    #[test]
    fn one_missing_right_keeps_the_words_of_the_server() {
        let one = r#"pods cannot be read: pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "a""#;
        assert_eq!(all(&[one]), [one]);
    }

    #[test]
    fn the_same_reason_for_many_objects_is_told_once() {
        let failed = "cannot be read: the API server failed: 503: busy";
        let many: Vec<String> = ["a", "b", "c", "d"].map(|name| format!("`Secret/n/{name}` {failed}")).into();
        assert_eq!(grouped(&many[..3]), [format!("`Secret/n/a`, `Secret/n/b` and `Secret/n/c` {failed}")]);
        assert_eq!(grouped(&many), [format!("`Secret/n/a`, `Secret/n/b` and 2 more {failed}")]);
    }

    #[test]
    fn members_that_fail_alike_are_told_once() {
        let told = all(&[
            "the members cannot be asked: a-0: cannot forward a port of `Pod/n/a-0`: pod 8777f7e70741: refused; \
             a-1: cannot forward a port of `Pod/n/a-1`: pod 23dd15cbe9e5: refused; a-2: no answer",
        ]);
        let expected = "the members cannot be asked: a-0: cannot forward a port of `Pod/n/a-0`: pod 8777f7e70741: refused; \
             a-1 likewise; a-2: no answer";
        assert_eq!(told, [expected]);
    }
}
