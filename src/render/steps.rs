//! The steps of a plan, with what is left of quorum beside them.

use super::style::{Style, count, padded, visible};
use crate::{
    member::can_lose,
    plan::{Plan, Step, Tally},
};

/// Columns of the three numbers.
const NUMBERS: usize = 25;
/// Marks the step after which the fewest members may fail.
const LOWEST: &str = " <- lowest";

/// The steps, numbered; below each other the numbers, where there is room.
pub fn steps(plan: &Plan, style: Style) -> String {
    if plan.steps.is_empty() {
        return String::new();
    }
    let lowest = lowest(plan);
    let table = Table::new(lowest.is_some(), plan.steps.iter().any(|step| step.tally.is_some()), style);
    let mut text = table.head();
    for (index, step) in plan.steps.iter().enumerate() {
        text.push_str(&table.row(index + 1, step, lowest == Some(index)));
    }
    text.push('\n');
    text
}

/// The first step after which the fewest members may fail, where those are
/// fewer than now: while a cluster is founded there is nothing to lose yet.
fn lowest(plan: &Plan) -> Option<usize> {
    let spare = |step: &Step| step.tally.map(|tally| tally.can_lose);
    let least = plan.steps.iter().filter_map(spare).min()?;
    let lower = least < can_lose(plan.voters.before);
    plan.steps.iter().position(|step| spare(step) == Some(least)).filter(|_| lower)
}

struct Table {
    style: Style,
    /// Where the numbers begin; `None` when they go below the text.
    column: Option<usize>,
}

impl Table {
    fn new(marked: bool, counted: bool, style: Style) -> Self {
        let mark = if marked { visible(LOWEST) } else { 0 };
        let column = style.width.min(110).saturating_sub(NUMBERS + mark + 2);
        Table { style, column: Some(column).filter(|_| counted && style.width >= 80) }
    }

    fn head(&self) -> String {
        let title = self.style.bold("Steps");
        match self.column {
            Some(column) => {
                format!("{}{}\n", padded(&title, column), self.style.bold(" voters  quorum  can lose"))
            }
            None => format!("{title}\n"),
        }
    }

    fn row(&self, number: usize, step: &Step, lowest: bool) -> String {
        let width = self.column.map_or(self.style.width, |column| column - 2);
        let title = Style { width, ..self.style }.wrap(&format!("{number:>3} > "), 6, &step.title);
        let Some(Tally { voters, quorum, can_lose }) = step.tally else { return format!("{title}\n") };
        let Some(column) = self.column else {
            let mark = if lowest { ", the lowest" } else { "" };
            let line =
                format!("({} voting, quorum {quorum}, can lose {can_lose}{mark})", count(voters, "member"));
            return format!("{title}\n{}\n", self.style.wrap("      ", 7, &line));
        };
        let mark = if lowest { self.style.mind(LOWEST) } else { String::new() };
        let (before, last) =
            title.rsplit_once('\n').map_or(("", title.as_str()), |(before, last)| (before, last));
        let before = if before.is_empty() { String::new() } else { format!("{before}\n") };
        format!("{before}{}{voters:>7}{quorum:>8}{can_lose:>10}{mark}\n", padded(last, column))
    }
}
