//! What must hold for every stack.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::{field::OURS, stack::parse_and_check};

fn stack(rest: &str) -> Stack {
    let text = format!("[stack]\nname = \"orders\"\nnamespace = \"etcd-orders\"\n{rest}");
    parse_and_check("orders.toml", &text).expect("a good file").stack
}

#[test]
fn scaling_renewing_and_labelling_change_nothing_that_would_restart_a_member() {
    let template = |rest: &str| desired(&stack(rest)).stateful_set.body["spec"]["template"].clone();
    let one = template("[cluster]\nmembers = 1\n");
    for other in [
        "[cluster]\nmembers = 7\n",
        "[cluster]\nmembers = 1\ntoken = \"another\"\n",
        "labels = { team = \"db\" }\nannotations = { note = \"x\" }\n[cluster]\nmembers = 1\n",
        "[cluster]\nmembers = 1\ndomain = \"example.internal\"\n[tls.validity]\nleaf_days = 30\nrenew_before_days = 10\n",
    ] {
        assert_eq!(template(other), one, "{other}");
    }
}

#[test]
fn what_happens_to_the_claim_of_a_member_that_goes_is_in_no_object() {
    let bodies = |policy: &str| {
        let desired = desired(&stack(&format!("[storage]\non_scale_down = \"{policy}\"\n")));
        desired.objects().into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(bodies("delete"), bodies("retain"));
}

#[test]
fn every_ordinal_has_its_own_name_in_the_peer_certificate() {
    let desired = desired(&stack("[cluster]\ndomain = \"example.internal\"\n"));
    let peer = desired.secrets.iter().find(|secret| secret.object.key == desired.names.peer_secret());
    let names = &peer.expect("a peer certificate").request.dns_names;
    for ordinal in 0..9 {
        assert!(names.contains(&format!("orders-{ordinal}.orders-peer.etcd-orders.svc")));
        assert!(names.contains(&format!("orders-{ordinal}.orders-peer.etcd-orders.svc.example.internal")));
    }
}

#[test]
fn a_window_reads_back_as_what_was_opened() {
    let stack = stack("");
    let names = Names::of(&stack);
    for open in [
        Window::Sealed,
        Window::Founding,
        Window::Joining { ordinal: 1, members: vec![0, 1] },
        Window::Joining { ordinal: 1, members: vec![0, 1, 2] },
        Window::Joining { ordinal: 6, members: vec![0, 1, 2, 3, 4, 5, 6] },
    ] {
        assert_eq!(Window::read(&names, &window(&stack, &names, &open)), Some(open));
    }
}

#[test]
fn in_a_join_window_only_the_joiner_finds_its_name() {
    let stack = stack("");
    let names = Names::of(&stack);
    let open = window(&stack, &names, &Window::Joining { ordinal: 2, members: vec![0, 1, 2] });
    assert_eq!(
        open.body["data"]["initial-cluster"],
        "sealed.0=https://orders-0.orders-peer.etcd-orders.svc:2380,\
         sealed.1=https://orders-1.orders-peer.etcd-orders.svc:2380,\
         orders-2=https://orders-2.orders-peer.etcd-orders.svc:2380"
    );
    assert_eq!(open.body["data"]["initial-cluster-state"], "existing");
}

#[test]
fn whatever_a_stack_is_called_its_windows_let_one_member_in_and_read_back() {
    for name in ["sealed", "d", "led", "e-0"] {
        let stack = Stack { name: name.to_owned(), ..stack("") };
        let names = Names::of(&stack);
        let open = Window::Joining { ordinal: 1, members: vec![0, 1, 2] };
        let object = window(&stack, &names, &open);
        let list = object.body["data"]["initial-cluster"].as_str().expect("a list");
        let named = |ordinal: usize| {
            list.split(',').any(|entry| entry.starts_with(&format!("{}=", names.member(ordinal))))
        };
        assert_eq!([named(0), named(1), named(2)], [false, true, false], "{list}");
        assert_eq!(Window::read(&names, &object), Some(open), "{name}");
    }
}

#[test]
fn a_list_that_this_tool_does_not_write_is_no_window() {
    let stack = stack("");
    let names = Names::of(&stack);
    let mut foreign = window(&stack, &names, &Window::Sealed);
    foreign.body["data"]["initial-cluster"] = "orders-0=https://orders-0.orders-peer.etcd-orders.svc:2380,\
         orders-1=https://orders-1.orders-peer.etcd-orders.svc:2380"
        .into();
    assert_eq!(Window::read(&names, &foreign), None);
}

#[test]
fn no_object_holds_a_secret_value() {
    for object in desired(&stack("[[tls.users]]\nname = \"app\"\n")).objects() {
        assert!(object.body.get("data").is_none() || object.key.kind == crate::object::Kind::ConfigMap);
        assert!(object.body.get("stringData").is_none());
    }
}

#[test]
fn the_field_manager_is_called_the_same_for_ever() {
    assert_eq!([FIELD_MANAGER, OURS], ["etcdctl-stack"; 2]);
}

/// Every field that is sent, with the items of lists by what names them.
fn fields(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    let name = |item: &Value| {
        let name = item.pointer("/metadata/name").or_else(|| item.get("name"))?;
        Some(format!("{path}[{}]", name.as_str()?))
    };
    match value {
        Value::Object(all) => {
            all.iter().for_each(|(key, value)| fields(&format!("{path}.{key}"), value, found))
        }
        Value::Array(items) if items.iter().all(|item| name(item).is_some()) => {
            items.iter().for_each(|item| fields(&name(item).expect("it has one"), item, found));
        }
        _ => drop(found.insert(path.to_owned())),
    }
}

/// What an apply leaves out goes back to its default, or stays and belongs to
/// nobody. So a line may go from that file only with something that puts the
/// objects right that were applied with it.
/// <https://kubernetes.io/docs/reference/using-api/server-side-apply/#apply-and-update>
#[test]
fn no_field_that_was_ever_sent_is_left_out() {
    let all = |rest: &str| {
        let mut found = BTreeSet::new();
        for object in desired(&stack(rest)).objects() {
            let body = object.body.as_object().expect("fields");
            let named = ["apiVersion", "kind", "metadata"];
            for (name, value) in body.iter().filter(|(name, _)| !named.contains(&name.as_str())) {
                fields(&format!("{}/{} {name}", object.key.kind, object.key.name), value, &mut found);
            }
        }
        found
    };
    let known: BTreeSet<String> = include_str!("fields.txt").lines().map(str::to_owned).collect();
    assert_eq!(all(""), known, "src/desired/fields.txt has other fields");
    for rest in [
        "[cluster]\nmembers = 1\n",
        "[service]\ntype = \"NodePort\"\n",
        "[pod]\nservice_account = \"etcd\"\n[probes]\nliveness = true\n",
        "[etcd.extra_args]\nmax-txn-ops = \"1024\"\n[etcd.extra_env]\nGODEBUG = \"x\"\n",
    ] {
        let left_out: Vec<String> = known.difference(&all(rest)).cloned().collect();
        assert_eq!(left_out, Vec::<String>::new(), "{rest}");
    }
}
