//! Certificates as values: what is wanted of one, and what is known of one.
//!
//! No key is ever here: keys are made and kept by `pki` and `cluster`.

use std::{collections::BTreeSet, net::IpAddr};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// Signs leaves and nothing else.
    Authority,
    /// Serves, and dials too: etcd's gateway dials its own port with it, and
    /// peers are both ends of a connection.
    ServerAndClient,
    /// Dials only.
    Client,
}

/// A certificate that somebody should issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// The common name of the subject.
    pub subject: String,
    /// What it is for.
    pub usage: Usage,
    /// DNS names it is valid for, wildcards included.
    pub dns_names: BTreeSet<String>,
    /// Addresses it is valid for.
    pub ip_addresses: BTreeSet<IpAddr>,
    /// Days of validity, counted from the moment of issue.
    pub days: u32,
}

/// What a certificate says of itself, and whether its key belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The common name of the subject.
    pub subject: String,
    /// The common name of the issuer.
    pub issuer: String,
    /// What it is for, by its extensions.
    pub usage: Usage,
    /// DNS names it is valid for.
    pub dns_names: BTreeSet<String>,
    /// Addresses it is valid for.
    pub ip_addresses: BTreeSet<IpAddr>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// SHA-256 of the DER form, in hexadecimal.
    pub sha256: String,
    /// Whether the private key beside it is its own.
    pub key_matches: bool,
    /// Whether the authority's certificate beside it signed it; true of a
    /// self-signed authority.
    pub signed_by_authority: bool,
}
