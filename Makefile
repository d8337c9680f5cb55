# Everything here needs Go, git and make, and nothing else. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO        ?= go
FUZZTIME  ?= 60s
# Another version of Argo CD than that of test/cluster's module, for test-long: see test/cluster/README.md.
ARGOCD_NEXT ?= v3.0.23
TAG       ?= 1.0.1
TOOL      := $(GO) tool -modfile=test/tools/go.mod
KO        := $(GO) tool -modfile=test/ko/go.mod ko
# What `make release` writes.
RELEASE   ?= bin/release.yaml
GOTESTSUM := $(TOOL) gotestsum --format pkgname --hide-summary skipped
# What became of each test, for test/proof. Every run of unit begins it anew.
RESULTS   := $(CURDIR)/.test-results
RECORDED   = $(GOTESTSUM) --jsonfile-timing-events '$(RESULTS)/$(1).json' --
# The packages whose tests need no control plane.
UNIT      := ./cmd/... ./pkg/... ./config/... ./tekton/... ./test/bench/... ./test/conformance/... ./test/layout/... ./test/proof/... ./test/release/...
E2E       := ./test/localcluster/... ./test/install/... ./test/e2e/... ./test/crash/...
# One end-to-end package at a time: each may start a control plane of its own.
E2EFLAGS  := -p 1 -count 1 -timeout 40m

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2}'

.PHONY: build
build: ## Compile everything and put the controller and the plugin of tkn into bin/
	$(GO) build ./...
	$(GO) build -ldflags '-s -w' -o bin/controller ./cmd/controller
	$(GO) build -ldflags '-s -w -X main.version=$(VERSION)' -o bin/tkn-gitops ./cmd/tkn-gitops

.PHONY: unit
unit: ## Run the fast tests (no control plane)
	@rm -rf '$(RESULTS)'; mkdir -p '$(RESULTS)'
	$(call RECORDED,unit) -short $(UNIT)

.PHONY: test
test: unit ## Run all tests: unit, then end to end on a local control plane
	cd test/cluster && $(GO) tool -modfile=../tools/go.mod gotestsum --format pkgname --jsonfile-timing-events '$(RESULTS)/cluster.json' -- -short ./...
	cd test/promql && $(GO) test .
	$(call RECORDED,e2e) $(E2EFLAGS) $(E2E)
# What needs a part of the control plane: Leases on the real API server, the real Argo CD, the real Gitea, the real
# kustomize edit.
	$(call RECORDED,parts) $(E2EFLAGS) -tags e2e -run Against ./pkg/lock ./pkg/argocd
	$(call RECORDED,gitea) $(E2EFLAGS) -run TestGitea ./test/conformance
	$(call RECORDED,oracle) -tags oracle -run KustomizeEdit ./pkg/manifest
# That every scenario of test/scenarios.md has tests, and that they ran and passed.
	$(GO) run ./test/proof -results '$(RESULTS)'

.PHONY: test-long
test-long: ## Run what is too long for every change: race detector, fuzzing, the real ko, a newer Argo CD
	$(GO) test -race -skip TestGitea $(UNIT)
	for dir in $$(grep -rl '^func Fuzz' --include '*_test.go' pkg | xargs -n 1 dirname | sort -u); do \
	  for target in $$(grep -ho '^func Fuzz[A-Za-z]*' $$dir/*_test.go | cut -d ' ' -f 2); do \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$dir; \
	  done; \
	done
# The real ko, which compiles the controller anew.
	cd test/ko && $(GO) test -count 1 -timeout 40m ./...
# The newer Argo CD that is supported; building it takes a quarter of an hour the first time.
	GITOPS_ARGOCD_VERSION=$(ARGOCD_NEXT) $(GOTESTSUM) -- $(E2EFLAGS) ./test/e2e/...

.PHONY: demo
demo: ## Start a local control plane and deploy the sample with it (make demo TAG=1.2.3)
	@$(GO) run ./test/demo -tag '$(TAG)'

.PHONY: cluster
cluster: ## Start a local control plane with the controller and keep it until Ctrl-C
	@$(GO) run ./test/demo -stay

.PHONY: bench
bench: ## Measure against the scripted chain, and what runs that wait for a merge cost
	$(GO) run ./test/bench

.PHONY: release
release: ## Write the file that installs a version (make release VERSION=v0.1.0, and IMAGE=…@sha256:… or KO_DOCKER_REPO=…)
ifdef IMAGE
	@$(GO) run ./test/release -version '$(VERSION)' -image '$(IMAGE)' -o '$(RELEASE)' config
else
# Builds the image and pushes it to $KO_DOCKER_REPO/controller.
	@test -n '$(VERSION)' || { echo 'make release: VERSION is missing, such as VERSION=v0.1.0'; exit 1; }
	@$(KO) resolve --base-import-paths --tags '$(VERSION)' -f config/ | $(GO) run ./test/release -version '$(VERSION)' -o '$(RELEASE)' -
endif

.PHONY: lint
lint: ## Run the linters
	$(TOOL) golangci-lint run ./...

.PHONY: generate
generate: ## Write generated code, CRDs and reference tables
	$(TOOL) controller-gen object paths=./pkg/apis/gitops/...
	$(TOOL) controller-gen crd:crdVersions=v1 paths=./pkg/apis/gitops/... output:crd:dir=config
	for kind in gitopsdeploys gitopsprs gitopsrecords; do mv "config/gitops.tekton.dev_$$kind.yaml" "config/300-crd-$$kind.yaml"; done
	$(GO) run ./test/generate

.PHONY: verify
verify: ## Check that generated files, modules and formatting are up to date
	@before=$$(git status --porcelain | sort); \
	$(MAKE) --no-print-directory generate; \
	$(GO) mod tidy; (cd test/cluster && $(GO) mod tidy); (cd test/tools && $(GO) mod tidy); (cd test/ko && $(GO) mod tidy); (cd test/promql && $(GO) mod tidy); \
	gofmt -l -w cmd pkg config tekton test; \
	$(GO) vet ./...; \
	after=$$(git status --porcelain | sort); \
	if [ "$$before" != "$$after" ]; then echo 'make verify: these files were not up to date; commit them:'; diff <(echo "$$before") <(echo "$$after") || true; exit 1; fi
