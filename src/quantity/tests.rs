//! Compares with what Go's `resource.ParseQuantity` gives, and checks the laws.

use proptest::prelude::*;

use super::{Quantity, QuantityError};

/// Input, canonical form and whole value, printed by apimachinery 0.36.3. Left
/// out is what it keeps as typed, such as `+5`, and what overflows there.
const GO: &[(&str, &str, i64)] = &[
    ("0", "0", 0),
    ("1", "1", 1),
    ("1000m", "1", 1),
    ("1m", "1m", 1),
    ("0.5", "500m", 1),
    ("1.5", "1500m", 2),
    ("1.50", "1500m", 2),
    (".5", "500m", 1),
    ("1500m", "1500m", 2),
    ("100000", "100k", 100000),
    ("1e3", "1e3", 1000),
    ("1e4", "10e3", 10000),
    ("12e-3", "12e-3", 1),
    ("1E", "1E", 1000000000000000000),
    ("2E", "2E", 2000000000000000000),
    ("0.1E", "100P", 100000000000000000),
    ("1Ei", "1Ei", 1152921504606846976),
    ("8Ei", "9223372036854775807", 9223372036854775807),
    ("1024Mi", "1Gi", 1073741824),
    ("1Gi", "1Gi", 1073741824),
    ("1.5Gi", "1536Mi", 1610612736),
    ("0.5Gi", "512Mi", 536870912),
    ("0.5Ki", "512", 512),
    ("1Ki", "1Ki", 1024),
    ("1023", "1023", 1023),
    ("1023Ki", "1023Ki", 1047552),
    ("1025Ki", "1025Ki", 1049600),
    ("0.1Gi", "107374182400m", 107374183),
    ("1.1Ki", "1126400m", 1127),
    ("0.1Mi", "104857600m", 104858),
    ("8Gi", "8Gi", 8589934592),
    ("512Mi", "512Mi", 536870912),
    ("250m", "250m", 1),
    ("2500m", "2500m", 3),
    ("0.0001m", "100n", 1),
    ("1n", "1n", 1),
    ("0.1n", "1n", 1),
    ("1u", "1u", 1),
    ("1000u", "1m", 1),
    ("999999999", "999999999", 999999999),
    ("1000000000", "1G", 1000000000),
    ("1G", "1G", 1000000000),
    ("1.2G", "1200M", 1200000000),
    ("1000k", "1M", 1000000),
    ("9223372036854775807", "9223372036854775807", 9223372036854775807),
    ("100Ei", "9223372036854775807", 9223372036854775807),
    ("-1", "-1", -1),
    ("-1000m", "-1", -1),
    ("-1Gi", "-1Gi", -1073741824),
    ("-0.5Ki", "-512", -512),
    ("0Gi", "0", 0),
    ("0e5", "0", 0),
    ("1e-9", "1e-9", 1),
    ("1e-10", "1e-9", 1),
    ("1.5e3", "1500", 1500),
    ("1572864", "1572864", 1572864),
    ("1.5Mi", "1536Ki", 1572864),
    ("3686Mi", "3686Mi", 3865051136),
    ("0.001Ki", "1024m", 2),
    ("3865470566", "3865470566", 3865470566),
    ("45e8", "4500e6", 4500000000),
];

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

#[test]
fn the_canonical_form_is_the_one_of_go() {
    let ours: Vec<(&str, String)> = GO.iter().map(|row| (row.0, quantity(row.0).to_string())).collect();
    let go: Vec<(&str, String)> = GO.iter().map(|row| (row.0, row.1.to_owned())).collect();
    assert_eq!(ours, go);
}

#[test]
fn bytes_are_rounded_up_and_never_negative() {
    for (text, _, value) in GO {
        assert_eq!(quantity(text).bytes(), u64::try_from(*value).unwrap_or(0), "{text}");
    }
}

#[test]
fn what_go_refuses_is_refused_with_a_reason() {
    let reasons: Vec<String> = ["", ".", "-", "abc", "Gi", "1.2.3", "1e", "1ki", "1MB", "1 Gi", "1Gi5"]
        .iter()
        .map(|text| text.parse::<Quantity>().unwrap_err().to_string())
        .collect();
    let suffixes = "is not a suffix of a quantity";
    let expected: Vec<String> = ["", ".", "-", "abc", "Gi", "1.2.3"]
        .iter()
        .map(|text| format!("`{text}` does not start with a number"))
        .chain(["e", "ki", "MB", " Gi", "Gi5"].iter().map(|suffix| format!("`{suffix}` {suffixes}")))
        .collect();
    assert_eq!(reasons, expected);
}

#[test]
fn more_digits_than_fit_are_refused() {
    let text = "12345678901234567890123456789";
    assert_eq!(text.parse::<Quantity>(), Err(QuantityError::TooLong(text.to_owned())));
}

#[test]
fn how_it_is_written_does_not_matter_to_a_comparison() {
    assert_eq!(quantity("1000m"), quantity("1"));
    assert_eq!(quantity("1Ki"), quantity("1024"));
    assert!(quantity("1G") < quantity("1Gi"));
    assert_eq!(Quantity::milli(250), quantity("250m"));
    assert_eq!(Quantity::mebi(512).to_string(), "512Mi");
    assert_eq!(Quantity::from_bytes(1_572_864).to_string(), "1536Ki");
}

proptest! {
    #[test]
    fn printing_and_reading_again_changes_nothing(
        whole in -1_000_000_000_i64..1_000_000_000,
        fraction in "[0-9]{0,9}",
        suffix in "n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e3|E-2|",
    ) {
        let first = quantity(&format!("{whole}.{fraction}{suffix}"));
        let again = quantity(&first.to_string());
        prop_assert_eq!(first, again);
        prop_assert_eq!(first.to_string(), again.to_string());
    }

    #[test]
    fn order_is_the_order_of_the_values(a in 0..u32::MAX, b in 0..u32::MAX) {
        let milli = |n: u32| quantity(&format!("{n}m"));
        let kibi = |n: u32| quantity(&format!("{n}Ki"));
        prop_assert_eq!(milli(a).cmp(&milli(b)), a.cmp(&b));
        prop_assert_eq!(kibi(a).cmp(&kibi(b)), a.cmp(&b));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-+]?[0-9.]{0,24}[a-zA-Z]{0,3}[-+]?[0-9]{0,6}") {
        let _ = text.parse::<Quantity>().map(|q| (q.to_string(), q.bytes()));
    }
}
