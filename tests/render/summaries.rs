//! Several plans at once, as they are printed.

use etcdctl_stack::render;

use crate::{NARROW, WIDE, fits, plans::NOTHING, shows, worlds};

#[test]
fn several_plans_end_with_a_line_each_the_worst_first() {
    let (create, grow, blocked, unchanged) =
        (worlds::create(), worlds::grow(), worlds::blocked(), worlds::unchanged());
    let plans = [
        ("a.toml", Ok(&unchanged)),
        ("b.toml", Ok(&create)),
        ("c.toml", Ok(&grow)),
        ("d.toml", Ok(&blocked)),
        ("e.toml", Err("cannot reach the API server at https://prod-eu.example.com: refused".to_owned())),
    ];
    shows(
        &render::summary(&plans, &NOTHING, WIDE),
        r#"Summary
  ✗ e.toml  error: cannot reach the API server at https://prod-eu.example.com: refused
  ✗ d.toml  cannot be applied: only 2 of 3 voters are healthy: `orders-2` does not answer (and 1
      more)
  ~ c.toml  0 to create, 1 to change, 0 to delete, 3 steps, voters 3 -> 5
  + b.toml  6 to create, 0 to change, 0 to delete, 4 steps, voters 0 -> 3
    a.toml  no changes
5 stacks: 1 with errors, 1 that cannot be applied, 1 to change, 1 to create, 1 without changes
"#,
    );
    fits(&render::summary(&plans, &NOTHING, NARROW), 40);
}
