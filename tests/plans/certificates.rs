//! Certificates of a founded cluster with one thing wrong, and those of one
//! that is yet to be founded.

use etcdctl_stack::{
    desired::{Names, SecretRequest},
    observed::{Lookup, Members, SecretFacts},
    plan::{Action, IssueReason, Plan},
};

use crate::worlds::{Change, World, codes, days, good, reasons, stack, stops, titles};

const RENEW_ONE: &str = "renew 1 certificate: members read them at the next handshake, none restarts";
const CUT_OFF: &str =
    "the members cannot work together or be asked before certificates are issued: plan again after that";

/// Which certificates are issued, and why.
fn issues(plan: &Plan) -> Vec<(&str, IssueReason)> {
    let actions = plan.steps.iter().flat_map(|step| &step.actions);
    let issues = actions.filter_map(|action| match action {
        Action::Issue { object, reason, .. } => Some((object.key.name.as_str(), reason.clone())),
        _ => None,
    });
    issues.collect()
}

fn notes(plan: &Plan) -> Vec<&str> {
    plan.changes.iter().flat_map(|change| &change.notes).map(String::as_str).collect()
}

fn broken(why: &str) -> IssueReason {
    IssueReason::Broken(why.into())
}

#[test]
fn a_leaf_is_renewed_for_each_reason_and_nothing_else_happens() {
    let server = World::founded().desired.names.server_secret();
    let table: [(IssueReason, Change<'_>); 9] = [
        (IssueReason::Expiring(119), &|world| world.certificate(&server).not_after = days(120) - second()),
        (IssueReason::Expiring(0), &|world| world.certificate(&server).not_after = days(0) + second()),
        (IssueReason::Expiring(-1), &|world| world.certificate(&server).not_after = days(0) - second()),
        (IssueReason::Names("adds localhost; drops db.example.com".into()), &|world| {
            let names = &mut world.certificate(&server).dns_names;
            names.remove("localhost");
            names.insert("db.example.com".into());
        }),
        (IssueReason::Names("subject `etcd-server` instead of `etcd`".into()), &|world| {
            world.certificate(&server).subject = "etcd".into();
        }),
        (broken("`ca.crt` is not the stack's authority"), &|world| {
            world.live.secrets.get_mut(&server).expect("read").authority_sha256 = Some("another".into());
        }),
        (broken("the authority in `ca.crt` did not sign it"), &|world| {
            world.certificate(&server).signed_by_authority = false;
        }),
        (broken("its key does not belong to it"), &|world| world.certificate(&server).key_matches = false),
        (broken("not a certificate: truncated"), &|world| {
            let secret = world.live.secrets.get_mut(&server).expect("read");
            secret.certificate = Some(Err("not a certificate: truncated".into()));
        }),
    ];
    for (reason, change) in table {
        let mut world = World::founded();
        change(&mut world);
        let plan = world.plan();
        assert_eq!(issues(&plan), [("orders-server", reason)]);
        assert_eq!((titles(&plan), plan.is_applicable()), (vec![RENEW_ONE], true));
    }
}

fn second() -> jiff::SignedDuration {
    jiff::SignedDuration::from_secs(1)
}

#[test]
fn a_leaf_with_all_of_its_time_for_renewal_left_is_good() {
    let mut world = World::founded();
    let key = world.desired.names.server_secret();
    world.certificate(&key).not_after = days(120);
    assert!(world.plan().is_empty());
    world.desired = stack("[tls.validity]\nrenew_before_days = 121\n");
    assert_eq!(issues(&world.plan()), [("orders-server", IssueReason::Expiring(120))]);
}

#[test]
fn a_leaf_that_is_gone_is_issued_and_one_without_a_certificate_too() {
    let mut world = World::founded();
    let key = world.desired.names.server_secret();
    world.live.secrets.insert(key.clone(), SecretFacts::default());
    assert_eq!(issues(&world.plan()), [("orders-server", broken("the Secret holds no `tls.crt`"))]);
    world.delete(&key);
    let plan = world.plan();
    assert_eq!(issues(&plan), [("orders-server", IssueReason::Missing)]);
    assert_eq!((titles(&plan), plan.is_applicable()), (vec!["issue 1 certificate"], true));
}

#[test]
fn a_note_says_how_long_ago_a_certificate_ended_and_how_soon_one_ends() {
    for (end, words) in [(-3, "it ended 3 days ago"), (5, "it ends in 5 days")] {
        let mut world = World::founded();
        let key = world.desired.names.operator_secret();
        world.certificate(&key).not_after = days(end);
        let note = format!("issue certificate `root`, client, for 365 days, because {words}");
        assert_eq!(notes(&world.plan()), [note]);
    }
}

#[test]
fn a_new_user_gets_a_certificate() {
    let plan = World::wanting("[[tls.users]]\nname = \"app\"\nsecret = \"orders-user-app\"\n").plan();
    assert_eq!(issues(&plan), [("orders-user-app", IssueReason::Missing)]);
    assert_eq!((titles(&plan), plan.is_applicable()), (vec!["issue 1 certificate"], true));
}

#[test]
fn a_leaf_that_ends_with_its_authority_is_not_renewed_again() {
    let mut world = World::founded();
    let names = world.desired.names.clone();
    for key in [names.client_authority(), names.server_secret(), names.operator_secret()] {
        world.certificate(&key).not_after = days(5);
    }
    let plan = world.plan();
    assert!(plan.is_empty());
    assert_eq!(plan.warnings, ["the authority in `Secret/etcd-orders/orders-client-ca` ends in 5 days"]);
    // One that ends before it is.
    world.certificate(&names.server_secret()).not_after = days(4);
    assert_eq!(issues(&world.plan()), [("orders-server", IssueReason::Expiring(4))]);
}

#[test]
fn what_ended_with_its_authority_is_not_renewed_either() {
    let mut world = World::founded();
    let names = world.desired.names.clone();
    for key in [names.client_authority(), names.server_secret(), names.operator_secret()] {
        world.certificate(&key).not_after = days(-3);
    }
    world.members = Members::Failed("certificate has expired".into());
    let plan = world.plan();
    assert_eq!((plan.steps.len(), plan.digest.is_some()), (0, false));
    assert_eq!(plan.warnings, ["the authority in `Secret/etcd-orders/orders-client-ca` ended 3 days ago"]);
    assert_eq!(plan.unread, ["the members cannot be asked: certificate has expired"]);
}

#[test]
fn an_authority_is_never_made_twice() {
    let names = World::founded().desired.names;
    for key in [names.client_authority(), names.peer_authority()] {
        let mut world = World::founded();
        world.delete(&key);
        let lost = format!("`{key}` is gone, but the cluster was founded with it");
        stops(&world, "plan::authority_lost", &lost);
        assert_eq!((world.plan().steps, world.plan().changes), (Vec::new(), Vec::new()));
    }
}

#[test]
fn an_authority_that_cannot_sign_is_for_a_person_to_restore() {
    let key = World::founded().desired.names.client_authority();
    let table: [(&str, Change<'_>); 4] = [
        ("the Secret holds no `tls.crt`", &|world| {
            world.live.secrets.insert(key.clone(), SecretFacts::default());
        }),
        ("not a certificate: truncated", &|world| {
            let secret = world.live.secrets.get_mut(&key).expect("read");
            secret.certificate = Some(Err("not a certificate: truncated".into()));
        }),
        ("its key does not belong to it", &|world| world.certificate(&key).key_matches = false),
        ("the authority in `ca.crt` did not sign it", &|world| {
            world.certificate(&key).signed_by_authority = false;
        }),
    ];
    for (why, change) in table {
        let mut world = World::founded();
        change(&mut world);
        let reason = format!("`Secret/etcd-orders/orders-client-ca` cannot sign certificates: {why}");
        stops(&world, "plan::authority_broken", &reason);
        assert_eq!(world.plan().changes, Vec::new());
    }
}

#[test]
fn an_authority_is_not_made_again_because_it_ends_or_is_called_otherwise() {
    let key = World::founded().desired.names.peer_authority();
    let mut world = World::founded();
    world.certificate(&key).subject = "old authority".into();
    assert!(world.plan().is_empty());
    world.certificate(&key).not_after = days(1);
    world.certificate(&world.desired.names.peer_secret()).not_after = days(1);
    let plan = world.plan();
    assert!(plan.is_empty());
    assert_eq!(plan.warnings, ["the authority in `Secret/etcd-orders/orders-peer-ca` ends in 1 day"]);
}

/// A world in which issuing was interrupted: these Secrets are filled.
fn interrupted(filled: impl Fn(&Names, &SecretRequest) -> bool) -> World {
    let mut world = World::with_namespace();
    for secret in world.desired.secrets.clone() {
        if filled(&world.desired.names, &secret) {
            world.live.secrets.insert(secret.object.key.clone(), good(&secret));
            world.store(secret.object);
        }
    }
    world
}

#[test]
fn before_the_founding_an_empty_authority_is_filled() {
    let mut world = interrupted(|_, secret| secret.authority.is_none());
    let key = world.desired.names.peer_authority();
    let leaves = ["orders-server", "orders-peer-tls", "orders-operator"];
    let names = |plan: &Plan| issues(plan).into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&world.plan()), leaves);
    world.live.secrets.insert(key, SecretFacts::default());
    let plan = world.plan();
    assert_eq!(codes(&plan), Vec::<&str>::new());
    assert_eq!(names(&plan), [&["orders-peer-ca"][..], &leaves].concat());
}

