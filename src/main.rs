//! The `etcdctl-stack` binary.

fn main() {}
