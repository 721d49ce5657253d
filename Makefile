SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# How many crashes each crash suite tries. There are four (kv/pebble,
# blob/file, object, notify/spool), so this is 100,000 in all.
export CARILLON_CRASH_POINTS ?= 25000
FUZZTIME ?= 30s
BENCH ?= .

tools := test/tools/tools
suite := test/tools/suite

.PHONY: help build tools test lint fmt race crash test-long fuzz brokers bench clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

build: ## build bin/carillon
	CGO_ENABLED=0 go build -trimpath -o bin/carillon ./cmd/carillon

tools: ## get the programs that tests use into the cache
	@$(suite) tools $(tools)

lint: ## check style and import arrows
	@$(suite) lint "$$($(tools) golangci-lint)" run ./...
	@cd test/sdk/go-v2 && $(CURDIR)/$(suite) lint-sdk "$$($(CURDIR)/$(tools) golangci-lint)" run ./...

fmt: ## format the code
	@"$$($(tools) golangci-lint)" fmt

crash: ## pull the plug at 100,000 instants
	@$(suite) crash go test -v -run '^TestCrash' -timeout 30m ./internal/...

race: ## run all other tests under the race detector
	@$(suite) race env CARILLON_BUILD_FLAGS=-race go test -race -shuffle=on -skip '^TestCrash' -timeout 30m ./...

test: ## test everything: the command to run before a commit
	@$(MAKE) --no-print-directory tools lint
	@$(suite) build $(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory crash race

test-long: ## the long versions, hours: hundreds of rounds, millions of crashes
	@$(suite) tools $(tools) golangci-lint mc thumbnailer brokers pysdk jssdk javasdk rclone restic consumers functional minio
	@CARILLON_CRASH_POINTS=1000000 $(suite) crash go test -v -run '^TestCrash' -timeout 6h ./internal/...
	@CARILLON_PEER="$$($(tools) minio)" $(suite) long go test -tags long -skip '^TestCrash' -timeout 6h ./...

fuzz: ## fuzz every target for FUZZTIME
	@test/tools/fuzz $(FUZZTIME)

brokers: ## start all brokers and leave them running for you to play with
	@$(tools) brokers >/dev/null
	go run ./test/brokers

bench: ## measure packages, then the server beside its peer
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./internal/...
	CARILLON_PEER="$$($(tools) minio)" go run ./bench

clean: ## remove what was built; the cache of tools stays
	rm -rf bin
	go clean -testcache
