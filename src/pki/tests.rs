use std::net::IpAddr;

use super::*;

const NOW: Timestamp = Timestamp::constant(1_795_000_000, 700_000_000);

fn request(subject: &str, usage: Usage, days: u32) -> Request {
    Request {
        subject: subject.to_owned(),
        usage,
        dns_names: Default::default(),
        ip_addresses: Default::default(),
        days,
    }
}

fn new_authority(subject: &str) -> Pair {
    authority(&request(subject, Usage::Authority, 3650), NOW).unwrap()
}

fn server() -> Request {
    Request {
        dns_names: ["localhost", "*.orders-peer.shop.svc"].map(str::to_owned).into(),
        ip_addresses: ["127.0.0.1", "::1"].map(|text| text.parse::<IpAddr>().unwrap()).into(),
        ..request("etcd-server", Usage::ServerAndClient, 365)
    }
}

fn facts_of(pair: &Pair, authority: Option<&Pair>) -> Result<Facts, Error> {
    facts(
        pair.certificate_pem.as_bytes(),
        Some(pair.key_pem.as_bytes()),
        authority.map(|pair| pair.certificate_pem.as_bytes()),
    )
}

fn serial_of(pair: &Pair) -> Vec<u8> {
    let der = facts::first_certificate(pair.certificate_pem.as_bytes()).unwrap();
    facts::parse(&der).unwrap().raw_serial().to_vec()
}

#[test]
fn the_facts_of_a_leaf_are_what_was_requested() {
    let authority = new_authority("orders-client-ca");
    let request = server();
    let got = facts_of(&leaf(&request, &authority, NOW).unwrap(), Some(&authority)).unwrap();
    let whole_second = Timestamp::from_second(NOW.as_second()).unwrap();
    let wanted = Facts {
        subject: request.subject,
        issuer: "orders-client-ca".to_owned(),
        usage: request.usage,
        dns_names: request.dns_names,
        ip_addresses: request.ip_addresses,
        not_before: whole_second - SignedDuration::from_mins(5),
        not_after: whole_second + SignedDuration::from_hours(365 * 24),
        sha256: got.sha256.clone(),
        key_matches: true,
        signed_by_authority: true,
    };
    assert_eq!(got, wanted);
    assert_eq!(got.sha256.len(), 64);
}

#[test]
fn an_authority_vouches_for_itself_and_may_only_sign_leaves() {
    let pair = new_authority("orders-peer-ca");
    let got = facts_of(&pair, None).unwrap();
    assert_eq!((got.usage, got.signed_by_authority, got.key_matches), (Usage::Authority, true, true));

    let der = facts::first_certificate(pair.certificate_pem.as_bytes()).unwrap();
    let certificate = facts::parse(&der).unwrap();
    let constraints = certificate.basic_constraints().unwrap().unwrap().value;
    assert_eq!((constraints.ca, constraints.path_len_constraint), (true, Some(0)));
    let usage = certificate.key_usage().unwrap().unwrap().value;
    assert_eq!(usage.to_string(), "Key Cert Sign, CRL Sign");
}

#[test]
fn a_client_leaf_says_that_it_dials_only() {
    let authority = new_authority("ca");
    let leaf = leaf(&request("root", Usage::Client, 30), &authority, NOW).unwrap();
    assert_eq!(facts_of(&leaf, Some(&authority)).unwrap().usage, Usage::Client);
}

#[test]
fn leaf_and_authority_name_each_others_keys() {
    let authority = new_authority("ca");
    let leaf = leaf(&server(), &authority, NOW).unwrap();
    let identifiers = |pair: &Pair| {
        use x509_parser::extensions::ParsedExtension as E;
        let der = facts::first_certificate(pair.certificate_pem.as_bytes()).unwrap();
        let certificate = facts::parse(&der).unwrap();
        let (mut own, mut issuer) = (None, None);
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                E::SubjectKeyIdentifier(id) => own = Some(id.0.to_vec()),
                E::AuthorityKeyIdentifier(id) => issuer = id.key_identifier.as_ref().map(|id| id.0.to_vec()),
                _ => {}
            }
        }
        (own, issuer)
    };
    let (authority_own, authority_issuer) = identifiers(&authority);
    let (leaf_own, leaf_issuer) = identifiers(&leaf);
    assert!(authority_own.is_some() && leaf_own.is_some());
    assert_eq!(authority_issuer, authority_own);
    assert_eq!(leaf_issuer, authority_own);
}

#[test]
fn a_leaf_does_not_verify_against_another_authority_of_the_same_name() {
    let (ours, theirs) = (new_authority("ca"), new_authority("ca"));
    let leaf = leaf(&server(), &ours, NOW).unwrap();
    assert!(facts_of(&leaf, Some(&ours)).unwrap().signed_by_authority);
    assert!(!facts_of(&leaf, Some(&theirs)).unwrap().signed_by_authority);
    assert!(!facts_of(&leaf, None).unwrap().signed_by_authority);
}

