# sockcensus: build, run, test and install. "make help" lists the targets.

PREFIX  ?= /usr
DESTDIR ?=
GO      ?= go

PLUGINS := $(notdir $(patsubst %/main.go,%,$(wildcard plugins/*/main.go)))
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -funcalign=8 -X github.com/sockcensus/sockcensus/pkg/plugin.version=$(VERSION)
BUILD   := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'
# What only prints documentation is not in the binaries that are shipped.
SHIPPED := $(BUILD) -tags shipped

.PHONY: help build run test lint bench bench-smoke fuzz install package clean

help:
	@echo 'make build        the binaries and their links in bin/'
	@echo 'make run          build, and count this host: Nagios form, Munin form, list'
	@echo 'make test         install what the tests need (as root), run them all'
	@echo 'make lint         gofmt, go vet, staticcheck'
	@echo 'make bench        compare with ss and netstat in network namespaces (root)'
	@echo 'make fuzz         every fuzz target for a few seconds'
	@echo 'make install      DESTDIR= PREFIX=/usr'
	@echo 'make package      .deb, .rpm and .tar.gz for amd64 and arm64 in dist/'

build:
	@mkdir -p bin
	@for name in $(PLUGINS); do \
		$(SHIPPED) -o bin/$$name ./plugins/$$name && \
		ln -sf $$name bin/check_$$name && ln -sf $$name bin/$${name}_ || exit 1; \
	done

run: build
	@sh scripts/run

test:
	@sh scripts/install-test-deps all
	$(GO) test ./...

lint:
	@sh scripts/lint

bench:
	@sh scripts/bench

bench-smoke:
	@sh scripts/bench smoke

fuzz:
	@sh scripts/fuzz

install: build
	@mkdir -p bin/documentation
	@for name in $(PLUGINS); do $(BUILD) -o bin/documentation/$$name ./plugins/$$name || exit 1; done
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' sh scripts/install $(PLUGINS)

package:
	@VERSION='$(VERSION)' LDFLAGS='$(LDFLAGS)' sh scripts/package/run $(PLUGINS)

clean:
	rm -rf bin dist
