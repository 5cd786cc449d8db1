//! What deletes data or takes time without service is allowed by name.

use std::io::{self, BufRead};

use super::{exit::Exit, output::Output};
use crate::{
    desired::{Names, ORDINALS},
    object::Named,
    observed::journal::Ending,
    plan::Plan,
    report::{Permissions, Unfinished, Which, needed},
};

/// Refuses a permission to delete what the plan does not delete: whoever gave
/// it expects another plan. Where an apply goes on, it may have been done by
/// the earlier one, which was given the same permission.
pub fn is_of_the_plan(
    permissions: &Permissions,
    plan: &Plan,
    names: &Names,
    unfinished: Option<&Unfinished>,
    refuse: impl FnOnce(&str, Option<&str>) -> Exit,
) -> Result<(), Exit> {
    match beside(permissions, plan, names, unfinished) {
        None => Ok(()),
        Some((what, help)) => Err(refuse(&what, Some(&help))),
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
    let (claims, objects) = permissions.beside_the_plan(plan);
    let claims: Vec<String> = claims.into_iter().filter(|claim| !was_done(claim)).collect();
    let objects = if unfinished.is_some() { Vec::new() } else { objects };
    if !claims.is_empty() {
        let what = format!("--allow-data-loss names {}, which the plan does not delete", claims.join(", "));
        let help = match needed(plan).data_loss.as_slice() {
            [] => "leave it out: the plan deletes no data".to_owned(),
            claims => format!("the plan deletes the data of {}", claims.join(", ")),
        };
        return Some((what, help));
    }
    (!objects.is_empty()).then(|| {
        let what = format!("--allow-delete names {}, which the plan does not delete", listed(&objects));
        let help = match needed(plan).delete.as_slice() {
            [] => "leave it out: the plan deletes nothing that needs it".to_owned(),
            objects => format!("the plan deletes {}", listed(objects)),
        };
        (what, help)
    })
}

fn listed(objects: &[Named]) -> String {
    objects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What a person at this terminal will be asked for and so need not be allowed
/// beforehand: what goes for good.
pub fn to_be_asked(permissions: &Permissions) -> Permissions {
    Permissions { data_loss: Which::All, delete: Which::All, ..permissions.clone() }
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

/// Asks whether to go on. Where something goes for good that was not allowed
/// beforehand, or the whole stack, only the stack's name is taken for yes.
pub fn asked(permissions: &Permissions, plan: &Plan, output: &Output) -> Result<(), Exit> {
    let missing = permissions.missing(plan);
    let data =
        (!missing.data_loss.is_empty()).then(|| format!("the data of {}", missing.data_loss.join(", ")));
    let objects = (!missing.delete.is_empty()).then(|| listed(&missing.delete));
    let goes: Vec<String> = data.into_iter().chain(objects).collect();
    let (question, yes) = if let Some(end) = plan.intended.end {
        (ending(end, &goes, &plan.stack), plan.stack.as_str())
    } else if goes.is_empty() {
        ("Do this? Only `yes` is taken for yes:".to_owned(), "yes")
    } else {
        let (goes, stack) = (goes.join(", and "), plan.stack.as_str());
        (format!("This deletes for ever {goes}. Type the stack's name, `{stack}`, to do it:"), stack)
    };
    if says(&question, yes, output) {
        return Ok(());
    }
    output.say("Nothing was changed.");
    Err(Exit::Error)
}

/// What the end of a stack is asked with.
fn ending(end: Ending, goes: &[String], stack: &str) -> String {
    let what = match (end, goes) {
        (Ending::Destroy, []) => format!("This takes stack `{stack}` away."),
        (Ending::Destroy, goes) => {
            format!("This takes stack `{stack}` away, and for ever {}.", goes.join(", and "))
        }
        (Ending::Forget, _) => {
            format!("This hands stack `{stack}` over, and nothing of it is this tool's any more.")
        }
    };
    format!("{what} Type the stack's name, `{stack}`, to do it:")
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
            revisions: Lookup::Absent,
            claims: Lookup::Absent,
            storage_classes: Lookup::Absent,
            nodes: Lookup::Absent,
            quotas: Lookup::Absent,
            rights: Vec::new(),
            journal: Lookup::Absent,
            lease: Lookup::Absent,
            neighbours: Default::default(),
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
        Permissions { data_loss: Which::These(claims), ..Permissions::default() }
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
    fn the_end_of_a_stack_is_asked_with_what_goes() {
        let asked = |end, goes: &[&str]| {
            let goes: Vec<String> = goes.iter().map(|one| (*one).to_owned()).collect();
            ending(end, &goes, "orders")
        };
        assert_eq!(
            asked(Ending::Destroy, &["the data of data-orders-0", "Secret/orders-peer-ca"]),
            "This takes stack `orders` away, and for ever the data of data-orders-0, and Secret/orders-peer-ca. Type \
             the stack's name, `orders`, to do it:"
        );
        assert!(asked(Ending::Destroy, &[]).starts_with("This takes stack `orders` away. Type"));
        assert!(asked(Ending::Forget, &[]).starts_with("This hands stack `orders` over, and nothing of it"));
    }

    #[test]
    fn what_is_asked_for_at_a_terminal_is_not_missing_before() {
        let asked = to_be_asked(&Permissions::default());
        let expected = Permissions { data_loss: Which::All, delete: Which::All, downtime: false };
        assert_eq!(asked, expected);
    }
}
