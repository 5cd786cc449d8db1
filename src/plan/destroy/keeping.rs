//! Claims that stay: nothing may go that takes one along, and nothing that one
//! needs to be used again.
//!
//! Whatever owns a claim takes it along: with `whenDeleted: Delete` the
//! StatefulSet's controller makes it the owner of its claims, and with
//! `whenScaled: Delete` a pod.
//! <https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention>

use super::{
    Blocked, Claim, Desired, Goes, Live, Lookup, Named, Plan, claim_key, holds_data_of, is_authority,
    left_claims,
};
use crate::object::Object;

/// Where a StatefulSet says what becomes of its claims.
const POLICY: &str = "persistentVolumeClaimRetentionPolicy";

/// The ordinals whose claims stay. What would not let them is said.
pub fn keep(plan: &mut Plan, desired: &Desired, live: &Live, goes: &Goes) -> Vec<usize> {
    let kept: Vec<&Claim> = left_claims(live, goes).collect();
    let stops = [policy(desired, live, goes), owned(desired, goes, &kept), going(desired, goes, &kept)];
    plan.blocked.extend(stops.into_iter().flatten());
    let needed = authority(plan, desired, live, goes, &kept);
    plan.blocked.extend(needed);
    let names = &desired.names;
    (0..super::ORDINALS)
        .filter(|ordinal| kept.iter().any(|one| one.name == names.claim(*ordinal).name))
        .collect()
}

/// Whether claims go with a StatefulSet, or with its pods.
pub fn takes_claims_along(set: &Object) -> bool {
    let policy = set.body.pointer(&format!("/spec/{POLICY}"));
    let retains = |when: &str| policy.and_then(|policy| policy.get(when)).is_none_or(|how| how == "Retain");
    !(retains("whenDeleted") && retains("whenScaled"))
}

fn policy(desired: &Desired, live: &Live, goes: &Goes) -> Option<Blocked> {
    let set = desired.names.stateful_set();
    let found = live.objects.get(&set).and_then(Lookup::found).filter(|_| goes.has(&set))?;
    takes_claims_along(found).then(|| {
        Blocked::new(
            "plan::claims_not_kept",
            format!("`{set}` takes its claims along when it goes (`spec.{POLICY}`)"),
            "`apply` puts the policy back to `Retain`, and says how where somebody else set it; then plan again",
        )
    })
}

fn owned(desired: &Desired, goes: &Goes, kept: &[&Claim]) -> Option<Blocked> {
    let tied = |claim: &&&Claim| !claim.owners.is_empty();
    let words = |claim: &&Claim| format!("{} belongs to {}", named(desired, claim), claim.owners.join(", "));
    let owned: Vec<String> = kept.iter().filter(tied).map(words).collect();
    (stops(desired, goes) && !owned.is_empty()).then(|| {
        Blocked::new(
            "plan::claims_not_kept",
            format!("what claims belong to takes them along when it goes: {}", owned.join("; ")),
            "a StatefulSet lets go of its claims soon after its policy is `Retain` again; take another owner off \
             them, or name them with `--delete`",
        )
    })
}

/// A claim that somebody deleted is there as long as its pod.
fn going(desired: &Desired, goes: &Goes, kept: &[&Claim]) -> Option<Blocked> {
    let pods: Vec<_> = goes.pods.iter().filter_map(|pod| desired.names.ordinal_named(pod)).collect();
    let held = |claim: &&&Claim| {
        claim.terminating && pods.iter().any(|ordinal| desired.names.claim(*ordinal).name == claim.name)
    };
    let held: Vec<String> = kept.iter().filter(held).map(|claim| named(desired, claim)).collect();
    (!held.is_empty()).then(|| {
        Blocked::new(
            "plan::claims_not_kept",
            format!("somebody has deleted {}: only the pod keeps it", held.join(", ")),
            "name it with `--delete`, or save what it holds first",
        )
    })
}

/// Whether this run stops members, and so may take away what owns a claim.
fn stops(desired: &Desired, goes: &Goes) -> bool {
    !goes.pods.is_empty() || goes.has(&desired.names.stateful_set())
}

/// Members with data start only with the authorities that they know.
fn authority(plan: &Plan, desired: &Desired, live: &Live, goes: &Goes, kept: &[&Claim]) -> Option<Blocked> {
    let needs = |claim: &&&Claim| {
        holds_data_of(plan, live, claim) || (plan.recorded.is_none() && claim.cluster_id.is_some())
    };
    let claims: Vec<String> = kept.iter().filter(needs).map(|claim| named(desired, claim)).collect();
    let keys = goes.applied().map(|target| &target.key).filter(|key| is_authority(desired, key));
    let keys: Vec<String> = keys.map(|key| format!("`{key}`")).collect();
    (!claims.is_empty() && !keys.is_empty()).then(|| {
        Blocked::new(
            "plan::authority_needed",
            format!("{} could not be used again without {}", claims.join(", "), keys.join(", ")),
            "name the claims with `--delete` as well, or leave the authority out",
        )
    })
}

fn named(desired: &Desired, claim: &Claim) -> String {
    Named::from(&claim_key(desired, claim)).to_string()
}
