# make build, then bin/spillway serve. make test runs everything a change must pass; it installs the clients it needs.

GO ?= go
GOROOT := $(shell $(GO) env GOROOT)
TIMEOUT ?= 20m
TIMEOUT_LONG ?= 3h
# Random tests of a change repeat themselves; the long ones draw a new seed each time and print it when they fail.
SEED ?= 1

# The packages where goroutines meet and whose tests are short enough under the race detector; test-long has them all.
RACE_FOLDERS = memory spill catalog exec server telemetry
RACE_PACKAGES = $(foreach p,$(RACE_FOLDERS),./internal/$(p))
UNIT_PACKAGES = ./internal/... $(if $(wildcard cmd),./cmd/...)
GO_FOLDERS = $(wildcard cmd internal test bench)

.PHONY: build run test test-long test-unit test-race test-clients test-deps lint format vet staticcheck bench bench-units clean

build:
	$(GO) build -o bin/spillway ./cmd/spillway

run: build
	bin/spillway serve

test: lint test-unit test-race test-clients

# The import table, the style tests and the package tests, with all assertions on.
test-unit:
	SPILLWAY_SEED=$(SEED) $(GO) test -tags invariants -timeout $(TIMEOUT) $(UNIT_PACKAGES)

test-race:
	$(if $(RACE_PACKAGES),SPILLWAY_SEED=$(SEED) $(GO) test -race -short -timeout $(TIMEOUT) $(RACE_PACKAGES))

# The real binary under SQL scripts and real clients (mysql, mydumper).
test-clients: build test-deps
	$(if $(wildcard test),SPILLWAY_SEED=$(SEED) SPILLWAY_BIN=$(CURDIR)/bin/spillway \
		$(GO) test -count=1 -timeout $(TIMEOUT) ./test/...)

test-deps:
	tools/install-test-clients

# What is too slow for each change: no tag, the detector everywhere, long random tests.
test-long: lint build test-deps
	$(GO) test -count=1 -timeout $(TIMEOUT_LONG) $(UNIT_PACKAGES)
	SPILLWAY_LONG=1 $(GO) test -count=1 -tags invariants -timeout $(TIMEOUT_LONG) $(UNIT_PACKAGES)
	$(GO) test -count=1 -race -timeout $(TIMEOUT_LONG) $(UNIT_PACKAGES)
	$(if $(wildcard test),SPILLWAY_LONG=1 SPILLWAY_BIN=$(CURDIR)/bin/spillway \
		$(GO) test -count=1 -timeout $(TIMEOUT_LONG) ./test/...)

lint: format vet staticcheck
	$(GO) test ./internal/lint ./internal/deptest

format:
	@bad=$$(gofmt -l $(GO_FOLDERS)); if [ -n "$$bad" ]; then echo "not formatted, run gofmt -w:"; echo "$$bad"; exit 1; fi

vet:
	$(GO) vet ./...
	$(GO) vet -tags invariants ./...

staticcheck: bin/staticcheck
	bin/staticcheck ./...

bin/staticcheck: tools/go.mod tools/go.sum $(wildcard $(GOROOT)/VERSION)
	cd tools && $(GO) build -o ../bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	@touch $@

# A server under whole scenarios: make bench BENCH="-quick", or -h for its options. bench-units has those of packages.
bench: build
	$(GO) run ./bench $(BENCH)

bench-units:
	$(GO) test -run '^$$' -bench . -benchmem -count 1 -timeout $(TIMEOUT_LONG) $(UNIT_PACKAGES)

clean:
	rm -rf bin
