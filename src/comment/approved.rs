//! Whether a plan was approved, and which: by what the comment says and by the
//! reviews of the request.
//!
//! The comment is this tool's: its author is the user of the token, and nobody
//! else wrote it last, for everybody who may push may edit any comment. It is
//! of the commit at the tip, so a push takes the approval away. The review is
//! of that commit and later than the last change of the comment: it saw what is
//! in it now. The author of a request does not approve it.
//!
//! What this cannot tell: who else has the same token. Every workflow of a
//! repository on GitHub writes as `github-actions[bot]`, those on branches too.

use super::{
    Marker, Mentioned,
    request::{Note, Request, Review, Verdict},
};

/// A stack of a comment that was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The whole digest.
    pub digest: String,
    /// By whom.
    pub by: String,
}

/// Why there is no approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unapproved {
    /// In words for a person.
    pub reason: String,
    /// What to do about it.
    pub help: &'static str,
}

/// A comment that is not to be trusted, or of another commit.
const COMMENT_ANEW: &str =
    "run the job that plans again: it writes the comment anew, and that is to be approved";

/// An approval that is missing, or of something else.
const APPROVE: &str = "have the request approved as it is now; whoever approves reads the comment first";

/// Finds the digest that was approved for a stack file.
///
/// # Errors
///
/// When there is none.
pub fn approved(
    file: &str,
    request: &Request,
    notes: &[Note],
    me: &str,
    reviews: &[Review],
) -> Result<Approval, Unapproved> {
    let no = |reason: String, help: &'static str| Unapproved { reason, help };
    let (note, marker, mentioned) = comment(file, notes, me).map_err(|reason| no(reason, COMMENT_ANEW))?;
    if request.is_rejected {
        let reason = format!("request {} was closed without being merged", request.number);
        return Err(no(reason, "what it asks for is not to be applied"));
    }
    if note.is_edited_by_another {
        return Err(no(format!("the comment was edited by somebody other than `{me}`"), COMMENT_ANEW));
    }
    let head = marker.head.as_deref().unwrap_or("no commit");
    if head != request.head {
        let (head, tip) = (short(head), short(&request.head));
        let reason =
            format!("the comment is about {head}, and the tip of request {} is {tip}", request.number);
        return Err(no(reason, COMMENT_ANEW));
    }
    let Some(digest) = mentioned.plan else {
        let reason = format!("the plan of `{file}` has no digest to approve");
        return Err(no(reason, "the comment says what stands in the way"));
    };
    let by = reviewer(request, note, me, reviews).map_err(|reason| no(reason, APPROVE))?;
    Ok(Approval { digest, by })
}

/// The comment about a file.
fn comment<'a>(file: &str, notes: &'a [Note], me: &str) -> Result<(&'a Note, Marker, Mentioned), String> {
    let is_mine = |note: &&Note| note.author == me && !note.is_hidden;
    let about = |note: &'a Note| {
        let marker = Marker::read(&note.body)?;
        let its = marker.stacks.iter().filter(|one| plain(&one.file) == plain(file));
        let [mentioned] = its.collect::<Vec<_>>()[..] else { return None };
        let mentioned = mentioned.clone();
        Some((note, marker, mentioned))
    };
    let mut found: Vec<_> = notes.iter().filter(is_mine).filter_map(about).collect();
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(format!("`{me}` wrote no comment about `{file}`")),
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(format!("`{me}` wrote {} comments about `{file}`", found.len() + 1)),
    }
}

/// `./orders.toml` is `orders.toml`.
fn plain(file: &str) -> &str {
    file.trim_start_matches("./")
}

/// Who approved the request as it is, after the comment was written.
fn reviewer(request: &Request, note: &Note, me: &str, reviews: &[Review]) -> Result<String, String> {
    let is_last = |index: usize, by: &str| !reviews[index + 1..].iter().any(|later| later.by == by);
    let last = reviews.iter().enumerate().filter(|(index, review)| is_last(*index, &review.by));
    let approvals: Vec<&Review> =
        last.map(|(_, review)| review).filter(|review| review.verdict == Verdict::Approved).collect();
    let mut reasons = Vec::new();
    for review in &approvals {
        match objection(request, note, me, review) {
            None => return Ok(review.by.clone()),
            Some(reason) => reasons.push(reason),
        }
    }
    if reasons.is_empty() {
        return Err(format!("nobody who may write approves request {}", request.number));
    }
    Err(reasons.join("; "))
}

