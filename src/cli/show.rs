//! `show`: a saved plan, as `plan` showed it. Asks nobody.

use serde_json::Value;

use super::{
    arguments::{Format, Global, Show as Arguments},
    document,
    exit::Exit,
    output::Output,
    saved,
};
use crate::{
    render::{self, About, Detail, Hint, View},
    report::Permissions,
    saved::{Content, Made, Saved},
    stack::parse_and_check,
};

/// Shows a saved plan.
pub fn show(arguments: &Arguments, global: &Global, output: &Output) -> Exit {
    let saved = match saved::read(&arguments.plan, output) {
        Ok(saved) => saved,
        Err(exit) => return exit,
    };
    output.answer(&match arguments.printed.format() {
        Format::Json => format!("{:#}\n", for_programs(&saved)),
        Format::Markdown => document::markdown(&[saved]),
        Format::Text => {
            let file = arguments.plan.display().to_string();
            let Global { context, kubeconfig, verbose, .. } = global;
            let target = render::target(&file, context.as_deref(), kubeconfig.as_deref());
            for_people(&saved, &target, *verbose, output)
        }
    })
}

fn for_people(saved: &Saved, target: &str, verbose: u8, output: &Output) -> String {
    let style = output.answer;
    let Saved { tool_version, made_at, file, content } = saved;
    let (made_at, permissions) = (render::when(*made_at), Permissions::default());
    match content {
        Content::Plan(made) => {
            let line = format!("Planned from {file} at {made_at} by etcdctl-stack {tool_version}.");
            let about = About { file, permissions: &permissions, unfinished: made.unfinished.as_ref() };
            let hint = (!super::automated()).then_some(Hint::Saved { target });
            let view = View { about, detail: Detail::asked(verbose), made_namespace: false, hint };
            format!("{}\n\n{}", style.wrap("", 0, &line), render::plan(&made.plan, view, style))
        }
        Content::NoPlan(diagnostics) => {
            let line = format!("{file} could not be planned at {made_at}:");
            let reasons = diagnostics.iter().filter_map(|one| one["summary"].as_str());
            let reasons: String = reasons
                .map(|reason| format!("{}\n", style.wrap(&format!("{} ", style.bad("✗")), 2, reason)))
                .collect();
            format!("{}\n{reasons}", style.wrap("", 0, &line))
        }
    }
}

/// The same as `plan --json` printed, without the permissions that were given.
fn for_programs(saved: &Saved) -> Value {
    match &saved.content {
        Content::Plan(made) => of_plan(saved, made),
        Content::NoPlan(diagnostics) => render::json_without_plan(&saved.file, diagnostics),
    }
}

fn of_plan(saved: &Saved, made: &Made) -> Value {
    let permissions = Permissions::default();
    let about = About { file: &saved.file, permissions: &permissions, unfinished: made.unfinished.as_ref() };
    match parse_and_check(&saved.file, &made.stack) {
        Ok(checked) => document::json(&made.plan, about, &made.stack, &checked, saved.made_at),
        Err(_) => render::json(&made.plan, about),
    }
}
