# Thin: what a target does is in the program it calls.

.DEFAULT_GOAL := help
CARGO_TARGET_DIR ?= target
E2E := cargo run --quiet --package windlass-e2e --

# A static program needs an explicit target, so that its flags do not reach build scripts and macros.
STATIC_TARGET := $(shell uname -m)-unknown-linux-gnu
OPERATOR := $(CARGO_TARGET_DIR)/$(STATIC_TARGET)/release/windlass
ARCHIVE := $(CARGO_TARGET_DIR)/windlass-image.tar

.PHONY: help
help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
ifeq ($(CLUSTER),existing)
demo:
	$(E2E) demo --existing --image "$(IMAGE)" $(if $(JOB_IMAGE),--job-image "$(JOB_IMAGE)") $(if $(YES),--yes)
else
demo: cluster image ## Run the rainbow array job on the test cluster (CLUSTER=existing IMAGE=NAME: on your own)
	$(E2E) demo --archive $(ARCHIVE)
endif

# The cluster and the operator come before the tests, because some of them are on it. All tests are one command, so
# that none can be left out, and so that what they are made of is built once. More threads than cores: they mostly wait.
.PHONY: test
test: ## Check everything but the long tests
	cargo fmt --check
	$(MAKE) cluster KWOK_NODES=20
	cargo clippy --quiet --workspace --all-targets -- --deny warnings
	cargo clippy --quiet --package windlass-e2e --test verify --test bench -- --deny warnings
	cargo run --quiet --package windlass-sim -- --seeds 0..10000
	$(MAKE) install
	RUST_TEST_THREADS=8 cargo test --workspace --no-fail-fast
	cargo test --package windlass-sim --features mutants --test mutants

.PHONY: verify
verify: ## The long tests: 100,000 seeds, the faults five times over, full size, a hundred kills, a long outage, a storm, Karpenter, Argo CD
	cargo run --quiet --release --package windlass-sim -- --seeds 10000..110000
	cargo run --quiet --release --package windlass-sim --features mutants -- mutants
	$(MAKE) cluster KWOK_NODES=20 KARPENTER=1
	$(MAKE) install
	for round in 1 2 3 4 5; do cargo test --workspace --test faults || exit; done
	WINDLASS_SEQUENCES=400 cargo test --package windlass-e2e --test conformance -- --nocapture
	cargo test --package windlass-e2e --test verify -- --nocapture
	$(E2E) cluster build-argocd
	cargo test --package windlass-e2e --test argocd -- --nocapture

.PHONY: bench
bench: ## Figures in one table, beside a bare client's and batch/v1's (WINDLASS_BENCH_SIZE=1000: a quick look)
	cargo run --quiet --release --package windlass-sim -- --seeds 0..10000
	cargo run --quiet --release --package windlass-sim -- replay
	cargo test --quiet --release --package windlass --test queued --no-run
	cargo test --quiet --release --package windlass-e2e --test bench --no-run
	$(MAKE) cluster
	$(MAKE) install
	cargo test --release --package windlass-e2e --test bench -- --nocapture

.PHONY: cluster
cluster: ## Start the test cluster, or what of it does not run (KWOK_NODES=100, KARPENTER=1)
	$(E2E) cluster up $(if $(KWOK_NODES),--kwok-nodes $(KWOK_NODES)) $(if $(KARPENTER),--karpenter)

.PHONY: cluster-down
cluster-down: ## Stop the test cluster, whichever checkout started it, and remove all it had
	$(E2E) cluster down

.PHONY: cluster-status
cluster-status: ## Show the test cluster's components and nodes
	$(E2E) cluster status

.PHONY: image
image: ## Build the operator's image as an OCI archive
	RUSTFLAGS="-C target-feature=+crt-static" \
		cargo build --release --package windlass --target $(STATIC_TARGET)
	$(E2E) image operator --binary $(OPERATOR) --out $(ARCHIVE)

.PHONY: install
install: image ## Install Windlass on the test cluster, or bring it up to date
	$(E2E) install --archive $(ARCHIVE)

.PHONY: cluster-image
cluster-image: image ## Build the operator's image and import it into the test cluster's nodes
	$(E2E) image load $(ARCHIVE)
