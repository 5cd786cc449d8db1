//! The tool on a real Kubernetes with real etcd: rings 2 and 3.
//!
//! `tests/cluster/enter` gives the cluster; `make test` runs all of this.

mod audit;
mod clusters;
mod interrupted;
mod kubernetes;
mod refusals;
