//! Provisions etcd clusters on Kubernetes from a TOML stack file.
//!
//! ```text
//! stack    text -> Stack                            all mistakes at once
//! desired  &Stack -> Desired                        objects, certificate requests
//! cluster  &Desired -> live objects, dry-runs       a Reader asks, a Writer writes
//! etcd     -> members, status of each               one member at a time
//! dial     one member, through the API server
//! snapshot one member -> a file                     named only when it is verified
//! observe  &Stack -> Observed, and its plan         all reads, side by side
//! plan     (&Desired, &Observed) -> Plan            pure, cannot fail
//! saved    a plan as a file
//! recording what is live, as a file to plan against
//! report   what a run did, what a status tells      data
//! render   &Plan -> terminal, JSON, Markdown
//! comment  &Saved -> a comment on a pull request
//! forge    GitHub, GitLab: comments and reviews
//! execute  (&Plan, Writer, ...) -> Report           chooses nothing
//! ```
//!
//! `tests/layers.rs` enforces who may import whom.

pub mod canonical;
pub mod certificate;
pub mod field;
pub mod last_words;
pub mod member;
pub mod object;
pub mod quantity;
pub mod version;

pub mod stack;

pub mod desired;

pub mod observed;

pub mod plan;

pub mod dial;
pub mod observe;
pub mod snapshot;

pub mod recording;
pub mod report;
pub mod saved;

pub mod cluster;
pub mod etcd;
pub mod pki;

pub mod execute;

pub mod cli;
pub mod comment;
pub mod forge;
pub mod render;
