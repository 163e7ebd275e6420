GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
REVISION    ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
COMMON      := github.com/prometheus/common/version

.PHONY: build test race lint e2e bench fuzz golden image

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

e2e: ## kills the program fifty times; a real Prometheus scrapes the demo (its first build takes minutes)
	$(GO) test -tags e2e -count=1 -run 'Prometheus|Killed' -v ./internal/e2e

bench: ## the benchmarks quoted in the README
	$(GO) test -run '^$$' -bench . ./chatapi ./collector ./chatapi/chatapitest

fuzz: ## each fuzz target for a minute
	@for package in ./chatapi ./internal/config; do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep ^Fuzz); do \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime 1m $$package || exit 1; \
	  done; \
	done

golden: ## rewrite the golden files after a change that is meant
	$(GO) test ./collector -run 'Golden|RequestsPerHour' -update

image: ## the container image
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) -t connectycube_exporter:$(VERSION) .
