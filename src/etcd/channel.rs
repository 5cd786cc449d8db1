//! The connection to one member: TLS and HTTP/2 over whatever was dialled.

use std::{error, fmt, io, time::Duration};

use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};

use super::{Credentials, Dial, Error};

/// How long dialling and the TLS handshake may take together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a connection with an open question is probed. etcd hangs up on
/// probes closer than 5 s (`--grpc-keepalive-min-time`) and on probes without
/// an open question, so idle connections are not probed.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How long a probe may stay without answer.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The caller's `dial` failed: nothing was said to the member. Kept apart from
/// failures of the member's TLS, since a dialler may speak TLS of its own.
#[derive(Debug)]
pub(super) struct DialFailed(io::Error);

impl fmt::Display for DialFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DialFailed(error) = self;
        error.fmt(f)
    }
}

impl error::Error for DialFailed {}

/// Both sides show certificates.
pub(super) fn mutual(server_name: &str, dial: Dial, credentials: &Credentials) -> Result<Channel, Error> {
    let Credentials { ca_pem, certificate_pem, key_pem } = credentials;
    must_hold_certificates("client", certificate_pem)?;
    let tls = trusting(server_name, ca_pem)?.identity(Identity::from_pem(certificate_pem, key_pem));
    Ok(lazy(endpoint("https", server_name)?.tls_config(tls).map_err(unusable)?, dial))
}

/// Only the member shows a certificate.
pub(super) fn server_only(server_name: &str, dial: Dial, ca_pem: &str) -> Result<Channel, Error> {
    let tls = trusting(server_name, ca_pem)?;
    Ok(lazy(endpoint("https", server_name)?.tls_config(tls).map_err(unusable)?, dial))
}

/// Nobody shows one.
pub(super) fn plain(server_name: &str, dial: Dial) -> Result<Channel, Error> {
    Ok(lazy(endpoint("http", server_name)?, dial))
}

fn trusting(server_name: &str, ca_pem: &str) -> Result<ClientTlsConfig, Error> {
    must_hold_certificates("authority", ca_pem)?;
    Ok(ClientTlsConfig::new().domain_name(server_name).ca_certificate(Certificate::from_pem(ca_pem)))
}

/// An authority without any would trust nobody and blame the member; a client
/// without one fails in words about "the peer".
fn must_hold_certificates(whose: &str, pem: &str) -> Result<(), Error> {
    match CertificateDer::pem_slice_iter(pem.as_bytes()).any(|block| block.is_ok()) {
        true => Ok(()),
        false => Err(Error::Unusable(format!("no `CERTIFICATE` block in the PEM text of the {whose}"))),
    }
}

/// The address gives scheme and authority only; it is never resolved.
fn endpoint(scheme: &str, server_name: &str) -> Result<Endpoint, Error> {
    let endpoint = Endpoint::from_shared(format!("{scheme}://{server_name}:2379")).map_err(unusable)?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(false))
}

fn lazy(endpoint: Endpoint, dial: Dial) -> Channel {
    endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
        let connecting = dial();
        async move { connecting.await.map(TokioIo::new).map_err(DialFailed) }
    }))
}

fn unusable(error: impl error::Error) -> Error {
    let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    Error::Unusable(reason)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn credentials_that_cannot_be_used_are_found_before_dialling() {
        let authority = include_str!("../pki/fixtures/p256.crt").to_owned();
        let key = include_str!("../pki/fixtures/p256-sec1.key").to_owned();
        let good = Credentials { ca_pem: authority.clone(), certificate_pem: authority, key_pem: key };
        let attempt = |credentials: &Credentials| {
            let dial: Dial = Arc::new(|| Box::pin(std::future::pending()));
            mutual("orders-0", dial, credentials).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(attempt(&good), Ok(()));
        let text = "hello".to_owned();
        let other_key = include_str!("../pki/fixtures/rsa-pkcs1.key").to_owned();
        for (credentials, wanted) in [
            (Credentials { ca_pem: text.clone(), ..good.clone() }, "PEM text of the authority"),
            (Credentials { certificate_pem: text.clone(), ..good.clone() }, "PEM text of the client"),
            (Credentials { key_pem: text, ..good.clone() }, "parsing TLS private key"),
            (Credentials { key_pem: other_key, ..good.clone() }, "KeyMismatch"),
        ] {
            let error = attempt(&credentials).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
