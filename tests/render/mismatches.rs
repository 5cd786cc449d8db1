//! Why a plan is not the one that was approved: planned beside now.

use etcdctl_stack::{
    member::{Id, Role},
    object::Kind,
    observed::Lookup,
    plan::{Basis, Digest, Plan, Verb},
    render::mismatch,
    report::Approved,
};

use crate::{
    NARROW, WIDE, fits, shows,
    worlds::{field, grow, key, unchanged},
};

const PLANNED_BESIDE_NOW: &str = r#"  ~ StatefulSet/etcd-orders/orders metadata.annotations["example.com/runbook"]
      approved  - "old"
      now       no change
  ~ StatefulSet/etcd-orders/orders metadata.labels.team
      approved  + "payments"
      now       no change
  ~ StatefulSet/etcd-orders/orders spec.replicas
      approved  3 -> 5
      now       4 -> 5
  ~ member at https://orders-2:2380
      approved  orders-2, voter, id a2
      now       orders-2, learner, id bad
  ~ step
      approved  add orders-3 as a learner and let it, and only it, join
      now       none
"#;

/// A plan whose parts are these hashes.
fn of(basis: Basis, plan: Plan) -> Plan {
    Plan { digest: Some(Digest::of(&basis)), basis, ..plan }
}

fn basis(stateful_set: &str, members: &str) -> Basis {
    let objects = [(key(Kind::StatefulSet, "orders"), stateful_set.to_owned())].into();
    Basis { objects, members: members.into(), ..Basis::default() }
}

#[test]
fn what_was_planned_stands_beside_what_is_planned_now() {
    let addressed = |mut plan: Plan| {
        for member in &mut plan.etcd.as_mut().expect("it runs").members {
            member.peer_urls = vec![format!("https://{}:2380", member.name)];
        }
        plan
    };
    let approved = of(basis("a", "a"), addressed(grow()));
    let mut now = of(basis("b", "b"), addressed(grow()));
    now.changes[0].fields = vec![field("spec.replicas", Some(4.into()), Some(5.into()))];
    let listed = &mut now.etcd.as_mut().expect("it runs").members;
    listed[2].role = Role::Learner;
    listed[2].id = Id(0xbad);
    now.steps.remove(0);
    let text = mismatch(Approved::Plan(&approved), &now, WIDE);
    shows(&text, PLANNED_BESIDE_NOW);
    let shown = text.split_once("spec.replicas\n").expect("a field").1;
    assert!(include_str!("../../README.md").contains(shown), "not in the README:\n{shown}");
    fits(&mismatch(Approved::Plan(&approved), &now, NARROW), 40);
}

#[test]
fn where_only_the_digest_is_known_the_parts_that_differ_are_named() {
    let approved = Digest::of(&basis("a", "a")).0;
    let now = of(basis("a", "b"), grow());
    let told = |digest: &str| mismatch(Approved::Digest(digest), &now, WIDE);
    shows(&told(&approved), "  differs: the members of etcd\n");
    shows(&told("7f3a91c2"), "");
}

#[test]
fn another_cluster_and_a_namespace_that_was_made_anew_are_named() {
    let approved = of(Basis { cluster: "a".into(), ..Basis::default() }, unchanged());
    let now = || of(Basis { cluster: "b".into(), ..Basis::default() }, unchanged());
    let anew = mismatch(Approved::Plan(&approved), &now(), WIDE);
    shows(&anew, "  ~ namespace etcd-orders\n      approved  as it was\n      now       made anew\n");
    let mut elsewhere = now();
    elsewhere.target.cluster_uid = Lookup::Found("9d2e".into());
    let elsewhere = mismatch(Approved::Plan(&approved), &elsewhere, WIDE);
    let expected = "  ~ the cluster\n      approved  7c1f, namespace etcd-orders\n      now       9d2e, namespace etcd-orders\n";
    shows(&elsewhere, expected);
}

#[test]
fn an_object_that_nothing_is_planned_for_is_named_all_the_same() {
    let approved = of(basis("a", "a"), unchanged());
    let told = |now: Plan| mismatch(Approved::Plan(&approved), &now, WIDE);
    let hidden = told(of(basis("b", "a"), unchanged()));
    let what = "  ~ StatefulSet/etcd-orders/orders\n      approved  as it was\n";
    shows(&hidden, &format!("{what}      now       changed, where the plan shows nothing of it\n"));
    let mut gone = of(basis("b", "a"), grow());
    (gone.changes[0].verb, gone.changes[0].fields) = (Verb::Create, Vec::new());
    (gone.steps, gone.etcd) = (Vec::new(), approved.etcd.clone());
    let what = "  ~ StatefulSet/etcd-orders/orders\n      approved  as the stack file wants it\n";
    shows(&told(gone), &format!("{what}      now       to create\n"));
}
