# Nothing goes that cannot be brought back: no object is deleted or made anew,
# and no data is lost.
#
#   etcdctl-stack plan orders.toml --json > plan.json
#   conftest test --policy policies plan.json
package main

import rego.v1

deny contains msg if {
	some resource in input.resource_changes
	resource.change.actions == ["delete"]
	msg := sprintf("%s is deleted", [resource.address])
}

deny contains msg if {
	some resource in input.resource_changes
	resource.change.actions == ["delete", "create"]
	msg := sprintf("%s is made anew", [resource.address])
}

deny contains msg if {
	some claim in input.summary.needs.data_loss
	msg := sprintf("the data of claim %s is deleted", [claim])
}
