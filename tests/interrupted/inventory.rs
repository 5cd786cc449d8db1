//! What the journal holds of the objects that runs made.

use etcdctl_stack::object::Object;

use crate::drive::founded;

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
