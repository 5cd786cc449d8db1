//! What the journal holds of the objects that runs made.

use etcdctl_stack::object::{Kind, Object, ObjectKey};

use crate::{
    drive::{Goal, founded, interrupted, nothing_wrong, stack},
    simulator::Simulator,
};

#[test]
fn every_object_is_written_down_by_its_uid() {
    let world = founded(3);
    let state = world.read();
    let inventory = &state.journal.as_ref().expect("a journal").inventory;
    let objects: Vec<_> = world.desired.objects().into_iter().map(|object| &object.key).collect();
    assert_eq!(inventory.keys().count(), objects.len());
    for key in objects {
        let uid = state.objects.get(key).and_then(Object::uid);
        assert_eq!((inventory.uid(key), uid.is_some()), (uid, true), "{key}");
    }
}

/// Every call of it with every fault.
#[test]
fn what_the_stack_file_no_longer_names_is_deleted() {
    let world = Simulator::new(stack(3, "[[tls.users]]\nname = \"app\"\nsecret = \"orders-user-app\"\n"));
    let goal = Goal { members: 3, deletes: true, ..Goal::default() };
    goal.reached_from(&world).expect("founded");
    let world = Simulator { desired: stack(3, "[disruption]\nbudget = \"off\"\n"), ..world };
    let (count, wrong) = interrupted("prune", &world, &goal, 1);
    println!("prune: {count} interleavings");
    nothing_wrong(&wrong);
    goal.reached_from(&world).expect("pruned");
    let state = world.read();
    let names = &world.desired.names;
    let gone = [names.budget(), ObjectKey::new(Kind::Secret, "ns", "orders-user-app")];
    let inventory = &state.journal.as_ref().expect("a journal").inventory;
    for key in gone {
        assert!(!state.objects.contains_key(&key) && !inventory.has(&key), "{key}");
    }
}
