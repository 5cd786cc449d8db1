//! What stands in the way of a plan, as it is printed.

use etcdctl_stack::{
    plan::{Blocked, Plan},
    render::{self, View},
};

use crate::{
    NARROW, WIDE, fits,
    plans::{NOTHING, VIEW, plan},
    shows, worlds,
};

#[test]
fn what_stands_in_the_way_comes_with_what_to_do() {
    let text = plan(&worlds::blocked(), NARROW);
    fits(&text, 40);
    shows(
        &text[text.find('✗').expect("a reason")..],
        r#"✗ only 2 of 3 voters are healthy:
  `orders-2` does not answer
  help: repair it first; `etcdctl-stack
        status` shows what is wrong with
        it
  plan::unhealthy

✗ the API server refuses
  `Service/etcd-orders/orders`:
  port \u{1b}[31m0 is invalid
  plan::refused

Cannot be applied, for 2 reasons.
Nothing was changed.
"#,
    );
}

#[test]
fn a_plan_that_could_not_read_everything_is_not_offered() {
    let unread = vec!["`Service/etcd-orders/orders` cannot be read: timeout".to_owned()];
    let world = Plan { unread, digest: None, ..worlds::unchanged() };
    shows(
        &plan(&world, WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders
cluster 9f1e  ·  3 of 3 voters healthy  ·  leader orders-2  ·  database 1.2 GiB of 6 GiB

✗ `Service/etcd-orders/orders` cannot be read: timeout

Cannot be applied, for 1 reason. Nothing was changed.
"#,
    );
}

/// A plan that may read nothing.
fn forbidden() -> Plan {
    let one = |name: &str| {
        format!(
            r#"`Secret/n/{name}` cannot be read: secrets "{name}" is forbidden: User "x" cannot get resource "secrets" in API group "" in the namespace "n""#
        )
    };
    let unread = ["a", "b", "c"].map(one).to_vec();
    let namespace_exists = false;
    Plan { unread, digest: None, etcd: None, unchanged: Vec::new(), namespace_exists, ..worlds::unchanged() }
}

#[test]
fn reasons_that_differ_only_in_the_object_are_one_and_counted_as_one() {
    shows(
        &plan(&forbidden(), WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders (unknown)

✗ 3 reads are forbidden: user "x" may not get secrets in namespace "n"

Cannot be applied, for 1 reason. Nothing was changed.
"#,
    );
}

#[test]
fn rights_that_are_listed_are_not_counted_again() {
    let reason = "2 of 30 rights are missing: get secrets in n, list pods in n".to_owned();
    let blocked = vec![Blocked {
        code: "plan::missing_rights".into(),
        reason,
        facts: Vec::new(),
        help: None,
        key: None,
        contested: None,
    }];
    let world = Plan { blocked, ..forbidden() };
    shows(
        &plan(&world, WIDE),
        r#"orders  ·  context prod-eu  ·  namespace etcd-orders (unknown)

✗ 2 of 30 rights are missing: get secrets in n, list pods in n
  plan::missing_rights

Cannot be applied, for 1 reason. Nothing was changed.
"#,
    );
    let summary = render::summary(&[("orders.toml", Ok(&world))], &NOTHING, WIDE);
    assert!(
        summary
            .contains("orders.toml  error: 2 of 30 rights are missing: get secrets in n, list pods in n\n")
    );
}

#[test]
fn a_namespace_that_is_missing_and_may_not_be_made_is_not_new() {
    let reason = "`Namespace/etcd-orders` does not exist, and `create_namespace` is false".to_owned();
    let blocked = vec![Blocked {
        code: "plan::namespace_missing".into(),
        reason,
        facts: Vec::new(),
        help: None,
        key: None,
        contested: None,
    }];
    let world = Plan { namespace_exists: false, blocked, ..worlds::unchanged() };
    assert!(plan(&world, WIDE).contains("namespace etcd-orders (not there)"));
}

#[test]
fn what_was_done_before_a_refusal_is_said() {
    let blocked = worlds::blocked();
    let told = |made_namespace| render::plan(&blocked, View { made_namespace, ..VIEW }, WIDE);
    assert!(told(false).contains("Nothing was changed."));
    let made = "The namespace was made, and nothing else was changed.";
    assert!(told(true).contains(made) && !told(true).contains("Nothing was changed."));
}
