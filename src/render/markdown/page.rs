//! One plan, section by section.

use super::{
    Links, Markdown, Told,
    alerts::{self, Frame, Most},
    changes::lines,
    escape::{clipped, code, fence, words},
    footer, headline,
    levels::{Level, Levels, Rest, Shrinks, fitting},
    limit::Limit,
    objects::{ROWS, cells, rows, table},
};
use crate::{
    plan::{Change, Check, Ending, Foreign, Outcome, Plan, Step},
    render::{
        cost::in_total,
        foreign::stays,
        plan::{goes_on, open, running},
        steps::{LOWEST, lowest, remarks},
        style::{Style, count},
    },
    saved::{Content, Made},
};

/// Steps that are told where there is little room.
const STEPS: usize = 20;
/// Rows that are told where there is little room.
const FEW: usize = 10;
/// Text in the running of a plan is not coloured, and not broken into lines.
const PLAIN: Style = Style { color: false, width: usize::MAX };

/// One plan within a text.
pub struct Page<'a> {
    /// The plan.
    pub told: &'a Told<'a>,
    /// What the text points to.
    pub links: &'a Links<'a>,
    /// Whether it begins with a headline: not below one of its own.
    pub headline: bool,
}

/// A text of one plan.
pub fn alone(told: &Told<'_>, links: &Links<'_>, limit: Limit) -> Markdown {
    let page = Page { told, links, headline: true };
    fitting(&page, limit).unwrap_or_else(|| {
        let text = "### ⛔ a plan that is too long to be told here\n".to_owned();
        Markdown { text, truncated: true }
    })
}

impl Shrinks for Page<'_> {
    fn text(&self, levels: &Levels) -> String {
        let text = match &self.told.saved.content {
            Content::NoPlan(diagnostics) => self.without_plan(diagnostics, levels),
            Content::Plan(made) if is_one_line(self.told, &made.plan) => self.one_line(&made.plan, levels),
            Content::Plan(made) => self.with_plan(made, levels),
        };
        format!("{}\n", text.trim_end())
    }

    fn objects(&self) -> usize {
        self.plan().map_or(0, |plan| plan.changes.len())
    }

    fn size(&self, object: usize, level: Level) -> usize {
        let change = self.plan().and_then(|plan| plan.changes.get(object));
        change.map_or(0, |change| lines(change, level).iter().map(|line| line.len() + 1).sum())
    }

    fn folds(&self) -> bool {
        let many = |plan: &Plan| rows(plan) > ROWS || plan.blocked.len() > Most::ALL.0;
        match &self.told.saved.content {
            Content::NoPlan(diagnostics) => diagnostics.len() > Most::ALL.0,
            Content::Plan(made) => many(&made.plan) || made.plan.warnings.len() > Most::ALL.0,
        }
    }
}

/// Whether there is nothing to say but that nothing is to do.
fn is_one_line(told: &Told<'_>, plan: &Plan) -> bool {
    told.news.is_none() && plan.is_empty() && plan.unread.is_empty()
}

