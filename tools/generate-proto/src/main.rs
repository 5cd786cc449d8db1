//! Turns `src/etcd/etcd.proto` into `src/etcd/proto.rs`.
//!
//! Needs no `protoc`: the compiler is a library. The result is checked in, so
//! that building the tool needs neither. Run it after a change of the `.proto`:
//!
//! ```console
//! cargo run --manifest-path tools/generate-proto/Cargo.toml
//! ```

use std::{error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let etcd = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/etcd");
    let scratch = std::env::temp_dir().join(format!("generate-proto-{}", std::process::id()));
    fs::create_dir_all(&scratch)?;
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .out_dir(&scratch)
        .compile_fds(protox::compile(["etcd.proto"], [&etcd])?)?;
    fs::copy(scratch.join("etcdserverpb.rs"), etcd.join("proto.rs"))?;
    fs::remove_dir_all(&scratch)?;
    Ok(())
}
