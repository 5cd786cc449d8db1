//! Stacks that are destroyed or handed over, and every call of that with every
//! fault.

use etcdctl_stack::{
    desired::{MANAGED_BY, STACK_LABEL},
    object::Kind,
    observed::journal::Ending,
    plan::{Intent, action_hashes, goes_on},
    report::{Outcome, Report},
};

use crate::{
    drive::{founded, nothing_wrong, stack, titles},
    simulator::{Ended, Fault, Simulator},
};

fn destroy(delete: &[&str]) -> Intent {
    let delete = delete.iter().map(|named| named.parse().expect("an object")).collect();
    Intent { end: Some(Ending::Destroy), delete, ..Intent::default() }
}

fn forget() -> Intent {
    Intent { end: Some(Ending::Forget), ..Intent::default() }
}

/// Plans and carries out until nothing is left. Only the first run is told
/// what goes besides.
fn ended(world: &Simulator, intent: &Intent) -> Result<(), String> {
    let state = &world.state;
    (state.borrow_mut().rules.downtime, state.borrow_mut().rules.ends) = (true, true);
    let again = Intent { end: intent.end, ..Intent::default() };
    let mut asked = false;
    for _ in 0..6 {
        world.let_time_pass(10);
        let plan = world.plan_with(if asked { &again } else { intent });
        if !plan.is_applicable() {
            return Err(format!("blocked: {:?} {:?}", plan.blocked, plan.unread));
        }
        let journal = world.read().journal.clone();
        // A run that could not write down its end has an end to write.
        if plan.is_empty() && journal.as_ref().is_none_or(|journal| journal.unfinished().is_none()) {
            return sound(world);
        }
        if let Some(run) = journal.as_ref().and_then(|journal| journal.unfinished())
            && run.intended.end == intent.end
            && !goes_on(&run.actions, &action_hashes(&plan.steps))
        {
            return Err(format!("the approval does not hold for the rest: {:?}", titles(&plan)));
        }
        match world.run(&plan) {
            Ended::Report(Report { outcome: Outcome::Completed | Outcome::Stopped { .. }, .. })
            | Ended::Crashed => {}
            Ended::Report(report) => return Err(format!("ended with {report:?}")),
        }
        let journal = world.read().journal.clone();
        let run = journal.as_ref().and_then(|journal| journal.run.as_ref());
        asked = asked || run.is_some_and(|run| run.intended == plan.intended);
    }
    Err(format!("not at an end after six runs: {:?}", titles(&world.plan_with(&again))))
}

