# A cluster that serves stays able to lose a member, and runs images from where
# they are looked after.
#
#   etcdctl-stack plan orders.toml --json > plan.json
#   conftest test --policy policies plan.json
package main

import rego.v1

allowed_registries := {"registry.k8s.io/", "quay.io/coreos/"}

# Fewer than three members can lose none. While one of three restarts no other
# may fail, and no plan can do otherwise: that is not counted here. A step that
# does not touch membership has null there, which is less than any number.
deny contains msg if {
	input.summary.members.before >= 3
	some step in input.steps
	is_number(step.can_lose)
	step.can_lose < 1
	not restarts(step)
	msg := sprintf("after step %s no member may fail: %s", [step.id, step.title])
}

restarts(step) if {
	some cost in step.costs
	cost.cost in {"restart", "downtime"}
}

# Objects that stay as they are have no `after`.
deny contains msg if {
	some resource in input.resource_changes
	some container in resource.change.after.spec.template.spec.containers
	not from_allowed_registry(container.image)
	msg := sprintf("%s would run %s", [resource.address, container.image])
}

from_allowed_registry(image) if {
	some registry in allowed_registries
	startswith(image, registry)
}
