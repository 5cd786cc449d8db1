//! What the user asked for: the stack file, parsed and checked.
