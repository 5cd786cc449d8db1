//! Fields that somebody else set.

use etcdctl_stack::{
    plan::{Blocked, Fact, Plan},
    render::{self, Style},
};

use crate::{
    NARROW, WIDE, fits,
    plans::{ABOUT, VIEW},
    shows, worlds,
};

fn conflict() -> Plan {
    let fact = |label: &str, text: &str| Fact { label: label.into(), text: text.into() };
    let facts = vec![
        fact("you want", "2"),
        fact("now", "1"),
        fact("set by", "kubectl-edit, 2026-11-20T18:25:21Z"),
        fact("meaning", "it decides how many members a drain may take at once"),
        fact("take it", "--take 'PodDisruptionBudget/orders:spec.minAvailable@kubectl-edit'"),
    ];
    let blocked = Blocked {
        facts,
        ..Blocked::new(
            "plan::conflict",
            "`spec.minAvailable` of `PodDisruptionBudget/etcd-orders/orders` is set by kubectl-edit, and the \
             plan would change it"
                .to_owned(),
            "put their value into the stack file, take the field back, or leave it to them under \
             `[[ownership.tolerate]]`",
        )
    };
    Plan { blocked: vec![blocked], ..worlds::unchanged() }
}

fn card(style: Style) -> String {
    let text = render::plan(&conflict(), VIEW, style);
    text[text.find('✗').expect("a reason")..].to_owned()
}

#[test]
fn a_conflict_is_a_card_as_the_readme_shows_it() {
    let text = card(WIDE);
    let readme = include_str!("../../README.md");
    let end = text.find("  plan::conflict").expect("its code");
    assert!(readme.contains(&text[..end]), "not in the README:\n{text}");
}

#[test]
fn a_card_fits_forty_columns() {
    let text = card(NARROW);
    fits(&text, 40);
    shows(
        &text,
        r#"✗ `spec.minAvailable` of
  `PodDisruptionBudget/etcd-orders/orders`
  is set by kubectl-edit, and the plan
  would change it
    you want 2
    now      1
    set by   kubectl-edit,
             2026-11-20T18:25:21Z
    meaning  it decides how many members
             a drain may take at once
    take it  --take
             'PodDisruptionBudget/orders:spec.minAvailable@kubectl-edit'
  help: put their value into the stack
        file, take the field back, or
        leave it to them under
        `[[ownership.tolerate]]`
  plan::conflict

Cannot be applied, for 1 reason. Nothing
was changed.
"#,
    );
}

#[test]
fn programs_get_what_is_known_of_a_reason() {
    let json = crate::json(&conflict(), ABOUT);
    assert_eq!(json["diagnostics"][0]["facts"][1]["label"], "now");
    assert_eq!(json["diagnostics"][0]["facts"][1]["text"], "1");
}
