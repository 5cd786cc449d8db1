//! etcd members, each over a connection of its own.
