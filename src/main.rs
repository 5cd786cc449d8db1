//! The `etcdctl-stack` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    etcdctl_stack::cli::main()
}