/// Why an approval does not count.
fn objection(request: &Request, note: &Note, me: &str, review: &Review) -> Option<String> {
    let by = &review.by;
    if by == me {
        return Some(format!("`{by}` wrote the comment"));
    }
    if *by == request.author {
        return Some(format!("`{by}` opened the request"));
    }
    let (Some(of), Some(at)) = (&review.of, review.at) else {
        return Some(format!("which commit `{by}` approved, and when, is not told"));
    };
    if *of != request.head {
        return Some(format!("`{by}` approved {}, and the tip is {}", short(of), short(&request.head)));
    }
    // Times are whole seconds: in the same one, nobody has read it.
    (at <= note.updated_at).then(|| {
        format!("`{by}` approved at {at}, and the comment was changed at {}: approve again", note.updated_at)
    })
}

fn short(commit: &str) -> String {
    commit.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const HEAD: &str = "41d9e0a000000000000000000000000000000000";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn request() -> Request {
        Request { number: 7, author: "ann".into(), head: HEAD.into(), is_fork: false, is_rejected: false }
    }

    fn note() -> Note {
        let one = |file: &str, plan: Option<&str>| Mentioned {
            file: file.into(),
            stack: None,
            target: None,
            plan: plan.map(str::to_owned),
        };
        let marker = Marker {
            name: "all".into(),
            stacks: vec![one("orders.toml", Some("7f3a")), one("broken.toml", None)],
            head: Some(HEAD.into()),
            base: None,
            run: at(0),
            attempt: 1,
            truncated: false,
        };
        Note {
            id: 1,
            node: None,
            author: "bot".into(),
            is_edited_by_another: false,
            body: marker.line(),
            created_at: at(10),
            updated_at: at(20),
            is_hidden: false,
            url: None,
        }
    }

    fn yes() -> Review {
        Review { by: "bob".into(), verdict: Verdict::Approved, of: Some(HEAD.into()), at: Some(at(21)) }
    }

    fn asked(request: &Request, notes: &[Note], reviews: &[Review]) -> Result<String, Unapproved> {
        approved("./orders.toml", request, notes, "bot", reviews).map(|approval| approval.digest)
    }

    #[track_caller]
    fn refuses(outcome: Result<String, Unapproved>, because: &str) -> &'static str {
        let Unapproved { reason, help } = outcome.expect_err("it is refused");
        assert!(reason.contains(because), "{reason}");
        help
    }

    #[test]
    fn a_review_of_the_tip_after_the_comment_approves_its_digest() {
        assert_eq!(asked(&request(), &[note()], &[yes()]), Ok("7f3a".to_owned()));
        let no = Review { verdict: Verdict::ChangesRequested, ..yes() };
        assert_eq!(asked(&request(), &[note()], &[no.clone(), yes()]), Ok("7f3a".to_owned()));
        refuses(asked(&request(), &[note()], &[yes(), no]), "nobody");
        assert_eq!(refuses(asked(&request(), &[note()], &[]), "nobody"), APPROVE);
    }

    #[test]
    fn the_comment_is_ours_and_of_the_tip() {
        let asked = |note: Note| asked(&request(), &[note], &[yes()]);
        refuses(asked(Note { author: "mallory".into(), ..note() }), "wrote no comment");
        refuses(asked(Note { is_hidden: true, ..note() }), "wrote no comment");
        let help = refuses(asked(Note { is_edited_by_another: true, ..note() }), "was edited");
        assert_eq!(help, COMMENT_ANEW);
        refuses(asked(Note { body: note().body.replace(HEAD, "41d9e0a"), ..note() }), "is about 41d9e0a");
        refuses(asked(Note { body: note().body.replace("orders", "users"), ..note() }), "wrote no comment");
        refuses(super::tests::asked(&request(), &[note(), note()], &[yes()]), "wrote 2 comments");
        refuses(
            approved("broken.toml", &request(), &[note()], "bot", &[yes()]).map(|one| one.digest),
            "no digest",
        );
    }

    #[test]
    fn the_review_is_of_what_is_there_now() {
        let asked = |review: Review| asked(&request(), &[note()], &[review]);
        refuses(asked(Review { at: Some(at(20)), ..yes() }), "approve again");
        refuses(asked(Review { of: Some("9be2f10".into()), ..yes() }), "approved 9be2f10");
        refuses(asked(Review { of: None, ..yes() }), "is not told");
        refuses(asked(Review { at: None, ..yes() }), "is not told");
        refuses(asked(Review { by: "ann".into(), ..yes() }), "opened the request");
        refuses(asked(Review { by: "bot".into(), ..yes() }), "wrote the comment");
        refuses(asked(Review { verdict: Verdict::Withdrawn, ..yes() }), "nobody");
        let rejected = Request { is_rejected: true, ..request() };
        refuses(super::tests::asked(&rejected, &[note()], &[yes()]), "closed without");
    }
}
