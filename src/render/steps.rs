//! The steps of a plan, with what is left of quorum beside them.

use super::{
    cost::remark,
    style::{Style, count, padded, visible},
};
use crate::plan::{Plan, Step, Tally};

/// Columns of the three numbers.
const NUMBERS: usize = 25;
/// Columns that titles have at least, before remarks go below the numbers.
const TITLE: usize = 42;
/// Marks the step after which the fewest members may fail.
pub const LOWEST: &str = "← lowest";

/// The steps, numbered; below each other the numbers, where there is room.
pub fn steps(plan: &Plan, style: Style) -> String {
    if plan.steps.is_empty() {
        return String::new();
    }
    let lowest = lowest(plan);
    let remarks: Vec<Vec<&str>> =
        plan.steps.iter().enumerate().map(|(index, step)| remarks(step, lowest == Some(index))).collect();
    let widest = remarks.iter().map(|all| visible(&all.join(" "))).max().unwrap_or(0);
    let table = Table::new(widest, plan.steps.iter().any(|step| step.tally.is_some()), style);
    let mut text = table.head();
    for (index, (step, remarks)) in plan.steps.iter().zip(&remarks).enumerate() {
        text.push_str(&table.row(index + 1, step, remarks));
    }
    text.push('\n');
    text
}

/// The first step after which the fewest members may fail, where those are
/// fewer than now: while a cluster is founded there is nothing to lose yet.
pub fn lowest(plan: &Plan) -> Option<usize> {
    let (number, tally) = plan.lowest()?;
    (tally.can_lose < plan.can_lose).then_some(number - 1)
}

/// What stands behind the numbers.
pub fn remarks(step: &Step, lowest: bool) -> Vec<&'static str> {
    remark(step).into_iter().chain(lowest.then_some(LOWEST)).collect()
}

struct Table {
    style: Style,
    /// Where the numbers begin; `None` when they go below the text.
    column: Option<usize>,
    /// Whether there is room for remarks behind the numbers.
    beside: bool,
}

impl Table {
    /// `remark` is the width of the widest one.
    fn new(remark: usize, counted: bool, style: Style) -> Self {
        let room = style.width.min(110).saturating_sub(NUMBERS + 2);
        let beside = room >= remark + 1 + TITLE;
        let column = if beside && remark > 0 { room - remark - 1 } else { room };
        Table { style, column: Some(column).filter(|_| counted && style.width >= 80), beside }
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

    fn row(&self, number: usize, step: &Step, remarks: &[&str]) -> String {
        let width = self.column.map_or(self.style.width, |column| column - 2);
        let title = Style { width, ..self.style }.wrap(&format!("{number:>3} > "), 6, &step.title);
        let Some(tally) = step.tally else { return format!("{title}\n") };
        match self.column {
            Some(column) => self.beside(&title, tally, column, &remarks.join(" ")),
            None => format!("{title}\n{}\n", self.below(tally, remarks)),
        }
    }

    fn below(&self, Tally { voters, quorum, can_lose }: Tally, remarks: &[&str]) -> String {
        let voting = format!("{} voting", count(voters, "member"));
        let numbers = [voting, format!("quorum {quorum}"), format!("can lose {can_lose}")];
        let remarks = remarks.iter().map(|remark| remark.replace(LOWEST, "the lowest"));
        let line = format!("({})", numbers.into_iter().chain(remarks).collect::<Vec<_>>().join(", "));
        self.style.wrap("      ", 7, &line)
    }

    fn beside(&self, title: &str, tally: Tally, column: usize, remark: &str) -> String {
        let Tally { voters, quorum, can_lose } = tally;
        let (before, last) = title.rsplit_once('\n').map_or(("", title), |(before, last)| (before, last));
        let before = if before.is_empty() { String::new() } else { format!("{before}\n") };
        let numbers = format!("{before}{}{voters:>7}{quorum:>8}{can_lose:>10}", padded(last, column));
        let remark = self.style.mind(remark);
        match visible(&remark) {
            0 => format!("{numbers}\n"),
            _ if self.beside => format!("{numbers} {remark}\n"),
            width => {
                let space = " ".repeat((column + NUMBERS).saturating_sub(width));
                format!("{numbers}\n{space}{remark}\n")
            }
        }
    }
}
