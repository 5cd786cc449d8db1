//! etcd versions: which are known, and what their flags are called.
