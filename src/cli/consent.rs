//! What deletes data or takes time without service is allowed by name.

use std::io::{self, BufRead};

use super::{exit::Exit, output::Output};
use crate::{
    desired::{Names, ORDINALS},
    plan::Plan,
    report::{DataLoss, Permissions, Unfinished, needed},
};

/// Refuses a permission to delete what the plan does not delete: whoever gave
/// it expects another plan. Where an apply goes on, it may have been done by
/// the earlier one, which was given the same permission.
pub fn is_of_the_plan(
    permissions: &Permissions,
    plan: &Plan,
    names: &Names,
    unfinished: Option<&Unfinished>,
    output: &Output,
) -> Result<(), Exit> {
    match beside(permissions, plan, names, unfinished) {
        None => Ok(()),
        Some((what, help)) => Err(output.error(&what, Some(&help))),
    }
}

/// What is wrong with a permission, and what to do.
fn beside(
    permissions: &Permissions,
    plan: &Plan,
    names: &Names,
    unfinished: Option<&Unfinished>,
) -> Option<(String, String)> {
    if plan.is_empty() || !plan.is_applicable() {
        return None;
    }
    let was_done = |claim: &String| {
        unfinished.is_some() && (0..ORDINALS).any(|ordinal| names.claim(ordinal).name == *claim)
    };
    let wrong: Vec<String> =
        permissions.beside_the_plan(plan).into_iter().filter(|claim| !was_done(claim)).collect();
    if wrong.is_empty() {
        return None;
    }
    let what = format!("--allow-data-loss names {}, which the plan does not delete", wrong.join(", "));
    let help = match needed(plan).data_loss.as_slice() {
        [] => "leave it out: the plan deletes no data".to_owned(),
        claims => format!("the plan deletes the data of {}", claims.join(", ")),
    };
    Some((what, help))
}

/// What a person at this terminal will be asked for and so need not be allowed
/// beforehand: whose data goes.
pub fn to_be_asked(permissions: &Permissions) -> Permissions {
    Permissions { data_loss: DataLoss::OfAll, ..permissions.clone() }
}

/// Refuses what is not allowed, in the words of the plan.
pub fn is_given(permissions: &Permissions, plan: &Plan, output: &Output) -> Result<(), Exit> {
    let missing = permissions.missing(plan).flags();
    if missing.is_empty() {
        return Ok(());
    }
    for flag in missing {
        output.say(&output.progress.wrap(&output.progress.bad("Needs: "), 2, &flag));
    }
    output.say("Nothing was changed.");
    Err(Exit::Blocked)
}

/// Asks whether to go on. Where data is deleted that was not allowed
/// beforehand, only the stack's name is taken for yes.
pub fn asked(permissions: &Permissions, plan: &Plan, output: &Output) -> Result<(), Exit> {
    let claims = permissions.missing(plan).data_loss;
    let (question, yes) = if claims.is_empty() {
        ("Do this? Only `yes` is taken for yes:".to_owned(), "yes")
    } else {
        let (claims, stack) = (claims.join(", "), plan.stack.as_str());
        (
            format!(
                "This deletes for ever the data of {claims}. Type the stack's name, `{stack}`, to do it:"
            ),
            stack,
        )
    };
    if says(&question, yes, output) {
        return Ok(());
    }
    output.say("Nothing was changed.");
    Err(Exit::Error)
}

/// Whether a person at the terminal answers with exactly this.
pub fn says(question: &str, yes: &str, output: &Output) -> bool {
    output.say(&format!("\n{}", output.progress.wrap("", 0, question)));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == yes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        desired::desired,
        observed::{Live, Lookup, Members, Observed, Target, journal::StepCount},
        plan::{Cost, Intent, Step, plan},
        stack::parse_and_check,
    };

    fn names() -> Names {
        let text = "[stack]\nname = \"orders\"\nnamespace = \"etcd-orders\"\n";
        Names::of(&parse_and_check("orders.toml", text).unwrap().stack)
    }

    /// A plan that deletes the data of one claim, and nothing else.
    fn deletes(claim: &str) -> Plan {
        let text = "[stack]\nname = \"orders\"\nnamespace = \"etcd-orders\"\n";
        let desired = desired(&parse_and_check("orders.toml", text).unwrap().stack);
        let live = Live {
            target: Target { context: "here".into(), cluster_uid: Lookup::Absent },
            kubernetes: None,
            objects: BTreeMap::new(),
            secrets: BTreeMap::new(),
            pods: Lookup::Absent,
            claims: Lookup::Absent,
            storage_classes: Lookup::Absent,
            nodes: Lookup::Absent,
            quotas: Lookup::Absent,
            rights: Vec::new(),
            journal: Lookup::Absent,
            lease: Lookup::Absent,
        };
        let observed = Observed { live, proposals: BTreeMap::new(), members: Members::NotRunning };
        let step = Step {
            title: "delete it".into(),
            actions: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            tally: None,
            costs: vec![Cost::DataLoss { claim: claim.into() }],
        };
        let made = plan(&desired, &observed, &Intent::default(), Timestamp::UNIX_EPOCH);
        Plan { steps: vec![step], blocked: Vec::new(), unread: Vec::new(), changes: Vec::new(), ..made }
    }

    fn allow(claims: &[&str]) -> Permissions {
        let claims = claims.iter().map(|claim| (*claim).to_owned()).collect();
        Permissions { data_loss: DataLoss::Of(claims), downtime: false }
    }

    #[test]
    fn a_claim_that_stays_may_not_be_named() {
        let plan = deletes("data-orders-4");
        let wrong = |claims: &[&str]| beside(&allow(claims), &plan, &names(), None);
        assert_eq!(wrong(&["data-orders-4"]), None);
        let (what, help) = wrong(&["data-orders-4", "data-orders-3"]).unwrap();
        assert_eq!(what, "--allow-data-loss names data-orders-3, which the plan does not delete");
        assert_eq!(help, "the plan deletes the data of data-orders-4");
        let nothing = Plan { steps: Vec::new(), ..plan.clone() };
        assert_eq!(beside(&allow(&["data-orders-3"]), &nothing, &names(), None), None);
    }

    #[test]
    fn a_claim_that_an_unfinished_apply_may_have_deleted_may_be_named_again() {
        let unfinished = Unfinished {
            who: "ann@laptop/1".into(),
            started_at: Timestamp::UNIX_EPOCH,
            digest: String::new(),
            steps: StepCount::default(),
            asked_for: Vec::new(),
            holds_lock: false,
        };
        let plan = deletes("data-orders-3");
        let wrong = |claims: &[&str]| beside(&allow(claims), &plan, &names(), Some(&unfinished)).is_some();
        assert_eq!([wrong(&["data-orders-4", "data-orders-3"]), wrong(&["data-others-4"])], [false, true]);
    }

    #[test]
    fn what_is_asked_for_at_a_terminal_is_not_missing_before() {
        let asked = to_be_asked(&Permissions::default());
        assert_eq!((asked.data_loss, asked.downtime), (DataLoss::OfAll, false));
    }
}