#[test]
fn before_the_founding_an_authority_with_values_that_cannot_sign_stays() {
    let mut world = interrupted(|_, _| true);
    let key = world.desired.names.peer_authority();
    world.certificate(&key).key_matches = false;
    let reason =
        "`Secret/etcd-orders/orders-peer-ca` cannot sign certificates: its key does not belong to it";
    assert_eq!(reasons(&world.plan()), [("plan::authority_broken", reason)]);
}

#[test]
fn leaves_of_an_authority_that_is_made_anew_are_made_anew_with_it() {
    let why = "its authority is made anew";
    let expected = [
        ("orders-client-ca", IssueReason::Missing),
        ("orders-server", broken(why)),
        ("orders-operator", broken(why)),
    ];
    let mut world = interrupted(|_, _| true);
    let key = world.desired.names.client_authority();
    world.live.secrets.insert(key.clone(), SecretFacts::default());
    assert_eq!(issues(&world.plan()), expected);
    world.delete(&key);
    assert_eq!(issues(&world.plan()), expected);
}

/// Only certificates are planned, in a plan that can be applied.
#[track_caller]
fn only_certificates(plan: &Plan, reason: IssueReason) {
    let title = if reason == IssueReason::Missing { "issue 1 certificate" } else { RENEW_ONE };
    assert_eq!(issues(plan).into_iter().map(|(_, reason)| reason).collect::<Vec<_>>(), [reason]);
    assert_eq!((titles(plan), plan.warnings.as_slice()), (vec![title], &[CUT_OFF.to_owned()][..]));
    assert!(plan.is_applicable() && plan.digest.is_some(), "{:?} {:?}", plan.blocked, plan.unread);
}