impl Page<'_> {
    fn plan(&self) -> Option<&Plan> {
        self.told.saved.made().map(|made| &made.plan)
    }

    fn head(&self) -> String {
        let Page { told, headline: shown, .. } = self;
        let (symbol, subject) = (headline::symbol(told), headline::subject(told.saved));
        let outcome = headline::outcome(told);
        if *shown { format!("### {symbol} {subject} — {outcome}\n\n") } else { String::new() }
    }

    fn frame(&self) -> Frame {
        if self.headline { Frame::Box } else { Frame::Folded }
    }

    /// Of one among several the text around it says the rest.
    fn footer(&self) -> String {
        let links = if self.headline { *self.links } else { Links::default() };
        footer::of_one(self.told, &links)
    }

    fn without_plan(&self, diagnostics: &[serde_json::Value], levels: &Levels) -> String {
        let most = most(levels);
        let news = self.news(levels);
        let why = if levels.rest < Rest::Least {
            alerts::no_plan(diagnostics, self.frame(), most)
        } else {
            String::new()
        };
        let footer = self.footer();
        [self.head(), news, why, self.left_out(levels), footer].concat()
    }

    fn one_line(&self, plan: &Plan, levels: &Levels) -> String {
        let objects = count(plan.unchanged.len(), "object");
        let voters = count(plan.voters.after, "voter");
        let file = code(&self.told.saved.file);
        let all = match plan.intended.end {
            Some(Ending::Destroy | Ending::Forget) => String::new(),
            None => format!(": {objects} and {voters} match {file}"),
        };
        let about = footer::commits(self.links).map(|commits| format!(" ({commits})")).unwrap_or_default();
        let (subject, outcome) = (headline::subject(self.told.saved), headline::outcome(self.told));
        let line = format!("✅ {subject} — {outcome}{all}{about}\n\n");
        let warnings = if levels.rest < Rest::Least {
            alerts::warnings(plan, self.frame(), most(levels))
        } else {
            String::new()
        };
        format!("{line}{warnings}{}", self.left_out(levels))
    }

    fn with_plan(&self, made: &Made, levels: &Levels) -> String {
        let plan = &made.plan;
        let mut text = self.head() + &self.running(made) + &self.news(levels);
        if levels.rest < Rest::Least {
            text.push_str(&self.to_mind(plan, levels));
            text.push_str(&details(plan, levels));
        }
        text.push_str(&self.left_out(levels));
        text.push_str(&self.footer());
        text
    }

    /// The table, and what to mind. What is over is not minded any more.
    fn to_mind(&self, plan: &Plan, levels: &Levels) -> String {
        let rows = match levels.rest {
            Rest::Bare | Rest::Least => 0,
            Rest::FewRows => FEW,
            Rest::Whole | Rest::Counted | Rest::FewSteps | Rest::NoSteps => ROWS,
        };
        let table = table(plan, rows);
        let costs = if self.told.news.is_none() { costs(plan, self.frame()) } else { String::new() };
        let in_the_way = alerts::in_the_way(plan, self.frame(), most(levels));
        [table, costs, in_the_way, alerts::warnings(plan, self.frame(), most(levels))].concat()
    }

    /// The cluster as it is, and the run that the plan goes on with.
    fn running(&self, made: &Made) -> String {
        let etcd = made.plan.etcd.as_ref().map(|etcd| words(&running(&made.plan, etcd, PLAIN).join(" · ")));
        let unfinished = made.unfinished.as_ref().map(|unfinished| {
            let (first, rest) = goes_on(unfinished);
            format!("⏯️ {}", words(&format!("{first}{rest}")))
        });
        etcd.into_iter().chain(unfinished).map(|line| format!("{line}\n\n")).collect()
    }

    fn news(&self, levels: &Levels) -> String {
        let Some(news) = &self.told.news else { return String::new() };
        let most = if levels.rest < Rest::FewRows { Most(40) } else { Most::FEW };
        alerts::news(news.detail.as_deref(), &news.lines, most)
    }

    /// What is missing, and where all of it is.
    fn left_out(&self, levels: &Levels) -> String {
        let shrunk = levels.changes.iter().filter(|level| **level != Level::Whole).count();
        let rest = match levels.rest {
            Rest::Whole => None,
            Rest::Counted => Some("what others set, and what was checked"),
            Rest::FewSteps => Some("what others set, what was checked, and later steps"),
            Rest::NoSteps => Some("what others set, what was checked, steps and changes"),
            Rest::FewRows | Rest::Bare | Rest::Least => Some("nearly all of it"),
        };
        let values = (shrunk > 0 && levels.rest < Rest::NoSteps)
            .then(|| format!("values of {}", count(shrunk, "object")));
        let parts: Vec<String> = values.into_iter().chain(rest.map(str::to_owned)).collect();
        let parts = match (parts.is_empty(), self.folds()) {
            (true, false) => return String::new(),
            (true, true) => "what is counted above".to_owned(),
            (false, _) => parts.join("; "),
        };
        format!("✂️ Too long to be told whole. Left out: {parts}. All of it is in {}.\n\n", whole(self.links))
    }
}

