//! Ring 0: worlds with one thing changed, and the plan that comes of it.

mod certificates;
mod digests;
mod founding;
mod leftovers;
mod membership;
mod objects;
mod worlds;