#[test]
fn one_authority_of_a_bundle_is_enough() {
    let (old, new) = (new_authority("old"), new_authority("new"));
    let leaf = leaf(&server(), &new, NOW).unwrap();
    let bundle = Pair { certificate_pem: old.certificate_pem + &new.certificate_pem, ..new };
    assert!(facts_of(&leaf, Some(&bundle)).unwrap().signed_by_authority);
}

#[test]
fn a_leaf_does_not_vouch_for_another() {
    let authority = new_authority("ca");
    let leaf = leaf(&server(), &authority, NOW).unwrap();
    assert!(!facts_of(&leaf, Some(&leaf)).unwrap().signed_by_authority);
    assert_eq!(super::leaf(&server(), &leaf, NOW), Err(Error::NotAuthority));
}

#[test]
fn a_key_of_another_certificate_is_found() {
    let authority = new_authority("ca");
    let other = new_authority("other");
    let mixed = Pair { key_pem: other.key_pem, ..authority };
    assert!(!facts_of(&mixed, None).unwrap().key_matches);
    assert_eq!(leaf(&server(), &mixed, NOW), Err(Error::KeyMismatch));
}

#[test]
fn the_serial_changes_on_renewal_and_is_positive() {
    let authority = new_authority("ca");
    let serials: Vec<Vec<u8>> =
        (0..40).map(|_| serial_of(&leaf(&server(), &authority, NOW).unwrap())).collect();
    let distinct: std::collections::BTreeSet<_> = serials.iter().collect();
    assert_eq!(distinct.len(), 40);
    assert!(serials.iter().all(|serial| serial[0] & 0x80 == 0));
}

#[test]
fn a_leaf_never_outlives_its_authority() {
    let short = authority(&request("ca", Usage::Authority, 10), NOW).unwrap();
    let leaf_of = |now| leaf(&server(), &short, now);
    let ends = facts_of(&short, None).unwrap().not_after;
    assert_eq!(facts_of(&leaf_of(NOW).unwrap(), None).unwrap().not_after, ends);
    assert_eq!(leaf_of(ends), Err(Error::AuthorityEnded(ends)));
}

#[test]
fn a_certificate_that_cannot_end_in_time_is_refused() {
    let request = request("ca", Usage::Authority, u32::MAX);
    assert_eq!(authority(&request, NOW), Err(Error::TooLong(u32::MAX)));
}

#[test]
fn each_kind_is_issued_by_its_own_function() {
    let pair = new_authority("ca");
    assert_eq!(authority(&server(), NOW), Err(Error::WrongUsage(Usage::ServerAndClient)));
    let wanted = Err(Error::WrongUsage(Usage::Authority));
    assert_eq!(leaf(&request("x", Usage::Authority, 1), &pair, NOW), wanted);
}

#[test]
fn imported_authorities_sign_with_the_keys_that_users_keep() {
    for (name, certificate_pem, key_pem) in [
        ("imported RSA", include_str!("fixtures/rsa.crt"), include_str!("fixtures/rsa-pkcs1.key")),
        ("imported P-256", include_str!("fixtures/p256.crt"), include_str!("fixtures/p256-sec1.key")),
        ("imported P-384", include_str!("fixtures/p384.crt"), include_str!("fixtures/p384-sec1.key")),
    ] {
        let imported = Pair { certificate_pem: certificate_pem.to_owned(), key_pem: key_pem.to_owned() };
        let got = facts_of(&leaf(&server(), &imported, NOW).unwrap(), Some(&imported)).unwrap();
        assert_eq!((got.issuer.as_str(), got.signed_by_authority), (name, true));
    }
}

#[test]
fn what_cannot_be_read_is_said_in_words() {
    let pair = new_authority("ca");
    let certificate = pair.certificate_pem.as_bytes();
    let with_key = |key: &str| facts(certificate, Some(key.as_bytes()), None);
    assert_eq!(facts(b"hello", None, None), Err(Error::NoCertificate));
    assert_eq!(facts(certificate, None, Some(b"")), Err(Error::NoCertificate));
    assert_eq!(with_key(""), Err(Error::NoKey));
    assert_eq!(with_key(&pair.certificate_pem), Err(Error::NoKey));
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert_eq!(with_key(encrypted), Err(Error::EncryptedKey));
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(facts(broken, None, None), Err(Error::NotCertificate(_))));
    assert!(matches!(with_key(&pair.key_pem.replace('M', "N")), Err(Error::NotKey(_))));
}

#[test]
fn a_key_never_reaches_debug_output() {
    let pair = new_authority("ca");
    let body = pair.key_pem.lines().nth(1).unwrap();
    let shown = format!("{pair:?}");
    assert!(shown.contains("BEGIN CERTIFICATE") && !shown.contains("PRIVATE") && !shown.contains(body));
}
