//! The binary against forges that live in this process: servers on 127.0.0.1
//! that hold state, and refuse what GitHub and GitLab are documented to refuse.
//!
//! ```text
//! server          HTTP, and faults on demand
//! github, gitlab  their rules, each with the page that states it
//! world           saved plans, and the binary beside a forge
//! comments        what becomes of comments, on GitHub
//! troubles        what goes wrong on the way
//! following       an apply that is told of while it runs
//! approvals       what was approved, on GitHub
//! merge_requests  all of that on GitLab
//! ```

mod approvals;
mod comments;
mod following;
mod github;
mod gitlab;
mod merge_requests;
mod server;
mod troubles;
mod world;
