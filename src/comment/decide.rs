//! Which comment is written, and which are folded away.
//!
//! ```text
//! none of ours                    create
//! one of ours                     write it anew, or nothing when it is equal
//! one that a newer run wrote      leave it
//! more than one (two runs raced)  the first stays, the others are hidden
//! ```
//!
//! Ours are those with a marker of the same name whose author is the user of
//! the token: anybody can write a marker. One that is hidden is not there:
//! nobody would see what is written into it.

use jiff::Timestamp;

use super::{Marker, request::Note};

/// What is done, and what is hidden besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is done.
    pub what: What,
    /// The comments to hide, by id.
    pub hide: Vec<u64>,
}

/// What is done with the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It becomes a new comment.
    Create,
    /// It replaces that of a comment.
    Update(u64),
    /// A comment has it already.
    Nothing(u64),
    /// A newer run wrote the comment: it stays.
    Leave(u64),
    /// There is none, and none is wanted.
    None,
}

/// Whether a comment is made where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is made.
    Create,
    /// It is not: there is nothing to say.
    Leave,
}

/// Decides by the comments that are there.
pub fn decide(notes: &[Note], me: &str, marker: &Marker, body: &str, missing: Missing) -> Decision {
    let ours = ours(notes, me, marker);
    let Some((keep, _)) = ours.first() else {
        let what = if missing == Missing::Create { What::Create } else { What::None };
        return Decision { what, hide: Vec::new() };
    };
    let newer = ours.iter().filter(|(_, its)| its.is_newer_than(marker));
    let newest = newer.reduce(|one, other| if other.1.is_newer_than(&one.1) { other } else { one });
    let what = match newest {
        Some(_) => What::Leave(keep.id),
        None if same(&keep.body, body) || says_the_same(&keep.body, body) => What::Nothing(keep.id),
        None => What::Update(keep.id),
    };
    // The run that wrote the newest moves it to the first by itself.
    let stays = |id: u64| id == keep.id || newest.is_some_and(|(note, _)| note.id == id);
    let hide = ours.iter().map(|(note, _)| note.id).filter(|id| !stays(*id)).collect();
    Decision { what, hide }
}

/// The comments of this name that this tool wrote, the first of them first.
fn ours<'a>(notes: &'a [Note], me: &str, marker: &Marker) -> Vec<(&'a Note, Marker)> {
    let is_mine = |note: &&Note| note.author == me && !note.is_hidden;
    let marked = notes.iter().filter(is_mine).filter_map(|note| Some((note, Marker::read(&note.body)?)));
    let mut ours: Vec<(&Note, Marker)> = marked.filter(|(_, its)| is_same(its, marker)).collect();
    ours.sort_by_key(|(note, _)| (note.created_at, note.id));
    ours
}

/// Whether two markers are of one comment: the same name, and where it is the
/// comment of one stack, the same target as far as both are known.
fn is_same(one: &Marker, other: &Marker) -> bool {
    let target = |marker: &Marker| match marker.stacks.as_slice() {
        [only] if only.file == marker.name => only.target.clone(),
        _ => None,
    };
    let differ = matches!((target(one), target(other)), (Some(one), Some(other)) if one != other);
    one.name == other.name && !differ
}

/// Whether two comments say the same but for the run that wrote them: written
/// anew, the later would take away the approval of the earlier.
fn says_the_same(stored: &str, text: &str) -> bool {
    let said = |text: &str| {
        let marker = Marker { run: Timestamp::UNIX_EPOCH, attempt: 0, ..Marker::read(text)? };
        let text = text.replace("\r\n", "\n");
        let (_, rest) = text.split_once('\n')?;
        Some((marker, without_targets(rest.trim_end())))
    };
    said(stored).is_some_and(|stored| Some(stored) == said(text))
}

/// Markdown without what its links point to: each run has pages of its own.
fn without_targets(text: &str) -> String {
    let mut parts = text.split("](<");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, part| before + "](" + part.split_once(">)").map_or(part, |(_, after)| after))
}

