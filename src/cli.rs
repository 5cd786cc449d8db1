//! Arguments, dispatch, exit codes: one command a file.
