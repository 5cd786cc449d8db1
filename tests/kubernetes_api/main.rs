//! Ring 2: what `cluster` does on a real API server, whose merging, defaulting
//! and admission nothing imitates.
//!
//! `tests/cluster/enter` gives the cluster; `make test` runs all of this.

mod admission;
mod adopting;
mod asking;
mod checking;
mod connecting;
mod defaults;
mod deleting;
mod foreign;
mod left_out;
mod records;
mod releasing;
mod remaking;
mod space;
mod taking;
mod writing;
