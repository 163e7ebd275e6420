GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
REVISION    ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
NESTED      := dashboards/generate internal/stack
COMMON      := github.com/prometheus/common/version

.PHONY: build test race lint e2e alarm simulation bench fuzz golden image

build: ## the binary, for this machine
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X $(COMMON).Version=$(VERSION) -X $(COMMON).Revision=$(REVISION)" -o connectycube_exporter .

test: ## all tests
	$(GO) test ./...

race: ## all tests three times, in any order, under the race detector
	$(GO) test -race -shuffle=on -count=3 -timeout=90m ./...

lint: ## what CI checks before the tests
	test -z "$$(gofmt -l .)"
	$(GO) vet ./...
	$(GO) vet -tags e2e ./...
	$(GO) run $(STATICCHECK) -tags e2e ./...
	@for module in $(NESTED); do \
	  (cd $$module && set -x && $(GO) mod tidy -diff && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...) || exit 1; \
	done

e2e: ## programs killed fifty times, memory; a real Prometheus scrapes the demo and answers the boards (its first build takes minutes)
	$(GO) test -tags e2e -count=1 -run 'Prometheus|Killed|Memory' -v ./internal/e2e

alarm: ## an hour in real time: the chat falls silent, the alert fires, ends; the API breaks
	$(GO) test -tags e2e -count=1 -run Alarm -v -timeout 120m ./internal/e2e

simulation: ## the tables of the activity statistic beside the reference; some fifteen minutes on two cores
	$(GO) run ./internal/simulation -out internal/simulation/RESULTS.md

bench: ## the benchmarks quoted in the README
	$(GO) test -run '^$$' -bench . -benchtime 1x ./internal/export
	$(GO) test -run '^$$' -bench . ./chatapi ./collector ./collector/activity ./chatapi/chatapitest

fuzz: ## each fuzz target for a minute
	@for package in ./chatapi ./collector/activity ./internal/config ./internal/export ./internal/dialog; do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep ^Fuzz); do \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime 1m $$package || exit 1; \
	  done; \
	done

golden: ## rewrite the golden files after a change that is meant
	$(GO) test ./collector -run 'Golden|RequestsPerHour|ActivityIsArmed' -update
	$(GO) test ./internal/cli -run Golden -update
	$(GO) test ./alerts -run PrometheusRule -update

image: ## the container image
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) -t connectycube_exporter:$(VERSION) .
