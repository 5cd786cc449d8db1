# make demo    builds, starts a real local Kubernetes, plans and applies stacks/quickstart.toml
# make test    every ring of tests; needs root for the local Kubernetes
# make help    the rest

CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/etcdctl-stack
export CARGO_TARGET_DIR ?= $(CACHE)/target
STACK ?= stacks/quickstart.toml

.PHONY: help build release demo demo-clean test soak bench pictures lint cluster-build cluster-up cluster-down

help:
	@echo 'make demo          plan and apply $(STACK) on a real Kubernetes, and show the result'
	@echo 'make demo-clean    remove what the demo made'
	@echo 'make test          every ring of tests, and the minutes that each took'
	@echo 'make soak          the long campaigns: kills at every step and at random moments'
	@echo 'make bench         plan beside kubectl diff, applies beside their waits, as ratios'
	@echo 'make pictures      of comments on requests, for docs/pictures; needs Chromium'
	@echo 'make lint          formatting, clippy, documentation, licences'
	@echo 'make build         the binary, in $(CARGO_TARGET_DIR)/debug'
	@echo 'make release       the binary, optimised, in $(CARGO_TARGET_DIR)/release'
	@echo 'make cluster-up    the local Kubernetes of three nodes (nothing to do when KUBECONFIG is set)'
	@echo 'make cluster-down  and away with it'

build:
	cargo build --locked

release:
	cargo build --locked --release

demo: build cluster-up
	tests/cluster/enter tests/demo $(CARGO_TARGET_DIR)/debug/etcdctl-stack $(STACK)

demo-clean:
	tests/cluster/enter tests/demo --clean $(STACK)

test:
	tests/run

soak:
	tests/run soak

bench: release cluster-up
	tests/cluster/enter tests/bench/plan $(CARGO_TARGET_DIR)/release/etcdctl-stack
	tests/cluster/enter tests/bench/waits $(CARGO_TARGET_DIR)/release/etcdctl-stack

pictures:
	tests/pictures/take

lint:
	tests/lint

cluster-build:
	tests/cluster/build

cluster-up: cluster-build
	tests/cluster/up

cluster-down:
	tests/cluster/down
