//! What to do about it: pure, no clock, no randomness.
