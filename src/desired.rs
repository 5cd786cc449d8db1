//! What a stack means on Kubernetes.
