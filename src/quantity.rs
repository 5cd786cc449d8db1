//! Kubernetes quantities: parse, compare, canonical form.
