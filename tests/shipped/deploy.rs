//! `deploy/`: the identities grant what they say, and nothing twice.

use std::collections::BTreeSet;

use crate::{documents, read, strings};

/// Every permission of a file, as `verb resource.group`, each in one rule only.
fn permissions(path: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for document in documents(path) {
        for rule in document["rules"].as_array().into_iter().flatten() {
            for group in strings(&rule["apiGroups"]) {
                for resource in strings(&rule["resources"]) {
                    for verb in strings(&rule["verbs"]) {
                        let one = format!("{verb} {resource}.{group}");
                        assert!(all.insert(one.clone()), "{path} grants {one} twice");
                    }
                }
            }
        }
    }
    all
}

#[test]
fn the_readme_shows_the_identity_that_applies() {
    let shown = format!("```yaml\n{}```\n", read("deploy/apply.yaml"));
    assert!(read("README.md").contains(&shown), "the README's Role is not deploy/apply.yaml");
}

/// A plan asks whether it could be applied, so both need the same.
#[test]
fn who_only_plans_has_the_rights_of_who_applies_in_two_files() {
    let both = [permissions("deploy/plan-only.yaml"), permissions("deploy/plan-only-members.yaml")];
    assert_eq!(both[0].intersection(&both[1]).next(), None);
    let mut planner: BTreeSet<String> = both.into_iter().flatten().collect();
    // What is read only when a step does not go on.
    assert!(planner.insert("list events.".to_owned()));
    assert_eq!(planner, permissions("deploy/apply.yaml"));
}

/// A dry-run of a patch answers with the whole object.
#[test]
fn without_the_second_file_no_secret_can_be_read_in_any_way() {
    let first = permissions("deploy/plan-only.yaml");
    let ways = ["get", "list", "watch", "patch", "update"].map(|verb| format!("{verb} secrets."));
    assert!(!ways.iter().any(|way| first.contains(way)), "{first:?}");
    assert!(!first.iter().any(|one| one.contains("portforward")), "{first:?}");
}

#[test]
fn nothing_is_granted_by_a_star_and_nobody_gets_more_rights_by_these() {
    for path in ["deploy/apply.yaml", "deploy/plan-only.yaml", "deploy/plan-only-members.yaml"] {
        for one in permissions(path) {
            let words =
                ["*", "escalate", "bind", "impersonate", "deletecollection", "exec", "serviceaccounts"];
            assert!(!words.iter().any(|word| one.contains(word)), "{path}: {one}");
        }
    }
}

/// The policy holds for one identity, and for all that it could write.
#[test]
fn the_policy_stands_before_the_rights_and_fails_closed() {
    let all = documents("deploy/plan-only.yaml");
    let kinds: Vec<&str> = all.iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds[..2], ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]);
    let (policy, binding) = (&all[0]["spec"], &all[1]["spec"]);
    assert_eq!(policy["failurePolicy"], "Fail");
    assert_eq!(strings(&binding["validationActions"]), ["Deny"]);
    assert_eq!(binding["policyName"], all[0]["metadata"]["name"]);
    let account = all.iter().find(|one| one["kind"] == "ServiceAccount").expect("an identity");
    let account = &account["metadata"];
    let text = |field: &str| account[field].as_str().expect("text").to_owned();
    let user = format!("system:serviceaccount:{}:{}", text("namespace"), text("name"));
    let condition = policy["matchConditions"][0]["expression"].as_str().expect("text");
    assert_eq!(condition, format!("request.userInfo.username == \"{user}\""));
}
