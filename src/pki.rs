//! Certificates: issued, and read.
