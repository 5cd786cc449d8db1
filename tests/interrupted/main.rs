//! Ring 1: every call of a run loses its effect or its answer, or is the last
//! that the run makes; then the next run goes on.
//!
//! ```text
//! simulator    the parts of the world, and its clock
//! store        the API server: objects as opaque values
//! physics      the StatefulSet controller, the kubelet, how etcd starts
//! etcd         logs, elections, refusals
//! world        all of it as execute sees it, with faults
//! view         all of it as plan sees it
//! hands        what people, nodes and disks do meanwhile
//! rules        what no run may ever do
//! drive        plan and apply until nothing is left
//! ```
//!
//! The rest are tests: of the end of a stack (`ending`), of the simulator
//! itself (`refusals`), of foundings, of what is written down, of every
//! operation with every fault, what is made anew among them (`remade`), and of
//! worlds made by chance.

#![expect(clippy::print_stdout, reason = "the number of interleavings is for whoever reads the log")]

mod adopting;
mod chance;
mod drive;
mod ending;
mod etcd;
mod founding;
mod hands;
mod inventory;
mod meanwhile;
mod operations;
mod physics;
mod refusals;
mod remade;
mod rules;
mod simulator;
mod store;
mod view;
mod world;
