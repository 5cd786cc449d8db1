//! The comments that are wanted, beside those that are there.
//!
//! After one was made they are listed again: another run may have made one in
//! the same moment. Both runs see both then, and decide alike.

use crate::{
    cli::output::Output,
    comment::{Decision, Marker, Missing, Note, What, decide},
    forge::{Error, Forge},
};

/// A comment as it should be.
pub struct Wanted {
    /// Its first line.
    pub marker: Marker,
    /// All of it.
    pub text: String,
    /// Whether it is made where there is none.
    pub missing: Missing,
}

/// Writes them; returns the page of the comment where it is one.
pub async fn write(
    forge: &Forge,
    me: &str,
    all: &[Wanted],
    output: &Output,
) -> Result<Option<String>, Error> {
    let (mut notes, mut pages, mut made) = (forge.notes(me).await?, Vec::new(), Vec::new());
    for wanted in all {
        let decision = decide(&notes, me, &wanted.marker, &wanted.text, wanted.missing);
        if decision.what == What::Create {
            let note = forge.create(me, &wanted.text).await?;
            pages.push(note.url);
            made.push(wanted);
        } else {
            pages.push(carry_out(forge, &notes, wanted, decision, output).await?);
        }
    }
    if !made.is_empty() {
        notes = forge.notes(me).await?;
    }
    for wanted in made {
        // It was made; that a list does not hold it yet is no reason for another.
        let decision = decide(&notes, me, &wanted.marker, &wanted.text, Missing::Leave);
        let page = carry_out(forge, &notes, wanted, decision, output).await?;
        if let ([only], Some(page)) = (pages.as_mut_slice(), page) {
            *only = Some(page);
        }
    }
    Ok(if pages.len() == 1 { pages.remove(0) } else { None })
}

/// Does what was decided; returns the page of the comment that stays.
async fn carry_out(
    forge: &Forge,
    notes: &[Note],
    wanted: &Wanted,
    Decision { what, hide }: Decision,
    output: &Output,
) -> Result<Option<String>, Error> {
    let url = |id: u64| notes.iter().find(|note| note.id == id).and_then(|note| note.url.clone());
    let page = match what {
        What::Update(id) => forge.update(id, &wanted.text).await?.url,
        What::Nothing(id) => url(id),
        What::Leave(id) => {
            let name = &wanted.marker.name;
            output.say(&format!("{name}: a newer run wrote the comment, and it stays as it is"));
            url(id)
        }
        What::Create | What::None => None,
    };
    for note in notes.iter().filter(|note| hide.contains(&note.id)) {
        // The comment that counts is right; this one is only in the way.
        if let Err(error) = forge.hide(note).await {
            output.say(&format!("a second comment stays visible: {error}"));
        }
    }
    Ok(page)
}
