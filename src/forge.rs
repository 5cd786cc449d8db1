//! GitHub and GitLab, also one's own: the comments and reviews of a pull or
//! merge request.
//!
//! ```text
//! http     one request: tries, waits, errors. `reqwest` and `rustls` are used there alone
//! error    what can go wrong, in words for a person
//! github   REST, and GraphQL for what REST lacks
//! gitlab   REST
//! ```
//!
//! A token is in one header and nowhere else. A comment whose answer was lost
//! is looked for before it is made again.

use crate::comment::{Note, Request, Review, same};

mod error;
mod github;
mod gitlab;
mod http;

pub use error::Error;
pub use github::GitHub;
pub use gitlab::GitLab;
pub use http::{Patience, Sent, Token};
use http::{TRIES, pause};

/// A pull or merge request on a forge.
#[derive(Debug)]
pub enum Forge {
    /// On GitHub.
    GitHub(GitHub),
    /// On GitLab.
    GitLab(GitLab),
}

impl Forge {
    /// Returns the name of the user that the token belongs to.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    pub async fn me(&self) -> Result<String, Error> {
        match self {
            Forge::GitHub(forge) => forge.me().await,
            Forge::GitLab(forge) => forge.me().await,
        }
    }

    /// Returns the comments of a user that begin with a marker.
    ///
    /// # Errors
    ///
    /// When they cannot be read, all of them.
    pub async fn notes(&self, me: &str) -> Result<Vec<Note>, Error> {
        match self {
            Forge::GitHub(forge) => forge.notes(me).await,
            Forge::GitLab(forge) => forge.notes(me).await,
        }
    }

    /// Makes a comment. Where nobody knows whether that worked, it is looked
    /// for by its whole text first.
    ///
    /// # Errors
    ///
    /// When it was not made, or nobody knows.
    pub async fn create(&self, me: &str, body: &str) -> Result<Note, Error> {
        let mut tries = 1;
        loop {
            let made = match self {
                Forge::GitHub(forge) => forge.create(body).await,
                Forge::GitLab(forge) => forge.create(body).await,
            };
            match made {
                Err(error) if error.is_lost() && tries < TRIES => {
                    tokio::time::sleep(pause(tries)).await;
                    let notes = self.notes(me).await?;
                    let made = notes.into_iter().find(|note| same(&note.body, body));
                    if let Some(note) = made {
                        return Ok(note);
                    }
                    tries += 1;
                }
                made => return made,
            }
        }
    }

    /// Replaces the text of a comment.
    ///
    /// # Errors
    ///
    /// When it was not replaced, or nobody knows.
    pub async fn update(&self, id: u64, body: &str) -> Result<Note, Error> {
        match self {
            Forge::GitHub(forge) => forge.update(id, body).await,
            Forge::GitLab(forge) => forge.update(id, body).await,
        }
    }

    /// Folds a comment away as outdated.
    ///
    /// # Errors
    ///
    /// When that is not allowed, or nobody answers.
    pub async fn hide(&self, note: &Note) -> Result<(), Error> {
        match self {
            Forge::GitHub(forge) => forge.hide(note).await,
            Forge::GitLab(forge) => forge.hide(note).await,
        }
    }

    /// Returns the request itself.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn request(&self) -> Result<Request, Error> {
        match self {
            Forge::GitHub(forge) => forge.request().await,
            Forge::GitLab(forge) => forge.request().await,
        }
    }

    /// Returns what was said of the request by those who may write to the
    /// repository, the first first.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn reviews(&self) -> Result<Vec<Review>, Error> {
        match self {
            Forge::GitHub(forge) => forge.reviews().await,
            Forge::GitLab(forge) => forge.reviews().await,
        }
    }

    /// Returns the number of the merged request that a commit came from.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn merged(&self, commit: &str) -> Result<Option<u64>, Error> {
        match self {
            Forge::GitHub(forge) => forge.merged(commit).await,
            Forge::GitLab(forge) => forge.merged(commit).await,
        }
    }

    /// The same forge, for the request of this number.
    pub fn at(&mut self, number: u64) {
        match self {
            Forge::GitHub(forge) => forge.number = number,
            Forge::GitLab(forge) => forge.number = number,
        }
    }

    /// What would be sent to make a comment; the token is not in it.
    pub fn would_create(&self, body: &str) -> Sent {
        match self {
            Forge::GitHub(forge) => forge.creation(body),
            Forge::GitLab(forge) => forge.creation(body),
        }
    }
}
