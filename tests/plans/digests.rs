//! What an approval is bound to: what a reviewer sees, and nothing that
//! changes by itself or that another reader sees otherwise.

use etcdctl_stack::{
    member::{Id, Role},
    observed::{Lookup, Proposal},
    plan::{Digest, Intent, Part},
};
use serde_json::json;

use crate::worlds::{Change, NOW, World, days, stack, voter};

const FIVE: &str = "[cluster]\nmembers = 5\n";

fn digest(world: &World) -> Digest {
    world.plan().digest.expect("all was read")
}

#[test]
fn what_changes_by_itself_or_for_the_reader_keeps_the_digest() {
    let names = World::founded().desired.names;
    let table: [(&str, Change<'_>); 7] = [
        ("resource versions", &|world| {
            for key in world.desired.objects().iter().map(|object| object.key.clone()).collect::<Vec<_>>() {
                world.body(&key)["metadata"]["resourceVersion"] = json!("900");
                world.body(&key)["metadata"]["generation"] = json!(4);
                world.body(&key)["status"]["observedGeneration"] = json!(4);
                world.body(&key)["metadata"]["managedFields"] = json!([{ "manager": "kubelet" }]);
            }
        }),
        ("status", &|world| world.body(&names.stateful_set())["status"] = json!({ "readyReplicas": 2 })),
        ("leader", &|world| {
            for member in ["orders-0", "orders-1", "orders-2"] {
                world.status(member).leader = Id(0xa1);
                world.status(member).raft_term = 3;
                world.status(member).db_size = 8192;
            }
        }),
        ("pods", &|world| {
            world.pods()[1].node = Some("node-9".into());
            world.pods()[1].restarts = 4;
        }),
        ("nodes", &|world| world.live.nodes = Lookup::Failed("forbidden".into())),
        ("rights", &|world| {
            let right = world.live.rights[0].clone();
            world.live.rights.push(right);
        }),
        ("context", &|world| world.live.target.context = "in-cluster".into()),
    ];
    let before = digest(&World::wanting(FIVE));
    for (what, change) in table {
        let mut world = World::wanting(FIVE);
        change(&mut world);
        assert_eq!(digest(&world), before, "{what}");
    }
}

#[test]
fn the_time_keeps_the_digest_until_it_changes_what_is_done() {
    let world = World::wanting(FIVE);
    let plan_at =
        |at| etcdctl_stack::plan::plan(&world.desired, &world.observed(), &Intent::default(), at).digest;
    assert_eq!(plan_at(days(1)), plan_at(NOW));
    assert_ne!(plan_at(days(300)), plan_at(NOW));
}

#[test]
fn each_thing_that_a_reviewer_sees_changes_the_digest() {
    let names = World::founded().desired.names;
    use Part::{Cluster, Foreign, Members, Objects, Stack, Steps};
    let table: [(&str, &[Part], Change<'_>); 16] = [
        ("the stack", &[Stack, Steps], &|world| world.desired = stack("[cluster]\nmembers = 4\n")),
        ("a live field", &[Objects, Steps], &|world| {
            world.body(&names.peer_service())["spec"]["ports"][0]["port"] = json!(1);
        }),
        ("a field that is to go", &[Objects], &|world| {
            world.body(&names.budget())["metadata"]["labels"]["team"] = json!("db");
        }),
        ("an object in another's place", &[Objects], &|world| {
            world.body(&names.peer_service())["metadata"]["uid"] = json!("another");
        }),
        ("a namespace in another's place", &[Cluster, Objects], &|world| {
            world.body(&names.namespace_key())["metadata"]["uid"] = json!("another");
        }),
        ("an object that is gone", &[Objects], &|world| world.delete(&names.budget())),
        ("an answer of the server", &[Objects], &|world| {
            let mut object = world.desired.budget.clone().expect("a budget");
            object.body["metadata"]["labels"]["injected"] = json!("by a webhook");
            accept(world, object, &[]);
        }),
        ("a warning of the server", &[Objects], &|world| {
            let object = world.desired.budget.clone().expect("a budget");
            accept(world, object, &["deprecated"]);
        }),
        ("a certificate", &[Objects], &|world| {
            world.certificate(&names.server_secret()).not_after = days(200)
        }),
        ("an authority", &[Objects, Steps], &|world| {
            let secret = world.live.secrets.get_mut(&names.server_secret()).expect("read");
            secret.authority_sha256 = Some("another".into());
        }),
        ("a member", &[Members, Steps], &|world| {
            let more = voter(&world.desired, 3);
            world.listed().push(more);
        }),
        ("a member's id", &[Members], &|world| world.listed()[2].id = Id(0xbad)),
        ("a member's role", &[Members, Steps], &|world| world.listed()[2].role = Role::Learner),
        ("a claim in another's place", &[Objects, Steps], &|world| world.claims()[1].uid = "another".into()),
        ("what others set", &[Objects, Foreign], &|world| {
            let body = world.body(&names.budget());
            body["metadata"]["annotations"] = json!({ "note": "theirs" });
            body["metadata"]["managedFields"] = json!([{ "manager": "kubectl-edit", "operation": "Update",
                "fieldsV1": { "f:metadata": { "f:annotations": { "f:note": {} } } } }]);
        }),
        ("a step", &[Steps], &|world| world.live.journal = Lookup::Absent),
    ];
    let before = digest(&World::wanting(FIVE));
    let mut seen = vec![("nothing", before.clone())];
    for (what, parts, change) in table {
        let mut world = World::wanting(FIVE);
        change(&mut world);
        let one = digest(&world);
        assert!(seen.iter().all(|(_, other)| *other != one), "{what}");
        assert_eq!(before.differs(&one.0), parts, "{what}");
        seen.push((what, one));
    }
}

fn accept(world: &mut World, object: etcdctl_stack::object::Object, warnings: &[&str]) {
    let warnings = warnings.iter().map(|warning| (*warning).to_owned()).collect();
    world.answers.insert(object.key.clone(), Proposal::Accepted { object, warnings });
}

#[test]
fn a_cluster_is_told_by_its_uid_while_the_namespace_is_not_there() {
    let absent = |uid: &str| {
        let mut world = World::with_namespace();
        world.delete(&world.desired.namespace.key.clone());
        world.live.target.cluster_uid = Lookup::Found(uid.into());
        digest(&world)
    };
    assert_eq!(absent("u"), absent("u"));
    assert_ne!(absent("u"), absent("v"));
}

#[test]
fn what_admission_says_of_the_first_pod_and_claim_is_approved_with_the_rest() {
    let pod = World::founded().desired.pod;
    let claim = World::founded().desired.claim;
    let before = digest(&World::with_namespace());
    for object in [pod, claim] {
        let mut world = World::with_namespace();
        accept(&mut world, object, &["would violate PodSecurity"]);
        let warned = digest(&world);
        world.answers.clear();
        assert_eq!((warned == before, digest(&world) == before), (false, true));
    }
}
