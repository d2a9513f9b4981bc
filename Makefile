# The single entrance; CI calls the same targets. The logic is in scripts/ and xtask/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(HOME)/.cargo/bin:$(PATH):/usr/sbin:/sbin

target := $(or $(CARGO_TARGET_DIR),target)
xtask := cargo run --quiet --locked --package xtask --

##@ Use

.PHONY: help demo build image
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

demo: ## a whole cluster in private network namespaces: watch a Service get an address and be found
	@scripts/setup.sh rust
	@cargo build --locked --package ferrolb-cli
	@$(target)/debug/ferrolb demo $(ARGS)

build: ## the release binary, static
	@scripts/setup.sh rust
	@$(xtask) binary

image: ## the container image as an OCI layout, reproducible
	@scripts/setup.sh rust
	@$(xtask) image

##@ Test

.PHONY: test unit netns interop cluster
test: ## all tiers; says what it skipped and why
	@scripts/test.sh unit netns interop cluster

unit: ## unit, property and golden tests and the command line: nothing real is needed
	@scripts/test.sh unit

netns: ## real kernel network stacks, judged by arping, ndisc6 and tcpdump
	@scripts/test.sh netns

interop: ## one ring with hashicorp/memberlist
	@scripts/test.sh interop

cluster: ## a real kube-apiserver, etcd and kube-proxy, judged by kubectl
	@scripts/test.sh cluster

##@ Check

.PHONY: lint fmt fmt-check typos deny clippy fuzz-check docs-check layers check-generated compat
lint: fmt-check typos deny layers check-generated compat clippy fuzz-check docs-check ## everything that is checked without running

fmt: ## format the code
	@scripts/setup.sh rust
	@cargo fmt --all

fmt-check:
	@scripts/setup.sh rust lint
	cargo fmt --all --check

typos: ## spelling
	@scripts/setup.sh lint
	scripts/lint-tool.sh typos

deny: ## licences, banned crates and sources of dependencies
	@scripts/setup.sh rust lint
	scripts/lint-tool.sh cargo-deny --locked check --hide-inclusion-graph bans licenses sources
	@# The database of advisories may be out of reach, and a new advisory must not stop unrelated work.
	scripts/lint-tool.sh cargo-deny --locked check advisories || echo "deny: advisories not checked or not clean; see above (not an error)"

clippy: ## lints, benches and tests included
	cargo clippy --locked --workspace --all-targets -- -D warnings

fuzz-check: ## the fuzz targets compile; what clippy has checked is not checked again
	cargo check --locked --manifest-path fuzz/Cargo.toml --target-dir $(target)

docs-check:
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

layers: ## no crate depends across the borders
	$(xtask) layers

check-generated: ## generated files are as the generators make them
	$(xtask) check-generated

compat: ## docs/compatibility.md names every field and error id, and tests that exist
	$(xtask) compat

##@ Make

.PHONY: docs generate bench
docs: ## the API documentation, under target/doc
	@scripts/setup.sh rust
	@cargo doc --locked --workspace --no-deps

generate: ## write every generated file: manifests, CRDs of the chart, reference pages
	@$(xtask) generate

bench: ## run the benchmarks and print what they measure next to the budgets
	@scripts/setup.sh rust judges go
	@FERROLB_ASSETS=$$(scripts/cluster-assets.sh) $(xtask) bench-table $(ARGS)
