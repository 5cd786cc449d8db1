//! Fields that an apply leaves out: they do not stay as they were, and some do
//! not go.

use etcdctl_stack::{
    cluster::Expect,
    desired::{Desired, with_replicas},
    object::Object,
    observed::{Proposal, Question},
};
use serde_json::{Value, json};

use crate::space::{Space, cluster};

/// What the server would store of an object.
async fn stored(object: &Object) -> Object {
    let question = Question { object: object.clone() };
    let answer = cluster().await.reader().ask(&[question]).await.remove(&object.key);
    match answer {
        Some(Proposal::Accepted { object, .. }) => object,
        other => panic!("{other:?}"),
    }
}

/// The object without a field that it has.
fn without(object: &Object, pointer: &str) -> Object {
    let mut object = object.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a field");
    let fields = object.body.pointer_mut(parent).and_then(Value::as_object_mut).expect("its parent");
    fields.remove(name).unwrap_or_else(|| panic!("{pointer} of {} is always sent", object.key));
    object
}

/// The StatefulSet has no pods, and the rest is as it is applied.
async fn applied(desired: &Desired) -> [Object; 3] {
    let set = with_replicas(&desired.stateful_set, 0);
    let all = [set, desired.peer_service.clone(), desired.client_service.clone()];
    for object in &all {
        cluster().await.writer().apply(object, &Expect::Absent).await.expect("a new object");
    }
    all
}

#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_is_left_out_goes_back_to_its_default_so_the_stack_always_sends_it() {
    let space = Space::new("left-out");
    let [set, peer, _] = applied(&space.stack()).await;
    let table = [
        (&set, "/spec/replicas", json!(1)),
        (
            &set,
            "/spec/updateStrategy",
            json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } }),
        ),
        (&set, "/spec/template/spec/enableServiceLinks", Value::Null),
        (&set, "/spec/template/spec/terminationGracePeriodSeconds", json!(30)),
        (&set, "/spec/template/spec/containers/0/terminationMessagePolicy", json!("File")),
        (&peer, "/spec/publishNotReadyAddresses", Value::Null),
    ];
    for (object, pointer, default) in table {
        let sent = object.body.pointer(pointer).cloned();
        let kept = stored(object).await.body.pointer(pointer).cloned();
        assert!(
            sent.is_some() && sent == kept && sent != Some(default.clone()),
            "{pointer}: {sent:?}, {kept:?}"
        );
        let left = stored(&without(object, pointer)).await.body.pointer(pointer).cloned();
        assert_eq!(left.unwrap_or_default(), default, "{pointer}");
    }
    // One stays, without a word.
    let ip = stored(&without(&peer, "/spec/clusterIP")).await.body["spec"]["clusterIP"].clone();
    assert_eq!(ip, "None");
}

/// What a stack file can say of these objects that is not said by default.
const MUCH: &str = r#"
[image]
pull_secrets = ["mirror"]
[resources]
requests = { cpu = "300m", memory = "1Gi" }
limits = { cpu = "1", memory = "1Gi" }
[service]
type = "NodePort"
annotations = { note = "x" }
[placement]
zones = "required"
node_selector = { a = "b" }
priority_class = "system-cluster-critical"
[[placement.tolerations]]
key = "dedicated"
operator = "Exists"
[[placement.topology_spread]]
maxSkew = 1
topologyKey = "example.com/rack"
whenUnsatisfiable = "ScheduleAnyway"
[pod]
labels = { tier = "data" }
annotations = { scrape = "yes" }
service_account = "etcd"
termination_grace = "90s"
[[pod.extra_volumes]]
name = "config"
configMap = { name = "a" }
[[pod.extra_volume_mounts]]
name = "config"
mountPath = "/extra"
[probes]
liveness = true
[etcd]
quota = "1Gi"
[etcd.extra_env]
GODEBUG = "x"
"#;

/// Among them the account, of which the server keeps a copy in a field of its
/// own that belongs to nobody.
#[tokio::test]
#[ignore = "needs a real Kubernetes: make test"]
async fn what_is_taken_out_of_the_stack_file_leaves_nothing_behind() {
    let (space, fresh) = (Space::new("taken-out"), Space::new("fresh"));
    applied(&space.stack_with(MUCH)).await;
    let desired = |space: &Space| {
        let desired = space.stack();
        [with_replicas(&desired.stateful_set, 0), desired.client_service]
    };
    for (left, new) in desired(&space).iter().zip(&desired(&fresh)) {
        let spec = async |object: &Object| {
            let mut spec = stored(object).await.body["spec"].clone();
            for chosen in ["clusterIP", "clusterIPs"] {
                spec.as_object_mut().expect("a spec").remove(chosen);
            }
            spec
        };
        assert_eq!(spec(left).await, spec(new).await, "{}", left.key);
        assert_eq!(stored(left).await.body["metadata"].get("annotations"), None, "{}", left.key);
    }
}
