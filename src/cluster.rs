//! The Kubernetes API server: reads, and the few writes.
