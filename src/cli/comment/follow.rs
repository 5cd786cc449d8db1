//! A comment that follows an apply: changed at most every so often, and at the
//! end.
//!
//! The stream is read to its end whatever happens to the comment: the apply
//! writes into it, and must not be held up.

use std::io::{self, BufRead};

use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{Instant, sleep_until},
};

use super::Task;
use crate::{
    comment::{Followed, State},
    forge::{Error, Forge},
};

/// Follows standard input; returns the page of the comment and the last state.
pub async fn follow(task: &Task<'_>, forge: &Forge) -> Result<(Option<String>, State), Error> {
    let mut followed = Followed::default();
    let mut lines = lines();
    let (mut is_new, mut next) = (false, Instant::now());
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => is_new |= followed.line(&line),
                None => break,
            },
            () = sleep_until(next), if is_new => {
                is_new = false;
                if let Err(error) = task.write(forge, followed.state()).await {
                    task.output.say(&format!("the comment is not up to date: {error}"));
                }
                next = Instant::now() + task.arguments.every;
            }
        }
    }
    let state = followed.end();
    task.write(forge, &state).await.map(|page| (page, state))
}

/// The lines of standard input, read by a thread of its own. Bytes that are no
/// text are no event.
fn lines() -> UnboundedReceiver<String> {
    let (tell, told) = unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n').map_while(Result::ok) {
            if tell.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    told
}
