//! Showing it: terminal and JSON.
