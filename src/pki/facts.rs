//! What a certificate says of itself, and who vouches for it.

use std::{collections::BTreeSet, net::IpAddr};

use jiff::Timestamp;
use rustls_pki_types::{
    CertificateDer,
    pem::{self, PemObject},
};
use sha2::{Digest, Sha256};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{ExtendedKeyUsage, GeneralName},
    prelude::FromDer,
    time::ASN1Time,
    x509::X509Name,
};

use super::{Error, Facts, Usage, key};

/// Returns the facts of the first certificate in a PEM text.
///
/// Without a key, `key_matches` is false. The authority may be a bundle, as it
/// is while an authority is being renewed: one that signed is enough. Without
/// an authority the certificate has to be one and to have signed itself.
pub fn facts(
    certificate_pem: &[u8],
    key_pem: Option<&[u8]>,
    authority_pem: Option<&[u8]>,
) -> Result<Facts, Error> {
    let der = first_certificate(certificate_pem)?;
    let certificate = parse(&der)?;
    let key_matches = match key_pem {
        Some(pem) => key::belongs(&key::read(pem, &certificate)?, &certificate),
        None => false,
    };
    let (dns_names, ip_addresses) = names(&certificate)?;
    Ok(Facts {
        subject: common_name(certificate.subject()),
        issuer: common_name(certificate.issuer()),
        usage: usage(&certificate)?,
        dns_names,
        ip_addresses,
        not_before: timestamp(certificate.validity().not_before)?,
        not_after: timestamp(certificate.validity().not_after)?,
        sha256: Sha256::digest(&der).iter().map(|byte| format!("{byte:02x}")).collect(),
        key_matches,
        signed_by_authority: signed(&certificate, authority_pem)?,
    })
}

/// The first `CERTIFICATE` block; other blocks before it are skipped.
pub(super) fn first_certificate(pem: &[u8]) -> Result<CertificateDer<'static>, Error> {
    CertificateDer::from_pem_slice(pem).map_err(no_certificate)
}

pub(super) fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    X509Certificate::from_der(der).map(|(_, certificate)| certificate).map_err(not_certificate)
}

pub(super) fn timestamp(time: ASN1Time) -> Result<Timestamp, Error> {
    Timestamp::from_second(time.timestamp()).map_err(not_certificate)
}

fn common_name(name: &X509Name<'_>) -> String {
    name.iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default().to_owned()
}

/// Names of other kinds (e-mail, URI) mean nothing to etcd and are left out.
fn names(certificate: &X509Certificate<'_>) -> Result<(BTreeSet<String>, BTreeSet<IpAddr>), Error> {
    let (mut dns, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    let Some(extension) = certificate.subject_alternative_name().map_err(not_certificate)? else {
        return Ok((dns, addresses));
    };
    for name in &extension.value.general_names {
        match name {
            GeneralName::DNSName(name) => {
                dns.insert((*name).to_owned());
            }
            GeneralName::IPAddress(bytes) => {
                addresses.insert(address(bytes)?);
            }
            _ => {}
        }
    }
    Ok((dns, addresses))
}

fn address(bytes: &[u8]) -> Result<IpAddr, Error> {
    let wrong = || Error::NotCertificate(format!("an address of {} bytes", bytes.len()));
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).map(IpAddr::from).map_err(|_| wrong()),
        16 => <[u8; 16]>::try_from(bytes).map(IpAddr::from).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// No extended key usage at all means any (RFC 5280, 4.2.1.12).
fn usage(certificate: &X509Certificate<'_>) -> Result<Usage, Error> {
    if certificate.is_ca() {
        return Ok(Usage::Authority);
    }
    let Some(extension) = certificate.extended_key_usage().map_err(not_certificate)? else {
        return Ok(Usage::ServerAndClient);
    };
    let ExtendedKeyUsage { any, server_auth, client_auth, .. } = extension.value;
    match (*any || *server_auth, *any || *client_auth) {
        (true, true) => Ok(Usage::ServerAndClient),
        (false, true) => Ok(Usage::Client),
        (true, false) => Err(Error::ServesOnly),
        (false, false) => Err(Error::NoUsage),
    }
}

fn signed(certificate: &X509Certificate<'_>, authority_pem: Option<&[u8]>) -> Result<bool, Error> {
    let Some(pem) = authority_pem else {
        return Ok(signed_by(certificate, certificate));
    };
    let bundle: Vec<CertificateDer<'_>> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(no_certificate)?;
    if bundle.is_empty() {
        return Err(Error::NoCertificate);
    }
    for der in &bundle {
        if signed_by(certificate, &parse(der)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn signed_by(certificate: &X509Certificate<'_>, authority: &X509Certificate<'_>) -> bool {
    authority.is_ca()
        && certificate.issuer() == authority.subject()
        && certificate.verify_signature(Some(authority.public_key())).is_ok()
}

fn no_certificate(error: pem::Error) -> Error {
    match error {
        pem::Error::NoItemsFound => Error::NoCertificate,
        other => not_certificate(other),
    }
}

fn not_certificate(error: impl std::fmt::Display) -> Error {
    Error::NotCertificate(error.to_string())
}