fn sound(world: &Simulator) -> Result<(), String> {
    let wrong = world.violations();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// Every call with every fault. Returns one world at its end.
#[track_caller]
fn interrupted(name: &str, world: &Simulator, intent: &Intent, is: &dyn Fn(&Simulator)) -> Simulator {
    world.begin();
    let whole = world.clone();
    ended(&whole, intent).unwrap_or_else(|why| panic!("{name}: {why}; calls {:?}", whole.history()));
    is(&whole);
    let (mut count, mut wrong) = (1, Vec::new());
    for (call, fault) in (0..whole.calls()).flat_map(|call| Fault::ALL.map(|fault| (call, fault))) {
        let copy = world.clone();
        copy.fault(call, fault);
        match ended(&copy, intent) {
            Ok(()) => is(&copy),
            Err(why) => wrong.push(format!("{name}, {fault:?} at call {call}: {why}; {:?}", copy.history())),
        }
        count += 1;
    }
    println!("{name}: {count} interleavings");
    nothing_wrong(&wrong);
    whole
}

/// The names of what is there, without the namespace.
fn left(world: &Simulator) -> Vec<String> {
    let state = world.read();
    let objects = state.objects.keys().filter(|key| key.kind != Kind::Namespace);
    let objects = objects.map(|key| format!("{}/{}", key.kind, key.name));
    let claims = state.claims.keys().map(|ordinal| world.desired.names.claim(*ordinal).name);
    let journal = state.journal.iter().map(|_| "journal".to_owned());
    objects.chain(claims).chain(journal).collect()
}

#[test]
fn a_stack_is_destroyed_and_its_data_stays() {
    for members in [1, 3] {
        let world = founded(members);
        world.write_a_key();
        interrupted(&format!("destroy {members}"), &world, &destroy(&[]), &|world| {
            let claims = (0..members).map(|ordinal| world.desired.names.claim(ordinal).name);
            let secrets = ["Secret/orders-client-ca", "Secret/orders-peer-ca"].map(str::to_owned);
            let expected: Vec<String> =
                secrets.into_iter().chain(claims).chain(["journal".to_owned()]).collect();
            assert_eq!(left(world), expected);
            let state = world.read();
            let journal = state.journal.as_ref().expect("just seen");
            assert_eq!((journal.members.len(), journal.unfinished()), (members, None));
            assert!(journal.cluster_id.is_some() && state.snapshots > 0 && state.pods.is_empty());
            assert_eq!(state.lost_keys(), Vec::<u64>::new());
        });
    }
}

const EVERYTHING: [&str; 5] = [
    "PersistentVolumeClaim/data-orders-0",
    "PersistentVolumeClaim/data-orders-1",
    "PersistentVolumeClaim/data-orders-2",
    "Secret/orders-client-ca",
    "Secret/orders-peer-ca",
];

#[test]
fn a_stack_is_destroyed_with_all_that_it_had() {
    let world = founded(3);
    interrupted("destroy all", &world, &destroy(&EVERYTHING), &|world| {
        assert_eq!(left(world), Vec::<String>::new());
        let state = world.read();
        assert!(state.objects.keys().all(|key| key.kind == Kind::Namespace) && !state.objects.is_empty());
    });
}

#[test]
fn a_stack_is_destroyed_with_its_namespace() {
    let named = [&EVERYTHING[..], &["Namespace/ns"]].concat();
    interrupted("destroy the namespace", &founded(3), &destroy(&named), &|world| {
        assert!(world.read().objects.is_empty() && left(world).is_empty());
    });
}

#[test]
fn a_founding_that_broke_off_is_destroyed() {
    let world = Simulator::new(stack(3, ""));
    world.fault(22, Fault::CrashAfter);
    let plan = world.plan();
    assert!(matches!(world.run(&plan), Ended::Crashed));
    world.begin();
    ended(&world, &destroy(&[])).expect("destroyed");
    let kept = left(&world);
    assert!(
        kept.iter().all(|name| name.contains("-ca") || name.contains("data-") || name == "journal"),
        "{kept:?}"
    );
}

/// The plan was made before somebody told the StatefulSet to take its claims
/// along, when it goes or with its pods.
#[test]
fn volumes_that_would_go_with_the_stateful_set_keep_it_there() {
    for (when, reasons) in [("whenDeleted", 2), ("whenScaled", 1)] {
        let world = founded(3);
        world.begin();
        world.write_a_key();
        let plan = world.plan_with(&destroy(&[]));
        let set = world.desired.names.stateful_set();
        world.edit(&set, |body| {
            body["spec"]["persistentVolumeClaimRetentionPolicy"][when] = "Delete".into();
        });
        let ended = world.run(&plan);
        assert!(matches!(ended, Ended::Report(Report { outcome: Outcome::Stopped { .. }, .. })), "{ended:?}");
        assert_eq!((world.read().claims.len(), world.read().pods.len()), (3, 3), "{when}");
        assert!(world.read().claims.values().all(|claim| !claim.terminating));
        let blocked = world.plan_with(&destroy(&[])).blocked;
        let codes: Vec<&str> = blocked.iter().map(|blocked| blocked.code.as_str()).collect();
        assert_eq!(codes, vec!["plan::claims_not_kept"; reasons], "{when}");
    }
}

#[test]
fn members_that_came_back_are_not_deleted_by_the_rest_of_an_old_run() {
    let world = founded(3);
    world.begin();
    world.fault(3, Fault::CrashAfter);
    let plan = world.plan_with(&destroy(&[]));
    assert!(matches!(world.run(&plan), Ended::Crashed));
    // Neither does a plan of the stack file make again what went.
    let codes: Vec<String> = world.plan().blocked.into_iter().map(|blocked| blocked.code).collect();
    assert_eq!(codes, ["plan::unfinished_destroy"]);
    let abandoned = world.plan_with(&Intent { abandon: true, ..Intent::default() });
    assert!(abandoned.blocked.iter().all(|blocked| blocked.code != "plan::unfinished_destroy"));
}

#[test]
fn a_stack_is_handed_over_as_it_is() {
    let world = founded(3);
    let before = world.read().objects.clone();
    let whole = interrupted("forget", &world, &forget(), &|world| {
        let state = world.read();
        assert!(state.journal.is_none() && state.pods.len() == 3);
        for (key, object) in state.objects.iter().filter(|(key, _)| key.kind != Kind::Namespace) {
            assert_eq!((object.label(STACK_LABEL), object.label(MANAGED_BY)), (None, None), "{key}");
            assert_eq!(object.body["spec"], before[key].body["spec"], "{key}");
            assert_eq!((object.uid(), &object.body["data"]), (before[key].uid(), &before[key].body["data"]));
        }
    });
    let plan = whole.plan();
    assert!(!plan.is_applicable());
    assert!(plan.blocked.iter().any(|blocked| blocked.code == "plan::foreign_object"), "{:?}", plan.blocked);
}
