//! Doing it: guard, act, wait, journal.