#[test]
fn without_the_operators_certificate_only_certificates_are_planned() {
    let mut cut_off = World::wanting("[cluster]\nmembers = 3\n");
    cut_off.members = Members::Failed("certificate has expired".into());
    let key = cut_off.desired.names.operator_secret();
    cut_off.certificate(&key).not_after = days(-3);
    only_certificates(&cut_off.plan(), IssueReason::Expiring(-3));
    cut_off.delete(&key);
    only_certificates(&cut_off.plan(), IssueReason::Missing);
}

#[test]
fn an_ended_certificate_is_renewed_even_when_its_names_change_too() {
    let mut world = World::founded();
    world.members = Members::Failed("certificate has expired".into());
    let key = world.desired.names.operator_secret();
    world.certificate(&key).not_after = days(-3);
    world.certificate(&key).dns_names.insert("old.example.com".into());
    only_certificates(&world.plan(), IssueReason::Expiring(-3));
}

#[test]
fn peers_without_a_certificate_have_no_quorum_before_it_is_renewed() {
    let mut world = World::founded();
    let key = world.desired.names.peer_secret();
    world.certificate(&key).not_after = days(-3);
    world.reading().linearizable = false;
    only_certificates(&world.plan(), IssueReason::Expiring(-3));
}

#[test]
fn members_that_answer_are_planned_with_whatever_certificates_are_issued() {
    let mut world = World::founded();
    let key = world.desired.names.peer_secret();
    world.certificate(&key).not_after = days(-3);
    world.live.journal = Lookup::Absent;
    assert_eq!(
        titles(&world.plan()),
        [RENEW_ONE, "write down orders-0", "write down orders-1", "write down orders-2"]
    );
}

#[test]
fn members_that_are_silent_for_another_reason_are_not_excused() {
    let mut world = World::founded();
    world.members = Members::Failed("connection refused".into());
    let key = world.desired.names.operator_secret();
    world.certificate(&key).not_after = days(5);
    assert_eq!(world.plan().unread, ["the members cannot be asked: connection refused"]);
    // A user's certificate is of no use for asking.
    world.desired = stack("[[tls.users]]\nname = \"app\"\nsecret = \"orders-user-app\"\n");
    assert_eq!(world.plan().unread, ["the members cannot be asked: connection refused"]);
}

#[test]
fn clients_are_not_served_before_a_cluster_that_cannot_be_asked_is_sealed() {
    let mut world = World::founded();
    world.members = Members::Failed("certificate has expired".into());
    let names = world.desired.names.clone();
    world.certificate(&names.operator_secret()).not_after = days(-3);
    world.delete(&names.client_service());
    let open = format!("orders-0={}", names.peer_url(0));
    world.body(&names.bootstrap())["data"]["initial-cluster"] = open.into();
    world.body(&names.bootstrap())["data"]["initial-cluster-state"] = "new".into();
    only_certificates(&world.plan(), IssueReason::Expiring(-3));
}