/// Whether a forge holds this text: it may have changed the ends of lines, and
/// taken away what stands after the last.
pub fn same(stored: &str, text: &str) -> bool {
    let plain = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    plain(stored) == plain(text)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::comment::Mentioned;

    fn marker(run: i64) -> Marker {
        let run = Timestamp::from_second(run).unwrap();
        let mentioned = |target: &str| Mentioned {
            file: "orders.toml".into(),
            stack: Some("orders".into()),
            target: Some(target.into()),
            plan: Some("7f3a".into()),
        };
        Marker {
            name: "orders.toml".into(),
            stacks: vec![mentioned("prod/etcd-orders")],
            head: None,
            base: None,
            run,
            attempt: 1,
            truncated: false,
        }
    }

    fn text(run: i64) -> String {
        format!("{}\nplan of {run}", marker(run).line())
    }

    /// A comment of ours with this id, of this run, made in this second.
    fn note(id: u64, run: i64, made: i64) -> Note {
        let made = Timestamp::from_second(made).unwrap();
        Note {
            id,
            node: None,
            author: "bot".into(),
            is_edited_by_another: false,
            body: text(run),
            created_at: made,
            updated_at: made,
            is_hidden: false,
            url: None,
        }
    }

    fn decided(notes: &[Note], run: i64) -> (What, Vec<u64>) {
        let Decision { what, hide } = decide(notes, "bot", &marker(run), &text(run), Missing::Create);
        (what, hide)
    }

    #[test]
    fn one_comment_is_made_and_then_written_anew() {
        assert_eq!(decided(&[], 5), (What::Create, vec![]));
        assert_eq!(decided(&[note(1, 4, 0)], 5), (What::Update(1), vec![]));
        assert_eq!(decided(&[note(1, 5, 0)], 5), (What::Nothing(1), vec![]));
        let stored = Note { body: text(5).replace('\n', "\r\n") + "\r\n", ..note(1, 5, 0) };
        assert_eq!(decided(&[stored], 5), (What::Nothing(1), vec![]));
    }

    #[test]
    fn a_comment_that_says_the_same_is_left_and_keeps_its_approval() {
        let said = |run: i64, words: &str| {
            format!("{}\nplan · [run](<https://ci/{run}>){words}", marker(run).line())
        };
        let by = |body: String| {
            let there = [Note { body: said(4, ""), ..note(1, 4, 0) }];
            decide(&there, "bot", &marker(5), &body, Missing::Create).what
        };
        assert_eq!(by(said(5, "")), What::Nothing(1));
        assert_eq!(by(said(5, " changed")), What::Update(1));
        assert_eq!(by(said(5, "").replace("7f3a", "c04d")), What::Update(1));
    }

    #[test]
    fn nothing_to_say_makes_no_comment_and_changes_one_that_is_there() {
        let without = |notes: &[Note]| decide(notes, "bot", &marker(5), &text(5), Missing::Leave).what;
        assert_eq!(without(&[]), What::None);
        assert_eq!(without(&[note(1, 4, 0)]), What::Update(1));
    }

    #[test]
    fn an_older_run_changes_nothing() {
        assert_eq!(decided(&[note(1, 6, 0)], 5), (What::Leave(1), vec![]));
        let attempt = |attempt| Marker { attempt, ..marker(5) };
        let second = Note { body: attempt(2).line(), ..note(1, 5, 0) };
        let by =
            |marker: &Marker| decide(std::slice::from_ref(&second), "bot", marker, "x", Missing::Create).what;
        assert_eq!((by(&attempt(1)), by(&attempt(2))), (What::Leave(1), What::Update(1)));
    }

    #[test]
    fn of_two_that_raced_the_first_stays_with_the_newest_text() {
        // Listed in any order; the first is the one that was made first.
        let both = [note(2, 5, 9), note(1, 4, 8)];
        assert_eq!(decided(&both, 5), (What::Update(1), vec![2]));
        assert_eq!(decided(&both, 4), (What::Leave(1), vec![]));
        let moved = [note(2, 4, 9), note(1, 5, 8)];
        assert_eq!(decided(&moved, 4), (What::Leave(1), vec![2]));
        assert_eq!(decided(&moved, 5), (What::Nothing(1), vec![2]));
        let in_one_second = [note(2, 5, 9), note(1, 5, 9)];
        assert_eq!(decided(&in_one_second, 5), (What::Nothing(1), vec![2]));
    }

    #[test]
    fn what_another_wrote_or_somebody_hid_is_not_ours() {
        let forged = Note { author: "mallory".into(), ..note(1, 9, 0) };
        let hidden = Note { is_hidden: true, ..note(2, 9, 0) };
        let other = Note { body: text(9).replace("orders.toml", "users.toml"), ..note(3, 9, 0) };
        let staging = Note { body: text(9).replace("prod/", "staging/"), ..note(4, 9, 0) };
        let quoted = Note { body: format!("> quoted\n{}", text(9)), ..note(5, 9, 0) };
        assert_eq!(decided(&[forged, hidden, other, staging, quoted], 5), (What::Create, vec![]));
        let unknown = Note { body: text(4).replace("\"prod/etcd-orders\"", "null"), ..note(1, 4, 0) };
        assert_eq!(decided(&[unknown], 5), (What::Update(1), vec![]));
    }
}
