# One-line targets in front of meson. Each first installs what it needs and the machine lacks (scripts/setup).
# SETUP=: leaves that out. build/ is what users run; each kind of test build has a folder of its own, build-NAME/.

PREFIX ?= /usr/local
SETUP = scripts/setup
FUZZ_SECONDS ?= 30
CLANG_SANITIZED = CC=clang CXX=clang++ scripts/build

all: build

run: build ## build, then serve the current folder over HTTP
	build/undergo serve .

build: ## build/undergo, build/libundergo.so, build/libundergo.a
	$(SETUP) build && scripts/build build --prefix=$(PREFIX) -Dtests=disabled

test: ## the whole suite, every warning an error
	$(SETUP) build test && scripts/build build-test -Dwerror=true -Dtests=enabled && tests/run build-test

race: ## the suite under ThreadSanitizer
	$(SETUP) build test && $(CLANG_SANITIZED) build-race -Dtests=enabled -Db_sanitize=thread -Db_lundef=false && tests/run build-race

asan: ## the suite under AddressSanitizer and UndefinedBehaviorSanitizer
	$(SETUP) build test && $(CLANG_SANITIZED) build-asan -Dtests=enabled -Db_sanitize=address,undefined -Db_lundef=false && tests/run build-asan

model: ## every interleaving of the scheduler's heart, with few switches and tiny capacities
	$(SETUP) build test && scripts/build build-test -Dwerror=true -Dtests=enabled && UG_BUILD=build-test tests/model/run.py

fuzz: ## each harness of tests/fuzz for FUZZ_SECONDS
	$(SETUP) build fuzz && $(CLANG_SANITIZED) build-fuzz -Dtests=disabled -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false && scripts/fuzz build-fuzz $(FUZZ_SECONDS)

cross: ## build for aarch64 and run the unit and conformance tests under qemu
	$(SETUP) build test cross && scripts/build build-cross --cross-file=scripts/aarch64.ini -Dliburing=disabled && tests/run build-cross --suite unit --suite conformance

bench: ## every workload beside its peers, in half an hour; the table goes to bench/RESULTS.md
	$(SETUP) build bench && scripts/build build --prefix=$(PREFIX) -Dtests=disabled && bench/run --write

install: build ## into PREFIX (DESTDIR is respected)
	meson install -C build --no-rebuild --quiet && { [ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || true; }

uninstall: ## what install put there goes again
	xargs rm -f <build/man-pages.txt && ninja -C build uninstall

docs: ## man pages and HTML from the public headers, into build/docs
	$(SETUP) docs && scripts/docs.py include/undergo build/docs

format: ## every C file as .clang-format wants it
	$(SETUP) format && find src include cmd examples tests bench -name '*.[ch]' -exec clang-format -i {} +

clean: ## remove every build folder
	rm -rf build build-test build-race build-asan build-fuzz build-cross

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

.PHONY: all run build test race asan model fuzz cross bench install uninstall docs format clean help
