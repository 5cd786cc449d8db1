//! What is there: data only.
