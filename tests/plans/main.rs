//! Ring 0: worlds with one thing changed, and the plan that comes of it.

mod adopting;
mod certificates;
mod digests;
mod drift;
mod ending;
mod foreign;
mod founding;
mod gone;
mod growth;
mod hands;
mod journals;
mod kept;
mod keys;
mod leaving;
mod leftovers;
mod lost;
mod membership;
mod objects;
mod owned;
mod pruned;
mod put_back;
mod quotas;
mod recorded;
mod remade;
mod removing;
mod restarting;
mod saved;
mod sources;
mod told;
mod tolerated;
#[path = "../schema/valid.rs"]
mod valid;
mod worlds;
