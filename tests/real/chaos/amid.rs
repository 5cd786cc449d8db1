//! A run of `apply` that something happens to, how it may end, and what a plan
//! advises.

use std::{
    io::{BufRead, BufReader, Read},
    thread,
    time::Duration,
};

use crate::kubernetes::{Ended, Place};

impl Place {
    /// Runs `apply` and does something once so many of its steps are done.
    pub fn apply_while(&self, flags: &[&str], steps: usize, act: impl FnOnce()) -> Ended {
        let mut command = self.apply_command();
        let mut child = command.args(flags).spawn().expect("the tool starts");
        let mut stdout = child.stdout.take().expect("piped");
        let plan = thread::spawn(move || {
            let mut text = String::new();
            drop(stdout.read_to_string(&mut text));
            text
        });
        let mut stderr = String::new();
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let mut done = 0;
        while done < steps
            && let Some(line) = lines.next()
        {
            done += usize::from(line.contains('\u{2713}'));
            stderr.push_str(&(line + "\n"));
        }
        assert_eq!(done, steps, "apply ended before so many steps:\n{stderr}");
        act();
        lines.for_each(|line| stderr.push_str(&(line + "\n")));
        let code = child.wait().expect("our own child").code().unwrap_or(-1);
        Ended { code, stdout: plan.join().expect("it does not panic"), stderr }
    }

    /// However that apply ended, it named the cause, and later ones bring the
    /// cluster to what the file says.
    #[track_caller]
    pub fn recovers(&self, ended: &Ended, causes: &[&str], members: usize) {
        if ended.code != 0 {
            assert!([3, 5].contains(&ended.code), "{ended:?}");
            names_one_of(ended, causes);
        }
        let mut last = None;
        for _ in 0..6 {
            let again = self.tool("apply", &["--auto-approve", "--lock-timeout", "60s"]);
            if again.code == 0 {
                return self.is_settled(members);
            }
            last = Some(again);
            thread::sleep(Duration::from_secs(10));
        }
        panic!("six more applies did not bring it up: {last:?}");
    }
}

/// The text of a run, on one line: long ones are broken between any two words.
pub fn text(ended: &Ended) -> String {
    let both = format!("{}{}", ended.stdout, ended.stderr);
    both.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text names at least one of these.
#[track_caller]
pub fn names_one_of(ended: &Ended, words: &[&str]) {
    let text = text(ended);
    assert!(words.iter().any(|word| text.contains(word)), "none of {words:?} is in:\n{text}");
}

/// The word after a flag that a plan advises, without what surrounds it.
pub fn advised(ended: &Ended, flag: &str) -> Option<String> {
    let text = text(ended);
    let rest = text.split_once(&format!("{flag} "))?.1;
    let word = rest.split_whitespace().next()?;
    Some(word.trim_matches(['`', '\'', '"', ',', ';', ')']).to_owned())
}
