//! Ring 0: worlds with one thing changed, and the plan that comes of it.

mod founding;
