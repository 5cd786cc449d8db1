//! How much of a plan is shown where not all of it fits: first the values of
//! the widest object go, then those of the next; at last only what matters is
//! left.

use super::{Markdown, limit::Limit};

/// How much of the changes of one object is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All of it.
    #[default]
    Whole,
    /// What the stack changes, a line each, cut where it is long.
    Lines,
    /// The paths alone.
    Paths,
    /// How many there are.
    Counted,
}

/// How much of the rest is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rest {
    /// All of it.
    #[default]
    Whole,
    /// What others set, and what was checked, is counted.
    Counted,
    /// The first steps.
    FewSteps,
    /// No steps and no changes.
    NoSteps,
    /// The first rows and the first reasons.
    FewRows,
    /// The headline, what to mind, and the footer.
    Bare,
    /// The headline.
    Least,
}

/// How much of everything is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Of each object that changes.
    pub changes: Vec<Level>,
    /// Of the rest.
    pub rest: Rest,
}

/// A text that can be shorter.
pub trait Shrinks {
    /// The text at these levels.
    fn text(&self, levels: &Levels) -> String;
    /// How many objects change.
    fn objects(&self) -> usize;
    /// How much text the changes of one are, at a level.
    fn size(&self, object: usize, level: Level) -> usize;
    /// Whether something is left out at any level.
    fn folds(&self) -> bool;
}

/// The most of a text that fits; `None` when not even the least does.
pub fn fitting(page: &impl Shrinks, limit: Limit) -> Option<Markdown> {
    let mut levels = Levels { changes: vec![Level::Whole; page.objects()], rest: Rest::Whole };
    let mut sizes: Option<Vec<Sizes>> = None;
    loop {
        let text = page.text(&levels);
        if limit.holds(&text) {
            return Some(Markdown { text, truncated: page.folds() || !levels.are_whole() });
        }
        let over = limit.length(&text) - limit.most;
        let sizes = sizes.get_or_insert_with(|| {
            let all = [Level::Whole, Level::Lines, Level::Paths, Level::Counted];
            (0..page.objects()).map(|object| all.map(|level| page.size(object, level))).collect()
        });
        if !levels.shrink(sizes, over) {
            return None;
        }
    }
}

/// How much text the changes of an object are, level by level.
type Sizes = [usize; 4];

impl Levels {
    /// Whether all is shown.
    pub fn are_whole(&self) -> bool {
        self.rest == Rest::Whole && self.changes.iter().all(|level| *level == Level::Whole)
    }

    /// Takes away about as much as is too much, and one thing at least; false
    /// when nothing is left to take.
    fn shrink(&mut self, sizes: &[Sizes], over: usize) -> bool {
        let mut saved = 0;
        while saved < over {
            match self.widest(sizes) {
                Some((object, less)) => {
                    let before = sizes[object][self.changes[object] as usize];
                    self.changes[object] = less;
                    saved += before.saturating_sub(sizes[object][less as usize]);
                }
                None if saved > 0 => return true,
                None => return self.shrink_rest(),
            }
        }
        true
    }

    /// Of the objects that are shown in most detail the widest, and the next
    /// level of it.
    fn widest(&self, sizes: &[Sizes]) -> Option<(usize, Level)> {
        let most = *self.changes.iter().min()?;
        let less = match most {
            Level::Whole => Level::Lines,
            Level::Lines => Level::Paths,
            Level::Paths => Level::Counted,
            Level::Counted => return None,
        };
        let all = self.changes.iter().enumerate().filter(|(_, level)| **level == most);
        let widest = all.max_by_key(|(object, _)| (sizes[*object][most as usize], usize::MAX - object));
        widest.map(|(object, _)| (object, less))
    }

    fn shrink_rest(&mut self) -> bool {
        self.rest = match self.rest {
            Rest::Whole => Rest::Counted,
            Rest::Counted => Rest::FewSteps,
            Rest::FewSteps => Rest::NoSteps,
            Rest::NoSteps => Rest::FewRows,
            Rest::FewRows => Rest::Bare,
            Rest::Bare => Rest::Least,
            Rest::Least => return false,
        };
        true
    }
}