/// Where all of a plan is.
pub fn whole(links: &Links<'_>) -> &'static str {
    match (links.plans, links.run) {
        (Some(_), _) => "the saved plan",
        (None, Some(_)) => "the output of the run",
        (None, None) => "what `etcdctl-stack plan` prints",
    }
}

/// What to mind of what it costs, or that it costs nothing.
fn costs(plan: &Plan, frame: Frame) -> String {
    match alerts::costs(plan, frame) {
        none if none.is_empty() && plan.is_applicable() => format!("{}\n\n", in_total(plan)),
        costs => costs,
    }
}

fn most(levels: &Levels) -> Most {
    if levels.rest < Rest::FewRows { Most::ALL } else { Most::FEW }
}

/// What is folded away: steps, changes, what others set, checks.
fn details(plan: &Plan, levels: &Levels) -> String {
    let all = levels.rest == Rest::Whole;
    let steps = match levels.rest {
        Rest::Whole | Rest::Counted => steps(plan, usize::MAX),
        Rest::FewSteps => steps(plan, STEPS),
        Rest::NoSteps | Rest::FewRows | Rest::Bare | Rest::Least => String::new(),
    };
    let changes = if levels.rest < Rest::NoSteps { changes(plan, levels) } else { String::new() };
    let (kept, checked) = if all { (kept(plan), checked(plan)) } else { Default::default() };
    [steps, changes, kept, checked].concat()
}

/// A section that is folded. What it is called is ours.
pub fn folded(summary: &str, text: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{}\n\n</details>\n\n", text.trim_end())
}

fn steps(plan: &Plan, most: usize) -> String {
    let total = plan.steps.len();
    if total == 0 {
        return String::new();
    }
    let lowest = lowest(plan);
    let counted = plan.steps.iter().any(|step| step.tally.is_some());
    let mut text = match counted {
        true => "| | step | voters | quorum | can lose |\n|--:|---|--:|--:|--:|\n".to_owned(),
        false => "| | step |\n|--:|---|\n".to_owned(),
    };
    for (index, step) in plan.steps.iter().enumerate().take(most) {
        text.push_str(&step_row(index, step, counted, lowest == Some(index)));
    }
    if total > most {
        text.push_str(&cells(&["", &format!("and {} more", total - most)]));
    }
    folded(&format!("Steps ({total})"), &text)
}

fn step_row(index: usize, step: &Step, counted: bool, lowest: bool) -> String {
    let remarks: Vec<String> = remarks(step, lowest)
        .into_iter()
        .map(|remark| match remark {
            LOWEST => " **← lowest**".to_owned(),
            remark => format!(" *({remark})*"),
        })
        .collect();
    let number = (index + 1).to_string();
    let title = words(&step.title) + &remarks.concat();
    match step.tally {
        _ if !counted => cells(&[&number, &title]),
        None => cells(&[&number, &title, "", "", ""]),
        Some(tally) => {
            let [voters, quorum, can_lose] =
                [tally.voters, tally.quorum, tally.can_lose].map(|n| n.to_string());
            cells(&[&number, &title, &voters, &quorum, &can_lose])
        }
    }
}

fn changes(plan: &Plan, levels: &Levels) -> String {
    if plan.changes.is_empty() {
        return String::new();
    }
    let of_one = |(change, level): (&Change, &Level)| lines(change, *level);
    let all: Vec<String> = plan.changes.iter().zip(&levels.changes).flat_map(of_one).collect();
    let size = count(all.len(), "line");
    let objects = count(plan.changes.len(), "object");
    folded(&format!("Changes ({objects}, {size})"), &fence("diff", &all))
}

fn kept(plan: &Plan) -> String {
    let all: Vec<&Foreign> = stays(plan).collect();
    if all.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = all.iter().map(|one| foreign(one)).collect();
    folded(&format!("Not managed by this stack ({})", all.len()), &lines.concat())
}

fn foreign(one: &Foreign) -> String {
    let Foreign { key, field, manager, time, tolerated, lost, .. } = one;
    let kept = match (lost, tolerated) {
        (true, _) => "**lost**: the object is made anew without it",
        (_, true) => "left to them by the stack file",
        (_, false) => "kept",
    };
    let who = crate::field::who(manager, None, time.as_deref());
    format!("- {} {}: set by {}; {kept}\n", code(&key.to_string()), code(&clipped(field, 200)), words(&who))
}

fn checked(plan: &Plan) -> String {
    if plan.checks.is_empty() {
        return String::new();
    }
    let with = |outcome: Outcome| plan.checks.iter().filter(move |check| check.outcome == outcome);
    let fine = with(Outcome::Pass).map(|check: &Check| format!("- ✅ {}\n", words(&check.detail)));
    let bad = with(Outcome::Fail).map(|check: &Check| format!("- ❌ {}\n", words(&check.detail)));
    let open = open(&plan.checks).into_iter();
    let open = open.map(|(why, names)| format!("- ❔ {}: {}\n", words(&names.join(", ")), words(why)));
    let text: String = bad.chain(fine).chain(open).collect();
    let failed = with(Outcome::Fail).count();
    let failed = if failed > 0 { format!(", {failed} not in order") } else { String::new() };
    let unknown = with(Outcome::Unchecked).count();
    let unknown = if unknown > 0 { format!(", {unknown} not to be checked") } else { String::new() };
    folded(&format!("Checked ({} in order{failed}{unknown})", with(Outcome::Pass).count()), &text)
}
