//! The tool on a real Kubernetes with real etcd: rings 2 and 3.
//!
//! `tests/cluster/enter` gives the cluster; `make test` runs all of this.

#![expect(clippy::print_stdout, reason = "numbers that a reader of the log wants")]

mod admission;
mod adopting;
mod approved;
mod audit;
mod changing;
mod chaos;
mod clusters;
mod dying_server;
mod ending;
mod examples;
mod foreign;
mod histories;
mod identities;
mod interrupted;
mod kills;
mod kubernetes;
mod least;
mod load;
mod locks;
mod looking;
mod membership;
mod owners;
mod put_back;
mod recordings;
mod refusals;
mod remade;
mod roles;
mod told;
#[path = "../schema/valid.rs"]
mod valid;
