//! Words of real members of etcd 3.5.35, 3.6.16 and 3.7.3, the last 2048 bytes
//! of each, as Kubernetes keeps them.

use super::*;

macro_rules! words {
    ($name:literal) => {
        include_str!(concat!("fixtures/", $name, ".txt"))
    };
}

const FULL: &str = "write /var/lib/etcd/data/member/snap/db: no space left on device";
const CRC: &str = "walpb: crc mismatch: expected: bb2c81ff computed: 9f534d31: in file '0000000000000000-0000000000000000.wal' at position: 552";

#[test]
fn of_all_that_a_dying_member_says_the_line_that_tells_why_is_told() {
    let table = [
        (
            words!("sealed-3.6.16"),
            r#"discovery failed: couldn't find local name "orders-3" in the initial cluster configuration"#,
        ),
        (
            words!("bootstrapped-3.5.35"),
            "discovery failed: member 3e47c1f3cc51029 has already been bootstrapped",
        ),
        (
            words!("rolled-back-3.5.35"),
            "tocommit(43) is out of range [lastIndex(11)]. Was the raft log corrupted, truncated, or lost?",
        ),
        (words!("damaged-database-3.6.16"), "failed to open database: invalid database"),
        (words!("damaged-log-3.7.3"), &format!("discovery failed: {CRC}")),
        (words!("disk-full-3.6.16"), &format!("failed to commit tx: {FULL}")),
        (words!("disk-full-at-start-3.6.16"), "failed to create WAL"),
        (words!("removed-3.6.16"), "listener failed: server is stopping"),
        (
            words!("denied-3.6.16"),
            "failed to list data directory: open /var/lib/etcd/data: permission denied",
        ),
        (words!("bad-value-3.6.16"), r#"invalid value "many" for flag -max-txn-ops: parse error"#),
        (words!("bad-choice-3.6.16"), r#"failed to verify flags: unknown auto-compaction-mode "never""#),
        (words!("no-database-3.7.3"), "recover v3 backend from snapshot"),
    ];
    for (words, wanted) in table {
        assert_eq!(said(words), wanted);
    }
}

#[test]
fn what_is_proved_about_a_volume_survives_the_cut() {
    for (words, wanted) in [
        (words!("sealed-3.6.16"), Some(Loss::VolumeEmpty)),
        (words!("bootstrapped-3.5.35"), Some(Loss::VolumeEmpty)),
        (words!("rolled-back-3.5.35"), Some(Loss::VolumeBehind)),
        (words!("no-database-3.5.35"), Some(Loss::DatabaseGone)),
        (words!("no-database-3.7.3"), Some(Loss::DatabaseGone)),
        (words!("damaged-database-3.6.16"), Some(Loss::Damaged)),
        (words!("damaged-log-3.7.3"), Some(Loss::Damaged)),
        (words!("removed-3.6.16"), None),
        (words!("disk-full-3.6.16"), None),
        (words!("disk-full-at-start-3.6.16"), None),
        (words!("unequal-lists-3.6.16"), None),
        (words!("nobody-answers-3.7.3"), None),
        (words!("denied-3.6.16"), None),
        (words!("port-taken-3.6.16"), None),
    ] {
        assert_eq!(loss(words), wanted, "{}", said(words));
        assert!(meaning(words).is_some(), "{}", said(words));
    }
}

#[test]
fn a_line_that_only_warns_does_not_outweigh_the_one_that_tells_why() {
    let warning = r#"{"level":"warn","msg":"request cluster ID mismatch"}"#;
    let fatal =
        r#"{"level":"fatal","msg":"failed to commit tx","error":"write db: no space left on device"}"#;
    assert_eq!(meaning(&format!("{warning}\n{fatal}\n{warning}")), Some("the disk is full"));
}

#[test]
fn an_argument_that_reads_like_a_loss_is_none() {
    let started = r#"{"level":"info","msg":"Running: ","args":["etcd","--name","crc mismatch"]}"#;
    let slow = r#"{"level":"warn","msg":"apply request took too long"}"#;
    assert_eq!(loss(&format!("{started}\n{slow}")), None);
}

#[test]
fn a_stack_whose_words_are_cut_off_still_tells_what_failed() {
    let (_, stack) = words!("no-database-3.7.3").split_once("goroutine 1").expect("a stack");
    assert_eq!(loss(stack), Some(Loss::DatabaseGone));
}

#[test]
fn a_long_line_keeps_its_end_and_one_without_a_beginning_its_error() {
    let words = words!("unequal-lists-3.6.16");
    assert!(said(words).starts_with("discovery failed: error validating peerURLs {ClusterID:"));
    assert!(
        said(words).ends_with("RemovedMemberIDs:[]}: member count is unequal") && said(words).len() < 240
    );
    let (_, cut) = words.rsplit_once("IsLearner").expect("a list");
    assert!(said(cut).ends_with("RemovedMemberIDs:[]}: member count is unequal"), "{}", said(cut));
    assert_eq!(meaning(cut), meaning(words));
}

#[test]
fn words_that_nobody_knows_are_told_as_they_are() {
    assert_eq!((loss("so long"), meaning("so long")), (None, None));
    assert_eq!(said("first\nso long\n\n"), "so long");
    assert_eq!(said(""), "");
}
