# Everything here needs Go, git and make, and nothing else. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO        ?= go
TAG       ?= 1.0.1
TOOL      := $(GO) tool -modfile=test/tools/go.mod
GOTESTSUM := $(TOOL) gotestsum --format pkgname --hide-summary skipped
# The packages whose tests need no control plane.
UNIT      := ./cmd/... ./pkg/... ./config/... ./test/bench/... ./test/layout/...
E2E       := ./test/localcluster/... ./test/e2e/... ./test/crash/...
# One end-to-end package at a time: each may start a control plane of its own.
E2EFLAGS  := -p 1 -count 1 -timeout 40m

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2}'

.PHONY: build
build: ## Compile everything and put the controller into bin/
	$(GO) build ./...
	$(GO) build -ldflags '-s -w' -o bin/controller ./cmd/controller

.PHONY: unit
unit: ## Run the fast tests (no control plane)
	$(GOTESTSUM) -- -short $(UNIT)

.PHONY: test
test: unit ## Run all tests: unit, then end to end on a local control plane
	cd test/cluster && $(GO) tool -modfile=../tools/go.mod gotestsum --format pkgname -- -short ./...
	$(GOTESTSUM) -- $(E2EFLAGS) $(E2E)
# What needs a part of the control plane: Leases on the real API server, the real kustomize edit.
	$(GO) test -tags e2e -run APIServer ./pkg/lock
	$(GO) test -tags oracle -run KustomizeEdit ./pkg/manifest

.PHONY: test-long
test-long: ## Run what is too long for every change: race detector, fuzzing, long end-to-end tests
	$(GO) test -race $(UNIT)
	$(GO) test -run '^$$' -fuzz FuzzSetKustomizeImage -fuzztime 60s ./pkg/manifest
	GITOPS_LONG=1 $(GOTESTSUM) -- $(E2EFLAGS) $(E2E)

.PHONY: demo
demo: ## Start a local control plane and deploy the sample with it (make demo TAG=1.2.3)
	@$(GO) run ./test/demo -tag '$(TAG)'

.PHONY: cluster
cluster: ## Start a local control plane with the controller and keep it until Ctrl-C
	@$(GO) run ./test/demo -stay

.PHONY: bench
bench: ## Measure against the scripted chain, on the sample and on a large repository
	$(GO) run ./test/bench

.PHONY: lint
lint: ## Run the linters
	$(TOOL) golangci-lint run ./...

.PHONY: generate
generate: ## Write generated code, CRDs and reference tables
	$(TOOL) controller-gen object paths=./pkg/apis/gitops/...
	$(TOOL) controller-gen crd:crdVersions=v1 paths=./pkg/apis/gitops/... output:crd:dir=config/300-crds
	$(GO) run ./test/generate

.PHONY: verify
verify: ## Check that generated files, modules and formatting are up to date
	@before=$$(git status --porcelain | sort); \
	$(MAKE) --no-print-directory generate; \
	$(GO) mod tidy; (cd test/cluster && $(GO) mod tidy); (cd test/tools && $(GO) mod tidy); \
	gofmt -l -w cmd pkg config test; \
	$(GO) vet ./...; \
	after=$$(git status --porcelain | sort); \
	if [ "$$before" != "$$after" ]; then echo 'make verify: these files were not up to date; commit them:'; diff <(echo "$$before") <(echo "$$after") || true; exit 1; fi
