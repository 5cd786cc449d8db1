//! Certificates: issued, and read.
//!
//! A caller says what is wanted ([`Request`]) and what time it is; it gets a
//! [`Pair`], or the [`Facts`] of one that exists. Nothing here knows about
//! Kubernetes, files or the clock. This is the only user of `rcgen`,
//! `x509-parser` and `time`.

mod facts;
mod key;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use sha2::{Digest, Sha256};
use thiserror::Error;
use time::OffsetDateTime;

use crate::certificate::{Facts, Request, Usage};

pub use facts::facts;

/// How much earlier than now a certificate begins: the clocks of nodes differ.
const BACKDATED: SignedDuration = SignedDuration::from_mins(5);

/// A certificate and its private key.
///
/// It is never serialized as it stands and never printed whole. The key is not
/// wiped on drop: it leaves for the body of a Secret, and those copies could
/// not be wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, one PEM block.
    pub certificate_pem: String,
    /// Its private key: a PEM block of PKCS#8, SEC1 or PKCS#1. Issued ones are
    /// PKCS#8.
    pub key_pem: String,
}

/// Shows the certificate, never the key.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pair { certificate_pem, key_pem: _ } = self;
        f.debug_struct("Pair").field("certificate_pem", certificate_pem).finish_non_exhaustive()
    }
}

/// Why a certificate cannot be issued or read. The caller adds which one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The text holds no certificate.
    #[error("no `CERTIFICATE` block in the PEM text")]
    NoCertificate,
    /// The text holds no key.
    #[error("no `PRIVATE KEY` block in the PEM text")]
    NoKey,
    /// The key wants a password.
    #[error("the private key is encrypted; store it without a password (`openssl pkey -in KEY`)")]
    EncryptedKey,
    /// The PEM text or the block in it cannot be read.
    #[error("not a certificate: {0}")]
    NotCertificate(String),
    /// The key cannot be read, or is of a kind that cannot sign here.
    #[error("not a usable private key: {0}; export it as PKCS#8 (`openssl pkcs8 -topk8 -nocrypt -in KEY`)")]
    NotKey(String),
    /// Serving without dialling: etcd's gateway dials its own port with the
    /// server's certificate.
    #[error("the certificate is for serving only; etcd also dials with it, so it needs `clientAuth` too")]
    ServesOnly,
    /// Neither serving nor dialling.
    #[error("the certificate is neither an authority nor for TLS servers and clients")]
    NoUsage,
    /// A leaf was asked of something that may not sign.
    #[error("the authority's certificate is not one of an authority (basic constraints: CA is false)")]
    NotAuthority,
    /// The authority's key signs for another certificate.
    #[error("the authority's private key does not belong to its certificate")]
    KeyMismatch,
    /// Whatever it signed now would be refused.
    #[error("the authority's certificate ended at {0}; renew it first")]
    AuthorityEnded(Timestamp),
    /// Called for the wrong kind of certificate.
    #[error("{0:?} cannot be issued in this way")]
    WrongUsage(Usage),
    /// The end of validity is beyond what a certificate can say.
    #[error("a validity of {0} days ends later than the year 9999")]
    TooLong(u32),
    /// A name cannot be written into a certificate, or signing failed.
    #[error("cannot issue: {0}")]
    Issue(String),
}

/// Issues a self-signed authority with a new P-256 key, which may sign leaves
/// and nothing else.
pub fn authority(request: &Request, now: Timestamp) -> Result<Pair, Error> {
    if request.usage != Usage::Authority {
        return Err(Error::WrongUsage(request.usage));
    }
    let key = new_key()?;
    let mut params = params(request, &key, now, ends(request, now)?)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key).map_err(issue)?;
    Ok(Pair { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}

/// Issues a leaf with a new P-256 key. It never outlives its authority: a
/// chain ends with its first end.
pub fn leaf(request: &Request, authority: &Pair, now: Timestamp) -> Result<Pair, Error> {
    let purposes = purposes(request.usage)?;
    let (issuer, authority_ends) = issuer(authority)?;
    if authority_ends <= now {
        return Err(Error::AuthorityEnded(authority_ends));
    }
    let key = new_key()?;
    let mut params = params(request, &key, now, ends(request, now)?.min(authority_ends))?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = purposes;
    let certificate = params.signed_by(&key, &issuer).map_err(issue)?;
    Ok(Pair { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}

fn purposes(usage: Usage) -> Result<Vec<ExtendedKeyUsagePurpose>, Error> {
    match usage {
        Usage::Authority => Err(Error::WrongUsage(usage)),
        Usage::ServerAndClient => {
            Ok(vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth])
        }
        Usage::Client => Ok(vec![ExtendedKeyUsagePurpose::ClientAuth]),
    }
}

/// The authority ready to sign, and when it ends. `rcgen` checks neither its
/// right to sign nor its key.
fn issuer(authority: &Pair) -> Result<(Issuer<'static, KeyPair>, Timestamp), Error> {
    let der = facts::first_certificate(authority.certificate_pem.as_bytes())?;
    let certificate = facts::parse(&der)?;
    if !certificate.is_ca() {
        return Err(Error::NotAuthority);
    }
    let key = key::read(authority.key_pem.as_bytes(), &certificate)?;
    if !key::belongs(&key, &certificate) {
        return Err(Error::KeyMismatch);
    }
    let ends = facts::timestamp(certificate.validity().not_after)?;
    Ok((Issuer::from_ca_cert_der(&der, key).map_err(issue)?, ends))
}

fn params(
    request: &Request,
    key: &KeyPair,
    now: Timestamp,
    not_after: Timestamp,
) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, request.subject.as_str());
    for name in &request.dns_names {
        let name = name.as_str().try_into().map_err(issue)?;
        params.subject_alt_names.push(SanType::DnsName(name));
    }
    params.subject_alt_names.extend(request.ip_addresses.iter().copied().map(SanType::IpAddress));
    params.not_before = offset(now - BACKDATED)?;
    params.not_after = offset(not_after)?;
    params.serial_number = Some(serial(key));
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Sixteen bytes that nobody can foretell and that differ at each issue: the
/// hash of the new key. The top bit is clear, for a serial is positive
/// (RFC 5280, 4.1.2.2).
fn serial(key: &KeyPair) -> SerialNumber {
    let mut bytes = Sha256::digest(key.public_key_raw())[..16].to_vec();
    bytes[0] &= 0x7f;
    SerialNumber::from(bytes)
}

fn new_key() -> Result<KeyPair, Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(issue)
}

fn ends(request: &Request, now: Timestamp) -> Result<Timestamp, Error> {
    let hours = i64::from(request.days) * 24;
    now.checked_add(SignedDuration::from_hours(hours)).map_err(|_| Error::TooLong(request.days))
}

/// Certificates count whole seconds.
fn offset(moment: Timestamp) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp(moment.as_second()).map_err(issue)
}

fn issue(error: impl fmt::Display) -> Error {
    Error::Issue(error.to_string())
}

#[cfg(test)]
mod tests;
