//! Private keys as users keep them, turned into the one form that signs.
//!
//! The signing library takes PKCS#8 only. SEC1 and PKCS#1 hold the same key
//! without saying its algorithm; the wrapping that says it is written here.

use rcgen::KeyPair;
use rustls_pki_types::{
    PrivateKeyDer, PrivatePkcs8KeyDer,
    pem::{self, PemObject},
};
use x509_parser::{certificate::X509Certificate, public_key::PublicKey};

use super::Error;

/// Object identifiers, as DER holds them: rsaEncryption, id-ecPublicKey,
/// prime256v1, secp384r1 (RFC 8017, RFC 5480).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];

/// Reads the first private key of a PEM text. The certificate beside it tells
/// the curve of a SEC1 key, which need not name it.
pub(super) fn read(pem: &[u8], certificate: &X509Certificate<'_>) -> Result<KeyPair, Error> {
    if is_encrypted(pem) {
        return Err(Error::EncryptedKey);
    }
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => Error::NoKey,
        other => Error::NotKey(other.to_string()),
    })?;
    let key = match key {
        PrivateKeyDer::Pkcs8(key) => key,
        PrivateKeyDer::Pkcs1(key) => wrap(RSA, &[0x05, 0x00], key.secret_pkcs1_der()),
        PrivateKeyDer::Sec1(key) => wrap(EC, &element(0x06, curve(certificate)?), key.secret_sec1_der()),
        _ => return Err(Error::NotKey("of an unknown kind".to_owned())),
    };
    KeyPair::try_from(&key).map_err(|error| Error::NotKey(error.to_string()))
}

/// Whether the key is the certificate's own, by their public halves.
pub(super) fn belongs(key: &KeyPair, certificate: &X509Certificate<'_>) -> bool {
    key.public_key_raw() == certificate.public_key().subject_public_key.data.as_ref()
}

/// PKCS#8 says it in the label, the older forms in a header.
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

fn curve(certificate: &X509Certificate<'_>) -> Result<&'static [u8], Error> {
    match certificate.public_key().parsed() {
        Ok(PublicKey::EC(point)) if point.key_size() == 256 => Ok(P256),
        Ok(PublicKey::EC(point)) if point.key_size() == 384 => Ok(P384),
        Ok(PublicKey::EC(point)) => Err(Error::NotKey(format!("a curve of {} bits", point.key_size()))),
        _ => Err(Error::NotKey("the key is elliptic and its certificate is not".to_owned())),
    }
}

/// `PrivateKeyInfo` of RFC 5208: version 0, algorithm, key.
fn wrap(algorithm: &[u8], parameter: &[u8], key: &[u8]) -> PrivatePkcs8KeyDer<'static> {
    let algorithm = element(0x30, &[&element(0x06, algorithm), parameter].concat());
    let body = [element(0x02, &[0]), algorithm, element(0x04, key)].concat();
    PrivatePkcs8KeyDer::from(element(0x30, &body))
}

/// One DER element; an RSA key of 65535 bytes or more does not exist.
fn element(tag: u8, body: &[u8]) -> Vec<u8> {
    let [.., high, low] = body.len().to_be_bytes();
    let mut bytes = vec![tag];
    match body.len() {
        0..0x80 => bytes.push(low),
        0x80..0x100 => bytes.extend([0x81, low]),
        _ => bytes.extend([0x82, high, low]),
    }
    bytes.extend_from_slice(body);
    bytes
}
